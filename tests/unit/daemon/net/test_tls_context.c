#include "tests/unit/daemon/net/tls_rig.h"

#include <stdio.h>

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

#define COUNT(table) (int)(sizeof(table) / sizeof((table)[0]))

/* --- ALPN ------------------------------------------------------------------------------------- */

static const struct {
	const char *server[4], *client[4];
	const char *chosen; /* NULL: refused */
} alpns[] = {
	{ { "h2", "http/1.1" }, { "http/1.1", "h2" }, "h2" }, /* the server's order */
	{ { "h2", "http/1.1" }, { "http/1.1" }, "http/1.1" },
	{ { "xmpp-server" }, { "xmpp-client", "irc" }, NULL },
	{ { "irc" }, { NULL }, "" },
	{ { NULL }, { "irc" }, "" },
	{ { "ir" }, { "irc" }, NULL },
};

START_TEST(test_alpn)
{
	rig.server_options.alpn = alpns[_i].server;
	rig.client_options.alpn = alpns[_i].client;
	tls_rig_connect(&rig, 1 << 20, "example.org");
	tls_rig_settle(&rig);
	if (alpns[_i].chosen == NULL) {
		sn_test_turn_until(rig.loop, tls_end_over(&rig.server));
		ck_assert_str_eq(rig.client.error, "peer refused: no application protocol");
		ck_assert_int_eq(rig.server.code, SN_ETLS);
		return;
	}
	ck_assert_str_eq(rig.server.alpn, alpns[_i].chosen);
	ck_assert_str_eq(rig.client.alpn, alpns[_i].chosen);
}
END_TEST

START_TEST(test_alpn_set_later)
{
	static const char *const old[] = { "old", NULL }, *const new[] = { "new", NULL };

	rig.server_options.alpn = old;
	rig.client_options.alpn = new;
	tls_rig_make_contexts(&rig);
	sn_tls_server_set_alpn(rig.server_context, new);
	tls_rig_handshake(&rig, 1 << 20, "example.org");
	ck_assert_str_eq(rig.server.alpn, "new");
}
END_TEST

/* --- policy ----------------------------------------------------------------------------------- */

static const struct {
	enum sn_tls_versions server;
	int oldest, newest;
	const char *version; /* NULL: refused */
} versions[] = {
	{ SN_TLS_1_2_UP, 0, 0, "TLSv1.3" },
	{ SN_TLS_1_2_UP, 0, TLS1_2_VERSION, "TLSv1.2" },
	{ SN_TLS_1_2_UP, TLS1_VERSION, TLS1_1_VERSION, NULL },
	{ SN_TLS_1_3_ONLY, 0, TLS1_2_VERSION, NULL },
	{ SN_TLS_1_2_ONLY, TLS1_3_VERSION, 0, NULL },
	{ SN_TLS_1_2_ONLY, 0, 0, "TLSv1.2" },
};

START_TEST(test_versions)
{
	rig.server_options.versions = versions[_i].server;
	SSL_CTX_set_security_level(raw.ctx, 0);
	SSL_CTX_set_min_proto_version(raw.ctx, versions[_i].oldest);
	SSL_CTX_set_max_proto_version(raw.ctx, versions[_i].newest);
	ck_assert(tls_raw_talk(&rig, &raw) == (versions[_i].version != NULL));
	if (versions[_i].version != NULL)
		ck_assert_str_eq(rig.server.version, versions[_i].version);
	tls_raw_close(&rig, &raw);
}
END_TEST

static const struct {
	const char *suites; /* of TLS 1.2 */
	const char *chosen; /* NULL: refused */
} suites[] = {
	{ "ECDHE-ECDSA-AES256-GCM-SHA384:ECDHE-ECDSA-AES128-GCM-SHA256",
		"ECDHE-ECDSA-AES128-GCM-SHA256" },
	{ "ECDHE-ECDSA-CHACHA20-POLY1305:ECDHE-ECDSA-AES128-GCM-SHA256",
		"ECDHE-ECDSA-CHACHA20-POLY1305" }, /* who prefers it has no AES in hardware */
	{ "ECDHE-ECDSA-AES128-SHA256", NULL },
	{ "ECDHE-ECDSA-AES128-SHA", NULL },
	{ "AES128-GCM-SHA256", NULL },
	{ "ECDHE-ECDSA-AES128-CCM", NULL },
};

