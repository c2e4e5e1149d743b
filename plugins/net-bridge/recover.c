/* SPDX-License-Identifier: Apache-2.0 */
/* After a start: what bears our mark and is not known goes; a sandbox whose link is gone is told. */
#include "plugins/net-bridge/driver.h"

#include "plugins/kit/call.h"
#include "plugins/kit/recover.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

struct recovering {
	struct gty_network *nw;
	struct kit_known networks, joins;
	const struct gty_recover_req *req;
	struct netlink_batch remove;
	bool *seen; /* by record of the request */
};

static int look(void *ctx, const struct link_info *link)
{
	struct recovering *r = ctx;
	const char *id = alias_id(r->nw, link->alias);

	if (!id)
		return 0;
	if (strcmp(link->kind, "bridge") == 0) {
		if (!kit_known_find(&r->networks, id))
			link_delete(&r->remove, link->index, NULL);
		return 0;
	}
	const struct gty_known *known = kit_known_find(&r->joins, id);
	if (known)
		r->seen[known - r->req->v] = true;
	else
		link_delete(&r->remove, link->index, NULL);
	return 0;
}

static int reserve_all(struct recovering *r)
{
	int e = 0;

	pthread_mutex_lock(&r->nw->lock);
	ports_clear(r->nw);
	pthread_mutex_unlock(&r->nw->lock);
	for (uint32_t i = 0; e == 0 && i < r->req->n; i++) {
		const struct gty_known *k = &r->req->v[i];
		if ((k->what == GTY_KNOWN_ENDPOINT || k->what == GTY_KNOWN_JOIN) && k->id && k->parent)
			e = port_reserve(r->nw, k->id, k->parent);
	}
	return e == -EXFULL ? 0 : e;
}

static int tell_lost(struct recovering *r, struct gty_call *call, struct gty_recover_rep *rep)
{
	for (size_t i = 0; i < r->joins.n; i++)
		if (!r->seen[r->joins.v[i] - r->req->v] &&
			!kit_lost_put(call, rep, r->joins.n, r->joins.v[i]->id, "its link is gone"))
			return -ENOMEM;
	return 0;
}

static int recover(struct recovering *r, struct gty_call *call, struct gty_recover_rep *rep)
{
	bool dry = r->req->flags & GTY_RECOVER_DRY;
	int e = kit_known_init(&r->networks, r->req, GTY_KNOWN_NETWORK);

	if (e == 0)
		e = kit_known_init(&r->joins, r->req, GTY_KNOWN_JOIN);
	if (e == 0) {
		r->seen = calloc(r->req->n + 1, sizeof *r->seen);
		e = r->seen ? link_each(r->nw->nl, look, r) : -ENOMEM;
	}
	if (e == 0)
		e = tell_lost(r, call, rep);
	if (e < 0 || dry)
		return e;
	e = netlink_commit(r->nw->nl, &r->remove, NULL);
	return e == 0 || e == -ENODEV ? reserve_all(r) : e;
}

int bridge_recover(struct gty_network *nw, struct gty_call *call, const struct gty_recover_req *req,
	struct gty_recover_rep *rep)
{
	struct recovering r = { .nw = nw, .req = req };
	int e = recover(&r, call, rep);

	kit_known_done(&r.networks);
	kit_known_done(&r.joins);
	netlink_batch_done(&r.remove);
	free(r.seen);
	return e < 0 ? kit_fail_sys(call, -e, "cannot recover the links") : 0;
}
