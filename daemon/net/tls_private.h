/*
 * What the TLS files share, and nobody else includes: certificates, their store, ticket keys, the
 * context's inside, and the state of one handshake.
 *
 *   tls_pem.c        PEM files -> one certificate with key and chain
 *   tls_store.c      files -> a set by name; watching, reloading
 *   tls_tickets.c    the keys that session tickets are encrypted under
 *   tls_context.c    policy: SSL_CTX, ALPN, client certificates, trust roots
 *   stream_tls.c     the filter; tls_handshake.c its first part; tls_info.c facts afterwards
 *
 * Threads: a handshake's expensive step runs on a pool thread. It may touch its own SSL, the set
 * pinned for it (immutable), the context's policy (fixed before the first connection) and the
 * ticket keys (locked). References of sets, stores and contexts are counted on the loop only.
 */
#ifndef SN_DAEMON_NET_TLS_PRIVATE_H
#define SN_DAEMON_NET_TLS_PRIVATE_H

#include <pthread.h>
#include <sys/stat.h>

#include <openssl/ssl.h>

#include "daemon/base/list.h"
#include "daemon/base/log.h"
#include "daemon/loop/offload.h"
#include "daemon/loop/timer.h"
#include "daemon/net/tls.h"

extern const struct sn_log_ctx sn_tls_log;

/* The reason of the calling thread's oldest OpenSSL error, the queue emptied; never NULL. */
const char *sn_tls_reason(const char *fallback);

/* --- tls_pem.c ------------------------------------------------------------------------------ */

#define SN_TLS_FILES 3

/* Files that make up one certificate; key and extra may be NULL. Borrowed texts. */
struct sn_tls_files {
	const char *certs, *key, *extra;
};

/* Tells whether a file is still the one that was read; all zero: it never is. */
struct sn_tls_stamp {
	struct {
		dev_t dev;
		ino_t ino;
		off_t size;
		int64_t mtime;
	} file[SN_TLS_FILES];
};
/* -errno of the first file that cannot be looked at. */
int sn_tls_stamp_take(
	const struct sn_tls_files *files, struct sn_tls_stamp *stamp_r) SN_WARN_UNUSED;
bool sn_tls_stamp_eq(const struct sn_tls_stamp *a, const struct sn_tls_stamp *b);

/* Immutable once loaded. */
struct sn_tls_cert {
	char *path; /* of the file with the certificate */
	struct sn_tls_stamp stamp;
	X509 *leaf;
	EVP_PKEY *key;
	STACK_OF(X509) * chain; /* without the leaf, in order; NULL: none */
};
/* Any thread. Warns in the log about a certificate that is not valid now. */
int sn_tls_cert_load(const struct sn_tls_files *files, struct sn_tls_cert **cert_r,
	struct sn_diag *diag) SN_WARN_UNUSED;
/* Another handle on the same certificate, its stamp too. */
struct sn_tls_cert *sn_tls_cert_share(const struct sn_tls_cert *cert);
void sn_tls_cert_free(struct sn_tls_cert **cert);
/* Every certificate of a PEM file, for trust roots: at least one. */
int sn_tls_roots_load(const char *path, X509_STORE *store, struct sn_diag *diag) SN_WARN_UNUSED;

/* --- tls_tickets.c -------------------------------------------------------------------------- */

#define SN_TLS_TICKET_PERIOD (SN_SEC(12) * 3600)

struct sn_tls_ticket_key {
	uint8_t name[16], aes[32], hmac[32];
};

/* [0] encrypts and decrypts, [1] is its predecessor and only decrypts. */
struct sn_tls_tickets {
	pthread_mutex_t lock;
	struct sn_tls_ticket_key keys[2];
	struct sn_every every;
};
void sn_tls_tickets_init(struct sn_tls_tickets *tickets);
void sn_tls_tickets_fini(struct sn_tls_tickets *tickets);
/* Rotate by the loop's clock. */
void sn_tls_tickets_start(struct sn_tls_tickets *tickets, struct sn_loop *loop);
void sn_tls_tickets_stop(struct sn_tls_tickets *tickets);
void sn_tls_tickets_rotate(struct sn_tls_tickets *tickets);
/* No ticket given out so far is good any more. */
void sn_tls_tickets_renew(struct sn_tls_tickets *tickets);
/* The body of OpenSSL's ticket key callback; any thread. */
int sn_tls_tickets_apply(struct sn_tls_tickets *tickets, unsigned char name[16], unsigned char *iv,
	EVP_CIPHER_CTX *cipher, EVP_MAC_CTX *mac, int encrypt);

/* --- tls_store.c ---------------------------------------------------------------------------- */

struct sn_tls_name {
	char *name;     /* lower case; a wildcard is spelled "*.example.org" */
	size_t cert;    /* index */
	bool from_file; /* the file is called so */
};

