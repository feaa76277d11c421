#include "daemon/base/metrics_area.h"

#include "daemon/base/assert.h"
#include "daemon/base/hash.h"
#include "daemon/base/list.h"
#include "daemon/base/mem.h"
#include "daemon/base/pool.h"
#include "daemon/base/text.h"
#include "daemon/base/wire.h"

/*
 * An area is an array of 64-bit words: the mark, then entries. An entry:
 *   word 0      its length in words, this one included; 0: no entry, the end
 *   word 1      bytes of the description << 32 | number of slots
 *   then        the description, padded with zeros to whole words
 *   then        the slots
 * Description (daemon/base/wire.h): str16 labels, u16 rows, and per row u8 kind, str8 name,
 * str16 labels, str16 help, u64 scale, u16 bounds, u64 each. Two sets are the same when their
 * descriptions are, byte for byte.
 */
enum { HEAD_WORDS = 1, ENTRY_HEAD_WORDS = 2 };
#define AREA_MARK 0x534e4d4554530001ULL /* "SNMETS", version */
#define SCALE_MOST 1000000000000000000ULL
/* Of a set or a row. A reader repeats a set's labels for each of its rows: whoever can write to an
 * area must not be able to make that more than a reader can hold. */
#define LABELS_MAX 1024

struct sn_metrics_area {
	_Atomic uint64_t *words;
	size_t count;
	size_t used; /* where the next entry goes */
};

struct entry {
	struct sn_str labels;
	uint16_t rows;
	struct sn_reader reader; /* at the first row */
	struct sn_str description;
	size_t first_slot, slots; /* in words of the area */
};

struct row {
	struct sn_metric_def def; /* name, labels, help and bounds are the views below instead */
	struct sn_str name, labels, help;
	struct sn_str bounds; /* as encoded: eight bytes each */
	size_t slots;
};

/* --- the description: written --------------------------------------------------------------- */

static size_t count_bounds(const struct sn_metric_def *def)
{
	size_t n = 0;
	while (def->kind == SN_METRIC_HISTOGRAM && def->bounds[n] != 0)
		n++;
	return n;
}

static void describe_row(struct sn_writer *w, const struct sn_metric_def *def)
{
	const size_t bounds = count_bounds(def);
	sn_write_u8(w, (uint8_t)def->kind);
	sn_write_str8(w, sn_str(def->name));
	sn_write_str16(w, sn_str(def->labels));
	sn_write_str16(w, sn_str(def->help));
	sn_write_u64(w, def->scale);
	sn_write_u16(w, (uint16_t)bounds);
	for (size_t i = 0; i < bounds; i++)
		sn_write_u64(w, def->bounds[i]);
}

static int describe(
	struct sn_writer *w, const struct sn_metric_def *defs, size_t count, const char *labels)
{
	if (count > UINT16_MAX || sn_str(labels).n > LABELS_MAX)
		return SN_ELIMIT;
	sn_write_str16(w, sn_str(labels));
	sn_write_u16(w, (uint16_t)count);
	for (size_t i = 0; i < count; i++) {
		if (sn_str(defs[i].labels).n > LABELS_MAX)
			return SN_ELIMIT;
		describe_row(w, &defs[i]);
	}
	return w->err;
}

/* --- the description: read ------------------------------------------------------------------ */

static bool is_name_char(char c, bool first)
{
	return sn_ascii_alpha(c) || c == '_' || (!first && sn_ascii_digit(c));
}

/* Length of the name at the start of s: of a metric, or (no colon) of a label. */
static size_t name_length(struct sn_str s, bool colon)
{
	size_t n = 0;
	while (n < s.n && (is_name_char(s.p[n], n == 0) || (colon && s.p[n] == ':')))
		n++;
	return n;
}

