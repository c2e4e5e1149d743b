/* SPDX-License-Identifier: Apache-2.0 */
/*
 * A container's network when it starts, and when it ends.  Order (docs/architecture.md, "The life of a
 * container"): rows first, then ports and files, then what the kernel has; the end goes backwards.
 */
#include "engine/net/dns.h"
#include "engine/net/object.h"

#include "lib/base/cleanup.h"
#include "lib/base/fault.h"
#include "lib/base/log.h"
#include "lib/base/path.h"

#include <errno.h>
#include <fcntl.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#define FAILED "failed to set up container networking"

/* ---- choices --------------------------------------------------------------------------------- */
const struct net_want *start_want_of(const struct net_member *m, const struct net_endpoint *ep)
{
	const struct net_want *w = m->wants;

	while (w && strcmp(w->name, ep->nw->name) != 0 && strcmp(w->name, ep->nw->id) != 0)
		w = w->next;
	return w;
}

static int64_t priority_of(const struct net_member *m, const struct net_endpoint *ep)
{
	const struct net_want *w = start_want_of(m, ep);

	return w ? w->priority : 0;
}

/* As Docker: the highest GwPriority, then the network's name. */
struct net_endpoint *start_gateway(const struct net_member *m)
{
	struct net_endpoint *best = NULL;

	for (struct net_endpoint *ep = m->endpoints; ep; ep = ep->next) {
		if (ep->nw->internal || !ep->nw->gateway)
			continue;
		int64_t a = priority_of(m, ep), b = best ? priority_of(m, best) : 0;
		if (!best || a > b || (a == b && strcmp(ep->nw->name, best->nw->name) < 0))
			best = ep;
	}
	return best;
}

static bool publishes(const struct net_endpoint *ep)
{
	return ep && (ep->nw->facts & (GTY_NETF_PUBLISH | GTY_NETF_ROUTED));
}

/* ---- endpoints, in memory --------------------------------------------------------------------------- */
static void append(struct net_member *m, struct net_endpoint *ep)
{
	struct net_endpoint **p = &m->endpoints;

	while (*p)
		p = &(*p)->next;
	*p = ep;
}

static int add_endpoint(struct net_member *m, const struct net_want *w, struct error *err)
{
	struct nw *nw = NULL;
	int r = nw_use(m->net, w->name, &nw, err);

	if (r < 0)
		return r;
	struct net_endpoint *ep = endpoint_new(nw, m);
	if (!ep) {
		nw_release(m->net, nw);
		return error_sys(err, ENOMEM, "cannot keep an endpoint");
	}
	net_lock(m->net);
	append(m, ep);
	endpoint_link(ep);
	r = want_check(w, nw, err);
	net_unlock(m->net);
	return r;
}

/* One network, nothing of its own: a sandbox made ahead will do. */
static bool takes_spare(const struct net_member *m)
{
	const struct net_want *w = m->wants;

	return w && !w->next && !w->has_mac && !w->address &&
	       json_count(json_at(w->config, "DriverOpts")) == 0 && m->endpoints &&
	       spares_fit(m->endpoints->nw);
}

/* The spare's endpoint takes the place of the one that was to be made. */
static void use_spare(struct net_member *m, struct spare *s)
{
	struct net_endpoint *fresh = m->endpoints, *ep = s->ep;

	net_lock(m->net);
	endpoint_unlink(fresh);

	ep->member = m;
	ep->next = NULL;
	m->endpoints = ep;
	m->netns = s->netns;
	m->names = s->names;
	net_unlock(m->net);
	endpoint_free(fresh);
	free(s);
}

static int take_addresses(struct net_member *m, struct error *err)
{
	int r = 0;

	for (struct net_endpoint *ep = m->endpoints; r == 0 && ep; ep = ep->next) {
		const struct net_want *w = start_want_of(m, ep);
		r = endpoint_take_address(ep, w ? w->address : 0, err);
	}
	return r;
}

