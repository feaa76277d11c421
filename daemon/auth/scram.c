#include "daemon/auth/scram.h"

#include <openssl/evp.h>
#include <openssl/hmac.h>

#include "daemon/base/assert.h"
#include "daemon/base/mem.h"
#include "daemon/base/text.h"

#define NEW_SALT 16
#define PREPARED_MAX 8192

static const struct {
	const char *name;
	size_t size;
	const EVP_MD *(*md)(void);
} hashes[] = {
	[SN_SCRAM_SHA_1] = { "SCRAM-SHA-1", 20, EVP_sha1 },
	[SN_SCRAM_SHA_256] = { "SCRAM-SHA-256", 32, EVP_sha256 },
};
#define HASH_COUNT (sizeof(hashes) / sizeof(hashes[0]))

size_t sn_scram_digest_size(enum sn_scram_hash hash)
{
	return hashes[hash].size;
}

/* --- records -------------------------------------------------------------------------------- */

static int find_hash(struct sn_str name, enum sn_scram_hash *hash_r)
{
	for (size_t i = 0; i < HASH_COUNT; i++) {
		if (sn_str_eq(name, sn_str(hashes[i].name))) {
			*hash_r = (enum sn_scram_hash)i;
			return SN_OK;
		}
	}
	return SN_ESYNTAX;
}

/* Takes the part before `end` off *rest and decodes it; exact 0: 1 to cap bytes. */
static int take_base64(struct sn_str *rest, char end, uint8_t *mem, size_t cap, size_t *n_r)
{
	struct sn_str part;

	if (!sn_str_split(rest, end, &part) || sn_base64_decode(part, mem, cap, n_r) != SN_OK ||
		*n_r == 0)
		return SN_ESYNTAX;
	return SN_OK;
}

static int take_iterations(struct sn_str *rest, uint32_t *iterations_r)
{
	struct sn_str part;
	uint64_t number;

	if (!sn_str_split(rest, ':', &part) || sn_parse_u64(part, UINT32_MAX, &number) != SN_OK)
		return SN_ESYNTAX;
	if (number < SN_SCRAM_ITERATIONS_MIN || number > SN_SCRAM_ITERATIONS_MAX)
		return SN_ERANGE;
	*iterations_r = (uint32_t)number;
	return SN_OK;
}

int sn_scram_parse(struct sn_str text, struct sn_scram_record *record_r)
{
	struct sn_scram_record r = { 0 };
	struct sn_str rest = text, name;
	size_t stored_n = 0, server_n = 0;
	int code;

	if (!sn_str_split(&rest, '$', &name) || find_hash(name, &r.hash) != SN_OK)
		return SN_ESYNTAX;
	code = take_iterations(&rest, &r.iterations);
	if (code == SN_OK)
		code = take_base64(&rest, '$', r.salt, sizeof(r.salt), &r.salt_n);
	if (code == SN_OK)
		code = take_base64(&rest, ':', r.stored_key, sizeof(r.stored_key), &stored_n);
	/* The last part: what has no such end. */
	if (code == SN_OK)
		code = take_base64(&rest, '\n', r.server_key, sizeof(r.server_key), &server_n);
	if (code == SN_OK &&
		(rest.p != NULL || stored_n != hashes[r.hash].size || server_n != stored_n))
		code = SN_ESYNTAX;
	if (code == SN_OK)
		*record_r = r;
	sn_wipe(&r, sizeof(r));
	return code;
}

void sn_scram_format(const struct sn_scram_record *record, struct sn_strbuf *out)
{
	const size_t size = hashes[record->hash].size;

	sn_strbuf_addf(out, "%s$%u:", hashes[record->hash].name, record->iterations);
	sn_base64_encode(out, sn_str_n(record->salt, record->salt_n));
	sn_strbuf_addc(out, '$');
	sn_base64_encode(out, sn_str_n(record->stored_key, size));
	sn_strbuf_addc(out, ':');
	sn_base64_encode(out, sn_str_n(record->server_key, size));
}

bool sn_scram_is_record(struct sn_str text)
{
	struct sn_str rest = text, name;
	enum sn_scram_hash hash;

	return sn_str_split(&rest, '$', &name) && rest.p != NULL && find_hash(name, &hash) == SN_OK;
}

/* --- keys ----------------------------------------------------------------------------------- */

static void hmac(enum sn_scram_hash hash, struct sn_str key, struct sn_str data,
	uint8_t out[SN_SCRAM_KEY_MAX])
{
	unsigned n = 0;

	sn_assert(HMAC(hashes[hash].md(), key.p, (int)key.n, (const unsigned char *)data.p, data.n,
			  out, &n) != NULL &&
		n == hashes[hash].size);
}

static void digest(enum sn_scram_hash hash, struct sn_str data, uint8_t out[SN_SCRAM_KEY_MAX])
{
	unsigned n = 0;

	sn_assert(EVP_Digest(data.p, data.n, out, &n, hashes[hash].md(), NULL) == 1);
}

