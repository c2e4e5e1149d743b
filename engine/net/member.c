/* SPDX-License-Identifier: Apache-2.0 */
/* A container's network as it is asked for: made, loaded, saved, renamed; and what the rows say it held. */
#include "engine/net/dns.h"
#include "engine/net/object.h"

#include "lib/base/log.h"
#include "lib/base/path.h"
#include "lib/base/str.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

static struct net_member *member_new(struct net *net, const struct net_who *who)
{
	struct net_member *m = calloc(1, sizeof *m);

	if (!m)
		return NULL;
	m->net = net;
	m->netns = -1;
	m->names = SANDBOX_NO_NAMES;
	path_format(m->id, sizeof m->id, "%s", who->id);
	path_format(m->name, sizeof m->name, "%s", who->name);
	return m;
}

static void insert(struct net_member *m)
{
	net_lock(m->net);
	m->next = m->net->members;
	m->net->members = m;
	net_unlock(m->net);
}

static void take_out(struct net_member *m)
{
	net_lock(m->net);
	struct net_member **p = &m->net->members;
	while (*p && *p != m)
		p = &(*p)->next;
	if (*p)
		*p = m->next;
	for (struct net_endpoint *ep = m->endpoints; ep; ep = ep->next)
		endpoint_unlink(ep);
	net_unlock(m->net);
}

void net_free(struct net_member *m)
{
	if (!m)
		return;
	take_out(m);
	while (m->endpoints) {
		struct net_endpoint *ep = m->endpoints;
		m->endpoints = ep->next;
		endpoint_free(ep);
	}
	while (m->wants) {
		struct net_want *w = m->wants;
		m->wants = w->next;
		want_free(w);
	}
	for (size_t i = 0; i < m->n_held; i++)
		if (m->held[i].fd >= 0)
			close(m->held[i].fd);
	free(m->held);
	for (size_t i = 0; i < m->n_links; i++) {
		free(m->links[i].name);
		free(m->links[i].alias);
	}
	free(m->links);
	ports_done(&m->ports);
	str_list_free(m->dns);
	str_list_free(m->dns_search);
	str_list_free(m->dns_options);
	str_list_free(m->extra_hosts);
	if (m->netns >= 0)
		close(m->netns);
	sandbox_close_names(&m->names);
	free(m);
}

static int prepare(struct net *net, const struct net_who *who, const struct json *networking_config,
	struct json *warnings, struct net_member **ret, struct error *err)
{
	struct net_member *m = member_new(net, who);

	if (!m)
		return error_sys(err, ENOMEM, "cannot keep a container's network");
	int r = ask_read(m, who, networking_config, warnings, err);
	insert(m);
	if (r < 0)
		net_free(m);
	else
		*ret = m;
	return r;
}

int net_prepare(struct net *net, const struct net_who *who, const struct json *networking_config,
	struct json *warnings, struct net_member **ret, struct error *err)
{
	struct net_member *m = NULL;
	int r = prepare(net, who, networking_config, warnings, &m, err);

	if (r == 0)
		r = ask_check_links(m, err);
	if (r < 0)
		net_free(m);
	else
		*ret = m;
	return r;
}

/* ---- rows ----------------------------------------------------------------------------------- */
struct json *net_save(struct net_member *m)
{
	struct json *doc = json_new_object(), *list = json_set_array(doc, "networks");

	net_lock(m->net);
	if (m->mode == NET_MODE_CONTAINER)
		json_set_string(doc, "joins", m->joins);
	for (const struct net_want *w = m->wants; w; w = w->next) {
		struct json *o = json_add_object(list);
		json_set_string(o, "network", w->name);
		json_set(o, "config", json_copy(w->config));
		if (w->has_mac && !json_has(w->config, "MacAddress")) {
			char mac[18];
			json_set_string(o, "mac", mac_format(w->mac, mac));
		}
	}
	net_unlock(m->net);
	if (json_kind(doc) == JSON_OBJECT)
		return doc;
	json_free(doc);
	return NULL;
}

static void drop_wants(struct net_member *m)
{
	while (m->wants) {
		struct net_want *w = m->wants;
		m->wants = w->next;
		want_free(w);
	}
}

/* The networks that the row names take the place of those of NetworkMode: some were connected, some
 * disconnected. */
static int load_wants(struct net_member *m, const struct json *saved, struct error *err)
{
	const struct json *list = json_at(saved, "networks");
	struct net_want **p = &m->wants;
	int r = 0;

	if (m->mode == NET_MODE_CONTAINER || !list)
		return 0;
	drop_wants(m);
	for (size_t i = 0; r == 0 && i < json_count(list); i++) {
		const struct json *o = json_item(list, i);
		const char *network = json_string(json_at(o, "network")),
			   *mac = json_string(json_at(o, "mac"));
		struct error why = ERROR_INIT;
		/* A network that was made anew may not fit any more: told at the start. */
		if (!network || want_new(m->net, network, json_at(o, "config"), p, &why) < 0) {
			log_warning("container %s: %s: %s", m->id, network ? network : "a network", why.text);
			continue;
		}
		if (mac && mac_parse(mac, (*p)->mac) == 0)
			(*p)->has_mac = true;
		p = &(*p)->next;
	}
	(void)err;
	return r;
}

/* Takes out the rows of a container; net_load runs before there are other threads. */
static void claim_rows(struct net_member *m)
{
	struct net *net = m->net;
	struct net_endpoint **last = &m->endpoints;

	for (struct net_row **p = &net->rows; *p;) {
		struct net_row *row = *p;
		struct net_endpoint *ep = NULL;
		if (strcmp(row->container, m->id) != 0) {
			p = &row->next;
			continue;
		}
		if (row->is_sandbox) {
			row_read_sandbox(m, row->id, row->body);
		} else if (row_read_endpoint(net, row->id, row->body, &ep) == 0) {
			ep->member = m;
			if (ep->nw->pool)
				ipam_take_exact(ep->nw->pool, ep->address);
			ep->nw->users++;
			endpoint_link(ep);
			*last = ep;
			last = &ep->next;
		} else { /* its network is gone: net_settle removes the row */
			p = &row->next;
			continue;
		}
		*p = row->next;
		json_free(row->body);
		free(row);
	}
}

int net_load(struct net *net, const struct net_who *who, const struct json *saved, struct net_member **ret,
	struct error *err)
{
	struct net_member *m = NULL;
	struct net_who then = *who;
	const char *joins = json_string(json_at(saved, "joins"));

	if (joins)
		then.joins = joins;
	int r = prepare(net, &then, NULL, NULL, &m, err);
	if (r < 0)
		return r;
	r = load_wants(m, saved, err);
	if (r < 0) {
		net_free(m);
		return r;
	}
	claim_rows(m);
	*ret = m;
	return 0;
}

void net_rename(struct net_member *m, const char *name)
{
	net_lock(m->net);
	path_format(m->name, sizeof m->name, "%s", name);
	bool running = m->running;
	net_unlock(m->net);
	if (running)
		dns_member(m);
}
