/*
 * file:PATH: lines NAME:SECRET[:ROLE,ROLE...], blank lines and lines beginning with '#' ignored,
 * fields behind the roles too. SECRET is a crypt(3) hash, a SCRAM record or plain text; a name may
 * have several lines, with records of several hashes. The file is looked at on every login, on the
 * pool, and read again when it changed.
 */
#include <errno.h>
#include <fcntl.h>
#include <pthread.h>
#include <sys/stat.h>
#include <unistd.h>

#include "daemon/auth/check_job.h"
#include "daemon/auth/checkers.h"
#include "daemon/base/log.h"
#include "daemon/base/mem.h"

static const struct sn_log_ctx log_ctx = SN_LOG_CTX("auth.file");

#define PASSWORD_FILE_MAX (16 << 20)

struct file_checker {
	struct sn_job_checker jobs; /* first member */
	char *path;
	pthread_mutex_t lock; /* jobs run on several threads */
	struct stat seen;
	char *text;
	size_t size;
	struct sn_str sample; /* the secret of the file that costs most to compare with: what an
				 unknown name is tried against */
	bool has_clear;       /* a SCRAM question may have to derive */
};

struct file_entry {
	struct sn_str name, secret, roles;
};

static struct file_checker *file_of(struct sn_checker *checker)
{
	return sn_container_of(checker, struct file_checker, jobs.checker);
}

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

/* A SCRAM record has two colons of its own. */
static bool take_secret(struct sn_str *fields, struct sn_str *secret_r)
{
	const struct sn_str all = *fields;
	const size_t colons = sn_scram_is_record(all) ? 3 : 1;
	struct sn_str part;

	for (size_t i = 0; i < colons; i++) {
		if (!sn_str_split(fields, ':', &part))
			return false;
	}
	*secret_r = sn_str_sub(all, 0, (size_t)(part.p + part.n - all.p));
	return true;
}

static bool says_nothing(struct sn_str line)
{
	return line.n == 0 || line.p[0] == '#';
}

static bool take_line(struct sn_str line, struct file_entry *entry)
{
	if (says_nothing(line) || !sn_str_split(&line, ':', &entry->name) ||
		!take_secret(&line, &entry->secret) || entry->name.n == 0)
		return false;
	if (!sn_str_split(&line, ':', &entry->roles))
		entry->roles = SN_STR_NULL;
	return true;
}

static bool next_entry(struct sn_str *rest, struct file_entry *entry)
{
	struct sn_str line;

	while (sn_str_split(rest, '\n', &line)) {
		if (take_line(sn_str_trim(line), entry))
			return true;
	}
	return false;
}

/* What comparing a password with it costs: nothing, a PBKDF2, a hash made to be slow. */
static unsigned cost_of(struct sn_str secret)
{
	return sn_password_is_hash(secret) ? 2 : sn_scram_is_record(secret) ? 1 : 0;
}

/* A line that is no account would go unnoticed until its owner cannot log in. */
static void name_bad_lines(const struct file_checker *file)
{
	struct sn_str rest = sn_str_n(file->text, file->size), line;
	struct file_entry entry;

	for (int64_t number = 1; sn_str_split(&rest, '\n', &line); number++) {
		line = sn_str_trim(line);
		if (!says_nothing(line) && !take_line(line, &entry))
			sn_log(&log_ctx, SN_LOG_WARN, "line-ignored", sn_f_cstr("file", file->path),
				sn_f_int("line", number),
				sn_f_cstr("expected", "NAME:SECRET or NAME:SECRET:ROLE,ROLE"));
	}
}

/* What the file can answer. One crypt(3) hash in it, and SCRAM is not offered: that client could
 * not log in at all. */
static void survey(struct file_checker *file)
{
	struct sn_str rest = sn_str_n(file->text, file->size);
	struct file_entry entry;
	unsigned most = 0;

	file->sample = SN_STR_NULL;
	file->has_clear = false;
	while (next_entry(&rest, &entry)) {
		const unsigned cost = cost_of(entry.secret);

		file->has_clear = file->has_clear || cost == 0;
		if (cost > most) {
			most = cost;
			file->sample = entry.secret;
		}
	}
	atomic_store(
		&file->jobs.checker.kinds, SN_CREDS_PASSWORD | (most < 2 ? SN_CREDS_SCRAM : 0));
}

