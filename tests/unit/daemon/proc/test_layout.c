#include "daemon/proc/layout.h"

#include "tests/support/unit.h"

static struct sn_layout *layout, *again;
static struct sn_strbuf out;

static struct sn_addr addr(const char *ip, uint16_t port)
{
	struct sn_addr a;

	ck_assert_int_eq(sn_addr_parse(sn_str(ip), port, &a), SN_OK);
	return a;
}

static struct sn_addr unix_addr(const char *path)
{
	struct sn_addr a;

	ck_assert_int_eq(sn_addr_unix(sn_str(path), &a), SN_OK);
	return a;
}

static void setup(void)
{
	static struct sn_layout_group groups[] = {
		{ SN_STR("main"), 4 },
		{ SN_STR("irc"), 1 },
	};
	static struct sn_layout_service services[] = {
		{ SN_STR("chat"), SN_STR("irc"), 1, true, true },
		{ SN_STR("files"), SN_STR("web"), 0, false, false },
	};
	static struct sn_layout_listener listeners[4];
	static struct sn_str keys[] = { SN_STR("/etc/sennit/keys/%u") };
	static struct sn_str levels[] = { SN_STR("net=debug"), SN_STR("irc=warn") };

	listeners[0] = (struct sn_layout_listener){ .service = 0,
		.index = 0,
		.socktype = SOCK_STREAM,
		.addr = addr("127.0.0.1", 6667),
		.backlog = 50,
		.text = SN_STR("tcp:6667:interface=127.0.0.1") };
	listeners[1] = (struct sn_layout_listener){ .service = 0,
		.index = 1,
		.socktype = SOCK_STREAM,
		.addr = unix_addr("/run/chat.sock"),
		.lock = true,
		.mode = 0660,
		.user = SN_STR("irc"),
		.group = SN_STR("www-data") };
	listeners[2] = (struct sn_layout_listener){
		.service = 1, .kind = SN_LISTEN_FD, .socktype = SOCK_DGRAM, .fd = 7
	};
	listeners[3] = (struct sn_layout_listener){ .service = 1,
		.index = 1,
		.socktype = SOCK_STREAM,
		.addr = addr("::", 443),
		.v6_only = true };
	layout = sn_layout_new();
	layout->groups = groups;
	layout->group_count = 2;
	layout->services = services;
	layout->service_count = 2;
	layout->listeners = listeners;
	layout->listener_count = 4;
	layout->name = SN_STR("sennit");
	layout->user = SN_STR("_sennit");
	layout->log_levels = levels;
	layout->log_level_count = 2;
	layout->log_level = 1;
	layout->log_target = 2;
	layout->log_socket = SN_STR("/run/log");
	layout->spawns_users = true;
	layout->key_paths = keys;
	layout->key_path_count = 1;
	layout->sandbox = true;
	layout->drain_timeout = 5000000000;
	layout->limiter_entries = 65536;
	sn_strbuf_init(&out, SN_LAYOUT_SIZE_MAX);
	again = NULL;
}

static void teardown(void)
{
	sn_layout_free(&layout);
	sn_layout_free(&again);
	sn_strbuf_fini(&out);
}

START_TEST(what_was_written_is_read)
{
	struct sn_strbuf second;

	sn_layout_encode(layout, &out);
	ck_assert_int_eq(sn_layout_decode(sn_strbuf_str(&out), &again), SN_OK);
	ck_assert_uint_eq(again->group_count, 2);
	ck_assert_str_view(again->groups[0].name, "main");
	ck_assert_uint_eq(again->groups[0].processes, 4);
	ck_assert_str_view(again->services[0].module, "irc");
	ck_assert(again->services[0].single && again->services[0].freezes);
	ck_assert(!again->services[1].single);
	ck_assert_uint_eq(again->listener_count, 4);
	for (size_t i = 0; i < 4; i++)
		ck_assert(sn_layout_same_listener(&layout->listeners[i], &again->listeners[i]));
	ck_assert_str_eq(again->listeners[1].user.p, "irc");
	ck_assert_uint_eq(again->listeners[1].mode, 0660);
	ck_assert_int_eq(again->listeners[2].socktype, SOCK_DGRAM);
	ck_assert_str_view(again->log_levels[1], "irc=warn");
	ck_assert_uint_eq(again->log_target, 2);
	ck_assert_str_view(again->log_socket, "/run/log");
	ck_assert_int_eq(again->drain_timeout, 5000000000);
	ck_assert(again->spawns_users);
	ck_assert_uint_eq(again->key_path_count, 1);
	ck_assert_str_view(again->key_paths[0], "/etc/sennit/keys/%u");
	sn_strbuf_init(&second, SN_LAYOUT_SIZE_MAX);
	sn_layout_encode(again, &second);
	ck_assert(sn_str_eq(sn_strbuf_str(&second), sn_strbuf_str(&out)));
	sn_strbuf_fini(&second);
}
END_TEST

START_TEST(an_empty_one_too)
{
	struct sn_layout *empty = sn_layout_new();

	sn_layout_encode(empty, &out);
	ck_assert_int_eq(sn_layout_decode(sn_strbuf_str(&out), &again), SN_OK);
	ck_assert_uint_eq(again->service_count, 0);
	sn_layout_free(&empty);
}
END_TEST

