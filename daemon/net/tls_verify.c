#include "daemon/net/tls_verify.h"

#include <limits.h>

#include <openssl/err.h>
#include <openssl/x509v3.h>

#include "daemon/base/mem.h"
#include "daemon/net/tls_private.h"

struct sn_tls_roots {
	X509_STORE *store;
};

int sn_tls_roots_new(const char *path, struct sn_tls_roots **roots_r, struct sn_diag *diag)
{
	struct sn_tls_roots *roots = sn_alloc_zero(sizeof(*roots));
	int code;

	roots->store = X509_STORE_new();
	code = sn_tls_roots_load(path, roots->store, diag);
	if (code != SN_OK) {
		sn_tls_roots_free(&roots);
		return code;
	}
	X509_STORE_set_flags(roots->store, X509_V_FLAG_PARTIAL_CHAIN);
	*roots_r = roots;
	return SN_OK;
}

void sn_tls_roots_free(struct sn_tls_roots **roots)
{
	if (*roots == NULL)
		return;
	X509_STORE_free((*roots)->store);
	sn_free(*roots);
	*roots = NULL;
}

/* NULL: no certificate, or something behind it. */
static X509 *decode(struct sn_str der)
{
	const unsigned char *p = (const unsigned char *)der.p;
	X509 *cert = der.n > 0 && der.n <= LONG_MAX ? d2i_X509(NULL, &p, (long)der.n) : NULL;

	ERR_clear_error();
	if (cert != NULL && p != (const unsigned char *)der.p + der.n) {
		X509_free(cert);
		return NULL;
	}
	return cert;
}

int sn_tls_roots_verify(const struct sn_tls_roots *roots, struct sn_str der)
{
	X509 *cert = decode(der);
	X509_STORE_CTX *context;
	bool good;

	if (cert == NULL)
		return SN_ESYNTAX;
	context = X509_STORE_CTX_new();
	good = context != NULL && X509_STORE_CTX_init(context, roots->store, cert, NULL) == 1 &&
		X509_STORE_CTX_set_default(context, "ssl_client") == 1 &&
		X509_verify_cert(context) == 1;
	X509_STORE_CTX_free(context);
	X509_free(cert);
	ERR_clear_error();
	return good ? SN_OK : SN_ECERT;
}

/* --- names ---------------------------------------------------------------------------------- */

struct name_search {
	size_t left; /* names to pass over */
	struct sn_strbuf *out;
	bool found;
};

static void take(struct name_search *search, const ASN1_STRING *text)
{
	unsigned char *utf8 = NULL;
	const int n = text != NULL ? ASN1_STRING_to_UTF8(&utf8, text) : 0;

	if (n > 0 && memchr(utf8, '\0', (size_t)n) == NULL && !search->found &&
		search->left-- == 0) {
		sn_strbuf_add(search->out, sn_str_n(utf8, (size_t)n));
		search->found = true;
	}
	OPENSSL_free(utf8);
}

static void look_in_alt_names(
	struct name_search *search, const GENERAL_NAMES *names, bool want_xmpp)
{
	for (int i = 0; i < sk_GENERAL_NAME_num(names); i++) {
		const GENERAL_NAME *name = sk_GENERAL_NAME_value(names, i);

		if (!want_xmpp && name->type == GEN_EMAIL)
			take(search, name->d.rfc822Name);
		if (want_xmpp && name->type == GEN_OTHERNAME &&
			OBJ_obj2nid(name->d.otherName->type_id) == NID_XmppAddr &&
			name->d.otherName->value->type == V_ASN1_UTF8STRING)
			take(search, name->d.otherName->value->value.utf8string);
	}
}

static void look_in_subject(struct name_search *search, X509 *cert)
{
	X509_NAME *subject = X509_get_subject_name(cert);
	int at = -1;

	while ((at = X509_NAME_get_index_by_NID(subject, NID_commonName, at)) >= 0)
		take(search, X509_NAME_ENTRY_get_data(X509_NAME_get_entry(subject, at)));
}

int sn_tls_cert_name(struct sn_str der, size_t i, struct sn_strbuf *out)
{
	struct name_search search = { .left = i, .out = out };
	X509 *cert = decode(der);
	GENERAL_NAMES *names;

	if (cert == NULL)
		return SN_ESYNTAX;
	names = X509_get_ext_d2i(cert, NID_subject_alt_name, NULL, NULL);
	look_in_alt_names(&search, names, true);
	look_in_alt_names(&search, names, false);
	look_in_subject(&search, cert);
	GENERAL_NAMES_free(names);
	X509_free(cert);
	ERR_clear_error();
	return search.found ? out->err : SN_ENOTFOUND;
}
