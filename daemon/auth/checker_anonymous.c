/* anonymous: everybody is let in, as nobody in particular. */
#include "daemon/auth/checkers.h"
#include "daemon/base/mem.h"

static int open_anonymous(const struct sn_auth_context *context, struct sn_str arg,
	struct sn_checker **checker_r, struct sn_diag *diag)
{
	struct sn_checker *checker;

	(void)context;
	if (arg.n != 0)
		return sn_diag_set(diag, SN_ESYNTAX, 0,
			"anonymous takes no argument: write \"anonymous\" alone");
	checker = sn_alloc_zero(sizeof(*checker));
	checker->type = &sn_checker_anonymous;
	*checker_r = checker;
	return SN_OK;
}

static int check_anonymous(struct sn_checker *checker, const struct sn_creds *creds,
	struct sn_session **session_r, struct sn_promise **promise_r)
{
	(void)creds;
	(void)promise_r;
	*session_r = sn_session_new(SN_STR(""), checker->type->name);
	return SN_OK;
}

static void close_anonymous(struct sn_checker *checker)
{
	sn_free(checker);
}

const struct sn_checker_type sn_checker_anonymous = {
	.size = sizeof(struct sn_checker_type),
	.name = "anonymous",
	.arg_help = "",
	.doc = "Lets everybody in without a name: SASL ANONYMOUS.",
	.kinds = SN_CREDS_ANONYMOUS,
	.open = open_anonymous,
	.check = check_anonymous,
	.close = close_anonymous,
};
