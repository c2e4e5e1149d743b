/* SPDX-License-Identifier: Apache-2.0 */
/*
 * hosts, hostname and resolv.conf of a container, in its folder.  They are mounted into it as files: written
 * in place, never replaced by another inode.
 */
#include "engine/net/dns.h"
#include "engine/net/object.h"

#include "lib/base/cleanup.h"
#include "lib/base/fd.h"
#include "lib/base/path.h"
#include "lib/base/str.h"

#include <arpa/inet.h>
#include <errno.h>
#include <fcntl.h>
#include <string.h>
#include <sys/stat.h>

#define ETC_MAX  (1 << 20)
#define READ_MAX 65536

static const char hosts_head[] = "127.0.0.1\tlocalhost\n"
				 "::1\tlocalhost ip6-localhost ip6-loopback\n"
				 "fe00::\tip6-localnet\n"
				 "ff00::\tip6-mcastprefix\n"
				 "ff02::1\tip6-allnodes\n"
				 "ff02::2\tip6-allrouters\n";

static int write_file(int dir, const char *name, const struct str *text, struct error *err)
{
	if (text->failed)
		return error_sys(err, -text->failed, "cannot write '%s' of a container", name);
	auto_close int fd = openat(dir, name, O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC | O_NOFOLLOW, 0644);
	if (fd < 0)
		return error_sys(err, errno, "cannot open '%s' of a container", name);
	fchmod(fd, 0644);
	int r = fd_write_all(fd, text->data ? text->data : "", text->len);
	return r < 0 ? error_sys(err, -r, "cannot write '%s' of a container", name) : 0;
}

static void add_host_file(struct str *out, const char *path)
{
	auto_free char *text = NULL;
	size_t n = 0;

	if (fd_read_file(AT_FDCWD, path, READ_MAX, &text, &n) == 0)
		str_add_n(out, text, n);
}

/* ---- hosts -------------------------------------------------------------------------------- */
static const char *host_gateway(const struct net_member *m, char buf[ADDRESS_SIZE])
{
	const struct net *net = m->net;

	if (net->config.host_gateway_ip)
		return net->config.host_gateway_ip;
	for (const struct nw *nw = net->networks; nw; nw = nw->next)
		if (nw_is_default(nw) && nw->gateway)
			return address_format(nw->gateway, buf);
	return "127.0.0.1";
}

static void add_extra_hosts(const struct net_member *m, struct str *out)
{
	char gateway[ADDRESS_SIZE];

	for (char **p = m->extra_hosts; p && *p; p++) {
		const char *sep = strpbrk(*p, ":=");
		const char *address = strcmp(sep + 1, "host-gateway") == 0 ? host_gateway(m, gateway)
									   : sep + 1;
		str_addf(out, "%s\t%.*s\n", address, (int)(sep - *p), *p);
	}
}

/* With the lock: those of the network "bridge", which has no names of its own. */
static void add_links(const struct net_member *m, struct str *out)
{
	char text[ADDRESS_SIZE];

	for (size_t i = 0; i < m->n_links; i++) {
		const struct net_member *other = net_find_member(m->net, m->links[i].name);
		const struct net_endpoint *ep = other ? other->endpoints : NULL;
		while (ep && !nw_is_default(ep->nw))
			ep = ep->next;
		if (!ep || !ep->address)
			continue;
		str_addf(
			out, "%s\t%s %.12s", address_format(ep->address, text), m->links[i].alias, other->id);
		if (strcmp(m->links[i].alias, other->name) != 0)
			str_addf(out, " %s", other->name);
		str_add(out, "\n");
	}
}

static void add_own(const struct net_member *m, struct str *out)
{
	char text[ADDRESS_SIZE];

	for (const struct net_endpoint *ep = m->endpoints; ep; ep = ep->next) {
		if (!ep->address || !m->hostname[0])
			continue;
		str_addf(out, "%s\t%s", address_format(ep->address, text), m->hostname);
		if (m->domain[0])
			str_addf(out, ".%s %s", m->domain, m->hostname);
		str_add(out, "\n");
	}
}

static int write_hosts(struct net_member *m, int dir, struct error *err)
{
	auto_str struct str text = STR_INIT(ETC_MAX);

	if (m->host)
		add_host_file(&text, "/etc/hosts");
	else
		str_add(&text, hosts_head);
	net_lock(m->net);
	add_extra_hosts(m, &text);
	add_links(m, &text);
	add_own(m, &text);
	net_unlock(m->net);
	return write_file(dir, "hosts", &text, err);
}

int etc_write_hosts(struct net_member *m, struct error *err)
{
	auto_close int dir = net_folder_of(m->net, m->id, err);

	return dir < 0 ? dir : write_hosts(m, dir, err);
}

/* ---- resolv.conf ------------------------------------------------------------------------------ */
struct resolv {
	struct str servers, search, options;
};

static bool is_loopback(const char *server)
{
	return str_after(server, "127.") || strcmp(server, "::1") == 0;
}