static int choose(struct net_member *m, struct error *err)
{
	int r = 0;

	for (const struct net_want *w = m->wants; r == 0 && w; w = w->next)
		r = add_endpoint(m, w, err);
	if (r < 0)
		return r;
	for (const struct net_endpoint *ep = m->endpoints; ep; ep = ep->next)
		m->host |= ep->nw->driver && (ep->nw->driver->caps & GTY_NETWORK_CAP_HOST);
	if (m->host && m->endpoints->next)
		return error_invalid(err, "container cannot be connected to host network and to others");
	struct spare *s = takes_spare(m) ? spares_take(m->net, m->endpoints->nw) : NULL;
	if (s)
		use_spare(m, s);
	else
		r = take_addresses(m, err);
	struct net_endpoint *gateway = start_gateway(m);
	if (gateway)
		gateway->is_gateway = true;
	return r;
}

/* ---- rows --------------------------------------------------------------------------------------------- */
static int write_rows(struct net_member *m, struct error *err)
{
	struct state_txn *txn = state_begin(m->net->engine->state);

	row_put_sandbox(txn, m);
	for (const struct net_endpoint *ep = m->endpoints; ep; ep = ep->next)
		row_put_endpoint(txn, ep);
	return state_commit(txn, STATE_LAZY, err);
}

static void delete_rows(struct net_member *m)
{
	struct state_txn *txn = state_begin(m->net->engine->state);
	struct error err = ERROR_INIT;

	state_delete(txn, STATE_SANDBOX, m->sandbox);
	for (const struct net_endpoint *ep = m->endpoints; ep; ep = ep->next)
		state_delete(txn, STATE_ENDPOINT, ep->id);
	if (state_commit(txn, STATE_LAZY, &err) < 0)
		log_warning("container %s: %s", m->id, err.text);
}

/* ---- the kernel's part
 * ------------------------------------------------------------------------------------- */
static int make_sandbox(struct net_member *m, struct error *err)
{
	struct spare *s = spares_take(m->net, NULL);

	if (!s)
		return sandbox_new(m->net, &m->netns, err);
	m->netns = s->netns;
	free(s);
	return 0;
}

/* What fails is told by dns_member, which tries again: without names is better than not at all. */
static void open_names(struct net_member *m)
{
	struct dns_sockets names;

	if (sandbox_open_names(m->netns, &names, NULL) < 0)
		return;
	net_lock(m->net);
	m->names = names;
	net_unlock(m->net);
}

/* Places are reserved before anything is made: a network that is full is told at once. */
static int connect_all(struct net_member *m, struct error *err)
{
	int r = 0;

	for (struct net_endpoint *ep = m->endpoints; r == 0 && ep; ep = ep->next)
		r = endpoint_reserve(ep, start_want_of(m, ep), err);
	if (r == 0 && !m->host)
		r = make_sandbox(m, err);
	if (r == 0 && dns_serves_member(m))
		open_names(m);
	for (struct net_endpoint *ep = m->endpoints; r == 0 && ep; ep = ep->next)
		r = endpoint_join(ep, start_want_of(m, ep), m->netns, false, err);
	return r;
}

/* On the network "bridge" a link is an address written down: it must be there. */
static int check_links(const struct net_member *m, struct error *err)
{
	int r = 0;

	net_lock(m->net);
	for (size_t i = 0; r == 0 && i < m->n_links; i++) {
		const struct net_member *other = net_find_member(m->net, m->links[i].name);
		if (!other || !other->running)
			r = error_set(err, ERROR_INTERNAL, ESRCH,
				"Cannot link to a non running container: /%s AS /%s/%s", m->links[i].name,
				m->name, m->links[i].alias);
	}
	net_unlock(m->net);
	return r;
}

static int build(struct net_member *m, struct error *err)
{
	int r = check_links(m, err);

	if (r == 0)
		r = choose(m, err);

	if (r == 0 && publishes(start_gateway(m)))
		r = publish_reserve(m, start_gateway(m), err);
	if (r == 0)
		r = write_rows(m, err);
	if (r < 0)
		return r;
	fault_point("net.rows");
	r = etc_write(m, err);
	if (r == 0 && m->netns < 0)
		r = connect_all(m, err);
	if (r == 0)
		r = write_rows(m, err); /* with what the drivers answered */
	fault_point("net.joined");
	return r;
}

