#include "tests/unit/daemon/auth/sasl_client.h"

#include <stdio.h>

#include <openssl/evp.h>
#include <openssl/hmac.h>

#include "daemon/base/text.h"

/* --- exchanges ------------------------------------------------------------------------------ */

static void on_done(struct sn_sasl *sasl, int code)
{
	struct talk *talk = sn_container_of(sasl, struct talk, sasl);

	talk->code = code;
	talk->done = true;
	sn_strbuf_add(&talk->got, sn_sasl_challenge(sasl));
}

int talk_start(struct talk *talk, struct sn_portal *portal, const char *mech)
{
	if (talk->got.max == 0)
		sn_strbuf_init(&talk->got, 1 << 20);
	return sn_sasl_start(&talk->sasl, portal, sn_str(mech), on_done);
}

int talk_step(struct talk *talk, struct sn_str response)
{
	int code;

	sn_strbuf_reset(&talk->got);
	talk->done = false;
	code = sn_sasl_step(&talk->sasl, response, &talk->got);
	if (code != SN_PENDING)
		return code;
	ck_assert(!talk->done);
	ck_assert_uint_eq(talk->got.n, 0);
	while (!talk->done)
		sn_loop_turn(loop, -1);
	return talk->code;
}

int talk_steps(struct talk *talk, const char *response)
{
	return talk_step(talk, sn_str(response));
}

void talk_end(struct talk *talk)
{
	sn_sasl_abort(&talk->sasl);
	sn_strbuf_fini(&talk->got);
	talk->got = (struct sn_strbuf){ .p = NULL };
}

/* --- SCRAM ---------------------------------------------------------------------------------- */

static const EVP_MD *md_of(const struct scram_client *client)
{
	return client->hash == SN_SCRAM_SHA_1 ? EVP_sha1() : EVP_sha256();
}

#define BARE_OF(client) (strlen((client)->gs2))

struct sn_str scram_client_first(struct scram_client *client)
{
	snprintf(client->first, sizeof(client->first), "%s%sn=%s,r=clientnonce%s", client->gs2,
		client->bare_prefix != NULL ? client->bare_prefix : "", client->name,
		client->extra != NULL ? client->extra : "");
	return sn_str(client->first);
}

/* PBKDF2 to keys to ClientProof and the ServerSignature to be expected. */
static void prove(struct scram_client *client, struct sn_str salt, uint32_t iterations,
	struct sn_str auth, uint8_t proof[SN_SCRAM_KEY_MAX])
{
	const int size = (int)sn_scram_digest_size(client->hash);
	uint8_t salted[64], key[64], stored[64], signature[64];
	unsigned n;

	ck_assert_int_eq(PKCS5_PBKDF2_HMAC(client->password, -1, (const uint8_t *)salt.p,
				 (int)salt.n, (int)iterations, md_of(client), size, salted),
		1);
	HMAC(md_of(client), salted, size, (const uint8_t *)"Client Key", 10, key, &n);
	EVP_Digest(key, n, stored, NULL, md_of(client), NULL);
	HMAC(md_of(client), stored, size, (const uint8_t *)auth.p, auth.n, signature, &n);
	for (int i = 0; i < size; i++)
		proof[i] = key[i] ^ signature[i];
	HMAC(md_of(client), salted, size, (const uint8_t *)"Server Key", 10, key, &n);
	HMAC(md_of(client), key, size, (const uint8_t *)auth.p, auth.n, client->server_signature,
		&n);
}

static void compose_binding(const struct scram_client *client, struct sn_strbuf *out)
{
	struct sn_strbuf input;

	sn_strbuf_init(&input, 1000);
	sn_strbuf_adds(&input, client->gs2);
	sn_strbuf_add(&input, sn_str_n(client->binding, client->binding_n));
	sn_base64_encode(out, sn_strbuf_str(&input));
	sn_strbuf_fini(&input);
}

struct sn_str scram_client_final(struct scram_client *client, struct sn_str server_first)
{
	struct sn_str rest = server_first, nonce, salt, iterations;
	uint8_t raw_salt[64], proof[SN_SCRAM_KEY_MAX];
	struct sn_strbuf final, auth;
	uint64_t count;
	size_t salt_n;

	ck_assert(sn_str_split(&rest, ',', &nonce) && sn_str_split(&rest, ',', &salt) &&
		sn_str_split(&rest, ',', &iterations));
	ck_assert(sn_str_starts(nonce, SN_STR("r=clientnonce")) && nonce.n >= 13 + 24);
	ck_assert_int_eq(
		sn_base64_decode(sn_str_from(salt, 2), raw_salt, sizeof(raw_salt), &salt_n), SN_OK);
	ck_assert_int_eq(sn_parse_u64(sn_str_from(iterations, 2), 1000000, &count), SN_OK);
	sn_strbuf_fixed(&final, client->final, sizeof(client->final));
	sn_strbuf_adds(&final, "c=");
	compose_binding(client, &final);
	sn_strbuf_addf(&final, ",%.*s%s", SN_STR_ARG(nonce),
		client->final_extra != NULL ? client->final_extra : "");
	sn_strbuf_init(&auth, 10000);
	sn_strbuf_addf(&auth, "%s,%.*s,%s", client->first + BARE_OF(client),
		SN_STR_ARG(server_first), sn_strbuf_cstr(&final));
	prove(client, sn_str_n(raw_salt, salt_n), (uint32_t)count, sn_strbuf_str(&auth), proof);
	sn_strbuf_fini(&auth);
	sn_strbuf_adds(&final, ",p=");
	sn_base64_encode(&final, sn_str_n(proof, sn_scram_digest_size(client->hash)));
	ck_assert_int_eq(final.err, SN_OK);
	return sn_strbuf_str(&final);
}

bool scram_client_trusts(const struct scram_client *client, struct sn_str server_final)
{
	uint8_t signature[SN_SCRAM_KEY_MAX];
	size_t n;

	return sn_str_starts(server_final, SN_STR("v=")) &&
		sn_base64_decode(sn_str_from(server_final, 2), signature, sizeof(signature), &n) ==
		SN_OK &&
		n == sn_scram_digest_size(client->hash) &&
		memcmp(signature, client->server_signature, n) == 0;
}

int scram_client_run(
	struct scram_client *client, struct talk *talk, struct sn_portal *portal, const char *mech)
{
	int code = talk_start(talk, portal, mech);

	if (code != SN_OK)
		return code;
	code = talk_step(talk, scram_client_first(client));
	if (code != SN_AGAIN)
		return code;
	return talk_step(talk, scram_client_final(client, sn_strbuf_str(&talk->got)));
}
