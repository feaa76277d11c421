/* SHA-256 of what is looked up by its digest (tokens, keys), and HMAC-SHA-256 under keys of our
 * own. Private to daemon/auth. */
#ifndef SN_DAEMON_AUTH_DIGEST_H
#define SN_DAEMON_AUTH_DIGEST_H

#include "daemon/base/str.h"

#define SN_SHA256_SIZE 32

void sn_sha256(struct sn_str data, uint8_t digest[SN_SHA256_SIZE]);
void sn_hmac_sha256(struct sn_str key, struct sn_str data, uint8_t mac[SN_SHA256_SIZE]);

#endif
