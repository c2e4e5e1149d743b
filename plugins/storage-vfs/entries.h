/* SPDX-License-Identifier: Apache-2.0 */
/* The entries of the driver's table, by the file that has them. */
#ifndef GANTRY_VFS_ENTRIES_H
#define GANTRY_VFS_ENTRIES_H

#include <gantry/storage.h>

/* layer.c: layers come, go and are handed out */
int vfs_stage(struct gty_storage *st, struct gty_call *call, const struct gty_stage_req *req,
	struct gty_stage_rep *rep);
int vfs_commit(struct gty_storage *st, struct gty_call *call, const struct gty_commit_req *req,
	struct gty_usage *rep);
int vfs_create(
	struct gty_storage *st, struct gty_call *call, const struct gty_create_req *req, struct gty_kvs *rep);
int vfs_remove(struct gty_storage *st, struct gty_call *call, const struct gty_ref *ref);
int vfs_mount(
	struct gty_storage *st, struct gty_call *call, const struct gty_mount_req *req, struct gty_tree *rep);
int vfs_unmount(struct gty_storage *st, struct gty_call *call, const struct gty_ref *ref);
int vfs_resize(struct gty_storage *st, struct gty_call *call, const struct gty_ref *ref);
int vfs_sweep(struct gty_storage *st, struct gty_call *call, struct gty_usage *freed);

/* inspect.c */
int vfs_status(struct gty_storage *st, struct gty_call *call, struct gty_kvs *rep);
int vfs_list(
	struct gty_storage *st, struct gty_call *call, const struct gty_ref *ref, struct gty_layers *rep);
int vfs_describe(
	struct gty_storage *st, struct gty_call *call, const struct gty_ref *ref, struct gty_kvs *rep);
int vfs_usage(
	struct gty_storage *st, struct gty_call *call, const struct gty_ref *ref, struct gty_usage *rep);

/* recover.c */
int vfs_recover(struct gty_storage *st, struct gty_call *call, const struct gty_recover_req *req,
	struct gty_recover_rep *rep);

#endif
