/*
 * SCRAM (RFC 5802, RFC 7677): verifiers as they are stored, and the few HMACs of a login.
 *
 * A record is text, "SCRAM-SHA-256$10000:BASE64SALT$BASE64STOREDKEY:BASE64SERVERKEY", the form
 * PostgreSQL uses. It also answers PLAIN: derive, compare StoredKey. Names and passwords are
 * prepared with SASLprep (RFC 4013) first.
 */
#ifndef SN_DAEMON_AUTH_SCRAM_H
#define SN_DAEMON_AUTH_SCRAM_H

#include <stdbool.h>
#include <stdint.h>

#include "daemon/base/err.h"
#include "daemon/base/strbuf.h"

enum sn_scram_hash { SN_SCRAM_SHA_1, SN_SCRAM_SHA_256 };

#define SN_SCRAM_ITERATIONS 10000 /* of new records */
#define SN_SCRAM_ITERATIONS_MIN 4096
#define SN_SCRAM_ITERATIONS_MAX 1000000 /* a record with more is refused: it would stall logins */
#define SN_SCRAM_SALT_MAX 64
#define SN_SCRAM_KEY_MAX 32 /* digest bytes of the largest hash */

struct sn_scram_record {
	enum sn_scram_hash hash;
	uint32_t iterations;
	uint8_t salt[SN_SCRAM_SALT_MAX];
	size_t salt_n;
	uint8_t stored_key[SN_SCRAM_KEY_MAX], server_key[SN_SCRAM_KEY_MAX];
};

size_t sn_scram_digest_size(enum sn_scram_hash hash); /* 20, 32 */

/* SN_ESYNTAX, SN_ERANGE (iterations). */
int sn_scram_parse(struct sn_str text, struct sn_scram_record *record_r) SN_WARN_UNUSED;
void sn_scram_format(const struct sn_scram_record *record, struct sn_strbuf *out);
bool sn_scram_is_record(struct sn_str text);

/* A new record for a prepared password; random salt of 16 bytes. Milliseconds: offload. */
void sn_scram_derive(enum sn_scram_hash hash, struct sn_str password, uint32_t iterations,
	struct sn_scram_record *record_r);
/* The keys alone, for the hash, iterations and salt that are in the record. Milliseconds. */
void sn_scram_fill(struct sn_scram_record *record, struct sn_str password);
/* PLAIN: does the password (prepared here) belong to the record? Milliseconds: offload. */
bool sn_scram_verify(const struct sn_scram_record *record, struct sn_str password);
/* The salt that belongs to a name wherever no record has one: the same every time, from a secret of
 * this daemon. record: its hash is set. Checkers that hold clear passwords use it, so that their
 * accounts look like those that do not exist. */
void sn_scram_salt(struct sn_str secret, struct sn_str account, struct sn_scram_record *record);
/* The record of a clear password, with that salt. Milliseconds: offload. */
void sn_scram_from_clear(enum sn_scram_hash hash, struct sn_str secret, struct sn_str account,
	struct sn_str password, struct sn_scram_record *record_r);
/* The record of somebody who does not exist, with that salt (RFC 5802 9 and 5.1); no proof fits
 * it. */
void sn_scram_fake(enum sn_scram_hash hash, struct sn_str secret, struct sn_str account,
	struct sn_scram_record *record_r);

/* The end of an exchange (RFC 5802 3): does ClientProof fit, and what is ServerSignature? */
bool sn_scram_proves(
	const struct sn_scram_record *record, struct sn_str auth_message, struct sn_str proof);
void sn_scram_sign(const struct sn_scram_record *record, struct sn_str auth_message,
	uint8_t signature_r[SN_SCRAM_KEY_MAX]);

/* SASLprep for stored or query strings; out gets the prepared text. SN_EENCODING: not UTF-8, or
 * characters that RFC 4013 forbids; an empty result is SN_EENCODING too. */
int sn_saslprep(struct sn_str text, struct sn_strbuf *out) SN_WARN_UNUSED;
/* The same with case folded (RFC 3454 B.2): the form in which names of accounts are compared. */
int sn_saslprep_fold(struct sn_str text, struct sn_strbuf *out) SN_WARN_UNUSED;
/* Two spellings of one name? */
bool sn_saslprep_same(struct sn_str a, struct sn_str b);

#endif
