#include "daemon/auth/authorized_keys.h"

#include <stdlib.h>
#include <time.h>

#include "daemon/base/clock.h"
#include "tests/support/unit.h"

static char mem[512];
static struct sn_strbuf out;
static struct sn_diag diag;

static struct sn_addr addr(const char *ip)
{
	struct sn_addr a;

	ck_assert_int_eq(sn_addr_parse(sn_str(ip), 0, &a), SN_OK);
	return a;
}

/* From 192.0.2.7 on 2026-11-20. */
static int apply(const char *options)
{
	const struct sn_addr peer = addr("192.0.2.7");

	sn_strbuf_fixed(&out, mem, sizeof(mem));
	diag = (struct sn_diag){ 0 };
	return sn_authorized_options(sn_str(options), &peer, SN_SEC(1795132800), &out, &diag);
}

START_TEST(passes_restrictions_on)
{
	static const struct {
		const char *options, *session;
	} rows[] = {
		{ "", "" },
		{ "no-pty", "no-pty" },
		{ "RESTRICT,Pty,no-x11-FORWARDING", "restrict,pty,no-X11-forwarding" },
		{ "command=\"echo \\\"a,b\\\" \\n\"", "command=\"echo \\\"a,b\\\" \\n\"" },
		{ "from=\"192.0.2.*\",no-pty", "no-pty" },
		{ "no-pty,expiry-time=\"20301231\",user-rc", "no-pty,user-rc" },
		{ ",no-pty,,user-rc,", "no-pty,user-rc" },
		{ "environment=\"A_1=x\",environment=\"B=\"",
			"environment=\"A_1=x\",environment=\"B=\"" },
		{ "permitopen=\"localhost:80\",permitopen=\"[::1]:*\"",
			"permitopen=\"localhost:80\",permitopen=\"[::1]:*\"" },
		{ "permitlisten=\"8080\",permitlisten=\"*:22\"",
			"permitlisten=\"8080\",permitlisten=\"*:22\"" },
		{ "tunnel=\"0\"", "tunnel=\"0\"" },
		{ "no-touch-required,verify-required", "no-touch-required,verify-required" },
	};
	const int code = apply(rows[_i].options);

	ck_assert_msg(code == SN_OK, "%s: %s", rows[_i].options, diag.text);
	ck_assert_str_view(sn_strbuf_str(&out), rows[_i].session);
}
END_TEST

START_TEST(refuses)
{
	static const struct {
		const char *options;
		int code;
	} rows[] = {
		{ "from=\"192.0.2.8\"", SN_EDENIED },
		{ "from=\"\"", SN_EDENIED },
		{ "expiry-time=\"20201231\"", SN_EDENIED },
		{ "expiry-time=\"20301231\",expiry-time=\"20201231\"", SN_EDENIED },
		{ "cert-authority", SN_EUNSUPPORTED },
		{ "cert-authority,principals=\"a\"", SN_EUNSUPPORTED },
		/* One bad option voids the line, whatever stands before it. */
		{ "from=\"192.0.2.8\",no-such-option", SN_ESYNTAX },
		{ "no-such-option", SN_ESYNTAX },
		{ "no-restrict", SN_ESYNTAX },
		{ "no-cert-authority", SN_ESYNTAX },
		{ "pty=\"yes\"", SN_ESYNTAX },
		{ "command", SN_ESYNTAX },
		{ "command=ls", SN_ESYNTAX },
		{ "command=\"ls", SN_ESYNTAX },
		{ "command=\"a\",command=\"b\"", SN_ESYNTAX },
		{ "from=\"192.0.2.7\",from=\"192.0.2.7\"", SN_ESYNTAX },
		{ "from=\"192.0.2.1/24\"", SN_ESYNTAX },
		{ "expiry-time=\"tomorrow\"", SN_ESYNTAX },
		{ "environment=\"A\"", SN_ESYNTAX },
		{ "environment=\"=x\"", SN_ESYNTAX },
		{ "environment=\"A-B=x\"", SN_ESYNTAX },
		{ "permitopen=\"80\"", SN_ESYNTAX },
		{ "permitopen=\"localhost:0\"", SN_ESYNTAX },
		{ "permitopen=\"localhost:65536\"", SN_ESYNTAX },
		{ "permitopen=\"[::1]80\"", SN_ESYNTAX },
		{ "permitlisten=\"x\"", SN_ESYNTAX },
		{ "tunnel=\"x\"", SN_ESYNTAX },
		{ "no-pty;user-rc", SN_ESYNTAX },
		{ "principals=\"a,b\"", SN_EUNSUPPORTED },
	};
	const int code = apply(rows[_i].options);

	ck_assert_msg(code == rows[_i].code, "%s: %s", rows[_i].options, sn_errname(code));
	ck_assert_int_ne(diag.text[0], '\0');
}
END_TEST

