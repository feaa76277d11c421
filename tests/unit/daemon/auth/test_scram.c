#include "daemon/auth/scram.h"

#include "daemon/base/mem.h"
#include "daemon/base/text.h"
#include "tests/support/unit.h"

/* The examples of RFC 5802 5 and RFC 7677 3: user "user", password "pencil". */
static const struct {
	const char *record, *auth_message, *proof, *signature;
} vectors[] = {
	{ "SCRAM-SHA-1$4096:QSXCR+Q6sek8bf92$6dlGYMOdZcOPutkcNY8U2g7vK9Y=:"
	  "D+CSWLOshSulAsxiupA+qs2/fTE=",
		"n=user,r=fyko+d2lbbFgONRv9qkxdawL,"
		"r=fyko+d2lbbFgONRv9qkxdawL3rfcNHYJY1ZVvWVs7j,s=QSXCR+Q6sek8bf92,i=4096,"
		"c=biws,r=fyko+d2lbbFgONRv9qkxdawL3rfcNHYJY1ZVvWVs7j",
		"v0X8v3Bz2T0CJGbJQyF0X+HI4Ts=", "rmF9pqV8S7suAoZWja4dJRkFsKQ=" },
	{ "SCRAM-SHA-256$4096:W22ZaJ0SNY7soEsUEjb6gQ==$WG5d8oPm3OtcPnkdi4Uo7BkeZkBFzpcXkuLmtbsT4qY="
	  ":wfPLwcE6nTWhTAmQ7tl2KeoiWGPlZqQxSrmfPwDl2dU=",
		"n=user,r=rOprNGfwEbeRWgbNEkqO,"
		"r=rOprNGfwEbeRWgbNEkqO%hvYDpWUa2RaTCAfuxFIlj)hNlF$k0,s=W22ZaJ0SNY7soEsUEjb6gQ==,"
		"i=4096,c=biws,r=rOprNGfwEbeRWgbNEkqO%hvYDpWUa2RaTCAfuxFIlj)hNlF$k0",
		"dHzbZapWIk4jUhN+Ute9ytag9zjfMHgsqmmiz7AndVQ=",
		"6rriTRBi23WpRR/wtup+mMhUZUn/dB5nLTJRsjl95G4=" },
};

static struct sn_scram_record parse(const char *text)
{
	struct sn_scram_record record;

	ck_assert_int_eq(sn_scram_parse(sn_str(text), &record), SN_OK);
	return record;
}

START_TEST(follows_the_rfcs)
{
	struct sn_scram_record record = parse(vectors[_i].record), made = record;
	const struct sn_str message = sn_str(vectors[_i].auth_message);
	const size_t size = sn_scram_digest_size(record.hash);
	uint8_t proof[SN_SCRAM_KEY_MAX], signature[SN_SCRAM_KEY_MAX];
	struct sn_strbuf text;
	size_t n;

	memset(made.stored_key, 0, sizeof(made.stored_key));
	sn_scram_fill(&made, SN_STR("pencil"));
	ck_assert_mem_eq(&made, &record, sizeof(made));
	ck_assert_int_eq(
		sn_base64_decode(sn_str(vectors[_i].proof), proof, sizeof(proof), &n), SN_OK);
	ck_assert(sn_scram_proves(&record, message, sn_str_n(proof, n)));
	ck_assert(!sn_scram_proves(&record, message, sn_str_n(proof, n - 1)));
	ck_assert(!sn_scram_proves(&record, sn_str_from(message, 1), sn_str_n(proof, n)));
	proof[n - 1] ^= 1;
	ck_assert(!sn_scram_proves(&record, message, sn_str_n(proof, n)));
	sn_scram_sign(&record, message, signature);
	sn_strbuf_init(&text, 200);
	sn_base64_encode(&text, sn_str_n(signature, size));
	ck_assert_str_eq(sn_strbuf_cstr(&text), vectors[_i].signature);
	sn_strbuf_reset(&text);
	sn_scram_format(&record, &text);
	ck_assert_str_eq(sn_strbuf_cstr(&text), vectors[_i].record);
	sn_strbuf_fini(&text);
}
END_TEST

