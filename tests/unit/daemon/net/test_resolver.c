#include "daemon/net/resolver.h"

#include <stdio.h>
#include <stdlib.h>
#include <sys/stat.h>
#include <unistd.h>

#include "tests/support/dns_responder.h"
#include "tests/support/turn.h"
#include "tests/support/unit.h"

Suite *sn_suite_resolver(void);

static const struct sn_test_dns_record records[] = {
	{ "both.test", ns_t_a, "192.0.2.1" },
	{ "both.test", ns_t_aaaa, "::1" },
	{ "four.test", ns_t_a, "192.0.2.1" },
	{ "four.test", ns_t_a, "192.0.2.2" },
	{ "six.test", ns_t_aaaa, "2001:db8::1" },
	{ "refused.test", ns_t_a, "192.0.2.1", SN_TEST_DNS_REFUSE },
	{ "refused.test", ns_t_aaaa, "2001:db8::1", SN_TEST_DNS_REFUSE },
	{ "failing.test", ns_t_a, "192.0.2.1", SN_TEST_DNS_SERVFAIL },
	{ "failing.test", ns_t_aaaa, "2001:db8::1", SN_TEST_DNS_SERVFAIL },
	{ "silent.test", ns_t_a, "192.0.2.1", SN_TEST_DNS_SILENT },
	{ "silent.test", ns_t_aaaa, "2001:db8::1", SN_TEST_DNS_SILENT },
	{ "held.test", ns_t_a, "192.0.2.5", SN_TEST_DNS_HOLD },
	{ "held.test", ns_t_aaaa, "2001:db8::5", SN_TEST_DNS_HOLD },
	{ "large.test", ns_t_a, "192.0.2.6", SN_TEST_DNS_TRUNCATE },
	{ "garbage.test", ns_t_a, "192.0.2.6", SN_TEST_DNS_GARBAGE },
	{ "host.one.test", ns_t_a, "192.0.2.11" },
	{ "host.two.test", ns_t_a, "192.0.2.22" },
	{ "_xmpp._tcp.example.test", ns_t_srv, "20 0 5223 backup.example.test" },
	{ "_xmpp._tcp.example.test", ns_t_srv, "10 5 5222 main.example.test" },
	{ "_none._tcp.example.test", ns_t_srv, "0 0 0 ." },
	{ "_silent._tcp.example.test", ns_t_srv, "0 0 0 .", SN_TEST_DNS_SILENT },
	{ "_garbage._tcp.example.test", ns_t_srv, "0 0 0 a.b.c", SN_TEST_DNS_GARBAGE },
	{ "7.2.0.192.in-addr.arpa", ns_t_ptr, "one.example.test" },
	{ "7.2.0.192.in-addr.arpa", ns_t_ptr, "two.example.test" },
	{ "1.0.0.0.0.0.0.0.0.0.0.0.0.0.0.0.0.0.0.0.0.0.0.0.8.b.d.0.1.0.0.2.ip6.arpa", ns_t_ptr,
		"six.example.test" },
	{ NULL },
};

struct fixture {
	struct sn_loop *loop;
	struct sn_test_dns dns;
	struct sn_resolver *resolver;
	char dir[32], hosts[64], conf[64];
	struct sn_waiter waiter;
	bool done;
	int code;
	char text[512]; /* the answer, each item followed by a blank */
};

static void write_file(const char *path, const char *text)
{
	char fresh[80];
	FILE *file;

	snprintf(fresh, sizeof(fresh), "%s.new", path);
	file = fopen(fresh, "w");
	ck_assert_ptr_nonnull(file);
	ck_assert_int_ge(fputs(text, file), 0);
	ck_assert_int_eq(fclose(file), 0);
	ck_assert_int_eq(rename(fresh, path), 0);
}

static void set_up(
	struct fixture *f, const struct sn_resolver_options *given, const struct sn_clock *clock)
{
	struct sn_resolver_options options = *given;

