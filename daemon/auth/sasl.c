#include "daemon/auth/sasl.h"

#include "daemon/auth/sasl_mechs.h"
#include "daemon/base/mem.h"

#define CHALLENGE_MAX 4096

/* Strongest first. */
static const struct sn_sasl_mech *const mechs[] = {
	&sn_sasl_scram_sha_256_plus,
	&sn_sasl_scram_sha_256,
	&sn_sasl_scram_sha_1_plus,
	&sn_sasl_scram_sha_1,
	&sn_sasl_external,
	&sn_sasl_oauthbearer,
	&sn_sasl_plain,
	&sn_sasl_anonymous,
};
#define MECH_COUNT (sizeof(mechs) / sizeof(mechs[0]))

static bool is_offered(const struct sn_sasl *sasl, const struct sn_sasl_mech *mech, unsigned kinds)
{
	return (mech->kind & kinds) != 0 && (sasl->secure || !mech->needs_tls) &&
		(!mech->binds || sn_sasl_can_bind(sasl)) &&
		(mech->fits == NULL || mech->fits(sasl, kinds));
}

const struct sn_sasl_mech *sn_sasl_mech_at(
	const struct sn_sasl *sasl, const struct sn_portal *portal, size_t i)
{
	const unsigned kinds = sn_portal_kinds(portal);

	for (size_t m = 0; m < MECH_COUNT; m++) {
		if (is_offered(sasl, mechs[m], kinds) && i-- == 0)
			return mechs[m];
	}
	return NULL;
}

/* --- an exchange ---------------------------------------------------------------------------- */

static void end(struct sn_sasl *sasl)
{
	sn_sasl_scram_free(&sasl->scram);
	sn_free(sasl->wanted);
	sasl->wanted = NULL;
	sasl->mech = NULL;
	sasl->last = false;
}

/* Acting as somebody else is not offered. */
static bool is_wanted(const struct sn_sasl *sasl)
{
	return sasl->wanted == NULL ||
		sn_saslprep_same(sn_str(sasl->wanted), sasl->session->account);
}

/* The mechanism's result, as the protocol sees it. */
static int conclude(struct sn_sasl *sasl, int code, const struct sn_strbuf *out)
{
	if (code == SN_OK && !is_wanted(sasl)) {
		sn_session_unref(&sasl->session);
		code = SN_EDENIED;
	}
	if (code == SN_OK && out->n > 0 && sasl->separate_success) {
		sasl->last = true;
		return SN_AGAIN;
	}
	if (code != SN_AGAIN && code != SN_PENDING)
		end(sasl);
	return code;
}

static void on_login(struct sn_waiter *waiter, struct sn_promise *p, int code)
{
	struct sn_sasl *sasl = sn_container_of(waiter, struct sn_sasl, waiter);
	sn_sasl_fn on_done = sasl->on_done;

	if (sasl->mech->answered != NULL)
		code = sasl->mech->answered(sasl, p, code, &sasl->challenge);
	else if (code == SN_OK)
		sasl->session = sn_check_session(p);
	on_done(sasl, conclude(sasl, code, &sasl->challenge));
}

int sn_sasl_log_in(struct sn_sasl *sasl, const struct sn_creds *creds)
{
	struct sn_promise *promise = NULL;
	const int code = sn_portal_login(sasl->portal, creds, &sasl->session, &promise);

	if (code == SN_PENDING)
		sn_promise_wait(promise, &sasl->waiter, on_login);
	return code;
}

struct sn_creds sn_sasl_creds(const struct sn_sasl *sasl, enum sn_creds_kind kind)
{
	return (struct sn_creds){ .kind = kind, .peer = sasl->peer, .service = sasl->service };
}

void sn_sasl_want(struct sn_sasl *sasl, struct sn_str name)
{
	sn_free(sasl->wanted);
	sasl->wanted = name.n > 0 ? sn_str_dup(name) : NULL;
}

int sn_sasl_start(
	struct sn_sasl *sasl, struct sn_portal *portal, struct sn_str mech, sn_sasl_fn on_done)
{
	const struct sn_sasl_mech *row;

	sn_assert(sasl->mech == NULL && !sn_waiter_waiting(&sasl->waiter));
	for (size_t i = 0; (row = sn_sasl_mech_at(sasl, portal, i)) != NULL; i++) {
		if (!sn_str_eq_nocase(sn_str(row->name), mech))
			continue;
		sn_session_unref(&sasl->session);
		sasl->mech = row;
		sasl->portal = portal;
		sasl->on_done = on_done;
		sasl->steps = 0;
		return SN_OK;
	}
	return SN_EUNKNOWN;
}

static int run_step(struct sn_sasl *sasl, struct sn_str response, struct sn_strbuf *out)
{
	/* All mechanisms here let the client begin; it may wait for an empty challenge first
	 * (RFC 4422 3.1). */
	if (sasl->steps++ == 0 && response.p == NULL) {
		sasl->steps = 0;
		return SN_AGAIN;
	}
	return sasl->mech->step(sasl, response, out);
}

int sn_sasl_step(struct sn_sasl *sasl, struct sn_str response, struct sn_strbuf *out)
{
	sn_assert(sasl->mech != NULL && !sn_waiter_waiting(&sasl->waiter));
	sn_strbuf_fini(&sasl->challenge);
	sn_strbuf_init(&sasl->challenge, CHALLENGE_MAX);
	if (!sasl->last)
		return conclude(sasl, run_step(sasl, response, out), out);
	end(sasl);
	if (response.n == 0)
		return SN_OK;
	sn_session_unref(&sasl->session);
	return SN_EPROTO;
}

struct sn_str sn_sasl_challenge(const struct sn_sasl *sasl)
{
	return sn_strbuf_str(&sasl->challenge);
}

struct sn_session *sn_sasl_session(struct sn_sasl *sasl)
{
	struct sn_session *session = sasl->session;

	sasl->session = NULL;
	return session;
}

void sn_sasl_abort(struct sn_sasl *sasl)
{
	sn_waiter_cancel(&sasl->waiter);
	sn_session_unref(&sasl->session);
	sn_strbuf_fini(&sasl->challenge);
	end(sasl);
}
