#include <stdio.h>

#include "daemon/base/mem.h"
#include "daemon/base/text.h"
#include "daemon/store/pq_private.h"

/* One migration at a time in the whole database, whichever program runs it: "sennit". */
#define MIGRATION_LOCK "126905494464884"

struct migrator {
	struct sn_store_migrator base;
	PGconn *conn;
};

static struct migrator *of(struct sn_store_migrator *m)
{
	return sn_container_of(m, struct migrator, base);
}

static int fail(struct migrator *m, const char *text, const PGresult *result, struct sn_diag *diag)
{
	const char *state = PQresultErrorField(result, PG_DIAG_SQLSTATE);
	int code = state != NULL ? sn_pq_code(state, true) : SN_EUNAVAILABLE;
	char message[160];

	sn_pq_message(PQresultErrorMessage(result), message, sizeof(message));
	if (code == SN_ESQL || code == SN_EDUPLICATE)
		return sn_diag_set(diag, SN_ESQL, 0,
			"%s: a migration failed and was undone: %s (%.100s): if the user may not "
			"create tables, GRANT it; else please report this",
			m->base.where, message, text);
	return sn_diag_set(diag, code, 0, "%s: %s", m->base.where, message);
}

static int run(struct migrator *m, const char *text, struct sn_diag *diag)
{
	PGresult *result = PQexec(m->conn, text);
	const ExecStatusType status = PQresultStatus(result);
	int err = SN_OK;

	if (status != PGRES_COMMAND_OK && status != PGRES_TUPLES_OK)
		err = fail(m, text, result, diag);
	PQclear(result);
	return err;
}

static int begin(struct sn_store_migrator *base, struct sn_diag *diag)
{
	return run(of(base), "BEGIN; SELECT pg_advisory_xact_lock(" MIGRATION_LOCK ")", diag);
}

static int end(struct sn_store_migrator *base, bool commit, struct sn_diag *diag)
{
	return run(of(base), commit ? "COMMIT" : "ROLLBACK", diag);
}

static int exec(struct sn_store_migrator *base, const char *text, struct sn_diag *diag)
{
	char *translated = sn_pq_translate(text, NULL);
	int err = run(of(base), translated, diag);

	sn_free(translated);
	return err;
}

static int version(
	struct sn_store_migrator *base, const char *owner, int64_t *version_r, struct sn_diag *diag)
{
	static const char text[] = "SELECT version FROM sn_schema WHERE owner = $1";
	struct migrator *m = of(base);
	PGresult *result = PQexecParams(m->conn, text, 1, NULL, &owner, NULL, NULL, 0);
	int err = SN_OK;

	*version_r = 0;
	if (PQresultStatus(result) != PGRES_TUPLES_OK)
		err = fail(m, text, result, diag);
	else if (PQntuples(result) > 0)
		err = sn_parse_i64(sn_str(PQgetvalue(result, 0, 0)), 0, INT64_MAX, version_r);
	PQclear(result);
	return err;
}

static int set_version(
	struct sn_store_migrator *base, const char *owner, int64_t to, struct sn_diag *diag)
{
	static const char text[] = "INSERT INTO sn_schema (owner, version) VALUES ($1, $2) "
				   "ON CONFLICT (owner) DO UPDATE SET version = excluded.version";
	struct migrator *m = of(base);
	char number[24];
	const char *const values[] = { owner, number };
	PGresult *result;
	int err = SN_OK;

	snprintf(number, sizeof(number), "%lld", (long long)to);
	result = PQexecParams(m->conn, text, 2, NULL, values, NULL, NULL, 0);
	if (PQresultStatus(result) != PGRES_COMMAND_OK)
		err = fail(m, text, result, diag);
	PQclear(result);
	return err;
}

static const struct sn_store_migrator_ops ops = {
	.begin = begin,
	.end = end,
	.exec = exec,
	.version = version,
	.set_version = set_version,
};

/* Two programs that create the same table at once would collide in the catalogue. */
static int make_schema_table(struct migrator *m, struct sn_diag *diag)
{
	struct sn_diag ignored;
	int err = begin(&m->base, diag);

	if (err == SN_OK)
		err = exec(&m->base, SN_STORE_SCHEMA_TABLE, diag);
	if (err == SN_OK)
		return end(&m->base, true, diag);
	(void)end(&m->base, false, &ignored);
	return err;
}

int sn_pq_migrate(PGconn *conn, const char *where, const struct sn_store_schema *const *schemas,
	struct sn_diag *diag)
{
	struct migrator m = { .base = { .ops = &ops, .where = where }, .conn = conn };
	int err = make_schema_table(&m, diag);

	return err == SN_OK ? sn_store_migrate(&m.base, schemas, diag) : err;
}