/* ---- what the launch gets
 * ------------------------------------------------------------------------------------ */
static int give(struct net_member *m, struct net_sandbox *ret, struct error *err)
{
	struct net_sandbox s = NET_SANDBOX_NONE;

	s.etc = m->id;
	s.keep = calloc(m->n_held + 2, sizeof *s.keep);
	s.netns = m->host ? -1 : fcntl(m->netns, F_DUPFD_CLOEXEC, 3);
	if (!s.keep || (!m->host && s.netns < 0)) {
		int r = error_sys(err, s.keep ? errno : ENOMEM, "cannot hand a sandbox over");
		net_sandbox_done(&s);
		return r;
	}
	net_lock(m->net);
	for (size_t i = 0; i < m->n_held; i++)
		if (m->held[i].fd >= 0)
			s.keep[s.keep_n++] = take_fd(m->held[i].fd);
	net_unlock(m->net);
	if (!m->host) {
		int copy = fcntl(s.netns, F_DUPFD_CLOEXEC, 3);
		if (copy >= 0)
			s.keep[s.keep_n++] = copy;
	}
	*ret = s;
	return 0;
}

void net_sandbox_done(struct net_sandbox *s)
{
	if (s->netns >= 0)
		close(s->netns);
	for (size_t i = 0; i < s->keep_n; i++)
		close(s->keep[i]);
	free(s->keep);
	*s = NET_SANDBOX_NONE;
}

/* "container:X": its sandbox, its files. */
static int join_other(struct net_member *m, struct net_sandbox *ret, struct error *err)
{
	int r = 0;

	net_lock(m->net);
	const struct net_member *other = net_find_member(m->net, m->joins);
	if (!other)
		r = error_set(err, ERROR_NOT_FOUND, ENOENT, "No such container: %s", m->joins);
	else if (!other->running)
		r = error_set(err, ERROR_CONFLICT, ESRCH,
			"cannot join network of a non running container: %s", other->id);
	if (r == 0) {
		*ret = NET_SANDBOX_NONE;
		ret->etc = m->joins;
		path_format(m->joins, sizeof m->joins, "%s", other->id);
		if (!other->host) {
			ret->netns = fcntl(other->netns, F_DUPFD_CLOEXEC, 3);
			if (ret->netns < 0)
				r = error_sys(
					err, errno, "cannot join the network of container %s", other->id);
		}
	}
	net_unlock(m->net);
	return r;
}

int net_start(struct net_member *m, struct net_sandbox *ret, struct error *err)
{
	if (m->mode == NET_MODE_CONTAINER)
		return error_prefix(err, join_other(m, ret, err), FAILED);
	id_new(m->sandbox);
	m->host = false;
	net_lock(m->net);
	m->ending = false;
	m->running = true;
	net_unlock(m->net);
	int r = build(m, err);
	if (r == 0)
		r = give(m, ret, err);
	if (r < 0) {
		struct error first = *err;
		net_stop(m, false);
		net_released(m);
		*err = first;
		return error_prefix(err, r, FAILED);
	}
	spares_refill(m->net);
	return 0;
}

/* ---- the firewall, the world
 * ------------------------------------------------------------------------------------ */
static void set_key(struct net_member *m, const char *netns_path)
{
	char name[16];

	path_format(name, sizeof name, "%.12s", m->sandbox);
	unlinkat(m->net->folder, name, 0);
	if (netns_path && symlinkat(netns_path, m->net->folder, name) == 0) {
		net_lock(m->net);
		path_format(m->key, sizeof m->key, "%s", name);
		net_unlock(m->net);
	}
}

static void clear_key(struct net_member *m)
{
	if (m->key[0])
		unlinkat(m->net->folder, m->key, 0);
	m->key[0] = '\0';
}

