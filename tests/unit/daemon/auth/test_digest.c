#include "daemon/auth/digest.h"

#include "daemon/base/strbuf.h"
#include "daemon/base/text.h"
#include "tests/support/unit.h"

static void check_hex(const uint8_t digest[SN_SHA256_SIZE], const char *want)
{
	struct sn_strbuf hex;

	sn_strbuf_init(&hex, 100);
	sn_hex_encode(&hex, sn_str_n(digest, SN_SHA256_SIZE));
	ck_assert_str_eq(sn_strbuf_cstr(&hex), want);
	sn_strbuf_fini(&hex);
}

/* FIPS 180-2 B.1, and nothing at all */
START_TEST(sha256)
{
	uint8_t digest[SN_SHA256_SIZE];

	sn_sha256(SN_STR("abc"), digest);
	check_hex(digest, "ba7816bf8f01cfea414140de5dae2223b00361a396177a9cb410ff61f20015ad");
	sn_sha256(SN_STR(""), digest);
	check_hex(digest, "e3b0c44298fc1c149afbf4c8996fb92427ae41e4649b934ca495991b7852b855");
}
END_TEST

/* RFC 4231 4.3 */
START_TEST(hmac_sha256)
{
	uint8_t mac[SN_SHA256_SIZE];

	sn_hmac_sha256(SN_STR("Jefe"), SN_STR("what do ya want for nothing?"), mac);
	check_hex(mac, "5bdcc146bf60754e6a042426089575c75a003f089d2739839dec58b964ec3843");
}
END_TEST

Suite *suite_digest(void);
Suite *suite_digest(void)
{
	Suite *suite = suite_create("digest");
	TCase *tc = tcase_create("digest");

	tcase_add_test(tc, sha256);
	tcase_add_test(tc, hmac_sha256);
	suite_add_tcase(suite, tc);
	return suite;
}
