/* One question of the operator to several workers, and their answers as one. */
#include "daemon/proc/supervisor_control.h"

#define PATIENCE SN_SEC(5)
#define WORDS_BYTES_MAX 8192

struct gather {
	struct sn_list link;
	struct sn_sup_control *control;
	struct sn_control_request *request; /* NULL: its client has gone */
	sn_gather_finish finish;
	uint32_t serial;
	struct sn_worker **awaited;
	size_t count;
	json_t *result;
	struct sn_timer deadline;
};

static void free_gather(struct gather *gather)
{
	sn_list_remove(&gather->link);
	sn_timer_clear(&gather->deadline);
	json_decref(gather->result);
	sn_free(gather->awaited);
	sn_free(gather);
}

static struct gather *find(struct sn_sup_control *control, const struct sn_control_request *request)
{
	struct sn_list *link;

	sn_list_each (link, &control->gathers) {
		struct gather *gather = sn_container_of(link, struct gather, link);

		if (gather->request == request)
			return gather;
	}
	return NULL;
}

static void on_gone(struct sn_control_request *request)
{
	struct gather *gather = find(sn_sup_control_of(request), request);

	if (gather != NULL)
		free_gather(gather);
}

static void settle(struct gather *gather)
{
	struct sn_control_request *request = gather->request;
	sn_gather_finish finish = gather->finish;
	json_t *result = json_incref(gather->result);

	free_gather(gather);
	if (finish != NULL)
		finish(request, result);
	else
		sn_control_done(request, EX_OK, result);
}

static void on_deadline(struct sn_timer *timer)
{
	struct gather *gather = sn_container_of(timer, struct gather, deadline);
	json_t *missing = json_array();

	for (size_t i = 0; i < gather->count; i++)
		(void)json_array_append_new(missing, sn_sup_worker_name(gather->awaited[i]));
	(void)json_object_set_new(gather->result, "missing", missing);
	settle(gather);
}

/* --- merging -------------------------------------------------------------------------------- */

/* A connection's "#12" is unique in its worker only: "main/0#12". */
static void name_row(json_t *row, const struct sn_worker *worker)
{
	json_t *name = sn_sup_worker_name(worker);
	const char *id = json_string_value(json_object_get(row, "id"));

	if (id != NULL)
		(void)json_object_set_new(
			row, "id", json_sprintf("%s%s", json_string_value(name), id));
	(void)json_object_set_new(row, "worker", name);
}

static void join_rows(json_t *into, const json_t *rows, const struct sn_worker *worker)
{
	for (size_t i = 0; i < json_array_size(rows); i++) {
		json_t *row = json_array_get(rows, i);

		if (json_is_object(row))
			name_row(row, worker);
		(void)json_array_append(into, row);
	}
}

static void merge_member(
	json_t *result, const char *key, const json_t *value, const struct sn_worker *worker)
{
	json_t *have = json_object_get(result, key);

	if (json_is_array(value)) {
		if (have == NULL) {
			(void)json_object_set_new(result, key, json_array());
			have = json_object_get(result, key);
		}
		join_rows(have, value, worker);
	} else if (json_is_integer(value) && json_is_integer(have)) {
		(void)json_integer_set(have, json_integer_value(have) + json_integer_value(value));
	} else {
		(void)json_object_set_new(result, key, json_deep_copy(value));
	}
}

/* --- asking --------------------------------------------------------------------------------- */

static int add_text(const char *text, size_t n, void *data)
{
	sn_strbuf_add(data, sn_str_n(text, n));
	return 0;
}

/* The words of the request, verb first, as the worker reads them: a JSON array. */
static int write_words(const struct sn_control_request *request, struct sn_strbuf *out)
{
	json_t *words = json_array();

	(void)json_array_append_new(words, json_string(request->verb->name));
	for (size_t i = 0; i < request->count; i++)
		(void)json_array_append_new(words, json_string(request->words[i]));
	(void)json_dump_callback(words, add_text, out, JSON_COMPACT);
	json_decref(words);
	return out->err;
}

