#include "daemon/auth/sasl.h"

#include "daemon/base/text.h"

/* RFC 4616: [authzid] NUL authcid NUL passwd, UTF-8; each at least one and at most 255 bytes. */
#define PLAIN_PART_MAX 255

static void on_login(struct sn_waiter *waiter, struct sn_promise *p, int code)
{
	struct sn_sasl *sasl = sn_container_of(waiter, struct sn_sasl, waiter);
	sn_sasl_fn on_done = sasl->on_done;

	if (code == SN_OK)
		sasl->session = sn_check_session(p);
	sasl->mech = NULL;
	on_done(sasl, code == SN_ENOTFOUND ? SN_EDENIED : code);
}

static int log_in(struct sn_sasl *sasl, const struct sn_creds *creds)
{
	struct sn_promise *promise = NULL;
	const int code = sn_portal_login(sasl->portal, creds, &sasl->session, &promise);

	if (code == SN_PENDING)
		sn_promise_wait(promise, &sasl->waiter, on_login);
	return code;
}

static int step_plain(struct sn_sasl *sasl, struct sn_str response, struct sn_strbuf *out)
{
	struct sn_str rest = response, authzid, authcid, password, more;

	(void)out;
	/* The client may wait for an empty challenge before it speaks (RFC 4422 3.1). */
	if (response.p == NULL && sasl->steps == 1)
		return SN_AGAIN;
	if (!sn_str_split(&rest, '\0', &authzid) || !sn_str_split(&rest, '\0', &authcid) ||
		!sn_str_split(&rest, '\0', &password) || sn_str_split(&rest, '\0', &more))
		return SN_EPROTO;
	if (authcid.n == 0 || authcid.n > PLAIN_PART_MAX || password.n == 0 ||
		password.n > PLAIN_PART_MAX || !sn_utf8_valid(response))
		return SN_EPROTO;
	/* Acting as somebody else is not offered. */
	if (authzid.n != 0 && !sn_str_eq_nocase(authzid, authcid))
		return SN_EDENIED;
	return log_in(sasl,
		&(struct sn_creds){ .kind = SN_CREDS_PASSWORD,
			.account = authcid,
			.password = password,
			.peer = sasl->peer,
			.service = sasl->service });
}

static const struct sn_sasl_mech mechs[] = {
	{ .name = "PLAIN", .kind = SN_CREDS_PASSWORD, .needs_tls = true, .step = step_plain },
};
#define MECH_COUNT (sizeof(mechs) / sizeof(mechs[0]))

const struct sn_sasl_mech *sn_sasl_mech_at(
	const struct sn_sasl *sasl, const struct sn_portal *portal, size_t i)
{
	const unsigned kinds = sn_portal_kinds(portal);

	for (size_t m = 0; m < MECH_COUNT; m++) {
		if ((mechs[m].kind & kinds) == 0 || (mechs[m].needs_tls && !sasl->secure))
			continue;
		if (i-- == 0)
			return &mechs[m];
	}
	return NULL;
}

int sn_sasl_start(
	struct sn_sasl *sasl, struct sn_portal *portal, struct sn_str mech, sn_sasl_fn on_done)
{
	const struct sn_sasl_mech *row;

	sn_assert(sasl->mech == NULL && !sn_waiter_waiting(&sasl->waiter));
	for (size_t i = 0; (row = sn_sasl_mech_at(sasl, portal, i)) != NULL; i++) {
		if (!sn_str_eq_nocase(sn_str(row->name), mech))
			continue;
		sasl->mech = row;
		sasl->portal = portal;
		sasl->on_done = on_done;
		sasl->steps = 0;
		return SN_OK;
	}
	return SN_EUNKNOWN;
}

int sn_sasl_step(struct sn_sasl *sasl, struct sn_str response, struct sn_strbuf *out)
{
	int code;

	sn_assert(sasl->mech != NULL && !sn_waiter_waiting(&sasl->waiter));
	sasl->steps++;
	code = sasl->mech->step(sasl, response, out);
	if (code == SN_ENOTFOUND)
		code = SN_EDENIED;
	if (code != SN_AGAIN && code != SN_PENDING)
		sasl->mech = NULL;
	return code;
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
	sasl->mech = NULL;
}
