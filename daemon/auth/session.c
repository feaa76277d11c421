#include "daemon/auth/session.h"

#include "daemon/base/mem.h"

struct sn_session *sn_session_new(struct sn_str account, const char *checker)
{
	struct sn_session *session = sn_alloc(sizeof(*session));

	*session = (struct sn_session){
		.refs = 1,
		.account = sn_str_n(sn_str_dup(account), account.n),
		.checker = checker,
	};
	return session;
}

struct sn_session *sn_session_ref(struct sn_session *session)
{
	session->refs++;
	return session;
}

void sn_session_unref(struct sn_session **session_p)
{
	struct sn_session *session = *session_p;

	*session_p = NULL;
	if (session == NULL || --session->refs > 0)
		return;
	sn_free((char *)(uintptr_t)session->account.p);
	sn_free(session);
}
