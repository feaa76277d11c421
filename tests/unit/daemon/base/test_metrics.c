#include "daemon/base/metrics.h"

#include <pthread.h>

#include "tests/support/unit.h"

Suite *sn_suite_metrics(void);

enum { REQUESTS_OK, REQUESTS_FAILED, OPEN, LATENCY, LATENCY_DNS, SIZES, METRIC_COUNT };

static const uint64_t latency_bounds[] = { 1000000, 5000000, 250000000, 10000000000, 0 };
static const uint64_t size_bounds[] = { 64, 1073741824, 0 };

static const struct sn_metric_def defs[METRIC_COUNT] = {
	[REQUESTS_OK] = { .name = "t_requests_total",
		.labels = "result=\"ok\"",
		.kind = SN_METRIC_COUNTER,
		.unit = "",
		.help = "Requests answered." },
	[REQUESTS_FAILED] = { .name = "t_requests_total",
		.labels = "result=\"failed\"",
		.kind = SN_METRIC_COUNTER,
		.unit = "",
		.help = "Requests answered." },
	[OPEN] = { .name = "t_open",
		.kind = SN_METRIC_GAUGE,
		.unit = "",
		.help = "Back\\slash and\nline." },
	[LATENCY] = { .name = "t_latency_seconds",
		.kind = SN_METRIC_HISTOGRAM,
		.unit = "seconds",
		.help = "Time to answer.",
		.bounds = latency_bounds,
		.scale = 1000000000 },
	[LATENCY_DNS] = { .name = "t_latency_seconds",
		.labels = "service=\"dns\"",
		.kind = SN_METRIC_HISTOGRAM,
		.unit = "seconds",
		.help = "Time to answer.",
		.bounds = latency_bounds,
		.scale = 1000000000 },
	[SIZES] = { .name = "t_size_bytes",
		.kind = SN_METRIC_HISTOGRAM,
		.unit = "bytes",
		.help = "Sizes.",
		.bounds = size_bounds,
		.scale = 1 },
};

static struct sn_metric_set set;
static struct sn_strbuf out;

static void setup(void)
{
	sn_metrics_init(&set, defs, METRIC_COUNT, NULL);
	sn_strbuf_init(&out, 1 << 20);
}

static void teardown(void)
{
	sn_metrics_fini(&set);
	sn_strbuf_fini(&out);
}

START_TEST(test_values)
{
	sn_metric_add(&set, REQUESTS_OK, 3);
	sn_metric_add(&set, REQUESTS_OK, 4);
	sn_metric_add(&set, REQUESTS_FAILED, 1);
	sn_metric_add(&set, OPEN, 5);
	sn_metric_sub(&set, OPEN, 2);
	ck_assert_uint_eq(sn_metric_get(&set, REQUESTS_OK), 7);
	ck_assert_uint_eq(sn_metric_get(&set, REQUESTS_FAILED), 1);
	ck_assert_uint_eq(sn_metric_get(&set, OPEN), 3);
}
END_TEST

START_TEST(test_text_format)
{
	static const char expected[] = "# HELP t_requests_total Requests answered.\n"
				       "# TYPE t_requests_total counter\n"
				       "t_requests_total{result=\"ok\"} 18446744073709551615\n"
				       "t_requests_total{result=\"failed\"} 2\n"
				       "# HELP t_open Back\\\\slash and\\nline.\n"
				       "# TYPE t_open gauge\n"
				       "t_open -1\n"
				       "# HELP t_latency_seconds Time to answer.\n"
				       "# TYPE t_latency_seconds histogram\n"
				       "t_latency_seconds_bucket{le=\"0.001\"} 1\n"
				       "t_latency_seconds_bucket{le=\"0.005\"} 1\n"
				       "t_latency_seconds_bucket{le=\"0.25\"} 3\n"
				       "t_latency_seconds_bucket{le=\"10\"} 3\n"
				       "t_latency_seconds_bucket{le=\"+Inf\"} 4\n"
				       "t_latency_seconds_sum 11.256000001\n"
				       "t_latency_seconds_count 4\n"
				       "t_latency_seconds_bucket{service=\"dns\",le=\"0.001\"} 0\n"
				       "t_latency_seconds_bucket{service=\"dns\",le=\"0.005\"} 0\n"
				       "t_latency_seconds_bucket{service=\"dns\",le=\"0.25\"} 0\n"
				       "t_latency_seconds_bucket{service=\"dns\",le=\"10\"} 0\n"
				       "t_latency_seconds_bucket{service=\"dns\",le=\"+Inf\"} 0\n"
				       "t_latency_seconds_sum{service=\"dns\"} 0\n"
				       "t_latency_seconds_count{service=\"dns\"} 0\n"
				       "# HELP t_size_bytes Sizes.\n"
				       "# TYPE t_size_bytes histogram\n"
				       "t_size_bytes_bucket{le=\"64\"} 1\n"
				       "t_size_bytes_bucket{le=\"1073741824\"} 2\n"
				       "t_size_bytes_bucket{le=\"+Inf\"} 2\n"
				       "t_size_bytes_sum 129\n"
				       "t_size_bytes_count 2\n";
	sn_metric_add(&set, REQUESTS_OK, UINT64_MAX);
	sn_metric_add(&set, REQUESTS_FAILED, 2);
	sn_metric_sub(&set, OPEN, 1);
	/* A bound belongs to its own bucket. */
	sn_metric_observe(&set, LATENCY, 1000000);
	sn_metric_observe(&set, LATENCY, 5000001);
	sn_metric_observe(&set, LATENCY, 250000000);
	sn_metric_observe(&set, LATENCY, 11000000000);
	sn_metric_observe(&set, SIZES, 64);
	sn_metric_observe(&set, SIZES, 65);
	sn_metrics_write(&set, &out);
	ck_assert_str_eq(sn_strbuf_cstr(&out), expected);
}
END_TEST

