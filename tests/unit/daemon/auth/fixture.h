/* What the suites of this folder share: a loop with a thread pool, and a login waited for. */
#ifndef SN_TESTS_UNIT_DAEMON_AUTH_FIXTURE_H
#define SN_TESTS_UNIT_DAEMON_AUTH_FIXTURE_H

#include "daemon/auth/portal.h"
#include "tests/support/unit.h"

extern struct sn_loop *loop;
extern struct sn_offload *pool;
extern struct sn_auth_context context; /* with these two and a fixed secret */

void auth_setup(void);
void auth_teardown(void);

struct sn_creds password_creds(const char *account, const char *password);
/* Ask and wait for the answer; the session is the caller's to drop. */
struct answer {
	int code;
	struct sn_session *session;
	struct sn_scram_record scram;
	bool waited; /* it came later */
};
struct answer check_creds(struct sn_checker *checker, const struct sn_creds *creds);
struct answer login_creds(struct sn_portal *portal, const struct sn_creds *creds);
/* The same with a password; *session_r (may be NULL) on SN_OK, else the session is dropped. */
int check_now(struct sn_checker *checker, const char *account, const char *password,
	struct sn_session **session_r);
int login_now(struct sn_portal *portal, const char *account, const char *password,
	struct sn_session **session_r);

/* By its spec, which must be right. */
struct sn_checker *open_checker(const char *fmt, ...) SN_PRINTF(1, 2);

/* A temporary file with this text; removed by auth_teardown. */
const char *write_file(const char *text);
void rewrite_file(const char *text);

#endif