void sn_scram_fill(struct sn_scram_record *record, struct sn_str password)
{
	const size_t size = hashes[record->hash].size;
	uint8_t salted[SN_SCRAM_KEY_MAX], client_key[SN_SCRAM_KEY_MAX];

	sn_assert(PKCS5_PBKDF2_HMAC(password.p, (int)password.n, record->salt, (int)record->salt_n,
			  (int)record->iterations, hashes[record->hash].md(), (int)size,
			  salted) == 1);
	hmac(record->hash, sn_str_n(salted, size), SN_STR("Client Key"), client_key);
	digest(record->hash, sn_str_n(client_key, size), record->stored_key);
	hmac(record->hash, sn_str_n(salted, size), SN_STR("Server Key"), record->server_key);
	sn_wipe(salted, sizeof(salted));
	sn_wipe(client_key, sizeof(client_key));
}

void sn_scram_derive(enum sn_scram_hash hash, struct sn_str password, uint32_t iterations,
	struct sn_scram_record *record_r)
{
	*record_r = (struct sn_scram_record){
		.hash = hash,
		.iterations = iterations,
		.salt_n = NEW_SALT,
	};
	sn_random(record_r->salt, record_r->salt_n);
	sn_scram_fill(record_r, password);
}

bool sn_scram_verify(const struct sn_scram_record *record, struct sn_str password)
{
	struct sn_scram_record tried = *record;
	struct sn_strbuf prepared;
	bool same;

	sn_strbuf_init(&prepared, PREPARED_MAX);
	/* A password that nobody can have costs as much as a wrong one. */
	same = sn_saslprep(password, &prepared) == SN_OK;
	sn_scram_fill(&tried, sn_strbuf_str(&prepared));
	same = sn_equal_const_time(
		       tried.stored_key, record->stored_key, hashes[record->hash].size) &&
		same;
	sn_wipe(&tried, sizeof(tried));
	if (prepared.p != NULL)
		sn_wipe(prepared.p, prepared.n);
	sn_strbuf_fini(&prepared);
	return same;
}

/* --- accounts that do not exist ------------------------------------------------------------- */

/* One key for each use and name, from the daemon's secret. */
static void secret_key(
	struct sn_str secret, const char *use, struct sn_str name, uint8_t out[SN_SCRAM_KEY_MAX])
{
	struct sn_strbuf data;

	sn_strbuf_init(&data, strlen(use) + 4 * name.n + 128);
	sn_strbuf_adds(&data, use);
	/* "Alice" and "alice" are one account, and have one salt, if they exist. */
	if (sn_saslprep_fold(name, &data) != SN_OK)
		sn_strbuf_add(&data, name);
	hmac(SN_SCRAM_SHA_256, secret, sn_strbuf_str(&data), out);
	sn_strbuf_fini(&data);
}

void sn_scram_salt(struct sn_str secret, struct sn_str account, struct sn_scram_record *record)
{
	uint8_t key[SN_SCRAM_KEY_MAX];

	secret_key(secret, record->hash == SN_SCRAM_SHA_1 ? "salt 1 " : "salt 256 ", account, key);
	record->salt_n = NEW_SALT;
	memcpy(record->salt, key, NEW_SALT);
}

void sn_scram_fake(enum sn_scram_hash hash, struct sn_str secret, struct sn_str account,
	struct sn_scram_record *record_r)
{
	*record_r = (struct sn_scram_record){ .hash = hash, .iterations = SN_SCRAM_ITERATIONS };
	sn_scram_salt(secret, account, record_r);
	secret_key(secret, "stored ", account, record_r->stored_key);
	secret_key(secret, "server ", account, record_r->server_key);
}

void sn_scram_from_clear(enum sn_scram_hash hash, struct sn_str secret, struct sn_str account,
	struct sn_str password, struct sn_scram_record *record_r)
{
	struct sn_strbuf prepared;

	/* A password that cannot be prepared is one that nobody can prove. */
	sn_scram_fake(hash, secret, account, record_r);
	sn_strbuf_init(&prepared, PREPARED_MAX);
	if (sn_saslprep(password, &prepared) == SN_OK)
		sn_scram_fill(record_r, sn_strbuf_str(&prepared));
	if (prepared.p != NULL)
		sn_wipe(prepared.p, prepared.n);
	sn_strbuf_fini(&prepared);
}

/* --- the end of an exchange ----------------------------------------------------------------- */

bool sn_scram_proves(
	const struct sn_scram_record *record, struct sn_str auth_message, struct sn_str proof)
{
	const size_t size = hashes[record->hash].size;
	uint8_t key[SN_SCRAM_KEY_MAX], stored[SN_SCRAM_KEY_MAX];
	bool same;

	if (proof.n != size)
		return false;
	/* ClientKey := ClientProof XOR ClientSignature (RFC 5802 3) */
	hmac(record->hash, sn_str_n(record->stored_key, size), auth_message, key);
	for (size_t i = 0; i < size; i++)
		key[i] ^= (uint8_t)proof.p[i];
	digest(record->hash, sn_str_n(key, size), stored);
	same = sn_equal_const_time(stored, record->stored_key, size);
	sn_wipe(key, sizeof(key));
	return same;
}

void sn_scram_sign(const struct sn_scram_record *record, struct sn_str auth_message,
	uint8_t signature_r[SN_SCRAM_KEY_MAX])
{
	hmac(record->hash, sn_str_n(record->server_key, hashes[record->hash].size), auth_message,
		signature_r);
}
