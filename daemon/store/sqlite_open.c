#include <errno.h>
#include <fcntl.h>
#include <libgen.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/stat.h>
#include <unistd.h>

#include "daemon/base/mem.h"
#include "daemon/store/sqlite_private.h"

#define TEXT_OF(number) TEXT_OF_(number)
#define TEXT_OF_(number) #number

/* In words */

static bool is_disk_full(sqlite3 *db, int rc)
{
	const int system = db != NULL ? sqlite3_system_errno(db) : 0;

	return (rc & 0xff) == SQLITE_FULL ||
		((rc & 0xff) == SQLITE_IOERR && (system == ENOSPC || system == EDQUOT));
}

int sn_sqlite_explain(sqlite3 *db, int rc, const char *path, struct sn_diag *diag)
{
	const char *text = db != NULL ? sqlite3_errmsg(db) : sqlite3_errstr(rc);

	if (is_disk_full(db, rc))
		return sn_diag_set(diag, SN_EUNAVAILABLE, 0,
			"%s: the disk is full: free some space and try again", path);
	switch (rc & 0xff) {
	case SQLITE_NOTADB:
		return sn_diag_set(diag, SN_ECORRUPT, 0,
			"%s: not an SQLite database (overwritten, or another file): move it away "
			"and restore a backup",
			path);
	case SQLITE_CORRUPT:
		return sn_diag_set(diag, SN_ECORRUPT, 0,
			"%s: damaged (%s): restore a backup, or save what is left: sqlite3 %s "
			".recover",
			path, text, path);
	case SQLITE_BUSY:
	case SQLITE_LOCKED:
		return sn_diag_set(diag, SN_ELOCKED, 0,
			"%s: locked by another program for %d s: end it (fuser %s) and try again",
			path, SN_SQLITE_BUSY_MS / 1000, path);
	case SQLITE_READONLY:
	case SQLITE_CANTOPEN:
	case SQLITE_PERM:
	case SQLITE_AUTH:
		return sn_diag_set(diag, SN_EDENIED, 0,
			"%s: user %u may not write here (%s): the file, those beside it (-wal, "
			"-shm) and their folder must be writable",
			path, (unsigned)geteuid(), text);
	case SQLITE_IOERR:
		return sn_diag_set(diag, SN_EUNAVAILABLE, 0,
			"%s: input or output failed (%s): look after the disk; the kernel's log "
			"says more",
			path, text);
	default:
		return sn_diag_set(diag, SN_ESQL, 0, "%s: %s", path, text);
	}
}

/* Before the engine is asked, whose "unable to open database file" means many things. */
static int check_folder(const char *path, struct sn_diag *diag)
{
	char *copy = sn_strdup(path);
	const char *folder = dirname(copy);
	struct stat st;
	int err = SN_OK;

	if (stat(folder, &st) != 0)
		err = sn_diag_set(diag, -errno, 0, "%s: folder %s: %s: create it first", path,
			folder, sn_strerror(-errno));
	else if (faccessat(AT_FDCWD, folder, W_OK | X_OK, AT_EACCESS) != 0)
		err = sn_diag_set(diag, SN_EDENIED, 0,
			"%s: user %u may not write in folder %s (%s): make it writable, or choose "
			"another state directory",
			path, (unsigned)geteuid(), folder, sn_strerror(-errno));
	sn_free(copy);
	return err;
}

/* Connections */

static int configure(sqlite3 *db)
{
	static const char settings[] = "PRAGMA synchronous=FULL;"
				       "PRAGMA foreign_keys=ON;"
				       "PRAGMA cell_size_check=ON;"
				       "PRAGMA temp_store=MEMORY;"
				       "PRAGMA journal_size_limit=67108864;";

	sqlite3_busy_timeout(db, SN_SQLITE_BUSY_MS);
	/* "text" in double quotes is a column, as in PostgreSQL. */
	sqlite3_db_config(db, SQLITE_DBCONFIG_DQS_DML, 0, NULL);
	sqlite3_db_config(db, SQLITE_DBCONFIG_DQS_DDL, 0, NULL);
	sqlite3_db_config(db, SQLITE_DBCONFIG_DEFENSIVE, 1, NULL);
	return sqlite3_exec(db, settings, NULL, NULL, NULL);
}

static int connect_to(struct sn_sqlite *c, const char *path, struct sn_diag *diag)
{
	const int flags = SQLITE_OPEN_READWRITE | SQLITE_OPEN_NOMUTEX | SQLITE_OPEN_EXRESCODE;
	int rc, err = SN_OK;

	*c = (struct sn_sqlite){ .db = NULL };
	rc = sqlite3_open_v2(path, &c->db, flags, NULL);
	if (rc == SQLITE_OK)
		rc = configure(c->db);
	if (rc == SQLITE_OK && sqlite3_db_readonly(c->db, "main") == 1)
		rc = SQLITE_READONLY;
	if (rc != SQLITE_OK) {
		err = sn_sqlite_explain(c->db, rc, path, diag);
		sn_sqlite_fini(c);
	}
	return err;
}

