/* SPDX-License-Identifier: Apache-2.0 */
/* Between the files of engine/state alone: a transaction as it waits, and the writer's work on a group. */
#ifndef GANTRY_ENGINE_STATE_TXN_H
#define GANTRY_ENGINE_STATE_TXN_H

#include "engine/state/state.h"

#include <pthread.h>
#include <sqlite3.h>
#include <stdbool.h>

enum change_verb { CHANGE_PUT, CHANGE_DELETE, CHANGE_META };

struct change {
	struct change *next;
	enum change_verb verb;
	enum state_kind kind;
	const char *id; /* or the key of a meta value; all in the same allocation */
	const char *name;
	const char *body; /* or the value; NULL removes it */
};

struct state_txn {
	struct state *state;
	struct change *first, *last;
	int failed;    /* what an earlier call on it answered */
	bool critical; /* touches a kind that must not be lost */
	enum state_durability durability;
	char *holder; /* the caller's buffer, or NULL */

	/* while it waits */
	struct state_txn *next;
	pthread_cond_t done_cond;
	bool done;
	int result;
	struct error error;
};

/* The writer's connection and its statements. */
struct group {
	sqlite3 *db;
	sqlite3_stmt *update_body, *put, *delete_noun, *holder, *put_meta, *delete_meta;
	bool full; /* synchronous is FULL now */
};

int group_init(struct group *group, const char *path, struct error *err);
void group_done(struct group *group);

/* Commits all transactions of the list as one; fills result and error of each.  full: all of them are on disk
 * then. Returns 0, or a negative errno when nothing at all was committed. */
int group_commit(struct group *group, struct state_txn *list, bool full);

#endif
