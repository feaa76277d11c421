#include "daemon/net/tls_private.h"

#include <errno.h>
#include <unistd.h>

#include <openssl/bio.h>
#include <openssl/err.h>
#include <openssl/x509v3.h>

#include "daemon/base/mem.h"

#define RECORD_MAX ((size_t)16384)
/* Encrypted before it is handed down: enough for one system call to carry much. */
#define BATCH (4 * RECORD_MAX)

static struct sn_stream_tls *tls_of(const struct sn_stream *s)
{
	return sn_container_of(s, struct sn_stream_tls, stream);
}

/* --- BIO: between OpenSSL and the lower stream ----------------------------------------------- */

static int on_bio_read(BIO *bio, char *out, size_t want, size_t *n_r)
{
	const struct sn_tls_io *io = BIO_get_data(bio);
	struct sn_str in = SN_STR_NULL;

	BIO_clear_retry_flags(bio);
	if (io->lower != NULL)
		in = sn_str_sub(sn_stream_input(io->lower), 0, want);
	if (in.n == 0) {
		BIO_set_retry_read(bio);
		return 0;
	}
	memcpy(out, in.p, in.n);
	sn_stream_consume(io->lower, in.n);
	*n_r = in.n;
	return 1;
}

/* Takes everything: how much there may be is decided before encrypting. */
static int on_bio_write(BIO *bio, const char *data, size_t n, size_t *n_r)
{
	const struct sn_tls_io *io = BIO_get_data(bio);
	struct sn_chain *out = io->lower != NULL ? sn_stream_out(io->lower) : io->aside;

	BIO_clear_retry_flags(bio);
	sn_chain_write(out, sn_str_n(data, n));
	*n_r = n;
	return 1;
}

static long on_bio_ctrl(BIO *bio, int command, long num, void *ptr)
{
	(void)bio;
	(void)num;
	(void)ptr;
	return command == BIO_CTRL_FLUSH;
}

static BIO_METHOD *bio_method;

static void make_bio_method(void)
{
	bio_method = BIO_meth_new(BIO_get_new_index() | BIO_TYPE_SOURCE_SINK, "sn_stream");
	sn_assert(bio_method != NULL);
	BIO_meth_set_read_ex(bio_method, on_bio_read);
	BIO_meth_set_write_ex(bio_method, on_bio_write);
	BIO_meth_set_ctrl(bio_method, on_bio_ctrl);
}

static BIO *new_bio(struct sn_tls_io *io)
{
	static pthread_once_t once = PTHREAD_ONCE_INIT;
	BIO *bio;

	pthread_once(&once, make_bio_method);
	bio = BIO_new(bio_method);
	sn_assert(bio != NULL);
	BIO_set_data(bio, io);
	BIO_set_init(bio, 1);
	return bio;
}

/* --- the end -------------------------------------------------------------------------------- */

static void remember(struct sn_stream_tls *tls, const char *reason)
{
	struct sn_strbuf text;

	sn_strbuf_fixed(&text, tls->error, sizeof(tls->error));
	sn_strbuf_adds(&text, reason);
}

/* The alert, if OpenSSL wrote one, must be on its way before lower goes. */
static void flush_alert(struct sn_stream_tls *tls)
{
	struct sn_stream *lower = tls->stream.lower;

	if (lower != NULL && sn_stream_is_open(lower))
		sn_stream_flush_now(lower);
}

void sn_tls_fail(struct sn_stream_tls *tls, int code, const char *reason)
{
	remember(tls, reason);
	flush_alert(tls);
	sn_stream_abort(&tls->stream, code);
}

/* An SSL function on the open connection failed: why. SN_AGAIN: it needs more input. */
static int judge(struct sn_stream_tls *tls, int rc)
{
	switch (SSL_get_error(tls->ssl, rc)) {
	case SSL_ERROR_WANT_READ:
		if (!tls->lower_eof)
			return SN_AGAIN;
		remember(tls, "peer closed without close_notify");
		return SN_EEOF;
	case SSL_ERROR_ZERO_RETURN:
		return SN_CLOSE;
	default:
		remember(tls, sn_tls_reason("connection failed"));
		flush_alert(tls);
		return SN_ETLS;
	}
}

/* --- input ---------------------------------------------------------------------------------- */

/* SN_OK: s->in is full; else what stopped it. */
static int decrypt(struct sn_stream_tls *tls)
{
	struct sn_stream *s = &tls->stream;
	size_t room, n;
	char *p;
	int rc;

	while (sn_buf_reserve(&s->in, RECORD_MAX, &p, &room) == SN_OK) {
		ERR_clear_error();
		rc = SSL_read_ex(tls->ssl, p, room, &n);
		if (rc != 1)
			return judge(tls, rc);
		sn_buf_commit(&s->in, n);
	}
	return SN_OK;
}

