/*
 * cert:CA.pem: the account is the name in the client's certificate, if one of the CAs in the file
 * has signed it: the part before the '@' of an XMPP or mail address, else the common name. The CA
 * says who is who; other names of the certificate do only if the client asks for one of them.
 */
#include "daemon/auth/checkers.h"
#include "daemon/base/mem.h"
#include "daemon/net/tls_verify.h"

#define NAMES_MAX 32
#define NAME_MAX_BYTES 255

struct cert_checker {
	struct sn_checker checker; /* first member */
	struct sn_tls_roots *roots;
};

static void close_cert(struct sn_checker *checker)
{
	struct cert_checker *cert = sn_container_of(checker, struct cert_checker, checker);

	sn_tls_roots_free(&cert->roots);
	sn_free(cert);
}

static int open_cert(const struct sn_auth_context *context, struct sn_str arg,
	struct sn_checker **checker_r, struct sn_diag *diag)
{
	struct cert_checker *cert;
	char *path;
	int code;

	(void)context;
	if (arg.n == 0)
		return sn_diag_set(diag, SN_EMISSING, 0,
			"which certificate authority? cert:CA.pem names the file with its "
			"certificate");
	cert = sn_alloc_zero(sizeof(*cert));
	cert->checker.type = &sn_checker_cert;
	path = sn_str_dup(arg);
	code = sn_tls_roots_new(path, &cert->roots, diag);
	sn_free(path);
	if (code != SN_OK) {
		sn_free(cert);
		return code;
	}
	*checker_r = &cert->checker;
	return SN_OK;
}

/* The i-th name as an account: prepared, without what follows an '@'. */
static int account_at(struct sn_str der, size_t i, struct sn_strbuf *out)
{
	char mem[NAME_MAX_BYTES + 1];
	struct sn_strbuf name;
	struct sn_str local;
	int code;

	sn_strbuf_fixed(&name, mem, sizeof(mem));
	code = sn_tls_cert_name(der, i, &name);
	if (code == SN_ELIMIT)
		return SN_EENCODING;
	if (code != SN_OK)
		return code;
	local = sn_strbuf_str(&name);
	sn_strbuf_reset(out);
	return sn_saslprep(sn_str_sub(local, 0, sn_str_find(local, '@')), out);
}

static int choose_name(const struct sn_creds *creds, struct sn_strbuf *out)
{
	for (size_t i = 0; i < NAMES_MAX; i++) {
		const int code = account_at(creds->certificate, i, out);

		if (code == SN_ENOTFOUND)
			break;
		if (code == SN_OK &&
			(creds->account.n == 0 ||
				sn_saslprep_same(creds->account, sn_strbuf_str(out))))
			return SN_OK;
	}
	return SN_EDENIED;
}

/* A certificate that others have signed may be one that the next checker knows. */
static int check_cert(struct sn_checker *checker, const struct sn_creds *creds,
	struct sn_session **session_r, struct sn_promise **promise_r)
{
	struct cert_checker *cert = sn_container_of(checker, struct cert_checker, checker);
	struct sn_strbuf name;
	int code;

	(void)promise_r;
	if (sn_tls_roots_verify(cert->roots, creds->certificate) != SN_OK)
		return SN_ENOTFOUND;
	sn_strbuf_init(&name, 4 * NAME_MAX_BYTES + 64);
	code = choose_name(creds, &name);
	if (code == SN_OK)
		*session_r = sn_session_new(sn_strbuf_str(&name), checker->type->name);
	sn_strbuf_fini(&name);
	return code;
}

const struct sn_checker_type sn_checker_cert = {
	.size = sizeof(struct sn_checker_type),
	.name = "cert",
	.arg_help = "CA.pem",
	.doc = "Clients with a TLS certificate from one of the authorities in the file; the account is "
	       "the certificate's name. The endpoint must ask for certificates (clientAuth=request).",
	.kinds = SN_CREDS_CERTIFICATE,
	.open = open_cert,
	.check = check_cert,
	.close = close_cert,
};
