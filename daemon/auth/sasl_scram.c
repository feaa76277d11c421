/*
 * SCRAM (RFC 5802 5 and 7), four rows of one exchange:
 *
 *   C: n,,n=user,r=CNONCE               client-first: GS2 header, then the "bare" message
 *   S: r=CNONCE+SNONCE,s=SALT,i=N       after the portal has found the record, or made one up
 *   C: c=BINDING,r=...,p=PROOF          client-final
 *   S: v=SIGNATURE  or  e=ERROR
 *
 * BINDING is the GS2 header again, and with -PLUS the channel's own bytes behind it. Nobody between
 * client and server can take -PLUS out of the offer unnoticed: the flag 'y' says "you did not offer
 * it", which is refused if we did.
 */
#include "daemon/auth/sasl_mechs.h"
#include "daemon/base/mem.h"
#include "daemon/base/text.h"
#include "daemon/net/tls.h"

#define MESSAGE_MAX 4096
#define OWN_NONCE 18 /* bytes; 24 characters */

enum stage { WANT_FIRST, WANT_FINAL };

struct sn_scram_exchange {
	enum stage stage;
	char *account;           /* prepared */
	struct sn_strbuf header; /* GS2, as it must come again */
	struct sn_strbuf bare;   /* client-first-message-bare */
	struct sn_strbuf nonce;  /* both parts */
	struct sn_strbuf auth;   /* AuthMessage, as it grows */
	uint8_t binding[SN_SASL_BINDING_MAX];
	size_t binding_n;
	struct sn_scram_record record;
	struct sn_session *session; /* good once the proof has come; NULL: none has a proof */
};

static void drop(struct sn_strbuf *b)
{
	if (b->p != NULL)
		sn_wipe(b->p, b->n);
	sn_strbuf_fini(b);
}

static struct sn_scram_exchange *new_exchange(void)
{
	struct sn_scram_exchange *x = sn_alloc_zero(sizeof(*x));

	sn_strbuf_init(&x->header, MESSAGE_MAX);
	sn_strbuf_init(&x->bare, MESSAGE_MAX);
	sn_strbuf_init(&x->nonce, MESSAGE_MAX);
	sn_strbuf_init(&x->auth, 3 * MESSAGE_MAX);
	return x;
}

void sn_sasl_scram_free(struct sn_scram_exchange **exchange)
{
	struct sn_scram_exchange *x = *exchange;

	*exchange = NULL;
	if (x == NULL)
		return;
	sn_session_unref(&x->session);
	drop(&x->header);
	drop(&x->bare);
	drop(&x->nonce);
	drop(&x->auth);
	sn_free(x->account);
	sn_wipe(x, sizeof(*x));
	sn_free(x);
}

/* server-error-value (RFC 5802 7), for protocols that can carry it. */
static int fail(struct sn_strbuf *out, int code, const char *error)
{
	sn_strbuf_addf(out, "e=%s", error);
	return code;
}

/* --- GS2 ------------------------------------------------------------------------------------ */

static bool is_binding_name(struct sn_str name)
{
	for (size_t i = 0; i < name.n; i++) {
		const char c = name.p[i];

		if (!sn_ascii_alpha(c) && !sn_ascii_digit(c) && c != '.' && c != '-')
			return false;
	}
	return name.n > 0;
}

int sn_gs2_take(struct sn_str *rest, struct sn_gs2 *gs2_r)
{
	const struct sn_str all = *rest;
	struct sn_str flag, name;

	if (!sn_str_split(rest, ',', &flag) || flag.n == 0 || rest->p == NULL ||
		!sn_str_split(rest, ',', &name) || rest->p == NULL)
		return SN_EPROTO;
	*gs2_r = (struct sn_gs2){ .flag = flag.p[0], .whole = sn_str_sub(all, 0, all.n - rest->n) };
	if (gs2_r->flag == 'p' && sn_str_starts(flag, SN_STR("p=")))
		gs2_r->type = sn_str_from(flag, 2);
	if (gs2_r->flag == 'p' ? !is_binding_name(gs2_r->type)
			       : flag.n > 1 || (gs2_r->flag != 'n' && gs2_r->flag != 'y'))
		return SN_EPROTO;
	if (name.n > 0 && !sn_str_starts(name, SN_STR("a=")))
		return SN_EPROTO;
	gs2_r->name = sn_str_from(name, 2);
	return name.n == 2 ? SN_EPROTO : SN_OK;
}

