#include "daemon/base/metrics.h"

#include "daemon/base/assert.h"
#include "daemon/base/mem.h"
#include "daemon/base/text.h"

/*
 * A histogram's slots: the sum of what was observed; then one per bound and one above them all,
 * each counting its own range only. They are summed up when written, so that observing touches one.
 */
static size_t count_bounds(const struct sn_metric_def *def)
{
	size_t n = 0;
	while (def->bounds[n] != 0)
		n++;
	return n;
}

static size_t slots_of(const struct sn_metric_def *def)
{
	return def->kind == SN_METRIC_HISTOGRAM ? count_bounds(def) + 2 : 1;
}

size_t sn_metrics_slots(const struct sn_metric_def *defs, size_t count)
{
	size_t n = 0;
	for (size_t i = 0; i < count; i++)
		n += slots_of(&defs[i]);
	return n;
}

static void check_def(const struct sn_metric_def *def)
{
	sn_assert(def->name != NULL && def->help != NULL);
	if (def->kind != SN_METRIC_HISTOGRAM)
		return;
	sn_assert(def->bounds != NULL && def->bounds[0] != 0 && def->scale != 0);
	for (size_t i = 1; def->bounds[i] != 0; i++)
		sn_assert(def->bounds[i] > def->bounds[i - 1]);
}

void sn_metrics_init(struct sn_metric_set *set, const struct sn_metric_def *defs, size_t count,
	_Atomic uint64_t *mem)
{
	for (size_t i = 0; i < count; i++)
		check_def(&defs[i]);
	const size_t slot_count = sn_metrics_slots(defs, count);
	*set = (struct sn_metric_set){
		.defs = defs,
		.count = count,
		.slots = mem != NULL ? mem : sn_alloc_array(slot_count, sizeof(*mem)),
		.first = sn_alloc_array(count, sizeof(*set->first)),
		.slot_count = slot_count,
		.own_slots = mem == NULL,
	};
	uint32_t next = 0;
	for (size_t i = 0; i < count; i++) {
		set->first[i] = next;
		next += (uint32_t)slots_of(&defs[i]);
	}
}

void sn_metrics_fini(struct sn_metric_set *set)
{
	if (set->own_slots)
		sn_free((void *)set->slots);
	sn_free(set->first);
	*set = (struct sn_metric_set){ .defs = NULL };
}

void sn_metric_observe(struct sn_metric_set *set, size_t i, uint64_t raw)
{
	const struct sn_metric_def *def = &set->defs[i];
	_Atomic uint64_t *slots = set->slots + set->first[i];
	size_t bucket = 0;
	sn_assert(def->kind == SN_METRIC_HISTOGRAM);
	while (def->bounds[bucket] != 0 && raw > def->bounds[bucket])
		bucket++;
	atomic_fetch_add_explicit(&slots[0], raw, memory_order_relaxed);
	atomic_fetch_add_explicit(&slots[1 + bucket], 1, memory_order_relaxed);
}

/* The text format's only escapes in HELP: backslash and line feed. */
static void add_help(struct sn_strbuf *out, const char *help)
{
	for (; *help != '\0'; help++) {
		if (*help == '\\')
			sn_strbuf_adds(out, "\\\\");
		else if (*help == '\n')
			sn_strbuf_adds(out, "\\n");
		else
			sn_strbuf_addc(out, *help);
	}
}

void sn_metrics_add_label(struct sn_strbuf *out, const char *name, struct sn_str value)
{
	if (out->n > 0)
		sn_strbuf_addc(out, ',');
	sn_strbuf_addf(out, "%s=\"", name);
	for (size_t i = 0; i < value.n; i++) {
		if (value.p[i] == '\n')
			sn_strbuf_adds(out, "\\n");
		else if (value.p[i] == '\\' || value.p[i] == '"')
			sn_strbuf_addf(out, "\\%c", value.p[i]);
		else
			sn_strbuf_addc(out, value.p[i]);
	}
	sn_strbuf_addc(out, '"');
}

static void write_head(struct sn_strbuf *out, const struct sn_metric_def *def)
{
	static const char *const types[] = {
		[SN_METRIC_COUNTER] = "counter",
		[SN_METRIC_GAUGE] = "gauge",
		[SN_METRIC_HISTOGRAM] = "histogram",
	};
	sn_strbuf_addf(out, "# HELP %s ", def->name);
	add_help(out, def->help);
	sn_strbuf_addf(out, "\n# TYPE %s %s\n", def->name, types[def->kind]);
}

