/*
 * Metrics of instances. The slots belong to the host (or to the area it was given) under the
 * service's label, so that counters go on when a reload puts a new instance in the place of
 * another.
 */
#include "daemon/base/metrics_area.h"
#include "daemon/service/host_private.h"

static const struct sn_log_ctx log_ctx = SN_LOG_CTX("service");

/* Where the slots of some rows under one label are. */
struct home {
	struct sn_list link;
	char *label;
	struct sn_metric_set set;
};

static struct home *find_home(
	struct sn_host *host, const struct sn_metric_def *defs, const char *label)
{
	struct sn_list *link;

	sn_list_each (link, &host->homes) {
		struct home *home = sn_container_of(link, struct home, link);

		if (home->set.defs == defs && strcmp(home->label, label) == 0)
			return home;
	}
	return NULL;
}

static _Atomic uint64_t *place(
	struct sn_host *host, const struct sn_metric_def *defs, size_t count, const char *label)
{
	_Atomic uint64_t *slots;

	if (host->area == NULL || count == 0)
		return NULL;
	slots = sn_metrics_area_place(host->area, defs, count, label[0] != '\0' ? label : NULL);
	if (slots == NULL && !host->full_area_told) {
		host->full_area_told = true;
		sn_log(&log_ctx, SN_LOG_WARN, "metrics-do-not-fit",
			sn_f_cstr("remedy", "raise metrics_size in [server]"));
	}
	return slots;
}

static struct home *make_home(
	struct sn_host *host, const struct sn_metric_def *defs, size_t count, const char *label)
{
	struct home *home = sn_alloc_zero(sizeof(*home));

	home->label = sn_strdup(label);
	sn_metrics_init(&home->set, defs, count, place(host, defs, count, label));
	sn_list_append(&host->homes, &home->link);
	return home;
}

void sn_host_metrics_open(struct sn_instance *instance, struct sn_metric_set *set,
	const struct sn_metric_def *defs, size_t count)
{
	struct sn_host *host = instance->slot->host;
	struct home *home = find_home(host, defs, instance->metric_label);

	if (home == NULL)
		home = make_home(host, defs, count, instance->metric_label);
	sn_metrics_init(set, defs, count, home->set.slots);
}

struct sn_metric_set *sn_host_metrics_own(
	struct sn_host *host, const struct sn_metric_def *defs, size_t count)
{
	struct home *home = find_home(host, defs, "");

	if (home == NULL)
		home = make_home(host, defs, count, "");
	return &home->set;
}

/* The values go along: what it counted up it will count down. */
static void detach(struct sn_metric_set *set)
{
	_Atomic uint64_t *slots = sn_alloc_array(set->slot_count, sizeof(*slots));

	sn_assert(!set->own_slots);
	for (size_t i = 0; i < set->slot_count; i++)
		atomic_init(&slots[i], atomic_load_explicit(&set->slots[i], memory_order_relaxed));
	set->slots = slots;
	set->own_slots = true;
}

void sn_host_metrics_detach(struct sn_instance *instance)
{
	detach(&instance->metrics);
	detach(&instance->listener_metrics);
	detach(&instance->slot->auth_set);
}

void sn_host_metrics_free(struct sn_host *host)
{
	struct sn_list *link;

	while ((link = sn_list_pop(&host->homes)) != NULL) {
		struct home *home = sn_container_of(link, struct home, link);

		sn_metrics_fini(&home->set);
		sn_free(home->label);
		sn_free(home);
	}
}

/* --- for people ----------------------------------------------------------------------------- */

static size_t count_homes(struct sn_host *host)
{
	struct sn_list *link;
	size_t count = 0;

	sn_list_each (link, &host->homes)
		count++;
	return count;
}

/* All homes of the rows of `first`, as one. */
static void write_rows(struct sn_host *host, const struct home *first, struct sn_strbuf *out)
{
	struct sn_metric_part *parts = sn_alloc_array(count_homes(host), sizeof(*parts));
	struct sn_list *link;
	size_t count = 0;

	sn_list_each (link, &host->homes) {
		const struct home *home = sn_container_of(link, struct home, link);

		if (home->set.defs == first->set.defs)
			parts[count++] = (struct sn_metric_part){
				.set = &home->set,
				.labels = home->label[0] != '\0' ? home->label : NULL,
			};
	}
	sn_metrics_write_parts(parts, count, out);
	sn_free(parts);
}

static bool is_first_of_its_rows(struct sn_host *host, const struct home *home)
{
	struct sn_list *link;

	sn_list_each (link, &host->homes) {
		const struct home *other = sn_container_of(link, struct home, link);

		if (other->set.defs == home->set.defs)
			return other == home;
	}
	return false;
}

void sn_host_metrics(struct sn_host *host, struct sn_strbuf *out)
{
	struct sn_list *link;

	sn_list_each (link, &host->homes) {
		const struct home *home = sn_container_of(link, struct home, link);

		if (home->set.count > 0 && is_first_of_its_rows(host, home))
			write_rows(host, home, out);
	}
}

uint64_t sn_host_accepted(struct sn_host *host)
{
	uint64_t sum = 0;
	struct sn_list *link;

	sn_host_each_instance(link, host) sum +=
		sn_metric_get(&sn_host_instance_at(link)->listener_metrics, SN_LISTENER_ACCEPTED);
	return sum;
}
