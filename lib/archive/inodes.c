/* SPDX-License-Identifier: Apache-2.0 */
#include "lib/archive/inodes.h"

#include <errno.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

/* Where ino is, or belongs; 0 marks a free place and is no inode. */
static ino_t *place(ino_t *table, size_t room, ino_t ino)
{
	size_t i = (size_t)(((uint64_t)ino * UINT64_C(0x9e3779b97f4a7c15)) >> 20) & (room - 1);

	while (table[i] != 0 && table[i] != ino)
		i = (i + 1) & (room - 1);
	return &table[i];
}

static int grow(struct inodes *s)
{
	size_t room = s->room ? s->room * 2 : 1024;
	ino_t *table = calloc(room, sizeof *table);

	if (!table)
		return -ENOMEM;
	for (size_t i = 0; i < s->room; i++)
		if (s->table[i] != 0)
			*place(table, room, s->table[i]) = s->table[i];
	free(s->table);
	s->table = table;
	s->room = room;
	return 0;
}

int inodes_add(struct inodes *s, ino_t ino)
{
	if (s->n * 2 >= s->room) {
		int r = grow(s);
		if (r < 0)
			return r;
	}
	ino_t *p = place(s->table, s->room, ino);
	s->n += *p == 0;
	*p = ino;
	return 0;
}

bool inodes_has(const struct inodes *s, ino_t ino)
{
	return s->n > 0 && *place(s->table, s->room, ino) == ino;
}

void inodes_done(struct inodes *s)
{
	free(s->table);
	memset(s, 0, sizeof *s);
}
