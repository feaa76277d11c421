#include "daemon/auth/state_dir.h"

#include <errno.h>
#include <fcntl.h>
#include <grp.h>
#include <pwd.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/file.h>
#include <sys/stat.h>
#include <unistd.h>

#include "daemon/base/mem.h"
#include "daemon/base/text.h"

#define SYSTEM_DIR "/var/lib/sennit"

/* --- where ------------------------------------------------------------------------------------ */

/* Relative values are ignored (XDG Base Directory Specification). */
static const char *absolute_env(const char *name)
{
	const char *value = getenv(name);

	return value != NULL && value[0] == '/' ? value : NULL;
}

int sn_state_dir_find(struct sn_str given, struct sn_strbuf *path, struct sn_diag *diag)
{
	const char *base;

	if (given.n > 0)
		sn_strbuf_add(path, given);
	else if ((base = absolute_env("STATE_DIRECTORY")) != NULL)
		sn_strbuf_add(path, sn_str_sub(sn_str(base), 0, sn_str_find(sn_str(base), ':')));
	else if (geteuid() == 0)
		sn_strbuf_adds(path, SYSTEM_DIR);
	else if ((base = absolute_env("XDG_STATE_HOME")) != NULL)
		sn_strbuf_addf(path, "%s/sennit", base);
	else if ((base = absolute_env("HOME")) != NULL)
		sn_strbuf_addf(path, "%s/.local/state/sennit", base);
	else
		return sn_diag_set(diag, SN_EMISSING, 0,
			"no state directory: neither HOME nor XDG_STATE_HOME is set; choose one with "
			"--state DIR");
	if (path->err != SN_OK)
		return sn_diag_set(diag, path->err, 0, "the state directory's name is too long");
	return SN_OK;
}

/* --- make and check --------------------------------------------------------------------------- */

static bool is_default(const char *path)
{
	struct sn_strbuf expected;
	bool same;

	sn_strbuf_init(&expected, 4096);
	same = sn_state_dir_find(SN_STR_NULL, &expected, NULL) == SN_OK &&
		strcmp(sn_strbuf_cstr(&expected), path) == 0;
	sn_strbuf_fini(&expected);
	return same && geteuid() != 0;
}

/* The folders above a default one ("~/.local/state"); what cannot be made shows in the end. */
static void make_parents(const char *path)
{
	char *copy = sn_strdup(path);

	for (char *slash = strchr(copy + 1, '/'); slash != NULL; slash = strchr(slash + 1, '/')) {
		*slash = '\0';
		(void)mkdir(copy, 0700);
		*slash = '/';
	}
	sn_free(copy);
}

static int make(const char *path, struct sn_diag *diag)
{
	int code;

	if (is_default(path))
		make_parents(path);
	if (mkdir(path, 0700) == 0 || errno == EEXIST)
		return SN_OK;
	code = -errno;
	if (code == -ENOENT)
		return sn_diag_set(diag, code, 0,
			"cannot make the state directory %s: the folder above it does not exist; make "
			"it, or choose another with --state DIR",
			path);
	return sn_diag_set(diag, code, 0,
		"cannot make the state directory %s: %s; choose another with --state DIR", path,
		sn_strerror(code));
}

static const char *name_of_user(uid_t uid)
{
	const struct passwd *user = getpwuid(uid);

	return user != NULL ? user->pw_name : "a user without name";
}

static int check_owner(const char *path, const struct stat *st, struct sn_diag *diag)
{
	const uid_t me = geteuid();

	if (st->st_uid != me && me != 0)
		return sn_diag_set(diag, -EPERM, 0,
			"the state directory %s belongs to %s (uid %u), not to uid %u: run this as "
			"that user, or choose another with --state DIR",
			path, name_of_user(st->st_uid), (unsigned)st->st_uid, (unsigned)me);
	if (st->st_mode & (S_IWGRP | S_IWOTH))
		return sn_diag_set(diag, -EPERM, 0,
			"others may write in the state directory %s (mode %04o); it holds secrets: "
			"chmod 0700 %s",
			path, (unsigned)(st->st_mode & 07777), path);
	return SN_OK;
}

int sn_state_dir_make(const char *path, struct sn_diag *diag)
{
	struct stat st;
	int code = make(path, diag);

	if (code != SN_OK)
		return code;
	if (stat(path, &st) != 0)
		code = -errno;
	else if (!S_ISDIR(st.st_mode))
		code = -ENOTDIR;
	else
		code = check_owner(path, &st, diag);
	if (code == -EPERM)
		return code;
	if (code == SN_OK && faccessat(AT_FDCWD, path, R_OK | W_OK | X_OK, AT_EACCESS) != 0)
		code = -errno;
	if (code == SN_OK)
		return SN_OK;
	return sn_diag_set(diag, code, 0,
		"the state directory %s cannot be used: %s; make it writable for its owner, or choose "
		"another with --state DIR",
		path, sn_strerror(code));
}

int sn_state_dir_become_owner(const char *path, struct sn_diag *diag)
{
	struct stat st;

	if (stat(path, &st) != 0)
		return sn_diag_set(diag, -errno, 0, "cannot look at the state directory %s: %s",
			path, sn_strerror(-errno));
	if (geteuid() != 0 || st.st_uid == 0)
		return SN_OK;
	if (setgroups(0, NULL) == 0 && setresgid(st.st_gid, st.st_gid, st.st_gid) == 0 &&
		setresuid(st.st_uid, st.st_uid, st.st_uid) == 0)
		return SN_OK;
	return sn_diag_set(diag, -errno, 0, "cannot become the owner of %s (uid %u): %s", path,
		(unsigned)st.st_uid, sn_strerror(-errno));
}

