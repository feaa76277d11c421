/*
 * sshkey[:PATH]: the keys in users' authorized_keys(5), or in PATH, opened by the broker as the
 * user. That the client has the private half is the protocol's business (creds.h).
 */
#include <sys/stat.h>
#include <unistd.h>

#include "daemon/auth/authorized_keys.h"
#include "daemon/auth/authorized_keys_parse.h"
#include "daemon/auth/broker.h"
#include "daemon/auth/checkers.h"
#include "daemon/base/log.h"
#include "daemon/base/mem.h"

#define FILE_MAX (1 << 20)
#define OPTIONS_MAX 8192

static const struct sn_log_ctx log_ctx = SN_LOG_CTX("auth.sshkey");

/* As sshd has it. */
static const char *const default_paths[] = {
	"%h/.ssh/authorized_keys",
	"%h/.ssh/authorized_keys2",
};

struct sshkey_checker {
	struct sn_checker checker; /* first member */
	char *path;                /* NULL: the default ones */
};

struct sshkey_check {
	struct sn_check check; /* first member */
	struct sn_waiter waiter;
	const struct sshkey_checker *checker;
	size_t path; /* which one is being looked at */
	bool found;  /* there was a file */
	char *account;
	char *wire;
	size_t wire_n;
	struct sn_addr peer; /* len 0: not known */
};

static int open_sshkey(const struct sn_auth_context *context, struct sn_str arg,
	struct sn_checker **checker_r, struct sn_diag *diag)
{
	struct sshkey_checker *checker;

	if (context->broker == NULL)
		return sn_diag_set(diag, SN_EUNAVAILABLE, 0,
			"sshkey needs the broker, and this process has none");
	if (arg.n > 0 && arg.p[0] != '/' && !sn_str_starts(arg, SN_STR("%h")))
		return sn_diag_set(diag, SN_ESYNTAX, 0,
			"sshkey:PATH begins with \"/\" or \"%%h\" (the home); \"%%u\" in it is the "
			"user's name");
	checker = sn_alloc_zero(sizeof(*checker));
	checker->checker.type = &sn_checker_sshkey;
	checker->path = arg.n > 0 ? sn_str_dup(arg) : NULL;
	*checker_r = &checker->checker;
	return SN_OK;
}

static void close_sshkey(struct sn_checker *checker)
{
	struct sshkey_checker *sshkey = sn_container_of(checker, struct sshkey_checker, checker);

	sn_free(sshkey->path);
	sn_free(sshkey);
}

/* --- a file's lines ----------------------------------------------------------------------------
 */

static void log_refusal(
	const struct sshkey_check *op, uint64_t line, int code, const struct sn_diag *diag)
{
	sn_log(&log_ctx, code == SN_EDENIED ? SN_LOG_INFO : SN_LOG_WARN, "key-line-refused",
		sn_f_cstr("user", op->account), sn_f_uint("line", line),
		sn_f_cstr("reason", diag->text));
}

/* The key is this line's: does the line let it in? */
static int use_line(
	struct sshkey_check *op, const struct sn_authorized_key *key, struct sn_diag *diag)
{
	char mem[OPTIONS_MAX];
	struct sn_strbuf options;
	int code;

	sn_strbuf_fixed(&options, mem, sizeof(mem));
	code = sn_authorized_options(key->options, op->peer.len > 0 ? &op->peer : NULL,
		sn_loop_wall(op->check.promise.loop), &options, diag);
	if (code != SN_OK)
		return code;
	op->check.session = sn_session_new(sn_str(op->account), sn_checker_sshkey.name);
	sn_session_set_options(op->check.session, sn_strbuf_str(&options));
	return SN_OK;
}

static int try_line(struct sshkey_check *op, struct sn_str line, struct sn_authorized_key *key,
	struct sn_diag *diag)
{
	const int code = sn_authorized_key_parse(line, key, diag);

	if (code != SN_OK)
		return code == SN_EMISSING ? SN_ENOTFOUND : code;
	if (!sn_str_eq(sn_str_n(key->wire, key->wire_n), sn_str_n(op->wire, op->wire_n)))
		return SN_ENOTFOUND;
	return use_line(op, key, diag);
}

