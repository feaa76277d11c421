/* Reading configuration files and those they name. Private to config/. */
#ifndef SN_CONFIG_CONF_FILE_H
#define SN_CONFIG_CONF_FILE_H

#include <sys/types.h>

#include "daemon/base/pool.h"

struct sn_conf_file {
	struct sn_str text; /* wiped when the pool is freed */
	dev_t device;       /* device and inode: which file it is, whatever its name */
	ino_t inode;
};

/* All of a file (or pipe) of at most max bytes: -errno, SN_ELIMIT. Blocks. */
int sn_conf_file_read(struct sn_pool *pool, const char *path, size_t max,
	struct sn_conf_file *file_r) SN_WARN_UNUSED;
/* path as seen from the folder of the file that names it; absolute and empty ones as they are. */
struct sn_str sn_conf_path_beside(
	struct sn_pool *pool, struct sn_str naming_file, struct sn_str path);

#endif