START_TEST(verifies_passwords)
{
	const struct sn_scram_record record = parse(vectors[_i].record);

	ck_assert(sn_scram_verify(&record, SN_STR("pencil")));
	ck_assert(sn_scram_verify(&record,
		SN_STR("pen\xc2\xad"
		       "cil")));
	ck_assert(!sn_scram_verify(&record, SN_STR("pencim")));
	ck_assert(!sn_scram_verify(&record, SN_STR("Pencil")));
	ck_assert(!sn_scram_verify(&record, SN_STR("")));
	ck_assert(!sn_scram_verify(&record, SN_STR("pencil\x07")));
}
END_TEST

START_TEST(derives_new_records)
{
	struct sn_scram_record one, two, parsed;
	struct sn_strbuf text;

	sn_scram_derive((enum sn_scram_hash)_i, SN_STR("secret"), SN_SCRAM_ITERATIONS_MIN, &one);
	sn_scram_derive((enum sn_scram_hash)_i, SN_STR("secret"), SN_SCRAM_ITERATIONS_MIN, &two);
	ck_assert_uint_eq(one.salt_n, 16);
	ck_assert_mem_ne(one.salt, two.salt, 16);
	ck_assert_mem_ne(one.stored_key, two.stored_key, 20);
	ck_assert(sn_scram_verify(&one, SN_STR("secret")));
	sn_strbuf_init(&text, 1000);
	sn_scram_format(&one, &text);
	ck_assert(sn_scram_is_record(sn_strbuf_str(&text)));
	ck_assert_int_eq(sn_scram_parse(sn_strbuf_str(&text), &parsed), SN_OK);
	ck_assert_mem_eq(&one, &parsed, sizeof(one));
	for (size_t n = 0; n < text.n; n++)
		ck_assert_int_ne(
			sn_scram_parse(sn_str_sub(sn_strbuf_str(&text), 0, n), &parsed), SN_OK);
	sn_strbuf_fini(&text);
}
END_TEST

#define KEYS_1 "$6dlGYMOdZcOPutkcNY8U2g7vK9Y=:D+CSWLOshSulAsxiupA+qs2/fTE="
#define SALT_64 \
	"AAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAA=="
#define SALT_65 \
	"AAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAA="

START_TEST(is_strict_about_records)
{
	static const struct {
		const char *text;
		int code;
	} rows[] = {
		{ "SCRAM-SHA-1$4096:QSXCR+Q6sek8bf92" KEYS_1, SN_OK },
		{ "SCRAM-SHA-1$1000000:QSXCR+Q6sek8bf92" KEYS_1, SN_OK },
		{ "SCRAM-SHA-1$4096:" SALT_64 KEYS_1, SN_OK },
		{ "SCRAM-SHA-1$4095:QSXCR+Q6sek8bf92" KEYS_1, SN_ERANGE },
		{ "SCRAM-SHA-1$1000001:QSXCR+Q6sek8bf92" KEYS_1, SN_ERANGE },
		{ "SCRAM-SHA-1$4096:" SALT_65 KEYS_1, SN_ESYNTAX },
		{ "SCRAM-SHA-1$4096:" KEYS_1, SN_ESYNTAX },
		{ "SCRAM-SHA-1$:QSXCR+Q6sek8bf92" KEYS_1, SN_ESYNTAX },
		{ "SCRAM-SHA-1$-1:QSXCR+Q6sek8bf92" KEYS_1, SN_ESYNTAX },
		{ "SCRAM-SHA-1$4096:QSXCR+Q6sek8bf9" KEYS_1, SN_ESYNTAX },
		{ "SCRAM-SHA-1$4096:QSXCR+Q6sek8bf92" KEYS_1 "x", SN_ESYNTAX },
		{ "SCRAM-SHA-1$4096:QSXCR+Q6sek8bf92" KEYS_1 "\n", SN_ESYNTAX },
		{ "SCRAM-SHA-1$4096:QSXCR+Q6sek8bf92" KEYS_1 ":", SN_ESYNTAX },
		{ "SCRAM-SHA-256$4096:QSXCR+Q6sek8bf92" KEYS_1, SN_ESYNTAX },
		{ "SCRAM-SHA-512$4096:QSXCR+Q6sek8bf92" KEYS_1, SN_ESYNTAX },
		{ "scram-sha-1$4096:QSXCR+Q6sek8bf92" KEYS_1, SN_ESYNTAX },
		{ "SCRAM-SHA-1", SN_ESYNTAX },
		{ "", SN_ESYNTAX },
	};
	struct sn_scram_record record;

	for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++)
		ck_assert_msg(sn_scram_parse(sn_str(rows[i].text), &record) == rows[i].code, "%s",
			rows[i].text);
}
END_TEST

