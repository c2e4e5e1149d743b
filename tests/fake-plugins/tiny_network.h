/* SPDX-License-Identifier: Apache-2.0 */
/* A whole network driver in a page: endpoints without links. */
#ifndef TINY_NETWORK_H
#define TINY_NETWORK_H

#include <errno.h>
#include <gantry/network.h>
#include <stdlib.h>

#ifndef TINY_JOIN
#define TINY_JOIN (void)0
#endif
#ifndef TINY_LEAVE
#define TINY_LEAVE return 0
#endif

struct gty_network {
	const struct gty_host *host;
};

static int network_probe(const struct gty_host *host, struct gty_call *call, const struct gty_open *req)
{
	(void)host;
	(void)call;
	(void)req;
	return 0;
}

static int network_open(const struct gty_host *host, struct gty_call *call, const struct gty_open *req,
	struct gty_network **ret, struct gty_network_info *info)
{
	struct gty_network *nw = malloc(sizeof *nw);

	(void)req;
	if (!nw)
		return call->fail(call, GTY_E_INTERNAL, ENOMEM, "out of memory");
	nw->host = host;
	info->caps = GTY_NETWORK_CAP_NO_GATEWAY | GTY_NETWORK_CAP_HOT;
	*ret = nw;
	return 0;
}

static void network_close(struct gty_network *nw)
{
	free(nw);
}

static int network_recover(struct gty_network *nw, struct gty_call *call, const struct gty_recover_req *req,
	struct gty_recover_rep *rep)
{
	(void)nw;
	(void)call;
	(void)req;
	(void)rep;
	return 0;
}

static int network_status(struct gty_network *nw, struct gty_call *call, struct gty_kvs *rep)
{
	(void)nw;
	(void)call;
	(void)rep;
	return 0;
}

static int network_create(struct gty_network *nw, struct gty_call *call, const struct gty_network_req *req,
	struct gty_network_rep *rep)
{
	(void)nw;
	(void)req;
	rep->state = call->strdup(call, "{}");
	return 0;
}

static int network_remove(struct gty_network *nw, struct gty_call *call, const struct gty_ref *ref)
{
	(void)nw;
	(void)call;
	(void)ref;
	return 0;
}

static int endpoint_create(struct gty_network *nw, struct gty_call *call, const struct gty_endpoint *req,
	struct gty_endpoint_rep *rep)
{
	(void)nw;
	rep->state = call->strdup(call, req->id);
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
	TINY_JOIN;
	return 0;
}

static int leave(struct gty_network *nw, struct gty_call *call, const struct gty_join_req *req)
{
	(void)nw;
	(void)call;
	(void)req;
	TINY_LEAVE;
}

static int network_describe(
	struct gty_network *nw, struct gty_call *call, const struct gty_ref *ref, struct gty_kvs *rep)
{
	(void)nw;
	(void)call;
	(void)ref;
	(void)rep;
	return 0;
}

static const struct gty_network_ops network_ops = { .struct_size = sizeof network_ops,
	.probe = network_probe,
	.open = network_open,
	.close = network_close,
	.recover = network_recover,
	.status = network_status,
	.network_create = network_create,
	.network_remove = network_remove,
	.endpoint_create = endpoint_create,
	.endpoint_remove = endpoint_remove,
	.join = join,
	.leave = leave,
	.describe = network_describe };

static const struct gty_driver tiny_network = { .struct_size = sizeof tiny_network,
	.kind = GTY_KIND_NETWORK,
	.abi_major = GTY_NETWORK_ABI_MAJOR,
	.abi_minor = GTY_NETWORK_ABI_MINOR,
	.name = "tiny",
	.help = "a fake",
	.ops = &network_ops };

#endif
