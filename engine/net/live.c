/* SPDX-License-Identifier: Apache-2.0 */
/* Networks that come and go while a container is there, and while it runs. */
#include "engine/net/dns.h"
#include "engine/net/object.h"

#include "lib/base/cleanup.h"
#include "lib/base/fault.h"
#include "lib/base/log.h"

#include <errno.h>
#include <fcntl.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

static bool is_driver(const struct nw *nw, uint64_t cap)
{
	return nw->driver && (nw->driver->caps & cap);
}

/* ---- what may be connected ------------------------------------------------------------------ */
static int fail_shared(struct error *err)
{
	return error_invalid(err, "container sharing network namespace with another container or host cannot "
				  "be connected to any other network");
}

static bool wants_cap(struct net_member *m, uint64_t cap)
{
	bool found = false;

	net_lock(m->net);
	for (const struct net_want *w = m->wants; w; w = w->next) {
		struct nw *nw = NULL;
		found |= nw_find(m->net, w->name, &nw, NULL) == 0 && is_driver(nw, cap);
	}
	net_unlock(m->net);
	return found;
}

static int check_connect(struct net_member *m, const struct nw *nw, struct error *err)
{
	if (m->mode == NET_MODE_CONTAINER)
		return fail_shared(err);
	if (is_driver(nw, GTY_NETWORK_CAP_HOST))
		return error_invalid(err,
			"cannot connect container to host network - container must be created in "
			"host network mode");
	if (wants_cap(m, GTY_NETWORK_CAP_HOST))
		return fail_shared(err);
	if (is_driver(nw, GTY_NETWORK_CAP_NONE) ? m->wants != NULL : wants_cap(m, GTY_NETWORK_CAP_NONE))
		return error_invalid(err, "container cannot be connected to multiple networks with one of "
					  "the networks in private "
					  "(none) mode");
	if (!nw->driver)
		return error_set(
			err, ERROR_UNAVAILABLE, ENOENT, "network driver '%s' is gone", nw->driver_name);
	return 0;
}

static struct net_want **find_want(struct net_member *m, const struct nw *nw)
{
	struct net_want **p = &m->wants;

	while (*p && strcmp((*p)->name, nw->name) != 0 && strcmp((*p)->name, nw->id) != 0)
		p = &(*p)->next;
	return p;
}

static struct net_endpoint **find_endpoint(struct net_member *m, const struct nw *nw)
{
	struct net_endpoint **p = &m->endpoints;

	while (*p && (*p)->nw != nw)
		p = &(*p)->next;
	return p;
}

/* ---- the way out ------------------------------------------------------------------------------- */
/* The default route and the published ports follow the network that Docker's rule names. */
static int move_gateway(struct net_member *m, struct error *err)
{
	struct net_endpoint *best = start_gateway(m);
	int r = 0;

	if (best && best->is_gateway)
		return 0;
	net_lock(m->net);
	for (struct net_endpoint *ep = m->endpoints; ep; ep = ep->next)
		ep->is_gateway = ep == best;
	net_unlock(m->net);
	r = sandbox_set_gateway(m->netns, best ? best->ifname : NULL, best ? best->via : 0, err);
	if (r == 0 && best && m->n_held == 0 && m->ports.n > 0 &&
		(best->nw->facts & (GTY_NETF_PUBLISH | GTY_NETF_ROUTED)))
		r = publish_reserve(m, best, err);
	return r;
}

static int save(struct net_member *m, const struct net_endpoint *gone, struct error *err)
{
	struct state_txn *txn = state_begin(m->net->engine->state);

	row_put_sandbox(txn, m);
	for (const struct net_endpoint *ep = m->endpoints; ep; ep = ep->next)
		row_put_endpoint(txn, ep);
	if (gone)
		state_delete(txn, STATE_ENDPOINT, gone->id);
	return state_commit(txn, STATE_LAZY, err);
}

/* What follows each change of a running container. */
static int settle(struct net_member *m, const struct net_endpoint *gone, struct error *err)
{
	int r = move_gateway(m, err);

	if (r == 0)
		r = save(m, gone, err);
	if (r == 0)
		r = etc_write_hosts(m, err);
	if (r == 0)
		r = resolv_renew(m, err);
	if (r == 0)
		dns_member(m);
	return r == 0 ? publish_open(m, err) : r;
}

/* ---- connect --------------------------------------------------------------------------------------- */
static void remove_endpoint(struct net_member *m, struct net_endpoint *ep)
{
	net_lock(m->net);
	struct net_endpoint **p = find_endpoint(m, ep->nw);
	if (*p == ep)
		*p = ep->next;
	endpoint_drop_address(ep);
	endpoint_unlink(ep);
	net_wake(m->net);
	net_unlock(m->net);
	nw_release(m->net, ep->nw);
	endpoint_free(ep);
}

static int plug(struct net_member *m, struct net_endpoint *ep, const struct net_want *w, struct error *err)
{
	int r = endpoint_take_address(ep, w->address, err);

	if (r == 0)
		r = endpoint_reserve(ep, w, err);
	if (r == 0)
		r = save(m, NULL, err);
	if (r == 0)
		r = endpoint_join(ep, w, m->netns, true, err);
	fault_point("net.plugged");
	return r == 0 ? settle(m, NULL, err) : r;
}

