#include "daemon/net/happy_eyeballs.h"

#include "daemon/base/assert.h"
#include "daemon/base/clock.h"
#include "daemon/base/mem.h"

void sn_eyeballs_init(struct sn_eyeballs *e)
{
	*e = (struct sn_eyeballs){ .turn = SN_EYEBALLS_V6 };
}

void sn_eyeballs_fini(struct sn_eyeballs *e)
{
	for (int family = 0; family < SN_EYEBALLS_FAMILIES; family++)
		sn_free(e->answers[family].addrs);
	sn_eyeballs_init(e);
}

void sn_eyeballs_answer(struct sn_eyeballs *e, enum sn_eyeballs_family family,
	const struct sn_addr *addrs, size_t count, int64_t now)
{
	struct sn_eyeballs_answer *answer = &e->answers[family];

	sn_assert(!answer->known);
	answer->known = true;
	answer->count = count;
	if (count > 0) {
		answer->addrs = sn_alloc_array(count, sizeof(*addrs));
		memcpy(answer->addrs, addrs, count * sizeof(*addrs));
	}
	if (e->begun)
		return;
	if (family == SN_EYEBALLS_V4 && !e->answers[SN_EYEBALLS_V6].known)
		e->not_before = now + SN_EYEBALLS_RESOLUTION_DELAY;
	else
		e->not_before = now;
}

void sn_eyeballs_failed(struct sn_eyeballs *e)
{
	e->not_before = INT64_MIN;
}

static bool has_next(const struct sn_eyeballs *e, enum sn_eyeballs_family family)
{
	return e->answers[family].next < e->answers[family].count;
}

static enum sn_eyeballs_family other(enum sn_eyeballs_family family)
{
	return family == SN_EYEBALLS_V6 ? SN_EYEBALLS_V4 : SN_EYEBALLS_V6;
}

enum sn_eyeballs_step sn_eyeballs_next(
	struct sn_eyeballs *e, int64_t now, struct sn_addr *addr_r, int64_t *until_r)
{
	enum sn_eyeballs_family family = has_next(e, e->turn) ? e->turn : other(e->turn);
	bool all_known = e->answers[SN_EYEBALLS_V6].known && e->answers[SN_EYEBALLS_V4].known;

	*until_r = INT64_MAX;
	if (!has_next(e, family))
		return all_known ? SN_EYEBALLS_EXHAUSTED : SN_EYEBALLS_WAIT;
	if (now < e->not_before) {
		*until_r = e->not_before;
		return SN_EYEBALLS_WAIT;
	}
	*addr_r = e->answers[family].addrs[e->answers[family].next++];
	e->begun = true;
	e->turn = other(family);
	e->not_before = now + SN_EYEBALLS_ATTEMPT_DELAY;
	return SN_EYEBALLS_TRY;
}
