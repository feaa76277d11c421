#include "daemon/proc/worker_query.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <sys/resource.h>
#include <unistd.h>

#include "daemon/base/mem.h"
#include "daemon/base/text.h"
#include "daemon/proc/watchdog.h"

static json_t *string_of(struct sn_str text)
{
	json_t *string = json_stringn(text.p != NULL ? text.p : "", text.n);

	return string != NULL ? string : json_string("?"); /* not UTF-8 */
}

static struct sn_str word(const json_t *words, size_t i)
{
	const json_t *string = json_array_get(words, i);

	return sn_str_n(json_string_value(string), json_string_length(string));
}

/* --- sessions ------------------------------------------------------------------------------- */

struct listing {
	json_t *rows;
	struct sn_str service; /* empty: all */
	int64_t now;           /* wall */
};

/* "#12": the supervisor's side adds which worker's. */
static json_t *id_of(uint64_t id)
{
	return json_sprintf("#%llu", (unsigned long long)id);
}

static void add_session(void *context, const struct sn_host_session *session)
{
	struct listing *listing = context;
	char text[SN_ADDR_TEXT_SIZE];
	struct sn_strbuf peer;

	if (listing->service.n > 0 && !sn_str_eq(listing->service, session->service))
		return;
	sn_strbuf_fixed(&peer, text, sizeof(text));
	sn_addr_format(&session->peer, &peer);
	(void)json_array_append_new(listing->rows,
		json_pack("{s:o, s:o, s:s, s:o, s:o, s:b, s:f, s:f, s:I, s:I, s:I}", "id",
			id_of(session->id), "service", string_of(session->service), "peer",
			sn_strbuf_cstr(&peer), "account", string_of(session->account), "title",
			string_of(session->title), "tls", (int)session->tls, "age",
			(double)(listing->now - session->opened_wall) / 1e9, "idle",
			(double)session->idle / 1e9, "in", (json_int_t)session->bytes_in, "out",
			(json_int_t)session->bytes_out, "queued", (json_int_t)session->queued));
}

static json_t *list_sessions(struct sn_host *host, struct sn_loop *loop, const json_t *words)
{
	struct listing listing = {
		.rows = json_array(), .service = word(words, 1), .now = sn_loop_wall(loop)
	};

	sn_host_sessions(host, add_session, &listing);
	return json_pack("{s:o}", "sessions", listing.rows);
}

/* --- kick ----------------------------------------------------------------------------------- */

struct chosen {
	struct sn_str account;
	uint64_t *ids;
	size_t count;
};

static void choose(void *context, const struct sn_host_session *session)
{
	struct chosen *chosen = context;

	if (!sn_str_eq_nocase(session->account, chosen->account))
		return;
	chosen->ids = sn_realloc_array(chosen->ids, chosen->count + 1, sizeof(*chosen->ids));
	chosen->ids[chosen->count++] = session->id;
}

/* "main/0#12" or "#12": one connection; else all of an account. */
static void choose_all(struct sn_host *host, struct sn_str who, struct chosen *chosen)
{
	const size_t hash = sn_str_find(who, '#');
	uint64_t id;

	if (hash < who.n && sn_parse_u64(sn_str_from(who, hash + 1), UINT64_MAX, &id) == SN_OK) {
		chosen->ids = sn_alloc_array(1, sizeof(*chosen->ids));
		chosen->ids[chosen->count++] = id;
		return;
	}
	chosen->account = who;
	if (who.n > 0)
		sn_host_sessions(host, choose, chosen);
}

static json_t *kick(struct sn_host *host, struct sn_loop *loop, const json_t *words)
{
	struct sn_str reason = word(words, 2);
	struct chosen chosen = { .ids = NULL };
	json_int_t kicked = 0;

	(void)loop;
	if (reason.n == 0)
		reason = SN_STR("Closed by the operator");
	choose_all(host, word(words, 1), &chosen);
	for (size_t i = 0; i < chosen.count; i++)
		kicked += sn_host_kick(host, chosen.ids[i], reason);
	sn_free(chosen.ids);
	return json_pack("{s:I}", "kicked", kicked);
}

