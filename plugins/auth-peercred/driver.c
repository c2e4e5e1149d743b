/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Who is at the other end of the unix socket, as the kernel tells: root and the members of some groups may do
 * everything, others nothing.  Clients of other transports are left to other drivers.
 */
#include "lib/base/cleanup.h"
#include "plugins/auth-peercred/groups.h"
#include "plugins/kit/call.h"
#include "plugins/kit/options.h"

#include <errno.h>
#include <gantry/auth.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define METHOD        "peercred"
#define DEFAULT_GROUP "gantry"
#define DEFAULT_FILE  "/etc/group"

/* Told to policies; nobody has more that matter. */
#define TOLD_GROUPS_MAX 1024

struct gty_auth {
	struct groups groups;
	char group[256];
};

static int probe(const struct gty_host *host, struct gty_call *call, const struct gty_open *req)
{
	(void)host;
	(void)call;
	(void)req;
	return 0;
}

static const char *option_or(const struct gty_open *req, const char *key, const char *fallback)
{
	const char *value = kit_option(req->opts, req->opts_n, key);

	return value ? value : fallback;
}

/* A group that is not there is no reason to refuse root, too. */
static int read_groups(
	struct gty_auth *au, const struct gty_host *host, const struct gty_open *req, struct error *err)
{
	const char *group = option_or(req, "group", DEFAULT_GROUP);
	int r = groups_add_list(&au->groups, option_or(req, "gids", ""), err);

	if (r < 0 || !*group)
		return r;
	snprintf(au->group, sizeof au->group, "%s", group);
	r = groups_add_name(&au->groups, option_or(req, "group-file", DEFAULT_FILE), group, err);
	if (r == -ENOENT && err->kind == ERROR_NOT_FOUND) {
		kit_log(host, GTY_LOG_WARNING, "peercred: %s: only root%s may use the socket", err->text,
			au->groups.n > 0 ? " and the groups given by number" : "");
		r = 0;
	}
	return r;
}

static int open_driver(const struct gty_host *host, struct gty_call *call, const struct gty_open *req,
	struct gty_auth **ret, struct gty_auth_info *info)
{
	struct error err = ERROR_INIT;
	auto_free struct gty_auth *au = calloc(1, sizeof *au);

	if (!au)
		return kit_fail_sys(call, ENOMEM, "cannot open the driver");
	if (read_groups(au, host, req, &err) < 0)
		return kit_fail_error(call, &err);
	info->caps = GTY_AUTH_CAP_AUTHN | GTY_AUTH_CAP_AUTHZ | GTY_AUTH_CAP_CACHEABLE;
	*ret = take_ptr(au);
	return 0;
}

static void close_driver(struct gty_auth *au)
{
	free(au);
}

static int status(struct gty_auth *au, struct gty_call *call, struct gty_kvs *rep)
{
	struct gty_kvs kvs = { 0 };
	char numbers[GROUPS_MAX * 12] = "";
	size_t len = 0;

	for (size_t i = 0; i < au->groups.n; i++)
		len += (size_t)snprintf(
			numbers + len, sizeof numbers - len, "%s%u", i ? "," : "", au->groups.v[i]);
	if (!kit_kvs_put(call, &kvs, 2, "Group", au->group) ||
		!kit_kvs_put(call, &kvs, 2, "Group Ids", numbers))
		return kit_no_memory(call);
	rep->v = kvs.v;
	rep->n = kvs.n;
	return 0;
}

static bool may_use(const struct gty_auth *au, const struct gty_peer_cred *peer)
{
	if (peer->uid == 0 || groups_has(&au->groups, peer->gid))
		return true;
	for (uint32_t i = 0; i < peer->groups_n; i++) {
		if (groups_has(&au->groups, peer->groups[i]))
			return true;
	}
	return false;
}

/* The user's groups by number, the primary one first. */
static const char *const *group_names(
	struct gty_call *call, const struct gty_peer_cred *peer, uint32_t *ret_n)
{
	uint32_t more = peer->groups_n < TOLD_GROUPS_MAX ? peer->groups_n : TOLD_GROUPS_MAX;
	const char **v = kit_alloc(call, more + 1, sizeof *v);