START_TEST(test_parts)
{
	struct sn_metric_set second;
	const struct sn_metric_part parts[] = {
		{ .set = &set, .labels = "service=\"a\"" },
		{ .set = &second },
	};
	static const char *const lines[] = {
		"# TYPE t_requests_total counter\n"
		"t_requests_total{service=\"a\",result=\"ok\"} 1\n"
		"t_requests_total{result=\"ok\"} 2\n"
		"t_requests_total{service=\"a\",result=\"failed\"} 0\n"
		"t_requests_total{result=\"failed\"} 0\n"
		"# HELP t_open ",
		"# TYPE t_open gauge\nt_open{service=\"a\"} 0\nt_open 3\n",
		"t_latency_seconds_bucket{service=\"a\",le=\"+Inf\"} 0\n",
		"t_latency_seconds_bucket{service=\"a\",service=\"dns\",le=\"0.001\"} 0\n",
		"t_size_bytes_sum{service=\"a\"} 0\n",
		"t_size_bytes_bucket{le=\"64\"} 0\n",
	};

	sn_metrics_init(&second, defs, METRIC_COUNT, NULL);
	sn_metric_add(&set, REQUESTS_OK, 1);
	sn_metric_add(&second, REQUESTS_OK, 2);
	sn_metric_add(&second, OPEN, 3);
	sn_metrics_write_parts(parts, 2, &out);
	for (size_t i = 0; i < sizeof(lines) / sizeof(lines[0]); i++)
		ck_assert_msg(strstr(sn_strbuf_cstr(&out), lines[i]) != NULL, "%s is not in\n%s",
			lines[i], sn_strbuf_cstr(&out));
	sn_metrics_fini(&second);
}
END_TEST

START_TEST(test_given_memory)
{
	_Atomic uint64_t mem[32] = { 0 };
	struct sn_metric_set shared, other;
	ck_assert_uint_eq(sn_metrics_slots(defs, METRIC_COUNT), 3 + 2 * 6 + 4);
	ck_assert_uint_eq(set.slot_count, 3 + 2 * 6 + 4);
	/* Two sets over one block, as two processes have them. */
	sn_metrics_init(&shared, defs, METRIC_COUNT, mem);
	sn_metrics_init(&other, defs, METRIC_COUNT, mem);
	sn_metric_add(&shared, OPEN, 1);
	sn_metric_add(&other, OPEN, 1);
	ck_assert_uint_eq(sn_metric_get(&shared, OPEN), 2);
	ck_assert(!shared.own_slots);
	sn_metrics_fini(&shared);
	ck_assert_uint_eq(sn_metric_get(&other, OPEN), 2);
	sn_metrics_fini(&other);
}
END_TEST

START_TEST(test_empty_set)
{
	struct sn_metric_set empty;
	sn_metrics_init(&empty, defs, 0, NULL);
	sn_metrics_write(&empty, &out);
	ck_assert_str_eq(sn_strbuf_cstr(&out), "");
	sn_metrics_fini(&empty);
}
END_TEST

static void *count_up(void *arg)
{
	for (int i = 0; i < 10000; i++) {
		sn_metric_add(&set, REQUESTS_OK, 1);
		sn_metric_observe(&set, SIZES, 1);
	}
	return arg;
}

START_TEST(test_threads)
{
	pthread_t threads[4];
	for (int i = 0; i < 4; i++)
		ck_assert_int_eq(pthread_create(&threads[i], NULL, count_up, NULL), 0);
	for (int i = 0; i < 4; i++)
		pthread_join(threads[i], NULL);
	ck_assert_uint_eq(sn_metric_get(&set, REQUESTS_OK), 40000);
	sn_metrics_write(&set, &out);
	ck_assert_ptr_nonnull(strstr(sn_strbuf_cstr(&out), "t_size_bytes_count 40000\n"));
}
END_TEST

Suite *sn_suite_metrics(void)
{
	Suite *suite = suite_create("base/metrics");
	TCase *tc = tcase_create("metrics");
	tcase_add_checked_fixture(tc, setup, teardown);
	tcase_add_test(tc, test_values);
	tcase_add_test(tc, test_text_format);
	tcase_add_test(tc, test_parts);
	tcase_add_test(tc, test_given_memory);
	tcase_add_test(tc, test_empty_set);
	tcase_add_test(tc, test_threads);
	suite_add_tcase(suite, tc);
	return suite;
}
