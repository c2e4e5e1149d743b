/* SPDX-License-Identifier: Apache-2.0 */
/* The words of mount(8)'s -o that are flags, and what is left for the file system. */
#ifndef GANTRY_LOCAL_FLAGS_H
#define GANTRY_LOCAL_FLAGS_H

#include <stdbool.h>
#include <stdint.h>

struct flags {
	uint32_t ms; /* MS_* */
	bool bind, recursive;
};

/* Takes one word; false when it is none of the flags. */
bool flags_take(struct flags *flags, const char *word);

/* The same as MOUNT_ATTR_*, for a tree that is mounted already. */
uint64_t flags_attrs(const struct flags *flags);

#endif
