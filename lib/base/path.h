/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Paths as text: joining into bounded buffers, cleaning, prefixes.  Nothing here touches
 * a file system; paths inside a container's root are resolved by lib/rootfs alone.
 */
#ifndef GANTRY_BASE_PATH_H
#define GANTRY_BASE_PATH_H

#include <stdbool.h>
#include <stddef.h>

/* Formats into buf; -ENAMETOOLONG instead of cutting. */
int path_format(char *buf, size_t size, const char *fmt, ...) __attribute__((format(printf, 3, 4)));

/* Lexical cleaning as Go's filepath.Clean does for absolute paths: "//a/./b/../c/" -> "/a/c"; ".." at the
 * root stays at the root; a relative path is taken from the root.  buf may be path itself when that is
 * absolute. -ENAMETOOLONG if it does not fit. */
int path_clean(const char *path, char *buf, size_t size);

/* True when path is prefix or lies below it; both cleaned. */
bool path_is_below(const char *path, const char *prefix);

/* The part behind the last '/', as a pointer into path. */
const char *path_base(const char *path);

#endif
