#include "daemon/auth/digest.h"

#include <openssl/hmac.h>
#include <openssl/sha.h>

#include "daemon/base/assert.h"

void sn_sha256(struct sn_str data, uint8_t digest[SN_SHA256_SIZE])
{
	(void)SHA256((const unsigned char *)data.p, data.n, digest);
}

void sn_hmac_sha256(struct sn_str key, struct sn_str data, uint8_t mac[SN_SHA256_SIZE])
{
	unsigned size = 0;
	const void *done = HMAC(
		EVP_sha256(), key.p, (int)key.n, (const unsigned char *)data.p, data.n, mac, &size);

	sn_assert(done != NULL && size == SN_SHA256_SIZE);
}
