/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The driver's folder and how layers lie in it:
 *
 *	<id>/fs          the whole tree, parents included
 *	<id>/about       a link that says "image:<parent>" or "writable:<parent>"
 *	staging/<id>     being filled
 *	trash, aside     removed; found after a reboot without an owner
 */
#ifndef GANTRY_VFS_LAYOUT_H
#define GANTRY_VFS_LAYOUT_H

#include "lib/base/error.h"
#include "plugins/kit/ids.h"
#include "plugins/kit/quota.h"

#include <gantry/storage.h>
#include <stdbool.h>

struct gty_storage {
	const struct gty_host *host;
	char *root;
	int root_fd, staging_fd, trash_fd, aside_fd;
	const char *backing;
	uint64_t default_size;
	struct kit_quota quota;
};

struct vfs_about {
	bool writable;
	char parent[ID_LEN + 1]; /* empty: none */
};

int layout_open(struct gty_storage *st, const char *root, int root_fd, struct error *err);
void layout_close(struct gty_storage *st);

/* Opens <id>; NOT_FOUND when there is none. */
int layout_layer(const struct gty_storage *st, const char *id, struct error *err);

/* Opens <id>/fs with flags beside O_DIRECTORY. */
int layout_tree(const struct gty_storage *st, const char *id, int flags, struct error *err);

int layout_write_about(int dirfd, bool writable, const char *parent, struct error *err);
bool layout_read_about(int dirfd, struct vfs_about *ret);

#endif
