/* SPDX-License-Identifier: Apache-2.0 */
/* Shorthands for tests of storage drivers: one call of an entry each, with guarded structs. */
#ifndef GANTRY_TESTS_STORAGE_CALLS_H
#define GANTRY_TESTS_STORAGE_CALLS_H

#include "tests/support/driver_harness.h"

#include <gantry/storage.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

#include <cmocka.h>

struct store {
	struct harness *h;
	const struct gty_storage_ops *ops;
	struct gty_storage *st;
	uint64_t caps;
	uint32_t max_depth;
};

static inline const char *id_of(unsigned n)
{
	static _Thread_local char ring[64][65];
	static _Thread_local unsigned at;

	return harness_id(n, ring[at++ % 64]);
}

/* Layer 0 is no layer: a parent of 0 is none. */
static inline const char *parent_of(unsigned n)
{
	return n ? id_of(n) : NULL;
}

static inline int store_open(struct store *s, const struct gty_kv *opts, uint32_t n)
{
	struct gty_call *call = harness_call(s->h);
	struct gty_storage_info *info = harness_struct(s->h, sizeof *info);
	struct gty_open req = harness_open(s->h, opts, n);
	int r = s->ops->open(&s->h->host, call, &req, &s->st, info);

	s->caps = info->caps;
	s->max_depth = info->max_depth;
	return r;
}

static inline int store_stage(struct store *s, unsigned n, unsigned parent, struct gty_stage_rep *ret)
{
	struct gty_call *call = harness_call(s->h);
	struct gty_stage_req *req = harness_struct(s->h, sizeof *req);
	struct gty_stage_rep *rep = harness_struct(s->h, sizeof *rep);

	req->id = id_of(n);
	req->parent = parent_of(parent);
	rep->fd = -1;
	int r = s->ops->stage(s->st, call, req, rep);
	*ret = *rep;
	return r;
}

static inline int store_commit(struct store *s, unsigned n)
{
	struct gty_call *call = harness_call(s->h);
	struct gty_commit_req *req = harness_struct(s->h, sizeof *req);
	struct gty_usage *rep = harness_struct(s->h, sizeof *rep);

	req->id = id_of(n);
	return s->ops->commit(s->st, call, req, rep);
}

static inline int store_create(struct store *s, unsigned n, unsigned parent, const struct gty_kv *opts,
	uint32_t opts_n, const struct gty_idmaps *maps)
{
	struct gty_call *call = harness_call(s->h);
	struct gty_create_req *req = harness_struct(s->h, sizeof *req);
	struct gty_kvs *rep = harness_struct(s->h, sizeof *rep);

	req->id = id_of(n);
	req->parent = parent_of(parent);
	req->opts = opts;
	req->opts_n = opts_n;
	req->maps = maps;
	return s->ops->create(s->st, call, req, rep);
}

/* The reply's strings live until the next call. */
static inline int store_mount(struct store *s, unsigned n, const char *holder, uint32_t flags,
	const struct gty_idmaps *maps, struct gty_tree *ret)
{
	struct gty_call *call = harness_call(s->h);
	struct gty_mount_req *req = harness_struct(s->h, sizeof *req);
	struct gty_tree *rep = harness_struct(s->h, sizeof *rep);

	req->flags = flags;
	req->id = id_of(n);
	req->holder = holder;
	req->maps = maps;
	rep->fd = -1;
	int r = s->ops->mount(s->st, call, req, rep);
	*ret = *rep;
	return r;
}

static inline struct gty_ref *store_ref(struct store *s, const char *id)
{
	struct gty_ref *ref = harness_struct(s->h, sizeof *ref);

	ref->id = id;
	ref->fd = -1;
	return ref;
}

static inline int store_unmount(struct store *s, unsigned n, const char *holder)
{
	struct gty_call *call = harness_call(s->h);
	struct gty_ref *ref = store_ref(s, id_of(n));

	ref->holder = holder;
	return s->ops->unmount(s->st, call, ref);
}

static inline int store_remove(struct store *s, unsigned n)
{
	struct gty_call *call = harness_call(s->h);

	return s->ops->remove(s->st, call, store_ref(s, id_of(n)));
}

static inline int store_sweep(struct store *s, struct gty_usage *ret)
{
	struct gty_call *call = harness_call(s->h);
	struct gty_usage *rep = harness_struct(s->h, sizeof *rep);
	int r = s->ops->sweep(s->st, call, rep);

	*ret = *rep;
	return r;
}

static inline int store_usage(struct store *s, unsigned n, struct gty_usage *ret)
{
	struct gty_call *call = harness_call(s->h);
	struct gty_usage *rep = harness_struct(s->h, sizeof *rep);
	int r = s->ops->usage(s->st, call, store_ref(s, id_of(n)), rep);

	*ret = *rep;
	return r;
}

/* Reply and its strings live until the next call. */
static inline struct gty_recover_rep *store_recover(
	struct store *s, const struct gty_known *known, uint32_t n, uint32_t flags)
{
	struct gty_call *call = harness_call(s->h);
	struct gty_recover_req *req = harness_struct(s->h, sizeof *req);
	struct gty_recover_rep *rep = harness_struct(s->h, sizeof *rep);

	req->v = known;
	req->n = n;
	req->flags = flags;
	assert_int_equal(s->ops->recover(s->st, call, req, rep), 0);
	return rep;
}

static inline struct gty_layers *store_list(struct store *s, const char *after, uint32_t max)
{
	struct gty_call *call = harness_call(s->h);
	struct gty_ref *ref = store_ref(s, NULL);
	struct gty_layers *rep = harness_struct(s->h, sizeof *rep);

	ref->after = after;
	ref->max = max;
	assert_int_equal(s->ops->list(s->st, call, ref, rep), 0);
	return rep;
}

static inline const struct gty_kvs *store_describe(struct store *s, unsigned n)
{
	struct gty_call *call = harness_call(s->h);
	struct gty_kvs *rep = harness_struct(s->h, sizeof *rep);

	assert_int_equal(s->ops->describe(s->st, call, store_ref(s, id_of(n)), rep), 0);
	return rep;
}

static inline const char *kvs_get(const struct gty_kvs *kvs, const char *key)
{
	for (uint32_t i = 0; i < kvs->n; i++) {
		if (strcmp(kvs->v[i].key, key) == 0)
			return kvs->v[i].value;
	}
	return NULL;
}

/* An image layer with one file "f<n>", and "top" saying "<n>". */
static inline void store_layer(struct store *s, unsigned n, unsigned parent)
{
	struct gty_stage_rep staged;
	char name[32], text[32];

	assert_int_equal(store_stage(s, n, parent, &staged), 0);
	assert_int_equal(staged.form, GTY_STAGE_DIR);
	snprintf(name, sizeof name, "f%u", n);
	snprintf(text, sizeof text, "%u", n);
	harness_write(staged.fd, name, text);
	harness_write(staged.fd, "top", text);
	close(staged.fd);
	assert_int_equal(store_commit(s, n), 0);
}

#endif
