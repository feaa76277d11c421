#include "daemon/proc/config_role.h"
#include "tests/unit/daemon/proc/conf_rig.h"

static struct sn_conf *conf;
static struct sn_conf_diags diags;
static struct sn_layout *layout;
static struct sn_conf_endpoint *items;

static int make(const char *text, const char *verb)
{
	conf = conf_rig_load(text);
	return sn_config_layout(conf, verb, &diags, &layout, &items);
}

static void setup(void)
{
	sn_conf_diags_init(&diags);
	layout = NULL;
}

static void teardown(void)
{
	sn_layout_free(&layout);
	sn_conf_diags_fini(&diags);
	sn_conf_unref(&conf);
}

START_TEST(services_stand_in_their_groups)
{
	ck_assert_int_eq(make("[server]\nprocesses = \"3\"\nephemeral = true\n"
			      "[worker.other]\nprocesses = \"2\"\n"
			      "[service.one]\ntype = \"alone\"\nlisten = \"tcp:1001\"\n"
			      "[service.two]\ntype = \"many\"\nlisten = [\"tcp:1002\", "
			      "\"unix:/run/x:mode=600\"]\nworker = \"other\"\n"
			      "[service.three]\ntype = \"many\"\nlisten = \"fd:9\"\n",
				 "run"),
		SN_OK);
	ck_assert_uint_eq(layout->group_count, 2);
	ck_assert_str_view(layout->groups[0].name, "main");
	ck_assert_uint_eq(layout->groups[0].processes, 3);
	ck_assert_str_view(layout->groups[1].name, "other");
	ck_assert_uint_eq(layout->groups[1].processes, 2);
	ck_assert_uint_eq(layout->service_count, 3);
	ck_assert(layout->services[0].single && layout->services[0].group == 0);
	ck_assert(!layout->services[1].single && layout->services[1].group == 1);
	ck_assert_str_view(layout->services[2].module, "many");
	ck_assert_uint_eq(layout->listener_count, 4);
	ck_assert_uint_eq(layout->listeners[2].service, 1);
	ck_assert_uint_eq(layout->listeners[2].index, 1);
	ck_assert_uint_eq(layout->listeners[2].mode, 0600);
	ck_assert_int_eq(layout->listeners[3].kind, SN_LISTEN_FD);
	ck_assert_int_eq(layout->listeners[3].fd, 9);
	ck_assert_str_view(items[1].endpoint->source, "tcp:1002");
	ck_assert_str_view(layout->name, "sennit");
	ck_assert(!layout->uses_state);
}
END_TEST

START_TEST(a_module_listens_by_default)
{
	ck_assert_int_eq(make("[service.alone]\nauth = \"accounts\"\n", "alone"), SN_OK);
	ck_assert_uint_eq(layout->listener_count, 2);
	ck_assert_uint_eq(sn_addr_port(&layout->listeners[1].addr), 6668);
	ck_assert_str_view(layout->name, "alone");
	ck_assert(layout->uses_state);
	ck_assert_uint_eq(layout->groups[0].processes, 1);
}
END_TEST

START_TEST(settings_of_the_supervisor)
{
	ck_assert_int_eq(make("[server]\nname = \"x\"\nuser = \"u\"\ngroup = \"g\"\n"
			      "state = \"/s\"\nruntime = \"/r\"\ncontrol = \"/c\"\n"
			      "drain_timeout = \"7s\"\nwatchdog = \"3s\"\nsandbox = false\n"
			      "[log]\nlevel = \"warn\"\nlevels = \"net=debug\"\nfile = \"/l\"\n"
			      "[service.alone]\n",
				 "run"),
		SN_OK);
	ck_assert_str_view(layout->name, "x");
	ck_assert_str_view(layout->user, "u");
	ck_assert_str_view(layout->group_name, "g");
	ck_assert_str_view(layout->state, "/s");
	ck_assert_str_view(layout->runtime, "/r");
	ck_assert_str_view(layout->control, "/c");
	ck_assert_int_eq(layout->drain_timeout, SN_SEC(7));
	ck_assert_int_eq(layout->watchdog, SN_SEC(3));
	ck_assert(!layout->sandbox);
	ck_assert_uint_eq(layout->log_level, SN_LOG_WARN);
	ck_assert_str_view(layout->log_file, "/l");
	ck_assert_uint_eq(layout->log_level_count, 1);
}
END_TEST

/* What the broker may open as users, for the checkers that are configured. */
START_TEST(paths_of_keys_are_told)
{
	ck_assert_int_eq(make("[server]\nephemeral = true\n"
			      "[service.one]\ntype = \"alone\"\nlisten = \"tcp:1001\"\n"
			      "auth = [\"sshkey:/etc/keys/%u\", \"sshkey\"]\n"
			      "[service.two]\ntype = \"many\"\nlisten = \"tcp:1002\"\n"
			      "auth = [\"unix\", \"sshkey:%h/keys\"]\n",
				 "run"),
		SN_OK);
	ck_assert_uint_eq(layout->key_path_count, 2);
	ck_assert_str_view(layout->key_paths[0], "/etc/keys/%u");
	ck_assert_str_view(layout->key_paths[1], "%h/keys");
}
END_TEST

START_TEST(it_survives_its_way)
{
	struct sn_layout *again;
	struct sn_strbuf out;

	ck_assert_int_eq(make("[log]\nlevels = \"net=debug\"\n[service.alone]\n", "run"), SN_OK);
	sn_strbuf_init(&out, SN_LAYOUT_SIZE_MAX);
	sn_layout_encode(layout, &out);
	ck_assert_int_eq(sn_layout_decode(sn_strbuf_str(&out), &again), SN_OK);
	ck_assert_uint_eq(again->listener_count, 2);
	sn_layout_free(&again);
	sn_strbuf_fini(&out);
}
END_TEST

START_TEST(an_endpoint_that_cannot_be_planned_is_reported)
{
	ck_assert_int_eq(
		make("[service.alone]\nlisten = [\"tcp:1:interface=nowhere\", \"tcp:2\"]\n", "run"),
		SN_ESYNTAX);
	ck_assert_uint_eq(diags.errors, 1);
	ck_assert_ptr_null(layout);
	ck_assert_uint_eq(diags.first->pos.line, 2);
	ck_assert_uint_eq(diags.first->pos.column, 28);
}
END_TEST

Suite *config_layout_suite(void);
Suite *config_layout_suite(void)
{
	Suite *s = suite_create("proc/config_layout");
	TCase *tc = tcase_create("config_layout");

	tcase_add_checked_fixture(tc, setup, teardown);
	tcase_add_test(tc, services_stand_in_their_groups);
	tcase_add_test(tc, a_module_listens_by_default);
	tcase_add_test(tc, settings_of_the_supervisor);
	tcase_add_test(tc, paths_of_keys_are_told);
	tcase_add_test(tc, it_survives_its_way);
	tcase_add_test(tc, an_endpoint_that_cannot_be_planned_is_reported);
	suite_add_tcase(s, tc);
	return s;
}
