#include "tests/support/unit.h"

#include <arpa/inet.h>
#include <errno.h>

#include "daemon/net/addr.h"

static const char *text_of(const struct sn_addr *addr)
{
	static char text[SN_ADDR_TEXT_SIZE];
	struct sn_strbuf out;

	sn_strbuf_fixed(&out, text, sizeof(text));
	sn_addr_format(addr, &out);
	ck_assert_int_eq(out.err, SN_OK);
	return text;
}

static struct sn_addr parsed(const char *ip, uint16_t port)
{
	struct sn_addr addr;

	ck_assert_int_eq(sn_addr_parse(sn_str(ip), port, &addr), SN_OK);
	return addr;
}

START_TEST(parses_and_prints)
{
	static const struct {
		const char *ip, *text;
	} rows[] = {
		{ "127.0.0.1", "127.0.0.1:80" },
		{ "0.0.0.0", "0.0.0.0:80" },
		{ "::", "[::]:80" },
		{ "0:0:0:0:0:0:0:1", "[::1]:80" },
		{ "::ffff:192.0.2.1", "[::ffff:192.0.2.1]:80" },
		{ "fe80::1%lo", "[fe80::1%lo]:80" },
		{ "fe80::1%4000000000", "[fe80::1%4000000000]:80" },
	};
	const struct sn_addr addr = parsed(rows[_i].ip, 80);

	ck_assert_str_eq(text_of(&addr), rows[_i].text);
	ck_assert_uint_eq(sn_addr_port(&addr), 80);
}
END_TEST

START_TEST(refuses_what_is_no_address)
{
	static const struct {
		struct sn_str ip;
		int rc;
	} rows[] = {
		{ SN_STR(""), SN_ESYNTAX },
		{ SN_STR("localhost"), SN_ESYNTAX },
		{ SN_STR("1.2.3"), SN_ESYNTAX },
		{ SN_STR("1.2.3.4.5"), SN_ESYNTAX },
		{ SN_STR("1.2.3.04"), SN_ESYNTAX },
		{ SN_STR("1.2.3.256"), SN_ESYNTAX },
		{ SN_STR(" 1.2.3.4"), SN_ESYNTAX },
		{ SN_STR("1.2.3.4\0"), SN_ESYNTAX },
		{ SN_STR("[::1]"), SN_ESYNTAX },
		{ SN_STR(":::"), SN_ESYNTAX },
		{ SN_STR("fe80::1%"), SN_ESYNTAX },
		{ SN_STR("%lo"), SN_ESYNTAX },
		{ SN_STR("1.2.3.4%lo"), SN_ESYNTAX },
		{ SN_STR("fe80::1%an-interface-name-too-long"), SN_ESYNTAX },
		{ SN_STR("fe80::1%no-such-if"), SN_ENOTFOUND },
		{ SN_STR("1111:2222:3333:4444:5555:6666:7777:8888:9999:aaaa:bbbb"), SN_ESYNTAX },
	};
	struct sn_addr addr;

	ck_assert_int_eq(sn_addr_parse(rows[_i].ip, 80, &addr), rows[_i].rc);
	ck_assert_uint_eq(addr.len, 0);
}
END_TEST

START_TEST(unix_paths)
{
	char longest[sizeof(((struct sockaddr_un *)0)->sun_path) + 1];
	struct sn_addr addr, abstract;

	ck_assert_int_eq(sn_addr_unix(SN_STR("/run/x.sock"), &addr), SN_OK);
	ck_assert_str_eq(text_of(&addr), "unix:/run/x.sock");
	ck_assert_uint_eq(addr.len, offsetof(struct sockaddr_un, sun_path) + 12);
	ck_assert_uint_eq(sn_addr_port(&addr), 0);

	ck_assert_int_eq(sn_addr_unix(SN_STR("@name"), &abstract), SN_OK);
	ck_assert_str_eq(text_of(&abstract), "unix:@name");
	ck_assert_uint_eq(abstract.len, offsetof(struct sockaddr_un, sun_path) + 5);
	ck_assert_int_eq(abstract.un.sun_path[0], '\0');
	ck_assert_int_eq(sn_addr_unix(SN_STR("\0name"), &addr), SN_OK);
	ck_assert(sn_addr_eq(&addr, &abstract));

	ck_assert_int_eq(sn_addr_unix(SN_STR(""), &addr), SN_EMISSING);
	ck_assert_int_eq(sn_addr_unix(SN_STR("/a\0b"), &addr), SN_ESYNTAX);
	memset(longest, 'x', sizeof(longest));
	ck_assert_int_eq(sn_addr_unix(sn_str_n(longest, sizeof(longest) - 1), &addr), SN_ELIMIT);
	ck_assert_int_eq(sn_addr_unix(sn_str_n(longest, sizeof(longest) - 2), &addr), SN_OK);
	ck_assert_uint_eq(strlen(text_of(&addr)), strlen("unix:") + sizeof(longest) - 2);
}
END_TEST