/* Those that link to this one get to know its address; those it links to are known. */
static void tell_linked(struct net_member *m)
{
	struct net_member *v[64];
	size_t n = 0;
	struct error err = ERROR_INIT;

	net_lock(m->net);
	for (struct net_member *other = m->net->members; other && n < 64; other = other->next)
		for (size_t i = 0; i < other->n_links && other->running; i++)
			if (net_find_member(m->net, other->links[i].name) == m) {
				v[n++] = other;
				break;
			}
	net_unlock(m->net);
	for (size_t i = 0; i < n; i++)
		if (etc_write_hosts(v[i], &err) < 0 || publish_open(v[i], &err) < 0)
			log_warning("container %s: %s", v[i]->id, err.text);
}

int net_publish(struct net_member *m, const char *netns_path, struct error *err)
{
	if (m->mode == NET_MODE_CONTAINER)
		return 0;
	set_key(m, netns_path);
	int r = m->host ? 0 : publish_open(m, err);
	if (r < 0)
		return error_prefix(err, r, FAILED);
	dns_member(m);
	m->published = true;
	fault_point("net.published");
	tell_linked(m);
	for (const struct net_endpoint *ep = m->endpoints; ep; ep = ep->next)
		net_event(m->net, ep->nw, "connect", m->id);
	return 0;
}

/* ---- the end
 * ---------------------------------------------------------------------------------------------------------
 */
void net_ending(struct net_member *m)
{
	net_lock(m->net);
	m->ending = true;
	net_unlock(m->net);
}

static void detach_all(struct net_member *m, int netns)
{
	for (struct net_endpoint *ep = m->endpoints; ep; ep = ep->next) {
		publish_forget(m, ep->address);
		endpoint_detach(ep, netns, false);
	}
}

/* Addresses and places are free from here on. */
static struct net_endpoint *forget(struct net_member *m)
{
	net_lock(m->net);
	struct net_endpoint *list = m->endpoints;
	for (struct net_endpoint *ep = list; ep; ep = ep->next) {
		endpoint_drop_address(ep);
		endpoint_unlink(ep);
	}
	m->endpoints = NULL;
	m->running = false;
	m->netns = -1;
	net_wake(m->net);
	net_unlock(m->net);
	return list;
}

void net_stop(struct net_member *m, bool netns_gone)
{
	if (m->mode == NET_MODE_CONTAINER || !m->running)
		return;
	net_ending(m);
	int netns = m->netns;
	publish_close(m);
	dns_drop(m);
	fault_point("net.withdrawn");
	detach_all(m, netns_gone ? -1 : netns);
	delete_rows(m);
	clear_key(m);
	struct net_endpoint *list = forget(m);
	while (list) {
		struct net_endpoint *ep = list;
		list = ep->next;
		if (m->published)
			net_event(m->net, ep->nw, "disconnect", m->id);
		nw_release(m->net, ep->nw);
		endpoint_free(ep);
	}
	if (m->published)
		tell_linked(m);
	m->published = false;
	spares_close(m->net, netns);
	spares_refill(m->net);
}

void net_released(struct net_member *m)
{
	publish_release(m);
	net_lock(m->net);
	m->ending = false;
	net_wake(m->net);
	net_unlock(m->net);
}

/* ---- after a restart
 * --------------------------------------------------------------------------------------------------- */
int net_restore(struct net_member *m, int netns, const char *netns_path, struct error *err)
{
	if (m->mode == NET_MODE_CONTAINER)
		return 0;
	if (!m->running)
		return error_set(err, ERROR_INTERNAL, ENOENT,
			"container %s runs, and no row says on which networks", m->id);
	int copy = m->host ? -1 : fcntl(netns, F_DUPFD_CLOEXEC, 3);
	if (!m->host && copy < 0)
		return error_sys(err, errno, "cannot take the sandbox of container %s over", m->id);
	net_lock(m->net);
	m->netns = copy;
	m->published = true;
	net_unlock(m->net);
	set_key(m, netns_path);
	return m->host ? 0 : publish_open(m, err);
}