	memset(f, 0, sizeof(*f));
	snprintf(f->dir, sizeof(f->dir), "/tmp/sn-resolver-XXXXXX");
	ck_assert_ptr_nonnull(mkdtemp(f->dir));
	snprintf(f->hosts, sizeof(f->hosts), "%s/hosts", f->dir);
	snprintf(f->conf, sizeof(f->conf), "%s/resolv.conf", f->dir);
	write_file(f->hosts, "192.0.2.100 filed.test alias\n2001:db8::100 six-filed.test\n");
	write_file(f->conf, "search one.test\n");
	ck_assert_int_eq(sn_loop_new(&(struct sn_loop_options){ .clock = clock }, &f->loop), SN_OK);
	sn_test_dns_start(&f->dns, f->loop, records);
	options.servers = f->dns.servers;
	options.hosts_file = f->hosts;
	options.resolv_conf = f->conf;
	ck_assert_int_eq(sn_resolver_new(f->loop, &options, &f->resolver), SN_OK);
}

static void set_up_plain(struct fixture *f)
{
	set_up(f, &(struct sn_resolver_options){ 0 }, NULL);
}

static void tear_down(struct fixture *f)
{
	sn_loop_turn(f->loop, 0); /* what was delivered is freed */
	sn_resolver_free(&f->resolver);
	sn_test_dns_stop(&f->dns);
	sn_loop_free(&f->loop);
	unlink(f->hosts);
	unlink(f->conf);
	rmdir(f->dir);
}

static void got_addrs(struct sn_waiter *w, struct sn_promise *p, int code)
{
	struct fixture *f = sn_container_of(w, struct fixture, waiter);
	const struct sn_addr *addrs;
	size_t count = code == SN_OK ? sn_resolve_addrs(p, &addrs) : 0;
	struct sn_strbuf out;

	f->done = true;
	f->code = code;
	sn_strbuf_fixed(&out, f->text, sizeof(f->text));
	for (size_t i = 0; i < count; i++) {
		sn_addr_format(&addrs[i], &out);
		sn_strbuf_addc(&out, ' ');
	}
}

static void got_srvs(struct sn_waiter *w, struct sn_promise *p, int code)
{
	struct fixture *f = sn_container_of(w, struct fixture, waiter);
	const struct sn_srv *srvs;
	size_t count = code == SN_OK ? sn_resolve_srvs(p, &srvs) : 0;
	struct sn_strbuf out;

	f->done = true;
	f->code = code;
	sn_strbuf_fixed(&out, f->text, sizeof(f->text));
	for (size_t i = 0; i < count; i++)
		sn_strbuf_addf(&out, "%u/%u/%u/%s ", srvs[i].priority, srvs[i].weight, srvs[i].port,
			srvs[i].target.p);
}

static void got_names(struct sn_waiter *w, struct sn_promise *p, int code)
{
	struct fixture *f = sn_container_of(w, struct fixture, waiter);
	const struct sn_str *names;
	size_t count = code == SN_OK ? sn_resolve_names(p, &names) : 0;
	struct sn_strbuf out;

	f->done = true;
	f->code = code;
	sn_strbuf_fixed(&out, f->text, sizeof(f->text));
	for (size_t i = 0; i < count; i++)
		sn_strbuf_addf(&out, "%s ", names[i].p);
}

static void await(struct fixture *f, struct sn_promise *p, sn_waiter_fn fn)
{
	f->done = false;
	sn_promise_wait(p, &f->waiter, fn);
	ck_assert(!f->done);
	sn_test_turn_until(f->loop, f->done);
}

static int ask_host(struct fixture *f, const char *name, enum sn_resolve_family family)
{
	await(f, sn_resolve_host(f->resolver, sn_str(name), 80, family), got_addrs);
	return f->code;
}

/* --- host names ---------------------------------------------------------------------------------
 */

static const struct {
	const char *name;
	enum sn_resolve_family family;
	int code;
	const char *answer;
	unsigned questions;
} hosts[] = {
	{ "both.test", SN_RESOLVE_ANY, SN_OK, "[::1]:80 192.0.2.1:80 ", 2 },
	{ "both.test", SN_RESOLVE_IPV4, SN_OK, "192.0.2.1:80 ", 1 },
	{ "both.test", SN_RESOLVE_IPV6, SN_OK, "[::1]:80 ", 1 },
	{ "BOTH.test.", SN_RESOLVE_IPV4, SN_OK, "192.0.2.1:80 ", 1 },
	{ "six.test", SN_RESOLVE_ANY, SN_OK, "[2001:db8::1]:80 ", 2 },
	{ "large.test", SN_RESOLVE_IPV4, SN_OK, "192.0.2.6:80 ", 2 },
	/* answered from here */
	{ "192.0.2.9", SN_RESOLVE_ANY, SN_OK, "192.0.2.9:80 ", 0 },
	{ "2001:db8::9", SN_RESOLVE_ANY, SN_OK, "[2001:db8::9]:80 ", 0 },
	{ "192.0.2.9", SN_RESOLVE_IPV6, SN_ENOTFOUND, "", 0 },
	{ "filed.test", SN_RESOLVE_ANY, SN_OK, "192.0.2.100:80 ", 0 },
	{ "ALIAS", SN_RESOLVE_IPV4, SN_OK, "192.0.2.100:80 ", 0 },
	{ "filed.test", SN_RESOLVE_IPV6, SN_ENOTFOUND, "", 0 },
	{ "localhost", SN_RESOLVE_ANY, SN_OK, "[::1]:80 127.0.0.1:80 ", 0 },
	{ "a.LocalHost.", SN_RESOLVE_IPV4, SN_OK, "127.0.0.1:80 ", 0 },
	{ "", SN_RESOLVE_ANY, SN_ENOTFOUND, "", 0 },
};

