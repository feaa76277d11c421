#include "daemon/proc/pam.h"

#include <crypt.h>
#include <pwd.h>
#include <security/pam_appl.h>

#include "daemon/base/assert.h"
#include "daemon/base/log.h"
#include "daemon/base/mem.h"

static const struct sn_log_ctx log_ctx = SN_LOG_CTX("proc.pam");

struct sn_pam_session {
	pam_handle_t *pam;
	char **env;
	int last;
};

/* --- conversation ------------------------------------------------------------------------------
 */

/* data: the password, or NULL where nobody can be asked. The answers are freed by PAM. */
static int converse(
	int count, const struct pam_message **messages, struct pam_response **answers_r, void *data)
{
	struct pam_response *answers;

	if (count <= 0 || count > PAM_MAX_NUM_MSG)
		return PAM_CONV_ERR;
	answers = sn_alloc_array((size_t)count, sizeof(*answers));
	for (int i = 0; i < count; i++) {
		switch (messages[i]->msg_style) {
		case PAM_PROMPT_ECHO_OFF:
			if (data == NULL)
				goto fail;
			answers[i].resp = sn_strdup(data);
			break;
		case PAM_TEXT_INFO:
		case PAM_ERROR_MSG:
			break;
		default: /* a question that is not for a password */
			goto fail;
		}
	}
	*answers_r = answers;
	return PAM_SUCCESS;
fail:
	for (int i = 0; i < count; i++) {
		if (answers[i].resp != NULL)
			sn_wipe(answers[i].resp, strlen(answers[i].resp));
		sn_free(answers[i].resp);
	}
	sn_free(answers);
	return PAM_CONV_ERR;
}

/* PAM calls it in place of sleeping. */
static void do_not_delay(int retval, unsigned usec_delay, void *data)
{
	(void)retval;
	(void)usec_delay;
	(void)data;
}

static int start(const char *service, const char *user, const struct pam_conv *conv,
	const char *tty, const char *host, pam_handle_t **pam_r)
{
	int rc = pam_start(service, user, conv, pam_r);

	if (rc != PAM_SUCCESS)
		return rc;
	rc = pam_set_item(*pam_r, PAM_TTY, tty);
	if (rc == PAM_SUCCESS && host != NULL && host[0] != '\0')
		rc = pam_set_item(*pam_r, PAM_RHOST, host);
	if (rc == PAM_SUCCESS)
		rc = pam_set_item(*pam_r, PAM_FAIL_DELAY, (const void *)do_not_delay);
	if (rc != PAM_SUCCESS)
		(void)pam_end(*pam_r, rc);
	return rc;
}

/* --- a password --------------------------------------------------------------------------------
 */

static int code_of_authentication(int rc)
{
	switch (rc) {
	case PAM_SUCCESS:
		return SN_OK;
	case PAM_USER_UNKNOWN:
		return SN_ENOTFOUND;
	case PAM_AUTH_ERR:
	case PAM_MAXTRIES:
	case PAM_PERM_DENIED:
	case PAM_CRED_INSUFFICIENT:
	case PAM_CONV_ERR:
		return SN_EDENIED;
	case PAM_ACCT_EXPIRED:
		return SN_EDISABLED;
	default:
		return SN_EUNAVAILABLE;
	}
}

static int code_of_account(int rc)
{
	switch (rc) {
	case PAM_SUCCESS:
		return SN_OK;
	case PAM_USER_UNKNOWN:
		return SN_ENOTFOUND;
	case PAM_ACCT_EXPIRED:
	case PAM_AUTH_ERR:
	case PAM_CRED_EXPIRED:
	case PAM_NEW_AUTHTOK_REQD:
	case PAM_PERM_DENIED:
		return SN_EDISABLED;
	default:
		return SN_EUNAVAILABLE;
	}
}

/* PAM_USER as the modules left it: we speak for the user that was asked for, and nobody else. */
static bool is_still(pam_handle_t *pam, const char *user)
{
	const void *now = NULL;

	return pam_get_item(pam, PAM_USER, &now) == PAM_SUCCESS && now != NULL &&
		strcmp(now, user) == 0;
}

static int authenticate(pam_handle_t *pam, const char *user)
{
	const int flags = PAM_SILENT | PAM_DISALLOW_NULL_AUTHTOK;
	int rc = pam_authenticate(pam, flags), code = code_of_authentication(rc);

	if (code == SN_OK) {
		rc = pam_acct_mgmt(pam, flags);
		code = code_of_account(rc);
	}
	if (code == SN_OK && !is_still(pam, user))
		code = SN_EDENIED;
	if (code == SN_EUNAVAILABLE)
		sn_log(&log_ctx, SN_LOG_WARN, "pam-failed", sn_f_cstr("user", user),
			sn_f_cstr("reason", pam_strerror(pam, rc)));
	(void)pam_end(pam, rc);
	return code;
}

