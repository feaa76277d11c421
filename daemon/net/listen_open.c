/* Opening listening sockets: the part of a plan that the supervisor carries out. */
#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <netinet/tcp.h>
#include <sys/stat.h>
#include <unistd.h>

#include "daemon/base/mem.h"
#include "daemon/net/listen_unix.h"
#include "daemon/net/plan.h"

static int explain(const struct sn_addr *addr, int err, struct sn_diag *diag)
{
	char text[SN_ADDR_TEXT_SIZE];
	struct sn_strbuf name;

	sn_strbuf_fixed(&name, text, sizeof(text));
	sn_addr_format(addr, &name);
	switch (err) {
	case EADDRINUSE:
		return sn_diag_set(diag, -err, 0,
			"address %s is in use by another program: stop it or choose another port",
			text);
	case EACCES:
	case EPERM:
		return sn_diag_set(diag, -err, 0,
			"permission denied to bind port %u: ports below 1024 need root or "
			"CAP_NET_BIND_SERVICE",
			sn_addr_port(addr));
	case EADDRNOTAVAIL:
		sn_strbuf_reset(&name);
		sn_addr_format_host(addr, &name);
		return sn_diag_set(diag, -err, 0,
			"%s is not an address of this machine: choose one of its own, or leave the "
			"interface out to listen on all",
			text);
	case EAFNOSUPPORT:
		return sn_diag_set(diag, -err, 0,
			"cannot listen on %s: this machine has no IPv6; use an IPv4 address", text);
	default:
		return sn_diag_set(
			diag, -err, 0, "cannot listen on %s: %s", text, sn_strerror(-err));
	}
}

/* --- internet sockets ------------------------------------------------------------------------- */

static int set_option(int fd, int level, int option, int value)
{
	return setsockopt(fd, level, option, &value, sizeof(value)) == 0 ? 0 : errno;
}

static int set_inet_options(int fd, const struct sn_listen_plan *plan, int family)
{
	int err = set_option(fd, SOL_SOCKET, SO_REUSEADDR, plan->socktype == SOCK_STREAM);

	if (err == 0 && family == AF_INET6)
		err = set_option(fd, IPPROTO_IPV6, IPV6_V6ONLY, plan->v6_only);
	return err;
}

/* Backlog 0: the kernel cuts what is more than net.core.somaxconn. */
static int bind_and_listen(int fd, const struct sn_listen_plan *plan, const struct sn_addr *addr)
{
	if (bind(fd, &addr->sa, addr->len) < 0)
		return errno;
	if (plan->socktype != SOCK_STREAM)
		return 0;
	return listen(fd, plan->backlog > 0 ? plan->backlog : INT_MAX) == 0 ? 0 : errno;
}

/* 0 and the descriptor, or errno. */
static int open_inet(const struct sn_listen_plan *plan, const struct sn_addr *addr, int *fd_r)
{
	int family = addr->sa.sa_family, err;
	int fd = socket(family, plan->socktype | SOCK_CLOEXEC | SOCK_NONBLOCK, 0);

	if (fd < 0)
		return errno;
	err = set_inet_options(fd, plan, family);
	if (err == 0)
		err = bind_and_listen(fd, plan, addr);
	if (err != 0)
		close(fd);
	else
		*fd_r = fd;
	return err;
}

static bool serves_both_families(const struct sn_listen_plan *plan)
{
	return plan->addr.sa.sa_family == AF_INET6 && !plan->v6_only &&
		IN6_IS_ADDR_UNSPECIFIED(&plan->addr.in6.sin6_addr);
}

static int open_addr(
	const struct sn_listen_plan *plan, struct sn_listen_socket *sock, struct sn_diag *diag)
{
	struct sn_addr addr = plan->addr;
	int err = open_inet(plan, &addr, &sock->fd);

	/* A machine without IPv6 still has the other half of "all addresses". */
	if ((err == EAFNOSUPPORT || err == EADDRNOTAVAIL) && serves_both_families(plan)) {
		sn_addr_any4(sn_addr_port(&plan->addr), &addr);
		err = open_inet(plan, &addr, &sock->fd);
	}
	return err == 0 ? SN_OK : explain(&addr, err, diag);
}

/* --- inherited descriptors -------------------------------------------------------------------- */

static int prepare_fd(int fd)
{
	int flags = fcntl(fd, F_GETFL);

	if (flags < 0 || fcntl(fd, F_SETFL, flags | O_NONBLOCK) < 0 ||
		fcntl(fd, F_SETFD, FD_CLOEXEC) < 0)
		return -errno;
	return SN_OK;
}

