#include "daemon/auth/checker.h"

#include "daemon/auth/checkers.h"
#include "daemon/base/assert.h"

#define CHECKER_TYPES_MAX 32

/* Written before the loops start (and by plugin loading, on the main thread), read afterwards. */
static const struct sn_checker_type *types[CHECKER_TYPES_MAX];
static size_t type_count;

int sn_checker_register(const struct sn_checker_type *type)
{
	if (type->size < sizeof(struct sn_checker_type))
		return SN_EABI;
	for (size_t i = 0; i < type_count; i++) {
		if (strcmp(types[i]->name, type->name) == 0)
			return SN_EDUPLICATE;
	}
	if (type_count == CHECKER_TYPES_MAX)
		return SN_ELIMIT;
	types[type_count++] = type;
	return SN_OK;
}

void sn_checkers_init(void)
{
	static const struct sn_checker_type *const built_in[] = {
		&sn_checker_accounts,
		&sn_checker_memory,
		&sn_checker_file,
		&sn_checker_unix,
		&sn_checker_sshkey,
		&sn_checker_cert,
		&sn_checker_anonymous,
	};

	if (type_count > 0)
		return;
	for (size_t i = 0; i < sizeof(built_in) / sizeof(built_in[0]); i++) {
		const int code = sn_checker_register(built_in[i]);

		sn_assert(code == SN_OK);
	}
}

const struct sn_checker_type *sn_checker_type_at(size_t i)
{
	return i < type_count ? types[i] : NULL;
}

static int unknown_type(struct sn_str word, struct sn_diag *diag)
{
	const char *names[CHECKER_TYPES_MAX];
	const char *nearest;

	for (size_t i = 0; i < type_count; i++)
		names[i] = types[i]->name;
	nearest = sn_str_nearest(word, names, type_count);
	return sn_diag_set(diag, SN_EUNKNOWN, 1,
		"unknown kind of authentication \"%.*s\"%s%s%s; `sennit list auth` shows all",
		SN_STR_ARG(word), nearest != NULL ? "; did you mean \"" : "",
		nearest != NULL ? nearest : "", nearest != NULL ? "\"?" : "");
}

int sn_checker_open(const struct sn_auth_context *context, struct sn_str spec,
	struct sn_checker **checker_r, struct sn_diag *diag)
{
	const size_t colon = sn_str_find(spec, ':');
	const struct sn_str word = sn_str_sub(spec, 0, colon);
	const struct sn_str arg = sn_str_from(spec, colon + 1);

	for (size_t i = 0; i < type_count; i++) {
		int code;

		if (!sn_str_eq(word, sn_str(types[i]->name)))
			continue;
		code = types[i]->open(context, arg, checker_r, diag);
		if (code == SN_OK)
			(*checker_r)->context = context;
		return code;
	}
	return unknown_type(word, diag);
}

void sn_checker_close(struct sn_checker **checker_p)
{
	struct sn_checker *checker = *checker_p;

	*checker_p = NULL;
	if (checker != NULL)
		checker->type->close(checker);
}

struct sn_session *sn_check_session(struct sn_promise *p)
{
	struct sn_check *check = sn_container_of(p, struct sn_check, promise);
	struct sn_session *session = check->session;

	check->session = NULL;
	return session;
}

const struct sn_scram_record *sn_check_scram(struct sn_promise *p)
{
	return &sn_container_of(p, struct sn_check, promise)->scram;
}