/* What one reading of the files gave. Immutable; read by pool threads while pinned. */
struct sn_tls_set {
	unsigned refs;
	struct sn_tls_cert **certs; /* by path */
	size_t cert_count;
	struct sn_tls_name *names; /* sorted, unique */
	size_t name_count;
	size_t fallback; /* index of the certificate for no or unknown names */
};
struct sn_tls_set *sn_tls_set_ref(struct sn_tls_set *set);
void sn_tls_set_unref(struct sn_tls_set **set);
/* Exact name, wildcard, default; sni may be NULL. */
const struct sn_tls_cert *sn_tls_set_pick(const struct sn_tls_set *set, const char *sni);

struct sn_tls_store {
	struct sn_list link; /* among all stores of the process */
	unsigned refs;
	struct sn_tls_files files; /* into `texts` */
	char *texts[SN_TLS_FILES];
	struct sn_tls_set *set; /* for new handshakes */
	struct sn_tls_tickets tickets;
	unsigned attached; /* contexts; the rest is used while there are some or a job runs */
	struct sn_loop *loop;
	struct sn_offload *pool;
	struct sn_watch watch;  /* of the inotify descriptor */
	struct sn_timer settle; /* one reload for a burst of events */
	struct sn_job job;
	struct sn_tls_set *old_set, *new_set; /* the job's input and output */
	struct sn_diag diag;                  /* its output too */
	bool reloading, again;
};
/* The store of these files (the strings are copied); shared if there is one already. */
int sn_tls_store_get(const struct sn_tls_files *files, struct sn_tls_store **store_r,
	struct sn_diag *diag) SN_WARN_UNUSED;
struct sn_tls_store *sn_tls_store_ref(struct sn_tls_store *store);
void sn_tls_store_unref(struct sn_tls_store **store);
int sn_tls_store_attach(
	struct sn_tls_store *store, struct sn_loop *loop, struct sn_offload *pool) SN_WARN_UNUSED;
void sn_tls_store_detach(struct sn_tls_store *store);
void sn_tls_store_refresh(struct sn_tls_store *store);

/* --- tls_context.c -------------------------------------------------------------------------- */

struct sn_tls_context {
	unsigned refs;
	SSL_CTX *ssl;
	struct sn_tls_store *store; /* NULL: client side */
	struct sn_offload *pool;    /* NULL: handshakes run on the loop */
	unsigned attached;
	bool verifies_peer; /* a peer certificate is good only if it leads to a trusted root */
	uint8_t *alpn;      /* wire form: length, name, length, name ... */
	size_t alpn_len;
};

/* --- stream_tls.c --------------------------------------------------------------------------- */

/* What an SSL reads from and writes to. */
struct sn_tls_io {
	struct sn_stream *lower; /* NULL: nothing to read, and output is put aside in `aside` */
	struct sn_chain *aside;
};

#define SN_TLS_ERROR_SIZE 120

struct sn_stream_tls {
	struct sn_stream stream;      /* first member: heap, freed by stream.c */
	struct sn_stream_user filter; /* lower's user */
	struct sn_tls_io io;
	SSL *ssl;
	struct sn_tls_context *context;
	struct sn_tls_handshake *handshake; /* NULL: done */
	struct sn_tls_info *info;           /* with its texts behind it; NULL: not yet */
	int end; /* what pull returns from now on: SN_CLOSE or a failure; SN_OK: not yet */
	bool lower_eof;
	char error[SN_TLS_ERROR_SIZE]; /* outlives the rest: on_end's log line wants it */
};

/* As sn_stream_push_tls, but unread input of lower is taken as the peer's first TLS bytes: for
 * stages behind a PROXY header. */
int sn_tls_push(struct sn_stream *lower, struct sn_tls_context *context, const char *host,
	struct sn_stream **top_r) SN_WARN_UNUSED;
/* Remember why, let the alert go out, end. */
void sn_tls_fail(struct sn_stream_tls *tls, int code, const char *reason);

/* --- tls_handshake.c ------------------------------------------------------------------------ */

#define SN_TLS_SNIFF 12

/* State of a connection that is not ready yet. */
struct sn_tls_handshake {
	struct sn_job job;
	struct sn_stream_tls *tls; /* NULL: aborted while the job was running */
	struct sn_tls_io io;       /* the SSL's while the job is running */
	struct sn_chain out;       /* what the job wrote */
	struct sn_tls_set *set;    /* certificates to choose from, pinned; NULL: client side */
	SSL *ssl;                  /* the rest of an aborted connection, freed after the job */
	struct sn_tls_context *context;
	bool running;
	bool stop_at_hello; /* the client's hello is complete: come back before the costly step */
	bool sniffed;
	char reason[SN_TLS_ERROR_SIZE];
};
void sn_tls_handshake_start(struct sn_stream_tls *tls);
/* Input, the end of input, or connected. */
void sn_tls_handshake_advance(struct sn_stream_tls *tls);
/* Give up; takes the SSL and the context along if a job still uses them. */
void sn_tls_handshake_drop(struct sn_stream_tls *tls);

/* --- tls_info.c ----------------------------------------------------------------------------- */

/* One allocation. */
struct sn_tls_info *sn_tls_info_new(SSL *ssl, const struct sn_tls_context *context);
int sn_tls_binding(
	SSL *ssl, struct sn_str type, uint8_t *out, size_t cap, size_t *n_r) SN_WARN_UNUSED;

#endif
