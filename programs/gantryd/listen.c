/* SPDX-License-Identifier: Apache-2.0 */
#include "programs/gantryd/listen.h"

#include "lib/base/fd.h"
#include "lib/base/log.h"
#include "lib/base/str.h"
#include "programs/gantryd/config.h"

#include <errno.h>
#include <fcntl.h>
#include <grp.h>
#include <string.h>

/* The group may be missing, as for dockerd: then the socket is root's alone. */
static gid_t socket_group(const char *name)
{
	struct group *g = name[0] ? getgrnam(name) : NULL;

	if (name[0] && !g)
		log_warning("there is no group '%s': only root may use the unix socket (groupadd --system %s "
			    "makes it)",
			name, name);
	return g ? g->gr_gid : 0;
}

static int open_tcp(const char *address, struct listener **ret, struct error *err)
{
	const char *colon = strrchr(address, ':');
	char host[256];

	if (!colon || (size_t)(colon - address) >= sizeof host || !colon[1])
		return error_invalid(err, "-H tcp://%s: use tcp://HOST:PORT", address);
	memcpy(host, address, (size_t)(colon - address));
	host[colon - address] = '\0';
	size_t n = strlen(host);
	if (n > 1 && host[0] == '[' && host[n - 1] == ']') {
		host[n - 1] = '\0';
		memmove(host, host + 1, n - 1);
	}
	int r = listener_open_tcp(host, colon + 1, false, ret, err);
	return r < 0 ? error_prefix(err, r, "-H tcp://%s", address) : 0;
}

static int open_one(const char *host, const struct config *c, struct listener **ret, struct error *err)
{
	const char *rest = str_after(host, "unix://");

	if (rest || host[0] == '/') {
		const char *path = rest ? rest : host;
		if (!path[0])
			path = CONFIG_SOCKET;
		int r = listener_open_unix(path, 0660, socket_group(c->group), ret, err);
		return r < 0 ? error_prefix(err, r, "-H %s", host) : 0;
	}
	rest = str_after(host, "tcp://");
	if (rest)
		return open_tcp(rest, ret, err);
	return error_invalid(err, "-H %s: use unix://PATH, tcp://HOST:PORT or fd://", host);
}

static int adopt_inherited(int n, struct listener **list, size_t *count, struct error *err)
{
	if (n == 0)
		return error_invalid(err, "-H fd://: no sockets found via socket activation: make sure the "
					  "service manager starts gantryd");
	for (int i = 0; i < n; i++) {
		int r = listener_adopt(3 + i, &list[*count], err);
		if (r < 0)
			return r;
		(*count)++;
	}
	return 0;
}

#define LISTENERS_MAX 32

int listen_all(const struct config *c, int inherited, struct server *server, struct error *err)
{
	static const char *const standard[] = { "unix://" CONFIG_SOCKET };
	const char *const *hosts = c->hosts.n ? c->hosts.v : standard;
	size_t n = c->hosts.n ? c->hosts.n : 1, count = 0;
	struct listener *list[LISTENERS_MAX];
	int r = 0;

	if (n + (size_t)inherited > LISTENERS_MAX)
		return error_invalid(err, "-H: more than %d addresses", LISTENERS_MAX);
	for (size_t i = 0; r == 0 && i < n; i++) {
		if (strcmp(hosts[i], "fd://") == 0) {
			r = adopt_inherited(inherited, list, &count, err);
			continue;
		}
		r = open_one(hosts[i], c, &list[count], err);
		count += r == 0;
	}
	for (size_t i = 0; i < count; i++) {
		if (r < 0) {
			listener_free(list[i]);
			continue;
		}
		log_info("API listen on %s", listener_name(list[i]));
		server_add_listener(server, list[i]);
	}
	return r;
}
