/* SPDX-License-Identifier: Apache-2.0 */
#include "engine/state/state.h"

#include "engine/state/database.h"
#include "engine/state/threads.h"
#include "engine/state/txn.h"
#include "lib/base/clock.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

/* Half of what is promised: a sync takes its time. */
#define SYNC_DELAY (100 * CLOCK_MS)
/* The log is moved into the file above the first size when nobody has written for a while, above the second
 * at once. */
#define LOG_PAGES_IDLE   256
#define LOG_PAGES_ALWAYS 8192
#define IDLE_TIME        (500 * CLOCK_MS)
/* So that the first of a group does not wait for hundreds of others. */
#define GROUP_MAX    256
#define THREAD_STACK (256 << 10)

struct state {
	char *path;
	struct group group;
	sqlite3 *keeper_db;
	pthread_t writer, keeper;

	pthread_mutex_t lock; /* all below */
	pthread_cond_t work;  /* for the writer: first, closing */
	pthread_cond_t keep;  /* for the keeper */
	struct state_txn *first, *last;
	bool closing, writer_ended;
	uint64_t written, synced; /* groups committed; of these on disk */
	int64_t sync_deadline;    /* monotonic; 0: none */
	int64_t last_write;
	int log_pages;
	struct state_stats stats;
};

static const char *const kind_names[STATE_KINDS] = {
	[STATE_CONTAINER] = "container",
	[STATE_IMAGE] = "image",
	[STATE_TAG] = "tag",
	[STATE_LAYER] = "layer",
	[STATE_BLOB] = "blob",
	[STATE_VOLUME] = "volume",
	[STATE_NETWORK] = "network",
	[STATE_ENDPOINT] = "endpoint",
	[STATE_SANDBOX] = "sandbox",
};

const char *state_kind_name(enum state_kind kind)
{
	return kind_names[kind];
}

const char *state_path(const struct state *state)
{
	return state->path;
}

/* ---- transactions --------------------------------------------------------------- */

struct state_txn *state_begin(struct state *state)
{
	struct state_txn *txn = calloc(1, sizeof *txn);

	if (txn)
		txn->state = state;
	return txn;
}

static void free_txn(struct state_txn *txn)
{
	for (struct change *c = txn->first, *next; c; c = next) {
		next = c->next;
		free(c);
	}
	free(txn);
}

void state_abort(struct state_txn *txn)
{
	if (txn)
		free_txn(txn);
}

void state_want_holder(struct state_txn *txn, char *buf)
{
	buf[0] = '\0';
	if (txn)
		txn->holder = buf;
}

static const char *copy_text(char **at, const char *text)
{
	if (!text)
		return NULL;
	size_t n = strlen(text) + 1;
	char *copy = memcpy(*at, text, n);
	*at += n;
	return copy;
}

static int fail_txn(struct state_txn *txn, int r)
{
	if (txn->failed == 0)
		txn->failed = r;
	return r;
}

static size_t text_size(const char *text)
{
	return text ? strlen(text) + 1 : 0;
}

/* One allocation for a change and its texts. */
static int add_change(struct state_txn *txn, struct change change)
{
	if (!txn)
		return -ENOMEM;
	size_t id = text_size(change.id), name = text_size(change.name), body = text_size(change.body);
	if (id < 2 || id > STATE_ID_SIZE || name == 1 || name > STATE_ID_SIZE || body > STATE_BODY_MAX)
		return fail_txn(txn, -EINVAL);
	struct change *c = malloc(sizeof *c + id + name + body);
	if (!c)
		return fail_txn(txn, -ENOMEM);
	*c = change;
	char *at = (char *)(c + 1);
	c->id = copy_text(&at, change.id);
	c->name = copy_text(&at, change.name);
	c->body = copy_text(&at, change.body);
	if (txn->last)
		txn->last->next = c;
	else
		txn->first = c;
	txn->last = c;
	return 0;
}

static bool is_critical(enum state_kind kind)
{
	return kind != STATE_CONTAINER && kind != STATE_ENDPOINT && kind != STATE_SANDBOX;
}

int state_put(struct state_txn *txn, enum state_kind kind, const char *id, const char *name, const char *body)
{
	if (txn && is_critical(kind))
		txn->critical = true;
	return add_change(txn,
		(struct change){
			.verb = CHANGE_PUT, .kind = kind, .id = id, .name = name, .body = body ? body : "" });
}

int state_delete(struct state_txn *txn, enum state_kind kind, const char *id)
{
	if (txn && is_critical(kind))
		txn->critical = true;
	return add_change(txn, (struct change){ .verb = CHANGE_DELETE, .kind = kind, .id = id });
}

int state_put_meta(struct state_txn *txn, const char *key, const char *value)
{
	if (txn)
		txn->critical = true;
	return add_change(txn, (struct change){ .verb = CHANGE_META, .id = key, .body = value });
}

/* ---- the writer ------------------------------------------------------------------- */

