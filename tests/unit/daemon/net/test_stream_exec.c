#include "daemon/net/stream_exec.h"

#include <errno.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/stat.h>
#include <unistd.h>

#include "daemon/base/mem.h"
#include "tests/unit/daemon/net/probe.h"

Suite *sn_suite_stream_exec(void);

static struct sn_loop *loop;
static struct sn_stream *stream;
static struct probe probe;

static void start(char *const *argv)
{
	ck_assert_int_eq(sn_stream_exec_new(loop, argv, &stream), SN_OK);
	probe_init(&probe, stream);
	sn_stream_ready(stream);
}

static void start_script(const char *script)
{
	char *const argv[] = { (char[]){ "sh" }, (char[]){ "-c" }, (char *)(uintptr_t)script,
		NULL };

	start(argv);
}

static void set_up(void)
{
	ck_assert_int_eq(sn_loop_new(NULL, &loop), SN_OK);
}

/* The loop reaps what the stream has left behind. */
static void tear_down(void)
{
	TURN_UNTIL(loop, no_children());
	sn_loop_turn(loop, 0);
	probe_fini(&probe);
	sn_loop_free(&loop);
}

START_TEST(bytes_go_both_ways)
{
	char *const argv[] = { (char[]){ "cat" }, NULL };

	start(argv);
	sn_stream_write(stream, SN_STR("there and back"));
	TURN_UNTIL(loop, probe.got.n == 14);
	ck_assert_str_eq(sn_strbuf_cstr(&probe.got), "there and back");
	ck_assert_uint_eq(probe.ends, 0);
	sn_stream_close(stream);
	TURN_UNTIL(loop, probe.frees == 1);
	ck_assert_int_eq(probe.code, SN_CLOSE);
}
END_TEST

/* Closing is the end of its input, and it gets the time to act on it. */
START_TEST(closing_lets_the_child_finish)
{
	char dir[] = "/tmp/sn-exec-XXXXXX", path[40], script[200];
	struct stat st;

	ck_assert_ptr_nonnull(mkdtemp(dir));
	snprintf(path, sizeof(path), "%s/done", dir);
	snprintf(script, sizeof(script), "cat > %s.part; mv %s.part %s", path, path, path);
	start_script(script);
	sn_stream_write(stream, SN_STR("all of it"));
	sn_stream_close(stream);
	TURN_UNTIL(loop, probe.frees == 1);
	TURN_UNTIL(loop, no_children());
	ck_assert_int_eq(stat(path, &st), 0);
	ck_assert_int_eq(st.st_size, 9);
	unlink(path);
	rmdir(dir);
}
END_TEST

START_TEST(output_of_a_child_that_has_ended_is_read)
{
	start_script("printf 'last words'");
	TURN_UNTIL(loop, probe.frees == 1);
	ck_assert_str_eq(sn_strbuf_cstr(&probe.got), "last words");
	ck_assert_uint_eq(probe.eofs, 1);
	ck_assert_int_eq(probe.code, SN_CLOSE);
}
END_TEST

/* The sleeper keeps the child's side of the socket. */
START_TEST(a_grandchild_does_not_keep_the_stream)
{
	pid_t sleeper;

	start_script("sleep 1000 & echo $!");
	TURN_UNTIL(loop, probe.frees == 1);
	ck_assert_int_eq(probe.code, SN_CLOSE);
	sleeper = (pid_t)strtol(sn_strbuf_cstr(&probe.got), NULL, 10);
	ck_assert_int_gt(sleeper, 1);
	ck_assert_int_eq(kill(sleeper, SIGKILL), 0);
}
END_TEST

START_TEST(aborting_ends_the_child)
{
	char *const argv[] = { (char[]){ "sleep" }, (char[]){ "1000" }, NULL };

	start(argv);
	sn_stream_abort(stream, SN_ECANCELED);
	TURN_UNTIL(loop, probe.frees == 1);
	ck_assert_int_eq(probe.code, SN_ECANCELED);
}
END_TEST

/* The child never reads nor ends; the close deadline does. */
START_TEST(a_deaf_child_is_ended_after_the_close_deadline)
{
	char *const argv[] = { (char[]){ "sleep" }, (char[]){ "1000" }, NULL };

	start(argv);
	sn_stream_close(stream);
	/* Sends the end, for which a busy machine may take longer than the deadline. */
	sn_loop_turn(loop, 0);
	sn_stream_set_deadlines(stream, &(struct sn_stream_deadlines){ .close = SN_MS(20) });
	TURN_UNTIL(loop, probe.frees == 1);
	ck_assert_int_eq(probe.code, SN_CLOSE);
}
END_TEST

START_TEST(writing_to_a_child_that_has_ended_fails)
{
	char *data = pattern_new(1 << 20);

	start_script("exec <&- >&-; exec true");
	sn_stream_write(stream, sn_str_n(data, 1 << 20));
	probe.keeps_open = true;
	TURN_UNTIL(loop, probe.frees == 1);
	ck_assert(probe.code == -EPIPE || probe.code == -ECONNRESET);
	sn_free(data);
}
END_TEST

START_TEST(what_cannot_be_started_is_said_at_once)
{
	char *const argv[] = { (char[]){ "/nonexistent/program" }, NULL };

	ck_assert_int_eq(sn_stream_exec_new(loop, argv, &stream), -ENOENT);
}
END_TEST

Suite *sn_suite_stream_exec(void)
{
	Suite *suite = suite_create("stream_exec");
	TCase *tc = tcase_create("stream_exec");

	tcase_add_checked_fixture(tc, set_up, tear_down);
	tcase_set_timeout(tc, 30);
	tcase_set_tags(tc, "no-valgrind");
	tcase_add_test(tc, bytes_go_both_ways);
	tcase_add_test(tc, closing_lets_the_child_finish);
	tcase_add_test(tc, output_of_a_child_that_has_ended_is_read);
	tcase_add_test(tc, a_grandchild_does_not_keep_the_stream);
	tcase_add_test(tc, aborting_ends_the_child);
	tcase_add_test(tc, a_deaf_child_is_ended_after_the_close_deadline);
	tcase_add_test(tc, writing_to_a_child_that_has_ended_fails);
	tcase_add_test(tc, what_cannot_be_started_is_said_at_once);
	suite_add_tcase(suite, tc);
	return suite;
}
