#include <crypt.h>

#include "daemon/auth/checkers.h"
#include "daemon/base/mem.h"
#include "tests/support/unit.h"

START_TEST(tells_hashes_from_text)
{
	static const struct {
		const char *stored;
		bool hash;
	} rows[] = {
		{ "$6$salt$hash", true },
		{ "$y$j9T$salt$hash", true },
		{ "$2b$05$abcdefghijklmnopqrstuv", true },
		{ "", false },
		{ "$", false },
		{ "$6", false },
		{ "$$x", false },
		{ "$6$", false },
		{ "price$5$each", false },
		{ "secret", false },
	};

	ck_assert_msg(sn_password_is_hash(sn_str(rows[_i].stored)) == rows[_i].hash, "\"%s\"",
		rows[_i].stored);
}
END_TEST

START_TEST(compares_plain_text)
{
	ck_assert(sn_password_matches(SN_STR("secret"), SN_STR("secret")));
	ck_assert(!sn_password_matches(SN_STR("secres"), SN_STR("secret")));
	ck_assert(!sn_password_matches(SN_STR("secre"), SN_STR("secret")));
	ck_assert(!sn_password_matches(SN_STR("secrett"), SN_STR("secret")));
	ck_assert(!sn_password_matches(SN_STR(""), SN_STR("secret")));
}
END_TEST

/* The schemes Debian's crypt makes; a cheap cost each. */
static const struct {
	const char *prefix;
	unsigned long cost;
} schemes[] = { { "$y$", 1 }, { "$2b$", 4 }, { "$6$", 1000 }, { "$5$", 1000 } };

START_TEST(matches_each_scheme)
{
	struct crypt_data *data = sn_alloc_zero(sizeof(*data));
	char setting[CRYPT_GENSALT_OUTPUT_SIZE];
	const char *hash;

	ck_assert_ptr_nonnull(crypt_gensalt_rn(
		schemes[_i].prefix, schemes[_i].cost, NULL, 0, setting, (int)sizeof(setting)));
	hash = crypt_rn("open sesame", setting, data, (int)sizeof(*data));
	ck_assert_ptr_nonnull(hash);
	ck_assert(sn_password_is_hash(sn_str(hash)));
	ck_assert(sn_password_matches(SN_STR("open sesame"), sn_str(hash)));
	ck_assert(!sn_password_matches(SN_STR("open sesamf"), sn_str(hash)));
	ck_assert(!sn_password_matches(SN_STR(""), sn_str(hash)));
	sn_free(data);
}
END_TEST

START_TEST(refuses_nul_and_broken_hashes)
{
	ck_assert(!sn_password_matches(sn_str_n("sec\0ret", 7), sn_str_n("sec\0ret", 7)));
	ck_assert(!sn_password_matches(SN_STR("x"), SN_STR("$6$salt$short")));
	ck_assert(!sn_password_matches(SN_STR("x"), SN_STR("$nonsense$x$y")));
}
END_TEST

#define RECORD \
	"SCRAM-SHA-1$4096:QSXCR+Q6sek8bf92$6dlGYMOdZcOPutkcNY8U2g7vK9Y=:" \
	"D+CSWLOshSulAsxiupA+qs2/fTE="

START_TEST(matches_scram_records)
{
	ck_assert(!sn_password_is_hash(SN_STR(RECORD)));
	ck_assert(sn_password_matches(SN_STR("pencil"), SN_STR(RECORD)));
	ck_assert(!sn_password_matches(SN_STR("penci"), SN_STR(RECORD)));
	/* A broken one is nobody's password, not even its own text. */
	ck_assert(!sn_password_matches(SN_STR("SCRAM-SHA-1$x"), SN_STR("SCRAM-SHA-1$x")));
}
END_TEST

Suite *suite_password(void);
Suite *suite_password(void)
{
	Suite *suite = suite_create("password");
	TCase *tc = tcase_create("password");

	tcase_set_timeout(tc, 60);
	tcase_add_loop_test(tc, tells_hashes_from_text, 0, 10);
	tcase_add_test(tc, compares_plain_text);
	tcase_add_loop_test(tc, matches_each_scheme, 0, 4);
	tcase_add_test(tc, refuses_nul_and_broken_hashes);
	tcase_add_test(tc, matches_scram_records);
	suite_add_tcase(suite, tc);
	return suite;
}
