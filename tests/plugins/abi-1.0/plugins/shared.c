/*
 * A checker: `shared:PASSWORD` lets everybody in who knows the one password, under any name.
 *
 * A checker knows no protocol. It gets credentials of the kinds it says it takes, and answers with
 * a session or a code; what takes time goes to the pool or the loop, and is answered with a
 * promise.
 */
#include "daemon/base/mem.h"
#include "daemon/service/plugin.h"

struct shared_checker {
	struct sn_checker checker; /* first member */
	char *password;            /* a copy */
	size_t length;
};

static const struct sn_checker_type type;

static int open_shared(const struct sn_auth_context *context, struct sn_str arg,
	struct sn_checker **checker_r, struct sn_diag *diag)
{
	struct shared_checker *own;

	(void)context;
	if (arg.n == 0)
		return sn_diag_set(diag, SN_ESYNTAX, 0, "which password? shared:PASSWORD");
	own = sn_alloc_zero(sizeof(*own));
	own->checker.type = &type;
	own->password = sn_str_dup(arg);
	own->length = arg.n;
	*checker_r = &own->checker;
	return SN_OK;
}

static int check_shared(struct sn_checker *checker, const struct sn_creds *creds,
	struct sn_session **session_r, struct sn_promise **promise_r)
{
	const struct shared_checker *own = sn_container_of(checker, struct shared_checker, checker);

	(void)promise_r; /* the answer is here at once */
	if (creds->account.n == 0 || creds->password.n != own->length ||
		!sn_equal_const_time(creds->password.p, own->password, own->length))
		return SN_EDENIED;
	*session_r = sn_session_new(creds->account, checker->type->name);
	return SN_OK;
}

static void close_shared(struct sn_checker *checker)
{
	struct shared_checker *own = sn_container_of(checker, struct shared_checker, checker);

	sn_wipe(own->password, own->length);
	sn_free(own->password);
	sn_free(own);
}

static const struct sn_checker_type type = {
	.size = sizeof(struct sn_checker_type),
	.name = "shared",
	.arg_help = "PASSWORD",
	.doc = "Everybody who knows the password, under any name.",
	.kinds = SN_CREDS_PASSWORD,
	.open = open_shared,
	.check = check_shared,
	.close = close_shared,
};

static const struct sn_plugin_interface interfaces[] = { SN_PLUGIN_CHECKER(&type) };

SN_PLUGIN("org.example.shared", "1.0", "MIT", interfaces);
