/* SPDX-License-Identifier: Apache-2.0 */
/* Between the files of engine/state alone: connections, statements and the words of their errors. */
#ifndef GANTRY_ENGINE_STATE_DATABASE_H
#define GANTRY_ENGINE_STATE_DATABASE_H

#include "lib/base/error.h"

#include <sqlite3.h>
#include <stdbool.h>
#include <stdint.h>

/* The file at path, made with mode 0600 if need be; one that others may read is closed to them. */
int database_prepare_file(const char *path, struct error *err);

/* A connection in WAL mode with a small cache, no automatic checkpoints and a patience of five seconds; for
 * one thread at a time. */
int database_open(const char *path, bool readonly, sqlite3 **ret, struct error *err);

/* Runs statements without results. */
int database_exec(sqlite3 *db, const char *sql, struct error *err);

/* The one integer that sql answers with. */
int database_int(sqlite3 *db, const char *sql, int64_t *ret, struct error *err);

int database_prepare(sqlite3 *db, const char *sql, sqlite3_stmt **ret, struct error *err);

/* Binds texts (NULL is SQL's NULL) to ?1.. of a statement that was reset. */
int database_bind(sqlite3_stmt *stmt, const char *const *texts, int n);

/* Fills err for a result code of db ("cannot <what> the database: ...") with the kind and errno that stand
 * for it. */
int database_error(sqlite3 *db, int code, const char *what, struct error *err);

/* Waits until what was written to the log is on disk. */
int database_sync(sqlite3 *db, struct error *err);

#endif