static void unplug(struct net_member *m, struct net_endpoint *ep)
{
	struct error err = ERROR_INIT;

	publish_forget(m, ep->address);
	endpoint_detach(ep, m->netns, true);
	net_lock(m->net);
	struct net_endpoint **p = find_endpoint(m, ep->nw);
	*p = ep->next;
	net_unlock(m->net);
	if (settle(m, ep, &err) < 0)
		log_warning("container %s: %s", m->id, err.text);
}

/* The endpoint has its own count of the network's use. */
static int connect_running(struct net_member *m, struct nw *nw, const struct net_want *w, struct error *err)
{
	struct net_endpoint *ep = endpoint_new(nw, m);

	if (!ep)
		return error_sys(err, ENOMEM, "cannot keep an endpoint");
	net_lock(m->net);
	struct net_endpoint **p = &m->endpoints;
	while (*p)
		p = &(*p)->next;
	*p = ep;
	nw->users++;
	endpoint_link(ep);
	net_unlock(m->net);
	int r = plug(m, ep, w, err);
	if (r < 0) {
		struct error first = *err;
		unplug(m, ep);
		remove_endpoint(m, ep);
		*err = first;
		return r;
	}
	net_event(m->net, nw, "connect", m->id);
	return 0;
}

static int give_new(struct net_member *m, struct net_sandbox *keep, struct error *err)
{
	*keep = NET_SANDBOX_NONE;
	keep->keep = calloc(m->n_held + 1, sizeof *keep->keep);
	if (!keep->keep)
		return error_sys(err, ENOMEM, "cannot hand sockets over");
	net_lock(m->net);
	for (size_t i = 0; i < m->n_held; i++)
		if (m->held[i].fd >= 0)
			keep->keep[keep->keep_n++] = take_fd(m->held[i].fd);
	net_unlock(m->net);
	return 0;
}

static int connect_to(struct net_member *m, struct nw *nw, const struct json *endpoint, struct error *err)
{
	struct net_want *w = NULL;
	int r = check_connect(m, nw, err);

	if (r == 0 && m->running && *find_endpoint(m, nw))
		r = error_set(err, ERROR_DENIED, EEXIST, "endpoint with name %s already exists in network %s",
			m->name, nw->name);
	if (r == 0)
		r = want_new(m->net, nw->name, endpoint, &w, err);
	if (r == 0 && m->running)
		r = connect_running(m, nw, w, err);
	if (r < 0) {
		want_free(w);
		return r;
	}
	net_lock(m->net);
	struct net_want **p = find_want(m, nw), *old = *p;
	w->next = old ? old->next : NULL;
	*p = w;
	bool running = m->running;
	net_unlock(m->net);
	want_free(old);
	if (running)
		dns_member(m); /* its aliases are known only now */
	return 0;
}

int net_connect(struct net_member *m, const char *ref, const struct json *endpoint, struct net_sandbox *keep,
	struct error *err)
{
	struct nw *nw = NULL;
	int r = nw_use(m->net, ref, &nw, err);

	if (r < 0)
		return r;
	r = connect_to(m, nw, endpoint, err);
	nw_release(m->net, nw);
	return r == 0 ? give_new(m, keep, err) : r;
}

/* ---- disconnect ---------------------------------------------------------------------------------------- */
static int fail_not_on(const struct net_member *m, const char *ref, struct error *err)
{
	return error_set(
		err, ERROR_INTERNAL, ENOENT, "container %s is not connected to network %s", m->id, ref);
}

static void drop_want(struct net_member *m, const char *name)
{
	net_lock(m->net);
	struct net_want **p = &m->wants, *w;
	while (*p && strcmp((*p)->name, name) != 0)
		p = &(*p)->next;
	w = *p;
	if (w)
		*p = w->next;
	net_unlock(m->net);
	want_free(w);
}

/* A network that is not there any more. */
static int disconnect_unknown(struct net_member *m, const char *ref, struct error *err)
{
	const struct net_want *w = m->wants;

	while (w && strcmp(w->name, ref) != 0)
		w = w->next;
	if (!w)
		return fail_not_on(m, ref, err);
	drop_want(m, ref);
	return 0;
}

static int disconnect_from(struct net_member *m, struct nw *nw, struct error *err)
{
	if (is_driver(nw, GTY_NETWORK_CAP_HOST) && m->host)
		return error_invalid(err,
			"container cannot be disconnected from host network or connected to host network");
	struct net_endpoint *ep = *find_endpoint(m, nw);
	struct net_want *w = *find_want(m, nw);
	if (m->running ? !ep : !w)
		return fail_not_on(m, nw->name, err);
	if (ep) {
		unplug(m, ep);
		net_event(m->net, nw, "disconnect", m->id);
		remove_endpoint(m, ep);
	}
	if (w)
		drop_want(m, w->name);
	return 0;
}

int net_disconnect(struct net_member *m, const char *ref, bool force, struct error *err)
{
	struct nw *nw = NULL;
	int r = nw_use(m->net, ref, &nw, err);

	if (r < 0)
		return !m->running || force ? disconnect_unknown(m, ref, err) : r;
	r = disconnect_from(m, nw, err);
	nw_release(m->net, nw);
	return r;
}

/* What containers hold is in their members; what is nobody's was removed when gantryd started. */
int net_disconnect_lost(struct net *net, const char *ref, const char *container, struct error *err)
{
	struct nw *nw = NULL;
	int r = nw_use(net, ref, &nw, err);

	if (r < 0)
		return r;
	nw_release(net, nw);
	return error_set(err, ERROR_NOT_FOUND, ENOENT, "endpoint %s not found", container);
}
