#include "daemon/auth/login_cache.h"

#include "tests/support/unit.h"

static struct sn_fake_clock clock_now;
static struct sn_login_cache *cache;

static void setup(void)
{
	sn_fake_clock_init(&clock_now);
	cache = sn_login_cache_new(&clock_now.clock, 3, SN_SEC(600));
}

static void teardown(void)
{
	sn_login_cache_free(&cache);
	ck_assert_ptr_null(cache);
}

static const uint8_t *key_of(const char *account, const char *password, const char *stored)
{
	static uint8_t key[SN_SHA256_SIZE];

	sn_login_cache_key(cache, sn_str(account), sn_str(password), sn_str(stored), key);
	return key;
}

START_TEST(remembers_exactly_this)
{
	sn_login_cache_add(cache, key_of("alice", "secret", "hash"));
	ck_assert(sn_login_cache_has(cache, key_of("alice", "secret", "hash")));
	ck_assert(!sn_login_cache_has(cache, key_of("alice", "Secret", "hash")));
	ck_assert(!sn_login_cache_has(cache, key_of("alice", "secret", "other")));
	ck_assert(!sn_login_cache_has(cache, key_of("bob", "secret", "hash")));
	ck_assert(!sn_login_cache_has(cache, key_of("alices", "ecret", "hash")));
	ck_assert(!sn_login_cache_has(cache, key_of("alice", "secreth", "ash")));
}
END_TEST

START_TEST(keys_are_this_process_s)
{
	struct sn_login_cache *other = sn_login_cache_new(&clock_now.clock, 1, 1);
	uint8_t key[SN_SHA256_SIZE];

	sn_login_cache_key(other, SN_STR("alice"), SN_STR("secret"), SN_STR("hash"), key);
	ck_assert_mem_ne(key, key_of("alice", "secret", "hash"), sizeof(key));
	sn_login_cache_free(&other);
}
END_TEST

START_TEST(expires_however_often_it_is_used)
{
	sn_login_cache_add(cache, key_of("alice", "a", ""));
	sn_fake_clock_advance(&clock_now, SN_SEC(599));
	ck_assert(sn_login_cache_has(cache, key_of("alice", "a", "")));
	sn_login_cache_add(cache, key_of("alice", "a", ""));
	sn_fake_clock_advance(&clock_now, SN_SEC(1));
	ck_assert(!sn_login_cache_has(cache, key_of("alice", "a", "")));
}
END_TEST

START_TEST(the_oldest_goes_first)
{
	static const char *const names[] = { "a", "b", "c", "d" };

	for (int i = 0; i < 4; i++)
		sn_login_cache_add(cache, key_of(names[i], "", ""));
	ck_assert(!sn_login_cache_has(cache, key_of("a", "", "")));
	for (int i = 1; i < 4; i++)
		ck_assert(sn_login_cache_has(cache, key_of(names[i], "", "")));
}
END_TEST

Suite *suite_login_cache(void);
Suite *suite_login_cache(void)
{
	Suite *suite = suite_create("login_cache");
	TCase *tc = tcase_create("login_cache");

	tcase_add_checked_fixture(tc, setup, teardown);
	tcase_add_test(tc, remembers_exactly_this);
	tcase_add_test(tc, keys_are_this_process_s);
	tcase_add_test(tc, expires_however_often_it_is_used);
	tcase_add_test(tc, the_oldest_goes_first);
	suite_add_tcase(suite, tc);
	return suite;
}
