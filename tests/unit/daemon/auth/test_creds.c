#include "daemon/auth/creds.h"

#include "tests/support/unit.h"

START_TEST(every_kind_has_a_name_of_its_own)
{
	for (size_t i = 0; i < SN_CREDS_KINDS; i++) {
		const char *name = sn_creds_kind_name((enum sn_creds_kind)(1u << i));

		ck_assert_str_ne(name, "unknown");
		for (size_t other = 0; other < i; other++)
			ck_assert_str_ne(
				name, sn_creds_kind_name((enum sn_creds_kind)(1u << other)));
	}
	ck_assert_str_eq(sn_creds_kind_name((enum sn_creds_kind)(1u << SN_CREDS_KINDS)), "unknown");
}
END_TEST

START_TEST(copies_everything)
{
	char text[] = "alice secret der type key token";
	const char *before = "alice secret der type key token";
	uint8_t fingerprint[32] = "0123456789012345678901234567890";
	struct sn_addr peer;
	struct sn_creds creds = {
		.kind = SN_CREDS_PASSWORD,
		.account = sn_str_n(text, 5),
		.password = sn_str_n(text + 6, 6),
		.hash = SN_SCRAM_SHA_256,
		.fingerprint = fingerprint,
		.certificate = sn_str_n(text + 13, 3),
		.certificate_verified = true,
		.key_type = sn_str_n(text + 17, 4),
		.key = sn_str_n(text + 22, 3),
		.token = sn_str_n(text + 26, 5),
		.uid = 77,
		.peer = &peer,
		.service = "irc",
	};
	struct sn_creds *copy;

	ck_assert_int_eq(sn_addr_parse(SN_STR("192.0.2.1"), 7, &peer), SN_OK);
	copy = sn_creds_copy(&creds);
	memset(text, 'x', sizeof(text) - 1);
	memset(fingerprint, 'x', sizeof(fingerprint));
	sn_addr_any4(1, &peer);
	ck_assert_mem_eq(copy->account.p, before, 5);
	ck_assert_mem_eq(copy->password.p, before + 6, 6);
	ck_assert_mem_eq(copy->certificate.p, before + 13, 3);
	ck_assert_mem_eq(copy->key_type.p, before + 17, 4);
	ck_assert_mem_eq(copy->key.p, before + 22, 3);
	ck_assert_mem_eq(copy->token.p, before + 26, 5);
	ck_assert_mem_eq(copy->fingerprint, "0123456789012345678901234567890", 32);
	ck_assert_uint_eq(sn_addr_port(copy->peer), 7);
	ck_assert_uint_eq(copy->uid, 77);
	ck_assert_uint_eq(copy->hash, SN_SCRAM_SHA_256);
	ck_assert(copy->certificate_verified);
	ck_assert_str_eq(copy->service, "irc");
	sn_creds_drop(&copy);
	ck_assert_ptr_null(copy);
	sn_creds_drop(&copy);
}
END_TEST

START_TEST(copies_nothing)
{
	const struct sn_creds creds = { .kind = SN_CREDS_ANONYMOUS };
	struct sn_creds *copy = sn_creds_copy(&creds);

	ck_assert_ptr_null(copy->account.p);
	ck_assert_ptr_null(copy->fingerprint);
	ck_assert_ptr_null(copy->peer);
	sn_creds_drop(&copy);
}
END_TEST

Suite *suite_creds(void);
Suite *suite_creds(void)
{
	Suite *suite = suite_create("creds");
	TCase *tc = tcase_create("creds");

	tcase_add_test(tc, every_kind_has_a_name_of_its_own);
	tcase_add_test(tc, copies_everything);
	tcase_add_test(tc, copies_nothing);
	suite_add_tcase(suite, tc);
	return suite;
}
