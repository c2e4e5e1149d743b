/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Going through a tree whose depth somebody else chose: without recursion, with at most
 * ROOTFS_WALK_WINDOW open directories.  Directories further up are closed and found again through
 * "..", which counts only when it leads to the inode that was left there; else the tree was
 * rebuilt under us, and that is -ESTALE.  Nothing here follows a symlink.
 * Returns 0, a count, or a negative errno.  A walk belongs to one thread.
 */
#ifndef GANTRY_ROOTFS_WALK_H
#define GANTRY_ROOTFS_WALK_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <sys/types.h>

#define ROOTFS_WALK_WINDOW    32
#define ROOTFS_WALK_DEPTH_MAX (1u << 20)

struct rootfs_walk_slot {
	int fd;
	size_t at, n, current; /* into buf; current: the entry that was returned last */
	char *buf;
};

struct rootfs_walk_level;

struct rootfs_walk {
	size_t depth, room;
	struct rootfs_walk_level *levels;
	struct rootfs_walk_slot slots[ROOTFS_WALK_WINDOW];
	bool cross_mounts, keep_path;
	char *path; /* with keep_path: of the directory at hand, from the top, "" there */
	size_t path_n, path_room;
};

struct rootfs_walk_entry {
	const char *name;   /* valid until the next call */
	unsigned char type; /* DT_*, never DT_UNKNOWN */
};

/* Starts in the directory dirfd (O_PATH will do; it stays the caller's).  cross_mounts: enter what is mounted
 * below. */
int rootfs_walk_init(struct rootfs_walk *w, int dirfd, bool cross_mounts, bool keep_path);
void rootfs_walk_done(struct rootfs_walk *w);

/* The next entry of the directory at hand: 1, or 0 at its end. */
int rootfs_walk_next(struct rootfs_walk *w, struct rootfs_walk_entry *ret);

/* The name that next returned last in this directory; NULL when it is forgotten: after an end, or when the
 * directory had been closed in between. */
const char *rootfs_walk_current(const struct rootfs_walk *w);

/* Reads the directory at hand from its start again. */
int rootfs_walk_rewind(struct rootfs_walk *w);

/* Opens a directory of the directory at hand for reading.  -EXDEV: a mount point, without cross_mounts. */
int rootfs_walk_open_dir(const struct rootfs_walk *w, const char *name);

/* Goes on in that directory; takes fd over, also on failure.  name is used with keep_path alone. */
int rootfs_walk_down(struct rootfs_walk *w, const char *name, int fd);

/* Back to the directory above, after the entry that was gone down into.  Not at the top. */
int rootfs_walk_up(struct rootfs_walk *w);

/* The directory at hand, and whether it is the one the walk began in. */
int rootfs_walk_fd(const struct rootfs_walk *w);
bool rootfs_walk_at_top(const struct rootfs_walk *w);

#endif
