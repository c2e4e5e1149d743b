/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Making an overlay of named layers: with fsopen as a detached mount, or as the option text of
 * mount(2), which a thread with a mount namespace of its own can turn into a detached mount too.
 */
#ifndef GANTRY_OVERLAY_MOUNTAPI_H
#define GANTRY_OVERLAY_MOUNTAPI_H

#include "plugins/storage-overlay/layout.h"

#define OVERLAY_DATA_MAX 4095

struct overlay_tree {
	/* Names below the driver's root, separated by ':', uppermost first; at least one, for a tree without
	 * upper two. */
	char lowers[OVERLAY_LOWER_MAX + ID_LEN + 16];
	const char *upper; /* id of the writable layer; NULL: a read-only tree */
	const char *label; /* SELinux context or NULL */
	int userns_fd;     /* the lower layers' id map; -1: none */
	bool is_volatile;
};

/* A detached mount, read-only without an upper. */
int mountapi_fsopen(const struct gty_storage *st, const struct overlay_tree *tree, struct error *err);
int mountapi_mount2(const struct gty_storage *st, const struct overlay_tree *tree, struct error *err);

/* The option text of mount(2), names relative to the driver's root. */
int mountapi_data(const struct gty_storage *st, const struct overlay_tree *tree,
	char buf[OVERLAY_DATA_MAX + 1], struct error *err);

/* What this kernel's overlay understands.  Loads the module if that is needed.  UNSUPPORTED without one. */
int mountapi_detect(struct gty_storage *st, struct error *err);

#endif
