/* SPDX-License-Identifier: Apache-2.0 */
/*
 * hosts, hostname and resolv.conf (resolv.c) of a container, in its folder.  They are mounted into it as
 * files: written in place, never replaced by another inode.
 */
#include "engine/net/object.h"

#include "lib/base/cleanup.h"
#include "lib/base/fd.h"
#include "lib/base/path.h"
#include "lib/base/str.h"

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

int etc_write_file(int dir, const char *name, const struct str *text, struct error *err)
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
	return etc_write_file(dir, "hosts", &text, err);
}

int etc_write_hosts(struct net_member *m, struct error *err)
{
	auto_close int dir = net_folder_of(m->net, m->id, err);

	return dir < 0 ? dir : write_hosts(m, dir, err);
}

/* ---- all three --------------------------------------------------------------------------------------- */
int etc_write(struct net_member *m, struct error *err)
{
	auto_close int dir = net_folder_of(m->net, m->id, err);
	auto_str struct str name = STR_INIT(READ_MAX);

	if (dir < 0)
		return dir;
	str_addf(&name, "%s\n", m->hostname);
	int r = etc_write_file(dir, "hostname", &name, err);
	if (r == 0)
		r = write_hosts(m, dir, err);
	return r == 0 ? resolv_write(m, dir, err) : r;
}
