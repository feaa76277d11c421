#include "daemon/net/listen_unix.h"

#include <errno.h>
#include <fcntl.h>
#include <grp.h>
#include <limits.h>
#include <pwd.h>
#include <sys/file.h>
#include <sys/stat.h>
#include <unistd.h>

#include "daemon/base/mem.h"

static bool is_abstract(const struct sn_addr *addr)
{
	return addr->un.sun_path[0] == '\0';
}

/* --- the lock --------------------------------------------------------------------------------- */

/* Whether the locked file still is the one of that name: its last holder may have removed it. */
static bool is_current(int fd, const char *name)
{
	struct stat mine, there;

	return fstat(fd, &mine) == 0 && lstat(name, &there) == 0 && mine.st_ino == there.st_ino &&
		mine.st_dev == there.st_dev;
}

/* The descriptor, or -errno; EWOULDBLOCK: somebody holds it. */
static int lock_file(const char *name)
{
	for (;;) {
		int fd = open(name, O_RDWR | O_CREAT | O_CLOEXEC | O_NOFOLLOW, 0600), err = 0;

		if (fd < 0)
			return -errno;
		if (flock(fd, LOCK_EX | LOCK_NB) < 0)
			err = errno;
		else if (is_current(fd, name))
			return fd;
		close(fd);
		if (err != 0)
			return -err;
	}
}

static int take_lock(const char *path, int *fd_r, struct sn_diag *diag)
{
	char *name = sn_asprintf("%s.lock", path);
	int fd = lock_file(name), rc = SN_OK;

	if (fd == -EWOULDBLOCK)
		rc = sn_diag_set(diag, -EADDRINUSE, 0,
			"socket %s is in use by another daemon, which holds %s", path, name);
	else if (fd < 0)
		rc = sn_diag_set(diag, fd, 0, "cannot lock %s: %s", name, sn_strerror(fd));
	else
		*fd_r = fd;
	sn_free(name);
	return rc;
}

static void drop_lock(const char *path, int *fd)
{
	char *name;

	if (*fd < 0)
		return;
	name = sn_asprintf("%s.lock", path);
	(void)unlink(name); /* still locked, so it is ours */
	close(*fd);
	*fd = -1;
	sn_free(name);
}

/* --- leftovers -------------------------------------------------------------------------------- */

/* Whether nothing listens behind this socket file any more. */
static bool is_stale(const struct sn_addr *addr)
{
	int fd = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0);
	bool stale;

	if (fd < 0)
		return false;
	stale = connect(fd, &addr->sa, addr->len) < 0 && errno == ECONNREFUSED;
	close(fd);
	return stale;
}

static int remove_leftover(const struct sn_addr *addr, struct sn_diag *diag)
{
	const char *path = addr->un.sun_path;
	struct stat st;

	if (lstat(path, &st) < 0)
		return errno == ENOENT
			? SN_OK
			: sn_diag_set(diag, -errno, 0, "%s: %s", path, sn_strerror(-errno));
	if (!S_ISSOCK(st.st_mode))
		return sn_diag_set(diag, -EADDRINUSE, 0,
			"%s exists and is not a socket: remove it or choose another path", path);
	if (!is_stale(addr))
		return sn_diag_set(diag, -EADDRINUSE, 0,
			"socket %s is in use by another program: stop it or choose another path",
			path);
	if (unlink(path) < 0 && errno != ENOENT)
		return sn_diag_set(diag, -errno, 0, "cannot remove the leftover socket %s: %s",
			path, sn_strerror(-errno));
	return SN_OK;
}

/* --- the file --------------------------------------------------------------------------------- */

static int find_owner(
	const struct sn_listen_plan *plan, uid_t *uid, gid_t *gid, struct sn_diag *diag)
{
	const struct passwd *user = plan->user != NULL ? getpwnam(plan->user) : NULL;
	const struct group *group = plan->group != NULL ? getgrnam(plan->group) : NULL;

	if (plan->user != NULL && user == NULL)
		return sn_diag_set(
			diag, SN_ENOTFOUND, 0, "unix: there is no user \"%s\"", plan->user);
	if (plan->group != NULL && group == NULL)
		return sn_diag_set(
			diag, SN_ENOTFOUND, 0, "unix: there is no group \"%s\"", plan->group);
	if (user != NULL)
		*uid = user->pw_uid;
	if (group != NULL)
		*gid = group->gr_gid;
	return SN_OK;
}

