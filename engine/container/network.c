/* SPDX-License-Identifier: Apache-2.0 */
/* A container's network, as engine/net keeps it for it. */
#include "engine/container/object.h"

#include "engine/container/shim_client.h"
#include "engine/net/net.h"
#include "lib/base/cleanup.h"
#include "lib/base/path.h"
#include "lib/base/str.h"
#include "lib/json/json.h"

#include <errno.h>
#include <fcntl.h>

char *container_network_path(pid_t pid, char buf[CONTAINER_NETNS_SIZE])
{
	path_format(buf, CONTAINER_NETNS_SIZE, "/proc/%d/ns/net", (int)pid);
	return buf;
}

static struct net_who who(const struct container *c)
{
	return (struct net_who){ .id = c->id,
		.name = c->name ? c->name : "",
		.config = c->config,
		.host_config = c->host_config };
}

/* "container:NAME" is kept as "container:ID". */
static int find_joined(struct container *c, struct container **ret, struct error *err)
{
	const char *ref = str_after(json_string(json_at(c->host_config, "NetworkMode")), "container:");
	char mode[CONTAINER_ID_LEN + 16];

	*ret = NULL;
	if (!ref)
		return 0;
	int r = containers_find(c->engine->containers, ref, ret, err);
	if (r == 0) {
		path_format(mode, sizeof mode, "container:%s", (*ret)->id);
		json_set_string(c->host_config, "NetworkMode", mode);
	}
	return r;
}

int container_network_prepare(
	struct container *c, const struct json *networking, struct json *warnings, struct error *err)
{
	struct container *other = NULL;
	int r = find_joined(c, &other, err);
	struct net_who w = who(c);

	if (r < 0)
		return r;
	w.joins = other ? other->id : NULL;
	r = net_prepare(c->engine->net, &w, networking, warnings, &c->net, err);
	container_unref(other);
	return r;
}

int container_network_load(struct container *c, const struct json *saved, struct error *err)
{
	struct net_who w = who(c);

	return net_load(c->engine->net, &w, saved, &c->net, err);
}

int container_network_restore(struct container *c, struct error *err)
{
	char path[CONTAINER_NETNS_SIZE];
	auto_close int fd = open(
		container_network_path(shim_facts(c->shim)->pid, path), O_RDONLY | O_CLOEXEC);

	if (fd < 0)
		return error_sys(err, errno, "cannot open the network namespace of container '%s'", c->id);
	return net_restore(c->net, fd, path, err);
}

/* With the op: the row keeps what is asked for. */
static int keep_changed(struct container *c, struct error *err)
{
	struct container_life life = container_life(c);

	return container_save(c, &life, err);
}

int container_network_connect(
	struct container *c, const char *ref, const struct json *endpoint, struct error *err)
{
	struct net_sandbox keep = NET_SANDBOX_NONE;
	int r = container_op_begin(c, "connect", err);

	if (r < 0)
		return r;
	r = net_connect(c->net, ref, endpoint, &keep, err);
	if (r == 0 && keep.keep_n)
		r = shim_keep(c->shim, keep.keep, keep.keep_n, err);
	net_sandbox_done(&keep);
	if (r == 0)
		r = keep_changed(c, err);
	container_op_end(c);
	return r;
}

int container_network_disconnect(struct container *c, const char *ref, bool force, struct error *err)
{
	int r = container_op_begin(c, "disconnect", err);

	if (r < 0)
		return r;
	r = net_disconnect(c->net, ref, force, err);
	if (r == 0)
		r = keep_changed(c, err);
	container_op_end(c);
	return r;
}
