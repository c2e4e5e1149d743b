/* SPDX-License-Identifier: Apache-2.0 */
#include "lib/rootfs/links.h"

#include <errno.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

struct rootfs_link {
	dev_t dev;
	ino_t ino;
	char *path; /* NULL: free */
};

void rootfs_links_init(struct rootfs_links *l, size_t max)
{
	*l = (struct rootfs_links){ .max = max };
}

void rootfs_links_done(struct rootfs_links *l)
{
	for (size_t i = 0; i < l->room; i++)
		free(l->table[i].path);
	free(l->table);
	*l = (struct rootfs_links){ .max = l->max };
}

/* Where the inode is, or belongs; room is a power of two and never full. */
static struct rootfs_link *place(const struct rootfs_links *l, dev_t dev, ino_t ino)
{
	uint64_t h = ((uint64_t)ino ^ ((uint64_t)dev << 40)) * UINT64_C(0x9e3779b97f4a7c15);
	size_t i = (size_t)(h >> 20) & (l->room - 1);

	while (l->table[i].path && (l->table[i].ino != ino || l->table[i].dev != dev))
		i = (i + 1) & (l->room - 1);
	return &l->table[i];
}

const char *rootfs_links_find(const struct rootfs_links *l, dev_t dev, ino_t ino)
{
	return l->n > 0 ? place(l, dev, ino)->path : NULL;
}

static int make_room(struct rootfs_links *l)
{
	struct rootfs_links bigger = { .n = l->n, .max = l->max, .room = l->room ? l->room * 2 : 256 };

	if (l->n * 2 < l->room)
		return 0;
	bigger.table = calloc(bigger.room, sizeof *bigger.table);
	if (!bigger.table)
		return -ENOMEM;
	for (size_t i = 0; i < l->room; i++)
		if (l->table[i].path)
			*place(&bigger, l->table[i].dev, l->table[i].ino) = l->table[i];
	free(l->table);
	*l = bigger;
	return 0;
}

int rootfs_links_add(struct rootfs_links *l, dev_t dev, ino_t ino, const char *path)
{
	if (l->n == l->max)
		return -EMLINK;
	int r = make_room(l);
	if (r < 0)
		return r;
	char *copy = strdup(path);
	if (!copy)
		return -ENOMEM;
	*place(l, dev, ino) = (struct rootfs_link){ dev, ino, copy };
	l->n++;
	return 0;
}