START_TEST(unix_addresses_of_the_kernel)
{
	const socklen_t offset = offsetof(struct sockaddr_un, sun_path);
	struct sockaddr_un un = { .sun_family = AF_UNIX, .sun_path = "/a" };
	const struct sockaddr *sa = (const struct sockaddr *)&un;
	struct sn_addr with_nul, without, addr;

	ck_assert_int_eq(sn_addr_from_sockaddr(sa, offset + 3, &with_nul), SN_OK);
	ck_assert_int_eq(sn_addr_from_sockaddr(sa, offset + 2, &without), SN_OK);
	ck_assert(sn_addr_eq(&with_nul, &without));
	ck_assert_int_eq(sn_addr_from_sockaddr(sa, offset, &addr), SN_OK);
	ck_assert_str_eq(text_of(&addr), "unix:");
	ck_assert(!sn_addr_eq(&addr, &without));

	memset(un.sun_path, 'x', sizeof(un.sun_path));
	ck_assert_int_eq(sn_addr_from_sockaddr(sa, sizeof(un), &addr), SN_OK);
	ck_assert_uint_eq(strlen(text_of(&addr)), strlen("unix:") + sizeof(un.sun_path));
}
END_TEST

START_TEST(refuses_other_sockaddrs)
{
	struct sockaddr_storage ss = { .ss_family = AF_INET };
	const struct sockaddr *sa = (const struct sockaddr *)&ss;
	struct sn_addr addr;

	ck_assert_int_eq(sn_addr_from_sockaddr(sa, sizeof(struct sockaddr_in), &addr), SN_OK);
	ck_assert_int_eq(
		sn_addr_from_sockaddr(sa, sizeof(struct sockaddr_in) - 1, &addr), SN_ESYNTAX);
	ck_assert_int_eq(sn_addr_from_sockaddr(sa, 0, &addr), SN_ESYNTAX);
	ss.ss_family = AF_INET6;
	ck_assert_int_eq(
		sn_addr_from_sockaddr(sa, sizeof(struct sockaddr_in6) - 1, &addr), SN_ESYNTAX);
	ck_assert_int_eq(sn_addr_from_sockaddr(sa, sizeof(struct sockaddr_in6), &addr), SN_OK);
	ss.ss_family = AF_UNIX;
	ck_assert_int_eq(sn_addr_from_sockaddr(sa, sizeof(ss), &addr), SN_ESYNTAX);
	ss.ss_family = AF_PACKET;
	ck_assert_int_eq(sn_addr_from_sockaddr(sa, sizeof(ss), &addr), -EAFNOSUPPORT);
	ck_assert_uint_eq(addr.len, 0);
	ck_assert_str_eq(text_of(&addr), "-");
}
END_TEST

START_TEST(any_and_ports)
{
	struct sn_addr addr;

	sn_addr_any4(1, &addr);
	ck_assert_str_eq(text_of(&addr), "0.0.0.0:1");
	sn_addr_set_port(&addr, 65535);
	ck_assert_str_eq(text_of(&addr), "0.0.0.0:65535");
	sn_addr_any6(1, &addr);
	sn_addr_set_port(&addr, 2);
	ck_assert_str_eq(text_of(&addr), "[::]:2");
}
END_TEST

START_TEST(equality)
{
	const struct sn_addr none = { 0 };
	struct sn_addr a = parsed("127.0.0.1", 1), b = parsed("127.0.0.1", 1);

	ck_assert(sn_addr_eq(&a, &b));
	sn_addr_set_port(&b, 2);
	ck_assert(!sn_addr_eq(&a, &b));
	b = parsed("127.0.0.2", 1);
	ck_assert(!sn_addr_eq(&a, &b));
	b = parsed("::ffff:127.0.0.1", 1);
	ck_assert(!sn_addr_eq(&a, &b));
	ck_assert(!sn_addr_eq(&a, &none));
	ck_assert(sn_addr_eq(&none, &none));
	a = parsed("fe80::1%1", 1);
	b = parsed("fe80::1%2", 1);
	ck_assert(!sn_addr_eq(&a, &b));
	b = parsed("fe80::1%1", 1);
	b.in6.sin6_flowinfo = htonl(7);
	ck_assert(sn_addr_eq(&a, &b));
}
END_TEST

