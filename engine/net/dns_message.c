/* SPDX-License-Identifier: Apache-2.0 */
#include "engine/net/dns_message.h"

#include "engine/net/dns.h"
#include "engine/net/object.h"
#include "lib/base/path.h"
#include "lib/json/json.h"

#include <arpa/inet.h>
#include <string.h>

/* A text of a place; false: it is no name, or there is no room for more. */
static bool add_text(struct str *out, const char *text)
{
	size_t n = text ? strlen(text) : 0;

	return n > 0 && n <= PROTO_DNS_NAME_MAX && out->len + n + 1 + 8 < PROTO_DNS_MESSAGE_MAX &&
	       str_add_n(out, text, n + 1) == 0;
}

/* The container's name first: it is what its address is called. */
static uint16_t add_names(struct str *out, const struct net_endpoint *ep, const struct net_want *w)
{
	const struct net_member *m = ep->member;
	const struct json *aliases = json_at(w ? w->config : NULL, "Aliases");
	char id[ID_SHORT_SIZE];
	uint16_t n = add_text(out, m->name);

	for (size_t i = 0; i < json_count(aliases); i++)
		n = (uint16_t)(n + add_text(out, json_string(json_item(aliases, i))));
	id_short(m->id, id);
	n = (uint16_t)(n + add_text(out, id));
	return (uint16_t)(n + add_text(out, m->hostname));
}

/* "NAME:ALIAS" of an endpoint's Links: the alias is known to this container alone. */
static bool add_link(struct str *out, const char *link)
{
	char name[PROTO_DNS_NAME_MAX + 1];
	const char *colon = link ? strrchr(link, ':') : NULL;
	size_t begin = out->len;

	if (!link || path_format(name, sizeof name, "%.*s", colon ? (int)(colon - link) : (int)strlen(link),
			     link) < 0)
		return false;
	if (id_is_valid(name))
		name[ID_SHORT_LEN] = '\0'; /* as it is known on the network */
	if (add_text(out, colon ? colon + 1 : name) && add_text(out, name))
		return true;
	out->len = begin;
	return false;
}

static uint16_t add_links(struct str *out, const struct net_want *w)
{
	const struct json *links = json_at(w ? w->config : NULL, "Links");
	uint16_t n = 0;

	for (size_t i = 0; i < json_count(links); i++)
		n = (uint16_t)(n + add_link(out, json_string(json_item(links, i))));
	return n;
}

/* With the lock of net. */
static bool add_place(struct str *out, const struct net_endpoint *ep)
{
	static const char zeros[8];
	const struct net_want *w = start_want_of(ep->member, ep);
	struct proto_dns_place place = { .address = htonl(ep->address) };
	size_t begin = out->len;

	if (begin + sizeof place + 2 * PROTO_DNS_NAME_MAX > PROTO_DNS_MESSAGE_MAX)
		return false;
	path_format(place.network, sizeof place.network, "%s", ep->nw->id);
	str_add_n(out, &place, sizeof place);
	if (!add_text(out, ep->nw->name))
		str_add_n(out, zeros, 1);
	place.n_names = add_names(out, ep, w);
	place.n_links = add_links(out, w);
	str_add_n(out, zeros, (8 - out->len % 8) % 8);
	if (out->failed)
		return false;
	place.size = (uint32_t)(out->len - begin - sizeof place);
	memcpy(out->data + begin, &place, sizeof place);
	return true;
}

bool dns_describe(const struct net_member *m, struct proto_dns_sandbox *head, struct str *out)
{
	path_format(head->id, sizeof head->id, "%s", m->sandbox);
	str_add_n(out, head, sizeof *head);
	for (const struct net_endpoint *ep = m->endpoints; ep; ep = ep->next) {
		if (!ep->nw->internal)
			head->flags |= PROTO_DNS_FORWARD; /* else its questions left by us (CVE-2024-29018) */
		if (dns_serves(ep->nw) && head->n_places < PROTO_DNS_PLACES_MAX)
			head->n_places = (uint16_t)(head->n_places + add_place(out, ep));
	}
	if (out->failed || head->n_places == 0 || m->netns < 0)
		return false;
	memcpy(out->data, head, sizeof *head);
	return true;
}
