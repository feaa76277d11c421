#include "daemon/auth/creds.h"

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