START_TEST(loopback)
{
	static const struct {
		const char *ip;
		bool loopback;
	} rows[] = {
		{ "127.0.0.1", true },
		{ "127.255.1.2", true },
		{ "128.0.0.1", false },
		{ "0.0.0.0", false },
		{ "::1", true },
		{ "::2", false },
		{ "::ffff:127.0.0.1", true },
		{ "::ffff:10.0.0.1", false },
	};
	const struct sn_addr none = { 0 };
	struct sn_addr addr = parsed(rows[_i].ip, 1);

	ck_assert_int_eq(sn_addr_is_loopback(&addr), rows[_i].loopback);
	ck_assert_int_eq(sn_addr_unix(SN_STR("/x"), &addr), SN_OK);
	ck_assert(sn_addr_is_loopback(&addr));
	ck_assert(!sn_addr_is_loopback(&none));
}
END_TEST

START_TEST(host_alone)
{
	struct sn_addr addr = parsed("::1", 80);
	struct sn_strbuf out;
	char text[SN_ADDR_TEXT_SIZE];

	sn_strbuf_fixed(&out, text, sizeof(text));
	sn_addr_format_host(&addr, &out);
	sn_strbuf_addc(&out, ' ');
	addr = parsed("10.0.0.1", 80);
	sn_addr_format_host(&addr, &out);
	sn_strbuf_addc(&out, ' ');
	ck_assert_int_eq(sn_addr_unix(SN_STR("@x"), &addr), SN_OK);
	sn_addr_format_host(&addr, &out);
	ck_assert_str_eq(text, "::1 10.0.0.1 @x");
}
END_TEST

static bool same_key(const char *a, const char *b)
{
	const struct sn_addr addr_a = parsed(a, 1), addr_b = parsed(b, 2);
	uint8_t key_a[16], key_b[16];

	sn_addr_limit_key(&addr_a, key_a);
	sn_addr_limit_key(&addr_b, key_b);
	return memcmp(key_a, key_b, sizeof(key_a)) == 0;
}

START_TEST(limit_keys)
{
	struct sn_addr one, two;
	uint8_t key_one[16], key_two[16];

	ck_assert(same_key("192.0.2.1", "192.0.2.1"));
	ck_assert(same_key("192.0.2.1", "::ffff:192.0.2.1"));
	ck_assert(!same_key("192.0.2.1", "192.0.2.2"));
	ck_assert(same_key("2001:db8:1:2::1", "2001:db8:1:2:ffff::9"));
	ck_assert(!same_key("2001:db8:1:2::1", "2001:db8:1:3::1"));
	ck_assert(!same_key("::1", "0.0.0.1"));
	ck_assert_int_eq(sn_addr_unix(SN_STR("/one"), &one), SN_OK);
	ck_assert_int_eq(sn_addr_unix(SN_STR("@two"), &two), SN_OK);
	sn_addr_limit_key(&one, key_one);
	sn_addr_limit_key(&two, key_two);
	ck_assert_mem_eq(key_one, key_two, sizeof(key_one));
}
END_TEST

Suite *sn_suite_addr(void);
Suite *sn_suite_addr(void)
{
	Suite *suite = suite_create("addr");
	TCase *tc = tcase_create("addr");

	tcase_add_loop_test(tc, parses_and_prints, 0, 7);
	tcase_add_loop_test(tc, refuses_what_is_no_address, 0, 16);
	tcase_add_test(tc, unix_paths);
	tcase_add_test(tc, unix_addresses_of_the_kernel);
	tcase_add_test(tc, refuses_other_sockaddrs);
	tcase_add_test(tc, any_and_ports);
	tcase_add_test(tc, equality);
	tcase_add_loop_test(tc, loopback, 0, 8);
	tcase_add_test(tc, host_alone);
	tcase_add_test(tc, limit_keys);
	suite_add_tcase(suite, tc);
	return suite;
}
