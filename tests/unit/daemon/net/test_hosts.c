#include "daemon/net/hosts.h"

#include "tests/support/unit.h"

Suite *sn_suite_hosts(void);

static const char file[] = "# comment\n"
			   "127.0.0.1 localhost\n"
			   "::1\tlocalhost ip6-localhost # the same\r\n"
			   "  192.0.2.7   www.example.org www   \n"
			   "192.0.2.8 WWW.example.org\n"
			   "192.0.2.7 www.example.org again\n"
			   "fe80::1%1 link\n"
			   "not-an-address broken\n"
			   "192.0.2.999 broken\n"
			   "192.0.2.9\n"
			   "\n"
			   "192.0.2.10 last";

static const struct {
	const char *name, *addrs;
} lookups[] = {
	{ "localhost", "127.0.0.1:80 [::1]:80 " },
	{ "LOCALHOST.", "127.0.0.1:80 [::1]:80 " },
	{ "ip6-localhost", "[::1]:80 " },
	{ "www.example.org", "192.0.2.7:80 192.0.2.8:80 " },
	{ "www", "192.0.2.7:80 " },
	{ "again", "192.0.2.7:80 " },
	{ "last", "192.0.2.10:80 " },
	{ "broken", "" },
	{ "#", "" },
	{ "the", "" },
	{ "", "" },
	{ ".", "" },
	{ "192.0.2.9", "" },
};

START_TEST(test_addresses_of_a_name)
{
	struct sn_hosts *hosts = sn_hosts_parse(sn_str(file));
	struct sn_addr addrs[4];
	char text[200];
	struct sn_strbuf out;
	size_t n = sn_hosts_addrs(hosts, sn_str(lookups[_i].name), 80, addrs, 4);

	ck_assert_uint_le(n, 4);
	sn_strbuf_fixed(&out, text, sizeof(text));
	for (size_t i = 0; i < n; i++) {
		sn_addr_format(&addrs[i], &out);
		sn_strbuf_addc(&out, ' ');
	}
	ck_assert_str_eq(text, lookups[_i].addrs);
	sn_hosts_free(&hosts);
}
END_TEST

static const struct {
	const char *addr, *names;
} reverse[] = {
	{ "127.0.0.1", "localhost " },
	{ "::1", "localhost ip6-localhost " },
	{ "::ffff:192.0.2.7", "www.example.org www again " },
	{ "192.0.2.7", "www.example.org www again " },
	{ "192.0.2.8", "www.example.org " },
	{ "192.0.2.9", "" },
	{ "fe80::1%1", "link " },
	{ "fe80::1", "" },
};

START_TEST(test_names_of_an_address)
{
	struct sn_hosts *hosts = sn_hosts_parse(sn_str(file));
	struct sn_str names[4];
	struct sn_addr addr;
	char text[200];
	struct sn_strbuf out;
	size_t n;

	ck_assert_int_eq(sn_addr_parse(sn_str(reverse[_i].addr), 99, &addr), SN_OK);
	n = sn_hosts_names(hosts, &addr, names, 4);
	ck_assert_uint_le(n, 4);
	sn_strbuf_fixed(&out, text, sizeof(text));
	for (size_t i = 0; i < n; i++) {
		sn_strbuf_add(&out, names[i]);
		sn_strbuf_addc(&out, ' ');
	}
	ck_assert_str_eq(text, reverse[_i].names);
	sn_hosts_free(&hosts);
}
END_TEST

START_TEST(test_cap_bounds_what_is_written)
{
	struct sn_hosts *hosts = sn_hosts_parse(sn_str(file));
	struct sn_addr addrs[2] = { { .len = 0 }, { .len = 77 } };
	struct sn_str names[2] = { SN_STR("x"), SN_STR("untouched") };

	ck_assert_uint_eq(sn_hosts_addrs(hosts, SN_STR("localhost"), 1, addrs, 1), 2);
	ck_assert_uint_eq(addrs[1].len, 77);
	ck_assert_int_eq(sn_addr_parse(SN_STR("192.0.2.7"), 0, &addrs[0]), SN_OK);
	ck_assert_uint_eq(sn_hosts_names(hosts, &addrs[0], names, 1), 3);
	ck_assert_str_view(names[1], "untouched");
	sn_hosts_free(&hosts);
}
END_TEST

START_TEST(test_empty_file_and_unix_address)
{
	struct sn_hosts *hosts = sn_hosts_parse(SN_STR_NULL);
	struct sn_addr addr;

	ck_assert_int_eq(sn_addr_unix(SN_STR("/x"), &addr), SN_OK);
	ck_assert_uint_eq(sn_hosts_addrs(hosts, SN_STR("localhost"), 1, NULL, 0), 0);
	ck_assert_uint_eq(sn_hosts_names(hosts, &addr, NULL, 0), 0);
	sn_hosts_free(&hosts);
	sn_hosts_free(&hosts);
}
END_TEST

Suite *sn_suite_hosts(void)
{
	Suite *suite = suite_create("hosts");
	TCase *tc = tcase_create("hosts");

	tcase_add_loop_test(tc, test_addresses_of_a_name, 0, sizeof(lookups) / sizeof(lookups[0]));
	tcase_add_loop_test(tc, test_names_of_an_address, 0, sizeof(reverse) / sizeof(reverse[0]));
	tcase_add_test(tc, test_cap_bounds_what_is_written);
	tcase_add_test(tc, test_empty_file_and_unix_address);
	suite_add_tcase(suite, tc);
	return suite;
}
