/*
 * Which passwords were right a moment ago: a client that reconnects costs an HMAC instead of the
 * thousands of a password hash. An entry is an HMAC-SHA-256 over account, password and the secret
 * stored for it, under a random key of this process: it says nothing to who reads the memory, and
 * a changed password, or one made invalid, is another entry. Private to daemon/auth.
 */
#ifndef SN_DAEMON_AUTH_LOGIN_CACHE_H
#define SN_DAEMON_AUTH_LOGIN_CACHE_H

#include "daemon/auth/digest.h"
#include "daemon/base/clock.h"

struct sn_login_cache;

/* The oldest goes when a new one does not fit, and every one after `lifetime` ns. */
struct sn_login_cache *sn_login_cache_new(
	const struct sn_clock *clock, size_t entries_max, int64_t lifetime);
void sn_login_cache_free(struct sn_login_cache **cache);

void sn_login_cache_key(const struct sn_login_cache *cache, struct sn_str account,
	struct sn_str password, struct sn_str stored, uint8_t key_r[SN_SHA256_SIZE]);
bool sn_login_cache_has(struct sn_login_cache *cache, const uint8_t key[SN_SHA256_SIZE]);
/* Already there: its life is not longer for it. */
void sn_login_cache_add(struct sn_login_cache *cache, const uint8_t key[SN_SHA256_SIZE]);

#endif
