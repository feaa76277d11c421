#include "daemon/auth/creds.h"

#include "daemon/base/list.h"
#include "daemon/base/mem.h"

static const struct {
	enum sn_creds_kind kind;
	const char *name;
} kinds[SN_CREDS_KINDS] = {
	{ SN_CREDS_PASSWORD, "password" },
	{ SN_CREDS_CERTIFICATE, "certificate" },
	{ SN_CREDS_ANONYMOUS, "anonymous" },
	{ SN_CREDS_SCRAM, "SCRAM" },
	{ SN_CREDS_PUBLICKEY, "public key" },
	{ SN_CREDS_TOKEN, "token" },
	{ SN_CREDS_PEER, "peer" },
};

const char *sn_creds_kind_name(enum sn_creds_kind kind)
{
	for (size_t i = 0; i < SN_CREDS_KINDS; i++) {
		if (kinds[i].kind == kind)
			return kinds[i].name;
	}
	return "unknown";
}

/* --- copies --------------------------------------------------------------------------------- */

#define FINGERPRINT_SIZE 32

struct copy {
	struct sn_creds creds; /* first member */
	struct sn_addr peer;
	size_t size; /* of bytes */
	char bytes[];
};

static struct sn_str put(char **at, struct sn_str text)
{
	char *p = *at;

	if (text.p == NULL)
		return SN_STR_NULL;
	memcpy(p, text.p, text.n);
	*at += text.n;
	return sn_str_n(p, text.n);
}

struct sn_creds *sn_creds_copy(const struct sn_creds *creds)
{
	const struct sn_str fingerprint =
		sn_str_n(creds->fingerprint, creds->fingerprint != NULL ? FINGERPRINT_SIZE : 0);
	const size_t size = creds->account.n + creds->password.n + fingerprint.n +
		creds->certificate.n + creds->key_type.n + creds->key.n + creds->token.n;
	struct copy *copy = sn_alloc_zero(sizeof(*copy) + size);
	char *at = copy->bytes;

	copy->creds = *creds;
	copy->size = size;
	copy->creds.account = put(&at, creds->account);
	copy->creds.password = put(&at, creds->password);
	copy->creds.fingerprint = (const uint8_t *)put(&at, fingerprint).p;
	copy->creds.certificate = put(&at, creds->certificate);
	copy->creds.key_type = put(&at, creds->key_type);
	copy->creds.key = put(&at, creds->key);
	copy->creds.token = put(&at, creds->token);
	if (creds->peer != NULL) {
		copy->peer = *creds->peer;
		copy->creds.peer = &copy->peer;
	}
	return &copy->creds;
}

void sn_creds_drop(struct sn_creds **creds)
{
	struct copy *copy;

	if (*creds == NULL)
		return;
	copy = sn_container_of(*creds, struct copy, creds);
	*creds = NULL;
	sn_wipe(copy, sizeof(*copy) + copy->size);
	sn_free(copy);
}
