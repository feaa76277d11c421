#include "daemon/auth/accounts_touch.h"

#include <stdio.h>

#include "tests/unit/daemon/auth/accounts_fixture.h"

static struct sn_account_touches *touches;

static void setup(void)
{
	accounts_setup();
	touches = sn_account_touches_new(&context);
}

static void teardown(void)
{
	sn_account_touches_free(&touches);
	accounts_teardown();
}

struct times {
	int64_t last_login, used;
};

static void take_times(void *where, struct sn_promise *p)
{
	const struct sn_account *account = sn_account_at(p, 0);

	*(struct times *)where = (struct times){
		.last_login = account->last_login,
		.used = account->item_count > 0 ? account->items[0].used : 0,
	};
}

static struct times times_of(const char *name)
{
	struct times times = { 0 };

	ck_assert_int_eq(
		sn_store_wait(loop, sn_account_read(&context, sn_str(name), SN_STR_NULL, 1),
			take_times, &times),
		SN_OK);
	return times;
}

static struct sn_account_id id_of(const char *name)
{
	struct sn_account_id id;

	ck_assert(sn_account_id_make(sn_str(name), &id));
	return id;
}

START_TEST(writes_behind)
{
	const struct sn_account_id id = id_of("alice");
	const int64_t now = sn_loop_wall(loop);

	add_account("alice", NULL);
	add_item("alice", SN_ACCOUNT_TOKEN, ABC_SHA256);
	sn_account_touch(touches, &id, SN_STR(ABC_SHA256));
	ck_assert_int_eq(times_of("alice").last_login, 0);
	sn_account_touches_free(&touches);
	ck_assert_int_ge(times_of("alice").last_login, now);
	ck_assert_int_eq(times_of("alice").used, times_of("alice").last_login);
}
END_TEST

START_TEST(a_minute_is_the_grain)
{
	const struct sn_account_id id = id_of("alice");
	int64_t first;

	add_account("alice", NULL);
	for (int i = 0; i < 2; i++) {
		sn_account_touch(touches, &id, SN_STR_NULL);
		sn_account_touches_free(&touches);
		touches = sn_account_touches_new(&context);
		if (i == 0)
			first = times_of("alice").last_login;
	}
	ck_assert_int_gt(first, 0);
	ck_assert_int_eq(times_of("alice").last_login, first);
	run_sql("UPDATE accounts SET last_login = last_login - 61000000000");
	sn_account_touch(touches, &id, SN_STR_NULL);
	sn_account_touches_free(&touches);
	ck_assert_int_ge(times_of("alice").last_login, first);
}
END_TEST

/* More than it remembers, each more than once; nobody but those who exist. */
START_TEST(a_storm)
{
	char name[16];

	add_account("user7", NULL);
	add_account("user199", NULL);
	for (int round = 0; round < 2; round++) {
		for (int i = 0; i < 200; i++) {
			struct sn_account_id id;

			(void)snprintf(name, sizeof(name), "user%d", i);
			id = id_of(name);
			sn_account_touch(touches, &id, SN_STR_NULL);
		}
		sn_loop_turn(loop, 0);
	}
	sn_account_touches_free(&touches);
	ck_assert_int_gt(times_of("user7").last_login, 0);
	ck_assert_int_gt(times_of("user199").last_login, 0);
}
END_TEST

Suite *suite_accounts_touch(void);
Suite *suite_accounts_touch(void)
{
	Suite *suite = suite_create("accounts_touch");
	TCase *tc = tcase_create("accounts_touch");

	tcase_add_checked_fixture(tc, setup, teardown);
	tcase_add_test(tc, writes_behind);
	tcase_add_test(tc, a_minute_is_the_grain);
	tcase_add_test(tc, a_storm);
	suite_add_tcase(suite, tc);
	return suite;
}
