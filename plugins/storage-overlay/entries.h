/* SPDX-License-Identifier: Apache-2.0 */
/* The entries of the driver's table, by the file that has them. */
#ifndef GANTRY_OVERLAY_ENTRIES_H
#define GANTRY_OVERLAY_ENTRIES_H

#include <gantry/storage.h>

/* layer.c: layers come and go */
int overlay_stage(struct gty_storage *st, struct gty_call *call, const struct gty_stage_req *req,
	struct gty_stage_rep *rep);
int overlay_commit(struct gty_storage *st, struct gty_call *call, const struct gty_commit_req *req,
	struct gty_usage *rep);
int overlay_create(
	struct gty_storage *st, struct gty_call *call, const struct gty_create_req *req, struct gty_kvs *rep);
int overlay_remove(struct gty_storage *st, struct gty_call *call, const struct gty_ref *ref);
int overlay_resize(struct gty_storage *st, struct gty_call *call, const struct gty_ref *ref);
int overlay_sweep(struct gty_storage *st, struct gty_call *call, struct gty_usage *freed);

/* mount.c */
int overlay_mount(
	struct gty_storage *st, struct gty_call *call, const struct gty_mount_req *req, struct gty_tree *rep);
int overlay_unmount(struct gty_storage *st, struct gty_call *call, const struct gty_ref *ref);

/* inspect.c */
int overlay_status(struct gty_storage *st, struct gty_call *call, struct gty_kvs *rep);
int overlay_list(
	struct gty_storage *st, struct gty_call *call, const struct gty_ref *ref, struct gty_layers *rep);
int overlay_describe(
	struct gty_storage *st, struct gty_call *call, const struct gty_ref *ref, struct gty_kvs *rep);
int overlay_usage(
	struct gty_storage *st, struct gty_call *call, const struct gty_ref *ref, struct gty_usage *rep);

/* recover.c */
int overlay_recover(struct gty_storage *st, struct gty_call *call, const struct gty_recover_req *req,
	struct gty_recover_rep *rep);
int overlay_check(
	struct gty_storage *st, struct gty_call *call, const struct gty_ref *ref, struct gty_kvs *problems);

/* changes.c */
int overlay_changes(struct gty_storage *st, struct gty_call *call, const struct gty_ref *ref);

#endif
