/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Root file systems and bundles for tests (tests/support/rootfs, the script behind these).  kind: "busybox",
 * or "debian" (bookworm, minbase: about a minute when it is not in the cache yet).
 */
#ifndef GANTRY_TESTS_ROOTFS_H
#define GANTRY_TESTS_ROOTFS_H

#include "lib/base/error.h"

#include <stddef.h>

/* Path of the cached tree, for reading only: mount or copy it. */
int rootfs_path(const char *kind, char *buf, size_t size, struct error *err);

/* Makes dir a bundle whose config.json is the template (tests/support/config.json) changed by a jq filter,
 * NULL for none: ".process.args = [\"id\"] | .hostname = \"x\"".  busybox: dir/rootfs is a copy; debian: the
 * cached tree, read-only. */
int bundle_make(const char *dir, const char *kind, const char *filter, struct error *err);

#endif
