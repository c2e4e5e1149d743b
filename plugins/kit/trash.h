/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Removal in two steps: a rename into a trash folder, which takes some microseconds however large the
 * tree is, and deletion later.  The deletion never leaves the file system: a mount point below stays.
 */
#ifndef GANTRY_KIT_TRASH_H
#define GANTRY_KIT_TRASH_H

#include "plugins/kit/usage.h"

/* Moves from_fd/name into the trash; 0 also when there is none. */
int kit_trash_put(int trash_fd, int from_fd, const char *name, struct error *err);

/* As kit_trash_put, for what nobody ordered to delete: the name is kept, as far as it is free. */
int kit_trash_set_aside(int aside_fd, int from_fd, const char *name, struct error *err);

/* Deletes what is in the trash and adds it to freed.  What cannot be deleted is left and told in err after
 * the rest has gone.  Several may sweep at once. */
int kit_trash_sweep(int trash_fd, const struct gty_call *call, struct kit_usage *freed, struct error *err);

#endif