/* --- lock ------------------------------------------------------------------------------------- */

/* The pid that its holder wrote; 0: not readable. */
static uint64_t read_pid(int fd)
{
	char text[32];
	const ssize_t n = pread(fd, text, sizeof(text), 0);
	uint64_t pid;

	if (n <= 0 ||
		sn_parse_u64(sn_str_trim(sn_str_n(text, (size_t)n)), INT32_MAX, &pid) != SN_OK)
		return 0;
	return pid;
}

static int locked_by_other(const char *path, int fd, struct sn_diag *diag)
{
	const uint64_t pid = read_pid(fd);
	char who[32] = "";

	if (pid != 0)
		(void)snprintf(who, sizeof(who), " (pid %llu)", (unsigned long long)pid);
	return sn_diag_set(diag, SN_ELOCKED, 0,
		"another daemon%s uses the state directory %s: stop it, or give this one its own with "
		"--state DIR",
		who, path);
}

static int write_pid(int fd)
{
	char text[32];
	const int n = snprintf(text, sizeof(text), "%d\n", (int)getpid());

	if (ftruncate(fd, 0) != 0 || pwrite(fd, text, (size_t)n, 0) != n)
		return -errno;
	return SN_OK;
}

int sn_state_dir_lock(const char *path, int *fd_r, struct sn_diag *diag)
{
	char *file = sn_asprintf("%s/lock", path);
	const int fd = open(file, O_RDWR | O_CREAT | O_CLOEXEC | O_NOFOLLOW, 0600);
	int code = fd < 0 ? -errno : SN_OK;

	if (code == SN_OK && flock(fd, LOCK_EX | LOCK_NB) != 0)
		code = errno == EWOULDBLOCK ? SN_ELOCKED : -errno;
	if (code == SN_OK)
		code = write_pid(fd);
	if (code == SN_ELOCKED)
		(void)locked_by_other(path, fd, diag);
	else if (code != SN_OK)
		sn_diag_set(diag, code, 0, "cannot lock %s: %s%s", file, sn_strerror(code),
			code == -ENOSPC ? ": free some space" : "");
	if (code == SN_OK)
		*fd_r = fd;
	else if (fd >= 0)
		(void)close(fd);
	sn_free(file);
	return code;
}

/* --- key -------------------------------------------------------------------------------------- */

static int read_key(const char *file, uint8_t key[SN_BOOT_KEY_SIZE])
{
	const int fd = open(file, O_RDONLY | O_CLOEXEC | O_NOFOLLOW);
	uint8_t bytes[SN_BOOT_KEY_SIZE + 1];
	ssize_t n;
	int code = SN_OK;

	if (fd < 0)
		return -errno;
	n = read(fd, bytes, sizeof(bytes));
	if (n < 0)
		code = -errno;
	else if (n != SN_BOOT_KEY_SIZE)
		code = SN_ECORRUPT;
	else
		memcpy(key, bytes, SN_BOOT_KEY_SIZE);
	(void)close(fd);
	sn_wipe(bytes, sizeof(bytes));
	return code;
}

/* Whole or not at all, and never over another's: two daemons may start at once. */
static int make_key(const char *file)
{
	char *fresh = sn_asprintf("%s.%d", file, (int)getpid());
	const int fd = open(fresh, O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC | O_NOFOLLOW, 0600);
	uint8_t key[SN_BOOT_KEY_SIZE];
	int code = fd < 0 ? -errno : SN_OK;

	sn_random(key, sizeof(key));
	if (code == SN_OK && (write(fd, key, sizeof(key)) != sizeof(key) || fsync(fd) != 0))
		code = -errno;
	if (code == SN_OK && link(fresh, file) != 0 && errno != EEXIST)
		code = -errno;
	if (fd >= 0) {
		(void)close(fd);
		(void)unlink(fresh);
	}
	sn_wipe(key, sizeof(key));
	sn_free(fresh);
	return code;
}

int sn_state_dir_boot_key(const char *path, uint8_t key[SN_BOOT_KEY_SIZE], struct sn_diag *diag)
{
	char *file = sn_asprintf("%s/boot.key", path);
	int code = read_key(file, key);

	if (code == -ENOENT)
		code = make_key(file);
	if (code == SN_OK)
		code = read_key(file, key);
	if (code == SN_ECORRUPT)
		sn_diag_set(diag, code, 0,
			"%s is no key of %d bytes; remove it and a new one is made", file,
			SN_BOOT_KEY_SIZE);
	else if (code != SN_OK)
		sn_diag_set(diag, code, 0, "cannot use %s: %s", file, sn_strerror(code));
	sn_free(file);
	return code;
}

void sn_state_dir_store_url(const char *path, struct sn_str store, struct sn_strbuf *url)
{
	if (store.n > 0)
		sn_strbuf_add(url, store);
	else if (path != NULL)
		sn_strbuf_addf(url, "sqlite:%s/sennit.db", path);
	else
		sn_strbuf_adds(url, "sqlite::memory:");
}
