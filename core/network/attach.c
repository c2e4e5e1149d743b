/* SPDX-License-Identifier: Apache-2.0 */
/* Several entries as one job on the driver's thread. */
#include "core/network/entries.h"

#include <errno.h>

/* The reply is checked here too, since the next entry is called with it. */
static int must(struct gty_call *call, const char *entry, int r, int checked, struct error *err)
{
	if (r < 0)
		return r;
	if (checked == 0)
		return 0;
	error_prefix(err, checked, "%s", entry);
	return call->fail(call, GTY_E_INTERNAL, EPROTO, err->text);
}

static void reset_endpoint(struct gty_endpoint_rep *rep)
{
	*rep = (struct gty_endpoint_rep){ .struct_size = sizeof *rep };
}

static void take_created(struct gty_endpoint *ep, const struct gty_endpoint_rep *rep)
{
	if (rep->state)
		ep->state = rep->state;
	if (rep->mac)
		ep->mac = rep->mac;
	if (rep->addrs_n > 0) {
		ep->addrs = rep->addrs;
		ep->addrs_n = rep->addrs_n;
	}
}

static int create_endpoint(const struct gty_network_ops *ops, struct target *t, struct gty_call *call,
	const struct gty_endpoint *ep, struct gty_endpoint_rep *rep)
{
	const struct facts facts = { .caps = ~UINT64_C(0) };
	struct error err = ERROR_INIT;
	int r = ops->endpoint_create(t->self, call, ep, rep);

	return must(
		call, "endpoint_create", r, r < 0 ? 0 : network_check_endpoint(&facts, ep, rep, &err), &err);
}

static int publish(const struct gty_network_ops *ops, struct target *t, struct gty_call *call,
	const struct network_attach_req *q, const struct gty_endpoint *ep, struct gty_publish_rep *rep)
{
	struct gty_publish_req p = { .struct_size = sizeof p,
		.flags = q->join->flags & (GTY_JOIN_GW4 | GTY_JOIN_GW6),
		.ep = ep,
		.ports = q->ports,
		.ports_n = q->ports_n };

	if (!(q->flags & NETWORK_ATTACH_PUBLISH))
		return 0;
	if (!ops->publish)
		return call->fail(
			call, GTY_E_UNSUPPORTED, ENOTSUP, "this driver does not publish ports itself");
	return ops->publish(t->self, call, &p, rep);
}

/* What fails on the way back stays unsaid: the first error is the caller's. */
int network_attach_run(struct target *t, struct gty_call *call, const void *req, void *rep)
{
	const struct gty_network_ops *ops = t->ops;
	const struct network_attach_req *q = req;
	struct network_attach_rep *out = rep;
	struct gty_endpoint ep = *q->join->ep;
	struct gty_join_req join = *q->join;
	int r;

	join.ep = &ep;
	r = create_endpoint(ops, t, call, &ep, &out->ep);
	if (r < 0)
		goto none;
	take_created(&ep, &out->ep);
	r = ops->join(t->self, call, &join, &out->join);
	if (r < 0)
		goto created;
	if (out->join.state)
		ep.state = out->join.state;
	r = publish(ops, t, call, q, &ep, &out->publish);
	if (r < 0)
		goto joined;
	return 0;
joined:
	ops->leave(t->self, call, &join);
created:
	ops->endpoint_remove(t->self, call, &ep);
none:
	reset_endpoint(&out->ep);
	out->join = (struct gty_join_rep){ .struct_size = sizeof out->join };
	out->publish = (struct gty_publish_rep){ .struct_size = sizeof out->publish };
	return r;
}

int network_detach_run(struct target *t, struct gty_call *call, const void *req, void *rep)
{
	const struct gty_network_ops *ops = t->ops;
	const struct gty_join_req *join = req;
	int first = ops->leave(t->self, call, join);
	int second = ops->endpoint_remove(t->self, call, join->ep);

	(void)rep;
	return first < 0 ? first : second;
}
