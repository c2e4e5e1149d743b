/* SPDX-License-Identifier: Apache-2.0 */
/* Reading at start-up: through a connection of its own, which is closed again for its memory. */
#include "engine/state/database.h"
#include "engine/state/state.h"
#include "engine/state/threads.h"

#include <errno.h>
#include <string.h>

static int each_row(sqlite3 *db, sqlite3_stmt *stmt,
	int (*callback)(void *ctx, const struct state_row *row, struct error *err), void *ctx,
	struct error *err)
{
	for (;;) {
		int code = sqlite3_step(stmt);
		if (code == SQLITE_DONE)
			return 0;
		if (code != SQLITE_ROW)
			return database_error(db, code, "read", err);
		struct state_row row = {
			.id = (const char *)sqlite3_column_text(stmt, 0),
			.name = (const char *)sqlite3_column_text(stmt, 1),
			.body = (const char *)sqlite3_column_text(stmt, 2),
			.body_len = (size_t)sqlite3_column_bytes(stmt, 2),
		};
		if (!row.id || !row.body)
			return error_set(
				err, ERROR_INTERNAL, ENOMEM, "cannot read the database: out of memory");
		int r = callback(ctx, &row, err);
		if (r < 0)
			return r;
	}
}

static int open_query(struct state *state, const char *sql, const char *arg, sqlite3 **ret_db,
	sqlite3_stmt **ret, struct error *err)
{
	int r = database_open(state_path(state), true, ret_db, err);

	if (r < 0)
		return r;
	r = database_prepare(*ret_db, sql, ret, err);
	if (r == 0 && database_bind(*ret, &arg, 1) != SQLITE_OK)
		r = error_set(err, ERROR_INTERNAL, ENOMEM, "cannot read the database: out of memory");
	return r;
}

static void close_query(sqlite3 *db, sqlite3_stmt *stmt)
{
	sqlite3_finalize(stmt);
	sqlite3_close(db);
}

int state_each(struct state *state, enum state_kind kind,
	int (*callback)(void *ctx, const struct state_row *row, struct error *err), void *ctx,
	struct error *err)
{
	sqlite3 *db = NULL;
	sqlite3_stmt *stmt = NULL;
	int r = open_query(state, "SELECT id, name, body FROM noun WHERE kind = ?1 ORDER BY seq",
		state_kind_name(kind), &db, &stmt, err);

	if (r == 0)
		r = each_row(db, stmt, callback, ctx, err);
	close_query(db, stmt);
	return r;
}

int state_meta_get(struct state *state, const char *key, char **ret, struct error *err)
{
	sqlite3 *db = NULL;
	sqlite3_stmt *stmt = NULL;
	char *value = NULL;
	int r = open_query(state, "SELECT value FROM meta WHERE key = ?1", key, &db, &stmt, err);

	if (r == 0) {
		int code = sqlite3_step(stmt);
		if (code == SQLITE_ROW) {
			const char *text = (const char *)sqlite3_column_text(stmt, 0);
			value = text ? strdup(text) : NULL;
			if (!value)
				r = error_set(err, ERROR_INTERNAL, ENOMEM,
					"cannot read the database: out of memory");
		} else if (code != SQLITE_DONE) {
			r = database_error(db, code, "read", err);
		}
	}
	close_query(db, stmt);
	if (r == 0)
		*ret = value;
	return r;
}
