/* SPDX-License-Identifier: Apache-2.0 */
/*
 * What the engine must know again after it was killed: one row for each noun, in one SQLite file.
 * Responsible for order, durability, unique names and the version of the file; what a row's body means is
 * its owner's business.  The engine keeps its nouns in memory: rows are read at start-up alone.
 *
 * Writes go through one writer thread, which commits everything that waits as one group.  A second thread
 * syncs and moves pages from the write-ahead log into the file, so that no caller waits for either.
 *
 * Durability.  A committed transaction survives the death of the process always.  The death of the machine:
 * a transaction that touches an image, tag, layer, blob, volume or network is on disk when state_commit
 * returns; one that touches containers, endpoints and sandboxes alone is on disk at once (STATE_NOW), within
 * 200 ms (STATE_SOON), or with the next that is (STATE_LAZY).  Order is kept: what was committed later is
 * never there without what was committed before.
 *
 * Threads: every function may be called from any thread, but a transaction belongs to one.
 */
#ifndef GANTRY_ENGINE_STATE_STATE_H
#define GANTRY_ENGINE_STATE_STATE_H

#include "lib/base/error.h"

#include <stddef.h>
#include <stdint.h>

struct state;
struct state_txn;

enum state_kind {
	STATE_CONTAINER,
	STATE_IMAGE,
	STATE_TAG,
	STATE_LAYER,
	STATE_BLOB,
	STATE_VOLUME,
	STATE_NETWORK,
	STATE_ENDPOINT,
	STATE_SANDBOX,
	STATE_KINDS /* how many there are */
};

/* "container", "image", ... */
const char *state_kind_name(enum state_kind kind);

enum state_durability { STATE_LAZY, STATE_SOON, STATE_NOW };

#define STATE_ID_SIZE  512        /* an id with its NUL */
#define STATE_BODY_MAX (16 << 20) /* bytes of a body */

/* Opens or makes the database (mode 0600), brings an older one to this version, starts the threads.
 * Errors: ERROR_UNAVAILABLE (-EBUSY) when another process holds it; ERROR_UNSUPPORTED when a newer gantry
 * wrote it; ERROR_INTERNAL with -EUCLEAN when it is damaged or is no database: nothing is changed then. */
int state_open(const char *path, struct state **ret, struct error *err);

/* Commits what waits, syncs, moves everything into the file and closes it.  NULL is allowed. */
void state_close(struct state *state);

/* ---- writing -------------------------------------------------------------------- */
/* Begins a transaction: a list of changes in memory until state_commit, so it holds no lock and need not be
 * short. NULL without memory, which the functions below accept. */
struct state_txn *state_begin(struct state *state);

/* Adds or replaces a row; all texts are copied.  name: NULL, or unique within the kind (a replaced row gives
 * its old name back).  -EINVAL for an empty or overlong id or an overlong body, -ENOMEM: state_commit fails
 * with the same. */
int state_put(
	struct state_txn *txn, enum state_kind kind, const char *id, const char *name, const char *body);

/* A row that is not there is deleted already. */
int state_delete(struct state_txn *txn, enum state_kind kind, const char *id);

/* A value of the engine itself (instance id, boot id); NULL removes it. */
int state_put_meta(struct state_txn *txn, const char *key, const char *value);

/* Has state_commit write the id of the row that holds a wanted name into buf (at least STATE_ID_SIZE bytes)
 * when it fails with ERROR_CONFLICT. */
void state_want_holder(struct state_txn *txn, char *buf);

/* Makes all changes or none, in their order, and frees the transaction, also on failure.  Blocks until that
 * is done.  ERROR_CONFLICT (-EEXIST): a name is taken, told with the holder's id in the text. */
int state_commit(struct state_txn *txn, enum state_durability durability, struct error *err);

/* Forgets the changes and frees the transaction.  NULL is allowed. */
void state_abort(struct state_txn *txn);

/* ---- reading -------------------------------------------------------------------- */
struct state_row {
	const char *id;
	const char *name; /* NULL: none */
	const char *body;
	size_t body_len;
};

/* Calls back with each row of a kind, in the order in which the ids were first put; the row is valid during
 * the call.  A negative answer ends the walk and is returned.  Sees what was committed before the call. */
int state_each(struct state *state, enum state_kind kind,
	int (*callback)(void *ctx, const struct state_row *row, struct error *err), void *ctx,
	struct error *err);

/* *ret (caller frees) is NULL for a key that was never set. */
int state_meta_get(struct state *state, const char *key, char **ret, struct error *err);

/* One value, on disk when this returns. */
int state_meta_set(struct state *state, const char *key, const char *value, struct error *err);

/* ---- watching ------------------------------------------------------------------- */
struct state_stats {
	uint64_t txns;        /* committed */
	uint64_t groups;      /* commits of SQLite that they took */
	uint64_t synced;      /* of these with synchronous=FULL */
	uint64_t late_syncs;  /* syncs for STATE_SOON */
	uint64_t checkpoints; /* moves into the file */
};
void state_stats(struct state *state, struct state_stats *ret);

#endif