START_TEST(test_addresses)
{
	struct fixture f;

	set_up_plain(&f);
	ck_assert_int_eq(ask_host(&f, hosts[_i].name, hosts[_i].family), hosts[_i].code);
	ck_assert_str_eq(f.text, hosts[_i].answer);
	ck_assert_uint_eq(f.dns.questions, hosts[_i].questions);
	tear_down(&f);
}
END_TEST

static const struct {
	const char *name;
	enum sn_resolve_family family;
	int code;
} failures[] = {
	{ "nothing.test.", SN_RESOLVE_ANY, SN_ENOTFOUND },
	{ "four.test.", SN_RESOLVE_IPV6, SN_ENOTFOUND },
	{ "refused.test.", SN_RESOLVE_ANY, SN_ERESOLVE },
	{ "failing.test.", SN_RESOLVE_ANY, SN_ERESOLVE },
	{ "garbage.test.", SN_RESOLVE_IPV4, SN_ERESOLVE },
	{ "a..b", SN_RESOLVE_ANY, SN_ENOTFOUND },
	{ "this-label-is-longer-than-the-sixty-three-bytes-that-the-protocol-allows.test",
		SN_RESOLVE_ANY, SN_ENOTFOUND },
};

START_TEST(test_failures)
{
	struct fixture f;

	set_up_plain(&f);
	ck_assert_int_eq(ask_host(&f, failures[_i].name, failures[_i].family), failures[_i].code);
	tear_down(&f);
}
END_TEST

START_TEST(test_name_that_cannot_be_asked_for)
{
	static const char nul[] = "both\0.test";
	struct fixture f;
	char name[300];

	set_up_plain(&f);
	await(&f, sn_resolve_host(f.resolver, sn_str_n(nul, 10), 80, SN_RESOLVE_ANY), got_addrs);
	ck_assert_int_eq(f.code, SN_ENOTFOUND);
	memset(name, 'a', sizeof(name));
	await(&f, sn_resolve_srv(f.resolver, sn_str_n(name, sizeof(name))), got_srvs);
	ck_assert_int_eq(f.code, SN_ENOTFOUND);
	ck_assert_uint_eq(f.dns.questions, 0);
	tear_down(&f);
}
END_TEST

START_TEST(test_several_addresses)
{
	struct fixture f;

	set_up_plain(&f);
	ck_assert_int_eq(ask_host(&f, "four.test", SN_RESOLVE_ANY), SN_OK);
	ck_assert_ptr_nonnull(strstr(f.text, "192.0.2.1:80 "));
	ck_assert_ptr_nonnull(strstr(f.text, "192.0.2.2:80 "));
	tear_down(&f);
}
END_TEST

START_TEST(test_truncated_answer_is_fetched_over_tcp)
{
	struct fixture f;

	set_up_plain(&f);
	ck_assert_int_eq(ask_host(&f, "large.test", SN_RESOLVE_IPV4), SN_OK);
	ck_assert_uint_eq(f.dns.tcp_questions, 1);
	tear_down(&f);
}
END_TEST

/* --- time-outs and limits -----------------------------------------------------------------------
 */

