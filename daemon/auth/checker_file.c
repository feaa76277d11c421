/*
 * file:PATH: lines NAME:SECRET, blank lines and lines beginning with '#' ignored, fields behind the
 * second colon too. The file is looked at on every login, on the pool, and read again when it
 * changed.
 */
#include <errno.h>
#include <fcntl.h>
#include <pthread.h>
#include <sys/stat.h>
#include <unistd.h>

#include "daemon/auth/checkers.h"
#include "daemon/base/mem.h"

#define PASSWORD_FILE_MAX (16 << 20)

struct file_checker {
	struct sn_checker checker; /* first member */
	char *path;
	pthread_mutex_t lock; /* jobs run on several threads */
	struct stat seen;
	char *text;
	size_t size;
	struct sn_str
		sample_hash; /* some hash of the file: what an unknown name is tried against */
};

/* One login under way. */
struct file_check {
	struct sn_check check; /* first member */
	struct sn_job job;
	struct file_checker *file;
	char *account, *password;
	size_t password_size;
	char *name;    /* as the file spells it */
	bool finished; /* the thread is through with it */
	bool canceled; /* nobody waits for the answer */
	bool freed;    /* the promise is gone: `done` is the one to free the rest */
};

static int read_all(int fd, size_t size, char *text)
{
	size_t have = 0;

	while (have < size) {
		const ssize_t n = read(fd, text + have, size - have);

		if (n < 0 && errno == EINTR)
			continue;
		if (n < 0)
			return -errno;
		if (n == 0)
			return -EIO;
		have += (size_t)n;
	}
	return SN_OK;
}

static bool next_entry(struct sn_str *rest, struct sn_str *name_r, struct sn_str *secret_r)
{
	struct sn_str line;

	while (sn_str_split(rest, '\n', &line)) {
		struct sn_str fields = sn_str_trim(line);

		if (fields.n == 0 || fields.p[0] == '#' || !sn_str_split(&fields, ':', name_r) ||
			!sn_str_split(&fields, ':', secret_r) || name_r->n == 0)
			continue;
		return true;
	}
	return false;
}

static void take_text(struct file_checker *file, char *text, size_t size, const struct stat *st)
{
	struct sn_str rest = sn_str_n(text, size), name, secret;

	if (file->text != NULL)
		sn_wipe(file->text, file->size);
	sn_free(file->text);
	file->text = text;
	file->size = size;
	file->seen = *st;
	file->sample_hash = SN_STR_NULL;
	while (file->sample_hash.p == NULL && next_entry(&rest, &name, &secret)) {
		if (sn_password_is_hash(secret))
			file->sample_hash = secret;
	}
}

static bool unchanged(const struct file_checker *file, const struct stat *st)
{
	return file->text != NULL && file->seen.st_ino == st->st_ino &&
		file->seen.st_dev == st->st_dev && file->seen.st_size == st->st_size &&
		file->seen.st_mtim.tv_sec == st->st_mtim.tv_sec &&
		file->seen.st_mtim.tv_nsec == st->st_mtim.tv_nsec;
}

/* Under the lock. An unreadable or half-written file leaves the last good one in place. */
static int refresh(struct file_checker *file)
{
	const int fd = open(file->path, O_RDONLY | O_CLOEXEC | O_NONBLOCK);
	struct stat st;
	char *text;
	int code = SN_OK;

	if (fd < 0)
		return -errno;
	if (fstat(fd, &st) != 0)
		code = -errno;
	else if (!S_ISREG(st.st_mode))
		code = -EINVAL;
	else if (st.st_size > PASSWORD_FILE_MAX)
		code = SN_ELIMIT;
	else if (!unchanged(file, &st)) {
		text = sn_alloc((size_t)st.st_size + 1);
		code = read_all(fd, (size_t)st.st_size, text);
		if (code == SN_OK)
			take_text(file, text, (size_t)st.st_size, &st);
		else
			sn_free(text);
	}
	(void)close(fd);
	return code;
}

static void close_file(struct sn_checker *checker)
{
	struct file_checker *file = sn_container_of(checker, struct file_checker, checker);

	if (file->text != NULL)
		sn_wipe(file->text, file->size);
	sn_free(file->text);
	sn_free(file->path);
	(void)pthread_mutex_destroy(&file->lock);
	sn_free(file);
}

static int open_file(const struct sn_auth_context *context, struct sn_str arg,
	struct sn_checker **checker_r, struct sn_diag *diag)
{
	struct file_checker *file;
	int code;

