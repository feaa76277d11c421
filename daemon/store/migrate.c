#include <stdio.h>

#include "daemon/store/store_private.h"

static int64_t count_steps(const struct sn_store_schema *schema)
{
	int64_t count = 0;

	while (schema->steps[count] != NULL)
		count++;
	return count;
}

/* Where copies are made before a migration, the one of our own version has a name. */
static int refuse_newer(struct sn_store_migrator *m, const struct sn_store_schema *schema,
	int64_t version, struct sn_diag *diag)
{
	const int64_t known = count_steps(schema);
	char copy[80] = "a copy from before";

	if (m->ops->backup != NULL)
		snprintf(copy, sizeof(copy), "the copy made before (.before-%s-%lld)",
			schema->owner, (long long)known + 1);
	return sn_diag_set(diag, SN_EVERSION, 0,
		"%s: written by a newer version (%s is at %lld, this program knows %lld): run the "
		"newer program, or restore %s",
		m->where, schema->owner, (long long)version, (long long)known, copy);
}

static int check(struct sn_store_migrator *m, const struct sn_store_schema *schema,
	int64_t *version_r, struct sn_diag *diag)
{
	int err = m->ops->version(m, schema->owner, version_r, diag);

	if (err == SN_OK && *version_r > count_steps(schema))
		err = refuse_newer(m, schema, *version_r, diag);
	return err;
}

static int run_statements(
	struct sn_store_migrator *m, const char *const *statements, struct sn_diag *diag)
{
	int err = SN_OK;

	for (size_t i = 0; err == SN_OK && statements[i] != NULL; i++)
		err = m->ops->exec(m, statements[i], diag);
	return err;
}

/* Inside begin and end. An owner's first version takes nothing away, so nothing is copied. */
static int make_version(struct sn_store_migrator *m, const struct sn_store_schema *schema,
	int64_t to, struct sn_diag *diag)
{
	int err = SN_OK;

	if (to > 1 && m->ops->backup != NULL)
		err = m->ops->backup(m, schema->owner, to, diag);
	if (err == SN_OK)
		err = run_statements(m, schema->steps[to - 1], diag);
	if (err == SN_OK)
		err = m->ops->set_version(m, schema->owner, to, diag);
	return err;
}

/* Another program may have been faster: what counts is the version once the others are kept out. */
static int step(struct sn_store_migrator *m, const struct sn_store_schema *schema, int64_t *version,
	struct sn_diag *diag)
{
	const int64_t before = *version;
	struct sn_diag ignored;
	int err = m->ops->begin(m, diag);

	if (err != SN_OK)
		return err;
	err = check(m, schema, version, diag);
	if (err == SN_OK && *version == before)
		err = make_version(m, schema, before + 1, diag);
	if (err != SN_OK) {
		(void)m->ops->end(m, false, &ignored);
		return err;
	}
	err = m->ops->end(m, true, diag);
	if (err == SN_OK && *version == before) {
		*version = before + 1;
		sn_log(&sn_store_log, SN_LOG_INFO, "migrated", sn_f_cstr("owner", schema->owner),
			sn_f_int("version", *version));
	}
	return err;
}

static int migrate_owner(
	struct sn_store_migrator *m, const struct sn_store_schema *schema, struct sn_diag *diag)
{
	const int64_t count = count_steps(schema);
	int64_t version;
	int err = check(m, schema, &version, diag);

	while (err == SN_OK && version < count)
		err = step(m, schema, &version, diag);
	return err;
}

/* Nothing is touched before every owner's version is known to be ours. */
int sn_store_migrate(struct sn_store_migrator *m, const struct sn_store_schema *const *schemas,
	struct sn_diag *diag)
{
	int64_t version;
	int err = SN_OK;

	for (size_t i = 0; err == SN_OK && schemas != NULL && schemas[i] != NULL; i++)
		err = check(m, schemas[i], &version, diag);
	for (size_t i = 0; err == SN_OK && schemas != NULL && schemas[i] != NULL; i++)
		err = migrate_owner(m, schemas[i], diag);
	return err;
}
