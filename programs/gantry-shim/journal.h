/* SPDX-License-Identifier: Apache-2.0 */
/*
 * What has happened, in the shim's folder, for a gantryd that was not there.  The file holds what is in
 * memory: events that are not acknowledged, and those that say what the shim is (released, processes that
 * run).
 */
#ifndef GANTRY_SHIM_JOURNAL_H
#define GANTRY_SHIM_JOURNAL_H

#include "lib/proto/shim.h"

struct journal {
	int folder, fd;
	uint64_t last_seq;
	size_t n, room;
	struct proto_shim_event *events;
};

/* folder: borrowed.  0 or -errno. */
int journal_open(struct journal *j, int folder);

/* Numbers, times and keeps the event.  A file that cannot be written is passed over: who is there is told. */
void journal_add(struct journal *j, struct proto_shim_event *event);

/* Forgets what is acknowledged up to seq. */
void journal_forget(struct journal *j, uint64_t seq);

#endif
