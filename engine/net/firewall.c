/* SPDX-License-Identifier: Apache-2.0 */
#include "engine/net/firewall.h"

#include "engine/net/firewall_state.h"
#include "lib/base/log.h"
#include "lib/base/path.h"

#include <errno.h>
#include <linux/netlink.h>
#include <stdlib.h>
#include <string.h>

/* ---- the state -------------------------------------------------------------------------- */
static struct fw_container **slot(struct firewall *fw, const char *id)
{
	uint32_t h = 2166136261u;

	for (const char *p = id; *p; p++)
		h = (h ^ (uint8_t)*p) * 16777619u;
	struct fw_container **at = &fw->containers[h % FIREWALL_BUCKETS];
	while (*at && strcmp((*at)->id, id) != 0)
		at = &(*at)->next;
	return at;
}

static void free_container(struct fw_container *c)
{
	if (!c)
		return;
	free(c->links);
	free(c->ports);
	free(c->permits);
	free(c);
}

static void *copy(const void *v, size_t n, size_t size, bool *failed)
{
	void *p = n ? reallocarray(NULL, n, size) : NULL;

	if (p)
		memcpy(p, v, n * size);
	*failed |= n && !p;
	return p;
}

static int copy_links(struct fw_container *c, const struct firewall_open *open)
{
	c->links = calloc(open->n_links + 1, sizeof *c->links);
	if (!c->links)
		return -ENOMEM;
	for (size_t i = 0; i < open->n_links; i++) {
		path_format(c->links[i].port, FIREWALL_LINK_SIZE, "%s", open->links[i].port);
		path_format(c->links[i].network, FIREWALL_LINK_SIZE, "%s", open->links[i].network);
	}
	c->n_links = open->n_links;
	return 0;
}

static struct fw_container *new_container(const char *id, const struct firewall_open *open)
{
	struct fw_container *c = calloc(1, sizeof *c);

	if (!c)
		return NULL;
	path_format(c->id, sizeof c->id, "%s", id);
	bool failed = copy_links(c, open) < 0;
	c->ports = copy(open->ports, open->n_ports, sizeof *open->ports, &failed);
	c->permits = copy(open->permits, open->n_permits, sizeof *open->permits, &failed);
	c->n_ports = open->n_ports;
	c->n_permits = open->n_permits;
	if (failed) {
		free_container(c);
		return NULL;
	}
	return c;
}

/* ---- writing ------------------------------------------------------------------------------ */
int fw_write_all(struct firewall *fw, struct error *err)
{
	struct netlink_batch b = { 0 };
	struct netlink_fault fault;

	if (!fw->settled)
		return 0;
	fw_put_all(fw, &b);
	int r = netlink_commit(fw->nl, &b, &fault);
	if (r < 0)
		return error_sys(err, -r, "cannot write the firewall (message %u%s%s)", fault.message,
			fault.why[0] ? ": " : "", fault.why);
	fw_mend_forward(fw);
	return 0;
}

/* An element that somebody else removed fails the increment: then the whole is written. */
static int write_difference(struct firewall *fw, const struct fw_container *old,
	const struct fw_container *new, struct error *err)
{
	struct netlink_batch b = { 0 };

	if (!fw->settled)
		return 0;
	nft_begin(&b);
	if (old)
		fw_put_container(fw, &b, old, true);
	if (new)
		fw_put_container(fw, &b, new, false);
	bool nothing = b.n == 1;
	nft_end(&b);
	if (nothing) {
		netlink_batch_done(&b);
		return 0;
	}
	return netlink_commit(fw->nl, &b, NULL) < 0 ? fw_write_all(fw, err) : 0;
}

/* ---- networks -------------------------------------------------------------------------------- */
static struct fw_network **network_slot(struct firewall *fw, const char *link)
{
	struct fw_network **p = &fw->networks;

	while (*p && strcmp((*p)->link, link) != 0)
		p = &(*p)->next;
	return p;
}

const struct fw_network *fw_network_of(const struct firewall *fw, const char *link)
{
	const struct fw_network *n = fw->networks;

	while (n && strcmp(n->link, link) != 0)
		n = n->next;
	return n;
}

