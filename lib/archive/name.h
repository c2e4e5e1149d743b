/* SPDX-License-Identifier: Apache-2.0 */
/* The names that archives give their entries. */
#ifndef GANTRY_ARCHIVE_NAME_H
#define GANTRY_ARCHIVE_NAME_H

#include <limits.h>

/* Cleans a path as text, relative to the archive's root; a leading '/' means that root.  -EXDEV: it leaves by
 * ".."; -ENAMETOOLONG. */
int name_clean(const char *name, char buf[PATH_MAX]);

#endif
