/*
 * TLS on OpenSSL 3: contexts (certificates, policy, ticket keys) and the filter that puts TLS on
 * top of any stream. Only tls*.c and stream_tls.c include OpenSSL headers.
 *
 * Policy: TLS 1.2 and 1.3, AEAD suites with forward secrecy only, no renegotiation, no compression,
 * no early data, one stateless ticket per connection under keys that rotate (a key encrypts for
 * half a day and decrypts for a day; new certificates end the old sessions), buffers released when
 * idle. Server certificates come from a store:
 *
 *   a PEM file (key and chain, any order)          one certificate
 *   a folder of *.pem                              by SNI: exact name, then wildcard, then
 *                                                  default.pem or else the first by name
 *
 * Names come from the certificates' SANs, and from the file's name (example.org.pem). A changed
 * file is noticed (inotify), read off the loop, and used for new handshakes; a broken one is logged
 * and the old certificate stays. The costly step of a server's handshake runs on the offload pool.
 */
#ifndef SN_DAEMON_NET_TLS_H
#define SN_DAEMON_NET_TLS_H

#include "daemon/base/strbuf.h"
#include "daemon/loop/offload.h"
#include "daemon/net/stream.h"

struct sn_tls_store;   /* certificates; shared by the contexts that use one path */
struct sn_tls_context; /* store + policy + ALPN, for one listener or one client target */

enum sn_tls_client_auth {
	SN_TLS_CLIENT_AUTH_NONE,
	SN_TLS_CLIENT_AUTH_REQUEST,
	SN_TLS_CLIENT_AUTH_REQUIRE,
};

enum sn_tls_versions { SN_TLS_1_2_UP, SN_TLS_1_3_ONLY, SN_TLS_1_2_ONLY };

/* --- server --------------------------------------------------------------------------------- */

struct sn_tls_server_options {
	const char *certs;       /* PEM file or folder */
	const char *key;         /* PEM of the key when it is not in `certs` (ssl:), or NULL */
	const char *extra_chain; /* PEM appended to the chain, or NULL */
	/* PEM file or folder; NULL: client certificates are accepted unverified when requested
	 * (services compare fingerprints). */
	const char *client_ca;
	enum sn_tls_client_auth client_auth;
	enum sn_tls_versions versions;
	/* NULL-ended, in order of preference; NULL: none. A client that offers ALPN without a match
	 * is refused (RFC 7301 3.2). */
	const char *const *alpn;
};

/*
 * Loads everything now (blocking: start-up and reload only). Errors name file and reason:
 * unreadable, no key, key encrypted or too weak, key and certificate do not match, no certificate
 * in the folder. A warning in the log is all that comes of an expired or not yet valid certificate,
 * and of a broken file in a folder that has good ones. Contexts belong to the thread that makes
 * them.
 */
int sn_tls_server_new(const struct sn_tls_server_options *options,
	struct sn_tls_context **context_r, struct sn_diag *diag) SN_WARN_UNUSED;
struct sn_tls_context *sn_tls_context_ref(struct sn_tls_context *context);
void sn_tls_context_unref(struct sn_tls_context **context);
/* Set the protocols a service speaks, before the first connection. */
void sn_tls_server_set_alpn(struct sn_tls_context *context, const char *const *alpn);
/* Watch the certificate files on this loop, and run handshakes and reloads on this pool. */
int sn_tls_server_attach(struct sn_tls_context *context, struct sn_loop *loop,
	struct sn_offload *pool) SN_WARN_UNUSED;
void sn_tls_server_detach(struct sn_tls_context *context);
/* Look at the files now (reload verb, tests): done on the pool, result in the log. */
void sn_tls_server_refresh(struct sn_tls_context *context);

/* --- client --------------------------------------------------------------------------------- */

struct sn_tls_client_options {
	const char *trust_roots; /* PEM file or folder; NULL: the system's */
	const char *certs, *key; /* client certificate, or NULL */
	const char *const *alpn;
};
int sn_tls_client_new(const struct sn_tls_client_options *options,
	struct sn_tls_context **context_r, struct sn_diag *diag) SN_WARN_UNUSED;

/* --- the filter ----------------------------------------------------------------------------- */

/*
 * Put TLS on top of `lower`; its user becomes the user of the new top *top_r, which is CONNECTING
 * until the handshake is done (on_ready again). Refuses with SN_EPLAINTEXT when unread input is
 * left in lower (STARTTLS injection): the caller must abort the connection then. host: the name to
 * verify and send as SNI (client; an IP literal is verified as such; SN_ESYNTAX when it cannot be a
 * name), NULL on the server side.
 *
 * How it ends: on_eof is the peer's close_notify, and only that; the other direction stays open.
 * on_end gets SN_CLOSE after an orderly end, else
 *   SN_EEOF        the peer's end without close_notify: what came may have been cut off by somebody
 *                  else. (Many clients just close; whether that matters is the protocol's to say.)
 *   SN_EPLAINTEXT  the first bytes were not TLS
 *   SN_ECERT       the peer's certificate was refused
 *   SN_ETLS        any other failure of TLS, an alert from the peer among them
 *   or the lower stream's code. A failure's alert is sent before the connection goes.
 */
int sn_stream_push_tls(struct sn_stream *lower, struct sn_tls_context *context, const char *host,
	struct sn_stream **top_r) SN_WARN_UNUSED;

/* What sn_stream_tls_info tells from on_ready on, until on_end. */
struct sn_tls_info {
	const char *version; /* "TLSv1.3" */
	const char *cipher;
	struct sn_str sni, alpn; /* empty: none */
	bool resumed;
	bool has_peer_cert, peer_verified;
	uint8_t peer_fingerprint[32]; /* SHA-256 of the peer's certificate */
	struct sn_str peer_subject;   /* RFC 2253 text */
	struct sn_str peer_der;       /* server side: the client's certificate */
};
/* RFC 5929/9266 channel binding: "tls-exporter", "tls-unique", "tls-server-end-point";
 * SN_ENOTFOUND when this connection has none of that type; SN_ELIMIT: cap is too small (64 always
 * suffices). Not after on_end. */
int sn_stream_tls_binding(const struct sn_stream *s, const char *type, uint8_t *out, size_t cap,
	size_t *n_r) SN_WARN_UNUSED;
/* Do a plain connection's first bytes begin a TLS handshake? For services to say so. */
bool sn_tls_is_hello(struct sn_str input);
/* Why the handshake or the connection failed, for the log, in on_end too: "peer sent plain text,
 * not TLS (first bytes: ...)", OpenSSL's reason. Empty when nothing failed. */
const char *sn_stream_tls_error(const struct sn_stream *s);

#endif
