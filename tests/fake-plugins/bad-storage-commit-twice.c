/* SPDX-License-Identifier: Apache-2.0 */
/* A storage driver that commit is not repeatable. */
#define BREAK_COMMIT_TWICE
#include "tiny_storage.h"

static const struct gty_driver *const drivers[] = { &tiny_storage, NULL };
GTY_PLUGIN("bad-storage-commit-twice", "1", "Apache-2.0", drivers);
