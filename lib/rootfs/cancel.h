/* SPDX-License-Identifier: Apache-2.0 */
/* When a long walk over a tree has to stop before its end. */
#ifndef GANTRY_ROOTFS_CANCEL_H
#define GANTRY_ROOTFS_CANCEL_H

#include <stdint.h>

struct rootfs_cancel {
	int fd;              /* stop when it becomes readable or hangs up; -1: none */
	int64_t deadline_ns; /* CLOCK_MONOTONIC; 0: none */
};

/* 0: go on; -ECANCELED or -ETIMEDOUT.  cancel may be NULL.  One poll(2), so not for every entry. */
int rootfs_cancel_check(const struct rootfs_cancel *cancel);

#endif