int sn_gs2_name(struct sn_str escaped, struct sn_strbuf *out)
{
	char mem[SN_SASL_NAME_MAX + 1];
	struct sn_strbuf name;

	sn_strbuf_fixed(&name, mem, sizeof(mem));
	for (size_t i = 0; i < escaped.n; i++) {
		const struct sn_str code = sn_str_sub(escaped, i, 3);

		if (escaped.p[i] != '=')
			sn_strbuf_addc(&name, escaped.p[i]);
		else if (sn_str_eq(code, SN_STR("=2C")))
			sn_strbuf_addc(&name, ',');
		else if (sn_str_eq(code, SN_STR("=3D")))
			sn_strbuf_addc(&name, '=');
		else
			return SN_EPROTO;
		i += escaped.p[i] == '=' ? 2 : 0;
	}
	if (name.err != SN_OK || sn_saslprep(sn_strbuf_str(&name), out) != SN_OK)
		return SN_EPROTO;
	return SN_OK;
}

/* --- bindings ------------------------------------------------------------------------------- */

static const char *const binding_types[] = { "tls-exporter", "tls-unique", "tls-server-end-point" };
#define BINDING_TYPES (sizeof(binding_types) / sizeof(binding_types[0]))

static int get_binding(
	const struct sn_sasl *sasl, const char *type, uint8_t mem[SN_SASL_BINDING_MAX], size_t *n_r)
{
	if (sasl->stream == NULL)
		return SN_ENOTFOUND;
	return sn_stream_tls_binding(sasl->stream, type, mem, SN_SASL_BINDING_MAX, n_r);
}

bool sn_sasl_can_bind(const struct sn_sasl *sasl)
{
	uint8_t mem[SN_SASL_BINDING_MAX];
	size_t n;

	for (size_t i = 0; i < BINDING_TYPES; i++) {
		if (get_binding(sasl, binding_types[i], mem, &n) == SN_OK)
			return true;
	}
	return false;
}

static int take_binding(const struct sn_sasl *sasl, const struct sn_gs2 *gs2, struct sn_strbuf *out)
{
	struct sn_scram_exchange *x = sasl->scram;

	if (sasl->mech->binds != (gs2->flag == 'p'))
		return fail(out, SN_EPROTO,
			sasl->mech->binds ? "server-does-support-channel-binding"
					  : "channel-binding-not-supported");
	if (gs2->flag == 'y' && sn_sasl_can_bind(sasl))
		return fail(out, SN_EDENIED, "server-does-support-channel-binding");
	if (gs2->flag != 'p')
		return SN_OK;
	for (size_t i = 0; i < BINDING_TYPES; i++) {
		if (sn_str_eq(gs2->type, sn_str(binding_types[i])) &&
			get_binding(sasl, binding_types[i], x->binding, &x->binding_n) == SN_OK)
			return SN_OK;
	}
	return fail(out, SN_EPROTO, "unsupported-channel-binding-type");
}

/* --- client-first --------------------------------------------------------------------------- */

static bool is_nonce(struct sn_str nonce)
{
	for (size_t i = 0; i < nonce.n; i++) {
		if (nonce.p[i] < '!' || nonce.p[i] > '~')
			return false;
	}
	return nonce.n > 0 && nonce.n <= SN_SASL_NONCE_MAX;
}

/* "x=VALUE" off *rest. The letter must be this one; 0: any, an extension to be passed over. */
static bool take_attribute(struct sn_str *rest, char letter, struct sn_str *value_r)
{
	struct sn_str part;

	if (!sn_str_split(rest, ',', &part) || part.n < 2 || part.p[1] != '=' ||
		!sn_ascii_alpha(part.p[0]) || (letter != 0 && part.p[0] != letter))
		return false;
	*value_r = sn_str_from(part, 2);
	return true;
}

static bool skip_extensions(struct sn_str rest)
{
	struct sn_str value;

	while (rest.p != NULL) {
		if (!take_attribute(&rest, 0, &value))
			return false;
	}
	return true;
}

static int parse_bare(
	struct sn_str bare, struct sn_str *name_r, struct sn_str *nonce_r, struct sn_strbuf *out)
{
	struct sn_str rest = bare;

