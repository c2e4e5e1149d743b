/* SPDX-License-Identifier: Apache-2.0 */
#include "engine/state/database.h"

#include "lib/base/cleanup.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <sys/stat.h>

#define PATIENCE_MS 5000

int database_prepare_file(const char *path, struct error *err)
{
	/* SQLite gives the log and the index the mode of the file. */
	auto_close int fd = open(
		path, O_RDWR | O_CREAT | O_CLOEXEC | O_NOFOLLOW | O_NOCTTY | O_NONBLOCK, 0600);
	struct stat st;

	if (fd < 0)
		return error_sys(err, errno, "cannot open the database '%s'", path);
	if (fstat(fd, &st) < 0)
		return error_sys(err, errno, "cannot look at the database '%s'", path);
	if (!S_ISREG(st.st_mode))
		return error_set(
			err, ERROR_INTERNAL, EUCLEAN, "the database '%s' is not a regular file", path);
	if ((st.st_mode & 07777) != 0600 && fchmod(fd, 0600) < 0)
		return error_sys(err, errno, "cannot close the database '%s' to others", path);
	return 0;
}

static int damaged(sqlite3 *db, const char *what, struct error *err)
{
	return error_set(err, ERROR_INTERNAL, EUCLEAN,
		"cannot %s the database '%s': %s; nothing was changed: restore it from a backup, or move it "
		"away to "
		"begin anew",
		what, sqlite3_db_filename(db, "main"), sqlite3_errmsg(db));
}

int database_error(sqlite3 *db, int code, const char *what, struct error *err)
{
	int kind = ERROR_INTERNAL, e = EIO;

	switch (code & 0xff) {
	case SQLITE_CORRUPT:
	case SQLITE_NOTADB: return damaged(db, what, err);
	case SQLITE_NOMEM: e = ENOMEM; break;
	case SQLITE_FULL:
		kind = ERROR_EXHAUSTED;
		e = ENOSPC;
		break;
	case SQLITE_BUSY:
	case SQLITE_LOCKED:
		kind = ERROR_UNAVAILABLE;
		e = EBUSY;
		break;
	case SQLITE_READONLY:
	case SQLITE_PERM: e = EROFS; break;
	}
	if ((code & 0xff) == SQLITE_IOERR && sqlite3_system_errno(db) > 0)
		return error_sys(err, sqlite3_system_errno(db), "cannot %s the database '%s'", what,
			sqlite3_db_filename(db, "main"));
	return error_set(err, kind, e, "cannot %s the database '%s': %s", what,
		sqlite3_db_filename(db, "main"), sqlite3_errmsg(db));
}

static int configure(sqlite3 *db, struct error *err)
{
	/* The engine reads rows once: a cache would only hold memory. */
	static const char settings[] =
		"PRAGMA cache_size=-64; PRAGMA wal_autocheckpoint=0; PRAGMA mmap_size=0;"
		"PRAGMA trusted_schema=OFF;";
	int r = sqlite3_db_config(db, SQLITE_DBCONFIG_LOOKASIDE, NULL, 0, 0);

	sqlite3_busy_timeout(db, PATIENCE_MS);
	sqlite3_extended_result_codes(db, 1);
	if (r != SQLITE_OK)
		return database_error(db, r, "set up", err);
	return database_exec(db, settings, err);
}

int database_open(const char *path, bool readonly, sqlite3 **ret, struct error *err)
{
	int flags = (readonly ? SQLITE_OPEN_READONLY : SQLITE_OPEN_READWRITE) | SQLITE_OPEN_NOMUTEX |
		    SQLITE_OPEN_NOFOLLOW | SQLITE_OPEN_PRIVATECACHE;
	sqlite3 *db = NULL;
	int code = sqlite3_open_v2(path, &db, flags, NULL);
	int r;

	if (!db)
		return error_set(
			err, ERROR_INTERNAL, ENOMEM, "cannot open the database '%s': out of memory", path);
	if (code != SQLITE_OK)
		r = error_set(err, ERROR_INTERNAL, EIO, "cannot open the database '%s': %s", path,
			sqlite3_errmsg(db));
	else
		r = configure(db, err);
	if (r < 0) {
		sqlite3_close(db);
		return r;
	}
	*ret = db;
	return 0;
}

int database_exec(sqlite3 *db, const char *sql, struct error *err)
{
	int code = sqlite3_exec(db, sql, NULL, NULL, NULL);

	return code == SQLITE_OK ? 0 : database_error(db, code, "use", err);
}

int database_prepare(sqlite3 *db, const char *sql, sqlite3_stmt **ret, struct error *err)
{
	int code = sqlite3_prepare_v3(db, sql, -1, SQLITE_PREPARE_PERSISTENT, ret, NULL);

	return code == SQLITE_OK ? 0 : database_error(db, code, "use", err);
}

int database_int(sqlite3 *db, const char *sql, int64_t *ret, struct error *err)
{
	sqlite3_stmt *stmt = NULL;
	int r = database_prepare(db, sql, &stmt, err);

	if (r < 0)
		return r;
	int code = sqlite3_step(stmt);
	if (code == SQLITE_ROW)
		*ret = sqlite3_column_int64(stmt, 0);
	else
		r = database_error(db, code, "read", err);
	sqlite3_finalize(stmt);
	return r;
}

int database_bind(sqlite3_stmt *stmt, const char *const *texts, int n)
{
	int code = SQLITE_OK;

	for (int i = 0; i < n && code == SQLITE_OK; i++)
		code = texts[i] ? sqlite3_bind_text(stmt, i + 1, texts[i], -1, SQLITE_STATIC)
				: sqlite3_bind_null(stmt, i + 1);
	return code;
}

int database_sync(sqlite3 *db, struct error *err)
{
	sqlite3_file *log = NULL;
	int code = sqlite3_file_control(db, "main", SQLITE_FCNTL_JOURNAL_POINTER, &log);

	if (code == SQLITE_OK && log && log->pMethods)
		code = log->pMethods->xSync(log, SQLITE_SYNC_NORMAL | SQLITE_SYNC_DATAONLY);
	if (code == SQLITE_OK)
		return 0;
	return error_set(err, ERROR_INTERNAL, EIO, "cannot sync the database '%s': %s",
		sqlite3_db_filename(db, "main"), sqlite3_errstr(code));
}