/* Length of the quoted value at the start of s, quotes included; 0 if there is none. */
static size_t value_length(struct sn_str s)
{
	if (s.n == 0 || s.p[0] != '"')
		return 0;
	for (size_t i = 1; i < s.n; i++) {
		if (s.p[i] == '"')
			return i + 1;
		if (s.p[i] == '\n')
			return 0;
		if (s.p[i] == '\\' &&
			(++i == s.n || strchr("\\\"n", s.p[i]) == NULL || s.p[i] == 0))
			return 0;
	}
	return 0;
}

/* name="value",name="value": nothing that could break out of its line or its braces. */
static bool labels_valid(struct sn_str s)
{
	if (!sn_utf8_valid(s))
		return false;
	while (s.n > 0) {
		const size_t name = name_length(s, false);
		if (name == 0 || name == s.n || s.p[name] != '=')
			return false;
		s = sn_str_from(s, name + 1);
		const size_t value = value_length(s);
		if (value == 0)
			return false;
		s = sn_str_from(s, value);
		if (s.n == 0)
			return true;
		if (s.p[0] != ',' || s.n == 1)
			return false;
		s = sn_str_from(s, 1);
	}
	return true;
}

static bool bounds_rise(struct sn_str bounds)
{
	struct sn_reader r = sn_reader(bounds);
	uint64_t last = 0;
	while (sn_reader_left(&r) > 0) {
		const uint64_t bound = sn_read_u64(&r);
		if (bound <= last)
			return false;
		last = bound;
	}
	return bounds.n > 0;
}

static bool row_valid(const struct row *row)
{
	const bool histogram = row->def.kind == SN_METRIC_HISTOGRAM;
	if (row->def.kind > SN_METRIC_HISTOGRAM)
		return false;
	if (row->name.n == 0 || name_length(row->name, true) != row->name.n)
		return false;
	if (row->labels.n > LABELS_MAX || !labels_valid(row->labels) || !sn_utf8_valid(row->help))
		return false;
	if (memchr(row->help.p, '\0', row->help.n) != NULL)
		return false;
	if (!histogram)
		return row->bounds.n == 0;
	return bounds_rise(row->bounds) && row->def.scale >= 1 && row->def.scale <= SCALE_MOST;
}

/* The row at the reader; false if there is none that could be printed. */
static bool read_row(struct sn_reader *r, struct row *row)
{
	*row = (struct row){ .def.kind = (enum sn_metric_kind)sn_read_u8(r) };
	row->name = sn_read_str8(r);
	row->labels = sn_read_str16(r);
	row->help = sn_read_str16(r);
	row->def.scale = sn_read_u64(r);
	row->bounds = sn_read_bytes(r, (size_t)8 * sn_read_u16(r));
	if (r->err != SN_OK || !row_valid(row))
		return false;
	row->slots = row->def.kind == SN_METRIC_HISTOGRAM ? row->bounds.n / 8 + 2 : 1;
	return true;
}

/* Every row reads, and together they have exactly the slots of the entry. */
static bool entry_valid(const struct entry *entry)
{
	struct sn_reader r = entry->reader;
	struct row row;
	size_t slots = 0;
	if (r.err != SN_OK || entry->labels.n > LABELS_MAX || !labels_valid(entry->labels))
		return false;
	for (unsigned i = 0; i < entry->rows; i++) {
		if (!read_row(&r, &row))
			return false;
		slots += row.slots;
	}
	return sn_reader_left(&r) == 0 && slots == entry->slots;
}

static size_t words_of(size_t bytes)
{
	return bytes / 8 + (bytes % 8 != 0);
}

/*
 * The entry at *pos, which moves behind it. SN_EEOF: no more; SN_EPROTO: the area is broken from
 * here on. words are as the caller has them: a private copy, or its own writer's.
 */
