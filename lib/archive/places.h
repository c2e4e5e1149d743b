/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The directories that entries are put into: a few of them stay open, and each gets its times back when it
 * is closed, since putting entries in changes them.  So no list of directories is kept for the end.
 */
#ifndef GANTRY_ARCHIVE_PLACES_H
#define GANTRY_ARCHIVE_PLACES_H

#include "lib/archive/inodes.h"

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <sys/stat.h>
#include <time.h>

#define PLACES 16

struct place {
	char *path; /* NULL: free */
	int fd;     /* open for reading */
	dev_t dev;
	ino_t ino;
	struct timespec mtime; /* what it shall have */
	uint64_t used;
};

struct places {
	int rootfd;
	uint64_t clock;
	struct inodes *ours; /* NULL: not kept */
	struct place dirs[PLACES];
};

void places_init(struct places *p, int rootfd, struct inodes *ours);

/* Closes all.  The first error of giving the times back. */
int places_done(struct places *p);

/* The directory at path below the root ("" is the root), open for reading until the next call; missing ones
 * are made, 0755, owned by root.  Symlinks are followed inside the root.  A descriptor or a negative errno.
 */
int places_get(struct places *p, const char *path);

/* Whether places_get(path) would find it open. */
bool places_has(const struct places *p, const char *path);

/* To be called before a directory is deleted or replaced: forgets what is open. */
int places_flush(struct places *p);

/* Says that the directory st got this time by its own entry. */
void places_set_mtime(struct places *p, const struct stat *st, struct timespec mtime);

#endif
