/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The options of a mount as mount(8) and OCI (config.md, "Linux mount options") write them, sorted into
 * attributes of the mount, propagation, flags of ours, and what is left for the file system.
 */
#ifndef GANTRY_COMPILE_MOUNT_OPTIONS_H
#define GANTRY_COMPILE_MOUNT_OPTIONS_H

#include "runtime/compile/builder.h"
#include "runtime/compile/field.h"

#include <stdbool.h>
#include <stdint.h>

struct mount_options {
	bool bind, rbind, remount, copy_up, no_follow, idmap, ridmap;
	bool read_only;                 /* "ro" was the last word */
	uint64_t attr_set, attr_clr;    /* MOUNT_ATTR_* of this mount */
	uint64_t rec_set, rec_clr;      /* and of all below it */
	uint32_t propagation, prop_rec; /* MS_* and MS_* | MS_REC */
	struct builder_list data;       /* struct launch_str, for the file system */
	const char *first_data;         /* the first of them, or NULL */
	size_t first_data_index;
};

/* f is the mount.  *ret is filled from empty; mount_options_done() also after a failure. */
int mount_options_read(const struct field *f, struct builder *b, struct mount_options *ret);
void mount_options_done(struct mount_options *opts);

/* One more option for the file system. */
void mount_options_add(struct builder *b, struct mount_options *opts, const char *text);

/* MS_* for a propagation's name, MS_REC with its r-form; 0 when it is none. */
uint32_t mount_options_propagation(const char *name);

#endif