/* One row of one set, on its way out. */
struct line {
	const struct sn_metric_def *def;
	const char *labels; /* the set's */
};

/* The labels of set and row; true if there are any. */
static bool write_labels(struct sn_strbuf *out, const struct line *line)
{
	const char *own = line->def->labels;

	if (line->labels != NULL)
		sn_strbuf_adds(out, line->labels);
	if (line->labels != NULL && own != NULL)
		sn_strbuf_addc(out, ',');
	if (own != NULL)
		sn_strbuf_adds(out, own);
	return line->labels != NULL || own != NULL;
}

/* "name_suffix{labels} ", or without braces if there are none. */
static void write_name(struct sn_strbuf *out, const struct line *line, const char *suffix)
{
	sn_strbuf_addf(out, "%s%s", line->def->name, suffix);
	if (line->labels != NULL || line->def->labels != NULL) {
		sn_strbuf_addc(out, '{');
		(void)write_labels(out, line);
		sn_strbuf_addc(out, '}');
	}
	sn_strbuf_addc(out, ' ');
}

static void write_value(struct sn_strbuf *out, const struct line *line, uint64_t v)
{
	/* Counted up in one worker and down in another, a gauge's part of it may be below zero. */
	const bool negative = line->def->kind == SN_METRIC_GAUGE && (int64_t)v < 0;
	write_name(out, line, "");
	sn_strbuf_adds(out, negative ? "-" : "");
	sn_strbuf_addu(out, negative ? 0 - v : v);
	sn_strbuf_addc(out, '\n');
}

static void write_bucket(
	struct sn_strbuf *out, const struct line *line, uint64_t bound, uint64_t count)
{
	sn_strbuf_addf(out, "%s_bucket{", line->def->name);
	sn_strbuf_adds(out, write_labels(out, line) ? ",le=\"" : "le=\"");
	if (bound != 0)
		sn_format_decimal(out, bound, line->def->scale, 9);
	else
		sn_strbuf_adds(out, "+Inf");
	sn_strbuf_adds(out, "\"} ");
	sn_strbuf_addu(out, count);
	sn_strbuf_addc(out, '\n');
}

static void write_histogram(
	struct sn_strbuf *out, const struct line *line, const _Atomic uint64_t *slots)
{
	const struct sn_metric_def *def = line->def;
	const size_t bounds = count_bounds(def);
	uint64_t count = 0;
	for (size_t i = 0; i <= bounds; i++) {
		count += atomic_load_explicit(&slots[1 + i], memory_order_relaxed);
		write_bucket(out, line, def->bounds[i], count);
	}
	write_name(out, line, "_sum");
	sn_format_decimal(
		out, atomic_load_explicit(&slots[0], memory_order_relaxed), def->scale, 9);
	sn_strbuf_addc(out, '\n');
	/* Not a slot of its own: it must equal the last bucket also while others observe. */
	write_name(out, line, "_count");
	sn_strbuf_addu(out, count);
	sn_strbuf_addc(out, '\n');
}

static void write_row(struct sn_strbuf *out, const struct sn_metric_part *part, size_t i)
{
	const struct sn_metric_set *set = part->set;
	const struct line line = { .def = &set->defs[i], .labels = part->labels };
	if (line.def->kind == SN_METRIC_HISTOGRAM)
		write_histogram(out, &line, set->slots + set->first[i]);
	else
		write_value(out, &line, sn_metric_get(set, i));
}

void sn_metrics_write_parts(const struct sn_metric_part *parts, size_t count, struct sn_strbuf *out)
{
	const struct sn_metric_set *first = parts[0].set;
	for (size_t i = 0; i < first->count; i++) {
		const struct sn_metric_def *def = &first->defs[i];
		if (i == 0 || strcmp(def->name, first->defs[i - 1].name) != 0)
			write_head(out, def);
		for (size_t p = 0; p < count; p++)
			write_row(out, &parts[p], i);
	}
}

void sn_metrics_write(const struct sn_metric_set *set, struct sn_strbuf *out)
{
	sn_metrics_write_parts(&(struct sn_metric_part){ .set = set }, 1, out);
}