/* What makes a file ours. The log mode stays with the file. */
static int found(sqlite3 *db)
{
	static const char statements[] = "PRAGMA application_id=" TEXT_OF(
		SN_SQLITE_APPLICATION_ID) ";" SN_STORE_SCHEMA_TABLE ";PRAGMA journal_mode=WAL;";

	return sqlite3_exec(db, statements, NULL, NULL, NULL);
}

static int found_at(const char *temporary, const char *path, struct sn_diag *diag)
{
	struct sn_sqlite c;
	int rc, err = connect_to(&c, temporary, diag);

	if (err != SN_OK)
		return err;
	rc = found(c.db);
	if (rc != SQLITE_OK)
		err = sn_sqlite_explain(c.db, rc, path, diag);
	sn_sqlite_fini(&c);
	return err;
}

/*
 * Under its name a file is complete from the first moment on: an empty one has lost its contents.
 * Two programs that start at once agree on one file.
 */
static int create(const char *path, struct sn_diag *diag)
{
	char *temporary = sn_asprintf("%s.new-XXXXXX", path);
	int err, fd = mkostemp(temporary, O_CLOEXEC);

	if (fd < 0) {
		err = sn_diag_set(
			diag, -errno, 0, "%s: cannot be created: %s", path, sn_strerror(-errno));
		sn_free(temporary);
		return err;
	}
	close(fd);
	err = found_at(temporary, path, diag);
	if (err == SN_OK && link(temporary, path) != 0 && errno != EEXIST)
		err = sn_diag_set(
			diag, -errno, 0, "%s: cannot be created: %s", path, sn_strerror(-errno));
	unlink(temporary);
	sn_free(temporary);
	if (err == SN_OK)
		sn_sqlite_sync_folder(path);
	return err;
}

static int open_memory(struct sn_sqlite *c, struct sn_diag *diag)
{
	int rc, err = connect_to(c, ":memory:", diag);

	if (err != SN_OK)
		return err;
	rc = found(c->db);
	if (rc == SQLITE_OK)
		return SN_OK;
	err = sn_sqlite_explain(c->db, rc, "memory", diag);
	sn_sqlite_fini(c);
	return err;
}

int sn_sqlite_open(struct sn_sqlite *c, const char *path, struct sn_diag *diag)
{
	struct stat st;
	int err;

	if (strcmp(path, ":memory:") == 0)
		return open_memory(c, diag);
	err = check_folder(path, diag);
	if (err == SN_OK && stat(path, &st) != 0)
		err = errno == ENOENT
			? create(path, diag)
			: sn_diag_set(diag, -errno, 0, "%s: %s", path, sn_strerror(-errno));
	else if (err == SN_OK && st.st_size == 0)
		err = sn_diag_set(diag, SN_ECORRUPT, 0,
			"%s: empty, its contents are lost: restore a backup, or remove it to "
			"begin anew",
			path);
	return err == SN_OK ? connect_to(c, path, diag) : err;
}

/* Checks */

static int on_finding(void *context, int columns, char **texts, char **names)
{
	char *finding = context;

	(void)names;
	if (columns > 0 && texts[0] != NULL)
		snprintf(finding, 120, "%s", texts[0]);
	return 0;
}

int sn_sqlite_check_pages(struct sn_sqlite *c, const char *path, struct sn_diag *diag)
{
	char finding[120] = "";
	int rc = sqlite3_exec(c->db, "PRAGMA quick_check(1)", on_finding, finding, NULL);

	if (rc != SQLITE_OK)
		return sn_sqlite_explain(c->db, rc, path, diag);
	for (char *at = finding; *at != '\0'; at++)
		*at = *at == '\n' ? ' ' : *at;
	if (strcmp(finding, "ok") == 0)
		return SN_OK;
	return sn_diag_set(diag, SN_ECORRUPT, 0,
		"%s: damaged (%s): restore a backup, or save what is left: sqlite3 %s .recover",
		path, finding, path);
}

static int check_mode(struct sn_sqlite *c, const char *path, struct sn_diag *diag)
{
	char mode[120] = "";
	int rc = sqlite3_exec(c->db, "PRAGMA journal_mode=WAL", on_finding, mode, NULL);

	if (rc != SQLITE_OK)
		return sn_sqlite_explain(c->db, rc, path, diag);
	if (strcmp(mode, "wal") == 0 || strcmp(mode, "memory") == 0)
		return SN_OK;
	return sn_diag_set(diag, SN_EUNSUPPORTED, 0,
		"%s: this file system has no shared memory for a write-ahead log: choose a local "
		"folder",
		path);
}

int sn_sqlite_check(struct sn_sqlite *c, const char *path, struct sn_diag *diag)
{
	int64_t id = 0;
	int rc, err = check_mode(c, path, diag);

	if (err != SN_OK)
		return err;
	rc = sn_sqlite_integer(c, "PRAGMA application_id", &id);
	if (rc != SQLITE_OK)
		return sn_sqlite_explain(c->db, rc, path, diag);
	if (id != SN_SQLITE_APPLICATION_ID)
		return sn_diag_set(diag, SN_ECONFIG, 0,
			"%s: a database of another program: give another path", path);
	return SN_OK;
}
