/* SPDX-License-Identifier: Apache-2.0 */
/* The inodes that an unpacking made or went through: what a whiteout of the same layer must leave alone. */
#ifndef GANTRY_ARCHIVE_INODES_H
#define GANTRY_ARCHIVE_INODES_H

#include <stdbool.h>
#include <stddef.h>
#include <sys/types.h>

/* Of one file system; zeroed to begin with. */
struct inodes {
	ino_t *table;
	size_t n, room;
};

/* 0 or -ENOMEM. */
int inodes_add(struct inodes *s, ino_t ino);
bool inodes_has(const struct inodes *s, ino_t ino);
void inodes_done(struct inodes *s);

#endif
