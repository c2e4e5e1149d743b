/* SPDX-License-Identifier: Apache-2.0 */
#include "programs/gantry-shim/journal.h"

#include "lib/base/clock.h"
#include "lib/base/fd.h"

#include <errno.h>
#include <fcntl.h>

int journal_open(struct journal *j, int folder)
{
	j->fd = openat(
		folder, "journal", O_WRONLY | O_CREAT | O_EXCL | O_APPEND | O_CLOEXEC | O_NOFOLLOW, 0600);
	return j->fd < 0 ? -errno : 0;
}

void journal_add(struct journal *j, struct proto_shim_event *event)
{
	event->head = proto_shim_head(PROTO_SHIM_EVENT, sizeof *event);
	event->seq = ++j->last_seq;
	if (event->time_ns == 0)
		event->time_ns = clock_real_ns();
	fd_write_all(j->fd, event, sizeof *event);
	if (j->n < JOURNAL_EVENTS_MAX)
		j->events[j->n++] = *event;
}