/* --- top ------------------------------------------------------------------------------------ */

static double seconds(struct timeval t)
{
	return (double)t.tv_sec + (double)t.tv_usec / 1e6;
}

/* Resident bytes, by the kernel: second word of statm, in pages. */
static json_int_t resident(void)
{
	const int fd = open("/proc/self/statm", O_RDONLY | O_CLOEXEC);
	unsigned long total, pages = 0;
	char text[128] = "";

	if (fd < 0)
		return 0;
	if (read(fd, text, sizeof(text) - 1) <= 0 || sscanf(text, "%lu %lu", &total, &pages) != 2)
		pages = 0;
	(void)close(fd);
	return (json_int_t)pages * sysconf(_SC_PAGESIZE);
}

static void count(void *context, const struct sn_host_session *session)
{
	json_int_t *n = context;

	(void)session;
	(*n)++;
}

static json_t *top(struct sn_host *host, struct sn_loop *loop, const json_t *words)
{
	const struct sn_watchdog_stats watchdog = sn_watchdog_stats();
	struct rusage usage;
	json_int_t connections = 0;

	(void)words;
	(void)getrusage(RUSAGE_SELF, &usage);
	sn_host_sessions(host, count, &connections);
	return json_pack("{s:[{s:i, s:f, s:I, s:I, s:I, s:I, s:f, s:I}]}", "top", "pid",
		(int)getpid(), "cpu", seconds(usage.ru_utime) + seconds(usage.ru_stime), "memory",
		resident(), "connections", connections, "accepted",
		(json_int_t)sn_host_accepted(host), "turns", (json_int_t)sn_loop_turns(loop), "lag",
		(double)watchdog.longest / 1e9, "slow_turns", (json_int_t)watchdog.slow_turns);
}

/* --- services ------------------------------------------------------------------------------- */

/* Not placed here: fine, another worker has it. */
static json_t *changed(int code, const struct sn_conf_diags *diags, struct sn_str name)
{
	struct sn_strbuf text;
	json_t *answer;

	if (code == SN_OK || code == SN_ENOTFOUND || code == SN_EDUPLICATE)
		return json_pack("{s:i}", "changed", code == SN_OK);
	sn_strbuf_init(&text, 65536);
	sn_strbuf_addf(&text, "service %.*s: %s\n", SN_STR_ARG(name), sn_strerror(code));
	if (diags != NULL)
		sn_conf_diags_print(diags, &text, false);
	answer = json_pack("{s:o}", "error", string_of(sn_strbuf_str(&text)));
	sn_strbuf_fini(&text);
	return answer;
}

static json_t *start_service(struct sn_host *host, struct sn_loop *loop, const json_t *words)
{
	struct sn_conf_diags diags;
	json_t *answer;

	(void)loop;
	sn_conf_diags_init(&diags);
	answer = changed(
		sn_host_service_start(host, word(words, 1), &diags), &diags, word(words, 1));
	sn_conf_diags_fini(&diags);
	return answer;
}

static json_t *stop_service(struct sn_host *host, struct sn_loop *loop, const json_t *words)
{
	(void)loop;
	return changed(sn_host_service_stop(host, word(words, 1)), NULL, word(words, 1));
}

/* --- dispatch ------------------------------------------------------------------------------- */

static const struct {
	const char *verb;
	json_t *(*run)(struct sn_host *host, struct sn_loop *loop, const json_t *words);
} rows[] = {
	{ "sessions", list_sessions },
	{ "kick", kick },
	{ "top", top },
	{ "start", start_service },
	{ "stop", stop_service },
	{ "drain", stop_service },
};

json_t *sn_worker_query(struct sn_host *host, struct sn_loop *loop, const json_t *words)
{
	for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
		if (sn_str_eq(word(words, 0), sn_str(rows[i].verb)))
			return rows[i].run(host, loop, words);
	}
	return json_pack("{s:s}", "error", "this worker does not know that question");
}
