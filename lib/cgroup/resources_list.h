/* SPDX-License-Identifier: Apache-2.0 */
/* The list that a translation fills; what the v1 and v2 halves share.  Internal to lib/cgroup. */
#ifndef GANTRY_CGROUP_RESOURCES_LIST_H
#define GANTRY_CGROUP_RESOURCES_LIST_H

#include "lib/cgroup/resources.h"

struct translation {
	const struct cgroup_layout *layout;
	const struct cgroup_resources *res;
	struct cgroup_settings out;
	uint64_t unsupported;
	int failed; /* -ENOMEM or -E2BIG, kept until the end so that each step need not be asked */
};

/* Adds one write.  value is a format. */
void resources_add(struct translation *t, enum cgroup_controller controller, unsigned flags, const char *file,
	const char *fmt, ...) __attribute__((format(printf, 5, 6)));

/* Adds a number, "max" or "-1" by the caller's word for no limit. */
void resources_add_limit(struct translation *t, enum cgroup_controller controller, unsigned flags,
	const char *file, int64_t value, const char *no_limit);

void resources_lacks(struct translation *t, enum cgroup_resource resource);

/* Each is for the resources whose controller lives in that version. */
void resources_v1_memory(struct translation *t);
void resources_v1_cpu(struct translation *t);
void resources_v1_blkio(struct translation *t);
void resources_v2_memory(struct translation *t);
void resources_v2_cpu(struct translation *t);
void resources_v2_io(struct translation *t);

#endif
