/* SPDX-License-Identifier: Apache-2.0 */
/* A folder for targets that work on files: below $TMPDIR, which the runner deletes even after a crash, or in
 * memory. */
#ifndef GANTRY_FUZZ_FOLDER_H
#define GANTRY_FUZZ_FOLDER_H

#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/stat.h>

/* Opens a new one, whose path goes to buf. */
static inline int folder_new(char *buf, size_t size)
{
	const char *tmp = getenv("TMPDIR");

	snprintf(buf, size, "%s/gantry-fuzz-XXXXXX", tmp ? tmp : "/dev/shm");
	if (!mkdtemp(buf))
		abort();
	return open(buf, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
}

/* Makes a directory in it and opens that. */
static inline int folder_add(int folder, const char *name)
{
	int fd = mkdirat(folder, name, 0755) < 0 ? -1
						 : openat(folder, name, O_RDONLY | O_DIRECTORY | O_CLOEXEC);

	if (fd < 0)
		abort();
	return fd;
}

#endif