static void take_text(struct file_checker *file, char *text, size_t size, const struct stat *st)
{
	if (file->text != NULL)
		sn_wipe(file->text, file->size);
	sn_free(file->text);
	file->text = text;
	file->size = size;
	file->seen = *st;
	survey(file);
	name_bad_lines(file);
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

static void destroy_file(struct sn_job_checker *jobs)
{
	struct file_checker *file = sn_container_of(jobs, struct file_checker, jobs);

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
	file->jobs.checker.type = &sn_checker_file;
	file->jobs.destroy = destroy_file;
	file->path = sn_str_dup(arg);
	(void)pthread_mutex_init(&file->lock, NULL);
	code = refresh(file);
	if (code != SN_OK) {
		sn_diag_set(diag, code, 0, "cannot read %s: %s", file->path, sn_strerror(code));
		sn_job_checker_close(&file->jobs.checker);
		return code;
	}
	*checker_r = &file->jobs.checker;
	return SN_OK;
}

/* --- one login ------------------------------------------------------------------------------ */

struct found {
	char *secret; /* a copy */
	char *sample; /* likewise; NULL: comparing costs nothing */
	bool derive;  /* an unknown name has to be given a derivation, to cost the same */
};

/* Can this line answer the question? */
static bool answers(const struct sn_creds *creds, struct sn_str secret)
{
	struct sn_scram_record record;

	if (creds->kind == SN_CREDS_PASSWORD)
		return true;
	if (!sn_scram_is_record(secret))
		return !sn_password_is_hash(secret);
	return sn_scram_parse(secret, &record) == SN_OK && record.hash == creds->hash;
}

/* Copies what is stored for the account out of the shared text. */
static void look_up(struct sn_check_job *op, struct found *found)
{
	struct file_checker *file = file_of(&op->checker->checker);
	struct file_entry entry;
	struct sn_str rest;

	*found = (struct found){ 0 };
	(void)pthread_mutex_lock(&file->lock);
	(void)refresh(file);
	rest = sn_str_n(file->text, file->size);
	found->sample = file->sample.n > 0 ? sn_str_dup(file->sample) : NULL;
	found->derive = file->has_clear;
	while (found->secret == NULL && next_entry(&rest, &entry)) {
		if (!sn_saslprep_same(entry.name, op->creds->account) ||
			!answers(op->creds, entry.secret))
			continue;
		found->secret = sn_str_dup(entry.secret);
		op->name = sn_str_dup(entry.name);
		op->roles = entry.roles.n > 0 ? sn_str_dup(entry.roles) : NULL;
	}
	(void)pthread_mutex_unlock(&file->lock);
}

static void forget(char *secret)
{
	if (secret != NULL)
		sn_wipe(secret, strlen(secret));
	sn_free(secret);
}

static int compare(const struct sn_check_job *op, const struct found *found)
{
	const char *stored = found->secret != NULL ? found->secret : found->sample;
	const bool same =
		stored != NULL && sn_password_matches(op->creds->password, sn_str(stored));

	if (found->secret == NULL)
		return SN_ENOTFOUND;
	return same ? SN_OK : SN_EDENIED;
}

static int get_record(struct sn_check_job *op, const struct found *found)
{
	const struct sn_str secret = op->checker->checker.context->secret;

	if (found->secret != NULL && sn_scram_is_record(sn_str(found->secret)))
		return sn_scram_parse(sn_str(found->secret), &op->check.scram);
	if (found->secret != NULL || found->derive)
		sn_scram_from_clear(op->creds->hash, secret, op->creds->account,
			found->secret != NULL ? sn_str(found->secret) : SN_STR("nobody's"),
			&op->check.scram);
	return found->secret != NULL ? SN_OK : SN_ENOTFOUND;
}

static int work(struct sn_check_job *op)
{
	struct found found;
	int code;

	look_up(op, &found);
	code = op->creds->kind == SN_CREDS_SCRAM ? get_record(op, &found) : compare(op, &found);
	forget(found.secret);
	forget(found.sample);
	return code;
}

static int check_file(struct sn_checker *checker, const struct sn_creds *creds,
	struct sn_session **session_r, struct sn_promise **promise_r)
{
	(void)session_r;
	return sn_check_job_run(checker, creds, work, promise_r);
}

const struct sn_checker_type sn_checker_file = {
	.size = sizeof(struct sn_checker_type),
	.name = "file",
	.arg_help = "PATH",
	.doc = "Lines NAME:SECRET[:ROLE,ROLE...] in a file, where SECRET is a crypt(3) hash (yescrypt, "
	       "bcrypt, SHA-crypt), a SCRAM record or plain text. Changes are noticed at the next "
	       "login.",
	.kinds = SN_CREDS_PASSWORD | SN_CREDS_SCRAM,
	.open = open_file,
	.check = check_file,
	.close = sn_job_checker_close,
};
