#include "daemon/auth/portal.h"

#include "daemon/auth/limiter.h"
#include "daemon/base/mem.h"

#define CHECKERS_MAX 16

struct sn_portal {
	const struct sn_auth_context *context;
	struct sn_checker *checkers[CHECKERS_MAX];
	size_t count;
	struct sn_str *roles; /* one of them is needed; none: any session will do */
	size_t role_count;
	struct sn_metric_set *metrics;
};

const struct sn_metric_def sn_auth_metrics[SN_AUTH_METRICS] = {
	[SN_AUTH_OK] = { .name = "sennit_auth_logins_total",
		.labels = "result=\"ok\"",
		.help = "Logins by their outcome; limited: refused because of earlier failures." },
	[SN_AUTH_DENIED] = { .name = "sennit_auth_logins_total",
		.labels = "result=\"denied\"",
		.help = "Logins by their outcome; limited: refused because of earlier failures." },
	[SN_AUTH_BUSY] = { .name = "sennit_auth_logins_total",
		.labels = "result=\"busy\"",
		.help = "Logins by their outcome; limited: refused because of earlier failures." },
	[SN_AUTH_LIMITED] = { .name = "sennit_auth_logins_total",
		.labels = "result=\"limited\"",
		.help = "Logins by their outcome; limited: refused because of earlier failures." },
	[SN_AUTH_DELAYED] = { .name = "sennit_auth_delayed_total",
		.help = "Logins made to wait because of earlier failures." },
};

/* --- portals -------------------------------------------------------------------------------- */

struct sn_portal *sn_portal_new(const struct sn_auth_context *context)
{
	struct sn_portal *portal = sn_alloc_zero(sizeof(*portal));

	portal->context = context;
	return portal;
}

void sn_portal_free(struct sn_portal **portal_p)
{
	struct sn_portal *portal = *portal_p;

	*portal_p = NULL;
	if (portal == NULL)
		return;
	for (size_t i = 0; i < portal->count; i++)
		sn_checker_close(&portal->checkers[i]);
	for (size_t i = 0; i < portal->role_count; i++)
		sn_free((char *)(uintptr_t)portal->roles[i].p);
	sn_free(portal->roles);
	sn_free(portal);
}

void sn_portal_add(struct sn_portal *portal, struct sn_checker *checker)
{
	sn_assert(portal->count < CHECKERS_MAX);
	portal->checkers[portal->count++] = checker;
}

unsigned sn_portal_kinds(const struct sn_portal *portal)
{
	unsigned kinds = 0;

	for (size_t i = 0; i < portal->count; i++)
		kinds |= sn_checker_kinds(portal->checkers[i]);
	return kinds;
}

void sn_portal_require_roles(struct sn_portal *portal, const struct sn_str *roles, size_t count)
{
	portal->roles =
		sn_realloc_array(portal->roles, portal->role_count + count, sizeof(*portal->roles));
	for (size_t i = 0; i < count; i++)
		portal->roles[portal->role_count++] = sn_str_n(sn_str_dup(roles[i]), roles[i].n);
}

void sn_portal_set_metrics(struct sn_portal *portal, struct sn_metric_set *metrics)
{
	portal->metrics = metrics;
}

static void count(struct sn_portal *portal, enum sn_auth_metric metric)
{
	if (portal->metrics != NULL)
		sn_metric_add(portal->metrics, metric, 1);
}

static bool role_suffices(const struct sn_portal *portal, const struct sn_session *session)
{
	for (size_t i = 0; i < portal->role_count; i++) {
		if (sn_session_has_role(session, portal->roles[i]))
			return true;
	}
	return portal->role_count == 0;
}

/* --- the limiter ---------------------------------------------------------------------------- */

/* What can be guessed. Other kinds fail for honest clients that try one key after the other. */
static bool is_guessable(const struct sn_creds *creds)
{
	return (creds->kind & (SN_CREDS_PASSWORD | SN_CREDS_TOKEN | SN_CREDS_SCRAM)) != 0;
}

