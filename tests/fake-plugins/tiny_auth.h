/* SPDX-License-Identifier: Apache-2.0 */
/* A whole auth driver in a page: yes to uid 0, no privileged containers.  `tiny_auth` is its struct
 * gty_driver; the loader's fakes change one thing of it.  TINY_AUTH_CAPS and TINY_PROBE may be defined
 * before. */
#ifndef TINY_AUTH_H
#define TINY_AUTH_H

#include <errno.h>
#include <gantry/auth.h>
#include <stdlib.h>
#include <string.h>

#ifndef TINY_AUTH_CAPS
#define TINY_AUTH_CAPS (GTY_AUTH_CAP_AUTHN | GTY_AUTH_CAP_AUTHZ)
#endif
#ifndef TINY_PROBE
#define TINY_PROBE return 0
#endif

struct gty_auth {
	const struct gty_host *host;
};

static int auth_probe(const struct gty_host *host, struct gty_call *call, const struct gty_open *req)
{
	(void)host;
	(void)call;
	(void)req;
	TINY_PROBE;
}

static int auth_open(const struct gty_host *host, struct gty_call *call, const struct gty_open *req,
	struct gty_auth **ret, struct gty_auth_info *info)
{
	struct gty_auth *au = malloc(sizeof *au);

	(void)req;
	if (!au)
		return call->fail(call, GTY_E_INTERNAL, ENOMEM, "out of memory");
	au->host = host;
	info->caps = TINY_AUTH_CAPS;
	*ret = au;
	return 0;
}

static void auth_close(struct gty_auth *au)
{
	free(au);
}

static int auth_status(struct gty_auth *au, struct gty_call *call, struct gty_kvs *rep)
{
	static const struct gty_kv v[] = { { "rules", "2" } };

	(void)au;
	(void)call;
	rep->v = v;
	rep->n = 1;
	return 0;
}

static int authenticate(struct gty_auth *au, struct gty_call *call, const struct gty_peer_cred *req,
	struct gty_principal *rep)
{
	(void)au;
	rep->verdict = req->transport == GTY_TRANSPORT_UNIX && req->uid == 0 ? GTY_YES : GTY_PASS;
	if (rep->verdict == GTY_YES) {
		rep->name = call->strdup(call, "root");
		rep->method = "peercred";
	}
	return 0;
}

static int authorize(struct gty_auth *au, struct gty_call *call, const struct gty_authorize_req *req,
	struct gty_verdict *rep)
{
	(void)au;
	(void)call;
	if (req->traits & (GTY_TRAIT_PRIVILEGED | GTY_TRAIT_UNKNOWN)) {
		rep->verdict = GTY_NO;
		rep->message = "privileged containers are not for you";
	} else {
		rep->verdict = GTY_YES;
	}
	return 0;
}

static int filter(struct gty_auth *au, struct gty_call *call, const struct gty_filter_req *req,
	struct gty_filter_rep *rep)
{
	(void)au;
	rep->keep = call->alloc(call, req->n);
	if (!rep->keep)
		return call->fail(call, GTY_E_INTERNAL, ENOMEM, "out of memory");
	memset(rep->keep, GTY_YES, req->n);
	rep->n = req->n;
	return 0;
}

static const struct gty_auth_ops auth_ops = { .struct_size = sizeof auth_ops,
	.probe = auth_probe,
	.open = auth_open,
	.close = auth_close,
	.status = auth_status,
	.authenticate = authenticate,
	.authorize = authorize,
	.filter = filter };

#define TINY_AUTH_DRIVER(NAME)                                                                  \
	{                                                                                       \
		.struct_size = sizeof(struct gty_driver), .kind = GTY_KIND_AUTH,                \
		.abi_major = GTY_AUTH_ABI_MAJOR, .abi_minor = GTY_AUTH_ABI_MINOR, .name = NAME, \
		.help = "a fake", .ops = &auth_ops                                              \
	}

#endif
