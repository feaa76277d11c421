#include "daemon/service/host.h"

#include "tests/unit/daemon/service/fixture.h"

#include "daemon/base/metrics_area.h"
#define AREA_SIZE 16384
static _Alignas(8) char area_memory[AREA_SIZE];

static const char *metrics(void)
{
	static char text[65536];
	struct sn_strbuf out;

	sn_strbuf_fixed(&out, text, sizeof(text));
	sn_host_metrics(host, &out);
	return text;
}

static void count_one(void)
{
	sn_metric_add(&sn_host_find(host, SN_STR("tap"))->metrics, 0, 1);
}

START_TEST(counters_survive_a_new_instance)
{
	host_up("[service.tap]\n");
	count_one();
	ck_assert_int_eq(host_reload("[service.tap]\nmodel = \"T\"\n"), SN_OK);
	count_one();
	ck_assert_ptr_nonnull(strstr(metrics(), "sennit_tap_total{service=\"tap\"} 2\n"));
}
END_TEST

START_TEST(counters_survive_the_process)
{
	struct sn_host_options options = { 0 };

	memset(area_memory, 0, sizeof(area_memory));
	for (int life = 0; life < 2; life++) {
		options.metrics = sn_metrics_area_open(area_memory, AREA_SIZE);
		ck_assert_int_eq(host_try_with(options, "[service.tap]\n"), SN_OK);
		count_one();
		ck_assert_ptr_nonnull(strstr(metrics(),
			life == 0 ? "sennit_tap_total{service=\"tap\"} 1\n"
				  : "sennit_tap_total{service=\"tap\"} 2\n"));
		host_down();
		sn_metrics_area_close(&options.metrics);
	}
}
END_TEST

START_TEST(a_full_area_is_no_obstacle)
{
	struct sn_host_options options = { 0 };

	memset(area_memory, 0, sizeof(area_memory));
	options.metrics = sn_metrics_area_open(area_memory, 4096);
	ck_assert_int_eq(
		host_try_with(options,
			"[service.tap]\n[service.b]\ntype = \"tap\"\n[service.c]\ntype = \"tap\"\n"
			"[service.d]\ntype = \"tap\"\n[service.e]\ntype = \"tap\"\n"),
		SN_OK);
	count_one();
	ck_assert_ptr_nonnull(strstr(metrics(), "sennit_tap_total{service=\"tap\"} 1\n"));
	host_down();
	sn_metrics_area_close(&options.metrics);
}
END_TEST

Suite *sn_suite_host_metrics(void);
Suite *sn_suite_host_metrics(void)
{
	Suite *suite = suite_create("service/host_metrics");
	TCase *tc = tcase_create("host_metrics");

	tcase_add_checked_fixture(tc, service_setup, service_teardown);
	tcase_add_test(tc, counters_survive_a_new_instance);
	tcase_add_test(tc, counters_survive_the_process);
	tcase_add_test(tc, a_full_area_is_no_obstacle);
	suite_add_tcase(suite, tc);
	return suite;
}
