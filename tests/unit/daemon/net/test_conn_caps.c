#include "daemon/net/conn_caps.h"

#include "tests/support/unit.h"

static struct sn_addr address(const char *text)
{
	struct sn_addr addr;

	ck_assert_int_eq(sn_addr_parse(sn_str(text), 0, &addr), SN_OK);
	return addr;
}

START_TEST(total)
{
	struct sn_cap_entry *none = NULL;
	struct sn_conn_caps caps;

	sn_conn_caps_init(&caps, 2, 0);
	ck_assert(!sn_conn_caps_full(&caps));
	sn_conn_caps_enter(&caps);
	ck_assert(!sn_conn_caps_full(&caps));
	sn_conn_caps_enter(&caps);
	ck_assert(sn_conn_caps_full(&caps));
	sn_conn_caps_leave(&caps, &none);
	ck_assert(!sn_conn_caps_full(&caps));
	sn_conn_caps_leave(&caps, &none);
	sn_conn_caps_fini(&caps);
}
END_TEST

START_TEST(unix_peers_are_not_counted)
{
	struct sn_addr peer;
	struct sn_conn_caps caps;

	ck_assert_int_eq(sn_addr_unix(SN_STR("@peer"), &peer), SN_OK);
	sn_conn_caps_init(&caps, 0, 1);
	sn_conn_caps_enter(&caps);
	ck_assert_ptr_null(sn_conn_caps_enter_address(&caps, &peer));
	ck_assert(!sn_conn_caps_address_full(&caps, &peer));
	sn_conn_caps_leave(&caps, &(struct sn_cap_entry *){ NULL });
	sn_conn_caps_fini(&caps);
}
END_TEST

/* Who shares a count: the key of sn_addr_limit_key. */
START_TEST(by_address)
{
	static const struct {
		const char *one, *other;
		bool same;
	} rows[] = {
		{ "10.0.0.1", "10.0.0.1", true },
		{ "10.0.0.1", "10.0.0.2", false },
		{ "10.0.0.1", "::ffff:10.0.0.1", true },
		{ "2001:db8:1:2::1", "2001:db8:1:2:ffff::9", true },
		{ "2001:db8:1:2::1", "2001:db8:1:3::1", false },
	};
	struct sn_addr one = address(rows[_i].one), other = address(rows[_i].other);
	struct sn_cap_entry *entry;
	struct sn_conn_caps caps;

	sn_conn_caps_init(&caps, 0, 1);
	sn_conn_caps_enter(&caps);
	entry = sn_conn_caps_enter_address(&caps, &one);
	ck_assert_ptr_nonnull(entry);
	ck_assert(sn_conn_caps_address_full(&caps, &one));
	ck_assert_int_eq(sn_conn_caps_address_full(&caps, &other), rows[_i].same);
	sn_conn_caps_leave(&caps, &entry);
	ck_assert_ptr_null(entry);
	ck_assert(!sn_conn_caps_address_full(&caps, &one));
	sn_conn_caps_fini(&caps);
}
END_TEST

START_TEST(many_addresses_leave_nothing_behind)
{
	struct sn_cap_entry *entries[300];
	struct sn_conn_caps caps;

	sn_conn_caps_init(&caps, 0, 3);
	for (unsigned i = 0; i < 300; i++) {
		struct sn_addr addr = address("10.0.0.0");

		addr.in.sin_addr.s_addr += htonl(i % 100);
		ck_assert(!sn_conn_caps_address_full(&caps, &addr));
		sn_conn_caps_enter(&caps);
		entries[i] = sn_conn_caps_enter_address(&caps, &addr);
	}
	ck_assert_uint_eq(caps.by_address.count, 100);
	for (unsigned i = 0; i < 300; i++)
		sn_conn_caps_leave(&caps, &entries[i]);
	ck_assert_uint_eq(caps.by_address.count, 0);
	ck_assert_uint_eq(caps.total, 0);
	sn_conn_caps_fini(&caps);
}
END_TEST

START_TEST(none)
{
	struct sn_addr addr = address("10.0.0.1");
	struct sn_cap_entry *entry;

	sn_conn_caps_enter(NULL);
	entry = sn_conn_caps_enter_address(NULL, &addr);
	ck_assert_ptr_null(entry);
	ck_assert(!sn_conn_caps_full(NULL));
	ck_assert(!sn_conn_caps_address_full(NULL, &addr));
	sn_conn_caps_leave(NULL, &entry);
}
END_TEST

Suite *sn_suite_conn_caps(void);
Suite *sn_suite_conn_caps(void)
{
	Suite *suite = suite_create("net/conn_caps");
	TCase *tc = tcase_create("caps");

	tcase_add_test(tc, total);
	tcase_add_test(tc, unix_peers_are_not_counted);
	tcase_add_loop_test(tc, by_address, 0, 5);
	tcase_add_test(tc, many_addresses_leave_nothing_behind);
	tcase_add_test(tc, none);
	suite_add_tcase(suite, tc);
	return suite;
}