static bool needs_full(const struct state_txn *txn)
{
	return txn->critical || txn->durability == STATE_NOW;
}

/* Takes what waits, at most GROUP_MAX.  Under the lock. */
static struct state_txn *take_group(struct state *s, bool *ret_full)
{
	struct state_txn *list = s->first, *end = list;
	bool full = needs_full(end);

	for (size_t n = 1; n < GROUP_MAX && end->next; n++) {
		end = end->next;
		full = full || needs_full(end);
	}
	s->first = end->next;
	if (!s->first)
		s->last = NULL;
	end->next = NULL;
	*ret_full = full;
	return list;
}

/* What the commit of a group means for the keeper.  Under the lock. */
static void note_group(struct state *s, const struct state_txn *list, bool full)
{
	bool soon = false;

	for (const struct state_txn *t = list; t; t = t->next) {
		s->stats.txns += t->result == 0;
		soon = soon || (t->result == 0 && t->durability == STATE_SOON);
	}
	s->stats.groups++;
	s->stats.synced += full;
	s->written++;
	s->last_write = clock_mono_ns();
	if (full) {
		s->synced = s->written;
		s->sync_deadline = 0;
	} else if (soon && s->sync_deadline == 0) {
		s->sync_deadline = s->last_write + SYNC_DELAY;
		pthread_cond_signal(&s->keep);
	}
	if (s->log_pages >= LOG_PAGES_IDLE)
		pthread_cond_signal(&s->keep);
}

/* A transaction is its caller's again as soon as done is seen: next is read before. */
static void answer_group(struct state_txn *list)
{
	for (struct state_txn *t = list, *next; t; t = next) {
		next = t->next;
		t->done = true;
		pthread_cond_signal(&t->done_cond);
	}
}

static void *write_groups(void *arg)
{
	struct state *s = arg;
	bool full;

	pthread_mutex_lock(&s->lock);
	for (;;) {
		while (!s->first && !s->closing)
			pthread_cond_wait(&s->work, &s->lock);
		if (!s->first)
			break;
		struct state_txn *list = take_group(s, &full);
		pthread_mutex_unlock(&s->lock);
		int r = group_commit(&s->group, list, full);
		pthread_mutex_lock(&s->lock);
		if (r == 0)
			note_group(s, list, full);
		answer_group(list);
	}
	s->writer_ended = true;
	pthread_cond_signal(&s->keep);
	pthread_mutex_unlock(&s->lock);
	return NULL;
}

/* Called by SQLite in the writer after each commit. */
static int note_log_size(void *arg, sqlite3 *db, const char *name, int pages)
{
	struct state *s = arg;

	(void)db;
	(void)name;
	pthread_mutex_lock(&s->lock);
	s->log_pages = pages;
	pthread_mutex_unlock(&s->lock);
	return SQLITE_OK;
}

static int refuse(struct state_txn *txn, struct error *err)
{
	int r = txn ? txn->failed : -ENOMEM;

	if (txn)
		free_txn(txn);
	if (r == -ENOMEM)
		return error_set(err, ERROR_INTERNAL, ENOMEM, "cannot write to the database: out of memory");
	return error_set(err, ERROR_INVALID, -r,
		"cannot write to the database: an empty or overlong id, name or body");
}

static void wait_for_writer(struct state *s, struct state_txn *txn)
{
	pthread_cond_init(&txn->done_cond, NULL);
	pthread_mutex_lock(&s->lock);
	if (s->last)
		s->last->next = txn;
	else
		s->first = txn;
	s->last = txn;
	pthread_cond_signal(&s->work);
	while (!txn->done)
		pthread_cond_wait(&txn->done_cond, &s->lock);
	pthread_mutex_unlock(&s->lock);
	pthread_cond_destroy(&txn->done_cond);
}

int state_commit(struct state_txn *txn, enum state_durability durability, struct error *err)
{
	if (!txn || txn->failed < 0)
		return refuse(txn, err);
	int r = 0;
	if (txn->first) {
		txn->durability = durability;
		wait_for_writer(txn->state, txn);
		r = txn->result;
		if (r < 0 && err)
			*err = txn->error;
	}
	free_txn(txn);
	return r;
}

int state_meta_set(struct state *state, const char *key, const char *value, struct error *err)
{
	struct state_txn *txn = state_begin(state);

	state_put_meta(txn, key, value);
	return state_commit(txn, STATE_NOW, err);
}

void state_stats(struct state *s, struct state_stats *ret)
{
	pthread_mutex_lock(&s->lock);
	*ret = s->stats;
	pthread_mutex_unlock(&s->lock);
}

/* ---- the keeper ------------------------------------------------------------------- */

/* Syncs what is in the log.  Called and returns under the lock, which it gives back meanwhile.  A failed sync
 * is tried again with the next write: NORMAL promises no more. */