START_TEST(test_silent_server_times_out)
{
	const struct sn_resolver_options options = { .timeout = SN_MS(20), .tries = 2 };
	struct fixture f;

	set_up(&f, &options, NULL);
	ck_assert_int_eq(ask_host(&f, "silent.test.", SN_RESOLVE_IPV4), SN_ETIMEOUT);
	ck_assert_uint_eq(f.dns.questions, 2);
	await(&f, sn_resolve_srv(f.resolver, SN_STR("_silent._tcp.example.test")), got_srvs);
	ck_assert_int_eq(f.code, SN_ETIMEOUT);
	/* The resolver is none the worse. */
	ck_assert_int_eq(ask_host(&f, "both.test", SN_RESOLVE_IPV4), SN_OK);
	tear_down(&f);
}
END_TEST

START_TEST(test_no_server_at_all)
{
	const struct sn_resolver_options options = { .timeout = SN_MS(20), .tries = 2 };
	struct fixture f;

	set_up(&f, &options, NULL);
	sn_test_dns_stop(&f.dns);
	ck_assert_int_eq(ask_host(&f, "both.test", SN_RESOLVE_ANY), SN_ERESOLVE);
	sn_test_dns_start(&f.dns, f.loop, records);
	tear_down(&f);
}
END_TEST

START_TEST(test_too_many_queries)
{
	struct fixture f;
	struct sn_waiter busy = { 0 };

	set_up(&f, &(struct sn_resolver_options){ .max_queries = 1 }, NULL);
	sn_promise_wait(sn_resolve_host(f.resolver, SN_STR("held.test"), 1, SN_RESOLVE_IPV4), &busy,
		got_addrs);
	ck_assert_int_eq(ask_host(&f, "both.test", SN_RESOLVE_ANY), SN_EBUSY);
	await(&f, sn_resolve_srv(f.resolver, SN_STR("_none._tcp.example.test")), got_srvs);
	ck_assert_int_eq(f.code, SN_EBUSY);
	ck_assert_int_eq(ask_host(&f, "filed.test", SN_RESOLVE_ANY), SN_OK);
	sn_waiter_cancel(&busy);
	sn_test_turn_until(f.loop, sn_test_dns_held(&f.dns) == 1);
	/* Canceled, but its server may still answer: it counts until then. */
	ck_assert_int_eq(ask_host(&f, "both.test", SN_RESOLVE_IPV4), SN_EBUSY);
	sn_test_dns_release(&f.dns);
	sn_test_turn_until(f.loop, ask_host(&f, "both.test", SN_RESOLVE_IPV4) == SN_OK);
	tear_down(&f);
}
END_TEST

/* --- canceling ----------------------------------------------------------------------------------
 */

static void must_not_come(struct sn_waiter *w, struct sn_promise *p, int code)
{
	(void)w;
	(void)p;
	ck_abort_msg("canceled, but called with %d", code);
}

static void start_held(struct fixture *f, struct sn_waiter *w)
{
	*w = (struct sn_waiter){ 0 };
	sn_promise_wait(sn_resolve_host(f->resolver, SN_STR("held.test"), 1, SN_RESOLVE_ANY), w,
		must_not_come);
}

START_TEST(test_cancel_then_answer)
{
	struct fixture f;
	struct sn_waiter w;

	set_up_plain(&f);
	start_held(&f, &w);
	sn_test_turn_until(f.loop, sn_test_dns_held(&f.dns) == 2);
	sn_waiter_cancel(&w);
	sn_loop_turn(f.loop, 0);
	sn_test_dns_release(&f.dns);
	ck_assert_int_eq(ask_host(&f, "both.test", SN_RESOLVE_ANY), SN_OK);
	tear_down(&f);
}
END_TEST

START_TEST(test_cancel_at_once_and_others_go_on)
{
	struct fixture f;
	struct sn_waiter w;
	struct sn_promise *other;

	set_up_plain(&f);
	start_held(&f, &w);
	other = sn_resolve_host(f.resolver, SN_STR("held.test"), 80, SN_RESOLVE_IPV4);
	sn_waiter_cancel(&w);
	sn_test_turn_until(f.loop, sn_test_dns_held(&f.dns) == 3);
	sn_test_dns_release(&f.dns);
	await(&f, other, got_addrs);
	ck_assert_str_eq(f.text, "192.0.2.5:80 ");
	tear_down(&f);
}
END_TEST

START_TEST(test_cancel_after_the_answer)
{
	struct fixture f;
	struct sn_waiter w = { 0 };

	set_up_plain(&f);
	sn_promise_wait(sn_resolve_host(f.resolver, SN_STR("127.0.0.1"), 1, SN_RESOLVE_ANY), &w,
		must_not_come);
	sn_waiter_cancel(&w);
	tear_down(&f);
}
END_TEST

