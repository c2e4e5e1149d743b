/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Volume drivers as the engine calls them; see core/storage/storage.h for what holds for all fronts, and
 * <gantry/volume.h> for the structs.  Everything here is prefixed volume_, the opened driver is a `struct
 * volumes`.
 */
#ifndef GANTRY_CORE_VOLUME_H
#define GANTRY_CORE_VOLUME_H

#include "core/plugin/open.h"

#include <gantry/volume.h>

struct volumes;

int volume_open(const struct driver *driver, const struct driver_config *config, struct volumes **ret,
	struct error *err);
int volume_close(struct volumes *vd);

const char *volume_driver_name(const struct volumes *vd); /* "local" */
uint64_t volume_caps(const struct volumes *vd);           /* GTY_VOLUME_CAP_* */
void volume_load(struct volumes *vd, struct call_load *ret);

int volume_recover(struct volumes *vd, const struct gty_recover_req *req, struct gty_recover_rep **ret,
	struct error *err);
int volume_status(struct volumes *vd, const struct call_by *by, struct gty_kvs **ret, struct error *err);
/* size_limit without CAP_QUOTA: ERROR_UNSUPPORTED.  by->repeat for a volume that may be there with data. */
int volume_create(struct volumes *vd, const struct gty_volume_req *req, const struct call_by *by,
	struct gty_volume_rep **ret, struct error *err);
int volume_remove(struct volumes *vd, const char *name, const char *state, bool force,
	const struct call_by *by, struct error *err);
int volume_mount(struct volumes *vd, const struct gty_volume_mount_req *req, const struct call_by *by,
	struct gty_tree **ret, struct error *err);
int volume_unmount(struct volumes *vd, const char *name, const char *holder, const char *state,
	const struct call_by *by, struct error *err);
int volume_describe(struct volumes *vd, const char *name, const char *state, const struct call_by *by,
	struct gty_volume_rep **ret, struct error *err);
int volume_list(struct volumes *vd, const char *after, uint32_t max, const struct call_by *by,
	struct gty_volume_items **ret, struct error *err);
int volume_usage(struct volumes *vd, const char *name, const char *state, const struct call_by *by,
	struct gty_volume_usage *ret, struct error *err);
int volume_resize(struct volumes *vd, const char *name, const char *state, uint64_t size,
	const struct call_by *by, struct error *err);

#endif
