#include "daemon/service/host.h"

#include "tests/unit/daemon/service/fixture.h"

#include <sched.h>
static const struct {
	const char *toml;
	const char *group; /* of the first service */
	bool single;
} places[] = {
	{ "[service.tap]\n", "main", true },
	{ "[service.echo]\n", "main", false },
	{ "[service.echo]\nworker = \"web\"\n", "web", false },
};

START_TEST(a_service_has_a_group)
{
	struct sn_conf *conf = load(places[_i].toml);
	const struct sn_placement place = sn_host_placement(sn_conf_named_at(conf, "service", 0));

	ck_assert(sn_str_eq(place.group, sn_str(places[_i].group)));
	ck_assert_int_eq(place.single, places[_i].single);
	sn_conf_unref(&conf);
}
END_TEST

#define ALL_CORES 0
static const struct {
	const char *toml, *group;
	unsigned count;
} counts[] = {
	{ "[service.tap]\n", "main", 1 },
	{ "[service.tap]\n[service.echo]\n", "main", ALL_CORES },
	{ "[server]\nprocesses = \"3\"\n[service.tap]\n", "main", 3 },
	{ "[server]\nprocesses = \"3\"\n[service.echo]\nworker = \"web\"\n", "web", ALL_CORES },
	{ "[worker.web]\nprocesses = \"7\"\n[service.echo]\nworker = \"web\"\n", "web", 7 },
	{ "[worker.web]\nprocesses = \"7\"\n[service.echo]\nworker = \"web\"\n", "main", 1 },
};

START_TEST(groups_have_workers)
{
	struct sn_conf *conf = load(counts[_i].toml);
	cpu_set_t set;

	ck_assert_int_eq(sched_getaffinity(0, sizeof(set), &set), 0);
	ck_assert_uint_eq(sn_host_processes(conf, sn_str(counts[_i].group)),
		counts[_i].count != ALL_CORES ? counts[_i].count : (unsigned)CPU_COUNT(&set));
	sn_conf_unref(&conf);
}
END_TEST

static const struct {
	const char *group;
	unsigned index;
	const char *started;
} workers[] = {
	{ "main", 0, "start a" },
	{ "main", 1, "" },
	{ "other", 0, "start b" },
	{ "third", 0, "" },
	{ NULL, 0, "start a; start b" },
};

START_TEST(a_worker_starts_what_is_placed_there)
{
	const struct sn_host_options options = { .group = workers[_i].group,
		.index = workers[_i].index };

	ck_assert_int_eq(host_try_with(options,
				 "[service.a]\ntype = \"tap\"\n"
				 "[service.b]\ntype = \"tap\"\nworker = \"other\"\n"),
		SN_OK);
	ck_assert_str_eq(tap_read(), workers[_i].started);
}
END_TEST

Suite *sn_suite_host_place(void);
Suite *sn_suite_host_place(void)
{
	Suite *suite = suite_create("service/host_place");
	TCase *tc = tcase_create("host_place");

	tcase_add_checked_fixture(tc, service_setup, service_teardown);
	tcase_add_loop_test(
		tc, a_service_has_a_group, 0, (int)(sizeof(places) / sizeof(places[0])));
	tcase_add_loop_test(tc, groups_have_workers, 0, (int)(sizeof(counts) / sizeof(counts[0])));
	tcase_add_loop_test(tc, a_worker_starts_what_is_placed_there, 0,
		(int)(sizeof(workers) / sizeof(workers[0])));
	suite_add_tcase(suite, tc);
	return suite;
}