START_TEST(tells_records_from_other_secrets)
{
	ck_assert(sn_scram_is_record(SN_STR("SCRAM-SHA-256$")));
	ck_assert(sn_scram_is_record(SN_STR("SCRAM-SHA-1$broken")));
	ck_assert(!sn_scram_is_record(SN_STR("SCRAM-SHA-256")));
	ck_assert(!sn_scram_is_record(SN_STR("$6$salt$hash")));
	ck_assert(!sn_scram_is_record(SN_STR("secret")));
	ck_assert(!sn_scram_is_record(SN_STR("")));
}
END_TEST

START_TEST(fakes_look_real)
{
	const enum sn_scram_hash hash = (enum sn_scram_hash)_i;
	struct sn_scram_record one, again, other, elsewhere, parsed;
	struct sn_strbuf text;

	sn_scram_fake(hash, SN_STR("secret"), SN_STR("Nobody"), &one);
	sn_scram_fake(hash, SN_STR("secret"), SN_STR("nobody"), &again);
	ck_assert_mem_eq(&one, &again, sizeof(one));
	sn_scram_fake(hash, SN_STR("secret"), SN_STR("somebody"), &other);
	ck_assert_mem_ne(one.salt, other.salt, one.salt_n);
	sn_scram_fake(hash, SN_STR("other secret"), SN_STR("nobody"), &elsewhere);
	ck_assert_mem_ne(one.salt, elsewhere.salt, one.salt_n);
	sn_scram_fake((enum sn_scram_hash) !_i, SN_STR("secret"), SN_STR("nobody"), &elsewhere);
	ck_assert_mem_ne(one.salt, elsewhere.salt, one.salt_n);
	ck_assert_uint_eq(one.iterations, SN_SCRAM_ITERATIONS);
	sn_strbuf_init(&text, 1000);
	sn_scram_format(&one, &text);
	ck_assert_int_eq(sn_scram_parse(sn_strbuf_str(&text), &parsed), SN_OK);
	sn_strbuf_fini(&text);
	/* An account with a clear password has the salt that its name would have had. */
	other = (struct sn_scram_record){ .hash = hash, .iterations = SN_SCRAM_ITERATIONS };
	sn_scram_salt(SN_STR("secret"), SN_STR("NOBODY"), &other);
	ck_assert_uint_eq(other.salt_n, one.salt_n);
	ck_assert_mem_eq(other.salt, one.salt, one.salt_n);
	/* Names that cannot be prepared have one, too. */
	sn_scram_fake(hash, SN_STR("secret"), SN_STR("\xff"), &one);
	ck_assert_uint_eq(one.salt_n, 16);
}
END_TEST

Suite *suite_scram(void);
Suite *suite_scram(void)
{
	Suite *suite = suite_create("scram");
	TCase *tc = tcase_create("scram");

	tcase_set_timeout(tc, 60);
	tcase_add_loop_test(tc, follows_the_rfcs, 0, 2);
	tcase_add_loop_test(tc, verifies_passwords, 0, 2);
	tcase_add_loop_test(tc, derives_new_records, 0, 2);
	tcase_add_test(tc, is_strict_about_records);
	tcase_add_test(tc, tells_records_from_other_secrets);
	tcase_add_loop_test(tc, fakes_look_real, 0, 2);
	suite_add_tcase(suite, tc);
	return suite;
}
