/* Role @pam: one question of the broker's, answered on descriptor 3, in a process that may be
 * killed at any time. */
#include <errno.h>
#include <fcntl.h>
#include <pwd.h>
#include <signal.h>
#include <stdio.h>
#include <sys/socket.h>
#include <unistd.h>

#include "daemon/base/mem.h"
#include "daemon/proc/broker_open.h"
#include "daemon/proc/pam.h"
#include "daemon/proc/privs.h"
#include "daemon/proc/spawn.h"

#define EXIT_NOT_FOR_PEOPLE 64

/* --- told to end -------------------------------------------------------------------------------
 */

/*
 * A module may wait for a program of its own (pam_exec), which would go on without us: our children
 * go first. In a handler, for a module that hangs does not return.
 */
static void on_terminate(int signo)
{
	char text[256];
	const int fd = open("/proc/thread-self/children", O_RDONLY | O_CLOEXEC);
	const ssize_t n = fd >= 0 ? read(fd, text, sizeof(text)) : 0;
	pid_t pid = 0;

	(void)signo;
	for (ssize_t i = 0; i < n; i++) {
		if (sn_ascii_digit(text[i])) {
			pid = pid * 10 + (text[i] - '0');
			continue;
		}
		if (pid > 0)
			(void)kill(pid, SIGKILL);
		pid = 0;
	}
	_exit(1);
}

/* --- questions ---------------------------------------------------------------------------------
 */

static int answer(int code, const struct sn_writer *value, int fd)
{
	char mem[8192];
	struct sn_writer w = sn_writer(mem, sizeof(mem));

	sn_write_u32(&w, (uint32_t)code);
	if (code == SN_OK && value != NULL)
		sn_write_bytes(&w, sn_writer_str(value));
	return sn_packet_send(SN_IPC_FD, sn_writer_str(&w), &fd, fd >= 0 ? 1 : 0) == SN_OK ? 0 : 1;
}

static int verify(struct sn_reader *r)
{
	struct sn_ask_verify ask;
	const int code = sn_ask_verify_read(r, &ask);

	return answer(code == SN_OK ? sn_pam_verify(&ask) : code, NULL, -1);
}

/* NULL: no such user, or the name service failed; *code_r says which. */
static const struct passwd *find_user(struct sn_str name, uid_t uid, int *code_r)
{
	char *text = sn_str_dup(name);
	const struct passwd *pw;

	errno = 0;
	pw = name.n > 0 ? getpwnam(text) : getpwuid(uid);
	*code_r = pw != NULL                                         ? SN_OK
		: errno == 0 || errno == ENOENT                      ? SN_ENOTFOUND
		: errno == EIO || errno == ENOMEM || errno == EMFILE ? SN_EUNAVAILABLE
								     : SN_ENOTFOUND;
	sn_free(text);
	return pw;
}

static int look_up(struct sn_reader *r)
{
	char mem[7168];
	struct sn_writer w = sn_writer(mem, sizeof(mem));
	struct sn_ask_lookup ask;
	const struct passwd *pw = NULL;
	int code = sn_ask_lookup_read(r, &ask);

	if (code == SN_OK)
		pw = find_user(ask.name, ask.uid, &code);
	if (pw != NULL) {
		sn_write_u32(&w, (uint32_t)pw->pw_uid);
		sn_write_u32(&w, (uint32_t)pw->pw_gid);
		sn_write_str16(&w, sn_str(pw->pw_name));
		sn_write_str16(&w, sn_str(pw->pw_dir));
		sn_write_str16(&w, sn_str(pw->pw_shell));
		code = w.err;
	}
	return answer(code, &w, -1);
}

static int open_file(struct sn_reader *r)
{
	char path[4096];
	struct sn_strbuf text;
	struct sn_ask_open ask;
	const struct passwd *pw = NULL;
	int code = sn_ask_open_read(r, &ask), fd = -1;

	sn_strbuf_fixed(&text, path, sizeof(path));
	if (code == SN_OK && ask.user.n == 0)
		code = SN_ENOTFOUND;
	if (code == SN_OK)
		pw = find_user(ask.user, 0, &code);
	if (code == SN_OK)
		code = sn_broker_expand_path(ask.path, pw, &text);
	if (code == SN_OK)
		code = sn_broker_open_file(pw, path, &fd);
	return answer(code, NULL, fd);
}

/* Its end is the channel's: the program gets time. */
static int spawn(struct sn_reader *r, struct sn_str own_user)
{
	struct sn_pool *pool = sn_pool_new(0);
	struct sn_ask_spawn ask;
	int code = sn_ask_spawn_read(r, pool, &ask);

	(void)signal(SIGTERM, SIG_IGN);
	code = code == SN_OK ? sn_spawn_run(SN_IPC_FD, &ask, own_user) : answer(code, NULL, -1);
	sn_pool_free(&pool);
	return code;
}

static int serve(struct sn_str packet)
{
	struct sn_reader r = sn_reader(packet);
	const unsigned verb = sn_read_u16(&r);
	const struct sn_str own_user = sn_read_str16(&r);

	switch (verb) {
	case SN_IPC_VERIFY:
		return verify(&r);
	case SN_IPC_LOOKUP:
		return look_up(&r);
	case SN_IPC_OPEN:
		return open_file(&r);
	case SN_IPC_SPAWN:
		return spawn(&r, own_user);
	default:
		return answer(SN_EPROTO, NULL, -1);
	}
}

static bool has_channel(void)
{
	int type = 0;
	socklen_t size = sizeof(type);

	return getsockopt(SN_IPC_FD, SOL_SOCKET, SO_TYPE, &type, &size) == 0 &&
		type == SOCK_SEQPACKET;
}

int sn_pam_main(int argc, char **argv)
{
	struct sn_packet packet;
	char *mem;
	int code;

	(void)argc;
	if (!has_channel()) {
		(void)fprintf(
			stderr, "sennit: %s is a part of sennit, and not for people\n", argv[1]);
		return EXIT_NOT_FOR_PEOPLE;
	}
	if (sn_privs_hide() != SN_OK)
		return 1;
	(void)signal(SIGTERM, on_terminate);
	mem = sn_alloc(SN_PACKET_MAX);
	code = sn_packet_receive(SN_IPC_FD, mem, &packet);
	if (code == SN_OK) {
		sn_packet_close_fds(&packet);
		code = serve(sn_str_n(mem, packet.size));
	}
	sn_wipe(mem, SN_PACKET_MAX);
	sn_free(mem);
	/* We may be somebody else by now: what others have registered for exit(3) does not run. */
	_exit(code == SN_OK ? 0 : 1);
}
