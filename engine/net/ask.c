/* SPDX-License-Identifier: Apache-2.0 */
/* What a container asks of its network, checked when it is created; the words are Docker's. */
#include "engine/net/object.h"

#include "lib/base/path.h"
#include "lib/base/str.h"

#include <arpa/inet.h>
#include <ctype.h>
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define LIST_MAX 1024

/* ---- one network -------------------------------------------------------------------------- */
static const char *const kept[] = { "IPAMConfig", "Links", "Aliases", "MacAddress", "DriverOpts",
	"GwPriority" };

void want_free(struct net_want *w)
{
	if (!w)
		return;
	json_free(w->config);
	free(w);
}

static int read_address(struct net_want *w, const struct json *config, struct error *err)
{
	const struct json *ipam = NULL;
	const char *four = "", *six = "";
	int r = json_opt_object(config, "IPAMConfig", &ipam, err);

	if (r == 0 && ipam)
		r = json_opt_string(ipam, "IPv4Address", "", &four, err);
	if (r == 0 && ipam)
		r = json_opt_string(ipam, "IPv6Address", "", &six, err);
	if (r < 0)
		return r;
	if (*four && address_parse(four, &w->address) < 0)
		return error_invalid(err, "invalid endpoint settings:\ninvalid IPv4 address: %s", four);
	if (*six)
		return error_set(
			err, ERROR_UNSUPPORTED, ENOTSUP, "IPv6 address %s: networks have no IPv6", six);
	return 0;
}

static int read_mac(struct net_want *w, const char *mac, struct error *err)
{
	if (!*mac)
		return 0;
	if (mac_parse(mac, w->mac) < 0)
		return error_invalid(err, "invalid MAC address: %s", mac);
	w->has_mac = true;
	return 0;
}

static int read_want(struct net_want *w, const struct json *config, struct error *err)
{
	const char *mac = "";
	auto_str_list char **aliases = NULL, **links = NULL;
	const struct json *opts = NULL;
	int r = read_address(w, config, err);

	if (r == 0)
		r = json_opt_string(config, "MacAddress", "", &mac, err);
	if (r == 0)
		r = read_mac(w, mac, err);
	if (r == 0)
		r = json_opt_int(config, "GwPriority", 0, INT32_MIN, INT32_MAX, &w->priority, err);
	if (r == 0)
		r = json_opt_strings(config, "Aliases", LIST_MAX, &aliases, err);
	if (r == 0)
		r = json_opt_strings(config, "Links", LIST_MAX, &links, err);
	if (r == 0)
		r = json_opt_object(config, "DriverOpts", &opts, err);
	for (size_t i = 0; r == 0 && i < sizeof kept / sizeof kept[0]; i++)
		if (json_at(config, kept[i]))
			json_set(w->config, kept[i], json_copy(json_at(config, kept[i])));
	return r;
}

int want_check(const struct net_want *w, const struct nw *nw, struct error *err)
{
	char text[ADDRESS_SIZE];

	if (nw->predefined && w->address)
		return error_invalid(err, "invalid endpoint settings:\nuser specified IP address is "
					  "supported on user defined networks only");
	if (nw->predefined && json_count(json_at(w->config, "Aliases")) > 0)
		return error_invalid(
			err, "network-scoped aliases are only supported for user-defined networks");
	if (!w->address)
		return 0;
	if (!nw->user_subnet)
		return error_invalid(err,
			"invalid endpoint settings:\nuser specified IP address is supported only when "
			"connecting to networks with user configured subnets");
	if (!subnet_has(nw->subnet, w->address))
		return error_invalid(err,
			"invalid endpoint settings:\nno configured subnet or ip-range contain the IP address "
			"%s",
			address_format(w->address, text));
	return 0;
}

int want_new(struct net *net, const char *network, const struct json *config, struct net_want **ret,
	struct error *err)
{
	struct net_want *w = calloc(1, sizeof *w);
	struct nw *nw = NULL;

	if (!w)
		return error_sys(err, ENOMEM, "cannot keep an endpoint's settings");
	if (!*network || strcmp(network, "default") == 0)
		network = "bridge";
	w->config = json_new_object();
	int r = config ? json_expect(config, JSON_OBJECT, network, err) : 0;
	if (r == 0 && path_format(w->name, sizeof w->name, "%s", network) < 0)
		r = error_invalid(err, "invalid network name: too long");
	if (r == 0)
		r = read_want(w, config, err);
	net_lock(net);
	if (r == 0 && nw_find(net, network, &nw, NULL) == 0) {
		path_format(w->name, sizeof w->name, "%s", nw->name);
		r = want_check(w, nw, err);
		if (r < 0)
			error_prefix(err, r, "invalid config for network %s", nw->name);
	}
	net_unlock(net);
	if (r < 0)
		want_free(w);
	else
		*ret = w;
	return r;
}

