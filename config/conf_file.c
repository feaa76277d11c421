#include "config/conf_file.h"

#include <errno.h>
#include <fcntl.h>
#include <sys/stat.h>
#include <unistd.h>

#include "config/conf_secret.h"
#include "daemon/base/mem.h"

#define FIRST_READ 4096

/* A growing buffer that leaves no copy behind, which realloc would. */
struct slurp {
	char *p;
	size_t n, cap;
};

static void grow(struct slurp *s, size_t cap)
{
	char *bigger = sn_alloc(cap);

	if (s->n > 0)
		memcpy(bigger, s->p, s->n);
	if (s->p != NULL)
		sn_wipe(s->p, s->cap);
	sn_free(s->p);
	s->p = bigger;
	s->cap = cap;
}

/* One byte more than max may be read, to tell a file of that size from a longer one. */
static int slurp_all(struct slurp *s, int fd, size_t max)
{
	for (;;) {
		ssize_t got;

		if (s->n == s->cap)
			grow(s, s->cap * 2 < max + 1 ? s->cap * 2 : max + 1);
		got = read(fd, s->p + s->n, s->cap - s->n);
		if (got < 0 && errno == EINTR)
			continue;
		if (got < 0)
			return -errno;
		if (got == 0)
			return SN_OK;
		s->n += (size_t)got;
		if (s->n > max)
			return SN_ELIMIT;
	}
}

int sn_conf_file_read(
	struct sn_pool *pool, const char *path, size_t max, struct sn_conf_file *file_r)
{
	struct slurp s = { 0 };
	struct stat st;
	int fd = open(path, O_RDONLY | O_CLOEXEC), err;

	if (fd < 0)
		return -errno;
	err = fstat(fd, &st) < 0 ? -errno : SN_OK;
	if (err == SN_OK) {
		grow(&s, max < FIRST_READ ? max + 1 : FIRST_READ);
		err = slurp_all(&s, fd, max);
	}
	if (err == SN_OK)
		*file_r = (struct sn_conf_file){ .text = sn_conf_keep(pool, sn_str_n(s.p, s.n)),
			.device = st.st_dev,
			.inode = st.st_ino };
	if (s.p != NULL)
		sn_wipe(s.p, s.cap);
	sn_free(s.p);
	(void)close(fd);
	return err;
}

struct sn_str sn_conf_path_beside(
	struct sn_pool *pool, struct sn_str naming_file, struct sn_str path)
{
	size_t dir = naming_file.n;

	while (dir > 0 && naming_file.p[dir - 1] != '/')
		dir--;
	if (dir == 0 || path.n == 0 || path.p[0] == '/')
		return sn_pool_str(pool, path);
	return sn_str(sn_pool_printf(pool, "%.*s%.*s", (int)dir, naming_file.p, SN_STR_ARG(path)));
}