static void sync_late(struct state *s)
{
	uint64_t covers = s->written;

	s->sync_deadline = 0;
	if (s->synced >= covers)
		return;
	pthread_mutex_unlock(&s->lock);
	int r = database_sync(s->keeper_db, NULL);
	pthread_mutex_lock(&s->lock);
	s->stats.late_syncs++;
	if (r == 0 && s->synced < covers)
		s->synced = covers;
}

/* Under the lock, which it gives back meanwhile.  A passive checkpoint waits for nobody and syncs both files;
 * the next writer begins the log anew when it was moved whole. */
static void move_log(struct state *s)
{
	s->log_pages = 0;
	pthread_mutex_unlock(&s->lock);
	sqlite3_wal_checkpoint_v2(s->keeper_db, NULL, SQLITE_CHECKPOINT_PASSIVE, NULL, NULL);
	pthread_mutex_lock(&s->lock);
	s->stats.checkpoints++;
}

/* When the log is to be moved: 0 for not at all. */
static int64_t move_time(const struct state *s)
{
	if (s->log_pages >= LOG_PAGES_ALWAYS)
		return 1;
	return s->log_pages >= LOG_PAGES_IDLE ? s->last_write + IDLE_TIME : 0;
}

static void wait_until(struct state *s, int64_t when)
{
	struct timespec ts = { .tv_sec = when / CLOCK_S, .tv_nsec = when % CLOCK_S };

	if (when == 0)
		pthread_cond_wait(&s->keep, &s->lock);
	else
		pthread_cond_timedwait(&s->keep, &s->lock, &ts);
}

static void *keep(void *arg)
{
	struct state *s = arg;

	pthread_mutex_lock(&s->lock);
	while (!s->writer_ended) {
		int64_t now = clock_mono_ns(), sync = s->sync_deadline, move = move_time(s);
		if (sync && sync <= now)
			sync_late(s);
		else if (move && move <= now)
			move_log(s);
		else
			wait_until(s, !sync || (move && move < sync) ? move : sync);
	}
	pthread_mutex_unlock(&s->lock);
	return NULL;
}

/* ---- life --------------------------------------------------------------------------- */

/* A connection knows its log only once it has read. */
static int open_keeper(struct state *s, struct error *err)
{
	int64_t n;
	int r = database_open(s->path, false, &s->keeper_db, err);

	return r < 0 ? r : database_int(s->keeper_db, "SELECT count(*) FROM meta", &n, err);
}

static int start_threads(struct state *s, struct error *err)
{
	pthread_attr_t attr;

	pthread_attr_init(&attr);
	pthread_attr_setstacksize(&attr, THREAD_STACK);
	int e = pthread_create(&s->keeper, &attr, keep, s);
	if (e == 0) {
		e = pthread_create(&s->writer, &attr, write_groups, s);
		if (e != 0) {
			pthread_mutex_lock(&s->lock);
			s->writer_ended = true;
			pthread_cond_signal(&s->keep);
			pthread_mutex_unlock(&s->lock);
			pthread_join(s->keeper, NULL);
		}
	}
	pthread_attr_destroy(&attr);
	return e == 0 ? 0 : error_sys(err, e, "cannot start the threads of the database");
}

static struct state *new_state(const char *path)
{
	struct state *s = calloc(1, sizeof *s);
	pthread_condattr_t attr;

	if (!s)
		return NULL;
	s->path = strdup(path);
	if (!s->path) {
		free(s);
		return NULL;
	}
	pthread_condattr_init(&attr);
	pthread_condattr_setclock(&attr, CLOCK_MONOTONIC);
	pthread_mutex_init(&s->lock, NULL);
	pthread_cond_init(&s->work, NULL);
	pthread_cond_init(&s->keep, &attr);
	pthread_condattr_destroy(&attr);
	return s;
}

static void free_state(struct state *s)
{
	group_done(&s->group);
	sqlite3_close(s->keeper_db);
	pthread_cond_destroy(&s->keep);
	pthread_cond_destroy(&s->work);
	pthread_mutex_destroy(&s->lock);
	free(s->path);
	free(s);
}

int state_open(const char *path, struct state **ret, struct error *err)
{
	int r = database_prepare_file(path, err);
	struct state *s = r < 0 ? NULL : new_state(path);

	if (r < 0)
		return r;
	if (!s)
		return error_set(
			err, ERROR_INTERNAL, ENOMEM, "cannot open the database '%s': out of memory", path);
	r = group_init(&s->group, path, err);
	if (r == 0)
		r = open_keeper(s, err);
	if (r == 0) {
		sqlite3_wal_hook(s->group.db, note_log_size, s);
		r = start_threads(s, err);
	}
	if (r < 0) {
		free_state(s);
		return r;
	}
	*ret = s;
	return 0;
}

void state_close(struct state *s)
{
	if (!s)
		return;
	pthread_mutex_lock(&s->lock);
	s->closing = true;
	pthread_cond_signal(&s->work);
	pthread_mutex_unlock(&s->lock);
	pthread_join(s->writer, NULL);
	pthread_join(s->keeper, NULL);
	free_state(s); /* the last connection moves the log and deletes it */
}
