/* SPDX-License-Identifier: Apache-2.0 */
/* A group of transactions is one of SQLite's; each of them is a savepoint, so that one that fails leaves the
 * others alone. */
#include "engine/state/database.h"
#include "engine/state/schema.h"
#include "engine/state/txn.h"

#include <errno.h>
#include <stdio.h>

static int prepare_statements(struct group *g, struct error *err)
{
	const struct {
		sqlite3_stmt **stmt;
		const char *sql;
	} all[] = {
		/* By itself the upsert would write the index of names at every change of a body. */
		{ &g->update_body, "UPDATE noun SET body = ?4 WHERE kind = ?1 AND id = ?2 AND name IS ?3" },
		{ &g->put,
			"INSERT INTO noun (kind, id, name, body) VALUES (?1, ?2, ?3, ?4)"
			" ON CONFLICT (kind, id) DO UPDATE SET name = excluded.name, body = excluded.body" },
		{ &g->delete_noun, "DELETE FROM noun WHERE kind = ?1 AND id = ?2" },
		{ &g->holder, "SELECT id FROM noun WHERE kind = ?1 AND name = ?2" },
		{ &g->put_meta, "INSERT INTO meta (key, value) VALUES (?1, ?2)"
				" ON CONFLICT (key) DO UPDATE SET value = excluded.value" },
		{ &g->delete_meta, "DELETE FROM meta WHERE key = ?1" },
	};

	for (size_t i = 0; i < sizeof all / sizeof *all; i++) {
		int r = database_prepare(g->db, all[i].sql, all[i].stmt, err);
		if (r < 0)
			return r;
	}
	return 0;
}

static int set_journal(struct group *g, struct error *err)
{
	sqlite3_stmt *stmt = NULL;
	int r = database_prepare(g->db, "PRAGMA journal_mode=WAL", &stmt, err);

	if (r < 0)
		return r;
	int code = sqlite3_step(stmt);
	const char *mode = code == SQLITE_ROW ? (const char *)sqlite3_column_text(stmt, 0) : NULL;
	if (code != SQLITE_ROW)
		r = database_error(g->db, code, "open", err);
	else if (!mode || sqlite3_stricmp(mode, "wal") != 0)
		r = error_set(err, ERROR_UNSUPPORTED, EOPNOTSUPP,
			"the database '%s' cannot have a write-ahead log: its file system does not share "
			"memory",
			sqlite3_db_filename(g->db, "main"));
	sqlite3_finalize(stmt);
	return r;
}

int group_init(struct group *g, const char *path, struct error *err)
{
	*g = (struct group){ 0 };
	int r = database_open(path, false, &g->db, err);

	if (r == 0)
		r = schema_migrate(g->db, schema_steps, schema_version, err);
	if (r == 0)
		r = set_journal(g, err);
	if (r == 0)
		r = prepare_statements(g, err);
	if (r == 0)
		r = database_exec(g->db, "PRAGMA synchronous=NORMAL", err);
	if (r < 0)
		group_done(g);
	return r;
}

void group_done(struct group *g)
{
	sqlite3_stmt *all[] = { g->update_body, g->put, g->delete_noun, g->holder, g->put_meta,
		g->delete_meta };

	for (size_t i = 0; i < sizeof all / sizeof *all; i++)
		sqlite3_finalize(all[i]);
	sqlite3_close(g->db);
	*g = (struct group){ 0 };
}

static int run(sqlite3_stmt *stmt, const char *const *texts, int n)
{
	int code = database_bind(stmt, texts, n);

	if (code == SQLITE_OK)
		code = sqlite3_step(stmt);
	sqlite3_reset(stmt);
	sqlite3_clear_bindings(stmt);
	return code == SQLITE_DONE ? SQLITE_OK : code;
}

