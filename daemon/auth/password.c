#include <crypt.h>

#include "daemon/auth/checkers.h"
#include "daemon/base/mem.h"

bool sn_password_is_hash(struct sn_str stored)
{
	const size_t second = sn_str_find(sn_str_from(stored, 1), '$');

	return stored.n > 3 && stored.p[0] == '$' && second > 0 && 1 + second < stored.n - 1;
}

static bool matches_hash(struct sn_str password, struct sn_str stored)
{
	struct crypt_data *data = sn_alloc_zero(sizeof(*data));
	char *key = sn_str_dup(password);
	char *setting = sn_str_dup(stored);
	const char *result = crypt_rn(key, setting, data, (int)sizeof(*data));
	const bool same = result != NULL && strlen(result) == stored.n &&
		sn_equal_const_time(result, stored.p, stored.n);

	sn_wipe(key, password.n);
	sn_wipe(setting, stored.n);
	sn_wipe(data, sizeof(*data));
	sn_free(key);
	sn_free(setting);
	sn_free(data);
	return same;
}

bool sn_password_matches(struct sn_str password, struct sn_str stored)
{
	struct sn_scram_record record;

	if (memchr(password.n ? password.p : "", '\0', password.n) != NULL)
		return false;
	if (sn_scram_is_record(stored))
		return sn_scram_parse(stored, &record) == SN_OK &&
			sn_scram_verify(&record, password);
	if (sn_password_is_hash(stored))
		return matches_hash(password, stored);
	return password.n == stored.n && sn_equal_const_time(password.p, stored.p, stored.n);
}
