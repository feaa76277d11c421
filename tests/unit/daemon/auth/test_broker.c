/* What auth/broker.c adds to its implementer, of whom tests/unit/daemon/proc has more. */
#include "daemon/auth/broker.h"

#include <unistd.h>

#include "tests/unit/daemon/auth/broker_fixture.h"

START_TEST(knows_service_names)
{
	static const struct {
		const char *name;
		bool valid;
	} rows[] = {
		{ "sennit", true },
		{ "su-l", true },
		{ "x.y_Z9", true },
		{ "", false },
		{ ".", false },
		{ "..", false },
		{ ".hidden", false },
		{ "../sshd", false },
		{ "a/b", false },
		{ "a b", false },
		{ "name-of-a-service-that-is-longer-than-sixty-four-characters-are-x", false },
	};

	for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++)
		ck_assert_msg(sn_broker_service_valid(sn_str(rows[i].name)) == rows[i].valid, "%s",
			rows[i].name);
}
END_TEST

/* What is in an answer is there once. */
START_TEST(a_descriptor_is_taken_once)
{
	struct sn_broker_answer answer = { .fd = 7 };

	ck_assert_int_eq(sn_broker_taken_fd(&answer.promise), 7);
	ck_assert_int_eq(sn_broker_taken_fd(&answer.promise), -1);
}
END_TEST

START_TEST(a_program_is_taken_whole)
{
	struct sn_broker_answer end = { .status = 256 };
	struct sn_broker_answer answer = {
		.spawned = { .pid = 12, .fds = { 3, 4, 5 }, .exit = &end.promise },
	};
	struct sn_spawned spawned;

	sn_broker_take_spawned(&answer.promise, &spawned);
	ck_assert_int_eq(spawned.pid, 12);
	ck_assert_int_eq(spawned.fds[2], 5);
	ck_assert_int_eq(sn_broker_exit_status(spawned.exit), 256);
	ck_assert_ptr_null(answer.spawned.exit);
}
END_TEST

Suite *suite_broker(void);
Suite *suite_broker(void)
{
	Suite *suite = suite_create("broker");
	TCase *tc = tcase_create("broker");

	tcase_add_test(tc, knows_service_names);
	tcase_add_test(tc, a_descriptor_is_taken_once);
	tcase_add_test(tc, a_program_is_taken_whole);
	suite_add_tcase(suite, tc);
	return suite;
}
