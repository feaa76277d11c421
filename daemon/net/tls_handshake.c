/*
 * The handshake. What costs (choosing the certificate, key exchange, signature: 0.2 ms and up) is
 * one step of the server, between the client's hello and the server's answer. When the context has
 * a pool, OpenSSL is stopped at the complete hello and goes on in a job: meanwhile the loop does
 * not touch the SSL, the job reads nothing, and what it writes is put aside. Everything else runs
 * on the loop.
 */
#include "daemon/net/tls_private.h"

#include <openssl/err.h>
#include <openssl/ssl.h>

#include "daemon/base/mem.h"

#define RECORD_ALERT 21
#define RECORD_HANDSHAKE 22

static void free_handshake(struct sn_tls_handshake *hs)
{
	SSL_free(hs->ssl);
	sn_tls_context_unref(&hs->context);
	sn_tls_set_unref(&hs->set);
	sn_chain_fini(&hs->out);
	sn_free(hs);
}

/* --- one step (loop or pool thread) --------------------------------------------------------- */

static int explain(SSL *ssl, struct sn_strbuf *text)
{
	const unsigned long error = ERR_peek_error();
	const int reason = ERR_GET_LIB(error) == ERR_LIB_SSL ? ERR_GET_REASON(error) : 0;
	int code = SN_ETLS;

	if (reason == SSL_R_CERTIFICATE_VERIFY_FAILED) {
		code = SN_ECERT;
		sn_strbuf_addf(text, "peer's certificate: %s",
			X509_verify_cert_error_string(SSL_get_verify_result(ssl)));
	} else if (reason >= SSL_AD_REASON_OFFSET) {
		sn_strbuf_addf(text, "peer refused: %s",
			SSL_alert_desc_string_long(reason - SSL_AD_REASON_OFFSET));
	} else {
		sn_strbuf_adds(text, sn_tls_reason("handshake failed"));
	}
	ERR_clear_error();
	return code;
}

/* SN_OK: done. SN_AGAIN: more input. SN_PENDING: stopped at the hello. */
static int step(SSL *ssl, struct sn_tls_handshake *hs)
{
	struct sn_strbuf text;
	int rc;

	ERR_clear_error();
	rc = SSL_do_handshake(ssl);
	if (rc == 1)
		return SN_OK;
	switch (SSL_get_error(ssl, rc)) {
	case SSL_ERROR_WANT_READ:
		return SN_AGAIN;
	case SSL_ERROR_WANT_CLIENT_HELLO_CB:
		return SN_PENDING;
	default:
		sn_strbuf_fixed(&text, hs->reason, sizeof(hs->reason));
		return explain(ssl, &text);
	}
}

/* --- on the loop ---------------------------------------------------------------------------- */

static bool first_byte_fits(const struct sn_stream_tls *tls, uint8_t byte)
{
	/* A server that cannot go on says so before it says anything else. */
	return byte == RECORD_HANDSHAKE || (byte == RECORD_ALERT && tls->context->store == NULL);
}

/* RFC 8446 5.1: type, then a version that has had 3 as its first byte since SSL 3. */
bool sn_tls_is_hello(struct sn_str input)
{
	return input.n >= 2 && input.p[0] == RECORD_HANDSHAKE && input.p[1] == 3;
}

static bool is_text(struct sn_str s)
{
	for (size_t i = 0; i < s.n; i++) {
		const unsigned char c = (unsigned char)s.p[i];

		if ((c < ' ' && c != '\r' && c != '\n' && c != '\t') || c >= 0x7f)
			return false;
	}
	return true;
}

/* An IRC or HTTP client on the TLS port: say that, not "wrong version number". */
static int sniff(struct sn_stream_tls *tls)
{
	const struct sn_str in = sn_stream_input(tls->stream.lower);
	const struct sn_str first = sn_str_sub(in, 0, SN_TLS_SNIFF);
	struct sn_strbuf text;

	if (tls->handshake->sniffed || in.n == 0)
		return SN_OK;
	tls->handshake->sniffed = true;
	if (first_byte_fits(tls, (uint8_t)in.p[0]))
		return SN_OK;
	sn_strbuf_fixed(&text, tls->handshake->reason, sizeof(tls->handshake->reason));
	sn_strbuf_adds(&text,
		is_text(first) ? "peer sent plain text, not TLS (first bytes: \""
			       : "peer sent something else than TLS (first bytes: \"");
	sn_strbuf_add_quoted(&text, first);
	sn_strbuf_adds(&text, "\")");
	return SN_EPLAINTEXT;
}

