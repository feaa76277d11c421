/*
 * Two ends of a TLS connection on one loop over a memory pair, for the tests of the TLS files. The
 * server's certificate is self-signed for example.org and 127.0.0.1, and the client trusts it.
 */
#ifndef SN_TESTS_UNIT_DAEMON_NET_TLS_RIG_H
#define SN_TESTS_UNIT_DAEMON_NET_TLS_RIG_H

#include <openssl/ssl.h>

#include "tests/support/certs.h"
#include "tests/support/turn.h"
#include "tests/support/unit.h"

#include "daemon/net/tls.h"

struct tls_end {
	struct sn_stream_user user;
	unsigned ready, drained, eofs, ends, frees;
	int code;        /* on_end's */
	char error[160]; /* sn_stream_tls_error at that time */
	struct sn_strbuf got;
	uint64_t received;
	bool stay_at_eof; /* do not answer the peer's end with close */
	bool discard;     /* count only */
	/* copied from the facts when ready */
	bool resumed, has_peer_cert, peer_verified;
	char version[16], sni[64], alpn[32], subject[64];
	uint8_t fingerprint[32];
};

struct tls_rig {
	struct sn_loop *loop;
	struct sn_offload *pool; /* NULL: inline */
	struct sn_test_dir dir;
	struct sn_test_cert cert;
	struct sn_test_pem cert_file, root_file;
	struct sn_tls_server_options
		server_options; /* preset with the files; change before connect */
	struct sn_tls_client_options client_options;
	struct sn_tls_context *server_context, *client_context; /* made by the first connect */
	struct tls_end server, client;
};

void tls_rig_init(struct tls_rig *rig, bool offload);
void tls_rig_fini(struct tls_rig *rig);
/* Contexts from the options, if there are none yet. */
void tls_rig_make_contexts(struct tls_rig *rig);
void tls_rig_drop_contexts(struct tls_rig *rig);
void tls_end_init(struct tls_end *end);
/* Push TLS on both streams and make the ends their users. */
void tls_rig_join(
	struct tls_rig *rig, struct sn_stream *server, struct sn_stream *client, const char *host);
/* A new pair with this capacity, joined; the ends are reset. */
void tls_rig_connect(struct tls_rig *rig, size_t capacity, const char *host);
/* Turn until each end is ready or over. */
void tls_rig_settle(struct tls_rig *rig);
/* Both ready, asserted. */
void tls_rig_handshake(struct tls_rig *rig, size_t capacity, const char *host);
/* Close the client and turn until both ends are freed. */
void tls_rig_close(struct tls_rig *rig);
/* Abort whatever is left and turn until it is freed. */
void tls_rig_abort(struct tls_rig *rig);

/* A client that is OpenSSL itself, for what ours does not do: resume, offer old or odd things. */
struct tls_raw {
	struct sn_stream_user user;
	SSL_CTX *ctx;         /* trusts the rig's root; change before the connect */
	SSL_SESSION *session; /* offered by the next connect, and kept from the last one; or NULL */
	SSL *ssl;
	bool done, failed, over;
	char error[160];
};
void tls_raw_init(struct tls_rig *rig, struct tls_raw *raw);
void tls_raw_fini(struct tls_raw *raw);
/* Handshake with the rig's server and go on until a byte has come and gone, or one end is over.
 * True: it worked. */
bool tls_raw_talk(struct tls_rig *rig, struct tls_raw *raw);
/* Close the connection and turn until the server's end is freed. */
void tls_raw_close(struct tls_rig *rig, struct tls_raw *raw);

static inline bool tls_end_over(const struct tls_end *end)
{
	return end->frees > 0;
}

#endif
