#include "config/conf_secret.h"

#include "daemon/base/assert.h"
#include "daemon/base/mem.h"

struct wiped {
	struct sn_pool_cleanup cleanup;
	size_t n;
	char bytes[];
};

static void wipe(struct sn_pool_cleanup *cleanup)
{
	struct wiped *w = sn_container_of(cleanup, struct wiped, cleanup);

	sn_wipe(w->bytes, w->n);
}

char *sn_conf_secret_alloc(struct sn_pool *pool, size_t n)
{
	struct wiped *w = sn_pool_alloc(pool, sizeof(*w) + n);

	w->cleanup.fn = wipe;
	w->n = n;
	sn_pool_on_free(pool, &w->cleanup);
	return w->bytes;
}

struct sn_str sn_conf_keep(struct sn_pool *pool, struct sn_str s)
{
	char *copy = sn_conf_secret_alloc(pool, s.n + 1);

	if (s.n > 0)
		memcpy(copy, s.p, s.n);
	copy[s.n] = '\0';
	return sn_str_n(copy, s.n);
}