START_TEST(test_free_with_canceled_queries_under_way)
{
	struct fixture f;
	struct sn_waiter w[3];

	set_up_plain(&f);
	for (size_t i = 0; i < 3; i++)
		start_held(&f, &w[i]);
	sn_waiter_cancel(&w[0]);
	sn_loop_turn(f.loop, 0);
	sn_waiter_cancel(&w[1]);
	sn_waiter_cancel(&w[2]);
	sn_resolver_free(&f.resolver); /* these two are still on the closing list */
	sn_loop_turn(f.loop, 0);
	tear_down(&f);
}
END_TEST

/* --- services and names -------------------------------------------------------------------------
 */

static const struct {
	const char *name;
	int code;
	const char *answer;
} services[] = {
	{ "_xmpp._tcp.example.test", SN_OK,
		"10/5/5222/main.example.test 20/0/5223/backup.example.test " },
	{ "_none._tcp.example.test", SN_OK, "0/0/0/. " },
	{ "_other._tcp.example.test", SN_ENOTFOUND, "" },
	{ "both.test", SN_ENOTFOUND, "" },
	{ "_garbage._tcp.example.test", SN_ERESOLVE, "" },
};

START_TEST(test_services)
{
	struct fixture f;

	set_up_plain(&f);
	await(&f, sn_resolve_srv(f.resolver, sn_str(services[_i].name)), got_srvs);
	ck_assert_int_eq(f.code, services[_i].code);
	ck_assert_str_eq(f.text, services[_i].answer);
	tear_down(&f);
}
END_TEST

static const struct {
	const char *addr;
	int code;
	const char *answer;
} pointers[] = {
	{ "192.0.2.7", SN_OK, "one.example.test two.example.test " },
	{ "::ffff:192.0.2.7", SN_OK, "one.example.test two.example.test " },
	{ "2001:db8::1", SN_OK, "six.example.test " },
	{ "192.0.2.8", SN_ENOTFOUND, "" },
	{ "192.0.2.100", SN_OK, "filed.test alias " },
	{ "2001:db8::100", SN_OK, "six-filed.test " },
};

START_TEST(test_pointers)
{
	struct fixture f;
	struct sn_addr addr;

	set_up_plain(&f);
	ck_assert_int_eq(sn_addr_parse(sn_str(pointers[_i].addr), 5, &addr), SN_OK);
	await(&f, sn_resolve_ptr(f.resolver, &addr), got_names);
	ck_assert_int_eq(f.code, pointers[_i].code);
	ck_assert_str_eq(f.text, pointers[_i].answer);
	tear_down(&f);
}
END_TEST

START_TEST(test_unix_address_has_no_name)
{
	struct fixture f;
	struct sn_addr addr;

	set_up_plain(&f);
	ck_assert_int_eq(sn_addr_unix(SN_STR("/run/x"), &addr), SN_OK);
	await(&f, sn_resolve_ptr(f.resolver, &addr), got_names);
	ck_assert_int_eq(f.code, SN_ENOTFOUND);
	tear_down(&f);
}
END_TEST

/* --- files that change --------------------------------------------------------------------------
 */

START_TEST(test_changed_hosts_file)
{
	struct sn_fake_clock clock;
	struct fixture f;

	sn_fake_clock_init(&clock);
	set_up(&f, &(struct sn_resolver_options){ 0 }, &clock.clock);
	ck_assert_int_eq(ask_host(&f, "filed.test", SN_RESOLVE_ANY), SN_OK);
	write_file(f.hosts, "192.0.2.101 filed.test\n");
	sn_fake_clock_advance(&clock, SN_SEC(1));
	sn_loop_turn(f.loop, 0);
	ck_assert_int_eq(ask_host(&f, "filed.test", SN_RESOLVE_ANY), SN_OK);
	ck_assert_str_eq(f.text, "192.0.2.101:80 ");
	unlink(f.hosts);
	sn_fake_clock_advance(&clock, SN_SEC(1));
	sn_loop_turn(f.loop, 0);
	ck_assert_int_eq(ask_host(&f, "filed.test", SN_RESOLVE_ANY), SN_ENOTFOUND);
	tear_down(&f);
}
END_TEST

