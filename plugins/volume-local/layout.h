/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The driver's folder and how volumes lie in it.  Names are the user's and never begin with a dot, so what
 * does is the driver's:
 *
 *	<name>/_data      the files
 *	<name>/options    what it was created with, if anything
 *	.new/<name>       being made
 *	.trash, .aside    removed; found without an owner
 */
#ifndef GANTRY_LOCAL_LAYOUT_H
#define GANTRY_LOCAL_LAYOUT_H

#include "lib/base/error.h"
#include "plugins/kit/holders.h"
#include "plugins/kit/quota.h"
#include "plugins/volume-local/reaper.h"

#include <gantry/volume.h>
#include <limits.h>
#include <stdbool.h>

struct gty_volume {
	const struct gty_host *host;
	char *root;
	int root_fd, new_fd, trash_fd, aside_fd;
	struct kit_quota quota;
	struct kit_holders holders;
	struct reaper reaper;
};

int layout_open(struct gty_volume *vd, const char *root, int root_fd, struct error *err);
void layout_close(struct gty_volume *vd);

bool layout_name_valid(const char *name);
int layout_check_name(const char *name, struct error *err);

/* Opens <name>; NOT_FOUND when there is none. */
int layout_volume(const struct gty_volume *vd, const char *name, struct error *err);

/* Opens <name>/_data with flags beside O_DIRECTORY: the root of what is mounted there, if something is. */
int layout_data(const struct gty_volume *vd, const char *name, int flags, struct error *err);

/* "<root>/<name>/_data" */
int layout_where(const struct gty_volume *vd, const char *name, char buf[PATH_MAX]);

/* Whether something is mounted on <name>/_data; takes it off. */
bool layout_is_mounted(const struct gty_volume *vd, const char *name);
void layout_unmount(const struct gty_volume *vd, const char *name);

#endif
