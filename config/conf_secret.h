/*
 * Memory that is overwritten before it goes back. Any text of a configuration can be a secret, so
 * all of them are kept this way. Private to config/.
 */
#ifndef SN_CONFIG_CONF_SECRET_H
#define SN_CONFIG_CONF_SECRET_H

#include "daemon/base/pool.h"

/* n bytes of the pool that are wiped when the pool is freed. */
char *sn_conf_secret_alloc(struct sn_pool *pool, size_t n);
/* A NUL-terminated copy in such memory. */
struct sn_str sn_conf_keep(struct sn_pool *pool, struct sn_str s);

#endif
