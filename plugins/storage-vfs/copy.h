/* SPDX-License-Identifier: Apache-2.0 */
/* A faithful copy of a tree: owners, modes, times, attributes, holes, devices, files with several names. */
#ifndef GANTRY_VFS_COPY_H
#define GANTRY_VFS_COPY_H

#include "lib/base/error.h"

#include <gantry/plugin.h>

/* Copies what is in the folder from_fd, and the folder's own attributes, into the empty folder to_fd.  Shares
 * the blocks where the file system can.  Nobody else may change either meanwhile. */
int copy_tree(int from_fd, int to_fd, const struct gty_call *call, struct error *err);

#endif
