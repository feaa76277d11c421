#include "tests/unit/daemon/net/tls_rig.h"

#include <openssl/evp.h>

#include "daemon/net/tls_private.h"

static struct tls_rig rig;
static struct tls_raw raw;

static void set_up(void)
{
	tls_rig_init(&rig, false);
	tls_raw_init(&rig, &raw);
}

static void tear_down(void)
{
	tls_raw_fini(&raw);
	tls_rig_fini(&rig);
}

static const enum sn_tls_versions both[] = { SN_TLS_1_2_ONLY, SN_TLS_1_3_ONLY };

START_TEST(test_facts)
{
	static const char *const alpn[] = { "irc", NULL };
	const struct sn_tls_info *info;
	uint8_t fingerprint[32];

	rig.server_options.versions = both[_i];
	rig.server_options.alpn = rig.client_options.alpn = alpn;
	tls_rig_handshake(&rig, 1 << 20, "example.org");
	info = sn_stream_tls_info(rig.client.user.stream);
	ck_assert_str_view(info->alpn, "irc");
	ck_assert_str_view(info->sni, "example.org");
	ck_assert_str_view(info->peer_subject, "CN=example.org");
	ck_assert_ptr_nonnull(strstr(info->cipher, "AES"));
	ck_assert(info->has_peer_cert && info->peer_verified && !info->resumed);
	sn_test_cert_fingerprint(&rig.cert, fingerprint);
	ck_assert_mem_eq(info->peer_fingerprint, fingerprint, 32);
	info = sn_stream_tls_info(rig.server.user.stream);
	ck_assert_str_view(info->sni, "example.org");
	ck_assert_uint_eq(info->peer_subject.n, 0);
	ck_assert(!info->has_peer_cert);
}
END_TEST

START_TEST(test_plain_stream)
{
	struct sn_stream *a, *b;
	uint8_t mem[64];
	size_t n;

	sn_stream_mem_pair(rig.loop, 10, &a, &b);
	ck_assert_ptr_null(sn_stream_tls_info(a));
	ck_assert_str_eq(sn_stream_tls_error(a), "");
	ck_assert_int_eq(
		sn_stream_tls_binding(a, "tls-exporter", mem, sizeof(mem), &n), SN_ENOTFOUND);
	sn_stream_abort(a, SN_ECANCELED);
	sn_stream_abort(b, SN_ECANCELED);
	for (int i = 0; i < 5; i++)
		sn_loop_turn(rig.loop, 0);
}
END_TEST

START_TEST(test_not_ready)
{
	uint8_t mem[64];
	size_t n;

	tls_rig_connect(&rig, 1 << 20, "example.org");
	ck_assert_ptr_null(sn_stream_tls_info(rig.client.user.stream));
	ck_assert_int_eq(
		sn_stream_tls_binding(rig.client.user.stream, "tls-exporter", mem, sizeof(mem), &n),
		SN_ENOTFOUND);
}
END_TEST

/* --- bindings --------------------------------------------------------------------------------- */

struct binding {
	int code;
	uint8_t mem[64];
	size_t n;
};

static struct binding binding_of(const struct tls_end *end, const char *type)
{
	struct binding b = { .n = 0 };

	b.code = sn_stream_tls_binding(end->user.stream, type, b.mem, sizeof(b.mem), &b.n);
	return b;
}

static const struct {
	const char *type;
	size_t n_12, n_13; /* 0: not there */
} bindings[] = {
	{ "tls-exporter", 32, 32 },
	{ "tls-unique", 12, 0 },
	{ "tls-server-end-point", 32, 32 },
	{ "tls-something", 0, 0 },
};

START_TEST(test_bindings_agree)
{
	const size_t row = (size_t)_i / 2;
	const size_t n = _i % 2 ? bindings[row].n_13 : bindings[row].n_12;
	struct binding server, client;

	rig.server_options.versions = both[_i % 2];
	tls_rig_handshake(&rig, 1 << 20, "example.org");
	server = binding_of(&rig.server, bindings[row].type);
	client = binding_of(&rig.client, bindings[row].type);
	ck_assert_int_eq(server.code, n > 0 ? SN_OK : SN_ENOTFOUND);
	ck_assert_int_eq(client.code, server.code);
	ck_assert_uint_eq(server.n, n);
	ck_assert_uint_eq(client.n, n);
	ck_assert_mem_eq(server.mem, client.mem, sizeof(server.mem));
}
END_TEST

START_TEST(test_bindings_differ_between_connections)
{
	struct binding a, b;

	tls_rig_handshake(&rig, 1 << 20, "example.org");
	a = binding_of(&rig.server, "tls-exporter");
	tls_rig_close(&rig);
	tls_rig_handshake(&rig, 1 << 20, "example.org");
	b = binding_of(&rig.server, "tls-exporter");
	ck_assert_mem_ne(a.mem, b.mem, 32);
}
END_TEST