/* ---- the mode ------------------------------------------------------------------------------------ */
static bool has_items(const struct json *object, const char *key)
{
	return json_count(json_at(object, key)) > 0;
}

static int check_joining(const struct net_who *who, struct error *err)
{
	const struct json *h = who->host_config, *c = who->config;
	const char *mac = json_string(json_at(c, "MacAddress"));
	bool all = false;

	if (has_items(h, "Links"))
		return error_invalid(err,
			"conflicting options: container type network can't be used with links. This would "
			"result in undefined behavior");
	if (has_items(h, "Dns"))
		return error_invalid(err, "conflicting options: dns and the network mode");
	if (has_items(h, "ExtraHosts"))
		return error_invalid(
			err, "conflicting options: custom host-to-IP mapping and the network mode");
	if (mac && *mac)
		return error_invalid(err, "conflicting options: mac-address and the network mode");
	json_opt_bool(h, "PublishAllPorts", false, &all, NULL);
	if (has_items(h, "PortBindings") || all)
		return error_invalid(
			err, "conflicting options: port publishing and the container type network mode");
	return 0;
}

static int add_want(struct net_member *m, const char *network, const struct json *config, struct error *err)
{
	struct net_want *w = NULL, **p = &m->wants;
	int r = want_new(m->net, network, config, &w, err);

	if (r < 0)
		return r;
	while (*p && strcmp((*p)->name, w->name) != 0)
		p = &(*p)->next;
	if (*p) { /* named twice, as "bridge" and "default": the first counts */
		want_free(w);
		return 0;
	}
	*p = w;
	return 0;
}

static bool same_network(struct net *net, const char *a, const char *b)
{
	struct nw *one = NULL, *two = NULL;

	if (strcmp(a, b) == 0)
		return true;
	if ((strcmp(a, "default") == 0 && strcmp(b, "bridge") == 0) ||
		(strcmp(b, "default") == 0 && strcmp(a, "bridge") == 0))
		return true;
	net_lock(net);
	bool same = nw_find(net, a, &one, NULL) == 0 && nw_find(net, b, &two, NULL) == 0 && one == two;
	net_unlock(net);
	return same;
}

static int check_alone(const char *mode, const struct net_member *m, struct error *err)
{
	if (m->wants && m->wants->next && (strcmp(mode, "host") == 0 || strcmp(mode, "none") == 0))
		return error_invalid(err,
			"conflicting options: cannot attach both user-defined and non-user-defined "
			"network-modes");
	return 0;
}

static int read_networks(struct net_member *m, const struct net_who *who, const char *mode,
	const struct json *networking, struct error *err)
{
	const struct json *all = json_at(networking, "EndpointsConfig"), *primary = NULL;
	const char *mac = json_string(json_at(who->config, "MacAddress"));
	int r = all ? json_expect(all, JSON_OBJECT, "EndpointsConfig", err) : 0;

	if (r < 0)
		return r;
	json_each (all, it)
		if (same_network(m->net, it.key, mode))
			primary = it.value;
	r = add_want(m, mode, primary, err);
	if (r == 0)
		json_each (all, it) {
			r = same_network(m->net, it.key, mode) ? 0 : add_want(m, it.key, it.value, err);
			if (r < 0)
				break;
		}
	if (r == 0)
		r = check_alone(mode, m, err);
	if (r == 0 && mac && *mac && !m->wants->has_mac)
		r = read_mac(m->wants, mac, err);
	return r;
}

static int read_mode(
	struct net_member *m, const struct net_who *who, const struct json *networking, struct error *err)
{
	const char *mode = json_string(json_at(who->host_config, "NetworkMode"));

	if (!mode || !*mode)
		mode = "bridge";
	if (str_after(mode, "container:")) {
		m->mode = NET_MODE_CONTAINER;
		path_format(m->joins, sizeof m->joins, "%s",
			who->joins ? who->joins : str_after(mode, "container:"));
		return check_joining(who, err);
	}
	if (strcmp(mode, "host") == 0 && has_items(who->host_config, "Links"))
		return error_invalid(err,
			"conflicting options: host type networking can't be used with links. This would "
			"result in undefined behavior");
	return read_networks(m, who, mode, networking, err);
}

/* ---- names and servers ----------------------------------------------------------------------------- */
static bool is_word(const char *text)
{
	for (const char *p = text; *p; p++)
		if (isspace((unsigned char)*p) || iscntrl((unsigned char)*p))
			return false;
	return *text != '\0';
}

static int check_words(char *const *list, const char *what, struct error *err)
{
	for (; list && *list; list++)
		if (!is_word(*list))
			return error_invalid(err, "invalid %s: \"%s\"", what, *list);
	return 0;
}

static int check_servers(char *const *list, struct error *err)
{
	unsigned char buf[16];

	for (; list && *list; list++)
		if (inet_pton(AF_INET, *list, buf) != 1 && inet_pton(AF_INET6, *list, buf) != 1)
			return error_invalid(err, "bad nameserver address %s", *list);
	return 0;
}

