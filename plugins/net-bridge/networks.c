/* SPDX-License-Identifier: Apache-2.0 */
/* A network is a Linux bridge with the gateway's address. */
#include "plugins/net-bridge/driver.h"

#include "lib/base/fd.h"
#include "lib/base/path.h"
#include "lib/base/str.h"
#include "plugins/kit/call.h"

#include <errno.h>
#include <fcntl.h>
#include <stdlib.h>
#include <string.h>

/* ---- the table ------------------------------------------------------------------------ */
static struct bridge **slot(struct gty_network *nw, const char *id)
{
	struct bridge **p = &nw->bridges;

	while (*p && strcmp((*p)->id, id) != 0)
		p = &(*p)->next;
	return p;
}

bool bridge_find(struct gty_network *nw, const char *id, struct bridge *ret)
{
	pthread_mutex_lock(&nw->lock);
	const struct bridge *b = id ? *slot(nw, id) : NULL;
	if (b)
		*ret = *b;
	pthread_mutex_unlock(&nw->lock);
	return b != NULL;
}

static int keep(struct gty_network *nw, const struct bridge *b)
{
	int r = 0;

	pthread_mutex_lock(&nw->lock);
	struct bridge **p = slot(nw, b->id);
	if (!*p)
		*p = calloc(1, sizeof **p);
	if (*p) {
		struct bridge *next = (*p)->next;
		**p = *b;
		(*p)->next = next;
	} else {
		r = -ENOMEM;
	}
	pthread_mutex_unlock(&nw->lock);
	return r;
}

static void drop(struct gty_network *nw, const char *id)
{
	pthread_mutex_lock(&nw->lock);
	struct bridge **p = slot(nw, id), *gone = *p;
	if (gone)
		*p = gone->next;
	pthread_mutex_unlock(&nw->lock);
	free(gone);
}

int bridge_refresh(struct gty_network *nw, struct bridge *b)
{
	struct link_info info;
	int r = link_get(nw->nl, b->link, &info);

	if (r < 0)
		return r;
	b->index = info.index;
	return keep(nw, b);
}

/* ---- making ------------------------------------------------------------------------------ */
/* A kernel without IPv6 has no such files. */
static int write_setting(
	const char *family, const char *link, const char *name, const char *value, struct error *err)
{
	char path[128];

	path_format(path, sizeof path, "/proc/sys/net/%s/conf/%s/%s", family, link, name);
	int r = fd_write_file(AT_FDCWD, path, value);
	if (r == -ENOENT && strcmp(family, "ipv6") == 0)
		return 0;
	return r < 0 ? error_sys(err, -r, "cannot write '%s'", path) : 0;
}

static int write_settings(const struct bridge *b, struct error *err)
{
	/* Published ports answer on loopback, too. */
	int r = write_setting("ipv4", b->link, "route_localnet", "1", err);

	if (r == 0 && b->made)
		r = write_setting("ipv6", b->link, "disable_ipv6", "1", err);
	/* No container is this host's router. */
	return r == 0 ? write_setting("ipv6", b->link, "accept_ra", "0", err) : r;
}

struct addresses {
	struct netlink_batch *b;
	const struct bridge *bridge;
	bool there;
};

static int look_at_address(void *ctx, const struct link_address *a)
{
	struct addresses *t = ctx;
	const struct bridge *b = t->bridge;

	if (a->index != b->index)
		return 0;
	if (a->address == b->address && a->prefix == b->prefix && !b->inhibit)
		t->there = true;
	else if (b->made)
		link_remove_address(t->b, a->index, a->address, a->prefix);
	return 0;
}

static int set_up(struct gty_network *nw, const struct bridge *b, struct error *err)
{
	auto_batch struct netlink_batch batch = { 0 };
	struct addresses look = { .b = &batch, .bridge = b };
	struct link_change change = LINK_UNCHANGED;
	char alias[LINK_ALIAS_SIZE];
	int r = write_settings(b, err);

	if (r < 0)
		return r;
	change.index = b->index;
	change.up = 1;
	if (b->made) {
		link_alias(nw, b->id, alias);
		change.alias = alias;
		change.mtu = b->mtu;
	}
	link_change(&batch, &change);
	r = link_each_address(nw->nl, look_at_address, &look);
	if (r < 0)
		return error_sys(err, -r, "cannot read the addresses of bridge '%s'", b->link);
	if (b->address && !b->inhibit && !look.there)
		link_add_address(&batch, b->index, b->address, b->prefix);
	r = netlink_commit(nw->nl, &batch, NULL);
	return r < 0 ? error_sys(err, -r, "cannot set up bridge '%s'", b->link) : 0;
}

