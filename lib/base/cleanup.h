/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Scope-bound release of memory and descriptors.  A variable declared auto_free or
 * auto_close is initialised at its declaration and handed over with take_ptr / take_fd.
 * Not for kernel state that outlives a descriptor (mounts, cgroups): that is undone by
 * a visible ladder in the function that built it.
 */
#ifndef GANTRY_BASE_CLEANUP_H
#define GANTRY_BASE_CLEANUP_H

#include <errno.h>
#include <stdlib.h>
#include <unistd.h>

static inline void cleanup_free(void *p)
{
	free(*(void **)p);
}

/* Keeps errno: a cleanup must not change what the function is about to report. */
static inline void cleanup_close(int *fd)
{
	if (*fd >= 0) {
		int saved = errno;
		close(*fd);
		errno = saved;
	}
}

#define auto_free  __attribute__((cleanup(cleanup_free)))
#define auto_close __attribute__((cleanup(cleanup_close)))

/* Gives the value away and leaves NULL / -1 behind, so that the scope's end does nothing. */
#define take_ptr(p)                               \
	({                                        \
		__typeof__(p) *take_p_ = &(p);    \
		__typeof__(p) take_v_ = *take_p_; \
		*take_p_ = NULL;                  \
		take_v_;                          \
	})

static inline int take_fd_(int *fd)
{
	int v = *fd;
	*fd = -1;
	return v;
}
#define take_fd(fd) take_fd_(&(fd))

#endif
