/* SPDX-License-Identifier: Apache-2.0 */
/* The entries of the driver's table, by the file that has them. */
#ifndef GANTRY_LOCAL_ENTRIES_H
#define GANTRY_LOCAL_ENTRIES_H

#include <gantry/volume.h>

/* volume.c: volumes come and go */
int local_create(struct gty_volume *vd, struct gty_call *call, const struct gty_volume_req *req,
	struct gty_volume_rep *rep);
int local_remove(struct gty_volume *vd, struct gty_call *call, const struct gty_ref *ref);
int local_describe(
	struct gty_volume *vd, struct gty_call *call, const struct gty_ref *ref, struct gty_volume_rep *rep);
int local_usage(struct gty_volume *vd, struct gty_call *call, const struct gty_ref *ref,
	struct gty_volume_usage *rep);
int local_resize(struct gty_volume *vd, struct gty_call *call, const struct gty_ref *ref);

/* mount.c */
int local_mount(struct gty_volume *vd, struct gty_call *call, const struct gty_volume_mount_req *req,
	struct gty_tree *rep);
int local_unmount(struct gty_volume *vd, struct gty_call *call, const struct gty_ref *ref);

/* recover.c */
int local_recover(struct gty_volume *vd, struct gty_call *call, const struct gty_recover_req *req,
	struct gty_recover_rep *rep);

#endif