static int next_entry(const uint64_t *words, size_t count, size_t *pos, struct entry *entry)
{
	const size_t at = *pos, left = count - at;
	if (left < ENTRY_HEAD_WORDS || words[at] == 0)
		return SN_EEOF;
	const uint64_t length = words[at];
	const uint64_t bytes = words[at + 1] >> 32, slots = words[at + 1] & UINT32_MAX;
	if (length > left || ENTRY_HEAD_WORDS + words_of(bytes) + slots != length)
		return SN_EPROTO;
	*entry = (struct entry){
		.description = sn_str_n(&words[at + ENTRY_HEAD_WORDS], bytes),
		.first_slot = at + ENTRY_HEAD_WORDS + words_of(bytes),
		.slots = slots,
	};
	entry->reader = sn_reader(entry->description);
	entry->labels = sn_read_str16(&entry->reader);
	entry->rows = sn_read_u16(&entry->reader);
	*pos = at + length;
	return entry_valid(entry) ? SN_OK : SN_EPROTO;
}

/* --- the writer ----------------------------------------------------------------------------- */

/* Only this process writes: what it reads of its own area does not change under it. */
static const uint64_t *own_words(const struct sn_metrics_area *area)
{
	return (const uint64_t *)(const void *)area->words;
}

static void put(struct sn_metrics_area *area, size_t at, uint64_t v)
{
	if (at < area->count)
		atomic_store_explicit(&area->words[at], v, memory_order_release);
}

static void reset_gauges(struct sn_metrics_area *area, const struct entry *entry)
{
	struct sn_reader r = entry->reader;
	struct row row;
	size_t slot = entry->first_slot;
	for (unsigned i = 0; i < entry->rows && read_row(&r, &row); i++) {
		if (row.def.kind == SN_METRIC_GAUGE)
			put(area, slot, 0);
		slot += row.slots;
	}
}

static void make_anew(struct sn_metrics_area *area)
{
	put(area, 0, 0);
	for (size_t i = area->count; i-- > HEAD_WORDS;)
		put(area, i, 0);
	area->used = HEAD_WORDS;
	put(area, 0, AREA_MARK);
}

struct sn_metrics_area *sn_metrics_area_open(void *memory, size_t size)
{
	struct sn_metrics_area *area = sn_alloc_zero(sizeof(*area));
	struct entry entry;
	int code;
	sn_assert((uintptr_t)memory % 8 == 0 && size >= SN_METRICS_AREA_LEAST);
	area->words = memory;
	area->count = size / 8;
	area->used = HEAD_WORDS;
	if (own_words(area)[0] != AREA_MARK) {
		make_anew(area);
		return area;
	}
	while ((code = next_entry(own_words(area), area->count, &area->used, &entry)) == SN_OK)
		reset_gauges(area, &entry);
	if (code != SN_EEOF)
		make_anew(area);
	return area;
}

void sn_metrics_area_close(struct sn_metrics_area **area)
{
	sn_free(*area);
	*area = NULL;
}

static bool find_entry(
	const struct sn_metrics_area *area, struct sn_str description, struct entry *entry_r)
{
	size_t pos = HEAD_WORDS;
	while (next_entry(own_words(area), area->used, &pos, entry_r) == SN_OK) {
		if (sn_str_eq(entry_r->description, description))
			return true;
	}
	return false;
}

/* The first word's turn comes last: until then there is no entry for anybody. */
static _Atomic uint64_t *append_entry(
	struct sn_metrics_area *area, struct sn_str description, size_t slots)
{
	const size_t at = area->used;
	const size_t first_slot = at + ENTRY_HEAD_WORDS + words_of(description.n);
	const size_t end = first_slot + slots;
	if (end > area->count)
		return NULL;
	put(area, at + 1, (uint64_t)description.n << 32 | slots);
	for (size_t i = 0; i < words_of(description.n); i++) {
		const struct sn_str part = sn_str_sub(description, i * 8, 8);
		uint64_t word = 0;
		memcpy(&word, part.p, part.n);
		put(area, at + ENTRY_HEAD_WORDS + i, word);
	}
	/* One word more: a writer that died here may have left something behind its length. */
	for (size_t i = first_slot; i <= end; i++)
		put(area, i, 0);
	put(area, at, end - at);
	area->used = end;
	return &area->words[first_slot];
}

