/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The networks host and none: one makes the engine use the host's network namespace, the other an empty one.
 * All is said by their capabilities; nothing is made here.  Each keeps the one network it may have.
 */
#include "plugins/kit/call.h"

#include <errno.h>
#include <gantry/network.h>
#include <pthread.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

struct gty_network {
	const char *name;
	pthread_mutex_t lock;
	char id[256]; /* empty: no network yet */
};

static int probe(const struct gty_host *host, struct gty_call *call, const struct gty_open *req)
{
	(void)host;
	(void)call;
	(void)req;
	return 0;
}

static int open_with(uint64_t caps, const char *name, struct gty_call *call, struct gty_network **ret,
	struct gty_network_info *info)
{
	struct gty_network *nw = calloc(1, sizeof *nw);

	if (!nw)
		return kit_fail_sys(call, ENOMEM, "cannot open the driver");
	nw->name = name;
	pthread_mutex_init(&nw->lock, NULL);
	info->caps = caps | GTY_NETWORK_CAP_SINGLE | GTY_NETWORK_CAP_NO_GATEWAY;
	*ret = nw;
	return 0;
}

static int open_host(const struct gty_host *host, struct gty_call *call, const struct gty_open *req,
	struct gty_network **ret, struct gty_network_info *info)
{
	(void)host;
	(void)req;
	return open_with(GTY_NETWORK_CAP_HOST | GTY_NETWORK_CAP_IPV6, "host", call, ret, info);
}

static int open_none(const struct gty_host *host, struct gty_call *call, const struct gty_open *req,
	struct gty_network **ret, struct gty_network_info *info)
{
	(void)host;
	(void)req;
	return open_with(GTY_NETWORK_CAP_NONE, "none", call, ret, info);
}

static void close_driver(struct gty_network *nw)
{
	if (!nw)
		return;
	pthread_mutex_destroy(&nw->lock);
	free(nw);
}

/* Nothing is in the kernel: what is known is all there, once the network is noted again. */
static int recover(struct gty_network *nw, struct gty_call *call, const struct gty_recover_req *req,
	struct gty_recover_rep *rep)
{
	(void)call;
	(void)rep;
	if (req->flags & GTY_RECOVER_DRY)
		return 0;
	pthread_mutex_lock(&nw->lock);
	nw->id[0] = '\0';
	for (uint32_t i = 0; i < req->n; i++) {
		const struct gty_known *k = &req->v[i];
		if (k->what == GTY_KNOWN_NETWORK && !(k->flags & GTY_KNOWN_F_PENDING) && k->id)
			snprintf(nw->id, sizeof nw->id, "%s", k->id);
	}
	pthread_mutex_unlock(&nw->lock);
	return 0;
}

static int status(struct gty_network *nw, struct gty_call *call, struct gty_kvs *rep)
{
	(void)nw;
	(void)call;
	(void)rep;
	return 0;
}

static int network_create(struct gty_network *nw, struct gty_call *call, const struct gty_network_req *req,
	struct gty_network_rep *rep)
{
	bool taken;

	(void)rep;
	if (!req->id || !*req->id || strlen(req->id) >= sizeof nw->id)
		return kit_fail(call, GTY_E_INVALID, EINVAL, "a network needs an id");
	pthread_mutex_lock(&nw->lock);
	taken = nw->id[0] != '\0' && strcmp(nw->id, req->id) != 0;
	if (!taken)
		snprintf(nw->id, sizeof nw->id, "%s", req->id);
	pthread_mutex_unlock(&nw->lock);
	if (taken)
		return kit_fail(call, GTY_E_CONFLICT, EEXIST,
			"only one instance of \"%s\" network is allowed", nw->name);
	return 0;
}

static int network_remove(struct gty_network *nw, struct gty_call *call, const struct gty_ref *ref)
{
	(void)call;
	pthread_mutex_lock(&nw->lock);
	if (ref->id && strcmp(nw->id, ref->id) == 0)
		nw->id[0] = '\0';
	pthread_mutex_unlock(&nw->lock);
	return 0;
}

static int endpoint_create(struct gty_network *nw, struct gty_call *call, const struct gty_endpoint *req,
	struct gty_endpoint_rep *rep)
{
	(void)nw;
	(void)call;
	(void)req;
	(void)rep;
	return 0;
}

static int endpoint_remove(struct gty_network *nw, struct gty_call *call, const struct gty_endpoint *req)
{
	(void)nw;
	(void)call;
	(void)req;
	return 0;
}

static int join(struct gty_network *nw, struct gty_call *call, const struct gty_join_req *req,
	struct gty_join_rep *rep)
{
	(void)nw;
	(void)call;
	(void)req;
	rep->flags = GTY_JOIN_NO_GATEWAY;
	return 0;
}

static int leave(struct gty_network *nw, struct gty_call *call, const struct gty_join_req *req)
{
	(void)nw;
	(void)call;
	(void)req;
	return 0;
}

static int describe(
	struct gty_network *nw, struct gty_call *call, const struct gty_ref *ref, struct gty_kvs *rep)
{
	(void)nw;
	(void)call;
	(void)ref;
	(void)rep;
	return 0;
}

/* Two tables that differ in open, since an instance may be configured under any name. */
#define OPS(OPEN)                                                                                     \
	{                                                                                             \
		.struct_size = sizeof(struct gty_network_ops), .probe = probe, .open = OPEN,          \
		.close = close_driver, .recover = recover, .status = status,                          \
		.network_create = network_create, .network_remove = network_remove,                   \
		.endpoint_create = endpoint_create, .endpoint_remove = endpoint_remove, .join = join, \
		.leave = leave, .describe = describe,                                                 \
	}

static const struct gty_network_ops host_ops = OPS(open_host);
static const struct gty_network_ops none_ops = OPS(open_none);

static const struct gty_option options[] = { { 0 } };

/* Docker's API calls the driver of the network "none" so. */
static const char *const none_aliases[] = { "null", NULL };

static const struct gty_driver host_driver = {
	.struct_size = sizeof host_driver,
	.kind = GTY_KIND_NETWORK,
	.abi_major = GTY_NETWORK_ABI_MAJOR,
	.abi_minor = GTY_NETWORK_ABI_MINOR,
	.priority = -1,
	.name = "host",
	.help = "the host's own network",
	.options = options,
	.ops = &host_ops,
};
static const struct gty_driver none_driver = {
	.struct_size = sizeof none_driver,
	.kind = GTY_KIND_NETWORK,
	.abi_major = GTY_NETWORK_ABI_MAJOR,
	.abi_minor = GTY_NETWORK_ABI_MINOR,
	.priority = -1,
	.name = "none",
	.aliases = none_aliases,
	.help = "loopback alone",
	.options = options,
	.ops = &none_ops,
};
static const struct gty_driver *const drivers[] = { &host_driver, &none_driver, NULL };

GTY_PLUGIN("net-hostnone", GANTRY_VERSION, "Apache-2.0", drivers);