START_TEST(too_many_restrictions_are_no_login)
{
	char text[64], options[] = "command=\"a long command that does not fit in there\"";
	struct sn_strbuf small;

	sn_strbuf_fixed(&small, text, 16);
	ck_assert_int_eq(sn_authorized_options(sn_str(options), NULL, 0, &small, &diag), SN_ELIMIT);
}
END_TEST

START_TEST(matches_addresses)
{
	static const struct {
		const char *patterns, *peer;
		int code;
	} rows[] = {
		{ "192.0.2.7", "192.0.2.7", SN_OK },
		{ "192.0.2.7", "192.0.2.70", SN_EDENIED },
		{ "192.0.2.*", "192.0.2.70", SN_OK },
		{ "192.0.2.?", "192.0.2.70", SN_EDENIED },
		{ "192.0.2.0/24", "192.0.2.70", SN_OK },
		{ "192.0.2.0/24", "192.0.3.1", SN_EDENIED },
		{ "192.0.2.64/26", "192.0.2.127", SN_OK },
		{ "192.0.2.64/26", "192.0.2.128", SN_EDENIED },
		{ "0.0.0.0/0", "198.51.100.1", SN_OK },
		{ "0.0.0.0/0", "2001:db8::1", SN_EDENIED },
		{ "192.0.2.1/24", "192.0.2.1", SN_ESYNTAX },
		{ "192.0.2.7/33", "192.0.2.7", SN_EDENIED },
		{ "*,!192.0.2.7", "192.0.2.7", SN_EDENIED },
		{ "!192.0.2.7,*", "192.0.2.7", SN_EDENIED },
		{ "*,!192.0.2.7", "192.0.2.8", SN_OK },
		{ "!192.0.2.7", "192.0.2.8", SN_EDENIED },
		{ "!192.0.2.0/24,192.0.0.0/16", "192.0.2.8", SN_EDENIED },
		{ "*.example.org,192.0.2.7", "192.0.2.7", SN_OK },
		{ "2001:db8::/32", "2001:db8:1::5", SN_OK },
		{ "2001:db8::/32", "2001:db9::5", SN_EDENIED },
		{ "2001:DB8::5", "2001:db8::5", SN_OK },
		{ "2001:db8:*", "2001:db8::5", SN_OK },
		{ "192.0.2.7", "::ffff:192.0.2.7", SN_OK },
		{ "", "192.0.2.7", SN_EDENIED },
	};
	const struct sn_addr peer = addr(rows[_i].peer);

	ck_assert_msg(sn_authorized_from(sn_str(rows[_i].patterns), &peer) == rows[_i].code,
		"%s with %s", rows[_i].patterns, rows[_i].peer);
}
END_TEST

START_TEST(who_has_no_address_matches_nothing)
{
	struct sn_addr unix_peer;

	ck_assert_int_eq(sn_addr_unix(SN_STR("/run/x"), &unix_peer), SN_OK);
	ck_assert_int_eq(sn_authorized_from(SN_STR("*"), NULL), SN_EDENIED);
	ck_assert_int_eq(sn_authorized_from(SN_STR("*"), &unix_peer), SN_EDENIED);
}
END_TEST

START_TEST(reads_times)
{
	static const struct {
		const char *text;
		int64_t seconds; /* -1: malformed */
	} rows[] = {
		{ "20261120Z", 1795132800 },
		{ "202611200102Z", 1795132800 + 3720 },
		{ "20261120010203Z", 1795132800 + 3723 },
		{ "20261120", 1795132800 - 5 * 3600 },
		{ "20260720", 1784505600 - 5 * 3600 },
		{ "2026112", -1 },
		{ "202611200", -1 },
		{ "20261320Z", -1 },
		{ "20261100Z", -1 },
		{ "20261120240000Z", -1 },
		{ "2026-11-20", -1 },
		{ "+2026112", -1 },
		{ "", -1 },
		{ "Z", -1 },
		{ "19700101Z", -1 },
	};
	const int want = rows[_i].seconds < 0 ? SN_ESYNTAX : SN_OK;
	int64_t ns = 0;

	(void)setenv("TZ", "XYZ-5", 1); /* five hours east */
	tzset();
	ck_assert_int_eq(sn_authorized_expiry(sn_str(rows[_i].text), &ns), want);
	if (want == SN_OK)
		ck_assert_int_eq(ns, SN_SEC(1) * rows[_i].seconds);
}
END_TEST

Suite *suite_authorized_keys(void);
Suite *suite_authorized_keys(void)
{
	Suite *suite = suite_create("authorized_keys");
	TCase *tc = tcase_create("authorized_keys");

	tcase_add_loop_test(tc, passes_restrictions_on, 0, 12);
	tcase_add_loop_test(tc, refuses, 0, 29);
	tcase_add_test(tc, too_many_restrictions_are_no_login);
	tcase_add_loop_test(tc, matches_addresses, 0, 24);
	tcase_add_test(tc, who_has_no_address_matches_nothing);
	tcase_add_loop_test(tc, reads_times, 0, 15);
	suite_add_tcase(suite, tc);
	return suite;
}
