/*
 * unix[:SERVICE]: users of the machine. A password is verified by PAM under the service's name, in
 * a process of the broker's; a peer of a unix socket is who the kernel says.
 */
#include "daemon/auth/broker.h"
#include "daemon/auth/checkers.h"
#include "daemon/base/mem.h"

#define DEFAULT_SERVICE "sennit"

struct unix_checker {
	struct sn_checker checker; /* first member */
	char *service;
};

struct unix_check {
	struct sn_check check; /* first member */
	struct sn_waiter waiter;
	char *account; /* as claimed; PEER: may be empty */
};

static int open_unix(const struct sn_auth_context *context, struct sn_str arg,
	struct sn_checker **checker_r, struct sn_diag *diag)
{
	const struct sn_str service = arg.p != NULL && arg.n > 0 ? arg : SN_STR(DEFAULT_SERVICE);
	struct unix_checker *checker;

	if (!sn_broker_service_valid(service))
		return sn_diag_set(diag, SN_ESYNTAX, 0,
			"\"%.*s\" cannot be a PAM service: it is the name of a file in /etc/pam.d",
			SN_STR_ARG(service));
	if (context->broker == NULL)
		return sn_diag_set(diag, SN_EUNAVAILABLE, 0,
			"unix needs the broker, and this process has none");
	checker = sn_alloc_zero(sizeof(*checker));
	checker->checker.type = &sn_checker_unix;
	checker->service = sn_str_dup(service);
	*checker_r = &checker->checker;
	return SN_OK;
}

static void close_unix(struct sn_checker *checker)
{
	struct unix_checker *unix_checker = sn_container_of(checker, struct unix_checker, checker);

	sn_free(unix_checker->service);
	sn_free(unix_checker);
}

/* --- one login ---------------------------------------------------------------------------------
 */

static void cancel_check(struct sn_promise *p)
{
	sn_waiter_cancel(&sn_container_of(p, struct unix_check, check.promise)->waiter);
}

static void free_check(struct sn_promise *p)
{
	struct unix_check *op = sn_container_of(p, struct unix_check, check.promise);

	sn_session_unref(&op->check.session);
	sn_free(op->account);
	sn_free(op);
}

static const struct sn_promise_ops check_ops = { .cancel = cancel_check, .free = free_check };

static void on_verified(struct sn_waiter *w, struct sn_promise *p, int code)
{
	struct unix_check *op = sn_container_of(w, struct unix_check, waiter);

	(void)p;
	if (code == SN_OK)
		op->check.session = sn_session_new(sn_str(op->account), sn_checker_unix.name);
	sn_promise_resolve(&op->check.promise, code);
}

/* Who asks to be somebody must be that one: another name is another login. */
static void on_peer_known(struct sn_waiter *w, struct sn_promise *p, int code)
{
	struct unix_check *op = sn_container_of(w, struct unix_check, waiter);
	struct sn_str name;

	if (code == SN_OK) {
		name = sn_broker_passwd(p)->name;
		if (op->account[0] != '\0' && !sn_str_eq(name, sn_str(op->account)))
			code = SN_EDENIED;
		else
			op->check.session = sn_session_new(name, sn_checker_unix.name);
	}
	sn_promise_resolve(&op->check.promise, code);
}

static int check_unix(struct sn_checker *checker, const struct sn_creds *creds,
	struct sn_session **session_r, struct sn_promise **promise_r)
{
	const struct unix_checker *unix_checker =
		sn_container_of(checker, struct unix_checker, checker);
	struct sn_broker *broker = checker->context->broker;
	struct unix_check *op = sn_alloc_zero(sizeof(*op));

	(void)session_r;
	sn_promise_init(checker->context->loop, &op->check.promise, &check_ops);
	op->account = sn_str_dup(creds->account);
	if (creds->kind == SN_CREDS_PEER)
		sn_promise_wait(sn_broker_lookup(broker, SN_STR_NULL, creds->uid), &op->waiter,
			on_peer_known);
	else
		sn_promise_wait(sn_broker_verify_password(broker, sn_str(unix_checker->service),
					creds->account, creds->password, creds->peer),
			&op->waiter, on_verified);
	*promise_r = &op->check.promise;
	return SN_PENDING;
}

const struct sn_checker_type sn_checker_unix = {
	.size = sizeof(struct sn_checker_type),
	.name = "unix",
	.arg_help = "[SERVICE]",
	.doc = "Users of the machine, by PAM: SERVICE is a file in /etc/pam.d, \"sennit\" unless "
	       "given (without such a file PAM takes \"other\"). Users on a unix socket are known "
	       "without a password.",
	.kinds = SN_CREDS_PASSWORD | SN_CREDS_PEER,
	.open = open_unix,
	.check = check_unix,
	.close = close_unix,
};