static void ask(struct gather *gather, struct sn_worker *worker, struct sn_str words)
{
	if (worker->life.state != SN_WORKER_READY && worker->life.state != SN_WORKER_DRAINING)
		return;
	gather->awaited =
		sn_realloc_array(gather->awaited, gather->count + 1, sizeof(*gather->awaited));
	gather->awaited[gather->count++] = worker;
	sn_ipc_send(&worker->ipc, SN_IPC_QUERY, gather->serial, words, NULL, 0);
}

static void ask_all(struct gather *gather, struct sn_worker *only, struct sn_str words)
{
	struct sn_list *link;

	sn_sup_each_worker(link, gather->control->sup)
	{
		struct sn_worker *worker = sn_sup_worker_at(link);

		if (only == NULL || worker == only)
			ask(gather, worker, words);
	}
}

void sn_sup_gather(
	struct sn_control_request *request, struct sn_worker *only, sn_gather_finish finish)
{
	struct sn_sup_control *control = sn_sup_control_of(request);
	struct gather *gather = sn_alloc_zero(sizeof(*gather));
	struct sn_strbuf words;

	gather->control = control;
	gather->request = request;
	gather->finish = finish;
	gather->serial = ++control->next_serial;
	gather->result = json_object();
	sn_list_append(&control->gathers, &gather->link);
	request->on_gone = on_gone;
	sn_strbuf_init(&words, WORDS_BYTES_MAX);
	if (write_words(request, &words) == SN_OK)
		ask_all(gather, only, sn_strbuf_str(&words));
	sn_strbuf_fini(&words);
	if (gather->count == 0)
		settle(gather);
	else
		sn_timer_set(control->sup->loop, &gather->deadline, PATIENCE, on_deadline);
}

/* --- answers -------------------------------------------------------------------------------- */

static bool strike(struct gather *gather, const struct sn_worker *worker)
{
	for (size_t i = 0; i < gather->count; i++) {
		if (gather->awaited[i] != worker)
			continue;
		gather->awaited[i] = gather->awaited[--gather->count];
		return true;
	}
	return false;
}

static bool awaits(const struct gather *gather, const struct sn_worker *worker)
{
	for (size_t i = 0; i < gather->count; i++) {
		if (gather->awaited[i] == worker)
			return true;
	}
	return false;
}

bool sn_sup_gather_awaits(
	const struct sn_sup_control *control, const struct sn_worker *worker, uint32_t serial)
{
	const struct sn_list *link;

	sn_list_each (link, &control->gathers) {
		const struct gather *gather = sn_container_of(link, struct gather, link);

		if (gather->serial == serial && awaits(gather, worker))
			return true;
	}
	return false;
}

void sn_sup_gather_answered(struct sn_sup_control *control, struct sn_worker *worker,
	uint32_t serial, const json_t *answer)
{
	struct sn_list *link;

	sn_list_each (link, &control->gathers) {
		struct gather *gather = sn_container_of(link, struct gather, link);
		const char *key;
		json_t *value;

		if (gather->serial != serial || !strike(gather, worker))
			continue;
		json_object_foreach((json_t *)(uintptr_t)answer, key, value)
			merge_member(gather->result, key, value, worker);
		if (gather->count == 0)
			settle(gather);
		return;
	}
}

void sn_sup_gather_lost(struct sn_sup_control *control, struct sn_worker *worker)
{
	struct sn_list *link, *next;

	sn_list_each_safe (link, next, &control->gathers) {
		struct gather *gather = sn_container_of(link, struct gather, link);

		if (strike(gather, worker) && gather->count == 0)
			settle(gather);
	}
}

void sn_sup_gather_stop(struct sn_sup_control *control)
{
	while (!sn_list_empty(&control->gathers))
		free_gather(sn_container_of(control->gathers.next, struct gather, link));
}
