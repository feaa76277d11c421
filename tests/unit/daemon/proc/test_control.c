#include "daemon/proc/control.h"

#include <stdio.h>
#include <stdlib.h>
#include <sys/stat.h>
#include <unistd.h>

#include "tests/support/turn.h"
#include "tests/support/unit.h"

static struct sn_loop *loop;
static struct sn_control *control;
static struct sn_control_request *waiting;
static unsigned gone;
static char dir[32], path[64];

static void run_echo(struct sn_control_request *request)
{
	json_t *words = json_array();

	for (size_t i = 0; i < request->count; i++)
		json_array_append_new(words, json_string(request->words[i]));
	sn_control_event(request, "hearing", NULL);
	sn_control_done(request, 0, json_pack("{s:o}", "words", words));
}

static void on_gone(struct sn_control_request *request)
{
	ck_assert_ptr_eq(request, waiting);
	gone++;
	waiting = NULL;
}

static void run_wait(struct sn_control_request *request)
{
	ck_assert_ptr_eq(sn_control_owner(request), &gone);
	waiting = request;
	request->on_gone = on_gone;
}

static void run_fail(struct sn_control_request *request)
{
	sn_control_fail(request, EX_CONFIG, "line %d is \"wrong\"", 7);
}

static const struct sn_control_verb verbs[] = {
	{ "echo", 0, 3, run_echo },
	{ "wait", 0, 0, run_wait },
	{ "fail", 0, 0, run_fail },
};

static void setup(void)
{
	const struct sn_control_options options = {
		.loop = NULL,
		.verbs = verbs,
		.verb_count = sizeof(verbs) / sizeof(verbs[0]),
		.owner = &gone,
	};
	struct sn_control_options mine = options;
	struct sn_listen_socket sock;
	struct sn_diag diag;

	snprintf(dir, sizeof(dir), "/tmp/sn-control-XXXXXX");
	ck_assert_ptr_nonnull(mkdtemp(dir));
	snprintf(path, sizeof(path), "%s/control.sock", dir);
	ck_assert_int_eq(sn_loop_new(NULL, &loop), SN_OK);
	mine.loop = loop;
	ck_assert_msg(sn_control_bind(path, &sock, &diag) == SN_OK, "%s", diag.text);
	ck_assert_int_eq(sn_control_open(&mine, &sock, &control), SN_OK);
	waiting = NULL;
	gone = 0;
}

static void teardown(void)
{
	sn_control_close(control);
	sn_test_turn_until(loop, sn_control_closed(control));
	sn_control_free(&control);
	sn_loop_free(&loop);
	ck_assert_int_eq(access(path, F_OK), -1);
	ck_assert_int_eq(rmdir(dir), 0);
}

static int dial(void)
{
	const int fd = socket(AF_UNIX, SOCK_STREAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0);
	struct sn_addr addr;

	ck_assert_int_eq(sn_addr_unix(sn_str(path), &addr), SN_OK);
	ck_assert_int_eq(connect(fd, &addr.sa, addr.len), 0);
	return fd;
}

static void say(int fd, const char *text)
{
	ck_assert_int_eq(send(fd, text, strlen(text), MSG_NOSIGNAL), (ssize_t)strlen(text));
}

static char heard[65536];
static size_t heard_n;
static bool ended;

/* Once around, and what the server has said since. */
static void listen_once(int fd)
{
	ssize_t n;

	sn_loop_turn(loop, SN_MS(10));
	n = recv(fd, heard + heard_n, sizeof(heard) - 1 - heard_n, 0);
	if (n > 0)
		heard_n += (size_t)n;
	ended = ended || n == 0;
	heard[heard_n] = '\0';
}

static size_t lines(void)
{
	size_t count = 0;

	for (size_t i = 0; i < heard_n; i++)
		count += heard[i] == '\n';
	return count;
}

static void hear(int fd, size_t count)
{
	heard_n = 0;
	ended = false;
	do {
		listen_once(fd);
	} while (lines() < count && !ended);
	ck_assert_uint_eq(lines(), count);
}

static void hear_end(int fd)
{
	while (!ended)
		listen_once(fd);
}

START_TEST(a_request_and_its_answer)
{
	const int fd = dial();

	say(fd, "[\"echo\",\"a b\",\"\\u00e4\"]\n");
	hear(fd, 2);
	ck_assert_str_eq(
		heard, "{\"event\":\"hearing\"}\n{\"code\":0,\"words\":[\"a b\",\"ä\"]}\n");
	say(fd, "[\"fail\"]\r\n");
	hear(fd, 1);
	ck_assert_str_eq(heard, "{\"code\":78,\"error\":\"line 7 is \\\"wrong\\\"\"}\n");
	close(fd);
}
END_TEST

