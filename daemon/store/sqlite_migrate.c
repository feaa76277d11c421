#include "daemon/base/mem.h"
#include "daemon/store/sqlite_private.h"

struct migrator {
	struct sn_store_migrator base;
	struct sn_sqlite *c;
	const char *path;
};

static struct migrator *of(struct sn_store_migrator *m)
{
	return sn_container_of(m, struct migrator, base);
}

static int result(struct migrator *m, int rc, struct sn_diag *diag)
{
	return rc == SQLITE_OK ? SN_OK : sn_sqlite_explain(m->c->db, rc, m->path, diag);
}

static int begin(struct sn_store_migrator *base, struct sn_diag *diag)
{
	struct migrator *m = of(base);

	return result(m, sn_sqlite_exec(m->c, "BEGIN IMMEDIATE"), diag);
}

static int end(struct sn_store_migrator *base, bool commit, struct sn_diag *diag)
{
	struct migrator *m = of(base);
	int rc = sn_sqlite_exec(m->c, commit ? "COMMIT" : "ROLLBACK");
	int err = result(m, rc, diag);

	if (rc != SQLITE_OK && sqlite3_get_autocommit(m->c->db) == 0)
		sn_sqlite_exec(m->c, "ROLLBACK");
	return err;
}

static int exec(struct sn_store_migrator *base, const char *text, struct sn_diag *diag)
{
	struct migrator *m = of(base);
	int rc = sqlite3_exec(m->c->db, text, NULL, NULL, NULL);

	if (rc == SQLITE_OK)
		return SN_OK;
	if (sn_sqlite_code(rc) != SN_ESQL && sn_sqlite_code(rc) != SN_EDUPLICATE)
		return sn_sqlite_explain(m->c->db, rc, m->path, diag);
	return sn_diag_set(diag, SN_ESQL, 0,
		"%s: a migration failed and was undone, please report it: %s (%.120s)", m->path,
		sqlite3_errmsg(m->c->db), text);
}

static int version(
	struct sn_store_migrator *base, const char *owner, int64_t *version_r, struct sn_diag *diag)
{
	struct migrator *m = of(base);
	sqlite3_stmt *stmt = NULL;
	int rc = sqlite3_prepare_v2(
		m->c->db, "SELECT version FROM sn_schema WHERE owner = ?1", -1, &stmt, NULL);

	*version_r = 0;
	if (rc == SQLITE_OK)
		rc = sqlite3_bind_text(stmt, 1, owner, -1, SQLITE_STATIC);
	if (rc == SQLITE_OK)
		rc = sqlite3_step(stmt);
	if (rc == SQLITE_ROW)
		*version_r = sqlite3_column_int64(stmt, 0);
	sqlite3_finalize(stmt);
	return result(m, rc == SQLITE_ROW || rc == SQLITE_DONE ? SQLITE_OK : rc, diag);
}

static int set_version(
	struct sn_store_migrator *base, const char *owner, int64_t to, struct sn_diag *diag)
{
	struct migrator *m = of(base);
	sqlite3_stmt *stmt = NULL;
	int rc = sqlite3_prepare_v2(m->c->db,
		"INSERT INTO sn_schema (owner, version) VALUES (?1, ?2) "
		"ON CONFLICT (owner) DO UPDATE SET version = excluded.version",
		-1, &stmt, NULL);

	if (rc == SQLITE_OK)
		rc = sqlite3_bind_text(stmt, 1, owner, -1, SQLITE_STATIC);
	if (rc == SQLITE_OK)
		rc = sqlite3_bind_int64(stmt, 2, to);
	if (rc == SQLITE_OK)
		rc = sqlite3_step(stmt);
	sqlite3_finalize(stmt);
	return result(m, rc == SQLITE_DONE ? SQLITE_OK : rc, diag);
}

/* We hold the write lock: the copy, made through a connection of its own, is of what was before. */
static int backup(
	struct sn_store_migrator *base, const char *owner, int64_t to_version, struct sn_diag *diag)
{
	struct migrator *m = of(base);
	char *name;
	int err;

	if (strcmp(m->path, ":memory:") == 0)
		return SN_OK;
	name = sn_asprintf("%s.before-%s-%lld", m->path, owner, (long long)to_version);
	err = sn_sqlite_copy(m->path, name, true, diag);
	if (err == SN_OK)
		sn_log(&sn_store_log, SN_LOG_INFO, "backed-up", sn_f_cstr("file", name));
	sn_free(name);
	return err;
}

static const struct sn_store_migrator_ops ops = {
	.begin = begin,
	.end = end,
	.exec = exec,
	.version = version,
	.set_version = set_version,
	.backup = backup,
};

int sn_sqlite_migrate(struct sn_sqlite *c, const char *path,
	const struct sn_store_schema *const *schemas, struct sn_diag *diag)
{
	struct migrator m = { .base = { .ops = &ops, .where = path }, .c = c, .path = path };

	return sn_store_migrate(&m.base, schemas, diag);
}
