/* SPDX-License-Identifier: Apache-2.0 */
/* Layers in storage drivers: unpacked by a worker where they are needed, removed when no image has them. */
#include "engine/image/store.h"

#include "core/plugin/call.h"
#include "core/storage/storage.h"
#include "engine/engine.h"
#include "engine/state/state.h"
#include "engine/storages.h"
#include "engine/worker.h"
#include "lib/base/cleanup.h"
#include "lib/base/fault.h"
#include "lib/base/log.h"
#include "lib/base/path.h"
#include "lib/json/json.h"
#include "lib/proto/worker.h"

#include <errno.h>
#include <fcntl.h>
#include <stdlib.h>
#include <string.h>

#define ROW_SIZE 200

/* "overlay2/<64 hex>". */
static char *row_id(const struct storage *st, const char *chain, char buf[ROW_SIZE])
{
	path_format(buf, ROW_SIZE, "%s/%s", storage_name(st), digest_hex(chain));
	return buf;
}

/* ---- one layer ------------------------------------------------------------------------- */
static int open_blob(struct images *all, const struct image_layer *l, struct error *err)
{
	int fd = openat(all->blobs, digest_hex(l->blob), O_RDONLY | O_CLOEXEC | O_NOFOLLOW);

	return fd < 0 ? error_sys(err, errno, "cannot open the blob '%s' of a layer", l->blob) : fd;
}

static int fill(struct images *all, struct image_layer *l, const struct gty_stage_rep *stage,
	uint64_t *ret_entries, struct error *err)
{
	struct proto_worker_request q = { .job = PROTO_WORKER_UNPACK, .whiteouts = stage->whiteout };
	struct proto_worker_reply reply;
	auto_close int blob = open_blob(all, l, err);

	if (blob < 0)
		return blob;
	if (stage->form != GTY_STAGE_DIR)
		return error_set(err, ERROR_UNSUPPORTED, ENOTSUP,
			"a storage driver that takes layers as streams is not built into "
			"gantry " GANTRY_VERSION);
	memcpy(q.blob_digest, l->blob, sizeof q.blob_digest);
	memcpy(q.diff_id, l->diff_id, sizeof q.diff_id);
	int fds[2] = { blob, stage->fd };
	int r = worker_run(all->engine, &q, fds, 2, &reply, err);
	if (r == 0) {
		l->size = reply.file_bytes;
		*ret_entries = reply.entries;
	}
	return r < 0 ? error_prefix(err, r, "layer %s", l->diff_id) : 0;
}

static int stage(
	struct images *all, struct storage *st, struct image_layer *l, const char *parent, struct error *err)
{
	struct gty_stage_req req = { .id = digest_hex(l->chain),
		.parent = parent[0] ? digest_hex(parent) : NULL,
		.diff_id = l->diff_id,
		.blob_digest = l->blob,
		.media_type = l->media_type,
		.blob_size = l->blob_size };
	struct gty_stage_rep *rep;
	struct gty_usage usage;
	uint64_t entries = 0;
	int r = storage_stage(st, &req, NULL, &rep, err);

	if (r < 0)
		return r;
	if (rep->form != GTY_STAGE_READY)
		r = fill(all, l, rep, &entries, err);
	reply_free(rep);
	fault_point("layer.filled");
	struct gty_commit_req commit = { .id = req.id, .size = l->size, .files = entries };
	if (r == 0)
		r = storage_commit(st, &commit, NULL, &usage, err);
	if (r < 0)
		storage_remove(st, req.id, NULL, NULL);
	return r;
}

static int put_row(struct images *all, const struct storage *st, const struct image_layer *l,
	const char *parent, struct error *err)
{
	struct state_txn *txn = state_begin(all->engine->state);
	auto_json struct json *doc = json_new_object();
	char id[ROW_SIZE];

	json_set_string(doc, "storage", storage_name(st));
	json_set_string(doc, "id", digest_hex(l->chain));
	json_set_string(doc, "parent", parent[0] ? digest_hex(parent) : "");
	json_set_uint(doc, "size", l->size);
	auto_free char *body = json_text(doc);
	state_put(txn, STATE_LAYER, row_id(st, l->chain, id), NULL, body ? body : "{}");
	return state_commit(txn, STATE_NOW, err);
}

/* ---- taking turns -------------------------------------------------------------------------- */
static struct busy_layer *find_busy(struct images *all, const struct storage *st, const char *chain)
{
	for (struct busy_layer *b = all->busy; b; b = b->next)
		if (b->storage == st && strcmp(b->chain, chain) == 0)
			return b;
	return NULL;
}

static void begin(struct images *all, struct storage *st, const char *chain, struct busy_layer *mine)
{
	*mine = (struct busy_layer){ .storage = st };
	memcpy(mine->chain, chain, sizeof mine->chain);
	pthread_mutex_lock(&all->lock);
	while (find_busy(all, st, chain))
		pthread_cond_wait(&all->unpacked, &all->lock);
	mine->next = all->busy;
	all->busy = mine;
	pthread_mutex_unlock(&all->lock);
}

