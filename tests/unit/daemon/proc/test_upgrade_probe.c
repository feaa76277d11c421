#include "daemon/proc/upgrade_probe.h"

#include <errno.h>
#include <stdio.h>

#include "daemon/proc/ipc.h"
#include "daemon/proc/upgrade_state.h"
#include "tests/support/turn.h"
#include "tests/support/unit.h"

static struct sn_loop *loop;
static struct sn_upgrade_probe probe;
static int outcome;
static char said[512];

static void on_probed(
	struct sn_upgrade_probe *p, int code, struct sn_str version, const struct sn_diag *diag)
{
	ck_assert_ptr_eq(p, &probe);
	outcome = code;
	(void)snprintf(said, sizeof(said), "%.*s%s", SN_STR_ARG(version), diag->text);
}

static void setup(void)
{
	ck_assert_int_eq(sn_loop_new(NULL, &loop), SN_OK);
	probe = (struct sn_upgrade_probe){ .fn = on_probed };
	outcome = SN_PENDING;
}

static void teardown(void)
{
	sn_upgrade_probe_cancel(&probe);
	sn_loop_free(&loop);
}

static const struct {
	const char *line;
	int code;
	const char *part; /* of the version, or of what is wrong */
} lines[] = {
	{ "sennit-upgrade 1 1 0.1.0\n", SN_OK, "0.1.0" },
	{ "sennit-upgrade 1 1 0.1.0\nand more\n", SN_OK, "0.1.0" },
	{ "sennit-upgrade 2 1 0.3.0\n", SN_EVERSION, "version 0.3.0, which differs" },
	{ "sennit-upgrade 1 2 0.3.0\n", SN_EVERSION, "restart the daemon" },
	{ "sennit-upgrade 1 1 0.1.0", SN_EPROTO, "does not say" },
	{ "sennit-upgrade 1 1\n", SN_EPROTO, "does not say" },
	{ "sennit-upgrade one 1 0.1.0\n", SN_EPROTO, "does not say" },
	{ "sennit-upgrade 1 -1 0.1.0\n", SN_EPROTO, "does not say" },
	{ "good morning\n", SN_EPROTO, "it says: good morning" },
	{ "\n", SN_EPROTO, "does not say" },
	{ "", SN_EPROTO, "can take over" },
};
#define LINE_COUNT ((int)(sizeof(lines) / sizeof(lines[0])))

START_TEST(a_line_is_judged)
{
	struct sn_str version = SN_STR_NULL;
	struct sn_diag diag = { 0 };
	const int code = sn_upgrade_probe_parse(sn_str(lines[_i].line), &version, &diag);

	ck_assert_int_eq(SN_UPGRADE_VERSION, 1); /* else the lines above need care */
	ck_assert_int_eq(SN_IPC_VERSION, 1);
	ck_assert_int_eq(code, lines[_i].code);
	if (code == SN_OK)
		ck_assert_str_view(version, lines[_i].part);
	else
		ck_assert_msg(strstr(diag.text, lines[_i].part) != NULL, "%s", diag.text);
}
END_TEST

START_TEST(a_program_that_says_nothing_of_the_kind)
{
	ck_assert_int_eq(sn_upgrade_probe_start(&probe, loop, "/bin/echo"), SN_OK);
	sn_test_turn_until(loop, outcome != SN_PENDING);
	ck_assert_int_eq(outcome, SN_EPROTO);
	ck_assert_msg(strstr(said, "it says: @upgrade-check") != NULL, "%s", said);
}
END_TEST

START_TEST(a_program_that_fails)
{
	ck_assert_int_eq(sn_upgrade_probe_start(&probe, loop, "/bin/ls"), SN_OK);
	sn_test_turn_until(loop, outcome != SN_PENDING);
	ck_assert_int_eq(outcome, SN_EUNAVAILABLE);
	ck_assert_msg(strstr(said, "it ended with 2") != NULL, "%s", said);
}
END_TEST

START_TEST(what_is_no_program)
{
	ck_assert_int_eq(sn_upgrade_probe_start(&probe, loop, "/etc/passwd"), -EACCES);
	ck_assert_int_eq(sn_upgrade_probe_start(&probe, loop, "/nonexistent"), -ENOENT);
	ck_assert(!probe.running);
}
END_TEST

START_TEST(nobody_waits_any_more)
{
	ck_assert_int_eq(sn_upgrade_probe_start(&probe, loop, "/bin/echo"), SN_OK);
	sn_upgrade_probe_cancel(&probe);
	sn_loop_turn(loop, 0);
	ck_assert_int_eq(outcome, SN_PENDING);
}
END_TEST

Suite *upgrade_probe_suite(void);
Suite *upgrade_probe_suite(void)
{
	Suite *s = suite_create("proc/upgrade_probe");
	TCase *t = tcase_create("upgrade_probe");

	tcase_add_checked_fixture(t, setup, teardown);
	tcase_add_loop_test(t, a_line_is_judged, 0, LINE_COUNT);
	tcase_add_test(t, a_program_that_says_nothing_of_the_kind);
	tcase_add_test(t, a_program_that_fails);
	tcase_add_test(t, what_is_no_program);
	tcase_add_test(t, nobody_waits_any_more);
	suite_add_tcase(s, t);
	return s;
}