START_TEST(test_changed_resolv_conf)
{
	struct sn_fake_clock clock;
	struct fixture f;
	struct sn_promise *old;

	sn_fake_clock_init(&clock);
	set_up(&f, &(struct sn_resolver_options){ 0 }, &clock.clock);
	ck_assert_int_eq(ask_host(&f, "host", SN_RESOLVE_IPV4), SN_OK);
	ck_assert_str_eq(f.text, "192.0.2.11:80 ");
	old = sn_resolve_host(f.resolver, SN_STR("held.test"), 80, SN_RESOLVE_IPV4);
	write_file(f.conf, "search two.test\n");
	sn_fake_clock_advance(&clock, SN_SEC(1));
	sn_loop_turn(f.loop, 0);
	ck_assert_int_eq(ask_host(&f, "host", SN_RESOLVE_IPV4), SN_OK);
	ck_assert_str_eq(f.text, "192.0.2.22:80 ");
	/* What was asked before is still answered. */
	sn_test_dns_release(&f.dns);
	await(&f, old, got_addrs);
	ck_assert_str_eq(f.text, "192.0.2.5:80 ");
	tear_down(&f);
}
END_TEST

START_TEST(test_free_with_a_retired_channel)
{
	struct sn_fake_clock clock;
	struct fixture f;
	struct sn_waiter w;

	sn_fake_clock_init(&clock);
	set_up(&f, &(struct sn_resolver_options){ 0 }, &clock.clock);
	start_held(&f, &w);
	write_file(f.conf, "search two.test\n");
	sn_fake_clock_advance(&clock, SN_SEC(1));
	sn_loop_turn(f.loop, 0);
	ck_assert_int_eq(ask_host(&f, "host", SN_RESOLVE_IPV4), SN_OK);
	sn_waiter_cancel(&w);
	tear_down(&f);
}
END_TEST

START_TEST(test_malformed_servers)
{
	struct sn_loop *loop;
	struct sn_resolver *resolver;

	ck_assert_int_eq(sn_loop_new(NULL, &loop), SN_OK);
	ck_assert_int_eq(
		sn_resolver_new(
			loop, &(struct sn_resolver_options){ .servers = "dns.example" }, &resolver),
		SN_ECONFIG);
	ck_assert_ptr_null(resolver);
	sn_loop_free(&loop);
}
END_TEST

START_TEST(test_defaults)
{
	struct sn_loop *loop;
	struct sn_resolver *resolver;

	ck_assert_int_eq(sn_loop_new(NULL, &loop), SN_OK);
	ck_assert_int_eq(sn_resolver_new(loop, NULL, &resolver), SN_OK);
	sn_resolver_free(&resolver);
	sn_resolver_free(&resolver);
	sn_loop_free(&loop);
}
END_TEST

#define COUNT(array) (sizeof(array) / sizeof((array)[0]))

Suite *sn_suite_resolver(void)
{
	Suite *suite = suite_create("resolver");
	TCase *tc = tcase_create("resolver");

	tcase_add_loop_test(tc, test_addresses, 0, COUNT(hosts));
	tcase_add_loop_test(tc, test_failures, 0, COUNT(failures));
	tcase_add_test(tc, test_name_that_cannot_be_asked_for);
	tcase_add_test(tc, test_several_addresses);
	tcase_add_test(tc, test_truncated_answer_is_fetched_over_tcp);
	tcase_add_test(tc, test_silent_server_times_out);
	tcase_add_test(tc, test_no_server_at_all);
	tcase_add_test(tc, test_too_many_queries);
	tcase_add_test(tc, test_cancel_then_answer);
	tcase_add_test(tc, test_cancel_at_once_and_others_go_on);
	tcase_add_test(tc, test_cancel_after_the_answer);
	tcase_add_test(tc, test_free_with_canceled_queries_under_way);
	tcase_add_loop_test(tc, test_services, 0, COUNT(services));
	tcase_add_loop_test(tc, test_pointers, 0, COUNT(pointers));
	tcase_add_test(tc, test_unix_address_has_no_name);
	tcase_add_test(tc, test_changed_hosts_file);
	tcase_add_test(tc, test_changed_resolv_conf);
	tcase_add_test(tc, test_free_with_a_retired_channel);
	tcase_add_test(tc, test_malformed_servers);
	tcase_add_test(tc, test_defaults);
	suite_add_tcase(suite, tc);
	return suite;
}
