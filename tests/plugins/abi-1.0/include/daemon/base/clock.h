/*
 * Time. Two clocks, both in nanoseconds: monotonic for every interval and timer, wall (UTC since
 * 1970) only for what people or other hosts read. Tests replace the source.
 */
#ifndef SN_DAEMON_BASE_CLOCK_H
#define SN_DAEMON_BASE_CLOCK_H

#include <stdint.h>

#include "daemon/base/strbuf.h"

#define SN_US(n) ((int64_t)(n)*1000)
#define SN_MS(n) ((int64_t)(n)*1000000)
#define SN_SEC(n) ((int64_t)(n)*1000000000)

struct sn_clock {
	int64_t (*mono)(const struct sn_clock *clock);
	int64_t (*wall)(const struct sn_clock *clock);
};

extern const struct sn_clock sn_clock_system;

static inline int64_t sn_clock_mono(const struct sn_clock *c)
{
	return c->mono(c);
}
static inline int64_t sn_clock_wall(const struct sn_clock *c)
{
	return c->wall(c);
}
/* A clock that moves only when told to; for tests and replays. */
struct sn_fake_clock {
	struct sn_clock clock; /* first member */
	int64_t mono_ns, wall_ns;
};
void sn_fake_clock_init(struct sn_fake_clock *c);
void sn_fake_clock_advance(struct sn_fake_clock *c, int64_t ns); /* both */

/* 2026-11-20T11:05:46.123Z; digits 0, 3, 6 or 9 after the point. */
void sn_format_time(struct sn_strbuf *b, int64_t wall_ns, unsigned digits);

#endif
