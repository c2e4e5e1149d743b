/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The entries of network drivers by number, for the front, the contract suite and messages; and two jobs
 * made of several entries, so that a container's start costs one hop instead of three.
 */
#ifndef GANTRY_CORE_NETWORK_ENTRIES_H
#define GANTRY_CORE_NETWORK_ENTRIES_H

#include "core/plugin/kind.h"

#include <gantry/network.h>

enum network_entry {
	NETWORK_RECOVER = ENTRY_FIRST,
	NETWORK_STATUS,
	NETWORK_CREATE,
	NETWORK_REMOVE,
	NETWORK_ENDPOINT_CREATE,
	NETWORK_ENDPOINT_REMOVE,
	NETWORK_JOIN,
	NETWORK_LEAVE,
	NETWORK_DESCRIBE,
	NETWORK_PUBLISH,
	NETWORK_UPDATE,
	NETWORK_ENDPOINT_UPDATE,
	NETWORK_PERMIT,
	NETWORK_PEERS,
	NETWORK_ATTACH,
	NETWORK_DETACH,
	NETWORK_ENTRIES,
};

/* endpoint_create, join and, with the flag, publish.  What create answers (state, mac, addresses) is put into
 * the endpoint that join gets; join->ep is the endpoint as before create.  All or nothing. */
#define NETWORK_ATTACH_PUBLISH (UINT32_C(1) << 0)
struct network_attach_req {
	uint32_t struct_size, flags;
	const struct gty_join_req *join;
	const struct gty_port *ports;
	uint32_t ports_n, reserved;
};
struct network_attach_rep {
	uint32_t struct_size, reserved;
	struct gty_endpoint_rep ep;
	struct gty_join_rep join;
	struct gty_publish_rep publish;
};
/* NETWORK_DETACH: a struct gty_join_req; leave, then endpoint_remove even when leave failed. */

/* The jobs and checks, for entries.c alone. */
int network_attach_run(struct target *t, struct gty_call *call, const void *req, void *rep);
int network_detach_run(struct target *t, struct gty_call *call, const void *req, void *rep);
int network_check_network(const struct facts *facts, const void *req, const void *rep, struct error *err);
int network_check_endpoint(const struct facts *facts, const void *req, const void *rep, struct error *err);
int network_check_join(const struct facts *facts, const void *req, const void *rep, struct error *err);
int network_check_publish(const struct facts *facts, const void *req, const void *rep, struct error *err);

#endif
