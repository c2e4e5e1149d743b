/* SPDX-License-Identifier: Apache-2.0 */
/* Folders below a driver's root, and what file system they lie on. */
#ifndef GANTRY_KIT_FOLDER_H
#define GANTRY_KIT_FOLDER_H

#include "lib/base/error.h"

#include <stdbool.h>
#include <stddef.h>
#include <sys/types.h>

/* The name Docker gives a file system ("extfs", "xfs", "overlayfs"), "<unknown>" for others. */
const char *kit_fs_name(long magic);
int kit_fs_magic(int fd, long *ret, struct error *err);

/* Opens a folder that is not a symbolic link; made with mode 0700 when it is not there. */
int kit_folder_open(int dirfd, const char *name, struct error *err);

/* rename(2) that does not replace.  -EEXIST when there is something already. */
int kit_rename_new(int from_fd, const char *from, int to_fd, const char *to);

/* The sorted names of a folder's entries that wanted() accepts; free with kit_names_free. */
struct kit_names {
	char **v;
	size_t n;
};
int kit_names_read(int dirfd, bool (*wanted)(const char *name), struct kit_names *ret, struct error *err);
void kit_names_free(struct kit_names *names);

/* Whether name is among them. */
bool kit_names_has(const struct kit_names *names, const char *name);

/* Writes a new small file in one go; not synced. */
int kit_file_write(int dirfd, const char *name, const void *data, size_t n);

#endif
