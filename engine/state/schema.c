/* SPDX-License-Identifier: Apache-2.0 */
#include "engine/state/schema.h"

#include "engine/state/database.h"

#include <errno.h>
#include <inttypes.h>
#include <stdio.h>
#include <string.h>

/* "GNTR": what file(1) may tell the database by. */
#define APPLICATION_ID 0x474e5452

/* A rowid table: bodies are long, and the rowid keeps the order in which rows came. */
const char *const schema_steps[] = {
	"CREATE TABLE noun ("
	" seq INTEGER PRIMARY KEY,"
	" kind TEXT NOT NULL,"
	" id TEXT NOT NULL,"
	" name TEXT,"
	" body TEXT NOT NULL,"
	" UNIQUE (kind, id));"
	"CREATE UNIQUE INDEX noun_name ON noun (kind, name) WHERE name IS NOT NULL;"
	"CREATE TABLE meta (key TEXT PRIMARY KEY, value TEXT NOT NULL) WITHOUT ROWID;",
};
const size_t schema_version = sizeof schema_steps / sizeof *schema_steps;

static int check_structure(sqlite3 *db, struct error *err)
{
	sqlite3_stmt *stmt = NULL;
	int r = database_prepare(db, "PRAGMA quick_check(1)", &stmt, err);

	if (r < 0)
		return r;
	int code = sqlite3_step(stmt);
	const char *answer = code == SQLITE_ROW ? (const char *)sqlite3_column_text(stmt, 0) : NULL;
	if (code != SQLITE_ROW)
		r = database_error(db, code, "check", err);
	else if (!answer || strcmp(answer, "ok") != 0)
		r = error_set(err, ERROR_INTERNAL, EUCLEAN,
			"the database '%s' is damaged: %s; nothing was changed: restore it from a backup, or "
			"move it "
			"away to begin anew",
			sqlite3_db_filename(db, "main"), answer ? answer : "no answer");
	sqlite3_finalize(stmt);
	return r;
}

static int check_owner(sqlite3 *db, int64_t version, struct error *err)
{
	int64_t id = 0, tables = 0;
	int r = database_int(db, "PRAGMA application_id", &id, err);

	if (r == 0 && version == 0)
		r = database_int(db, "SELECT count(*) FROM sqlite_schema", &tables, err);
	if (r < 0)
		return r;
	if (version > 0 ? id == APPLICATION_ID : tables == 0)
		return 0;
	return error_set(err, ERROR_INTERNAL, EUCLEAN,
		"the database '%s' was not made by gantry; nothing was changed: move it away to begin anew",
		sqlite3_db_filename(db, "main"));
}

static int take_steps(sqlite3 *db, const char *const *steps, size_t from, size_t to, struct error *err)
{
	char mark[96];
	int r = 0;

	for (size_t i = from; i < to && r == 0; i++)
		r = database_exec(db, steps[i], err);
	if (r < 0)
		return error_prefix(err, r, "cannot bring the database from version %zu to %zu", from, to);
	snprintf(mark, sizeof mark, "PRAGMA application_id=%d; PRAGMA user_version=%zu", APPLICATION_ID, to);
	return database_exec(db, mark, err);
}

int schema_migrate(sqlite3 *db, const char *const *steps, size_t n, struct error *err)
{
	int64_t version = 0;
	int r = database_int(db, "PRAGMA user_version", &version, err);

	if (r == 0)
		r = check_structure(db, err);
	if (r == 0)
		r = check_owner(db, version, err);
	if (r < 0)
		return r;
	if (version < 0 || (uint64_t)version > n)
		return error_set(err, ERROR_UNSUPPORTED, EPROTO,
			"the database '%s' has version %" PRId64
			", this gantry knows versions up to %zu: start the "
			"newer gantry that wrote it",
			sqlite3_db_filename(db, "main"), version, n);
	if ((size_t)version == n)
		return 0;
	r = database_exec(db, "PRAGMA synchronous=FULL; BEGIN EXCLUSIVE", err);
	if (r < 0)
		return r;
	r = take_steps(db, steps, (size_t)version, n, err);
	if (r == 0)
		r = database_exec(db, "COMMIT", err);
	if (r < 0)
		sqlite3_exec(db, "ROLLBACK", NULL, NULL, NULL);
	return r;
}