	/* "m=" in front: an extension that must be understood. There is none. */
	if (sn_str_starts(bare, SN_STR("m=")))
		return fail(out, SN_EPROTO, "extensions-not-supported");
	if (!take_attribute(&rest, 'n', name_r) || !take_attribute(&rest, 'r', nonce_r) ||
		!is_nonce(*nonce_r) || !skip_extensions(rest))
		return fail(out, SN_EPROTO, "other-error");
	return SN_OK;
}

/* Both names prepared and equal: acting as somebody else is not offered. */
static int take_names(struct sn_sasl *sasl, const struct sn_gs2 *gs2, struct sn_str escaped,
	struct sn_strbuf *out)
{
	char mem[2][4 * SN_SASL_NAME_MAX + 64];
	struct sn_strbuf name, authzid;

	sn_strbuf_fixed(&name, mem[0], sizeof(mem[0]));
	sn_strbuf_fixed(&authzid, mem[1], sizeof(mem[1]));
	if (sn_gs2_name(escaped, &name) != SN_OK ||
		(gs2->name.n > 0 && sn_gs2_name(gs2->name, &authzid) != SN_OK))
		return fail(out, SN_EPROTO, "invalid-username-encoding");
	if (authzid.n > 0 && !sn_saslprep_same(sn_strbuf_str(&authzid), sn_strbuf_str(&name)))
		return fail(out, SN_EDENIED, "other-error");
	sasl->scram->account = sn_str_dup(sn_strbuf_str(&name));
	return SN_OK;
}

static struct sn_creds creds_of(const struct sn_sasl *sasl)
{
	struct sn_creds creds = sn_sasl_creds(sasl, SN_CREDS_SCRAM);

	creds.account = sn_str(sasl->scram->account);
	creds.hash = sasl->mech->hash;
	return creds;
}

static void make_nonce(struct sn_strbuf *out, struct sn_str theirs)
{
	char own[OWN_NONCE];

	sn_random(own, sizeof(own));
	sn_strbuf_add(out, theirs);
	sn_base64_encode(out, sn_str_n(own, sizeof(own)));
}

static int take_first(struct sn_sasl *sasl, struct sn_str response, struct sn_strbuf *out)
{
	struct sn_scram_exchange *x = sasl->scram;
	struct sn_str bare = response, name, nonce;
	struct sn_creds creds;
	struct sn_gs2 gs2;
	int code;

	if (sn_gs2_take(&bare, &gs2) != SN_OK)
		return fail(out, SN_EPROTO, "other-error");
	code = take_binding(sasl, &gs2, out);
	if (code == SN_OK)
		code = parse_bare(bare, &name, &nonce, out);
	if (code == SN_OK)
		code = take_names(sasl, &gs2, name, out);
	if (code != SN_OK)
		return code;
	sn_strbuf_add(&x->header, gs2.whole);
	sn_strbuf_add(&x->bare, bare);
	make_nonce(&x->nonce, nonce);
	x->stage = WANT_FINAL;
	creds = creds_of(sasl);
	return sn_sasl_log_in(sasl, &creds);
}

/* server-first, once the record is known */
static int scram_answered(
	struct sn_sasl *sasl, struct sn_promise *p, int code, struct sn_strbuf *out)
{
	struct sn_scram_exchange *x = sasl->scram;

	if (code != SN_OK)
		return code;
	x->record = *sn_check_scram(p);
	x->session = sn_check_session(p);
	sn_strbuf_add(out, SN_STR("r="));
	sn_strbuf_add(out, sn_strbuf_str(&x->nonce));
	sn_strbuf_add(out, SN_STR(",s="));
	sn_base64_encode(out, sn_str_n(x->record.salt, x->record.salt_n));
	sn_strbuf_addf(out, ",i=%u", x->record.iterations);
	sn_strbuf_add(&x->auth, sn_strbuf_str(&x->bare));
	sn_strbuf_addc(&x->auth, ',');
	sn_strbuf_add(&x->auth, sn_strbuf_str(out));
	sn_strbuf_addc(&x->auth, ',');
	return SN_AGAIN;
}

/* --- client-final --------------------------------------------------------------------------- */

struct final {
	struct sn_str without_proof;
	uint8_t binding[MESSAGE_MAX], proof[SN_SCRAM_KEY_MAX];
	size_t binding_n, proof_n;
	struct sn_str nonce;
};

/* The proof is the last attribute, and nothing but base64. */
static bool split_proof(struct sn_str response, struct sn_str *without_r, struct sn_str *proof_r)
{
	size_t at = response.n;

	while (at > 0 && response.p[at - 1] != ',')
		at--;
	*proof_r = sn_str_from(response, at);
	*without_r = sn_str_sub(response, 0, at > 0 ? at - 1 : 0);
	return at > 0 && sn_str_starts(*proof_r, SN_STR("p="));
}

