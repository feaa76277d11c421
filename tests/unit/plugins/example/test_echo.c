/* The example as a module of a host in this process; tests/interop/plugins.py loads it as a plugin.
 */
#include "daemon/service/plugin.h"

#include <sys/socket.h>
#include <unistd.h>

#include "daemon/service/freeze.h"
#include "tests/unit/daemon/service/fixture.h"

#define SAMPLE "[service.sample]\nlisten = \"tcp:0:interface=127.0.0.1\"\n"

extern const struct sn_plugin sn_plugin_abi1;

/* Under another name: the fixture has an echo of its own. */
static void setup(void)
{
	static struct sn_conf_section section;
	static struct sn_service service;
	struct sn_diag diag = { 0 };

	service_setup();
	service = *(const struct sn_service *)sn_plugin_abi1.interfaces[0].row;
	section = *service.conf;
	service.name = section.name = "sample";
	service.conf = &section;
	if (sn_registry_find(SN_STR("sample")) == NULL)
		ck_assert_msg(sn_registry_add(&service, &diag) == SN_OK, "%s", diag.text);
}

static int join(void)
{
	struct sn_instance *instance = sn_host_find(host, SN_STR("sample"));
	const uint32_t before = instance->caps.total;
	const int fd = dial(&listener_of("sample")->sock.local, SOCK_STREAM);

	for (int i = 0; i < 1000 && instance->caps.total == before; i++)
		sn_loop_turn(loop, SN_MS(1));
	ck_assert_uint_eq(instance->caps.total, before + 1);
	return fd;
}

/* What comes back for this. */
static const char *say(int fd, const char *text)
{
	static char answer[4096];
	ssize_t n;

	ck_assert_int_eq(send(fd, text, strlen(text), 0), (ssize_t)strlen(text));
	turn();
	n = recv(fd, answer, sizeof(answer) - 1, MSG_DONTWAIT);
	answer[n > 0 ? n : 0] = '\0';
	return answer;
}

static uint64_t metric(size_t which)
{
	return sn_metric_get(&sn_host_find(host, SN_STR("sample"))->metrics, which);
}

START_TEST(lines_come_back)
{
	int fd;

	host_up(SAMPLE "prefix = \"> \"\n");
	fd = join();
	ck_assert_str_eq(say(fd, "one\r\ntwo\nthr"), "> one\n> two\n");
	ck_assert_str_eq(say(fd, "ee\n\n"), "> three\n> \n");
	ck_assert_uint_eq(metric(0), 4);
	close(fd);
}
END_TEST

START_TEST(a_line_at_the_limit_and_one_past_it)
{
	int fd;

	host_up(SAMPLE "line_max = 4\n");
	fd = join();
	ck_assert_str_eq(say(fd, "1234\n"), "1234\n");
	ck_assert_str_eq(say(fd, "12345"), "error: this line is too long\n");
	ck_assert_str_eq(say(fd, "6789\nabc\n"), "abc\n");
	ck_assert_uint_eq(metric(0), 2);
	ck_assert_uint_eq(metric(1), 1);
	close(fd);
}
END_TEST

START_TEST(numbers_count_for_one_and_for_all)
{
	int one, two;

	host_up(SAMPLE "numbered = true\n");
	one = join();
	two = join();
	ck_assert_str_eq(say(one, "a\n"), "1/1 a\n");
	ck_assert_str_eq(say(two, "b\nc\n"), "1/2 b\n2/3 c\n");
	ck_assert_str_eq(say(one, "d\n"), "2/4 d\n");
	close(one);
	close(two);
}
END_TEST

START_TEST(a_kick_has_a_reason)
{
	char text[64];
	ssize_t n;
	int fd;

	host_up(SAMPLE);
	fd = join();
	ck_assert(sn_host_kick(host,
		sn_container_of(
			sn_host_find(host, SN_STR("sample"))->conns.next, struct sn_conn, link)
			->id,
		SN_STR("too loud")));
	turn();
	n = recv(fd, text, sizeof(text) - 1, MSG_DONTWAIT);
	text[n > 0 ? n : 0] = '\0';
	ck_assert_str_eq(text, "error: too loud\n");
	close(fd);
}
END_TEST

static void move(void)
{
	struct sn_frozen *frozen = NULL;
	struct sn_diag diag = { 0 };

	ck_assert_int_eq(sn_host_freeze(host, SN_STR("sample"), &frozen), SN_OK);
	turn();
	host_down();
	host_up(SAMPLE "numbered = true\nline_max = 4\n");
	ck_assert_msg(
		sn_host_thaw(host, SN_STR("sample"), frozen, &diag) == SN_OK, "%s", diag.text);
	sn_frozen_free(&frozen);
}

/* Counts, the middle of a line, and the middle of a line to be skipped. */
START_TEST(all_goes_along_to_another_process)
{
	int one, two;

	host_up(SAMPLE "numbered = true\nline_max = 4\n");
	one = join();
	two = join();
	ck_assert_str_eq(say(one, "a\nb\nc"), "1/1 a\n2/2 b\n");
	ck_assert_str_eq(say(two, "d\n12345"), "1/3 d\nerror: this line is too long\n");
	move();
	turn();
	ck_assert_str_eq(say(one, "c\n"), "3/4 cc\n");
	ck_assert_str_eq(say(two, "678\ne\n"), "2/5 e\n");
	move();
	turn();
	ck_assert_str_eq(say(two, "f\n"), "3/6 f\n");
	close(one);
	close(two);
}
END_TEST

/* The next version may write something else. */
START_TEST(state_of_another_version)
{
	const struct sn_service *service = sn_plugin_abi1.interfaces[0].row;
	struct sn_reader in = sn_reader(SN_STR("12345678"));
	struct sn_diag diag = { 0 };

	host_up(SAMPLE);
	ck_assert_int_eq(service->thaw(sn_host_find(host, SN_STR("sample")),
				 service->freeze_version + 1, &in, &diag),
		SN_EVERSION);
	ck_assert_str_eq(diag.text, "state of version 2, not 1");
	in = sn_reader(SN_STR("1234567"));
	ck_assert_int_eq(service->thaw(sn_host_find(host, SN_STR("sample")),
				 service->freeze_version, &in, &diag),
		SN_EEOF);
}
END_TEST

Suite *sn_suite_echo(void);
Suite *sn_suite_echo(void)
{
	Suite *suite = suite_create("plugins/example/echo");
	TCase *tc = tcase_create("echo");

	tcase_add_checked_fixture(tc, setup, service_teardown);
	tcase_add_test(tc, lines_come_back);
	tcase_add_test(tc, a_line_at_the_limit_and_one_past_it);
	tcase_add_test(tc, numbers_count_for_one_and_for_all);
	tcase_add_test(tc, a_kick_has_a_reason);
	tcase_add_test(tc, all_goes_along_to_another_process);
	tcase_add_test(tc, state_of_another_version);
	suite_add_tcase(suite, tc);
	return suite;
}
