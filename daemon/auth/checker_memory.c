/*
 * memory:NAME:PASSWORD[:NAME:PASSWORD...]: accounts given in the configuration or on the command
 * line, for trying things out. The first SCRAM question derives the verifiers of all accounts, on
 * the pool: who asks for a name that does not exist waits as long as anybody else.
 */
#include <pthread.h>

#include "daemon/auth/check_job.h"
#include "daemon/auth/checkers.h"
#include "daemon/base/mem.h"

#define HASHES 2

struct memory_entry {
	struct sn_str name, password;
	struct sn_scram_record records[HASHES]; /* by enum sn_scram_hash; see `derived` */
};

struct memory_checker {
	struct sn_job_checker jobs; /* first member */
	char *text;
	size_t size;
	struct memory_entry *entries;
	size_t count;
	pthread_mutex_t lock; /* records and derived: jobs run on several threads */
	bool derived[HASHES];
};

static struct memory_checker *memory_of(struct sn_checker *checker)
{
	return sn_container_of(checker, struct memory_checker, jobs.checker);
}

static void destroy_memory(struct sn_job_checker *jobs)
{
	struct memory_checker *memory = sn_container_of(jobs, struct memory_checker, jobs);

	sn_wipe(memory->text, memory->size);
	sn_free(memory->text);
	sn_wipe(memory->entries, memory->count * sizeof(*memory->entries));
	sn_free(memory->entries);
	(void)pthread_mutex_destroy(&memory->lock);
	sn_free(memory);
}

static int open_memory(const struct sn_auth_context *context, struct sn_str arg,
	struct sn_checker **checker_r, struct sn_diag *diag)
{
	struct memory_checker *memory;
	struct sn_str rest = arg, part;
	size_t parts = 0;

	(void)context;
	while (sn_str_split(&rest, ':', &part))
		parts++;
	if (arg.n == 0 || parts % 2 != 0)
		return sn_diag_set(diag, SN_ESYNTAX, 0,
			"names and passwords come in pairs: memory:NAME:PASSWORD[:NAME:PASSWORD...]");
	memory = sn_alloc_zero(sizeof(*memory));
	memory->jobs.checker.type = &sn_checker_memory;
	memory->jobs.destroy = destroy_memory;
	(void)pthread_mutex_init(&memory->lock, NULL);
	memory->text = sn_str_dup(arg);
	memory->size = arg.n;
	memory->entries = sn_alloc_array(parts / 2, sizeof(*memory->entries));
	rest = sn_str_n(memory->text, arg.n);
	while (sn_str_split(&rest, ':', &part)) {
		struct memory_entry *entry = &memory->entries[memory->count++];

		entry->name = part;
		(void)sn_str_split(&rest, ':', &entry->password);
		if (entry->name.n == 0) {
			sn_job_checker_close(&memory->jobs.checker);
			return sn_diag_set(diag, SN_ESYNTAX, 0, "an account name is empty");
		}
	}
	*checker_r = &memory->jobs.checker;
	return SN_OK;
}

static struct memory_entry *find_entry(struct memory_checker *memory, struct sn_str account)
{
	for (size_t i = 0; i < memory->count; i++) {
		if (sn_saslprep_same(memory->entries[i].name, account))
			return &memory->entries[i];
	}
	return NULL;
}

/* Under the lock. */
static void derive_all(struct memory_checker *memory, enum sn_scram_hash hash)
{
	if (memory->derived[hash])
		return;
	for (size_t i = 0; i < memory->count; i++) {
		struct memory_entry *entry = &memory->entries[i];

		sn_scram_from_clear(hash, memory->jobs.checker.context->secret, entry->name,
			entry->password, &entry->records[hash]);
	}
	memory->derived[hash] = true;
}

static int look_up_record(struct sn_check_job *op)
{
	struct memory_checker *memory = memory_of(&op->checker->checker);
	const struct memory_entry *entry;

	(void)pthread_mutex_lock(&memory->lock);
	derive_all(memory, op->creds->hash);
	entry = find_entry(memory, op->creds->account);
	/* A crypt(3) hash has no verifier. */
	if (entry != NULL && sn_password_is_hash(entry->password))
		entry = NULL;
	if (entry != NULL) {
		op->check.scram = entry->records[op->creds->hash];
		op->name = sn_str_dup(entry->name);
	}
	(void)pthread_mutex_unlock(&memory->lock);
	return entry != NULL ? SN_OK : SN_ENOTFOUND;
}

static int check_memory(struct sn_checker *checker, const struct sn_creds *creds,
	struct sn_session **session_r, struct sn_promise **promise_r)
{
	const struct memory_entry *entry;

	if (creds->kind == SN_CREDS_SCRAM)
		return sn_check_job_run(checker, creds, look_up_record, promise_r);
	entry = find_entry(memory_of(checker), creds->account);
	if (entry == NULL)
		return SN_ENOTFOUND;
	if (!sn_password_matches(creds->password, entry->password))
		return SN_EDENIED;
	*session_r = sn_session_new(entry->name, checker->type->name);
	return SN_OK;
}

const struct sn_checker_type sn_checker_memory = {
	.size = sizeof(struct sn_checker_type),
	.name = "memory",
	.arg_help = "NAME:PASSWORD[:NAME:PASSWORD...]",
	.doc = "Accounts given right here. Passwords on a command line are visible to every user of "
	       "the machine: for trying things out.",
	.kinds = SN_CREDS_PASSWORD | SN_CREDS_SCRAM,
	.open = open_memory,
	.check = check_memory,
	.close = sn_job_checker_close,
};
