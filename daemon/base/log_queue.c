#include "daemon/base/log_queue.h"

#include "daemon/base/mem.h"

void sn_log_queue_init(struct sn_log_queue *q, size_t size)
{
	*q = (struct sn_log_queue){ .mem = sn_alloc(size), .size = size };
}

void sn_log_queue_fini(struct sn_log_queue *q)
{
	sn_free(q->mem);
	*q = (struct sn_log_queue){ .mem = NULL };
}

static void put_bytes(struct sn_log_queue *q, const void *data, size_t n)
{
	const size_t tail = (q->head + q->used) % q->size;
	const size_t first = n < q->size - tail ? n : q->size - tail;
	memcpy(q->mem + tail, data, first);
	memcpy(q->mem, (const char *)data + first, n - first);
	q->used += n;
}

static void peek_bytes(const struct sn_log_queue *q, void *data, size_t n)
{
	const size_t first = n < q->size - q->head ? n : q->size - q->head;
	memcpy(data, q->mem + q->head, first);
	memcpy((char *)data + first, q->mem, n - first);
}

bool sn_log_queue_push(struct sn_log_queue *q, struct sn_str record)
{
	const uint32_t n = (uint32_t)record.n;
	if (sizeof(n) + record.n > q->size - q->used)
		return false;
	put_bytes(q, &n, sizeof(n));
	put_bytes(q, record.p, record.n);
	return true;
}

size_t sn_log_queue_take(struct sn_log_queue *q, char *mem, size_t cap)
{
	size_t taken = 0;
	while (q->used > 0) {
		uint32_t n;
		peek_bytes(q, &n, sizeof(n));
		const size_t whole = sizeof(n) + n;
		if (whole > cap - taken)
			break;
		peek_bytes(q, mem + taken, whole);
		q->head = (q->head + whole) % q->size;
		q->used -= whole;
		taken += whole;
	}
	return taken;
}

bool sn_log_queue_next(struct sn_str *taken, struct sn_str *record_r)
{
	uint32_t n;
	if (taken->n == 0)
		return false;
	memcpy(&n, taken->p, sizeof(n));
	*record_r = sn_str_n(taken->p + sizeof(n), n);
	*taken = sn_str_n(taken->p + sizeof(n) + n, taken->n - sizeof(n) - n);
	return true;
}

enum { PROBES = 4 };

static size_t hash_pointers(const char *event, const char *ns)
{
	const uint64_t mixed =
		((uint64_t)(uintptr_t)event * 31 + (uint64_t)(uintptr_t)ns) * 0x9e3779b97f4a7c15ULL;
	return (size_t)(mixed >> 56) % SN_LOG_REPEAT_SLOTS;
}

/* The slot of this event, or of the probed ones that which began longest ago. */
static struct sn_log_repeat *find_slot(struct sn_log_repeats *r, const char *event, const char *ns)
{
	const size_t at = hash_pointers(event, ns);
	struct sn_log_repeat *oldest = &r->slots[at];
	for (size_t i = 0; i < PROBES; i++) {
		struct sn_log_repeat *slot = &r->slots[(at + i) % SN_LOG_REPEAT_SLOTS];
		if (slot->event == event && slot->ns == ns)
			return slot;
		if (slot->start_ns < oldest->start_ns)
			oldest = slot;
	}
	return oldest;
}

static void copy_text(char *to, size_t size, const char *from)
{
	const size_t n = from != NULL ? strnlen(from, size - 1) : 0;
	memcpy(to, from != NULL ? from : "", n);
	to[n] = '\0';
}

static void hold(struct sn_log_repeats *r, struct sn_log_repeat *slot)
{
	if (slot->held++ > 0)
		return;
	r->holding++;
	copy_text(slot->event_text, sizeof(slot->event_text), slot->event);
	copy_text(slot->ns_text, sizeof(slot->ns_text), slot->ns);
}

static void end_series(
	struct sn_log_repeats *r, struct sn_log_repeat *slot, struct sn_log_repeat *ended_r)
{
	if (slot->held > 0) {
		*ended_r = *slot;
		r->holding--;
	}
	slot->held = 0;
	slot->count = 0;
}

bool sn_log_repeats_admit(struct sn_log_repeats *r, const struct sn_log_call *call, int64_t now,
	struct sn_log_repeat *ended_r)
{
	const char *ns = sn_log_ctx_ns(call->ctx);
	struct sn_log_repeat *slot = find_slot(r, call->event, ns);
	const bool same = slot->event == call->event && slot->ns == ns;
	ended_r->held = 0;
	if (!same || now - slot->start_ns >= SN_SEC(1)) {
		end_series(r, slot, ended_r);
		slot->event = call->event;
		slot->ns = ns;
		slot->start_ns = now;
	}
	slot->level = call->level;
	if (slot->count < SN_LOG_BURST) {
		slot->count++;
		return true;
	}
	hold(r, slot);
	return false;
}

bool sn_log_repeats_expire(struct sn_log_repeats *r, int64_t now, struct sn_log_repeat *ended_r)
{
	for (size_t i = 0; r->holding > 0 && i < SN_LOG_REPEAT_SLOTS; i++) {
		struct sn_log_repeat *slot = &r->slots[i];
		if (slot->held == 0 || slot->start_ns > now - SN_SEC(1))
			continue;
		end_series(r, slot, ended_r);
		return true;
	}
	return false;
}

int64_t sn_log_repeats_due(const struct sn_log_repeats *r)
{
	int64_t due = INT64_MAX;
	for (size_t i = 0; r->holding > 0 && i < SN_LOG_REPEAT_SLOTS; i++)
		if (r->slots[i].held > 0 && r->slots[i].start_ns + SN_SEC(1) < due)
			due = r->slots[i].start_ns + SN_SEC(1);
	return due;
}
