#include "daemon/auth/session.h"

#include "daemon/auth/checker.h"
#include "daemon/base/wire.h"
#include "tests/support/unit.h"

START_TEST(keeps_a_copy_of_the_name)
{
	char name[] = "alice";
	struct sn_session *session = sn_session_new(sn_str(name), "memory");

	name[0] = 'X';
	ck_assert_str_view(session->account, "alice");
	ck_assert_int_eq(session->account.p[5], '\0');
	ck_assert_str_eq(session->checker, "memory");
	sn_session_unref(&session);
	ck_assert_ptr_null(session);
}
END_TEST

START_TEST(lives_until_the_last_reference)
{
	struct sn_session *first = sn_session_new(SN_STR("bob"), "file");
	struct sn_session *second = sn_session_ref(first);

	ck_assert_ptr_eq(first, second);
	sn_session_unref(&first);
	ck_assert_str_view(second->account, "bob");
	sn_session_unref(&second);
	sn_session_unref(&second);
}
END_TEST

START_TEST(roles_are_sorted_and_unique)
{
	static const char *const given[] = { "operator", "admin", "operator", "guest", "",
		"admin" };
	static const char *const kept[] = { "admin", "guest", "operator" };
	struct sn_session *session = sn_session_new(SN_STR("bob"), "file");

	for (size_t i = 0; i < 6; i++)
		sn_session_add_role(session, sn_str(given[i]));
	ck_assert_uint_eq(session->role_count, 3);
	for (size_t i = 0; i < 3; i++) {
		ck_assert_str_view(session->roles[i], kept[i]);
		ck_assert(sn_session_has_role(session, sn_str(kept[i])));
	}
	ck_assert(!sn_session_has_role(session, SN_STR("oper")));
	ck_assert(!sn_session_has_role(session, SN_STR("")));
	ck_assert(!sn_session_has_role(session, SN_STR("zoo")));
	sn_session_unref(&session);
}
END_TEST

static struct sn_session *full_session(void)
{
	struct sn_session *session = sn_session_new(SN_STR("bob"), "file");

	sn_session_add_role(session, SN_STR("operator"));
	sn_session_add_role(session, SN_STR("admin"));
	sn_session_set_options(session, SN_STR("no-pty"));
	sn_session_set_options(session, SN_STR("no-pty,command=\"backup\""));
	session->expires = SN_SEC(1700000000);
	return session;
}

START_TEST(moves_as_bytes)
{
	struct sn_session *session = full_session(), *moved;
	struct sn_strbuf frozen;
	struct sn_reader in;

	sn_checkers_init();
	sn_strbuf_init(&frozen, 1 << 20);
	sn_session_freeze(session, &frozen);
	in = sn_reader(sn_strbuf_str(&frozen));
	moved = sn_session_thaw(&in);
	ck_assert_ptr_nonnull(moved);
	ck_assert_uint_eq(sn_reader_left(&in), 0);
	ck_assert_str_view(moved->account, "bob");
	ck_assert_str_eq(moved->checker, "file");
	ck_assert_uint_eq(moved->role_count, 2);
	ck_assert(sn_session_has_role(moved, SN_STR("operator")));
	ck_assert_str_view(moved->options, "no-pty,command=\"backup\"");
	ck_assert_int_eq(moved->expires, session->expires);
	sn_session_unref(&moved);
	for (size_t n = 0; n < frozen.n; n++) {
		in = sn_reader(sn_str_sub(sn_strbuf_str(&frozen), 0, n));
		ck_assert_ptr_null(sn_session_thaw(&in));
	}
	frozen.p[0]++;
	in = sn_reader(sn_strbuf_str(&frozen));
	ck_assert_ptr_null(sn_session_thaw(&in));
	ck_assert_int_eq(in.err, SN_EVERSION);
	sn_session_unref(&session);
	sn_strbuf_fini(&frozen);
}
END_TEST

Suite *suite_session(void);
Suite *suite_session(void)
{
	Suite *suite = suite_create("session");
	TCase *tc = tcase_create("session");

	tcase_add_test(tc, keeps_a_copy_of_the_name);
	tcase_add_test(tc, lives_until_the_last_reference);
	tcase_add_test(tc, roles_are_sorted_and_unique);
	tcase_add_test(tc, moves_as_bytes);
	suite_add_tcase(suite, tc);
	return suite;
}
