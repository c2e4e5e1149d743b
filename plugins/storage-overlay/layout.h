/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The driver's folder and how layers lie in it:
 *
 *	<id>/diff        the layer's own files
 *	<id>/lower       "l/AAAA:l/BBBB\n": the layers below, uppermost first
 *	<id>/link        image layers: their short name
 *	<id>/parent      image layers: a link that names the parent since staging
 *	<id>/work        writable layers: overlay's scratch folder
 *	<id>/volatile    writable layers without sync
 *	l/XXXX           -> ../<id>/diff
 *	staging/<id>     being filled
 *	trash, aside     removed; found after a reboot without an owner
 *	empty            a lower layer for trees that have none
 *
 * `lower` ends in a newline: one that a crash cut short is told from a whole one.
 */
#ifndef GANTRY_OVERLAY_LAYOUT_H
#define GANTRY_OVERLAY_LAYOUT_H

#include "lib/base/error.h"
#include "plugins/kit/holders.h"
#include "plugins/kit/ids.h"
#include "plugins/kit/quota.h"

#include <gantry/storage.h>
#include <stdbool.h>

/* The kernel's limit is 500 lower layers; a writable layer is one, too, when it is mounted read-only. */
#define OVERLAY_DEPTH_MAX 500
#define OVERLAY_LOWER_MAX 4096

enum overlay_api {
	OVERLAY_API_FSOPEN, /* fsconfig "lowerdir+", kernel 6.8 */
	OVERLAY_API_MOUNT2, /* one page of options */
};

struct gty_storage {
	const struct gty_host *host;
	char *root;
	int root_fd, links_fd, staging_fd, trash_fd, aside_fd;
	enum overlay_api api;
	bool by_fd;     /* fsconfig takes layers as descriptors, so that they can be idmapped: kernel 6.13 */
	bool userxattr; /* overlay's own attributes are user.overlay.*, as in a user namespace */
	const char *backing;
	uint64_t default_size;
	struct kit_quota quota;
	struct kit_holders holders;
};

/* Opens the folders below root, making what is missing. */
int layout_open(struct gty_storage *st, const char *root, int root_fd, struct error *err);
void layout_close(struct gty_storage *st);

/* Opens <id>; NOT_FOUND when there is none. */
int layout_layer(const struct gty_storage *st, const char *id, struct error *err);

/* The text of `lower` without its newline, of the layer folder dirfd.  CONFLICT when it was cut short. */
int layout_lower(int dirfd, char buf[OVERLAY_LOWER_MAX], struct error *err);

/* `lower` of a child of parent (NULL: empty), newline included. */
int layout_lower_of_child(
	const struct gty_storage *st, const char *parent, char buf[OVERLAY_LOWER_MAX], struct error *err);

/* The id that a short name ("l/AAAA" or "AAAA") leads to.  False for a broken one. */
bool layout_link_id(const struct gty_storage *st, const char *link, size_t len, char ret_id[ID_LEN + 1]);

/* The short name that an image layer calls its own; false when it has none. */
bool layout_own_link(int dirfd, char ret_link[8]);

/* The parent of the layer folder dirfd by its `lower`; empty for a base layer or a damaged one. */
void layout_parent(const struct gty_storage *st, int dirfd, char ret_id[ID_LEN + 1]);

bool layout_is_writable(int dirfd);

#endif