	(void)context;
	if (arg.n == 0)
		return sn_diag_set(diag, SN_EMISSING, 0, "which file? file:PATH");
	file = sn_alloc_zero(sizeof(*file));
	file->checker.type = &sn_checker_file;
	file->path = sn_str_dup(arg);
	(void)pthread_mutex_init(&file->lock, NULL);
	code = refresh(file);
	if (code != SN_OK) {
		sn_diag_set(diag, code, 0, "cannot read %s: %s", file->path, sn_strerror(code));
		close_file(&file->checker);
		return code;
	}
	*checker_r = &file->checker;
	return SN_OK;
}

/* --- one login ------------------------------------------------------------------------------ */

static void destroy_check(struct file_check *op)
{
	sn_session_unref(&op->check.session);
	sn_wipe(op->password, op->password_size);
	sn_free(op->password);
	sn_free(op->account);
	sn_free(op->name);
	sn_free(op);
}

/* Copies what is stored for the account out of the shared text; SN_ENOTFOUND gives some hash, so
 * that an unknown name costs as much as a wrong password. */
static int look_up(struct file_check *op, char **secret_r)
{
	struct file_checker *file = op->file;
	struct sn_str rest, name, secret;
	int code = SN_ENOTFOUND;

	(void)pthread_mutex_lock(&file->lock);
	(void)refresh(file);
	rest = sn_str_n(file->text, file->size);
	*secret_r = file->sample_hash.p != NULL ? sn_str_dup(file->sample_hash) : NULL;
	while (next_entry(&rest, &name, &secret)) {
		if (!sn_str_eq_nocase(name, sn_str(op->account)))
			continue;
		sn_free(*secret_r);
		*secret_r = sn_str_dup(secret);
		op->name = sn_str_dup(name);
		code = SN_OK;
		break;
	}
	(void)pthread_mutex_unlock(&file->lock);
	return code;
}

static int work(struct sn_job *job)
{
	struct file_check *op = sn_container_of(job, struct file_check, job);
	char *secret;
	const int found = look_up(op, &secret);
	bool same = false;

	if (secret != NULL) {
		same = sn_password_matches(
			sn_str_n(op->password, op->password_size), sn_str(secret));
		sn_wipe(secret, strlen(secret));
		sn_free(secret);
	}
	if (found != SN_OK)
		return found;
	return same ? SN_OK : SN_EDENIED;
}

static void done(struct sn_job *job, int code)
{
	struct file_check *op = sn_container_of(job, struct file_check, job);

	op->finished = true;
	if (op->freed) {
		destroy_check(op);
		return;
	}
	if (op->canceled)
		return;
	if (code == SN_OK)
		op->check.session = sn_session_new(sn_str(op->name), sn_checker_file.name);
	sn_promise_resolve(&op->check.promise, code);
}

static void cancel_check(struct sn_promise *p)
{
	struct file_check *op = sn_container_of(p, struct file_check, check.promise);

	op->canceled = true;
	sn_offload_cancel(&op->job);
}

/* The thread may still be at it: then `done` is the one to free. */
static void free_check(struct sn_promise *p)
{
	struct file_check *op = sn_container_of(p, struct file_check, check.promise);

	if (op->finished)
		destroy_check(op);
	else
		op->freed = true;
}

static const struct sn_promise_ops check_ops = { .cancel = cancel_check, .free = free_check };

static int check_file(struct sn_checker *checker, const struct sn_creds *creds,
	struct sn_session **session_r, struct sn_promise **promise_r)
{
	struct file_check *op = sn_alloc_zero(sizeof(*op));
	int code;

	(void)session_r;
	op->file = sn_container_of(checker, struct file_checker, checker);
	op->account = sn_str_dup(creds->account);
	op->password = sn_str_dup(creds->password);
	op->password_size = creds->password.n;
	op->job.work = work;
	op->job.done = done;
	sn_promise_init(checker->context->loop, &op->check.promise, &check_ops);
	code = sn_offload_run(checker->context->pool, checker->context->loop, &op->job);
	if (code != SN_OK) {
		destroy_check(op);
		return code;
	}
	*promise_r = &op->check.promise;
	return SN_PENDING;
}

const struct sn_checker_type sn_checker_file = {
	.size = sizeof(struct sn_checker_type),
	.name = "file",
	.arg_help = "PATH",
	.doc = "Lines NAME:SECRET in a file, where SECRET is a crypt(3) hash (yescrypt, bcrypt, "
	       "SHA-crypt) or plain text. Changes are noticed at the next login.",
	.kinds = SN_CREDS_PASSWORD,
	.open = open_file,
	.check = check_file,
	.close = close_file,
};
