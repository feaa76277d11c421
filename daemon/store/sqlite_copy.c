#include <errno.h>
#include <fcntl.h>
#include <libgen.h>
#include <stdio.h>
#include <unistd.h>

#include "daemon/base/mem.h"
#include "daemon/store/sqlite_private.h"

static int sync_path(const char *path, int flags)
{
	int fd = open(path, flags | O_CLOEXEC);
	int err = fd < 0 || fsync(fd) != 0 ? -errno : SN_OK;

	if (fd >= 0)
		close(fd);
	return err;
}

void sn_sqlite_sync_folder(const char *path)
{
	char *copy = sn_strdup(path);

	(void)sync_path(dirname(copy), O_RDONLY | O_DIRECTORY);
	sn_free(copy);
}

/* Into an empty file that is there already, so that it is never readable by others. */
static int vacuum_into(sqlite3 *db, const char *to)
{
	sqlite3_stmt *stmt = NULL;
	int rc = sqlite3_prepare_v2(db, "VACUUM INTO ?1", -1, &stmt, NULL);

	if (rc == SQLITE_OK)
		rc = sqlite3_bind_text(stmt, 1, to, -1, SQLITE_STATIC);
	if (rc == SQLITE_OK)
		rc = sqlite3_step(stmt);
	sqlite3_finalize(stmt);
	return rc == SQLITE_DONE ? SQLITE_OK : rc;
}

static int fill(const char *from, const char *to, struct sn_diag *diag)
{
	sqlite3 *db = NULL;
	int err = SN_OK;
	int rc = sqlite3_open_v2(from, &db,
		SQLITE_OPEN_READWRITE | SQLITE_OPEN_NOMUTEX | SQLITE_OPEN_EXRESCODE, NULL);

	if (rc == SQLITE_OK)
		rc = sqlite3_busy_timeout(db, SN_SQLITE_BUSY_MS);
	if (rc == SQLITE_OK)
		rc = vacuum_into(db, to);
	if (rc != SQLITE_OK)
		err = sn_sqlite_explain(db, rc, to, diag);
	sqlite3_close(db);
	return err;
}

static int publish(const char *part, const char *to, bool replace)
{
	if (replace)
		return rename(part, to) == 0 ? SN_OK : -errno;
	if (link(part, to) != 0)
		return -errno;
	unlink(part);
	return SN_OK;
}

int sn_sqlite_copy(const char *from, const char *to, bool replace, struct sn_diag *diag)
{
	char *part = sn_asprintf("%s.part", to);
	int fd = open(part, O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC | O_NOFOLLOW, 0600);
	int err;

	if (fd < 0) {
		err = sn_diag_set(diag, -errno, 0, "%s: %s", part, sn_strerror(-errno));
		sn_free(part);
		return err;
	}
	close(fd);
	err = fill(from, part, diag);
	if (err == SN_OK) {
		err = sync_path(part, O_RDONLY);
		if (err == SN_OK)
			err = publish(part, to, replace);
		if (err == -EEXIST)
			sn_diag_set(diag, err, 0, "%s: exists: give another name", to);
		else if (err != SN_OK)
			sn_diag_set(diag, err, 0, "%s: %s", to, sn_strerror(err));
	}
	if (err != SN_OK)
		unlink(part);
	else
		sn_sqlite_sync_folder(to);
	sn_free(part);
	return err;
}
