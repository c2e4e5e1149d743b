/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Sandboxes made ahead: a start takes one instead of making it, and the next is made behind its answer.  A
 * network gets spares when its first container has started, as long as it has addresses to give away.  A
 * spare has no row: it dies with gantryd, and what is left of it is removed by the driver's recover. The same
 * thread closes namespaces, four at a time: many that die at once hold the kernel's lock of all links.
 */
#include "engine/net/dns.h"
#include "engine/net/object.h"

#include "lib/base/clock.h"
#include "lib/base/log.h"

#include <errno.h>
#include <signal.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#define SPARES_DEFAULT 2
#define ADDRESSES_MIN  64 /* free ones, below which a network has no spares */
#define CLOSE_AT_ONCE  4
#define CLOSE_PAUSE_NS (5 * CLOCK_MS)
#define RETRY_NS       (2 * CLOCK_S) /* after a spare that could not be made */

struct spares {
	pthread_t thread;
	bool running, stop, begun;
	pthread_cond_t work; /* with the lock of struct net */
	struct spare *bare;
	unsigned n_bare;
	bool bare_wanted;
	int *dead; /* namespaces to close */
	size_t n_dead, room;
	int64_t not_before_ns;
	struct nw *making; /* a spare of it is being made */
};

static unsigned wanted(const struct net *net)
{
	unsigned n = net->config.spares;

	return n == UINT32_MAX ? 0 : n ? n : SPARES_DEFAULT;
}

bool spares_fit(const struct nw *nw)
{
	const uint64_t unfit = GTY_NETWORK_CAP_HOST | GTY_NETWORK_CAP_NONE | GTY_NETWORK_CAP_OWN_IPAM |
			       GTY_NETWORK_CAP_PEERS | GTY_NETWORK_CAP_NETNS_PATH |
			       GTY_NETWORK_CAP_PUBLISH_AT_JOIN | GTY_NETWORK_CAP_SINGLE;

	return nw->driver && nw->pool && !(nw->driver->caps & unfit);
}

/* ---- one ------------------------------------------------------------------------------- */
static void end(struct net *net, struct spare *s)
{
	if (!s)
		return;
	if (s->ep) {
		endpoint_detach(s->ep, s->netns, false);
		net_lock(net);
		endpoint_drop_address(s->ep);
		endpoint_unlink(s->ep);
		net_wake(net);
		net_unlock(net);
		endpoint_free(s->ep);
	}
	sandbox_close_names(&s->names);
	spares_close(net, s->netns);
	free(s);
}

/* With the address already taken and the endpoint linked. */
static int make_on(struct net *net, struct net_endpoint *ep, struct spare *s, struct error *err)
{
	int r = endpoint_reserve(ep, NULL, err);

	ep->is_gateway = !ep->nw->internal;
	if (r == 0)
		r = sandbox_new(net, &s->netns, err);
	if (r == 0 && dns_serves(ep->nw))
		sandbox_open_names(s->netns, &s->names, NULL); /* else dns_member does, and tells */
	return r == 0 ? endpoint_join(ep, NULL, s->netns, false, err) : r;
}

/* With the lock. */
static struct net_endpoint *begin_endpoint(struct nw *nw)
{
	struct net_endpoint *ep = endpoint_new(nw, NULL);

	if (!ep)
		return NULL;
	if (ipam_take(nw->pool, &ep->address) < 0) {
		endpoint_free(ep);
		return NULL;
	}
	ep->prefix = nw->subnet.prefix;
	endpoint_link(ep);
	return ep;
}

static struct spare *make(struct net *net, struct nw *nw, struct net_endpoint *ep, struct error *err)
{
	struct spare *s = calloc(1, sizeof *s);

	if (!s)
		return NULL;
	s->netns = -1;
	s->names = SANDBOX_NO_NAMES;
	s->ep = ep;
	int r = nw ? make_on(net, ep, s, err) : sandbox_new(net, &s->netns, err);
	if (r == 0)
		return s;
	end(net, s);
	return NULL;
}

/* ---- the thread ------------------------------------------------------------------------------- */
static bool lacks_spare(const struct net *net, const struct nw *nw)
{
	return nw->busy && !nw->creating && !nw->removing && nw->n_spares < wanted(net) && spares_fit(nw) &&
	       ipam_free_count(nw->pool) >= ADDRESSES_MIN;
}

static void keep(struct net *net, struct nw *nw, struct spare *s)
{
	struct spares *all = net->spares;

	if (!s) {
		all->not_before_ns = clock_mono_ns() + RETRY_NS;
	} else if (nw) {
		s->next = nw->spares;
		nw->spares = s;
		nw->n_spares++;
	} else {
		s->next = all->bare;
		all->bare = s;
		all->n_bare++;
	}
}

/* With the lock, which it leaves meanwhile.  True when something was done. */
static bool make_next(struct net *net)
{
	struct spares *all = net->spares;
	struct net_endpoint *ep = NULL;
	struct error err = ERROR_INIT;

	if (!all->begun || clock_mono_ns() < all->not_before_ns)
		return false;
	struct nw *nw = net->networks;
	while (nw && !lacks_spare(net, nw))
		nw = nw->next;
	if (!nw && !(all->bare_wanted && all->n_bare < wanted(net)))
		return false;
	if (nw && !(ep = begin_endpoint(nw)))
		return false;
	all->making = nw;
	net_unlock(net);
	struct spare *s = make(net, nw, ep, &err);
	if (!s)
		log_debug("no sandbox was made ahead: %s", err.text);
	net_lock(net);
	keep(net, nw, s);
	all->making = NULL;
	net_wake(net);
	return true;
}

