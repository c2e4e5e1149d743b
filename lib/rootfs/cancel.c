/* SPDX-License-Identifier: Apache-2.0 */
#include "lib/rootfs/cancel.h"

#include "lib/base/clock.h"

#include <errno.h>
#include <poll.h>
#include <stddef.h>

int rootfs_cancel_check(const struct rootfs_cancel *cancel)
{
	if (!cancel)
		return 0;
	if (cancel->deadline_ns > 0 && clock_mono_ns() >= cancel->deadline_ns)
		return -ETIMEDOUT;
	if (cancel->fd >= 0) {
		struct pollfd p = { .fd = cancel->fd, .events = POLLIN };
		if (poll(&p, 1, 0) > 0)
			return -ECANCELED;
	}
	return 0;
}