static int make(struct gty_network *nw, struct bridge *b, struct error *err)
{
	auto_batch struct netlink_batch batch = { 0 };
	uint8_t mac[6];

	mac_of_id(b->id, mac);
	link_add_bridge(&batch, b->link, mac);
	int r = netlink_commit(nw->nl, &batch, NULL);
	struct link_info info;
	if (r == 0)
		r = link_get(nw->nl, b->link, &info);
	if (r < 0)
		return error_sys(err, -r, "cannot make bridge '%s'", b->link);
	b->index = info.index;
	b->made = true;
	return 0;
}

/* Something of that name is there: ours, or somebody's bridge that the network was told to use. */
static int take(struct gty_network *nw, struct bridge *b, const struct link_info *there, struct error *err)
{
	const char *owner = alias_id(nw, there->alias);

	if (strcmp(there->kind, "bridge") != 0)
		return error_set(err, ERROR_CONFLICT, EEXIST,
			"the name '%s' is taken by a link that is no bridge", b->link);
	if (alias_is_foreign(nw, there->alias) || (owner && strcmp(owner, b->id) != 0))
		return error_set(
			err, ERROR_CONFLICT, EEXIST, "bridge '%s' belongs to another network", b->link);
	if (!owner && !b->named)
		return error_set(err, ERROR_CONFLICT, EEXIST, "bridge '%s' is not gantry's", b->link);
	b->made = owner != NULL;
	b->index = there->index;
	return 0;
}

static void undo(struct gty_network *nw, const struct bridge *b)
{
	auto_batch struct netlink_batch batch = { 0 };

	link_delete(&batch, b->index, NULL);
	netlink_commit(nw->nl, &batch, NULL);
}

static int make_or_take(struct gty_network *nw, struct bridge *b, struct error *err)
{
	struct link_info there;
	int r = link_get(nw->nl, b->link, &there);
	bool fresh = r == -ENODEV;

	if (r < 0 && !fresh)
		return error_sys(err, -r, "cannot look for bridge '%s'", b->link);
	r = fresh ? make(nw, b, err) : take(nw, b, &there, err);
	if (r == 0)
		r = set_up(nw, b, err);
	if (r < 0 && fresh && b->made)
		undo(nw, b);
	return r;
}

int bridge_create(struct gty_network *nw, struct gty_call *call, const struct gty_network_req *req,
	struct gty_network_rep *rep)
{
	struct bridge b = { 0 }, known;
	struct error err = ERROR_INIT;
	int r = bridge_settings(req, &b, &err);

	if (r == 0 && bridge_find(nw, b.id, &known))
		b.ports = known.ports;
	if (r == 0)
		r = make_or_take(nw, &b, &err);
	if (r < 0)
		return kit_fail_error(call, &err);
	if (keep(nw, &b) < 0)
		return kit_no_memory(call);
	rep->mtu = b.mtu;
	rep->facts = bridge_facts(&b);
	rep->host_link = call->strdup(call, b.link);
	rep->state = kit_format(call, "%s %s", b.made ? "made" : "taken", b.link);
	return rep->host_link && rep->state ? 0 : kit_no_memory(call);
}

/* ---- removing --------------------------------------------------------------------------------- */
struct search {
	const struct gty_network *nw;
	const char *id;
	int index;
};

static int match_alias(void *ctx, const struct link_info *link)
{
	struct search *s = ctx;
	const char *id = alias_id(s->nw, link->alias);

	if (id && strcmp(id, s->id) == 0 && strcmp(link->kind, "bridge") == 0)
		s->index = link->index;
	return 0;
}

/* By its alias, which nobody else's bridge has: without state, and under whatever name. */
int bridge_remove(struct gty_network *nw, struct gty_call *call, const struct gty_ref *ref)
{
	auto_batch struct netlink_batch batch = { 0 };
	struct search s = { .nw = nw, .id = ref->id };
	int r = link_each(nw->nl, match_alias, &s);

	if (r == 0 && s.index) {
		link_delete(&batch, s.index, NULL);
		r = netlink_commit(nw->nl, &batch, NULL);
	}
	if (r < 0 && r != -ENODEV)
		return kit_fail_sys(call, -r, "cannot remove the bridge of network '%s'", ref->id);
	drop(nw, ref->id);
	return 0;
}
