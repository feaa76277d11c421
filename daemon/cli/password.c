#include "daemon/cli/password.h"

#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <signal.h>
#include <termios.h>
#include <unistd.h>

#include "daemon/base/mem.h"
#include "daemon/cli/cli.h"

static const int signos[] = { SIGINT, SIGTERM, SIGHUP, SIGQUIT, SIGTSTP };
#define SIGNAL_COUNT (sizeof(signos) / sizeof(signos[0]))

/* A signal while the echo is off: first the terminal, then the signal. */
static volatile sig_atomic_t caught;

static void on_signal(int signo)
{
	caught = signo;
}

void sn_cli_password_fini(struct sn_strbuf *password)
{
	if (password->p != NULL)
		sn_wipe(password->p, password->cap);
	sn_strbuf_fini(password);
}

static int read_file(int fd, struct sn_strbuf *out)
{
	char byte = 0;
	ssize_t n;

	do {
		n = read(fd, &byte, 1);
		if (n == 1)
			sn_strbuf_addc(out, byte);
	} while ((n == 1 && out->err == SN_OK) || (n < 0 && errno == EINTR));
	return n < 0 ? -errno : out->err;
}

/* Signals are blocked but while it waits: none can come between a look and the sleep. */
static int read_line(int tty, const sigset_t *waiting, struct sn_strbuf *out)
{
	struct pollfd poll = { .fd = tty, .events = POLLIN };
	char byte = 0;

	while (out->err == SN_OK) {
		ssize_t n = ppoll(&poll, 1, NULL, waiting);

		if (caught != 0)
			return SN_ECANCELED;
		if (n > 0)
			n = read(tty, &byte, 1);
		else if (n < 0 && errno == EINTR)
			continue;
		if (n < 0)
			return -errno;
		if (n == 0)
			return SN_EEOF;
		if (byte == '\n')
			return SN_OK;
		sn_strbuf_addc(out, byte);
	}
	return out->err;
}

struct signals {
	struct sigaction actions[SIGNAL_COUNT];
	sigset_t mask; /* as it was */
};

static void take_signals(struct signals *old)
{
	const struct sigaction action = { .sa_handler = on_signal };
	sigset_t set;

	caught = 0;
	sigemptyset(&set);
	for (size_t i = 0; i < SIGNAL_COUNT; i++) {
		(void)sigaddset(&set, signos[i]);
		(void)sigaction(signos[i], &action, &old->actions[i]);
	}
	(void)sigprocmask(SIG_BLOCK, &set, &old->mask);
}

/* What came meanwhile does now what it would have done. */
static void give_signals_back(const struct signals *old)
{
	for (size_t i = 0; i < SIGNAL_COUNT; i++)
		(void)sigaction(signos[i], &old->actions[i], NULL);
	(void)sigprocmask(SIG_SETMASK, &old->mask, NULL);
	if (caught != 0)
		(void)raise(caught);
}

static int read_line_unseen(int tty, const char *prompt, struct sn_strbuf *out)
{
	struct termios shown, unseen;
	struct signals old;
	int code;

	if (tcgetattr(tty, &shown) != 0)
		return -errno;
	unseen = shown;
	unseen.c_lflag &= ~(tcflag_t)ECHO;
	take_signals(&old);
	(void)tcsetattr(tty, TCSAFLUSH, &unseen);
	code = write(tty, prompt, strlen(prompt)) < 0 ? -errno : read_line(tty, &old.mask, out);
	(void)tcsetattr(tty, TCSAFLUSH, &shown);
	if (write(tty, "\n", 1) < 0 && code == SN_OK)
		code = -errno;
	give_signals_back(&old);
	return code;
}

static int ask(const char *verb, const char *prompt, struct sn_strbuf *out)
{
	const int tty = open("/dev/tty", O_RDWR | O_CLOEXEC | O_NOCTTY);
	struct sn_strbuf again;
	int code, exit_code = EX_OK;

	if (tty < 0)
		return sn_cli_usage(verb,
			"there is no terminal to ask for a password; use --password-stdin or "
			"--password-file FILE");
	sn_strbuf_init(&again, out->max);
	code = read_line_unseen(tty, prompt, out);
	if (code == SN_OK)
		code = read_line_unseen(tty, "Once more: ", &again);
	if (code != SN_OK) {
		fprintf(stderr, "sennit: no password: %s\n", sn_strerror(code));
		exit_code = EX_NOINPUT;
	} else if (!sn_str_eq(sn_strbuf_str(out), sn_strbuf_str(&again))) {
		fputs("sennit: the two passwords differ; nothing was changed\n", stderr);
		exit_code = EX_DATAERR;
	}
	sn_cli_password_fini(&again);
	(void)close(tty);
	return exit_code;
}

static void cut_line_end(struct sn_strbuf *text)
{
	if (text->n > 0 && text->p[text->n - 1] == '\n')
		sn_strbuf_truncate(text, text->n - 1);
	if (text->n > 0 && text->p[text->n - 1] == '\r')
		sn_strbuf_truncate(text, text->n - 1);
}

static int read_all(const char *name, int fd, struct sn_strbuf *out)
{
	const int code = fd < 0 ? -errno : read_file(fd, out);

	cut_line_end(out);
	if (code == SN_ELIMIT)
		fprintf(stderr, "sennit: %s: no password is longer than %zu bytes\n", name,
			out->max);
	else if (code != SN_OK)
		fprintf(stderr, "sennit: %s: cannot be read: %s\n", name, sn_strerror(code));
	if (code != SN_OK)
		return code == SN_ELIMIT ? EX_DATAERR : EX_NOINPUT;
	if (out->n == 0) {
		fprintf(stderr, "sennit: %s: there is no password in it\n", name);
		return EX_DATAERR;
	}
	return EX_OK;
}

int sn_cli_password_get(const char *verb, const struct sn_cli_password *from, const char *prompt,
	struct sn_strbuf *out)
{
	int fd, exit_code;

	if (from->from_stdin && from->file != NULL)
		return sn_cli_usage(
			verb, "--password-stdin and --password-file do not go together");
	if (from->from_stdin)
		return read_all("standard input", STDIN_FILENO, out);
	if (from->file == NULL)
		return ask(verb, prompt, out);
	fd = open(from->file, O_RDONLY | O_CLOEXEC);
	exit_code = read_all(from->file, fd, out);
	if (fd >= 0)
		(void)close(fd);
	return exit_code;
}
