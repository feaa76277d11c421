#include "daemon/proc/runtime_dir.h"

#include <dirent.h>
#include <errno.h>
#include <stdlib.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <unistd.h>

#include "daemon/base/mem.h"
#include "daemon/net/addr.h"

#define SUFFIX ".sock"

void sn_runtime_dir_path(struct sn_str configured, struct sn_strbuf *path)
{
	const char *xdg = getenv("XDG_RUNTIME_DIR"), *manager = getenv("RUNTIME_DIRECTORY");

	if (configured.n > 0)
		sn_strbuf_add(path, configured);
	else if (manager != NULL && manager[0] == '/' && strchr(manager, ':') == NULL)
		sn_strbuf_adds(path, manager);
	else if (geteuid() == 0)
		sn_strbuf_adds(path, "/run/sennit");
	else if (xdg != NULL && xdg[0] == '/')
		sn_strbuf_addf(path, "%s/sennit", xdg);
	else
		sn_strbuf_addf(path, "/tmp/sennit-%u", (unsigned)geteuid());
}

/* Whoever may write in it could put a socket of his own there. */
static int check_owner(const char *path, uid_t owner, struct sn_diag *diag)
{
	struct stat st;

	if (lstat(path, &st) != 0)
		return sn_diag_set(diag, -errno, 0, "cannot look at runtime directory %s: %s", path,
			sn_strerror(-errno));
	if (!S_ISDIR(st.st_mode))
		return sn_diag_set(diag, -ENOTDIR, 0,
			"%s, where control sockets belong, is no directory: remove it or name "
			"another with [server] runtime",
			path);
	if ((st.st_uid != owner && st.st_uid != 0) || (st.st_mode & 0022) != 0)
		return sn_diag_set(diag, SN_EDENIED, 0,
			"runtime directory %s belongs to user %u with mode %o: it must be the "
			"daemon's (user %u) and writable by nobody else: remove it, or name another "
			"with [server] runtime",
			path, (unsigned)st.st_uid, (unsigned)(st.st_mode & 07777), (unsigned)owner);
	return SN_OK;
}

int sn_runtime_dir_make(const char *path, uid_t owner, gid_t group, struct sn_diag *diag)
{
	const bool ours = owner == (uid_t)-1;

	if (mkdir(path, 0700) != 0 && errno != EEXIST)
		return sn_diag_set(diag, -errno, 0,
			"cannot make runtime directory %s: %s; name another with [server] runtime",
			path, sn_strerror(-errno));
	/* A folder just made, or one that an earlier run as another user left. */
	if (!ours && lchown(path, owner, group) != 0)
		return sn_diag_set(diag, -errno, 0,
			"cannot give runtime directory %s to user %u: %s", path, (unsigned)owner,
			sn_strerror(-errno));
	return check_owner(path, ours ? geteuid() : owner, diag);
}

void sn_runtime_socket(struct sn_str dir, struct sn_str name, struct sn_strbuf *path)
{
	sn_strbuf_addf(path, "%.*s/%.*s" SUFFIX, SN_STR_ARG(dir), SN_STR_ARG(name));
}

static bool answers(const char *path)
{
	const int fd = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0);
	struct sn_addr addr;
	bool yes;

	if (fd < 0)
		return false;
	yes = sn_addr_unix(sn_str(path), &addr) == SN_OK && connect(fd, &addr.sa, addr.len) == 0;
	(void)close(fd);
	return yes;
}

static int compare(const void *a, const void *b)
{
	return strcmp(*(char *const *)a, *(char *const *)b);
}

static void add_name(struct sn_runtime_names *names, struct sn_str dir, struct sn_str file)
{
	struct sn_strbuf path;

	if (!sn_str_ends(file, SN_STR(SUFFIX)))
		return;
	file.n -= sizeof(SUFFIX) - 1;
	sn_strbuf_init(&path, 4096);
	sn_runtime_socket(dir, file, &path);
	if (answers(sn_strbuf_cstr(&path))) {
		names->names =
			sn_realloc_array(names->names, names->count + 1, sizeof(*names->names));
		names->names[names->count++] = sn_str_dup(file);
	}
	sn_strbuf_fini(&path);
}

void sn_runtime_list(const char *dir, struct sn_runtime_names *names_r)
{
	DIR *stream = opendir(dir);
	const struct dirent *entry;

	*names_r = (struct sn_runtime_names){ 0 };
	if (stream == NULL)
		return;
	while ((entry = readdir(stream)) != NULL)
		add_name(names_r, sn_str(dir), sn_str(entry->d_name));
	(void)closedir(stream);
	if (names_r->count > 1)
		qsort(names_r->names, names_r->count, sizeof(*names_r->names), compare);
}

void sn_runtime_free(struct sn_runtime_names *names)
{
	for (size_t i = 0; i < names->count; i++)
		sn_free(names->names[i]);
	sn_free(names->names);
	*names = (struct sn_runtime_names){ 0 };
}
