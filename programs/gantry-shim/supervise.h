/* SPDX-License-Identifier: Apache-2.0 */
/* The state of a supervising shim, for its loop (supervise.c) and the requests of gantryd (requests.c). */
#ifndef GANTRY_SHIM_SUPERVISE_H
#define GANTRY_SHIM_SUPERVISE_H

#include "programs/gantry-shim/container.h"
#include "programs/gantry-shim/journal.h"
#include "programs/gantry-shim/oom.h"
#include "programs/gantry-shim/parts.h"

struct exec {
	struct exec *next;
	struct process p;
	char id[ID_SIZE + 7];
};

struct shim {
	struct container c;
	struct exec *execs;
	size_t n_execs;
	struct journal journal;
	int folder, starter, listen;
	int incoming; /* connected, and yet to say HELLO; -1 */
	enum proto_shim_state state;
	int64_t kill_at;   /* of a stop; 0: none */
	int64_t linger_to; /* after the last acknowledgement; 0: not yet */
	bool forced, stopping;
	struct oom oom;
	bool over; /* nothing is left to be done */
	int kept[PROTO_SHIM_FDS_MAX];
	size_t n_kept;
	char boot_id[40];
};

/* ---- supervise.c ---- */
void shim_tell(struct shim *s, const void *data, size_t n, const int *fds, size_t nfds);
void shim_lose_starter(struct shim *s);
/* Journals and tells. */
void shim_add_event(struct shim *s, struct proto_shim_event *event);
/* The container's end, with its last event. */
void shim_end(struct shim *s, struct proto_shim_event *last);
/* Kills and forgets everything. */
void shim_tear_down(struct shim *s);
void shim_release_kept(struct shim *s);
/* Everything is acknowledged: clients read the rest. */
void shim_linger(struct shim *s);

/* ---- requests.c ---- */
/* Reads and serves one message of the starter, or sees its end. */
void shim_on_starter(struct shim *s);

#endif