/* "name:address", "name=address"; the address may be "host-gateway". */
static int check_extra_hosts(char *const *list, struct error *err)
{
	unsigned char buf[16];

	for (; list && *list; list++) {
		const char *sep = strpbrk(*list, ":=");
		if (!sep || sep == *list || !sep[1] || !is_word(*list))
			return error_invalid(err, "bad format for add-host: \"%s\"", *list);
		if (strcmp(sep + 1, "host-gateway") != 0 && inet_pton(AF_INET, sep + 1, buf) != 1 &&
			inet_pton(AF_INET6, sep + 1, buf) != 1)
			return error_invalid(err, "invalid IP address in add-host: \"%s\"", sep + 1);
	}
	return 0;
}

static int read_lists(struct net_member *m, const struct json *host, struct error *err)
{
	int r = json_opt_strings(host, "Dns", LIST_MAX, &m->dns, err);

	if (r == 0)
		r = json_opt_strings(host, "DnsSearch", LIST_MAX, &m->dns_search, err);
	if (r == 0)
		r = json_opt_strings(host, "DnsOptions", LIST_MAX, &m->dns_options, err);
	if (r == 0)
		r = json_opt_strings(host, "ExtraHosts", LIST_MAX, &m->extra_hosts, err);
	if (r == 0)
		r = check_servers(m->dns, err);
	if (r == 0)
		r = check_words(m->dns_search, "DNS search domain", err);
	if (r == 0)
		r = check_words(m->dns_options, "DNS option", err);
	return r == 0 ? check_extra_hosts(m->extra_hosts, err) : r;
}

/* "name", "name:alias", also with '/' as inspect shows them. */
static int add_link(struct net_member *m, const char *text, struct error *err)
{
	const char *colon = strchr(text, ':');
	const char *alias = colon ? colon + 1 : text;
	size_t n = colon ? (size_t)(colon - text) : strlen(text);
	struct net_link *l = &m->links[m->n_links];

	if (strrchr(alias, '/'))
		alias = strrchr(alias, '/') + 1;
	if (*text == '/') {
		text++;
		n -= n > 0;
	}
	if (n == 0 || !is_word(alias) || !is_word(text))
		return error_invalid(err, "bad format for links: %s", text);
	l->name = strndup(text, n);
	l->alias = strdup(alias);
	m->n_links++;
	return l->name && l->alias ? 0 : error_sys(err, ENOMEM, "cannot keep the links");
}

static int read_links(struct net_member *m, const struct json *host, struct error *err)
{
	auto_str_list char **list = NULL;
	int r = json_opt_strings(host, "Links", LIST_MAX, &list, err);
	size_t n = str_list_count(list);

	if (r < 0 || n == 0)
		return r;
	m->links = calloc(n, sizeof *m->links);
	if (!m->links)
		return error_sys(err, ENOMEM, "cannot keep the links");
	for (size_t i = 0; r == 0 && i < n; i++)
		r = add_link(m, list[i], err);
	return r;
}

static int read_name(const struct json *config, const char *key, char *buf, size_t size, struct error *err)
{
	const char *text = "";
	int r = json_opt_string(config, key, "", &text, err);

	if (r < 0)
		return r;
	if (*text && !is_word(text))
		return error_invalid(err, "invalid %s: \"%s\"", key, text);
	return path_format(buf, size, "%s", text) < 0 ? error_invalid(err, "%s: too long", key) : 0;
}

int ask_read(struct net_member *m, const struct net_who *who, const struct json *networking,
	struct json *warnings, struct error *err)
{
	const struct json *host = who->host_config;
	bool all = false;
	int r = read_name(who->config, "Hostname", m->hostname, sizeof m->hostname, err);

	if (r == 0)
		r = read_name(who->config, "Domainname", m->domain, sizeof m->domain, err);
	if (r == 0)
		r = read_lists(m, host, err);
	if (r == 0)
		r = read_links(m, host, err);
	if (r == 0)
		r = json_opt_bool(host, "PublishAllPorts", false, &all, err);
	if (r == 0)
		r = ports_read(json_at(host, "PortBindings"), json_at(who->config, "ExposedPorts"), all,
			warnings, &m->ports, err);
	if (r == 0)
		r = read_mode(m, who, networking, err);
	if (r == 0 && warnings && m->ports.n > 0 && m->wants && strcmp(m->wants->name, "host") == 0)
		json_add_string(warnings, "Published ports are discarded when using host network mode");
	return r;
}

int ask_check_links(const struct net_member *m, struct error *err)
{
	int r = 0;

	net_lock(m->net);
	for (size_t i = 0; r == 0 && i < m->n_links; i++)
		if (!net_find_member(m->net, m->links[i].name))
			r = error_invalid(err, "could not get container for %s: No such container: %s",
				m->links[i].name, m->links[i].name);
	net_unlock(m->net);
	return r;
}
