/* SPDX-License-Identifier: Apache-2.0 */
#include "plugins/kit/inodes.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

static struct kit_inode *slot_of(struct kit_inode *v, size_t room, uint64_t ino)
{
	size_t i = (size_t)((ino * UINT64_C(0x9e3779b97f4a7c15)) >> 32) & (room - 1);

	while (v[i].path && v[i].ino != ino)
		i = (i + 1) & (room - 1);
	return &v[i];
}

static int grow(struct kit_inodes *seen)
{
	size_t room = seen->room ? seen->room * 2 : 256;
	struct kit_inode *v = calloc(room, sizeof *v);

	if (!v)
		return -ENOMEM;
	for (size_t i = 0; i < seen->room; i++) {
		if (seen->v[i].path)
			*slot_of(v, room, seen->v[i].ino) = seen->v[i];
	}
	free(seen->v);
	seen->v = v;
	seen->room = room;
	return 0;
}

const char *kit_inodes_note(struct kit_inodes *seen, uint64_t ino, const char *path, int *ret_error)
{
	*ret_error = 0;
	if (seen->n * 2 >= seen->room) {
		*ret_error = grow(seen);
		if (*ret_error < 0)
			return NULL;
	}
	struct kit_inode *slot = slot_of(seen->v, seen->room, ino);
	if (slot->path)
		return slot->path;
	slot->path = strdup(path);
	if (!slot->path) {
		*ret_error = -ENOMEM;
		return NULL;
	}
	slot->ino = ino;
	seen->n++;
	return NULL;
}

void kit_inodes_done(struct kit_inodes *seen)
{
	for (size_t i = 0; i < seen->room; i++)
		free(seen->v[i].path);
	free(seen->v);
	*seen = KIT_INODES_INIT;
}
