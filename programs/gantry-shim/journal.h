/* SPDX-License-Identifier: Apache-2.0 */
/* What has happened, in the shim's folder, for a gantryd that was not there. */
#ifndef GANTRY_SHIM_JOURNAL_H
#define GANTRY_SHIM_JOURNAL_H

#include "lib/proto/shim.h"

#define JOURNAL_EVENTS_MAX 32

struct journal {
	int fd;
	uint64_t last_seq;
	size_t n;
	struct proto_shim_event events[JOURNAL_EVENTS_MAX];
};

/* 0 or -errno. */
int journal_open(struct journal *j, int folder);

/* Numbers, times and keeps the event.  A file that cannot be written is passed over: who is there is told. */
void journal_add(struct journal *j, struct proto_shim_event *event);

#endif
