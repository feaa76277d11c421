#include "daemon/cli/password.h"

#include <errno.h>
#include <fcntl.h>
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

/* Up to the end of the line (terminal) or of the file. */
static int read_some(int fd, bool line, struct sn_strbuf *out)
{
	char byte = 0;
	ssize_t n;

	do {
		n = read(fd, &byte, 1);
		if (n == 1 && !(line && byte == '\n'))
			sn_strbuf_addc(out, byte);
	} while ((n == 1 && !(line && byte == '\n') && out->err == SN_OK) ||
		(n < 0 && errno == EINTR && caught == 0));
	if (n < 0)
		return -errno;
	if (line && n == 0)
		return SN_EEOF;
	return out->err;
}

static int read_line_unseen(int tty, const char *prompt, struct sn_strbuf *out)
{
	struct sigaction action = { .sa_handler = on_signal }, old[SIGNAL_COUNT];
	struct termios shown, unseen;
	int code;

	if (tcgetattr(tty, &shown) != 0)
		return -errno;
	unseen = shown;
	unseen.c_lflag &= ~(tcflag_t)ECHO;
	caught = 0;
	for (size_t i = 0; i < SIGNAL_COUNT; i++)
		(void)sigaction(signos[i], &action, &old[i]);
	(void)tcsetattr(tty, TCSAFLUSH, &unseen);
	code = write(tty, prompt, strlen(prompt)) < 0 ? -errno : read_some(tty, true, out);
	(void)tcsetattr(tty, TCSAFLUSH, &shown);
	if (write(tty, "\n", 1) < 0 && code == SN_OK)
		code = -errno;
	for (size_t i = 0; i < SIGNAL_COUNT; i++)
		(void)sigaction(signos[i], &old[i], NULL);
	if (caught != 0) {
		(void)raise(caught);
		code = SN_ECANCELED;
	}
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
	const int code = fd < 0 ? -errno : read_some(fd, false, out);

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