START_TEST(test_end_point_is_the_certificate)
{
	struct binding b;
	uint8_t digest[32];

	tls_rig_handshake(&rig, 1 << 20, "example.org");
	b = binding_of(&rig.client, "tls-server-end-point");
	sn_test_cert_fingerprint(&rig.cert, digest);
	ck_assert_mem_eq(b.mem, digest, 32);
}
END_TEST

START_TEST(test_too_small)
{
	uint8_t mem[11];
	size_t n = 7;

	tls_rig_handshake(&rig, 1 << 20, "example.org");
	ck_assert_int_eq(
		sn_stream_tls_binding(rig.client.user.stream, "tls-exporter", mem, sizeof(mem), &n),
		SN_ELIMIT);
	ck_assert_uint_eq(n, 7);
}
END_TEST

/* RFC 5929 does not say which digest goes with Ed25519. */
START_TEST(test_ed25519_has_no_end_point)
{
	const struct sn_test_cert *certs[1];
	struct sn_test_cert cert;

	sn_test_cert_make(
		&(struct sn_test_cert_options){
			.name = "ed", .alt = "DNS:example.org", .kind = SN_TEST_ED25519 },
		&cert);
	certs[0] = &cert;
	sn_test_pem_write(&rig.dir, "server.pem", "kc", certs);
	sn_test_pem_write(&rig.dir, "root.pem", "c", certs);
	tls_rig_handshake(&rig, 1 << 20, "example.org");
	ck_assert_int_eq(binding_of(&rig.server, "tls-server-end-point").code, SN_ENOTFOUND);
	ck_assert_int_eq(binding_of(&rig.client, "tls-server-end-point").code, SN_ENOTFOUND);
	sn_test_cert_fini(&cert);
}
END_TEST

/* The other end is OpenSSL itself: in a full handshake the first Finished message is the client's,
 * in a resumed one the server's. */
static void compare_unique(void)
{
	uint8_t finished[64];
	struct binding b;
	size_t n;

	ck_assert(tls_raw_talk(&rig, &raw));
	b = binding_of(&rig.server, "tls-unique");
	n = rig.server.resumed ? SSL_get_peer_finished(raw.ssl, finished, sizeof(finished))
			       : SSL_get_finished(raw.ssl, finished, sizeof(finished));
	ck_assert_uint_eq(b.n, n);
	ck_assert_mem_eq(b.mem, finished, n);
}

START_TEST(test_unique_when_resumed)
{
	SSL_CTX_set_max_proto_version(raw.ctx, TLS1_2_VERSION);
	compare_unique();
	ck_assert(!rig.server.resumed);
	tls_raw_close(&rig, &raw);
	compare_unique();
	ck_assert(rig.server.resumed);
	ck_assert_int_eq(binding_of(&rig.server, "tls-server-end-point").code, SN_OK);
	tls_raw_close(&rig, &raw);
}
END_TEST

/* RFC 7627: without the extended master secret these would not be bound to one connection. */
START_TEST(test_no_extended_secret)
{
	SSL_CTX_set_max_proto_version(raw.ctx, TLS1_2_VERSION);
	SSL_CTX_set_options(raw.ctx, SSL_OP_NO_EXTENDED_MASTER_SECRET);
	ck_assert(tls_raw_talk(&rig, &raw));
	ck_assert_int_eq(binding_of(&rig.server, "tls-unique").code, SN_ENOTFOUND);
	ck_assert_int_eq(binding_of(&rig.server, "tls-exporter").code, SN_ENOTFOUND);
	ck_assert_int_eq(binding_of(&rig.server, "tls-server-end-point").code, SN_OK);
	tls_raw_close(&rig, &raw);
}
END_TEST

Suite *sn_suite_tls_info(void);

Suite *sn_suite_tls_info(void)
{
	Suite *suite = suite_create("tls_info");
	TCase *tc = tcase_create("tls_info");

	tcase_add_checked_fixture(tc, set_up, tear_down);
	tcase_add_loop_test(tc, test_facts, 0, 2);
	tcase_add_test(tc, test_plain_stream);
	tcase_add_test(tc, test_not_ready);
	tcase_add_loop_test(
		tc, test_bindings_agree, 0, 2 * (int)(sizeof(bindings) / sizeof(bindings[0])));
	tcase_add_test(tc, test_bindings_differ_between_connections);
	tcase_add_test(tc, test_end_point_is_the_certificate);
	tcase_add_test(tc, test_too_small);
	tcase_add_test(tc, test_ed25519_has_no_end_point);
	tcase_add_test(tc, test_unique_when_resumed);
	tcase_add_test(tc, test_no_extended_secret);
	suite_add_tcase(suite, tc);
	return suite;
}