static int ask_limiter(struct sn_portal *portal, const struct sn_creds *creds, int64_t *delay_r)
{
	*delay_r = 0;
	if (portal->context->limiter == NULL || !is_guessable(creds))
		return SN_OK;
	return sn_limiter_ask(portal->context->limiter, creds->peer, creds->account, delay_r);
}

static void tell_limiter(struct sn_portal *portal, const struct sn_creds *creds, bool success)
{
	if (portal->context->limiter == NULL || !is_guessable(creds))
		return;
	if (success)
		sn_limiter_succeeded(portal->context->limiter, creds->peer, creds->account);
	else
		sn_limiter_failed(portal->context->limiter, creds->peer, creds->account,
			creds->kind == SN_CREDS_TOKEN ? creds->token : creds->password);
}

/* --- one login ------------------------------------------------------------------------------ */

/* A login that waits: for its delay, then for one checker after the other. */
struct login {
	struct sn_check check; /* first member; what the caller sees */
	struct sn_portal *portal;
	struct sn_waiter waiter;
	struct sn_timer delay;
	size_t next; /* checker to ask after the present one */
	struct sn_creds *creds;
};

/* Ask from *next on until one decides; SN_PENDING leaves *next behind the one that thinks. */
static int ask(struct sn_portal *portal, const struct sn_creds *creds, size_t *next,
	struct sn_session **session_r, struct sn_promise **promise_r)
{
	while (*next < portal->count) {
		struct sn_checker *checker = portal->checkers[(*next)++];
		int code;

		if ((sn_checker_kinds(checker) & creds->kind) == 0)
			continue;
		code = checker->type->check(checker, creds, session_r, promise_r);
		if (code != SN_ENOTFOUND)
			return code;
	}
	return SN_ENOTFOUND;
}

static bool is_refusal(int code)
{
	return code == SN_EDENIED || code == SN_ENOTFOUND || code == SN_EDISABLED;
}

/* The answer, as the world may see it. */
static int conclude(struct sn_portal *portal, const struct sn_creds *creds, int code,
	struct sn_session **session)
{
	if (code == SN_OK && !role_suffices(portal, *session)) {
		sn_session_unref(session);
		code = SN_EDENIED;
	}
	if (is_refusal(code))
		code = SN_EDENIED;
	if (code == SN_OK || code == SN_EDENIED)
		tell_limiter(portal, creds, code == SN_OK);
	count(portal,
		code == SN_OK                ? SN_AUTH_OK
			: code == SN_EDENIED ? SN_AUTH_DENIED
					     : SN_AUTH_BUSY);
	return code;
}

/* A question about a verifier has an answer for everybody; who gets no session cannot prove. */
static int conclude_scram(struct login *login, int code)
{
	if (is_refusal(code)) {
		sn_scram_fake(login->creds->hash, login->portal->context->secret,
			login->creds->account, &login->check.scram);
		return SN_OK;
	}
	if (code != SN_OK)
		count(login->portal, SN_AUTH_BUSY);
	else if (!role_suffices(login->portal, login->check.session))
		sn_session_unref(&login->check.session);
	return code;
}

static void answer(struct login *login, int code)
{
	if (login->creds->kind == SN_CREDS_SCRAM)
		code = conclude_scram(login, code);
	else
		code = conclude(login->portal, login->creds, code, &login->check.session);
	sn_promise_resolve(&login->check.promise, code);
}

static void on_answer(struct sn_waiter *waiter, struct sn_promise *p, int code);

static void ask_next(struct login *login)
{
	struct sn_promise *promise = NULL;
	const int code =
		ask(login->portal, login->creds, &login->next, &login->check.session, &promise);

	if (code == SN_PENDING)
		sn_promise_wait(promise, &login->waiter, on_answer);
	else
		answer(login, code);
}

static void on_answer(struct sn_waiter *waiter, struct sn_promise *p, int code)
{
	struct login *login = sn_container_of(waiter, struct login, waiter);

	if (code == SN_ENOTFOUND) {
		ask_next(login);
		return;
	}
	if (code == SN_OK)
		login->check.session = sn_check_session(p);
	if (code == SN_OK && login->creds->kind == SN_CREDS_SCRAM)
		login->check.scram = *sn_check_scram(p);
	answer(login, code);
}