static int take_inherited(
	const struct sn_listen_plan *plan, struct sn_listen_socket *sock, struct sn_diag *diag)
{
	int listening = 0;
	socklen_t len = sizeof(listening);

	if (getsockopt(plan->fd, SOL_SOCKET, SO_ACCEPTCONN, &listening, &len) < 0)
		return sn_diag_set(diag, -errno, 0,
			"descriptor %d is not a socket that this process inherited", plan->fd);
	if (plan->socktype == SOCK_STREAM && !listening)
		return sn_diag_set(diag, -EINVAL, 0,
			"descriptor %d is a socket, but nothing listens on it", plan->fd);
	if (prepare_fd(plan->fd) != SN_OK)
		return sn_diag_set(
			diag, -errno, 0, "descriptor %d: %s", plan->fd, sn_strerror(-errno));
	sock->fd = plan->fd;
	return SN_OK;
}

/* Files and devices such as /dev/null are always ready, and epoll refuses them. */
static bool can_be_waited_for(int fd)
{
	struct stat st;

	if (fstat(fd, &st) != 0)
		return false;
	return S_ISFIFO(st.st_mode) || S_ISSOCK(st.st_mode) || isatty(fd);
}

static int take_pair(
	const struct sn_listen_plan *plan, struct sn_listen_socket *sock, struct sn_diag *diag)
{
	if (fcntl(plan->fd, F_GETFD) < 0 || fcntl(plan->wfd, F_GETFD) < 0)
		return sn_diag_set(diag, -EBADF, 0, "standard input or output is closed");
	if (!can_be_waited_for(plan->fd))
		return sn_diag_set(diag, -EINVAL, 0,
			"standard input is a file or a device that cannot be waited for: stdio: "
			"needs a pipe, a socket or a terminal");
	sock->fd = plan->fd;
	sock->wfd = plan->wfd;
	return SN_OK;
}

/* --- all kinds -------------------------------------------------------------------------------- */

static void note_local(struct sn_listen_socket *sock)
{
	struct sockaddr_storage ss;
	socklen_t len = sizeof(ss);

	if (getsockname(sock->fd, (struct sockaddr *)&ss, &len) < 0 ||
		sn_addr_from_sockaddr((struct sockaddr *)&ss, len, &sock->local) != SN_OK)
		sock->local.len = 0;
}

static int open_kind(
	const struct sn_listen_plan *plan, struct sn_listen_socket *sock, struct sn_diag *diag)
{
	switch (plan->kind) {
	case SN_LISTEN_FD:
		return take_inherited(plan, sock, diag);
	case SN_LISTEN_PAIR:
		return take_pair(plan, sock, diag);
	default:
		return plan->addr.sa.sa_family == AF_UNIX ? sn_listen_unix_open(plan, sock, diag)
							  : open_addr(plan, sock, diag);
	}
}

int sn_listen_open(
	const struct sn_listen_plan *plan, struct sn_listen_socket *sock_r, struct sn_diag *diag)
{
	int rc;

	*sock_r = (struct sn_listen_socket){ .fd = -1, .wfd = -1, .lock_fd = -1 };
	rc = open_kind(plan, sock_r, diag);
	if (rc != SN_OK)
		return rc;
	if (plan->kind == SN_LISTEN_PAIR)
		return SN_OK;
	note_local(sock_r);
	/* Accepted sockets inherit it: one system call for all of them. */
	if (plan->socktype == SOCK_STREAM && sock_r->local.sa.sa_family != AF_UNIX)
		(void)set_option(sock_r->fd, IPPROTO_TCP, TCP_NODELAY, 1);
	return SN_OK;
}

int sn_listen_adjust(const struct sn_listen_plan *plan, const struct sn_listen_socket *sock,
	struct sn_diag *diag)
{
	if (plan->kind != SN_LISTEN_ADDR)
		return SN_OK;
	if (plan->socktype == SOCK_STREAM &&
		listen(sock->fd, plan->backlog > 0 ? plan->backlog : INT_MAX) < 0)
		return sn_diag_set(
			diag, -errno, 0, "cannot set the backlog: %s", sn_strerror(-errno));
	return plan->addr.sa.sa_family == AF_UNIX ? sn_listen_unix_adjust(plan, diag) : SN_OK;
}

void sn_listen_close(struct sn_listen_socket *sock)
{
	sn_listen_unix_close(sock);
	if (sock->fd >= 0)
		close(sock->fd);
	if (sock->wfd >= 0)
		close(sock->wfd);
	sock->fd = sock->wfd = -1;
}