_Atomic uint64_t *sn_metrics_area_place(struct sn_metrics_area *area,
	const struct sn_metric_def *defs, size_t count, const char *labels)
{
	const size_t cap = area->count * 8;
	char *mem = sn_alloc(cap);
	struct sn_writer w = sn_writer(mem, cap);
	_Atomic uint64_t *slots = NULL;
	struct entry entry;
	sn_assert(labels_valid(sn_str(labels)));
	if (describe(&w, defs, count, labels) != SN_OK) {
		slots = NULL;
	} else if (find_entry(area, sn_writer_str(&w), &entry)) {
		reset_gauges(area, &entry);
		slots = &area->words[entry.first_slot];
	} else {
		slots = append_entry(area, sn_writer_str(&w), sn_metrics_slots(defs, count));
	}
	sn_free(mem);
	return slots;
}

/* --- readers -------------------------------------------------------------------------------- */

/* All rows of one name, and of each set of labels once: the values summed. */
struct series {
	struct sn_list link;
	struct sn_hash_node node;
	struct sn_str key;
	struct sn_metric_set set;
	const char *labels;
};

struct family {
	struct sn_list link;
	struct sn_hash_node node;
	struct sn_str name, bounds;
	struct sn_metric_def def;
	struct sn_list series;
	size_t count;
};

struct merge {
	struct sn_pool *pool;
	struct sn_hash family_by_name, series_by_key;
	struct sn_list families;
};

static struct sn_str family_key(const struct sn_hash_node *node)
{
	return sn_container_of(node, const struct family, node)->name;
}

static struct sn_str series_key(const struct sn_hash_node *node)
{
	return sn_container_of(node, const struct series, node)->key;
}

static uint64_t *decode_bounds(struct sn_pool *pool, struct sn_str bounds)
{
	struct sn_reader r = sn_reader(bounds);
	uint64_t *out = sn_pool_alloc_zero(pool, bounds.n + sizeof(*out));
	for (size_t i = 0; sn_reader_left(&r) > 0; i++)
		out[i] = sn_read_u64(&r);
	return out;
}

static struct family *add_family(struct merge *m, const struct row *row)
{
	struct family *family = sn_pool_alloc_zero(m->pool, sizeof(*family));
	family->name = sn_pool_str(m->pool, row->name);
	family->bounds = sn_pool_str(m->pool, row->bounds);
	family->def = row->def;
	family->def.name = family->name.p;
	family->def.help = sn_pool_strdup(m->pool, row->help);
	family->def.bounds = decode_bounds(m->pool, row->bounds);
	sn_list_init(&family->series);
	sn_list_append(&m->families, &family->link);
	sn_hash_insert(&m->family_by_name, &family->node);
	return family;
}

/* The family of this row; NULL if it is of another making than the row. */
static struct family *get_family(struct merge *m, const struct row *row)
{
	struct sn_hash_node *node = sn_hash_find(&m->family_by_name, row->name);
	if (node == NULL)
		return add_family(m, row);
	struct family *family = sn_container_of(node, struct family, node);
	const bool same = family->def.kind == row->def.kind &&
		family->def.scale == row->def.scale && sn_str_eq(family->bounds, row->bounds);
	return same ? family : NULL;
}

static struct series *add_series(struct merge *m, struct family *family, struct sn_str key)
{
	static uint32_t first_slot = 0;
	struct series *series = sn_pool_alloc_zero(m->pool, sizeof(*series));
	series->set = (struct sn_metric_set){
		.defs = &family->def,
		.count = 1,
		.first = &first_slot,
		.slot_count = sn_metrics_slots(&family->def, 1),
	};
	series->set.slots = sn_pool_alloc_zero(m->pool, series->set.slot_count * sizeof(uint64_t));
	series->key = sn_pool_str(m->pool, key);
	/* "name{labels" */
	series->labels = key.n > family->name.n + 1 ? series->key.p + family->name.n + 1 : NULL;
	sn_list_append(&family->series, &series->link);
	family->count++;
	sn_hash_insert(&m->series_by_key, &series->node);
	return series;
}