static int set_owner_and_mode(const struct sn_listen_plan *plan, struct sn_diag *diag)
{
	const char *path = plan->addr.un.sun_path;
	uid_t uid = (uid_t)-1;
	gid_t gid = (gid_t)-1;
	int rc = find_owner(plan, &uid, &gid, diag);

	if (rc != SN_OK)
		return rc;
	if ((plan->user != NULL || plan->group != NULL) && lchown(path, uid, gid) < 0)
		return sn_diag_set(diag, -errno, 0,
			"cannot change the owner of %s: %s; only root may give files away", path,
			sn_strerror(-errno));
	if (chmod(path, plan->mode) < 0)
		return sn_diag_set(diag, -errno, 0, "cannot set the mode of %s: %s", path,
			sn_strerror(-errno));
	return SN_OK;
}

static int bind_socket(int fd, const struct sn_listen_plan *plan, struct sn_diag *diag)
{
	struct sn_strbuf name;
	char text[SN_ADDR_TEXT_SIZE];

	/* The file is born with the socket's mode: nobody gets in before the owner is set. */
	(void)fchmod(fd, 0600);
	if (bind(fd, &plan->addr.sa, plan->addr.len) == 0)
		return SN_OK;
	sn_strbuf_fixed(&name, text, sizeof(text));
	sn_addr_format(&plan->addr, &name);
	if (errno == EADDRINUSE)
		return sn_diag_set(diag, -errno, 0,
			"%s is in use by another program: stop it or choose another name", text);
	return sn_diag_set(diag, -errno, 0, "cannot listen on %s: %s", text, sn_strerror(-errno));
}

static int start_listening(int fd, const struct sn_listen_plan *plan, struct sn_diag *diag)
{
	if (plan->socktype != SOCK_STREAM ||
		listen(fd, plan->backlog > 0 ? plan->backlog : INT_MAX) == 0)
		return SN_OK;
	return sn_diag_set(diag, -errno, 0, "cannot listen: %s", sn_strerror(-errno));
}

static int open_abstract(int fd, const struct sn_listen_plan *plan, struct sn_diag *diag)
{
	int rc = bind_socket(fd, plan, diag);

	return rc == SN_OK ? start_listening(fd, plan, diag) : rc;
}

static int open_file(int fd, const struct sn_listen_plan *plan, struct sn_diag *diag)
{
	int rc = remove_leftover(&plan->addr, diag);

	if (rc == SN_OK)
		rc = bind_socket(fd, plan, diag);
	if (rc != SN_OK)
		return rc;
	rc = set_owner_and_mode(plan, diag);
	if (rc == SN_OK)
		rc = start_listening(fd, plan, diag);
	if (rc != SN_OK)
		(void)unlink(plan->addr.un.sun_path);
	return rc;
}

static int open_locked(int fd, const struct sn_listen_plan *plan, struct sn_listen_socket *sock,
	struct sn_diag *diag)
{
	const char *path = plan->addr.un.sun_path;
	int lock_fd = -1, rc = SN_OK;

	if (plan->lock)
		rc = take_lock(path, &lock_fd, diag);
	if (rc == SN_OK)
		rc = open_file(fd, plan, diag);
	if (rc != SN_OK) {
		drop_lock(path, &lock_fd);
		return rc;
	}
	sock->lock_fd = lock_fd;
	sock->unlink_path = sn_strdup(path);
	return SN_OK;
}

int sn_listen_unix_open(
	const struct sn_listen_plan *plan, struct sn_listen_socket *sock, struct sn_diag *diag)
{
	int fd = socket(AF_UNIX, plan->socktype | SOCK_CLOEXEC | SOCK_NONBLOCK, 0), rc;

	if (fd < 0)
		return sn_diag_set(
			diag, -errno, 0, "cannot make a unix socket: %s", sn_strerror(-errno));
	rc = is_abstract(&plan->addr) ? open_abstract(fd, plan, diag)
				      : open_locked(fd, plan, sock, diag);
	if (rc != SN_OK)
		close(fd);
	else
		sock->fd = fd;
	return rc;
}

int sn_listen_unix_adjust(const struct sn_listen_plan *plan, struct sn_diag *diag)
{
	return is_abstract(&plan->addr) ? SN_OK : set_owner_and_mode(plan, diag);
}

void sn_listen_unix_close(struct sn_listen_socket *sock)
{
	if (sock->unlink_path == NULL)
		return;
	(void)unlink(sock->unlink_path);
	drop_lock(sock->unlink_path, &sock->lock_fd);
	sn_free(sock->unlink_path);
	sock->unlink_path = NULL;
}
