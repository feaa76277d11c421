#include "tests/unit/daemon/net/tls_rig.h"

#include <stdio.h>

#include <openssl/err.h>

#include "daemon/base/mem.h"

static struct tls_end *end_of(struct sn_stream_user *user)
{
	return sn_container_of(user, struct tls_end, user);
}

static void copy_str(char *to, size_t size, struct sn_str s)
{
	snprintf(to, size, "%.*s", SN_STR_ARG(s));
}

static void on_ready(struct sn_stream_user *user)
{
	struct tls_end *end = end_of(user);
	const struct sn_tls_info *info = sn_stream_tls_info(user->stream);

	end->ready++;
	ck_assert_ptr_nonnull(info);
	end->resumed = info->resumed;
	end->has_peer_cert = info->has_peer_cert;
	end->peer_verified = info->peer_verified;
	memcpy(end->fingerprint, info->peer_fingerprint, sizeof(end->fingerprint));
	copy_str(end->version, sizeof(end->version), sn_str(info->version));
	copy_str(end->sni, sizeof(end->sni), info->sni);
	copy_str(end->alpn, sizeof(end->alpn), info->alpn);
	copy_str(end->subject, sizeof(end->subject), info->peer_subject);
}

static void on_input(struct sn_stream_user *user)
{
	struct tls_end *end = end_of(user);
	const struct sn_str in = sn_stream_input(user->stream);

	ck_assert_uint_gt(end->ready, 0);
	ck_assert_uint_eq(end->ends, 0);
	if (!end->discard)
		sn_strbuf_add(&end->got, in);
	end->received += in.n;
	sn_stream_consume(user->stream, in.n);
}

static void on_drained(struct sn_stream_user *user)
{
	end_of(user)->drained++;
}

static void on_eof(struct sn_stream_user *user)
{
	struct tls_end *end = end_of(user);

	end->eofs++;
	if (!end->stay_at_eof)
		sn_stream_close(user->stream);
}

static void on_end(struct sn_stream_user *user, int code)
{
	struct tls_end *end = end_of(user);

	end->ends++;
	end->code = code;
	snprintf(end->error, sizeof(end->error), "%s", sn_stream_tls_error(user->stream));
}

static void on_free(struct sn_stream_user *user)
{
	end_of(user)->frees++;
}

static const struct sn_stream_events events = {
	.on_ready = on_ready,
	.on_input = on_input,
	.on_drained = on_drained,
	.on_eof = on_eof,
	.on_end = on_end,
	.on_free = on_free,
};

void tls_end_init(struct tls_end *end)
{
	sn_strbuf_fini(&end->got);
	memset(end, 0, sizeof(*end));
	end->user.events = &events;
	sn_strbuf_init(&end->got, 16 << 20);
	end->frees = 1; /* not in use */
}

void tls_rig_init(struct tls_rig *rig, bool offload)
{
	const struct sn_test_cert *certs[] = { &rig->cert };

	memset(rig, 0, sizeof(*rig));
	ck_assert_int_eq(sn_loop_new(NULL, &rig->loop), SN_OK);
	if (offload)
		ck_assert_int_eq(
			sn_offload_new(&(struct sn_offload_options){ .threads = 2 }, &rig->pool),
			SN_OK);
	sn_test_dir_make(&rig->dir);
	sn_test_cert_make(&(struct sn_test_cert_options){ .name = "example.org",
				  .alt = "DNS:example.org,IP:127.0.0.1,IP:::1" },
		&rig->cert);
	rig->cert_file = sn_test_pem_write(&rig->dir, "server.pem", "kc", certs);
	rig->root_file = sn_test_pem_write(&rig->dir, "root.pem", "c", certs);
	rig->server_options.certs = rig->cert_file.path;
	rig->client_options.trust_roots = rig->root_file.path;
	tls_end_init(&rig->server);
	tls_end_init(&rig->client);
}

void tls_rig_make_contexts(struct tls_rig *rig)
{
	struct sn_diag diag = { .code = 0 };

	if (rig->server_context == NULL) {
		int code = sn_tls_server_new(&rig->server_options, &rig->server_context, &diag);

		ck_assert_msg(code == SN_OK, "%s", diag.text);
		ck_assert_int_eq(
			sn_tls_server_attach(rig->server_context, rig->loop, rig->pool), SN_OK);
	}
	if (rig->client_context == NULL) {
		int code = sn_tls_client_new(&rig->client_options, &rig->client_context, &diag);

		ck_assert_msg(code == SN_OK, "%s", diag.text);
	}
}