START_TEST(truncated_or_longer_it_is_none)
{
	sn_layout_encode(layout, &out);
	for (size_t n = 0; n < out.n; n++)
		ck_assert_int_eq(
			sn_layout_decode(sn_str_sub(sn_strbuf_str(&out), 0, n), &again), SN_EPROTO);
	sn_strbuf_addc(&out, '\0');
	ck_assert_int_eq(sn_layout_decode(sn_strbuf_str(&out), &again), SN_EPROTO);
	ck_assert_ptr_null(again);
}
END_TEST

static void group_out_of_bounds(void)
{
	layout->services[0].group = 2;
}
static void service_out_of_bounds(void)
{
	layout->listeners[3].service = 2;
}
static void no_process(void)
{
	layout->groups[1].processes = 0;
}
static void many_processes(void)
{
	layout->groups[1].processes = SN_LAYOUT_PROCESSES_MAX + 1;
}
static void unknown_kind(void)
{
	layout->listeners[0].kind = SN_LISTEN_PAIR + 1;
}
static void no_address(void)
{
	layout->listeners[0].addr.len = 0;
}
static void strange_address(void)
{
	layout->listeners[0].addr.sa.sa_family = AF_NETLINK;
}
static void short_address(void)
{
	layout->listeners[0].addr.len = sizeof(struct sockaddr_in) - 1;
}
static void negative_time(void)
{
	layout->watchdog = -1;
}
static void strange_mode(void)
{
	layout->listeners[1].mode = 010000;
}

static void (*const breaks[])(void) = { group_out_of_bounds, service_out_of_bounds, no_process,
	many_processes, unknown_kind, no_address, strange_address, short_address, negative_time,
	strange_mode };
#define BREAKS (sizeof(breaks) / sizeof(breaks[0]))

START_TEST(values_out_of_bounds_are_refused)
{
	breaks[_i]();
	sn_layout_encode(layout, &out);
	ck_assert_int_eq(sn_layout_decode(sn_strbuf_str(&out), &again), SN_EPROTO);
	ck_assert_ptr_null(again);
}
END_TEST

START_TEST(standard_output_may_be_a_services)
{
	struct sn_layout with = { .listeners = layout->listeners, .listener_count = 0 };
	struct sn_layout_listener pair = { .kind = SN_LISTEN_PAIR };

	ck_assert(!sn_layout_speaks_on_stdout(&with));
	with.listener_count = 1;
	ck_assert(!sn_layout_speaks_on_stdout(&with));
	with.listeners = &pair;
	ck_assert(sn_layout_speaks_on_stdout(&with));
}
END_TEST

START_TEST(a_reload_keeps_what_bind_sees_as_the_same)
{
	struct sn_layout_listener *a = layout->listeners, b = a[0];

	b.backlog = 99;
	b.service = 1;
	ck_assert(sn_layout_same_listener(&a[0], &b));
	sn_addr_set_port(&b.addr, 6668);
	ck_assert(!sn_layout_same_listener(&a[0], &b));
	b = a[1];
	b.mode = 0600;
	ck_assert(sn_layout_same_listener(&a[1], &b));
	b.lock = false;
	ck_assert(!sn_layout_same_listener(&a[1], &b));
	b = a[3];
	b.v6_only = false;
	ck_assert(!sn_layout_same_listener(&a[3], &b));
	b = a[2];
	ck_assert(sn_layout_same_listener(&a[2], &b));
	b.fd = 8;
	ck_assert(!sn_layout_same_listener(&a[2], &b));
	b = a[2];
	b.kind = SN_LISTEN_PAIR;
	ck_assert(!sn_layout_same_listener(&a[2], &b));
}
END_TEST

START_TEST(a_plan_says_what_to_open)
{
	struct sn_listen_plan plan;

	sn_layout_listener_plan(&layout->listeners[1], &plan);
	ck_assert(sn_addr_eq(&plan.addr, &layout->listeners[1].addr));
	ck_assert(plan.lock);
	ck_assert_uint_eq(plan.mode, 0660);
	ck_assert_str_eq(plan.user, "irc");
	sn_layout_listener_plan(&layout->listeners[0], &plan);
	ck_assert_ptr_null(plan.user);
	ck_assert_int_eq(plan.backlog, 50);
}
END_TEST

Suite *layout_suite(void);
Suite *layout_suite(void)
{
	Suite *s = suite_create("layout");
	TCase *tc = tcase_create("layout");

	tcase_add_checked_fixture(tc, setup, teardown);
	tcase_add_test(tc, what_was_written_is_read);
	tcase_add_test(tc, an_empty_one_too);
	tcase_add_test(tc, truncated_or_longer_it_is_none);
	tcase_add_loop_test(tc, values_out_of_bounds_are_refused, 0, BREAKS);
	tcase_add_test(tc, standard_output_may_be_a_services);
	tcase_add_test(tc, a_reload_keeps_what_bind_sees_as_the_same);
	tcase_add_test(tc, a_plan_says_what_to_open);
	suite_add_tcase(s, tc);
	return s;
}
