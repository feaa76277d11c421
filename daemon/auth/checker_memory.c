/* memory:NAME:PASSWORD[:NAME:PASSWORD...]: accounts given in the configuration or on the command
 * line, for trying things out. */
#include "daemon/auth/checkers.h"
#include "daemon/base/mem.h"

struct memory_entry {
	struct sn_str name, password;
};

struct memory_checker {
	struct sn_checker checker; /* first member */
	char *text;
	size_t size;
	struct memory_entry *entries;
	size_t count;
};

static void close_memory(struct sn_checker *checker)
{
	struct memory_checker *memory = sn_container_of(checker, struct memory_checker, checker);

	sn_wipe(memory->text, memory->size);
	sn_free(memory->text);
	sn_free(memory->entries);
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
	memory->checker.type = &sn_checker_memory;
	memory->text = sn_str_dup(arg);
	memory->size = arg.n;
	memory->entries = sn_alloc_array(parts / 2, sizeof(*memory->entries));
	rest = sn_str_n(memory->text, arg.n);
	while (sn_str_split(&rest, ':', &part)) {
		struct memory_entry *entry = &memory->entries[memory->count++];

		entry->name = part;
		(void)sn_str_split(&rest, ':', &entry->password);
		if (entry->name.n == 0) {
			close_memory(&memory->checker);
			return sn_diag_set(diag, SN_ESYNTAX, 0, "an account name is empty");
		}
	}
	*checker_r = &memory->checker;
	return SN_OK;
}

static int check_memory(struct sn_checker *checker, const struct sn_creds *creds,
	struct sn_session **session_r, struct sn_promise **promise_r)
{
	struct memory_checker *memory = sn_container_of(checker, struct memory_checker, checker);

	(void)promise_r;
	for (size_t i = 0; i < memory->count; i++) {
		const struct memory_entry *entry = &memory->entries[i];

		if (!sn_str_eq_nocase(entry->name, creds->account))
			continue;
		if (!sn_password_matches(creds->password, entry->password))
			return SN_EDENIED;
		*session_r = sn_session_new(entry->name, checker->type->name);
		return SN_OK;
	}
	return SN_ENOTFOUND;
}

const struct sn_checker_type sn_checker_memory = {
	.size = sizeof(struct sn_checker_type),
	.name = "memory",
	.arg_help = "NAME:PASSWORD[:NAME:PASSWORD...]",
	.doc = "Accounts given right here. Passwords on a command line are visible to every user of "
	       "the machine: for trying things out.",
	.kinds = SN_CREDS_PASSWORD,
	.open = open_memory,
	.check = check_memory,
	.close = close_memory,
};