static int tls_pull(struct sn_stream *s)
{
	struct sn_stream_tls *tls = tls_of(s);
	const size_t had = s->in.n, queued = sn_stream_queued(s->lower);
	int code;

	if (tls->handshake != NULL)
		return SN_AGAIN;
	if (tls->end != SN_OK)
		return tls->end;
	if (s->in.n == 0)
		sn_buf_lend(&s->in, sn_loop_scratch(s->loop, SN_SCRATCH_PLAIN), SN_SCRATCH_SIZE);
	code = decrypt(tls);
	if (sn_stream_queued(s->lower) > queued) /* answers to key updates */
		sn_stream_flush(s->lower);
	if (code != SN_AGAIN)
		tls->end = code;
	if (s->in.n == had)
		return code == SN_OK ? SN_AGAIN : code;
	s->more = code != SN_AGAIN;
	return SN_OK;
}

static void tls_want_input(struct sn_stream *s, bool want)
{
	if (s->lower == NULL || tls_of(s)->handshake != NULL)
		return;
	if (want)
		sn_stream_resume(s->lower);
	else
		sn_stream_pause(s->lower);
}

/* --- output --------------------------------------------------------------------------------- */

static int encrypt(struct sn_stream_tls *tls, struct sn_str plain)
{
	size_t n;
	int rc;

	ERR_clear_error();
	rc = SSL_write_ex(tls->ssl, plain.p, plain.n, &n);
	if (rc != 1)
		return judge(tls, rc);
	sn_assert(n == plain.n); /* the BIO takes everything */
	sn_chain_consume(&tls->stream.out, n);
	return SN_OK;
}

static int encrypt_file(struct sn_stream_tls *tls, const struct sn_slice *file)
{
	char *mem = sn_loop_scratch(tls->stream.loop, SN_SCRATCH_PLAIN);
	const size_t want = file->n < RECORD_MAX ? file->n : RECORD_MAX;
	ssize_t n;

	do
		n = pread(file->block->fd, mem, want, file->off);
	while (n < 0 && errno == EINTR);
	if (n <= 0) /* shorter than promised: the peer must not take it as whole */
		return n < 0 ? -errno : -EIO;
	return encrypt(tls, sn_str_n(mem, (size_t)n));
}

/* A big slice goes in as it lies; small ones are gathered, so that they share a record. */
static int encrypt_record(struct sn_stream_tls *tls)
{
	struct sn_chain *out = &tls->stream.out;
	const struct sn_slice *file = sn_chain_file(out);
	struct sn_str front;
	char *mem;

	if (file != NULL)
		return encrypt_file(tls, file);
	front = sn_chain_front(out);
	if (front.n >= RECORD_MAX || front.n == out->bytes)
		return encrypt(tls, sn_str_sub(front, 0, RECORD_MAX));
	mem = sn_loop_scratch(tls->stream.loop, SN_SCRATCH_PLAIN);
	return encrypt(tls, sn_str_n(mem, sn_chain_peek(out, mem, RECORD_MAX)));
}

static int encrypt_batch(struct sn_stream_tls *tls)
{
	const size_t before = tls->stream.out.bytes;
	int code = SN_OK;

	while (code == SN_OK && tls->stream.out.bytes > 0 && before - tls->stream.out.bytes < BATCH)
		code = encrypt_record(tls);
	return code;
}

/* Goes on as long as the lower stream gets rid of it. */
static int tls_push(struct sn_stream *s)
{
	struct sn_stream_tls *tls = tls_of(s);
	struct sn_stream *lower = s->lower;

	while (s->out.bytes > 0 && sn_stream_is_open(lower) && !sn_stream_congested(lower)) {
		int code = encrypt_batch(tls);

		sn_stream_flush_now(lower);
		if (code != SN_OK)
			return code;
	}
	return s->out.bytes > 0 ? SN_AGAIN : SN_OK;
}

static int tls_shutdown(struct sn_stream *s)
{
	struct sn_stream_tls *tls = tls_of(s);

	if (tls->handshake != NULL)
		return SN_CLOSE;
	ERR_clear_error();
	SSL_shutdown(
		tls->ssl); /* only says close_notify; it cannot fail before anything else has */
	sn_stream_flush_now(s->lower);
	return SN_OK;
}

static void tls_release(struct sn_stream *s)
{
	struct sn_stream_tls *tls = tls_of(s);

	sn_tls_handshake_drop(tls);
	SSL_free(tls->ssl);
	tls->ssl = NULL;
	sn_tls_context_unref(&tls->context);
	sn_free(tls->info);
	tls->info = NULL;
}

static const struct sn_stream_ops tls_ops = {
	.name = "tls",
	.pull = tls_pull,
	.push = tls_push,
	.want_input = tls_want_input,
	.shutdown = tls_shutdown,
	.release = tls_release,
};

/* --- events of the lower stream -------------------------------------------------------------- */

static struct sn_stream_tls *tls_of_filter(struct sn_stream_user *user)
{
	return sn_container_of(user, struct sn_stream_tls, filter);
}