START_TEST(test_suites)
{
	SSL_CTX_set_max_proto_version(raw.ctx, TLS1_2_VERSION);
	ck_assert_int_eq(SSL_CTX_set_cipher_list(raw.ctx, suites[_i].suites), 1);
	ck_assert(tls_raw_talk(&rig, &raw) == (suites[_i].chosen != NULL));
	if (suites[_i].chosen != NULL)
		ck_assert_str_eq(SSL_get_cipher_name(raw.ssl), suites[_i].chosen);
	tls_raw_close(&rig, &raw);
}
END_TEST

START_TEST(test_no_sha1_signature)
{
	SSL_CTX_set_security_level(raw.ctx, 0);
	SSL_CTX_set_max_proto_version(raw.ctx, TLS1_2_VERSION);
	ck_assert_int_eq(SSL_CTX_set1_sigalgs_list(raw.ctx, "ECDSA+SHA1"), 1);
	ck_assert(!tls_raw_talk(&rig, &raw));
	tls_raw_close(&rig, &raw);
}
END_TEST

START_TEST(test_no_renegotiation)
{
	SSL_CTX_set_max_proto_version(raw.ctx, TLS1_2_VERSION);
	ck_assert(tls_raw_talk(&rig, &raw));
	raw.done = false;
	ck_assert_int_eq(SSL_renegotiate(raw.ssl), 1);
	(void)SSL_do_handshake(raw.ssl);
	raw.user.events->on_input(&raw.user); /* sends what OpenSSL wrote */
	sn_test_turn_until(rig.loop, raw.failed || tls_end_over(&rig.server));
	ck_assert_str_eq(raw.error, "no renegotiation");
	tls_raw_close(&rig, &raw);
}
END_TEST

START_TEST(test_groups)
{
	static const struct {
		const char *groups;
		bool ok;
	} rows[] = { { "X25519", true }, { "P-256", true }, { "P-384:X25519", true },
		{ "P-384", false }, { "ffdhe2048", false } };

	for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
		ck_assert_int_eq(SSL_CTX_set1_groups_list(raw.ctx, rows[i].groups), 1);
		ck_assert_msg(tls_raw_talk(&rig, &raw) == rows[i].ok, "%s", rows[i].groups);
		tls_raw_close(&rig, &raw);
		SSL_SESSION_free(raw.session);
		raw.session = NULL;
	}
}
END_TEST

/* --- sessions --------------------------------------------------------------------------------- */

static void limit_raw(int version)
{
	SSL_CTX_set_min_proto_version(raw.ctx, version);
	SSL_CTX_set_max_proto_version(raw.ctx, version);
}

static bool resumes(void)
{
	ck_assert_msg(tls_raw_talk(&rig, &raw), "%s", rig.server.error);
	ck_assert_int_eq(SSL_session_reused(raw.ssl), rig.server.resumed);
	tls_raw_close(&rig, &raw);
	return rig.server.resumed;
}

static const int both[] = { TLS1_2_VERSION, TLS1_3_VERSION };

START_TEST(test_resumes)
{
	limit_raw(both[_i]);
	ck_assert(!resumes());
	ck_assert(resumes());
	ck_assert(resumes());
}
END_TEST

/* A reload makes a new context on the same files before the old one goes. */
START_TEST(test_resumes_with_new_context)
{
	struct sn_tls_context *old;

	limit_raw(both[_i]);
	ck_assert(!resumes());
	old = rig.server_context;
	rig.server_context = NULL;
	tls_rig_make_contexts(&rig);
	sn_tls_server_detach(old);
	sn_tls_context_unref(&old);
	ck_assert(resumes());
}
END_TEST

START_TEST(test_no_resumption_after_all_contexts_went)
{
	limit_raw(both[_i]);
	ck_assert(!resumes());
	tls_rig_drop_contexts(&rig);
	ck_assert(!resumes());
}
END_TEST

/* No way around the client's certificate. */
START_TEST(test_no_resumption_across_policies)
{
	limit_raw(both[_i]);
	ck_assert(!resumes());
	sn_tls_server_detach(rig.server_context);
	sn_tls_context_unref(&rig.server_context);
	rig.server_options.client_auth = SN_TLS_CLIENT_AUTH_REQUIRE;
	ck_assert(!tls_raw_talk(&rig, &raw));
	tls_raw_close(&rig, &raw);
}
END_TEST