	if (!v)
		return NULL;
	v[0] = kit_format(call, "%u", peer->gid);
	bool whole = v[0] != NULL;
	for (uint32_t i = 0; i < more && whole; i++) {
		v[i + 1] = kit_format(call, "%u", peer->groups[i]);
		whole = v[i + 1] != NULL;
	}
	*ret_n = more + 1;
	return whole ? v : NULL;
}

static int refuse(const struct gty_auth *au, struct gty_call *call, const struct gty_peer_cred *peer,
	struct gty_principal *rep)
{
	char *reason;

	if (au->groups.n == 0)
		reason = kit_format(call, "user %u is not root, and no group may use the socket", peer->uid);
	else
		reason = kit_format(call, "user %u is neither root nor in group '%s' (%u)", peer->uid,
			au->group[0] ? au->group : "given by number", au->groups.v[au->groups.n - 1]);
	if (!reason)
		return kit_no_memory(call);
	rep->verdict = GTY_NO;
	rep->reason = reason;
	return 0;
}

static int authenticate(struct gty_auth *au, struct gty_call *call, const struct gty_peer_cred *req,
	struct gty_principal *rep)
{
	struct gty_kvs attrs = { 0 };
	char uid[16], gid[16];
	uint32_t groups_n = 0;

	if (req->transport != GTY_TRANSPORT_UNIX) {
		rep->verdict = GTY_PASS;
		return 0;
	}
	if (!may_use(au, req))
		return refuse(au, call, req, rep);
	snprintf(uid, sizeof uid, "%u", req->uid);
	snprintf(gid, sizeof gid, "%u", req->gid);
	const char *name = kit_format(call, "uid:%u", req->uid);
	const char *const *groups = group_names(call, req, &groups_n);
	if (!name || !groups || !kit_kvs_put(call, &attrs, 2, "uid", uid) ||
		!kit_kvs_put(call, &attrs, 2, "gid", gid))
		return kit_no_memory(call);
	rep->name = name;
	rep->method = METHOD;
	rep->groups = groups;
	rep->groups_n = groups_n;
	rep->attrs = attrs.v;
	rep->attrs_n = attrs.n;
	rep->verdict = GTY_YES;
	return 0;
}

/* Whoever was let in here may do everything, as with Docker's socket.  Others are not ours to judge. */
static int authorize(struct gty_auth *au, struct gty_call *call, const struct gty_authorize_req *req,
	struct gty_verdict *rep)
{
	(void)au;
	(void)call;
	bool ours = req->who && req->who->method && strcmp(req->who->method, METHOD) == 0;
	rep->verdict = ours ? GTY_YES : GTY_PASS;
	return 0;
}

static const struct gty_auth_ops ops = {
	.struct_size = sizeof ops,
	.probe = probe,
	.open = open_driver,
	.close = close_driver,
	.status = status,
	.authenticate = authenticate,
	.authorize = authorize,
};

static const struct gty_option options[] = {
	{ "group", "string", DEFAULT_GROUP, "group whose members may use the unix socket; empty: none",
		GTY_OPT_DRIVER, 0, 0 },
	{ "gids", "string", "", "more groups, by number, separated by commas", GTY_OPT_DRIVER, 0, 0 },
	{ "group-file", "path", DEFAULT_FILE, "where the group's number is looked up, once at the start",
		GTY_OPT_DRIVER, 0, 0 },
	{ 0 },
};

static const struct gty_driver driver = {
	.struct_size = sizeof driver,
	.kind = GTY_KIND_AUTH,
	.abi_major = GTY_AUTH_ABI_MAJOR,
	.abi_minor = GTY_AUTH_ABI_MINOR,
	.priority = 100,
	.name = "peercred",
	.help = "root and a group, by the credentials of the unix socket",
	.options = options,
	.ops = &ops,
};
static const struct gty_driver *const drivers[] = { &driver, NULL };

GTY_PLUGIN("auth-peercred", GANTRY_VERSION, "Apache-2.0", drivers);
