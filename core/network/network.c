/* SPDX-License-Identifier: Apache-2.0 */
#include "core/network/network.h"

#include <errno.h>

struct network {
	struct instance in; /* first */
	struct gty_network_info *info;
};

int network_open(const struct driver *driver, const struct driver_config *config, struct network **ret,
	struct error *err)
{
	void *front, *info;
	int r = front_open(sizeof(struct network), driver, config, &front, &info, err);

	if (r < 0)
		return r;
	*ret = front;
	(*ret)->info = info;
	return 0;
}

int network_close(struct network *nw)
{
	struct gty_network_info *info = nw ? nw->info : NULL;
	int r = front_close(nw);

	reply_free(info);
	return r;
}

const char *network_name(const struct network *nw)
{
	return nw->in.name;
}

uint64_t network_caps(const struct network *nw)
{
	return nw->info->caps;
}

bool network_is_global(const struct network *nw)
{
	return nw->info->scope == 1;
}

void network_load(struct network *nw, struct call_load *ret)
{
	call_load(&nw->in, ret);
}

static int run(struct network *nw, enum network_entry entry, const void *req, const struct call_by *by,
	void *ret_rep, struct error *err)
{
	void *rep = NULL;
	int r = call_run(&nw->in, entry, req, by, &rep, err);

	if (r == 0 && ret_rep)
		*(void **)ret_rep = rep;
	else
		reply_free(rep);
	return r;
}

/* The kind's thread rules go by the endpoint. */
static int need_endpoint(const struct gty_endpoint *ep, struct error *err)
{
	return ep ? 0 : error_invalid(err, "no endpoint was named");
}

int network_recover(struct network *nw, const struct gty_recover_req *req, struct gty_recover_rep **ret,
	struct error *err)
{
	return run(nw, NETWORK_RECOVER, req, NULL, ret, err);
}

int network_status(struct network *nw, const struct call_by *by, struct gty_kvs **ret, struct error *err)
{
	return run(nw, NETWORK_STATUS, NULL, by, ret, err);
}

int network_create(struct network *nw, const struct gty_network_req *req, const struct call_by *by,
	struct gty_network_rep **ret, struct error *err)
{
	return run(nw, NETWORK_CREATE, req, by, ret, err);
}

int network_update(struct network *nw, const struct gty_network_req *req, const struct call_by *by,
	struct gty_network_rep **ret, struct error *err)
{
	return run(nw, NETWORK_UPDATE, req, by, ret, err);
}

int network_remove(
	struct network *nw, const char *id, const char *state, const struct call_by *by, struct error *err)
{
	const struct gty_ref ref = { .id = id, .state = state, .fd = -1 };

	return run(nw, NETWORK_REMOVE, &ref, by, NULL, err);
}

int network_endpoint_create(struct network *nw, const struct gty_endpoint *req, const struct call_by *by,
	struct gty_endpoint_rep **ret, struct error *err)
{
	return run(nw, NETWORK_ENDPOINT_CREATE, req, by, ret, err);
}

int network_endpoint_update(struct network *nw, const struct gty_join_req *req, const struct call_by *by,
	struct gty_join_rep **ret, struct error *err)
{
	int r = need_endpoint(req->ep, err);

	return r < 0 ? r : run(nw, NETWORK_ENDPOINT_UPDATE, req, by, ret, err);
}

int network_endpoint_remove(
	struct network *nw, const struct gty_endpoint *req, const struct call_by *by, struct error *err)
{
	return run(nw, NETWORK_ENDPOINT_REMOVE, req, by, NULL, err);
}

int network_join(struct network *nw, const struct gty_join_req *req, const struct call_by *by,
	struct gty_join_rep **ret, struct error *err)
{
	int r = need_endpoint(req->ep, err);

	return r < 0 ? r : run(nw, NETWORK_JOIN, req, by, ret, err);
}

int network_leave(
	struct network *nw, const struct gty_join_req *req, const struct call_by *by, struct error *err)
{
	int r = need_endpoint(req->ep, err);

	return r < 0 ? r : run(nw, NETWORK_LEAVE, req, by, NULL, err);
}

int network_attach(struct network *nw, const struct network_attach_req *req, const struct call_by *by,
	struct network_attach_rep **ret, struct error *err)
{
	int r = req->join ? need_endpoint(req->join->ep, err) : error_invalid(err, "no join was asked for");

	return r < 0 ? r : run(nw, NETWORK_ATTACH, req, by, ret, err);
}

int network_detach(
	struct network *nw, const struct gty_join_req *req, const struct call_by *by, struct error *err)
{
	int r = need_endpoint(req->ep, err);

	return r < 0 ? r : run(nw, NETWORK_DETACH, req, by, NULL, err);
}

int network_describe(struct network *nw, const char *net, const char *endpoint, const struct call_by *by,
	struct gty_kvs **ret, struct error *err)
{
	const struct gty_ref ref = {
		.id = endpoint ? endpoint : net, .parent = endpoint ? net : NULL, .fd = -1
	};

	return run(nw, NETWORK_DESCRIBE, &ref, by, ret, err);
}

int network_publish(struct network *nw, const struct gty_publish_req *req, const struct call_by *by,
	struct gty_publish_rep **ret, struct error *err)
{
	int r = need_endpoint(req->ep, err);

	return r < 0 ? r : run(nw, NETWORK_PUBLISH, req, by, ret, err);
}

int network_permit(
	struct network *nw, const struct gty_permit_req *req, const struct call_by *by, struct error *err)
{
	int r = need_endpoint(req->from, err);

	if (r == 0)
		r = need_endpoint(req->to, err);
	return r < 0 ? r : run(nw, NETWORK_PERMIT, req, by, NULL, err);
}

int network_peers(
	struct network *nw, const struct gty_peers_req *req, const struct call_by *by, struct error *err)
{
	return run(nw, NETWORK_PEERS, req, by, NULL, err);
}