/* A renewed certificate is used for the next handshake, and ends the old one's sessions. */
START_TEST(test_renewed_certificate)
{
	const struct sn_test_cert *certs[1];
	struct sn_test_cert renewed;

	limit_raw(both[_i]);
	SSL_CTX_set_verify(raw.ctx, SSL_VERIFY_NONE, NULL);
	ck_assert(!resumes());
	sn_test_cert_make(&(struct sn_test_cert_options){ .name = "renewed" }, &renewed);
	certs[0] = &renewed;
	sn_test_pem_write(&rig.dir, "server.pem", "kc", certs);
	sn_tls_server_refresh(rig.server_context);
	ck_assert(tls_raw_talk(&rig, &raw));
	ck_assert(!rig.server.resumed);
	ck_assert_int_eq(X509_cmp(SSL_get0_peer_certificate(raw.ssl), renewed.x509), 0);
	tls_raw_close(&rig, &raw);
	sn_test_cert_fini(&renewed);
}
END_TEST

static unsigned tickets;

static int on_ticket(SSL *ssl, SSL_SESSION *session)
{
	(void)ssl;
	tickets++;
	ck_assert_uint_eq(SSL_SESSION_get_max_early_data(session), 0);
	ck_assert_uint_le(SSL_SESSION_get_ticket_lifetime_hint(session), 12 * 3600);
	return 0;
}

START_TEST(test_one_ticket)
{
	tickets = 0;
	limit_raw(both[_i]);
	SSL_CTX_set_session_cache_mode(raw.ctx, SSL_SESS_CACHE_CLIENT);
	SSL_CTX_sess_set_new_cb(raw.ctx, on_ticket);
	ck_assert(tls_raw_talk(&rig, &raw));
	ck_assert_uint_eq(tickets, 1);
	tls_raw_close(&rig, &raw);
}
END_TEST

/* --- client certificates ---------------------------------------------------------------------- */

enum offered { NOTHING, TRUSTED, STRANGE };
static const struct {
	enum sn_tls_client_auth auth;
	bool ca;
	enum offered offered;
	bool ok, has, verified;
} client_auths[] = {
	{ SN_TLS_CLIENT_AUTH_NONE, false, TRUSTED, true, false, false },
	{ SN_TLS_CLIENT_AUTH_REQUEST, false, NOTHING, true, false, false },
	{ SN_TLS_CLIENT_AUTH_REQUEST, false, STRANGE, true, true, false },
	{ SN_TLS_CLIENT_AUTH_REQUEST, true, NOTHING, true, false, false },
	{ SN_TLS_CLIENT_AUTH_REQUEST, true, TRUSTED, true, true, true },
	{ SN_TLS_CLIENT_AUTH_REQUEST, true, STRANGE, false, false, false },
	{ SN_TLS_CLIENT_AUTH_REQUIRE, false, NOTHING, false, false, false },
	{ SN_TLS_CLIENT_AUTH_REQUIRE, false, STRANGE, true, true, false },
	{ SN_TLS_CLIENT_AUTH_REQUIRE, true, TRUSTED, true, true, true },
	{ SN_TLS_CLIENT_AUTH_REQUIRE, true, STRANGE, false, false, false },
};

static void make_client_cert(const struct sn_test_cert *ca, struct sn_test_cert *cert)
{
	const struct sn_test_cert *certs[] = { cert };

	sn_test_cert_make(&(struct sn_test_cert_options){ .name = "alice", .issuer = ca }, cert);
	sn_test_pem_write(&rig.dir, "alice.pem", "ck", certs);
}

static void check_der(const struct sn_tls_info *info, const struct sn_test_cert *cert)
{
	unsigned char *der = NULL;
	const int n = i2d_X509(cert->x509, &der);

	ck_assert_uint_eq(info->peer_der.n, (size_t)n);
	ck_assert_mem_eq(info->peer_der.p, der, info->peer_der.n);
	OPENSSL_free(der);
}

