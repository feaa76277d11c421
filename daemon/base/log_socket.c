#include "daemon/base/log_socket.h"

#include <errno.h>
#include <fcntl.h>
#include <sys/mman.h>
#include <sys/socket.h>
#include <sys/un.h>
#include <unistd.h>

#include "daemon/base/mem.h"

void sn_log_socket_init(struct sn_log_socket *s, const char *path)
{
	*s = (struct sn_log_socket){ .fd = -1, .path = sn_strdup(path) };
}

static void disconnect(struct sn_log_socket *s)
{
	if (s->fd >= 0)
		close(s->fd);
	s->fd = -1;
}

void sn_log_socket_fini(struct sn_log_socket *s)
{
	disconnect(s);
	sn_free(s->path);
	s->path = NULL;
}

static int connect_to(struct sn_log_socket *s)
{
	struct sockaddr_un addr = { .sun_family = AF_UNIX };
	const size_t n = strlen(s->path);
	if (n >= sizeof(addr.sun_path))
		return -ENAMETOOLONG;
	memcpy(addr.sun_path, s->path, n + 1);
	s->fd = socket(AF_UNIX, SOCK_DGRAM | SOCK_CLOEXEC, 0);
	if (s->fd < 0)
		return -errno;
	if (connect(s->fd, (const struct sockaddr *)&addr, sizeof(addr)) == 0)
		return SN_OK;
	const int err = -errno;
	disconnect(s);
	return err;
}

static int send_bytes(int fd, struct sn_str message)
{
	ssize_t n;
	do
		n = send(fd, message.p, message.n, MSG_DONTWAIT | MSG_NOSIGNAL);
	while (n < 0 && errno == EINTR);
	return n < 0 ? -errno : SN_OK;
}

static int send_descriptor(int fd, int passed)
{
	union {
		char mem[CMSG_SPACE(sizeof(int))];
		struct cmsghdr align;
	} control = { .mem = { 0 } };
	struct msghdr message = { .msg_control = control.mem, .msg_controllen = sizeof(control) };
	struct cmsghdr *c = CMSG_FIRSTHDR(&message);
	c->cmsg_level = SOL_SOCKET;
	c->cmsg_type = SCM_RIGHTS;
	c->cmsg_len = CMSG_LEN(sizeof(passed));
	memcpy(CMSG_DATA(c), &passed, sizeof(passed));
	return sendmsg(fd, &message, MSG_DONTWAIT | MSG_NOSIGNAL) < 0 ? -errno : SN_OK;
}

static int fill_and_seal(int fd, struct sn_str message)
{
	while (message.n > 0) {
		const ssize_t n = write(fd, message.p, message.n);
		if (n < 0 && errno != EINTR)
			return -errno;
		if (n > 0)
			message = sn_str_from(message, (size_t)n);
	}
	return fcntl(fd, F_ADD_SEALS, F_SEAL_SHRINK | F_SEAL_GROW | F_SEAL_WRITE | F_SEAL_SEAL) < 0
		? -errno
		: SN_OK;
}

static int send_as_memfd(int fd, struct sn_str message)
{
	const int file = memfd_create("sennit-log", MFD_CLOEXEC | MFD_ALLOW_SEALING);
	if (file < 0)
		return -errno;
	int err = fill_and_seal(file, message);
	if (err == SN_OK)
		err = send_descriptor(fd, file);
	close(file);
	return err;
}

static int try_send(struct sn_log_socket *s, struct sn_str message)
{
	const int err = s->fd < 0 ? connect_to(s) : SN_OK;
	if (err < 0)
		return err;
	const int sent = send_bytes(s->fd, message);
	return sent == -EMSGSIZE ? send_as_memfd(s->fd, message) : sent;
}

int sn_log_socket_send(struct sn_log_socket *s, struct sn_str message)
{
	const bool connected = s->fd >= 0;
	int err = try_send(s, message);
	if (err == SN_OK || err == -EAGAIN)
		return err;
	/* Whoever listened may have gone, and another one come under the same name. */
	disconnect(s);
	if (connected)
		err = try_send(s, message);
	if (err < 0 && err != -EAGAIN)
		disconnect(s);
	return err;
}