static void finish(struct sn_stream_tls *tls)
{
	struct sn_tls_handshake *hs = tls->handshake;

	tls->handshake = NULL;
	SSL_set_app_data(tls->ssl, NULL);
	free_handshake(hs);
	tls->info = sn_tls_info_new(tls->ssl, tls->context);
	sn_stream_flush(tls->stream.lower);
	sn_stream_ready(&tls->stream);
	if (!tls->stream.reading)
		sn_stream_pause(tls->stream.lower);
	sn_stream_readable(&tls->stream);
}

static int work_step(struct sn_job *job)
{
	struct sn_tls_handshake *hs = sn_container_of(job, struct sn_tls_handshake, job);

	return step(hs->ssl, hs);
}

static void on_step_done(struct sn_job *job, int code);

/* False: no pool thread can be had now. */
static bool start_job(struct sn_stream_tls *tls)
{
	struct sn_tls_handshake *hs = tls->handshake;

	hs->stop_at_hello = false;
	hs->ssl = tls->ssl;
	hs->job.work = work_step;
	hs->job.done = on_step_done;
	BIO_set_data(SSL_get_rbio(tls->ssl), &hs->io);
	hs->running = true;
	if (sn_offload_run(tls->context->pool, tls->stream.loop, &hs->job) == SN_OK)
		return true;
	hs->running = false;
	hs->ssl = NULL;
	BIO_set_data(SSL_get_rbio(tls->ssl), &tls->io);
	return false;
}

static void settle(struct sn_stream_tls *tls, int code)
{
	if (code == SN_OK)
		finish(tls);
	else if (code < 0)
		sn_tls_fail(tls, code, tls->handshake->reason);
	else if (code == SN_AGAIN && tls->lower_eof)
		sn_tls_fail(tls, SN_EEOF, "peer closed during the handshake");
	else
		sn_stream_flush(tls->stream.lower);
}

/* A server that has heard nothing yet has nothing to do, and who only connects must not cost the
 * 50 kB that OpenSSL takes at the first step. */
static bool is_idle(const struct sn_stream_tls *tls)
{
	return tls->context->store != NULL && !tls->handshake->sniffed && !tls->lower_eof &&
		sn_stream_input(tls->stream.lower).n == 0;
}

void sn_tls_handshake_advance(struct sn_stream_tls *tls)
{
	struct sn_tls_handshake *hs = tls->handshake;
	int code;

	if (hs->running || !sn_stream_is_open(&tls->stream) || is_idle(tls))
		return;
	code = sniff(tls);
	if (code == SN_OK)
		code = step(tls->ssl, hs);
	if (code == SN_PENDING && !start_job(tls))
		code = step(tls->ssl, hs);
	settle(tls, code);
}

static void on_step_done(struct sn_job *job, int code)
{
	struct sn_tls_handshake *hs = sn_container_of(job, struct sn_tls_handshake, job);
	struct sn_stream_tls *tls = hs->tls;

	hs->running = false;
	if (tls == NULL) {
		free_handshake(hs);
		return;
	}
	hs->ssl = NULL;
	hs->stop_at_hello = tls->context->pool != NULL; /* a second hello costs as much */
	BIO_set_data(SSL_get_rbio(tls->ssl), &tls->io);
	if (!sn_stream_is_open(&tls->stream)) /* its end is due, and lower may be gone already */
		return;
	sn_chain_move(sn_stream_out(tls->stream.lower), &hs->out, hs->out.bytes);
	if (code == SN_AGAIN && sn_stream_input(tls->stream.lower).n > 0)
		sn_tls_handshake_advance(tls);
	else
		settle(tls, code);
}

void sn_tls_handshake_start(struct sn_stream_tls *tls)
{
	struct sn_tls_handshake *hs = sn_alloc_zero(sizeof(*hs));

	hs->tls = tls;
	sn_chain_init(&hs->out);
	hs->io.aside = &hs->out;
	if (tls->context->store != NULL)
		hs->set = sn_tls_set_ref(tls->context->store->set);
	hs->stop_at_hello = tls->context->pool != NULL;
	tls->handshake = hs;
	SSL_set_app_data(tls->ssl, hs);
}

void sn_tls_handshake_drop(struct sn_stream_tls *tls)
{
	struct sn_tls_handshake *hs = tls->handshake;

	tls->handshake = NULL;
	if (hs == NULL)
		return;
	if (!hs->running) {
		free_handshake(hs);
		return;
	}
	hs->tls = NULL;
	hs->context = tls->context;
	tls->ssl = NULL;
	tls->context = NULL;
	sn_offload_cancel(&hs->job);
}