START_TEST(requests_in_one_packet_are_answered_in_order)
{
	const int fd = dial();

	say(fd, "[\"echo\",\"1\"]\n[\"wait\"]\n[\"echo\",\"2\"]\n");
	hear(fd, 2);
	ck_assert_ptr_nonnull(strstr(heard, "[\"1\"]"));
	sn_test_turn_until(loop, waiting != NULL);
	sn_control_done(waiting, 3, NULL);
	hear(fd, 3);
	ck_assert_ptr_nonnull(strstr(heard, "{\"code\":3}\n"));
	ck_assert_ptr_nonnull(strstr(heard, "[\"2\"]"));
	close(fd);
}
END_TEST

START_TEST(a_request_byte_by_byte_and_then_the_end)
{
	const int fd = dial();
	const char *text = "[\"echo\",\"x\"]\n";

	for (; *text != '\0'; text++) {
		const char one[2] = { *text, '\0' };

		say(fd, one);
		sn_loop_turn(loop, 0);
	}
	ck_assert_int_eq(shutdown(fd, SHUT_WR), 0);
	hear(fd, 2);
	hear_end(fd);
	close(fd);
}
END_TEST

START_TEST(the_end_while_waiting_still_gets_its_answer)
{
	const int fd = dial();

	say(fd, "[\"wait\"]\n");
	ck_assert_int_eq(shutdown(fd, SHUT_WR), 0);
	sn_test_turn_until(loop, waiting != NULL);
	sn_control_done(waiting, 0, NULL);
	hear(fd, 1);
	hear_end(fd);
	close(fd);
}
END_TEST

START_TEST(a_client_that_leaves_is_forgotten)
{
	const int fd = dial();

	say(fd, "[\"wait\"]\n");
	sn_test_turn_until(loop, waiting != NULL);
	sn_control_event(waiting, "still-here", NULL);
	sn_loop_turn(loop, 0);
	close(fd); /* with the event unread: a reset */
	for (unsigned i = 0; i < 100 && gone == 0; i++) {
		if (waiting != NULL)
			sn_control_event(waiting, "anybody", NULL);
		sn_loop_turn(loop, SN_MS(10));
	}
	ck_assert_uint_eq(gone, 1);
}
END_TEST

static const struct {
	const char *text, *answer;
} garbage[] = {
	{ "\n", "JSON array" },
	{ "hello\n", "JSON array" },
	{ "{}\n", "JSON array" },
	{ "[]\n", "JSON array" },
	{ "[1]\n", "JSON array" },
	{ "[\"echo\",{}]\n", "JSON array" },
	{ "[\"echo\",\"\xff\"]\n", "JSON array" },
	{ "[\"echo\",\"a\\u0000b\"]\n", "JSON array" },
	{ "[\"echo\"\n", "JSON array" },
	{ "GET / HTTP/1.1\r\n", "JSON array" },
};

START_TEST(garbage_gets_one_line_and_the_end)
{
	const int fd = dial();

	say(fd, garbage[_i].text);
	hear(fd, 1);
	ck_assert_ptr_nonnull(strstr(heard, "{\"code\":64,"));
	ck_assert_ptr_nonnull(strstr(heard, garbage[_i].answer));
	hear_end(fd);
	close(fd);
}
END_TEST

START_TEST(wrong_verbs_and_counts_do_not_end_it)
{
	const int fd = dial();

	say(fd, "[\"ecko\"]\n[\"echo\",\"1\",\"2\",\"3\",\"4\"]\n[\"echo\"]\n");
	hear(fd, 4);
	ck_assert_ptr_nonnull(
		strstr(heard, "no control verb \\\"ecko\\\"; did you mean \\\"echo\\\"?"));
	ck_assert_ptr_nonnull(strstr(heard, "echo takes 0 to 3 words, not 4"));
	close(fd);
}
END_TEST

START_TEST(an_endless_line_is_refused)
{
	const int fd = dial();
	char text[SN_CONTROL_LINE_MAX + 2];

	memset(text, '[', sizeof(text) - 1);
	text[sizeof(text) - 1] = '\0';
	say(fd, text);
	hear(fd, 1);
	ck_assert_ptr_nonnull(strstr(heard, "at most 4096 bytes"));
	hear_end(fd);
	close(fd);
}
END_TEST

START_TEST(at_most_sixteen_clients)
{
	int fds[17];

	for (size_t i = 0; i < 17; i++)
		fds[i] = dial();
	heard_n = 0;
	ended = false;
	hear_end(fds[16]);
	say(fds[0], "[\"echo\"]\n");
	hear(fds[0], 2);
	for (size_t i = 0; i < 17; i++)
		close(fds[i]);
}
END_TEST