void tls_rig_drop_contexts(struct tls_rig *rig)
{
	if (rig->server_context != NULL)
		sn_tls_server_detach(rig->server_context);
	sn_tls_context_unref(&rig->server_context);
	sn_tls_context_unref(&rig->client_context);
}

void tls_rig_join(
	struct tls_rig *rig, struct sn_stream *server, struct sn_stream *client, const char *host)
{
	struct sn_stream *top;

	rig->server.frees = rig->client.frees = 0;
	ck_assert_int_eq(sn_stream_push_tls(server, rig->server_context, NULL, &top), SN_OK);
	sn_stream_set_user(top, &rig->server.user);
	ck_assert_int_eq(sn_stream_push_tls(client, rig->client_context, host, &top), SN_OK);
	sn_stream_set_user(top, &rig->client.user);
}

void tls_rig_connect(struct tls_rig *rig, size_t capacity, const char *host)
{
	struct sn_stream *server, *client;

	tls_rig_make_contexts(rig);
	tls_end_init(&rig->server);
	tls_end_init(&rig->client);
	sn_stream_mem_pair(rig->loop, capacity, &server, &client);
	tls_rig_join(rig, server, client, host);
}

static bool settled(const struct tls_end *end)
{
	return end->ready > 0 || end->frees > 0;
}

void tls_rig_settle(struct tls_rig *rig)
{
	sn_test_turn_until(rig->loop, settled(&rig->server) && settled(&rig->client));
}

void tls_rig_handshake(struct tls_rig *rig, size_t capacity, const char *host)
{
	tls_rig_connect(rig, capacity, host);
	tls_rig_settle(rig);
	ck_assert_msg(rig->server.ready == 1, "server: %s", rig->server.error);
	ck_assert_msg(rig->client.ready == 1, "client: %s", rig->client.error);
}

void tls_rig_close(struct tls_rig *rig)
{
	sn_stream_close(rig->client.user.stream);
	sn_test_turn_until(rig->loop, tls_end_over(&rig->server) && tls_end_over(&rig->client));
}

void tls_rig_abort(struct tls_rig *rig)
{
	if (!tls_end_over(&rig->server))
		sn_stream_abort(rig->server.user.stream, SN_ECANCELED);
	if (!tls_end_over(&rig->client))
		sn_stream_abort(rig->client.user.stream, SN_ECANCELED);
	sn_test_turn_until(rig->loop, tls_end_over(&rig->server) && tls_end_over(&rig->client));
}

void tls_rig_fini(struct tls_rig *rig)
{
	tls_rig_abort(rig);
	tls_rig_drop_contexts(rig);
	sn_offload_free(&rig->pool);
	sn_loop_turn(rig->loop, 0);
	sn_loop_turn(rig->loop, 0);
	sn_loop_free(&rig->loop);
	sn_strbuf_fini(&rig->server.got);
	sn_strbuf_fini(&rig->client.got);
	sn_test_cert_fini(&rig->cert);
	sn_test_dir_remove(&rig->dir);
}

/* --- raw client ----------------------------------------------------------------------------- */

static struct tls_raw *raw_of(struct sn_stream_user *user)
{
	return sn_container_of(user, struct tls_raw, user);
}

static void send_out(struct tls_raw *raw)
{
	char mem[4096];
	int n;

	while ((n = BIO_read(SSL_get_wbio(raw->ssl), mem, sizeof(mem))) > 0)
		sn_stream_write(raw->user.stream, sn_str_n(mem, (size_t)n));
}

static void raw_fail(struct tls_raw *raw)
{
	const char *reason = ERR_reason_error_string(ERR_peek_error());

	raw->failed = true;
	snprintf(raw->error, sizeof(raw->error), "%s", reason != NULL ? reason : "?");
	ERR_clear_error();
}