static void refuse_limited(struct login *login)
{
	count(login->portal, SN_AUTH_LIMITED);
	sn_promise_resolve(&login->check.promise, SN_EBUSY);
}

/* Others from there may have failed in the meantime: who waits in parallel gains nothing. */
static void on_delay(struct sn_timer *timer)
{
	struct login *login = sn_container_of(timer, struct login, delay);
	int64_t delay;

	if (ask_limiter(login->portal, login->creds, &delay) != SN_OK)
		refuse_limited(login);
	else
		ask_next(login);
}

static void free_login(struct sn_promise *p)
{
	struct login *login = sn_container_of(p, struct login, check.promise);

	sn_session_unref(&login->check.session);
	sn_creds_drop(&login->creds);
	sn_wipe(login, sizeof(*login));
	sn_free(login);
}

/* Who leaves before the answer comes has cost as much as a failure. */
static void cancel_login(struct sn_promise *p)
{
	struct login *login = sn_container_of(p, struct login, check.promise);

	sn_timer_clear(&login->delay);
	if (!sn_waiter_waiting(&login->waiter))
		return;
	sn_waiter_cancel(&login->waiter);
	if (login->creds->kind != SN_CREDS_SCRAM)
		tell_limiter(login->portal, login->creds, false);
}

static const struct sn_promise_ops login_ops = { .cancel = cancel_login, .free = free_login };

/* The caller's views end with its call. */
static struct login *new_login(struct sn_portal *portal, const struct sn_creds *creds)
{
	struct login *login = sn_alloc_zero(sizeof(*login));

	login->portal = portal;
	login->creds = sn_creds_copy(creds);
	sn_promise_init(portal->context->loop, &login->check.promise, &login_ops);
	return login;
}

static int login_later(struct sn_portal *portal, const struct sn_creds *creds, int64_t delay,
	struct sn_promise **promise_r)
{
	struct login *login = new_login(portal, creds);

	if (delay > 0) {
		count(portal, SN_AUTH_DELAYED);
		sn_timer_set(portal->context->loop, &login->delay, delay, on_delay);
	} else {
		ask_next(login);
	}
	*promise_r = &login->check.promise;
	return SN_PENDING;
}

static int login_now(struct sn_portal *portal, const struct sn_creds *creds,
	struct sn_session **session_r, struct sn_promise **promise_r)
{
	struct sn_promise *promise = NULL;
	struct login *login;
	size_t next = 0;
	const int code = ask(portal, creds, &next, session_r, &promise);

	if (code != SN_PENDING)
		return conclude(portal, creds, code, session_r);
	login = new_login(portal, creds);
	login->next = next;
	sn_promise_wait(promise, &login->waiter, on_answer);
	*promise_r = &login->check.promise;
	return SN_PENDING;
}

int sn_portal_login(struct sn_portal *portal, const struct sn_creds *creds,
	struct sn_session **session_r, struct sn_promise **promise_r)
{
	int64_t delay;

	if ((sn_portal_kinds(portal) & creds->kind) == 0)
		return SN_EDENIED;
	if (ask_limiter(portal, creds, &delay) != SN_OK) {
		count(portal, SN_AUTH_LIMITED);
		return SN_EBUSY;
	}
	if (delay > 0 || creds->kind == SN_CREDS_SCRAM)
		return login_later(portal, creds, delay, promise_r);
	return login_now(portal, creds, session_r, promise_r);
}

/* To the checker whose session it is. */
static void tell_checker(struct sn_portal *portal, const struct sn_session *session)
{
	for (size_t i = 0; i < portal->count; i++) {
		struct sn_checker *checker = portal->checkers[i];

		if (checker->type->proved != NULL &&
			strcmp(checker->type->name, session->checker) == 0)
			checker->type->proved(checker, session);
	}
}

void sn_portal_scram_done(
	struct sn_portal *portal, const struct sn_creds *creds, const struct sn_session *proved)
{
	tell_limiter(portal, creds, proved != NULL);
	count(portal, proved != NULL ? SN_AUTH_OK : SN_AUTH_DENIED);
	if (proved != NULL)
		tell_checker(portal, proved);
}
