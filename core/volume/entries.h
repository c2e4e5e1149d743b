/* SPDX-License-Identifier: Apache-2.0 */
/* The entries of volume drivers by number, for the front, the contract suite and messages. */
#ifndef GANTRY_CORE_VOLUME_ENTRIES_H
#define GANTRY_CORE_VOLUME_ENTRIES_H

#include "core/plugin/kind.h"

#include <gantry/volume.h>

enum volume_entry {
	VOLUME_RECOVER = ENTRY_FIRST,
	VOLUME_STATUS,
	VOLUME_CREATE,
	VOLUME_REMOVE,
	VOLUME_MOUNT,
	VOLUME_UNMOUNT,
	VOLUME_DESCRIBE,
	VOLUME_LIST,
	VOLUME_USAGE,
	VOLUME_RESIZE,
	VOLUME_ENTRIES,
};

/* [a-zA-Z0-9][a-zA-Z0-9_.-]*, at most 255 bytes. */
bool volume_is_name(const char *name);

#endif