static bool close_some(struct net *net)
{
	struct spares *all = net->spares;
	int fds[CLOSE_AT_ONCE];
	size_t n = 0;

	while (n < CLOSE_AT_ONCE && all->n_dead > 0)
		fds[n++] = all->dead[--all->n_dead];
	if (n == 0)
		return false;
	bool more = all->n_dead > 0;
	net_unlock(net);
	for (size_t i = 0; i < n; i++)
		close(fds[i]);
	if (more) {
		const struct timespec pause = { .tv_nsec = CLOSE_PAUSE_NS };
		nanosleep(&pause, NULL);
	}
	net_lock(net);
	return true;
}

static void wait_for_work(struct net *net)
{
	struct spares *all = net->spares;
	int64_t at_ns = all->not_before_ns;

	if (at_ns <= clock_mono_ns()) {
		pthread_cond_wait(&all->work, &net->lock);
		return;
	}
	struct timespec at = { .tv_sec = at_ns / CLOCK_S, .tv_nsec = at_ns % CLOCK_S };
	pthread_cond_timedwait(&all->work, &net->lock, &at);
}

static void *run(void *arg)
{
	struct net *net = arg;

	net_lock(net);
	while (!net->spares->stop) {
		bool made = make_next(net), closed = close_some(net);
		if (!made && !closed && !net->spares->stop)
			wait_for_work(net);
	}
	net_unlock(net);
	return NULL;
}

int spares_new(struct net *net, struct error *err)
{
	struct spares *all = calloc(1, sizeof *all);
	pthread_condattr_t attr;
	sigset_t every, old;

	if (!all)
		return error_sys(err, ENOMEM, "cannot keep sandboxes ahead");
	pthread_condattr_init(&attr);
	pthread_condattr_setclock(&attr, CLOCK_MONOTONIC);
	pthread_cond_init(&all->work, &attr);
	pthread_condattr_destroy(&attr);
	net->spares = all;
	sigfillset(&every);
	pthread_sigmask(SIG_SETMASK, &every, &old);
	int e = pthread_create(&all->thread, NULL, run, net);
	pthread_sigmask(SIG_SETMASK, &old, NULL);
	all->running = e == 0;
	return e ? error_sys(err, e, "cannot start the thread of sandboxes") : 0;
}

void spares_begin(struct net *net)
{
	net_lock(net);
	net->spares->begun = true;
	for (struct nw *nw = net->networks; nw; nw = nw->next)
		for (const struct net_endpoint *ep = nw->endpoints; ep; ep = ep->next_nw)
			nw->busy |= ep->member != NULL;
	pthread_cond_signal(&net->spares->work);
	net_unlock(net);
}

/* ---- taking, giving up --------------------------------------------------------------------------- */
/* With the lock: out of the list; an address of 0 is any. */
static struct spare *pick(struct nw *nw, uint32_t address)
{
	struct spare **p = &nw->spares;

	while (*p && address && (*p)->ep->address != address)
		p = &(*p)->next;
	struct spare *s = *p;
	if (s) {
		*p = s->next;
		nw->n_spares--;
	}
	return s;
}

struct spare *spares_take(struct net *net, struct nw *nw)
{
	struct spares *all = net->spares;
	struct spare *s;

	net_lock(net);
	if (nw) {
		nw->busy = true;
		s = pick(nw, 0);
	} else {
		all->bare_wanted = true;
		s = all->bare;
		if (s) {
			all->bare = s->next;
			all->n_bare--;
		}
	}
	net_unlock(net);
	return s;
}

bool spares_yield(struct net *net, struct nw *nw, uint32_t address)
{
	net_lock(net);
	struct spare *s = pick(nw, address);
	/* One that is being made just now holds what is wanted, too. */
	bool wait = !s && net->spares->making == nw;
	if (wait)
		net_wait(net, clock_mono_ns() + CLOCK_S);
	net_unlock(net);
	end(net, s);
	return s || wait;
}

void spares_drop(struct net *net, struct nw *nw)
{
	struct spare *s;

	net_lock(net);
	nw->busy = false;
	while (net->spares->making == nw)
		net_wait(net, clock_mono_ns() + CLOCK_S);
	net_unlock(net);
	do {
		net_lock(net);
		s = pick(nw, 0);
		net_unlock(net);
		end(net, s);
	} while (s);
}

void spares_refill(struct net *net)
{
	net_lock(net);
	pthread_cond_signal(&net->spares->work);
	net_unlock(net);
}

void spares_close(struct net *net, int netns)
{
	struct spares *all = net->spares;

	if (netns < 0)
		return;
	net_lock(net);
	if (all->n_dead == all->room) {
		size_t room = all->room ? all->room * 2 : 16;
		int *more = all->stop ? NULL : reallocarray(all->dead, room, sizeof *more);
		if (more) {
			all->dead = more;
			all->room = room;
		}
	}
	bool queued = all->n_dead < all->room && !all->stop;
	if (queued) {
		all->dead[all->n_dead++] = netns;
		pthread_cond_signal(&all->work);
	}
	net_unlock(net);
	if (!queued)
		close(netns);
}

void spares_free(struct net *net)
{
	struct spares *all = net->spares;

	if (!all)
		return;
	net_lock(net);
	all->stop = true;
	pthread_cond_signal(&all->work);
	net_unlock(net);
	if (all->running)
		pthread_join(all->thread, NULL);
	for (struct nw *nw = net->networks; nw; nw = nw->next)
		spares_drop(net, nw);
	while (all->bare) {
		struct spare *s = all->bare;
		all->bare = s->next;
		end(net, s);
	}
	while (all->n_dead > 0)
		close(all->dead[--all->n_dead]);
	free(all->dead);
	pthread_cond_destroy(&all->work);
	free(all);
	net->spares = NULL;
}
