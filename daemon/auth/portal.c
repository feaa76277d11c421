#include "daemon/auth/portal.h"

#include "daemon/base/mem.h"

#define CHECKERS_MAX 16

struct sn_portal {
	const struct sn_auth_context *context;
	struct sn_checker *checkers[CHECKERS_MAX];
	size_t count;
};

/* A login that waits for one checker and may have to ask the next. */
struct login {
	struct sn_check check; /* first member; what the caller sees */
	struct sn_portal *portal;
	struct sn_waiter waiter;
	size_t next; /* checker to ask after the present one */
	struct sn_creds creds;
	struct sn_addr peer;
	char *account, *password;
};

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
		kinds |= portal->checkers[i]->type->kinds;
	return kinds;
}

/* Ask from *next on until one decides; SN_PENDING leaves *next behind the one that thinks. */
static int ask(struct sn_portal *portal, const struct sn_creds *creds, size_t *next,
	struct sn_session **session_r, struct sn_promise **promise_r)
{
	while (*next < portal->count) {
		struct sn_checker *checker = portal->checkers[(*next)++];
		int code;

		if ((checker->type->kinds & creds->kind) == 0)
			continue;
		code = checker->type->check(checker, creds, session_r, promise_r);
		if (code != SN_ENOTFOUND)
			return code;
	}
	return SN_EDENIED;
}

static void free_login(struct sn_promise *p)
{
	struct login *login = sn_container_of(p, struct login, check.promise);

	sn_session_unref(&login->check.session);
	sn_free(login->account);
	sn_wipe(login->password, login->creds.password.n);
	sn_free(login->password);
	sn_free(login);
}

static void cancel_login(struct sn_promise *p)
{
	struct login *login = sn_container_of(p, struct login, check.promise);

	sn_waiter_cancel(&login->waiter);
}

static const struct sn_promise_ops login_ops = { .cancel = cancel_login, .free = free_login };

static void on_answer(struct sn_waiter *waiter, struct sn_promise *p, int code)
{
	struct login *login = sn_container_of(waiter, struct login, waiter);
	struct sn_promise *promise = NULL;

	if (code == SN_OK)
		login->check.session = sn_check_session(p);
	else if (code == SN_ENOTFOUND)
		code = ask(login->portal, &login->creds, &login->next, &login->check.session,
			&promise);
	if (code == SN_PENDING)
		sn_promise_wait(promise, &login->waiter, on_answer);
	else
		sn_promise_resolve(&login->check.promise, code);
}

/* The caller's views end with its call: keep copies for the checkers still to be asked. */
static struct login *new_login(struct sn_portal *portal, const struct sn_creds *creds, size_t next)
{
	struct login *login = sn_alloc_zero(sizeof(*login));

	login->portal = portal;
	login->next = next;
	login->creds = *creds;
	login->account = sn_str_dup(creds->account);
	login->password = sn_str_dup(creds->password);
	login->creds.account.p = login->account;
	login->creds.password.p = login->password;
	if (creds->peer != NULL) {
		login->peer = *creds->peer;
		login->creds.peer = &login->peer;
	}
	sn_promise_init(portal->context->loop, &login->check.promise, &login_ops);
	return login;
}

int sn_portal_login(struct sn_portal *portal, const struct sn_creds *creds,
	struct sn_session **session_r, struct sn_promise **promise_r)
{
	struct sn_promise *promise = NULL;
	struct login *login;
	size_t next = 0;
	const int code = ask(portal, creds, &next, session_r, &promise);

	if (code != SN_PENDING)
		return code;
	login = new_login(portal, creds, next);
	sn_promise_wait(promise, &login->waiter, on_answer);
	*promise_r = &login->check.promise;
	return SN_PENDING;
}