/* A byte there and the server's answer back: by then the ticket has come too. */
static void raw_step(struct tls_raw *raw)
{
	char byte;
	int n;

	if (raw->failed || raw->done)
		return;
	ERR_clear_error();
	n = SSL_read(raw->ssl, &byte, 1);
	if (n == 1)
		raw->done = true;
	else if (SSL_get_error(raw->ssl, n) != SSL_ERROR_WANT_READ)
		raw_fail(raw);
	send_out(raw);
}

static void raw_input(struct sn_stream_user *user)
{
	struct tls_raw *raw = raw_of(user);
	const struct sn_str in = sn_stream_input(user->stream);

	ck_assert_int_eq(BIO_write(SSL_get_rbio(raw->ssl), in.p, (int)in.n), (int)in.n);
	sn_stream_consume(user->stream, in.n);
	raw_step(raw);
}

static void raw_end(struct sn_stream_user *user, int code)
{
	(void)user;
	(void)code;
}

static void raw_free(struct sn_stream_user *user)
{
	raw_of(user)->over = true;
}

static const struct sn_stream_events raw_events = {
	.on_input = raw_input,
	.on_end = raw_end,
	.on_free = raw_free,
};

void tls_raw_init(struct tls_rig *rig, struct tls_raw *raw)
{
	memset(raw, 0, sizeof(*raw));
	raw->ctx = SSL_CTX_new(TLS_client_method());
	ck_assert_int_eq(SSL_CTX_load_verify_file(raw->ctx, rig->root_file.path), 1);
	SSL_CTX_set_verify(raw->ctx, SSL_VERIFY_PEER, NULL);
}

void tls_raw_fini(struct tls_raw *raw)
{
	SSL_SESSION_free(raw->session);
	SSL_CTX_free(raw->ctx);
}

static void raw_start(struct tls_rig *rig, struct tls_raw *raw)
{
	struct sn_stream *server, *client, *top;

	tls_rig_make_contexts(rig);
	tls_end_init(&rig->server);
	rig->server.frees = 0;
	sn_stream_mem_pair(rig->loop, 1 << 20, &server, &client);
	ck_assert_int_eq(sn_stream_push_tls(server, rig->server_context, NULL, &top), SN_OK);
	sn_stream_set_user(top, &rig->server.user);
	raw->user.events = &raw_events;
	raw->done = raw->failed = raw->over = false;
	sn_stream_set_user(client, &raw->user);
	raw->ssl = SSL_new(raw->ctx);
	SSL_set_bio(raw->ssl, BIO_new(BIO_s_mem()), BIO_new(BIO_s_mem()));
	BIO_set_mem_eof_return(SSL_get_rbio(raw->ssl), -1);
	BIO_set_mem_eof_return(SSL_get_wbio(raw->ssl), -1);
	SSL_set_connect_state(raw->ssl);
	SSL_set_tlsext_host_name(raw->ssl, "example.org");
	if (raw->session != NULL)
		SSL_set_session(raw->ssl, raw->session);
}

static bool raw_settled(const struct tls_rig *rig, const struct tls_raw *raw)
{
	return raw->done || raw->failed || raw->over || tls_end_over(&rig->server);
}

bool tls_raw_talk(struct tls_rig *rig, struct tls_raw *raw)
{
	raw_start(rig, raw);
	raw_step(raw);
	sn_test_turn_until(rig->loop, rig->server.ready > 0 || raw_settled(rig, raw));
	if (rig->server.ready > 0)
		sn_stream_write(rig->server.user.stream, SN_STR("!"));
	sn_test_turn_until(rig->loop, raw_settled(rig, raw));
	if (raw->done) {
		SSL_SESSION_free(raw->session);
		raw->session = SSL_get1_session(raw->ssl);
	}
	return raw->done;
}

void tls_raw_close(struct tls_rig *rig, struct tls_raw *raw)
{
	if (!raw->over)
		sn_stream_close(raw->user.stream);
	sn_test_turn_until(rig->loop, raw->over && tls_end_over(&rig->server));
	/* else OpenSSL takes the session for broken, and a later connection does not offer it */
	SSL_set_shutdown(raw->ssl, SSL_SENT_SHUTDOWN | SSL_RECEIVED_SHUTDOWN);
	SSL_free(raw->ssl);
	raw->ssl = NULL;
}