static void on_lower_input(struct sn_stream_user *user)
{
	struct sn_stream_tls *tls = tls_of_filter(user);

	if (tls->handshake != NULL)
		sn_tls_handshake_advance(tls);
	else
		sn_stream_readable(&tls->stream);
}

static void on_lower_eof(struct sn_stream_user *user)
{
	tls_of_filter(user)->lower_eof = true;
	on_lower_input(user);
}

static void on_lower_drained(struct sn_stream_user *user)
{
	sn_stream_writable(&tls_of_filter(user)->stream);
}

static void on_lower_end(struct sn_stream_user *user, int code)
{
	sn_stream_abort(&tls_of_filter(user)->stream, code);
}

static const struct sn_stream_events filter_events = {
	.on_ready = on_lower_input, /* a client speaks first */
	.on_input = on_lower_input,
	.on_drained = on_lower_drained,
	.on_eof = on_lower_eof,
	.on_end = on_lower_end,
};

/* --- making one ----------------------------------------------------------------------------- */

static int expect_host(SSL *ssl, const char *host)
{
	X509_VERIFY_PARAM *param = SSL_get0_param(ssl);
	struct sn_str name = sn_str(host);
	struct sn_addr addr;
	char *text;
	int ok;

	if (sn_addr_parse(name, 0, &addr) == SN_OK) {
		if (addr.un.sun_family == AF_INET)
			ok = X509_VERIFY_PARAM_set1_ip(
				param, (const uint8_t *)&addr.in.sin_addr, 4);
		else
			ok = X509_VERIFY_PARAM_set1_ip(param, addr.in6.sin6_addr.s6_addr, 16);
		return ok ? SN_OK : SN_ETLS;
	}
	if (sn_str_ends(name, SN_STR("."))) /* a rooted name; certificates have it without */
		name.n--;
	text = sn_str_dup(name);
	X509_VERIFY_PARAM_set_hostflags(param, X509_CHECK_FLAG_NO_PARTIAL_WILDCARDS);
	ok = name.n > 0 && X509_VERIFY_PARAM_set1_host(param, text, name.n) &&
		SSL_set_tlsext_host_name(ssl, text);
	sn_free(text);
	ERR_clear_error();
	return ok ? SN_OK : SN_ESYNTAX;
}

static int make_ssl(struct sn_stream_tls *tls, const char *host)
{
	BIO *bio;

	tls->ssl = SSL_new(tls->context->ssl);
	sn_assert(tls->ssl != NULL);
	bio = new_bio(&tls->io);
	SSL_set_bio(tls->ssl, bio, bio);
	if (tls->context->store != NULL) {
		SSL_set_accept_state(tls->ssl);
		return SN_OK;
	}
	sn_assert(host != NULL);
	SSL_set_connect_state(tls->ssl);
	return expect_host(tls->ssl, host);
}

int sn_tls_push(struct sn_stream *lower, struct sn_tls_context *context, const char *host,
	struct sn_stream **top_r)
{
	struct sn_stream_tls *tls = sn_alloc_zero(sizeof(*tls));
	int code;

	tls->context = context;
	tls->io.lower = lower;
	code = make_ssl(tls, host);
	if (code != SN_OK) {
		SSL_free(tls->ssl);
		sn_free(tls);
		return code;
	}
	sn_tls_context_ref(context);
	tls->filter.events = &filter_events;
	sn_tls_handshake_start(tls);
	sn_stream_init(&tls->stream, lower->loop, &tls_ops, true);
	sn_stream_stack(&tls->stream, lower, &tls->filter);
	*top_r = &tls->stream;
	return SN_OK;
}

int sn_stream_push_tls(struct sn_stream *lower, struct sn_tls_context *context, const char *host,
	struct sn_stream **top_r)
{
	if (sn_stream_input(lower).n > 0)
		return SN_EPLAINTEXT;
	return sn_tls_push(lower, context, host, top_r);
}

/* --- facts ---------------------------------------------------------------------------------- */

static const struct sn_stream_tls *find_tls(const struct sn_stream *s)
{
	while (s != NULL && s->ops != &tls_ops)
		s = s->lower;
	return s != NULL ? tls_of(s) : NULL;
}

const struct sn_tls_info *sn_stream_tls_info(const struct sn_stream *s)
{
	const struct sn_stream_tls *tls = find_tls(s);

	return tls != NULL ? tls->info : NULL;
}

const char *sn_stream_tls_error(const struct sn_stream *s)
{
	const struct sn_stream_tls *tls = find_tls(s);

	return tls != NULL ? tls->error : "";
}

int sn_stream_tls_binding(
	const struct sn_stream *s, const char *type, uint8_t *out, size_t cap, size_t *n_r)
{
	const struct sn_stream_tls *tls = find_tls(s);

	if (tls == NULL || tls->ssl == NULL || tls->handshake != NULL)
		return SN_ENOTFOUND;
	return sn_tls_binding(tls->ssl, sn_str(type), out, cap, n_r);
}