static void read_line(struct resolv *r, char *line, bool local_too)
{
	char *save = NULL, *word = strtok_r(line, " \t", &save);

	if (!word)
		return;
	if (strcmp(word, "nameserver") == 0) {
		char *server = strtok_r(NULL, " \t", &save);
		if (server && (local_too || !is_loopback(server)))
			str_addf(&r->servers, "nameserver %s\n", server);
		return;
	}
	bool search = strcmp(word, "search") == 0 || strcmp(word, "domain") == 0;
	if (!search && strcmp(word, "options") != 0)
		return;
	struct str *to = search ? &r->search : &r->options;
	if (search)
		str_clear(to); /* the last one counts */
	while ((word = strtok_r(NULL, " \t", &save)))
		str_addf(to, " %s", word);
}

static void read_resolv(struct resolv *r, const char *path, bool local_too)
{
	auto_free char *text = NULL;
	char *save = NULL;

	if (fd_read_file(AT_FDCWD, path, READ_MAX, &text, NULL) < 0)
		return;
	for (char *line = strtok_r(text, "\n", &save); line; line = strtok_r(NULL, "\n", &save))
		if (*line != '#' && *line != ';')
			read_line(r, line, local_too);
}

static void replace(struct str *to, const char *prefix, char *const *list, const char *const *fallback,
	size_t n, const char *suffix)
{
	if (!(list && *list) && n == 0)
		return;
	str_clear(to);
	if (list && *list)
		for (; *list; list++)
			str_addf(to, "%s%s%s", prefix, *list, suffix);
	else
		for (size_t i = 0; i < n; i++)
			str_addf(to, "%s%s%s", prefix, fallback[i], suffix);
}

static void print_resolv(struct resolv *r, struct str *out)
{
	str_add(out, str_text(&r->servers));
	if (r->search.len && strcmp(r->search.data, " .") != 0) /* "." asks for none */
		str_addf(out, "search%s\n", r->search.data);
	if (r->options.len)
		str_addf(out, "options%s\n", r->options.data);
}

/* systemd-resolved's stub is no use to a container: what stands behind it is. */
static void read_host(struct resolv *r, bool local_too)
{
	read_resolv(r, "/etc/resolv.conf", local_too);
	if (r->servers.len == 0)
		read_resolv(r, "/run/systemd/resolve/resolv.conf", false);
}

/* What the container would have without gantry-dns. */
static void read_wanted(const struct net_member *m, bool local_too, struct resolv *r)
{
	const struct net_config *c = &m->net->config;

	*r = (struct resolv){ STR_INIT(READ_MAX), STR_INIT(READ_MAX), STR_INIT(READ_MAX) };
	read_host(r, local_too);
	replace(&r->servers, "nameserver ", m->dns, c->dns, c->n_dns, "\n");
	replace(&r->search, " ", m->dns_search, c->dns_search, c->n_dns_search, "");
	replace(&r->options, " ", m->dns_options, c->dns_opt, c->n_dns_opt, "");
	if (r->servers.len == 0 && !m->host)
		str_add(&r->servers, "nameserver 8.8.8.8\nnameserver 8.8.4.4\n");
}

static void resolv_done(struct resolv *r)
{
	str_done(&r->servers);
	str_done(&r->search);
	str_done(&r->options);
}

/* gantry-dns asks from the host's network, where a server of the host's own is reached, too. */
size_t etc_upstreams(const struct net_member *m, uint32_t *ret, size_t max)
{
	struct resolv r;
	char *save = NULL;
	size_t n = 0;

	read_wanted(m, true, &r);
	for (char *line = r.servers.len ? strtok_r(r.servers.data, "\n", &save) : NULL; line && n < max;
		line = strtok_r(NULL, "\n", &save)) {
		struct in_addr address;
		if (inet_pton(AF_INET, line + strlen("nameserver "), &address) == 1)
			ret[n++] = address.s_addr;
	}
	resolv_done(&r);
	return n;
}

/* A name without a dot is a container's first of all. */
static void use_dns(struct resolv *r)
{
	str_clear(&r->servers);
	str_add(&r->servers, "nameserver 127.0.0.11\n");
	if (!strstr(str_text(&r->options), " ndots:"))
		str_add(&r->options, " ndots:0");
}

static int write_resolv(const struct net_member *m, int dir, struct error *err)
{
	struct resolv r;
	auto_str struct str text = STR_INIT(ETC_MAX);

	read_wanted(m, m->host, &r);
	if (dns_serves_member(m))
		use_dns(&r);
	print_resolv(&r, &text);
	resolv_done(&r);
	return write_file(dir, "resolv.conf", &text, err);
}

int etc_write_resolv(struct net_member *m, struct error *err)
{
	auto_close int dir = net_folder_of(m->net, m->id, err);

	return dir < 0 ? dir : write_resolv(m, dir, err);
}

/* ---- all three --------------------------------------------------------------------------------------- */
int etc_write(struct net_member *m, struct error *err)
{
	auto_close int dir = net_folder_of(m->net, m->id, err);
	auto_str struct str name = STR_INIT(READ_MAX);

	if (dir < 0)
		return dir;
	str_addf(&name, "%s\n", m->hostname);
	int r = write_file(dir, "hostname", &name, err);
	if (r == 0)
		r = write_hosts(m, dir, err);
	return r == 0 ? write_resolv(m, dir, err) : r;
}