START_TEST(test_client_auth)
{
	const enum sn_tls_versions version = _i % 2 ? SN_TLS_1_2_ONLY : SN_TLS_1_3_ONLY;
	const struct sn_test_cert *certs[1];
	struct sn_test_cert ca, alice;
	struct sn_test_pem ca_file;
	char alice_file[256];
	uint8_t fingerprint[32];

	sn_test_cert_make(&(struct sn_test_cert_options){ .name = "CA", .ca = true }, &ca);
	certs[0] = &ca;
	ca_file = sn_test_pem_write(&rig.dir, "ca.pem", "c", certs);
	make_client_cert(client_auths[_i / 2].offered == TRUSTED ? &ca : NULL, &alice);
	sn_test_cert_fingerprint(&alice, fingerprint);
	snprintf(alice_file, sizeof(alice_file), "%s/alice.pem", rig.dir.path);
	rig.server_options.versions = version;
	rig.server_options.client_auth = client_auths[_i / 2].auth;
	if (client_auths[_i / 2].ca)
		rig.server_options.client_ca = ca_file.path;
	if (client_auths[_i / 2].offered != NOTHING)
		rig.client_options.certs = alice_file;
	tls_rig_connect(&rig, 1 << 20, "example.org");
	sn_test_turn_until(rig.loop, rig.server.ready > 0 || tls_end_over(&rig.server));
	ck_assert_msg((rig.server.ready > 0) == client_auths[_i / 2].ok, "%s", rig.server.error);
	ck_assert(rig.server.has_peer_cert == client_auths[_i / 2].has);
	ck_assert(rig.server.peer_verified == client_auths[_i / 2].verified);
	if (client_auths[_i / 2].has) {
		ck_assert_mem_eq(rig.server.fingerprint, fingerprint, 32);
		ck_assert_str_eq(rig.server.subject, "CN=alice");
		check_der(sn_stream_tls_info(rig.server.user.stream), &alice);
	}
	sn_test_cert_fini(&ca);
	sn_test_cert_fini(&alice);
}
END_TEST

/* A ticket carries the certificate: the fingerprint is there on resumption too. */
START_TEST(test_client_cert_resumed)
{
	const struct sn_test_cert *certs[1];
	struct sn_test_cert alice;
	uint8_t fingerprint[32];

	limit_raw(both[_i]);
	sn_test_cert_make(&(struct sn_test_cert_options){ .name = "alice" }, &alice);
	certs[0] = &alice;
	ck_assert_int_eq(
		SSL_CTX_use_cert_and_key(raw.ctx, certs[0]->x509, certs[0]->key, NULL, 1), 1);
	rig.server_options.client_auth = SN_TLS_CLIENT_AUTH_REQUIRE;
	ck_assert(!resumes());
	ck_assert(resumes());
	sn_test_cert_fingerprint(&alice, fingerprint);
	ck_assert(rig.server.has_peer_cert && !rig.server.peer_verified);
	ck_assert_mem_eq(rig.server.fingerprint, fingerprint, 32);
	sn_test_cert_fini(&alice);
}
END_TEST

/* --- what clients refuse ---------------------------------------------------------------------- */

static const struct {
	struct sn_test_cert_options options;
	bool trust; /* the certificate itself is a trust root */
	const char *error;
} bad_servers[] = {
	{ { .name = "example.org", .alt = "DNS:example.org", .from_days = -10, .days = 5 }, true,
		"peer's certificate: certificate has expired" },
	{ { .name = "example.org", .alt = "DNS:example.org", .from_days = 5, .days = 5 }, true,
		"peer's certificate: certificate is not yet valid" },
	{ { .name = "example.org", .alt = "DNS:example.org" }, false,
		"peer's certificate: self-signed certificate" },
};

START_TEST(test_client_refuses)
{
	const struct sn_test_cert *certs[1];
	struct sn_test_cert cert;

	sn_test_cert_make(&bad_servers[_i].options, &cert);
	certs[0] = &cert;
	sn_test_pem_write(&rig.dir, "server.pem", "kc", certs);
	if (bad_servers[_i].trust)
		sn_test_pem_write(&rig.dir, "root.pem", "c", certs);
	tls_rig_connect(&rig, 1 << 20, "example.org");
	sn_test_turn_until(rig.loop, tls_end_over(&rig.client) && tls_end_over(&rig.server));
	ck_assert_int_eq(rig.client.code, SN_ECERT);
	ck_assert_str_eq(rig.client.error, bad_servers[_i].error);
	ck_assert_uint_eq(rig.client.ready, 0);
	sn_test_cert_fini(&cert);
}
END_TEST

/* A chain: only the root is known to the client, and the file has the rest in any order. */
START_TEST(test_chain)
{
	static const char *const orders[] = { "kccc", "ccck" };
	struct sn_test_cert root, middle, leaf;
	const struct sn_test_cert *file[3], *roots[1] = { &root };

	sn_test_cert_make(&(struct sn_test_cert_options){ .name = "root", .ca = true }, &root);
	sn_test_cert_make(
		&(struct sn_test_cert_options){ .name = "middle", .ca = true, .issuer = &root },
		&middle);
	sn_test_cert_make(
		&(struct sn_test_cert_options){
			.name = "leaf", .alt = "DNS:example.org", .issuer = &middle },
		&leaf);
	file[0] = &leaf;
	file[1] = _i ? &root : &middle;
	file[2] = _i ? &middle : &root;
	sn_test_pem_write(&rig.dir, "server.pem", orders[_i], file);
	sn_test_pem_write(&rig.dir, "root.pem", "c", roots);
	tls_rig_handshake(&rig, 1 << 20, "example.org");
	ck_assert_str_eq(rig.client.subject, "CN=leaf");
	sn_test_cert_fini(&root);
	sn_test_cert_fini(&middle);
	sn_test_cert_fini(&leaf);
}
END_TEST

