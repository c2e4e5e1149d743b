/* SPDX-License-Identifier: Apache-2.0 */
/* The entries of storage drivers by number, for the front, the contract suite and messages. */
#ifndef GANTRY_CORE_STORAGE_ENTRIES_H
#define GANTRY_CORE_STORAGE_ENTRIES_H

#include "core/plugin/kind.h"

#include <gantry/storage.h>

enum storage_entry {
	STORAGE_RECOVER = ENTRY_FIRST,
	STORAGE_STATUS,
	STORAGE_STAGE,
	STORAGE_COMMIT,
	STORAGE_CREATE,
	STORAGE_REMOVE,
	STORAGE_MOUNT,
	STORAGE_UNMOUNT,
	STORAGE_LIST,
	STORAGE_DESCRIBE,
	STORAGE_USAGE,
	STORAGE_CHANGES,
	STORAGE_RESIZE,
	STORAGE_SWEEP,
	STORAGE_CHECK,
	STORAGE_ENTRIES,
};

#endif
