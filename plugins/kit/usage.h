/* SPDX-License-Identifier: Apache-2.0 */
/* What a tree takes on disk. */
#ifndef GANTRY_KIT_USAGE_H
#define GANTRY_KIT_USAGE_H

#include "lib/base/error.h"

#include <gantry/plugin.h>

struct kit_usage {
	uint64_t bytes, inodes;
};

/* Blocks of everything below dirfd, files with several names once; the folder itself is not counted. */
int kit_usage_walk(int dirfd, const struct gty_call *call, struct kit_usage *ret, struct error *err);

#endif