static int parse_final(struct sn_str response, struct final *f, struct sn_strbuf *out)
{
	struct sn_str rest, binding, proof;

	if (!split_proof(response, &f->without_proof, &proof))
		return fail(out, SN_EPROTO, "other-error");
	rest = f->without_proof;
	if (!take_attribute(&rest, 'c', &binding) || !take_attribute(&rest, 'r', &f->nonce) ||
		!skip_extensions(rest))
		return fail(out, SN_EPROTO, "other-error");
	if (sn_base64_decode(binding, f->binding, sizeof(f->binding), &f->binding_n) != SN_OK ||
		sn_base64_decode(sn_str_from(proof, 2), f->proof, sizeof(f->proof), &f->proof_n) !=
			SN_OK)
		return fail(out, SN_EPROTO, "invalid-encoding");
	return SN_OK;
}

static bool binding_matches(const struct sn_scram_exchange *x, const struct final *f)
{
	const struct sn_str given = sn_str_n(f->binding, f->binding_n);

	return given.n == x->header.n + x->binding_n &&
		sn_str_starts(given, sn_strbuf_str(&x->header)) &&
		sn_equal_const_time(f->binding + x->header.n, x->binding, x->binding_n);
}

static int succeed(struct sn_sasl *sasl, struct sn_strbuf *out)
{
	struct sn_scram_exchange *x = sasl->scram;
	uint8_t signature[SN_SCRAM_KEY_MAX];

	sn_scram_sign(&x->record, sn_strbuf_str(&x->auth), signature);
	sn_strbuf_add(out, SN_STR("v="));
	sn_base64_encode(out, sn_str_n(signature, sn_scram_digest_size(x->record.hash)));
	sasl->session = x->session;
	x->session = NULL;
	return SN_OK;
}

static int take_final(struct sn_sasl *sasl, struct sn_str response, struct sn_strbuf *out)
{
	struct sn_scram_exchange *x = sasl->scram;
	const struct sn_creds creds = creds_of(sasl);
	struct final f;
	bool proved;
	int code = parse_final(response, &f, out);

	if (code != SN_OK)
		return code;
	if (!binding_matches(x, &f))
		return fail(out, SN_EDENIED, "channel-bindings-dont-match");
	if (!sn_str_eq(f.nonce, sn_strbuf_str(&x->nonce)))
		return fail(out, SN_EPROTO, "other-error");
	sn_strbuf_add(&x->auth, f.without_proof);
	proved = sn_scram_proves(
			 &x->record, sn_strbuf_str(&x->auth), sn_str_n(f.proof, f.proof_n)) &&
		x->session != NULL;
	sn_portal_scram_done(sasl->portal, &creds, proved ? x->session : NULL);
	return proved ? succeed(sasl, out) : fail(out, SN_EDENIED, "invalid-proof");
}

static int step_scram(struct sn_sasl *sasl, struct sn_str response, struct sn_strbuf *out)
{
	if (response.n > MESSAGE_MAX / 2)
		return fail(out, SN_EPROTO, "other-error");
	if (sasl->scram == NULL)
		sasl->scram = new_exchange();
	return sasl->scram->stage == WANT_FIRST ? take_first(sasl, response, out)
						: take_final(sasl, response, out);
}

#define SCRAM_ROW(text, digest, plus) \
	{ \
		.name = (text), .kind = SN_CREDS_SCRAM, .needs_tls = true, .binds = (plus), \
		.hash = (digest), .step = step_scram, .answered = scram_answered \
	}

const struct sn_sasl_mech sn_sasl_scram_sha_1 = SCRAM_ROW("SCRAM-SHA-1", SN_SCRAM_SHA_1, false);
const struct sn_sasl_mech sn_sasl_scram_sha_1_plus =
	SCRAM_ROW("SCRAM-SHA-1-PLUS", SN_SCRAM_SHA_1, true);
const struct sn_sasl_mech sn_sasl_scram_sha_256 =
	SCRAM_ROW("SCRAM-SHA-256", SN_SCRAM_SHA_256, false);
const struct sn_sasl_mech sn_sasl_scram_sha_256_plus =
	SCRAM_ROW("SCRAM-SHA-256-PLUS", SN_SCRAM_SHA_256, true);
