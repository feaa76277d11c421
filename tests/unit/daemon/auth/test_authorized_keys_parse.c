#include "daemon/auth/authorized_keys_parse.h"

#include "daemon/base/list.h"
#include "daemon/base/strbuf.h"
#include "daemon/base/text.h"
#include "tests/support/split.h"
#include "tests/support/unit.h"

#define ED25519 "AAAAC3NzaC1lZDI1NTE5AAAAIHAgtxIshx6Q6emnTlOfxpYXpSyVhb2RMXgansClfOme"

START_TEST(reads_lines)
{
	static const struct {
		const char *line, *options, *comment;
	} rows[] = {
		{ "ssh-ed25519 " ED25519, "", "" },
		{ "  ssh-ed25519\t" ED25519 " alice@laptop, old \r\n", "", "alice@laptop, old" },
		{ "no-pty,command=\"date; echo \\\"hi\\\"\" ssh-ed25519 " ED25519 " c",
			"no-pty,command=\"date; echo \\\"hi\\\"\"", "c" },
		{ "from=\"10.0.0.*,!10.0.0.9\" ssh-ed25519 " ED25519, "from=\"10.0.0.*,!10.0.0.9\"",
			"" },
	};
	struct sn_authorized_key key;
	uint8_t wire[64];
	size_t n;

	ck_assert_int_eq(sn_authorized_key_parse(sn_str(rows[_i].line), &key, NULL), SN_OK);
	ck_assert_str_view(key.options, rows[_i].options);
	ck_assert_str_view(key.type, "ssh-ed25519");
	ck_assert_str_view(key.comment, rows[_i].comment);
	ck_assert_int_eq(sn_base64_decode(SN_STR(ED25519), wire, sizeof(wire), &n), SN_OK);
	ck_assert_mem_eq(key.wire, wire, n);
	ck_assert_uint_eq(key.wire_n, n);
}
END_TEST

START_TEST(refuses_what_is_no_key)
{
	static const struct {
		const char *line;
		int code;
	} rows[] = {
		{ "", SN_EMISSING },
		{ "# ssh-ed25519 " ED25519, SN_EMISSING },
		{ "ssh-ed25519", SN_ESYNTAX },
		{ "ssh-ed25519 AAAA", SN_ESYNTAX },
		{ "ssh-ed25519 !!!!", SN_ESYNTAX },
		{ "ssh-rsa " ED25519, SN_ESYNTAX },
		{ "ssh-dss " ED25519, SN_EUNSUPPORTED },
		{ "-----BEGIN OPENSSH PRIVATE KEY-----", SN_ESYNTAX },
		{ ED25519, SN_ESYNTAX },
		{ "no-pty; ssh-ed25519 " ED25519, SN_ESYNTAX },
		{ "command=date ssh-ed25519 " ED25519, SN_ESYNTAX },
		{ "command=\"date ssh-ed25519 " ED25519, SN_ESYNTAX },
		{ "\"\" ssh-ed25519 " ED25519, SN_ESYNTAX },
		{ "command=\"a\\\" ssh-ed25519 " ED25519, SN_ESYNTAX },
	};
	struct sn_authorized_key key;
	struct sn_diag diag = { 0 };

	ck_assert_int_eq(
		sn_authorized_key_parse(sn_str(rows[_i].line), &key, &diag), rows[_i].code);
	ck_assert_int_ne(diag.text[0], '\0');
}
END_TEST

START_TEST(walks_options)
{
	struct sn_str rest = SN_STR("no-pty,command=\"a,\\\"b\\\"\",expiry-time=\"2030\"");
	struct sn_str name, value;

	ck_assert(sn_authorized_key_option(&rest, &name, &value));
	ck_assert_str_view(name, "no-pty");
	ck_assert_ptr_null(value.p);
	ck_assert(sn_authorized_key_option(&rest, &name, &value));
	ck_assert_str_view(name, "command");
	ck_assert_str_view(value, "a,\\\"b\\\"");
	ck_assert(sn_authorized_key_option(&rest, &name, &value));
	ck_assert_str_view(value, "2030");
	ck_assert(!sn_authorized_key_option(&rest, &name, &value));
	ck_assert_uint_eq(rest.n, 0);
	rest = SN_STR(",no-pty,,x,=");
	ck_assert(sn_authorized_key_option(&rest, &name, &value));
	ck_assert_str_view(name, "no-pty");
	ck_assert(sn_authorized_key_option(&rest, &name, &value));
	ck_assert_str_view(name, "x");
	ck_assert(!sn_authorized_key_option(&rest, &name, &value));
	ck_assert_uint_gt(rest.n, 0);
}
END_TEST

struct truncating {
	struct sn_split_feed feed;
	struct sn_authorized_key key;
	int code;
	unsigned good;
};

static void begin(struct sn_split_feed *feed)
{
	(void)feed;
}

static void take(struct sn_split_feed *feed, struct sn_str piece)
{
	struct truncating *t = sn_container_of(feed, struct truncating, feed);

	t->code = sn_authorized_key_parse(piece, &t->key, NULL);
}

static void end(struct sn_split_feed *feed, bool whole)
{
	struct truncating *t = sn_container_of(feed, struct truncating, feed);

	if (whole)
		ck_assert_int_eq(t->code, SN_OK);
	t->good += t->code == SN_OK;
}

/* Without its comment, or with a part of it, a line is still good. */
START_TEST(every_truncation)
{
	struct truncating t = { .feed = { begin, take, end } };

	sn_test_every_truncation(
		&t.feed, SN_STR("no-pty,command=\"a \\\"b\" ssh-ed25519 " ED25519 " ab"));
	ck_assert_uint_ge(t.good, 3);
	ck_assert_uint_le(t.good, 4);
}
END_TEST

Suite *suite_authorized_keys_parse(void);
Suite *suite_authorized_keys_parse(void)
{
	Suite *suite = suite_create("authorized_keys_parse");
	TCase *tc = tcase_create("authorized_keys_parse");

	tcase_add_loop_test(tc, reads_lines, 0, 4);
	tcase_add_loop_test(tc, refuses_what_is_no_key, 0, 14);
	tcase_add_test(tc, walks_options);
	tcase_add_test(tc, every_truncation);
	suite_add_tcase(suite, tc);
	return suite;
}