static struct series *get_series(struct merge *m, struct family *family, struct sn_str key)
{
	struct sn_hash_node *node = sn_hash_find(&m->series_by_key, key);
	return node != NULL ? sn_container_of(node, struct series, node)
			    : add_series(m, family, key);
}

/* "name{a,b,c" of those labels that there are. */
static void build_key(struct sn_strbuf *key, struct sn_str name, const struct sn_str labels[3])
{
	bool any = false;
	sn_strbuf_reset(key);
	sn_strbuf_add(key, name);
	sn_strbuf_addc(key, '{');
	for (int i = 0; i < 3; i++) {
		if (labels[i].n == 0)
			continue;
		if (any)
			sn_strbuf_addc(key, ',');
		sn_strbuf_add(key, labels[i]);
		any = true;
	}
}

static void merge_row(
	struct merge *m, const struct row *row, struct sn_str key, const uint64_t *slots)
{
	struct family *family = get_family(m, row);
	if (family == NULL)
		return;
	struct series *series = get_series(m, family, key);
	for (size_t i = 0; i < row->slots; i++)
		atomic_fetch_add_explicit(&series->set.slots[i], slots[i], memory_order_relaxed);
}

static void merge_entry(
	struct merge *m, const struct entry *entry, struct sn_str labels, const uint64_t *words)
{
	struct sn_reader r = entry->reader;
	const uint64_t *slots = &words[entry->first_slot];
	struct sn_strbuf key;
	struct row row;
	sn_strbuf_init(&key, 4 * UINT16_MAX);
	for (unsigned i = 0; i < entry->rows && read_row(&r, &row); i++) {
		build_key(&key, row.name,
			(const struct sn_str[]){ labels, entry->labels, row.labels });
		merge_row(m, &row, sn_strbuf_str(&key), slots);
		slots += row.slots;
	}
	sn_strbuf_fini(&key);
}

/* Lengths are checked and used in different places; in the copy they cannot change between. */
static void merge_view(struct merge *m, const struct sn_metrics_view *view)
{
	const _Atomic uint64_t *shared = view->memory;
	const size_t count = view->size / 8;
	uint64_t *words = sn_alloc_array(count + 1, sizeof(*words));
	struct entry entry;
	size_t pos = HEAD_WORDS;
	sn_assert((uintptr_t)view->memory % 8 == 0);
	for (size_t i = 0; i < count; i++)
		words[i] = atomic_load_explicit(&shared[i], memory_order_acquire);
	while (words[0] == AREA_MARK && next_entry(words, count, &pos, &entry) == SN_OK)
		merge_entry(m, &entry, sn_str(view->labels), words);
	sn_free(words);
}

static void write_family(struct merge *m, const struct family *family, struct sn_strbuf *out)
{
	struct sn_metric_part *parts = sn_pool_alloc_zero(m->pool, family->count * sizeof(*parts));
	struct sn_list *it;
	size_t n = 0;
	sn_list_each (it, &family->series) {
		const struct series *series = sn_container_of(it, struct series, link);
		parts[n++] = (struct sn_metric_part){ &series->set, series->labels };
	}
	sn_metrics_write_parts(parts, n, out);
}

void sn_metrics_areas_write(
	const struct sn_metrics_view *views, size_t count, struct sn_strbuf *out)
{
	struct merge m = { .pool = sn_pool_new(0) };
	struct sn_list *it;
	sn_hash_init(&m.family_by_name, family_key, false);
	sn_hash_init(&m.series_by_key, series_key, false);
	sn_list_init(&m.families);
	for (size_t i = 0; i < count; i++)
		merge_view(&m, &views[i]);
	sn_list_each (it, &m.families)
		write_family(&m, sn_container_of(it, struct family, link), out);
	sn_hash_fini(&m.series_by_key);
	sn_hash_fini(&m.family_by_name);
	sn_pool_free(&m.pool);
}
