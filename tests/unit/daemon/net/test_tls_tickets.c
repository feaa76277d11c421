#include "tests/support/unit.h"

#include <openssl/evp.h>

#include "daemon/net/tls_private.h"

static struct sn_tls_tickets tickets;
static struct sn_fake_clock fake;
static struct sn_loop *loop;

static void set_up(void)
{
	memset(&tickets, 0, sizeof(tickets));
	sn_fake_clock_init(&fake);
	ck_assert_int_eq(
		sn_loop_new(&(struct sn_loop_options){ .clock = &fake.clock }, &loop), SN_OK);
	sn_tls_tickets_init(&tickets);
}

static void tear_down(void)
{
	sn_tls_tickets_fini(&tickets);
	sn_loop_free(&loop);
}

struct sealed {
	unsigned char name[16], iv[EVP_MAX_IV_LENGTH];
	unsigned char text[64], mac[EVP_MAX_MD_SIZE];
	int n;
	size_t mac_n;
};

static int apply(struct sealed *sealed, int encrypt, EVP_CIPHER_CTX *cipher, EVP_MAC_CTX *mac)
{
	return sn_tls_tickets_apply(&tickets, sealed->name, sealed->iv, cipher, mac, encrypt);
}

static EVP_MAC_CTX *new_mac(void)
{
	EVP_MAC *mac = EVP_MAC_fetch(NULL, "HMAC", NULL);
	EVP_MAC_CTX *ctx = EVP_MAC_CTX_new(mac);

	EVP_MAC_free(mac);
	return ctx;
}

static void compute_mac(
	EVP_MAC_CTX *mac, const struct sealed *sealed, unsigned char *out, size_t *n)
{
	ck_assert_int_eq(EVP_MAC_init(mac, NULL, 0, NULL), 1);
	ck_assert_int_eq(EVP_MAC_update(mac, sealed->text, (size_t)sealed->n), 1);
	ck_assert_int_eq(EVP_MAC_final(mac, out, n, EVP_MAX_MD_SIZE), 1);
}

static const unsigned char secret[] = "a session";

static void seal(struct sealed *sealed)
{
	EVP_CIPHER_CTX *cipher = EVP_CIPHER_CTX_new();
	EVP_MAC_CTX *mac = new_mac();
	int n;

	ck_assert_int_eq(apply(sealed, 1, cipher, mac), 1);
	ck_assert_int_eq(
		EVP_EncryptUpdate(cipher, sealed->text, &sealed->n, secret, sizeof(secret)), 1);
	ck_assert_int_eq(EVP_EncryptFinal(cipher, sealed->text + sealed->n, &n), 1);
	sealed->n += n;
	compute_mac(mac, sealed, sealed->mac, &sealed->mac_n);
	EVP_CIPHER_CTX_free(cipher);
	EVP_MAC_CTX_free(mac);
}

/* The callback's answer; when it is positive the content was right. */
static int open_sealed(struct sealed *sealed)
{
	EVP_CIPHER_CTX *cipher = EVP_CIPHER_CTX_new();
	EVP_MAC_CTX *mac = new_mac();
	unsigned char text[64], digest[EVP_MAX_MD_SIZE];
	size_t digest_n;
	int n, more, code = apply(sealed, 0, cipher, mac);

	if (code > 0) {
		compute_mac(mac, sealed, digest, &digest_n);
		ck_assert_uint_eq(digest_n, 32);
		ck_assert_mem_eq(digest, sealed->mac, digest_n);
		ck_assert_int_eq(EVP_DecryptUpdate(cipher, text, &n, sealed->text, sealed->n), 1);
		ck_assert_int_eq(EVP_DecryptFinal(cipher, text + n, &more), 1);
		ck_assert_int_eq(n + more, sizeof(secret));
		ck_assert_mem_eq(text, secret, sizeof(secret));
	}
	EVP_CIPHER_CTX_free(cipher);
	EVP_MAC_CTX_free(mac);
	return code;
}

START_TEST(test_rotation)
{
	struct sealed sealed;

	seal(&sealed);
	ck_assert_int_eq(open_sealed(&sealed), 1);
	sn_tls_tickets_rotate(&tickets);
	ck_assert_int_eq(open_sealed(&sealed), 2); /* good, but have a new one */
	sn_tls_tickets_rotate(&tickets);
	ck_assert_int_eq(open_sealed(&sealed), 0);
}
END_TEST

START_TEST(test_renewal)
{
	struct sealed sealed;

	seal(&sealed);
	sn_tls_tickets_renew(&tickets);
	ck_assert_int_eq(open_sealed(&sealed), 0);
	seal(&sealed);
	ck_assert_int_eq(open_sealed(&sealed), 1);
}
END_TEST

START_TEST(test_two_seals_differ)
{
	struct sealed a, b;

	seal(&a);
	seal(&b);
	ck_assert_mem_eq(a.name, b.name, sizeof(a.name));
	ck_assert_mem_ne(a.iv, b.iv, 16);
	ck_assert_mem_ne(a.text, b.text, 16);
}
END_TEST

static void pass(int64_t ns)
{
	sn_fake_clock_advance(&fake, ns);
	sn_loop_turn(loop, 0);
}

START_TEST(test_by_the_clock)
{
	struct sealed sealed;

	sn_tls_tickets_start(&tickets, loop);
	seal(&sealed);
	pass(SN_TLS_TICKET_PERIOD - SN_SEC(1));
	ck_assert_int_eq(open_sealed(&sealed), 1);
	pass(SN_SEC(2));
	ck_assert_int_eq(open_sealed(&sealed), 2);
	pass(SN_TLS_TICKET_PERIOD - SN_SEC(2));
	ck_assert_int_eq(open_sealed(&sealed), 2);
	pass(SN_SEC(2));
	ck_assert_int_eq(open_sealed(&sealed), 0);
	sn_tls_tickets_stop(&tickets);
}
END_TEST

/* Asleep for a day: nothing from before is good any more. */
START_TEST(test_missed_periods)
{
	struct sealed sealed;

	sn_tls_tickets_start(&tickets, loop);
	seal(&sealed);
	pass(2 * SN_TLS_TICKET_PERIOD + SN_SEC(1));
	ck_assert_int_eq(open_sealed(&sealed), 0);
}
END_TEST

START_TEST(test_stopped)
{
	struct sealed sealed;

	sn_tls_tickets_start(&tickets, loop);
	sn_tls_tickets_stop(&tickets);
	seal(&sealed);
	pass(3 * SN_TLS_TICKET_PERIOD);
	ck_assert_int_eq(open_sealed(&sealed), 1);
}
END_TEST

Suite *sn_suite_tls_tickets(void);

Suite *sn_suite_tls_tickets(void)
{
	Suite *suite = suite_create("tls_tickets");
	TCase *tc = tcase_create("tls_tickets");

	tcase_add_checked_fixture(tc, set_up, tear_down);
	tcase_add_test(tc, test_rotation);
	tcase_add_test(tc, test_renewal);
	tcase_add_test(tc, test_two_seals_differ);
	tcase_add_test(tc, test_by_the_clock);
	tcase_add_test(tc, test_missed_periods);
	tcase_add_test(tc, test_stopped);
	suite_add_tcase(suite, tc);
	return suite;
}