/* --- options that cannot work ----------------------------------------------------------------- */

START_TEST(test_bad_options)
{
	struct sn_tls_context *context;
	struct sn_diag diag;
	char path[256];

	snprintf(path, sizeof(path), "%s/none.pem", rig.dir.path);
	ck_assert_int_eq(sn_tls_server_new(
				 &(struct sn_tls_server_options){ .certs = path }, &context, &diag),
		-2);
	ck_assert_ptr_null(context);
	ck_assert_ptr_nonnull(strstr(diag.text, "none.pem: cannot be read: No such file"));
	ck_assert_int_eq(sn_tls_client_new(&(struct sn_tls_client_options){ .trust_roots = path },
				 &context, &diag),
		-2);
	ck_assert_int_eq(sn_tls_client_new(
				 &(struct sn_tls_client_options){ .certs = path }, &context, &diag),
		-2);
	ck_assert_int_eq(
		sn_tls_client_new(&(struct sn_tls_client_options){ .certs = rig.root_file.path },
			&context, &diag),
		SN_ECERT);
	ck_assert_int_eq(
		sn_tls_client_new(&(struct sn_tls_client_options){ .alpn = NULL }, &context, &diag),
		SN_OK);
	sn_tls_context_unref(&context);
	ck_assert_ptr_null(context);
}
END_TEST

START_TEST(test_trust_folder)
{
	const struct sn_test_cert *certs[] = { &rig.cert };
	struct sn_test_dir roots = sn_test_dir_inside(&rig.dir, "roots");
	struct sn_tls_context *context;
	struct sn_diag diag;

	ck_assert_int_eq(
		sn_tls_client_new(&(struct sn_tls_client_options){ .trust_roots = roots.path },
			&context, &diag),
		SN_ECERT);
	ck_assert_ptr_nonnull(strstr(diag.text, "no certificate (*.pem) in this folder"));
	sn_test_pem_write(&roots, "a.pem", "c", certs);
	rig.client_options.trust_roots = roots.path;
	tls_rig_handshake(&rig, 1 << 20, "example.org");
}
END_TEST

Suite *sn_suite_tls_context(void);

Suite *sn_suite_tls_context(void)
{
	Suite *suite = suite_create("tls_context");
	TCase *tc = tcase_create("tls_context");

	tcase_add_checked_fixture(tc, set_up, tear_down);
	tcase_set_timeout(tc, 120);
	tcase_add_loop_test(tc, test_alpn, 0, COUNT(alpns));
	tcase_add_test(tc, test_alpn_set_later);
	tcase_add_loop_test(tc, test_versions, 0, COUNT(versions));
	tcase_add_loop_test(tc, test_suites, 0, COUNT(suites));
	tcase_add_test(tc, test_no_sha1_signature);
	tcase_add_test(tc, test_no_renegotiation);
	tcase_add_test(tc, test_groups);
	tcase_add_loop_test(tc, test_resumes, 0, COUNT(both));
	tcase_add_loop_test(tc, test_resumes_with_new_context, 0, COUNT(both));
	tcase_add_loop_test(tc, test_no_resumption_after_all_contexts_went, 0, COUNT(both));
	tcase_add_loop_test(tc, test_no_resumption_across_policies, 0, COUNT(both));
	tcase_add_loop_test(tc, test_renewed_certificate, 0, COUNT(both));
	tcase_add_loop_test(tc, test_one_ticket, 0, COUNT(both));
	tcase_add_loop_test(tc, test_client_auth, 0, 2 * COUNT(client_auths));
	tcase_add_loop_test(tc, test_client_cert_resumed, 0, COUNT(both));
	tcase_add_loop_test(tc, test_client_refuses, 0, COUNT(bad_servers));
	tcase_add_loop_test(tc, test_chain, 0, 2);
	tcase_add_test(tc, test_bad_options);
	tcase_add_test(tc, test_trust_folder);
	suite_add_tcase(suite, tc);
	return suite;
}
