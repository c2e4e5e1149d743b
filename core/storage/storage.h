/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Storage as the engine calls it.  Requests are the SDK's structs (<gantry/storage.h> has their meaning);
 * struct_size need not be set.  Replies are checked; they belong to the caller: reply_free, take_fd for a
 * descriptor to keep. An entry that the driver does not offer is ERROR_UNSUPPORTED.  `by` may be NULL.
 * Threads: any, but open and close; calls on one layer wait for each other (core/plugin/call.h).
 */
#ifndef GANTRY_CORE_STORAGE_H
#define GANTRY_CORE_STORAGE_H

#include "core/plugin/open.h"

#include <gantry/storage.h>

struct storage;

int storage_open(const struct driver *driver, const struct driver_config *config, struct storage **ret,
	struct error *err);
/* -EBUSY: a call is stuck; the driver is left alone for ever. */
int storage_close(struct storage *st);

const char *storage_name(const struct storage *st);    /* of this instance: "overlay2" */
uint64_t storage_caps(const struct storage *st);       /* GTY_STORAGE_CAP_* */
uint32_t storage_max_depth(const struct storage *st);  /* 0: no limit */
const char *storage_backing(const struct storage *st); /* may be NULL */
void storage_load(struct storage *st, struct call_load *ret);

/* Once after open, before anything else, with all that the engine knows. */
int storage_recover(struct storage *st, const struct gty_recover_req *req, struct gty_recover_rep **ret,
	struct error *err);
int storage_status(struct storage *st, const struct call_by *by, struct gty_kvs **ret, struct error *err);

int storage_stage(struct storage *st, const struct gty_stage_req *req, const struct call_by *by,
	struct gty_stage_rep **ret, struct error *err);
int storage_commit(struct storage *st, const struct gty_commit_req *req, const struct call_by *by,
	struct gty_usage *ret, struct error *err);
/* size_limit without CAP_QUOTA: ERROR_UNSUPPORTED. */
int storage_create(
	struct storage *st, const struct gty_create_req *req, const struct call_by *by, struct error *err);
int storage_remove(struct storage *st, const char *id, const struct call_by *by, struct error *err);

int storage_mount(struct storage *st, const struct gty_mount_req *req, const struct call_by *by,
	struct gty_tree **ret, struct error *err);
/* The same in two halves, beside calls of other drivers; every begun one is ended. */
int storage_mount_begin(struct storage *st, const struct gty_mount_req *req, const struct call_by *by,
	struct call **ret, struct error *err);
int storage_mount_end(struct call *call, struct gty_tree **ret, struct error *err);
/* state: of the mount's reply, or NULL. */
int storage_unmount(struct storage *st, const char *id, const char *holder, const char *state,
	const struct call_by *by, struct error *err);

/* The page after `after` (NULL: the first), at most max layers. */
int storage_list(struct storage *st, const char *after, uint32_t max, const struct call_by *by,
	struct gty_layers **ret, struct error *err);
int storage_describe(struct storage *st, const char *id, const struct call_by *by, struct gty_kvs **ret,
	struct error *err);
int storage_usage(struct storage *st, const char *id, const struct call_by *by, struct gty_usage *ret,
	struct error *err);

/* Records of struct gty_change are written to fd. */
int storage_changes(struct storage *st, const char *id, int fd, const struct call_by *by, struct error *err);
int storage_resize(
	struct storage *st, const char *id, uint64_t size, const struct call_by *by, struct error *err);
int storage_sweep(
	struct storage *st, const struct call_by *by, struct gty_usage *ret_freed, struct error *err);
int storage_check(struct storage *st, bool repair, const struct call_by *by, struct gty_kvs **ret_problems,
	struct error *err);

#endif