static void end(struct images *all, struct busy_layer *mine)
{
	pthread_mutex_lock(&all->lock);
	for (struct busy_layer **p = &all->busy; *p; p = &(*p)->next)
		if (*p == mine) {
			*p = mine->next;
			break;
		}
	pthread_cond_broadcast(&all->unpacked);
	pthread_mutex_unlock(&all->lock);
}

/* ---- the table of those that are there ------------------------------------------------------- */
/* Learns its size, too. */
static bool is_there(struct images *all, const struct storage *st, struct image_layer *l)
{
	struct unpacked *u;

	pthread_mutex_lock(&all->lock);
	for (u = all->there; u; u = u->next)
		if (u->storage == st && strcmp(u->hex, digest_hex(l->chain)) == 0)
			break;
	if (u && l->size == 0)
		l->size = u->size;
	pthread_mutex_unlock(&all->lock);
	return u != NULL;
}

static int remember(struct images *all, struct storage *st, const char *hex, uint64_t size)
{
	struct unpacked *u = calloc(1, sizeof *u);

	if (!u)
		return -ENOMEM;
	u->storage = st;
	u->size = size;
	path_format(u->hex, sizeof u->hex, "%s", hex);
	pthread_mutex_lock(&all->lock);
	u->next = all->there; /* children stand before their parents */
	all->there = u;
	pthread_mutex_unlock(&all->lock);
	return 0;
}

static int unpack(
	struct images *all, struct storage *st, struct image_layer *l, const char *parent, struct error *err)
{
	int r = stage(all, st, l, parent, err);

	if (r == 0)
		r = put_row(all, st, l, parent, err);
	if (r == 0 && remember(all, st, digest_hex(l->chain), l->size) < 0)
		r = error_sys(err, ENOMEM, "cannot keep a layer");
	return r;
}

static int ensure(
	struct images *all, struct storage *st, struct image_layer *l, const char *parent, struct error *err)
{
	struct busy_layer mine;
	int r = 0;

	if (is_there(all, st, l))
		return 0;
	begin(all, st, l->chain, &mine);
	if (!is_there(all, st, l))
		r = unpack(all, st, l, parent, err);
	end(all, &mine);
	return r;
}

int image_layers(struct image *image, struct storage *storage, char ret_top[DIGEST_SIZE], struct error *err)
{
	const char *parent = "";
	int r = 0;

	for (size_t i = 0; r == 0 && i < image->n_layers; i++) {
		r = ensure(image->all, storage, &image->layers[i], parent, err);
		parent = image->layers[i].chain;
	}
	if (r == 0)
		memcpy(ret_top, parent[0] ? parent : "\0", parent[0] ? DIGEST_SIZE : 1);
	return r;
}

/* ---- removal ------------------------------------------------------------------------------------ */
static bool is_used(struct images *all, const char *hex)
{
	for (struct image *i = all->list; i; i = i->next)
		for (size_t l = 0; l < i->n_layers; l++)
			if (strcmp(digest_hex(i->layers[l].chain), hex) == 0)
				return true;
	return false;
}

static void drop(struct images *all, struct unpacked *u)
{
	struct state_txn *txn;
	struct error err = ERROR_INIT;
	char id[ROW_SIZE];

	path_format(id, sizeof id, "%s/%s", storage_name(u->storage), u->hex);
	if (storage_remove(u->storage, u->hex, NULL, &err) < 0)
		log_warning("layer %s: %s", id, err.text);
	txn = state_begin(all->engine->state);
	state_delete(txn, STATE_LAYER, id);
	if (state_commit(txn, STATE_NOW, &err) < 0)
		log_warning("layer %s: %s", id, err.text);
}

/* Layers of a job under way belong to an image that is not in the list yet: they wait for its end. */
void layers_sweep(struct images *all)
{
	if (all->jobs)
		return;
	for (struct unpacked **p = &all->there; *p;) {
		struct unpacked *u = *p;
		if (is_used(all, u->hex)) {
			p = &u->next;
			continue;
		}
		*p = u->next;
		drop(all, u);
		free(u);
	}
}

static int load_row(void *ctx, const struct state_row *row, struct error *err)
{
	struct images *all = ctx;
	auto_json struct json *doc = NULL;
	const char *name = "", *hex = "";
	uint64_t size = 0;
	struct storage *st;

	if (json_parse(row->body, row->body_len, 0, &doc, err) < 0 ||
		json_get_string(doc, "storage", &name, err) < 0 ||
		json_get_string(doc, "id", &hex, err) < 0 || !id_is_valid(hex)) {
		log_error("layer %s: %s", row->id, err->text);
		return 0;
	}
	if (storages_get(all->engine->storages, name, &st, err) < 0) {
		log_warning("layer %s: %s", row->id, err->text);
		return 0;
	}
	json_opt_uint(doc, "size", 0, INT64_MAX, &size, NULL);
	return remember(all, st, hex, size) < 0 ? error_sys(err, ENOMEM, "cannot keep a layer") : 0;
}

int layers_load(struct images *all, struct error *err)
{
	return state_each(all->engine->state, STATE_LAYER, load_row, all, err);
}
