#include "daemon/base/clock.h"

#include <time.h>

#include "daemon/base/assert.h"

static int64_t read_clock(clockid_t id)
{
	struct timespec ts;
	const int r = clock_gettime(id, &ts);
	sn_assert(r == 0);
	return SN_SEC(ts.tv_sec) + ts.tv_nsec;
}

static int64_t system_mono(const struct sn_clock *clock)
{
	(void)clock;
	return read_clock(CLOCK_MONOTONIC);
}

static int64_t system_wall(const struct sn_clock *clock)
{
	(void)clock;
	return read_clock(CLOCK_REALTIME);
}

const struct sn_clock sn_clock_system = { .mono = system_mono, .wall = system_wall };

static int64_t fake_mono(const struct sn_clock *clock)
{
	return sn_container_of(clock, const struct sn_fake_clock, clock)->mono_ns;
}

static int64_t fake_wall(const struct sn_clock *clock)
{
	return sn_container_of(clock, const struct sn_fake_clock, clock)->wall_ns;
}

void sn_fake_clock_init(struct sn_fake_clock *c)
{
	*c = (struct sn_fake_clock){ .clock = { .mono = fake_mono, .wall = fake_wall } };
}

void sn_fake_clock_advance(struct sn_fake_clock *c, int64_t ns)
{
	c->mono_ns += ns;
	c->wall_ns += ns;
}

void sn_format_time(struct sn_strbuf *b, int64_t wall_ns, unsigned digits)
{
	static const long divisors[] = { 0, 1000000, 1000, 1 };
	sn_assert(digits <= 9 && digits % 3 == 0);
	/* Before 1970 the second still counts upwards within itself. */
	int64_t seconds = wall_ns / SN_SEC(1);
	long ns = (long)(wall_ns % SN_SEC(1));
	if (ns < 0) {
		ns += SN_SEC(1);
		seconds--;
	}
	const time_t t = (time_t)seconds;
	struct tm tm;
	const struct tm *utc = gmtime_r(&t, &tm);
	sn_assert(utc != NULL);
	sn_strbuf_addf(b, "%04d-%02d-%02dT%02d:%02d:%02d", tm.tm_year + 1900, tm.tm_mon + 1,
		tm.tm_mday, tm.tm_hour, tm.tm_min, tm.tm_sec);
	if (digits > 0)
		sn_strbuf_addf(b, ".%0*ld", (int)digits, ns / divisors[digits / 3]);
	sn_strbuf_addc(b, 'Z');
}
