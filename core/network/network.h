/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Networks as the engine calls them; see core/storage/storage.h for what holds for all fronts, and
 * <gantry/network.h> for the structs.
 */
#ifndef GANTRY_CORE_NETWORK_H
#define GANTRY_CORE_NETWORK_H

#include "core/network/entries.h"
#include "core/plugin/open.h"

struct network;

int network_open(const struct driver *driver, const struct driver_config *config, struct network **ret,
	struct error *err);
int network_close(struct network *nw);

const char *network_name(const struct network *nw); /* "bridge" */
uint64_t network_caps(const struct network *nw);    /* GTY_NETWORK_CAP_* */
bool network_is_global(const struct network *nw);   /* Scope "global" */
void network_load(struct network *nw, struct call_load *ret);

int network_recover(struct network *nw, const struct gty_recover_req *req, struct gty_recover_rep **ret,
	struct error *err);
int network_status(struct network *nw, const struct call_by *by, struct gty_kvs **ret, struct error *err);

int network_create(struct network *nw, const struct gty_network_req *req, const struct call_by *by,
	struct gty_network_rep **ret, struct error *err);
int network_update(struct network *nw, const struct gty_network_req *req, const struct call_by *by,
	struct gty_network_rep **ret, struct error *err);
int network_remove(
	struct network *nw, const char *id, const char *state, const struct call_by *by, struct error *err);

int network_endpoint_create(struct network *nw, const struct gty_endpoint *req, const struct call_by *by,
	struct gty_endpoint_rep **ret, struct error *err);
int network_endpoint_update(struct network *nw, const struct gty_join_req *req, const struct call_by *by,
	struct gty_join_rep **ret, struct error *err);
int network_endpoint_remove(
	struct network *nw, const struct gty_endpoint *req, const struct call_by *by, struct error *err);
int network_join(struct network *nw, const struct gty_join_req *req, const struct call_by *by,
	struct gty_join_rep **ret, struct error *err);
int network_leave(
	struct network *nw, const struct gty_join_req *req, const struct call_by *by, struct error *err);

/* endpoint_create, join and (with NETWORK_ATTACH_PUBLISH) publish in one hop: all of them, or none. */
int network_attach(struct network *nw, const struct network_attach_req *req, const struct call_by *by,
	struct network_attach_rep **ret, struct error *err);
/* leave and endpoint_remove in one hop; both are tried, the first error is told. */
int network_detach(
	struct network *nw, const struct gty_join_req *req, const struct call_by *by, struct error *err);

/* endpoint NULL: of the network. */
int network_describe(struct network *nw, const char *net, const char *endpoint, const struct call_by *by,
	struct gty_kvs **ret, struct error *err);
int network_publish(struct network *nw, const struct gty_publish_req *req, const struct call_by *by,
	struct gty_publish_rep **ret, struct error *err);
int network_permit(
	struct network *nw, const struct gty_permit_req *req, const struct call_by *by, struct error *err);
int network_peers(
	struct network *nw, const struct gty_peers_req *req, const struct call_by *by, struct error *err);

#endif
