/* SPDX-License-Identifier: Apache-2.0 */
/*
 * What stands between the parser and every handler: is the version served, who asks, may they.  The drivers
 * of the auth chain see the request as it was parsed, which is what the handler sees.
 */
#include "api/routes/routes.h"

#include "api/http/peer.h"
#include "api/routes/version.h"
#include "engine/engine.h"
#include "lib/base/log.h"

#include <errno.h>
#include <string.h>

static int transport_of(const struct peer *p)
{
	switch (p->kind) {
	case PEER_UNIX: return GTY_TRANSPORT_UNIX;
	case PEER_TLS: return GTY_TRANSPORT_TLS;
	default: return GTY_TRANSPORT_TCP;
	}
}

static void fill_peer(struct exchange *x, const struct peer *p, struct gty_peer_cred *ret)
{
	*ret = (struct gty_peer_cred){ .struct_size = sizeof *ret,
		.transport = (uint32_t)transport_of(p),
		.uid = p->uid,
		.gid = p->gid,
		.pid = p->pid,
		.pidfd = exchange_peer_pidfd(x),
		.groups = p->groups,
		.groups_n = (uint32_t)p->ngroups,
		.subject = p->subject[0] ? p->subject : NULL,
		.address = p->address[0] ? p->address : NULL };
}

static int ask_chain(struct exchange *x, const struct route *route, const struct engine *e,
	const struct gty_peer_cred *peer, struct error *err)
{
	struct gty_principal *who = NULL;
	int r = auth_chain_authenticate(e->auth, e->n_auth, peer, NULL, &who, err);

	if (r < 0)
		return r;
	struct gty_authorize_req req = { .struct_size = sizeof req,
		.who = who,
		.action = route->action ? route->action : "unknown",
		.traits = route->action ? 0 : GTY_TRAIT_UNKNOWN,
		.method = exchange_method(x),
		.uri = exchange_target(x),
		.api_version = exchange_version(x) };
	r = auth_chain_authorize(e->auth, e->n_auth, &req, NULL, err);
	reply_free(who);
	return r;
}

static int may(struct exchange *x, const struct route *route, const struct engine *e, struct error *err)
{
	const struct peer *p = exchange_peer(x);
	struct gty_peer_cred cred;

	if (!p)
		return error_sys(err, ENOMEM, "cannot look at who asks");
	if (e->auth_none)
		return p->kind == PEER_UNIX ? 0
					    : error_set(err, ERROR_DENIED, EACCES,
						      "--auth none serves unix sockets alone");
	fill_peer(x, p, &cred);
	int r = ask_chain(x, route, e, &cred, err);
	if (r < 0 && err->kind == ERROR_DENIED) {
		log_warning("denied: %s %s from uid %d: %s", route->method, route->pattern, (int)cred.uid,
			err->text);
		return r;
	}
	return r < 0 ? error_set(err, ERROR_DENIED, EACCES, "authorization failed: %s", err->text) : 0;
}

int routes_admit(struct exchange *x, const struct route *route, void *user, struct error *err)
{
	const struct routes *routes = user;
	int r = version_check(x, err);

	return r < 0 ? r : may(x, route, routes->engine, err);
}