/* An unknown name costs one hash of the usual kind, as a known one does. */
static void waste_a_hash(const char *password)
{
	struct crypt_data *data = sn_alloc_zero(sizeof(*data));

	(void)crypt_r(password, "$y$j9T$sennitsennitsennitsenn.$", data);
	sn_wipe(data, sizeof(*data));
	sn_free(data);
}

static int verify(const char *service, const char *user, char *password, const char *host)
{
	const struct pam_conv conv = { .conv = converse, .appdata_ptr = password };
	pam_handle_t *pam;
	const int rc = start(service, user, &conv, "sennit", host, &pam);
	int code = SN_EUNAVAILABLE;

	if (rc == PAM_SUCCESS)
		code = authenticate(pam, user);
	/* Some stacks hide that a user is unknown behind a plain refusal. */
	if (code == SN_ENOTFOUND || (code == SN_EDENIED && getpwnam(user) == NULL)) {
		waste_a_hash(password);
		code = SN_ENOTFOUND;
	}
	return code;
}

static bool has_nul(struct sn_str s)
{
	return sn_str_find(s, '\0') < s.n;
}

int sn_pam_verify(const struct sn_ask_verify *ask)
{
	char *service, *user, *password, *host;
	int code;

	if (has_nul(ask->user) || has_nul(ask->password))
		return SN_EDENIED;
	service = sn_str_dup(ask->service);
	user = sn_str_dup(ask->user);
	password = sn_str_dup(ask->password);
	host = sn_str_dup(ask->peer);
	code = verify(service, user, password, host);
	sn_wipe(password, ask->password.n);
	sn_free(password);
	sn_free(service);
	sn_free(user);
	sn_free(host);
	return code;
}

/* --- a session ---------------------------------------------------------------------------------
 */

static int open_session(struct sn_pam_session *session, const char *user)
{
	pam_handle_t *pam = session->pam;
	int rc = pam_acct_mgmt(pam, PAM_SILENT), code = code_of_account(rc);

	if (code == SN_OK && !is_still(pam, user))
		code = SN_EDENIED;
	if (code == SN_OK) {
		rc = pam_setcred(pam, PAM_ESTABLISH_CRED | PAM_SILENT);
		/* A module that wants the password of the login fails here after a login by key. */
		if (rc != PAM_SUCCESS && rc != PAM_CRED_UNAVAIL && rc != PAM_CRED_ERR)
			code = SN_EUNAVAILABLE;
	}
	if (code == SN_OK) {
		rc = pam_open_session(pam, PAM_SILENT);
		if (rc != PAM_SUCCESS) {
			(void)pam_setcred(pam, PAM_DELETE_CRED | PAM_SILENT);
			code = rc == PAM_PERM_DENIED ? SN_EDISABLED : SN_EUNAVAILABLE;
		}
	}
	if (code != SN_OK)
		sn_log(&log_ctx, SN_LOG_WARN, "pam-session-refused", sn_f_cstr("user", user),
			sn_f_cstr("reason", pam_strerror(pam, rc)));
	session->last = rc;
	return code;
}

int sn_pam_session_open(const char *service, const char *user, const char *tty, const char *host,
	struct sn_pam_session **session_r)
{
	static const struct pam_conv conv = { .conv = converse };
	struct sn_pam_session *session = sn_alloc_zero(sizeof(*session));
	int code = SN_EUNAVAILABLE;

	if (start(service, user, &conv, tty, host, &session->pam) != PAM_SUCCESS)
		session->pam = NULL;
	else
		code = open_session(session, user);
	if (code != SN_OK) {
		if (session->pam != NULL)
			(void)pam_end(session->pam, session->last);
		sn_free(session);
		return code;
	}
	session->env = pam_getenvlist(session->pam);
	*session_r = session;
	return SN_OK;
}

const char *const *sn_pam_session_env(const struct sn_pam_session *session)
{
	return (const char *const *)session->env;
}

void sn_pam_session_close(struct sn_pam_session **session_p)
{
	struct sn_pam_session *session = *session_p;

	*session_p = NULL;
	if (session == NULL)
		return;
	(void)pam_close_session(session->pam, PAM_SILENT);
	(void)pam_setcred(session->pam, PAM_DELETE_CRED | PAM_SILENT);
	(void)pam_end(session->pam, PAM_SUCCESS);
	for (char **word = session->env; word != NULL && *word != NULL; word++)
		sn_free(*word);
	sn_free(session->env);
	sn_free(session);
}