/* A line that does not let in is not the end: the next one may have the key too. */
static int try_lines(struct sshkey_check *op, struct sn_str text)
{
	struct sn_authorized_key *key = sn_alloc(sizeof(*key));
	struct sn_str line;
	uint64_t number = 0;
	int code = SN_EDENIED;

	while (code != SN_OK && sn_str_split(&text, '\n', &line)) {
		struct sn_diag diag = { 0 };

		number++;
		code = try_line(op, line, key, &diag);
		if (code != SN_OK && code != SN_ENOTFOUND)
			log_refusal(op, number, code, &diag);
	}
	sn_free(key);
	return code == SN_OK ? SN_OK : SN_EDENIED;
}

/* A memfd of the broker's: reading it waits for nothing. */
static int try_file(struct sshkey_check *op, int fd)
{
	struct stat st;
	char *text;
	ssize_t n;
	int code = SN_EUNAVAILABLE;

	if (fstat(fd, &st) != 0 || st.st_size > FILE_MAX)
		return SN_EUNAVAILABLE;
	text = sn_alloc((size_t)st.st_size + 1);
	n = pread(fd, text, (size_t)st.st_size, 0);
	if (n >= 0)
		code = try_lines(op, sn_str_n(text, (size_t)n));
	sn_free(text);
	return code;
}

/* --- one login ---------------------------------------------------------------------------------
 */

static void cancel_check(struct sn_promise *p)
{
	sn_waiter_cancel(&sn_container_of(p, struct sshkey_check, check.promise)->waiter);
}

static void free_check(struct sn_promise *p)
{
	struct sshkey_check *op = sn_container_of(p, struct sshkey_check, check.promise);

	sn_session_unref(&op->check.session);
	sn_free(op->account);
	sn_free(op->wire);
	sn_free(op);
}

static const struct sn_promise_ops check_ops = { .cancel = cancel_check, .free = free_check };

static const char *next_path(struct sshkey_check *op)
{
	const size_t i = op->path++;

	if (op->checker->path != NULL)
		return i == 0 ? op->checker->path : NULL;
	return i < sizeof(default_paths) / sizeof(default_paths[0]) ? default_paths[i] : NULL;
}

static void on_opened(struct sn_waiter *w, struct sn_promise *p, int code);

/* False: there is no other path. */
static bool look_at_next(struct sshkey_check *op)
{
	const char *path = next_path(op);

	if (path == NULL)
		return false;
	sn_promise_wait(sn_broker_open_as_user(op->checker->checker.context->broker,
				sn_str(op->account), sn_str(path)),
		&op->waiter, on_opened);
	return true;
}

/* No file says nothing of the user; a file that may not be used, or without the key, says no. */
static void on_opened(struct sn_waiter *w, struct sn_promise *p, int code)
{
	struct sshkey_check *op = sn_container_of(w, struct sshkey_check, waiter);
	int fd;

	if (code == SN_OK) {
		fd = sn_broker_taken_fd(p);
		code = try_file(op, fd);
		(void)close(fd);
	}
	op->found = op->found || code == SN_EDENIED;
	if ((code == SN_ENOTFOUND || code == SN_EDENIED) && look_at_next(op))
		return;
	sn_promise_resolve(
		&op->check.promise, code == SN_ENOTFOUND && op->found ? SN_EDENIED : code);
}

static int check_sshkey(struct sn_checker *checker, const struct sn_creds *creds,
	struct sn_session **session_r, struct sn_promise **promise_r)
{
	struct sshkey_check *op = sn_alloc_zero(sizeof(*op));

	(void)session_r;
	sn_promise_init(checker->context->loop, &op->check.promise, &check_ops);
	op->checker = sn_container_of(checker, struct sshkey_checker, checker);
	op->account = sn_str_dup(creds->account);
	op->wire = sn_str_dup(creds->key);
	op->wire_n = creds->key.n;
	if (creds->peer != NULL)
		op->peer = *creds->peer;
	(void)look_at_next(op);
	*promise_r = &op->check.promise;
	return SN_PENDING;
}

const struct sn_checker_type sn_checker_sshkey = {
	.size = sizeof(struct sn_checker_type),
	.name = "sshkey",
	.arg_help = "[PATH]",
	.doc = "SSH keys of the machine's users: ~/.ssh/authorized_keys with its options, or PATH, "
	       "in which %u is the user's name and %h the home.",
	.kinds = SN_CREDS_PUBLICKEY,
	.open = open_sshkey,
	.check = check_sshkey,
	.close = close_sshkey,
};