int firewall_set_network(struct firewall *fw, const struct firewall_network *n, struct error *err)
{
	struct fw_network *fresh = calloc(1, sizeof *fresh);

	if (!fresh)
		return error_sys(err, ENOMEM, "cannot keep a network's rules");
	fresh->n = *n;
	fresh->n.link = NULL;
	path_format(fresh->link, sizeof fresh->link, "%s", n->link);
	pthread_mutex_lock(&fw->lock);
	struct fw_network **p = network_slot(fw, n->link), *old = *p;
	fresh->next = old ? old->next : NULL;
	*p = fresh;
	int r = fw_write_all(fw, err);
	if (r < 0) {
		*p = old;
		free(fresh);
	} else {
		free(old);
	}
	pthread_mutex_unlock(&fw->lock);
	return r;
}

int firewall_drop_network(struct firewall *fw, const char *link, struct error *err)
{
	int r = 0;

	pthread_mutex_lock(&fw->lock);
	struct fw_network **p = network_slot(fw, link), *old = *p;
	if (old) {
		*p = old->next;
		free(old);
		r = fw_write_all(fw, err);
	}
	pthread_mutex_unlock(&fw->lock);
	return r;
}

/* ---- containers --------------------------------------------------------------------------------- */
int firewall_publish(
	struct firewall *fw, const char *container, const struct firewall_open *open, struct error *err)
{
	struct fw_container *fresh = new_container(container, open);

	if (!fresh)
		return error_sys(err, ENOMEM, "cannot keep a container's rules");
	pthread_mutex_lock(&fw->lock);
	struct fw_container **p = slot(fw, container), *old = *p;
	fresh->next = old ? old->next : NULL;
	*p = fresh;
	int r = write_difference(fw, old, fresh, err);
	if (r < 0) {
		*p = old;
		free_container(fresh);
	} else {
		free_container(old);
	}
	pthread_mutex_unlock(&fw->lock);
	return r;
}

int firewall_withdraw(struct firewall *fw, const char *container, struct error *err)
{
	int r = 0;

	pthread_mutex_lock(&fw->lock);
	struct fw_container **p = slot(fw, container), *old = *p;
	if (old) {
		*p = old->next;
		r = write_difference(fw, old, NULL, err);
		free_container(old);
	}
	pthread_mutex_unlock(&fw->lock);
	return r;
}

/* ---- life ------------------------------------------------------------------------------------------ */
int firewall_open(const char *instance, struct firewall **ret, struct error *err)
{
	struct firewall *fw = calloc(1, sizeof *fw);

	if (!fw)
		return error_sys(err, ENOMEM, "cannot open the firewall");
	fw->stop = -1;
	pthread_mutex_init(&fw->lock, NULL);
	path_format(fw->table, sizeof fw->table, "gantry-%s", instance);
	path_format(fw->comment, sizeof fw->comment, "gantry-%s", instance);
	int r = netlink_open(NETLINK_NETFILTER, &fw->nl, err);
	if (r < 0) {
		firewall_close(fw);
		return r;
	}
	*ret = fw;
	return 0;
}

int firewall_settle(struct firewall *fw, struct error *err)
{
	int r = fw->watching ? 0 : fw_watch(fw, err);

	pthread_mutex_lock(&fw->lock);
	if (r == 0) {
		fw->settled = true;
		r = fw_write_all(fw, err);
	}
	pthread_mutex_unlock(&fw->lock);
	return r;
}

bool firewall_is_blocked(struct firewall *fw)
{
	pthread_mutex_lock(&fw->lock);
	bool r = fw->blocked;
	pthread_mutex_unlock(&fw->lock);
	return r;
}

int firewall_remove(struct netlink *nl, const char *instance, struct error *err)
{
	struct netlink_batch b = { 0 };
	char table[32];

	path_format(table, sizeof table, "gantry-%s", instance);
	fw_put_removal(&b, table);
	int r = netlink_commit(nl, &b, NULL);
	return r < 0 ? error_sys(err, -r, "cannot remove the tables of the firewall") : 0;
}

void firewall_close(struct firewall *fw)
{
	if (!fw)
		return;
	fw_unwatch(fw);
	while (fw->networks) {
		struct fw_network *n = fw->networks;
		fw->networks = n->next;
		free(n);
	}
	for (size_t i = 0; i < FIREWALL_BUCKETS; i++)
		while (fw->containers[i]) {
			struct fw_container *c = fw->containers[i];
			fw->containers[i] = c->next;
			free_container(c);
		}
	netlink_close(fw->nl);
	pthread_mutex_destroy(&fw->lock);
	free(fw);
}
