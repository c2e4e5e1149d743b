/* SPDX-License-Identifier: Apache-2.0 */
#include "programs/gantry-shim/journal.h"

#include "lib/base/clock.h"
#include "lib/base/fd.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

int journal_open(struct journal *j, int folder)
{
	j->folder = folder;
	j->fd = openat(
		folder, "journal", O_WRONLY | O_CREAT | O_EXCL | O_APPEND | O_CLOEXEC | O_NOFOLLOW, 0600);
	return j->fd < 0 ? -errno : 0;
}

static void keep(struct journal *j, const struct proto_shim_event *event)
{
	if (j->n == j->room) {
		size_t room = j->room ? j->room * 2 : 4;
		struct proto_shim_event *more = realloc(j->events, room * sizeof *more);
		if (!more)
			return; /* the file has it */
		j->events = more;
		j->room = room;
	}
	j->events[j->n++] = *event;
}

void journal_add(struct journal *j, struct proto_shim_event *event)
{
	event->head = proto_shim_head(PROTO_SHIM_EVENT, sizeof *event);
	event->seq = ++j->last_seq;
	if (event->time_ns == 0)
		event->time_ns = clock_real_ns();
	fd_write_all(j->fd, event, sizeof *event);
	keep(j, event);
}

static bool has_ended(const struct journal *j, const char *exec)
{
	for (size_t i = 0; i < j->n; i++)
		if (j->events[i].kind == PROTO_EVENT_EXEC_EXIT && strcmp(j->events[i].exec, exec) == 0)
			return true;
	return false;
}

/* What is still true stays, also when it is known. */
static bool is_needed(const struct journal *j, const struct proto_shim_event *e, uint64_t acked)
{
	if (e->seq > acked || e->kind == PROTO_EVENT_RELEASED || proto_shim_is_last(e))
		return true;
	return e->kind == PROTO_EVENT_EXEC_STARTED && !has_ended(j, e->exec);
}

/* A crash between the two leaves an old one, which says no wrong. */
static void rewrite(struct journal *j)
{
	int fd = openat(j->folder, "journal.new",
		O_WRONLY | O_CREAT | O_TRUNC | O_APPEND | O_CLOEXEC | O_NOFOLLOW, 0600);

	if (fd < 0)
		return;
	if (fd_write_all(fd, j->events, j->n * sizeof *j->events) < 0 ||
		renameat(j->folder, "journal.new", j->folder, "journal") < 0) {
		close(fd);
		return;
	}
	close(j->fd);
	j->fd = fd;
}

void journal_forget(struct journal *j, uint64_t seq)
{
	size_t kept = 0, before = j->n;
	bool *needed = calloc(before + 1, sizeof *needed);

	if (!needed)
		return;
	for (size_t i = 0; i < before; i++)
		needed[i] = is_needed(j, &j->events[i], seq);
	for (size_t i = 0; i < before; i++)
		if (needed[i])
			j->events[kept++] = j->events[i];
	free(needed);
	j->n = kept;
	if (kept < before)
		rewrite(j);
}