START_TEST(one_daemon_has_it)
{
	struct sn_listen_socket sock;
	struct sn_diag diag;
	struct stat st;

	ck_assert_int_eq(sn_control_bind(path, &sock, &diag), SN_ELOCKED);
	ck_assert_int_eq(stat(path, &st), 0);
	ck_assert_uint_eq(st.st_mode & 0777, 0600);
}
END_TEST

START_TEST(closing_answers_who_waits)
{
	const int fd = dial();

	say(fd, "[\"wait\"]\n");
	sn_test_turn_until(loop, waiting != NULL);
	sn_control_close(control);
	ck_assert_uint_eq(gone, 1);
	hear(fd, 1);
	ck_assert_ptr_nonnull(strstr(heard, "{\"code\":75,"));
	hear_end(fd);
	close(fd);
}
END_TEST

/* As into another program: with its descriptor, and what it had asked for and not been told. */
START_TEST(a_request_goes_on_elsewhere)
{
	const int fd = dial();
	struct sn_strbuf out;
	int handed;

	say(fd, "[\"wait\"]\n[\"echo\",\"2\"]\n");
	sn_test_turn_until(loop, waiting != NULL);
	ck_assert_uint_eq(sn_control_clients(control, NULL), 1);
	ck_assert_uint_eq(sn_control_clients(control, waiting), 0);
	sn_strbuf_init(&out, 65536);
	handed = sn_control_hand_over(waiting, &out);
	ck_assert_int_ge(handed, 0);
	waiting = NULL;
	sn_loop_turn(loop, 0);
	sn_loop_turn(loop, 0);
	ck_assert_uint_eq(sn_control_clients(control, NULL), 0);
	ck_assert_uint_eq(gone, 0);
	ck_assert_int_eq(sn_control_resume(control, handed, sn_strbuf_str(&out), &waiting), SN_OK);
	ck_assert_str_eq(waiting->verb->name, "wait");
	sn_control_event(waiting, "elsewhere", NULL);
	sn_control_done(waiting, 7, NULL);
	hear(fd, 4);
	ck_assert_ptr_nonnull(strstr(heard, "{\"event\":\"elsewhere\"}\n{\"code\":7}\n"));
	ck_assert_ptr_nonnull(strstr(heard, "[\"2\"]"));
	sn_strbuf_fini(&out);
	close(fd);
}
END_TEST

START_TEST(what_is_no_request_does_not_go_on)
{
	static const char *const broken[] = { "", "\0\0\0\2[]", "\0\0\0\11[\"wait\"]x" };
	static const size_t sizes[] = { 0, 6, 13 };
	const int fd = dial();
	struct sn_strbuf out;
	int handed;

	say(fd, "[\"wait\"]\n");
	sn_test_turn_until(loop, waiting != NULL);
	sn_strbuf_init(&out, 65536);
	handed = sn_control_hand_over(waiting, &out);
	ck_assert_int_eq(
		sn_control_resume(control, handed, sn_str_n(broken[_i], sizes[_i]), &waiting),
		SN_OK);
	ck_assert_ptr_null(waiting);
	ended = false;
	hear_end(fd);
	sn_strbuf_fini(&out);
	close(fd);
}
END_TEST

Suite *control_suite(void);
Suite *control_suite(void)
{
	Suite *suite = suite_create("proc/control");
	TCase *tc = tcase_create("control");

	tcase_add_checked_fixture(tc, setup, teardown);
	tcase_add_test(tc, a_request_and_its_answer);
	tcase_add_test(tc, requests_in_one_packet_are_answered_in_order);
	tcase_add_test(tc, a_request_byte_by_byte_and_then_the_end);
	tcase_add_test(tc, the_end_while_waiting_still_gets_its_answer);
	tcase_add_test(tc, a_client_that_leaves_is_forgotten);
	tcase_add_loop_test(tc, garbage_gets_one_line_and_the_end, 0,
		(int)(sizeof(garbage) / sizeof(garbage[0])));
	tcase_add_test(tc, wrong_verbs_and_counts_do_not_end_it);
	tcase_add_test(tc, an_endless_line_is_refused);
	tcase_add_test(tc, at_most_sixteen_clients);
	tcase_add_test(tc, one_daemon_has_it);
	tcase_add_test(tc, closing_answers_who_waits);
	tcase_add_test(tc, a_request_goes_on_elsewhere);
	tcase_add_loop_test(tc, what_is_no_request_does_not_go_on, 0, 3);
	suite_add_tcase(suite, tc);
	return suite;
}