static int tell_conflict(struct group *g, const struct change *c, struct state_txn *txn)
{
	const char *kind = state_kind_name(c->kind);
	char id[STATE_ID_SIZE] = "";

	if (database_bind(g->holder, (const char *const[]){ kind, c->name }, 2) == SQLITE_OK &&
		sqlite3_step(g->holder) == SQLITE_ROW)
		snprintf(id, sizeof id, "%s", (const char *)sqlite3_column_text(g->holder, 0));
	sqlite3_reset(g->holder);
	if (txn->holder)
		snprintf(txn->holder, STATE_ID_SIZE, "%s", id);
	return error_set(&txn->error, ERROR_CONFLICT, EEXIST, "the name '%s' is already in use by %s '%s'",
		c->name, kind, id);
}

static int put_noun(struct group *g, const struct change *c, struct state_txn *txn)
{
	const char *const texts[] = { state_kind_name(c->kind), c->id, c->name, c->body };
	int code = run(g->update_body, texts, 4);

	if (code == SQLITE_OK && sqlite3_changes(g->db) == 0)
		code = run(g->put, texts, 4);
	if (code == SQLITE_CONSTRAINT_UNIQUE && c->name)
		return tell_conflict(g, c, txn);
	return code == SQLITE_OK ? 0 : database_error(g->db, code, "write to", &txn->error);
}

static int apply_change(struct group *g, const struct change *c, struct state_txn *txn)
{
	const char *const noun[] = { state_kind_name(c->kind), c->id };
	const char *const meta[] = { c->id, c->body };
	int code = SQLITE_OK;

	switch (c->verb) {
	case CHANGE_PUT: return put_noun(g, c, txn);
	case CHANGE_DELETE: code = run(g->delete_noun, noun, 2); break;
	case CHANGE_META: code = c->body ? run(g->put_meta, meta, 2) : run(g->delete_meta, meta, 1); break;
	}
	return code == SQLITE_OK ? 0 : database_error(g->db, code, "write to", &txn->error);
}

/* Applies one transaction whole or not at all.  A negative answer: SQLite gave up the whole group. */
static int apply_txn(struct group *g, struct state_txn *txn, struct error *err)
{
	int r = database_exec(g->db, "SAVEPOINT txn", err);

	if (r < 0)
		return r;
	txn->result = 0;
	for (const struct change *c = txn->first; c && txn->result == 0; c = c->next)
		txn->result = apply_change(g, c, txn);
	if (sqlite3_get_autocommit(g->db)) {
		*err = txn->error;
		return txn->result;
	}
	if (txn->result < 0)
		r = database_exec(g->db, "ROLLBACK TO txn", err);
	return r < 0 ? r : database_exec(g->db, "RELEASE txn", err);
}

/* Inside a transaction the pragma is refused, silently. */
static int set_synchronous(struct group *g, bool full, struct error *err)
{
	int64_t is = -1;

	if (g->full == full)
		return 0;
	int r = database_exec(g->db, full ? "PRAGMA synchronous=FULL" : "PRAGMA synchronous=NORMAL", err);
	if (r == 0)
		r = database_int(g->db, "PRAGMA synchronous", &is, err);
	if (r < 0)
		return r;
	if (is != (full ? 2 : 1))
		return error_set(err, ERROR_INTERNAL, EIO, "the database did not change how it syncs");
	g->full = full;
	return 0;
}

int group_commit(struct group *g, struct state_txn *list, bool full)
{
	struct error err = ERROR_INIT;
	int r = set_synchronous(g, full, &err);

	if (r == 0)
		r = database_exec(g->db, "BEGIN IMMEDIATE", &err);
	for (struct state_txn *t = list; t && r == 0; t = t->next)
		r = apply_txn(g, t, &err);
	if (r == 0)
		r = database_exec(g->db, "COMMIT", &err);
	if (r == 0)
		return 0;
	if (!sqlite3_get_autocommit(g->db))
		sqlite3_exec(g->db, "ROLLBACK", NULL, NULL, NULL);
	for (struct state_txn *t = list; t; t = t->next) {
		if (t->result < 0)
			continue;
		t->result = r;
		t->error = err;
	}
	return r;
}
