#include "daemon/proc/broker_open.h"

#include <errno.h>
#include <fcntl.h>
#include <grp.h>
#include <limits.h>
#include <stdlib.h>
#include <sys/stat.h>
#include <unistd.h>

#include "daemon/base/log.h"
#include "daemon/base/mem.h"
#include "daemon/proc/ipc.h"

static const struct sn_log_ctx log_ctx = SN_LOG_CTX("proc.broker");

/* --- the path ----------------------------------------------------------------------------------
 */

static int add_token(char letter, const struct passwd *pw, struct sn_strbuf *out)
{
	switch (letter) {
	case 'h':
		sn_strbuf_adds(out, pw->pw_dir);
		return SN_OK;
	case 'u':
		sn_strbuf_adds(out, pw->pw_name);
		return SN_OK;
	case 'U':
		sn_strbuf_addu(out, pw->pw_uid);
		return SN_OK;
	case '%':
		sn_strbuf_addc(out, '%');
		return SN_OK;
	default:
		return SN_ESYNTAX;
	}
}

int sn_broker_expand_path(struct sn_str pattern, const struct passwd *pw, struct sn_strbuf *out)
{
	const size_t begin = out->n;
	char *text;

	for (size_t i = 0; i < pattern.n; i++) {
		if (pattern.p[i] == '\0')
			return SN_ESYNTAX;
		if (pattern.p[i] != '%') {
			sn_strbuf_addc(out, pattern.p[i]);
			continue;
		}
		if (++i == pattern.n || add_token(pattern.p[i], pw, out) != SN_OK)
			return SN_ESYNTAX;
	}
	if (out->err != SN_OK || out->n == begin)
		return out->err != SN_OK ? out->err : SN_EMISSING;
	if (out->p[begin] == '/')
		return SN_OK;
	text = sn_str_dup(sn_str_from(sn_strbuf_str(out), begin));
	sn_strbuf_truncate(out, begin);
	sn_strbuf_addf(out, "%s/%s", pw->pw_dir, text);
	sn_free(text);
	return out->err;
}

/* --- StrictModes -------------------------------------------------------------------------------
 */

static int refuse(const char *path, const struct passwd *pw, const char *why)
{
	sn_log(&log_ctx, SN_LOG_WARN, "file-refused", sn_f_cstr("path", path),
		sn_f_cstr("user", pw->pw_name), sn_f_cstr("reason", why));
	return SN_EDENIED;
}

static int check_owner(const struct stat *st, const char *path, const struct passwd *pw)
{
	if (st->st_uid != 0 && st->st_uid != pw->pw_uid)
		return refuse(path, pw, "it belongs to another user");
	if ((st->st_mode & 022) != 0)
		return refuse(path, pw, "others may write to it: chmod go-w it");
	return SN_OK;
}

/* path is absolute, without links, and changed: folder after folder is cut off. */
static int check_folders(char *path, const char *home, const struct passwd *pw)
{
	for (;;) {
		char *slash = strrchr(path, '/');
		struct stat st;
		int code;

		if (slash == path)
			path[1] = '\0';
		else
			*slash = '\0';
		if (stat(path, &st) != 0)
			return -errno;
		code = check_owner(&st, path, pw);
		if (code != SN_OK || strcmp(path, home) == 0 || path[1] == '\0')
			return code;
	}
}

static int check_path(const char *path, const struct passwd *pw)
{
	char *real = realpath(path, NULL), *home = realpath(pw->pw_dir, NULL);
	const int code = real == NULL ? -errno : check_folders(real, home != NULL ? home : "/", pw);

	sn_free(real);
	sn_free(home);
	return code;
}

/* --- the content -------------------------------------------------------------------------------
 */

static int copy_content(int fd, int *fd_r)
{
	struct sn_strbuf text;
	char block[4096];
	ssize_t n;
	int code;

	sn_strbuf_init(&text, SN_BROKER_FILE_MAX);
	while ((n = read(fd, block, sizeof(block))) > 0)
		sn_strbuf_add(&text, sn_str_n(block, (size_t)n));
	code = n < 0 ? -errno : text.err;
	if (code == SN_OK)
		code = sn_ipc_memfd("file", sn_strbuf_str(&text), fd_r);
	if (code == SN_OK && lseek(*fd_r, 0, SEEK_SET) != 0)
		code = -errno;
	sn_strbuf_fini(&text);
	return code;
}

static int check_and_copy(int fd, const char *path, const struct passwd *pw, int *fd_r)
{
	struct stat st;
	int code;

	if (fstat(fd, &st) != 0)
		return -errno;
	if (!S_ISREG(st.st_mode))
		return refuse(path, pw, "it is not a plain file");
	code = check_owner(&st, path, pw);
	if (code == SN_OK)
		code = check_path(path, pw);
	return code == SN_OK ? copy_content(fd, fd_r) : code;
}

static int become(const struct passwd *pw)
{
	if (geteuid() != 0)
		return geteuid() == pw->pw_uid ? SN_OK : SN_EDENIED;
	if (initgroups(pw->pw_name, pw->pw_gid) != 0 ||
		setresgid(pw->pw_gid, pw->pw_gid, pw->pw_gid) != 0 ||
		setresuid(pw->pw_uid, pw->pw_uid, pw->pw_uid) != 0)
		return -errno;
	return SN_OK;
}

int sn_broker_open_file(const struct passwd *pw, const char *path, int *fd_r)
{
	int code = become(pw), fd;

	if (code != SN_OK)
		return code;
	/* A pipe or a terminal in its place must neither block nor become ours. */
	fd = open(path, O_RDONLY | O_CLOEXEC | O_NONBLOCK | O_NOCTTY);
	if (fd < 0)
		return errno == ENOENT || errno == ENOTDIR  ? SN_ENOTFOUND
			: errno == EACCES || errno == EPERM ? SN_EDENIED
							    : -errno;
	code = check_and_copy(fd, path, pw, fd_r);
	(void)close(fd);
	return code;
}
