/*
 * Credentials: what somebody claims, in the form one protocol exchange yields it. Borrowed views
 * only: whoever holds them past the call copies them, and wipes the copy after use.
 *
 * What a protocol must have verified before it builds these:
 *   PUBLICKEY    the signature over the session by this key (SSH userauth)
 *   CERTIFICATE  possession of the private key (the TLS handshake); not the chain
 *   PEER         nothing: the kernel vouches (SO_PEERCRED)
 * SCRAM is a question, not a proof: "the verifier of this account"; the mechanism checks the
 * client's proof against it and only then uses the session.
 */
#ifndef SN_DAEMON_AUTH_CREDS_H
#define SN_DAEMON_AUTH_CREDS_H

#include "daemon/auth/scram.h"
#include "daemon/base/err.h"
#include "daemon/base/str.h"
#include "daemon/net/addr.h"

/* Bits, so that a checker can say which kinds it takes. */
enum sn_creds_kind {
	SN_CREDS_PASSWORD = 1,
	SN_CREDS_CERTIFICATE = 2,
	SN_CREDS_ANONYMOUS = 4,
	SN_CREDS_SCRAM = 8,
	SN_CREDS_PUBLICKEY = 16,
	SN_CREDS_TOKEN = 32,
	SN_CREDS_PEER = 64,
};
#define SN_CREDS_KINDS 7
/* "password", "certificate" ...: for lists and logs. */
const char *sn_creds_kind_name(enum sn_creds_kind kind);

struct sn_creds {
	enum sn_creds_kind kind;
	/* Who they say they are; empty for ANONYMOUS. Where the checker tells the account from the
	 * proof itself (CERTIFICATE, TOKEN, PEER) it is empty, or which of several they want to
	 * be: the session's account is compared with it afterwards. */
	struct sn_str account;
	struct sn_str password;     /* PASSWORD */
	enum sn_scram_hash hash;    /* SCRAM */
	const uint8_t *fingerprint; /* CERTIFICATE: SHA-256, 32 bytes */
	struct sn_str certificate;  /* CERTIFICATE: DER; empty: only the fingerprint is known */
	bool certificate_verified;  /* CERTIFICATE: the listener's clientCA has verified it */
	struct sn_str key_type;     /* PUBLICKEY: "ssh-ed25519" */
	struct sn_str key;          /* PUBLICKEY: SSH wire form (RFC 4253 6.6) */
	struct sn_str token;        /* TOKEN */
	uid_t uid;                  /* PEER */
	const struct sn_addr *peer; /* where from; NULL: not known */
	const char *service;        /* "irc": for logs and limits; static */
};

/* All of it, in one piece of memory, for who needs it past the call. */
struct sn_creds *sn_creds_copy(const struct sn_creds *creds);
void sn_creds_drop(struct sn_creds **creds); /* wiped */

#endif
