/* SPDX-License-Identifier: Apache-2.0 */
/* The auth kind as data: its records, its entries, the checks of its replies. */
#include "core/auth/entries.h"

#define T struct gty_auth_info
RECORD_SIZED(auth_info, T, INT_(T, caps));
#undef T
#define T struct gty_blob
RECORD_PLAIN(blob, T,
	{ .name = "blob", .offset = 0, .size = sizeof(T), .type = FIELD_BLOB, .max = RECORD_BLOB_MAX });
#undef T
#define T struct gty_peer_cred
RECORD_SIZED(peer_cred, T, INT_(T, transport), INT_(T, uid), INT_(T, gid), INT_(T, pid), FD_(T, pidfd),
	LIST_MAX_(T, groups, groups_n, record_u32, 65536), INT_(T, verified), LIST_(T, chain, chain_n, blob),
	TEXT_(T, subject), TEXT_(T, issuer), TEXT_(T, serial), LIST_(T, sans, sans_n, record_kv),
	TEXT_(T, address), LIST_(T, headers, headers_n, record_kv));
#undef T
#define T struct gty_principal
RECORD_SIZED(principal, T, INT_(T, verdict), NAME_(T, name), NAME_(T, method),
	LIST_(T, groups, groups_n, record_string), LIST_(T, attrs, attrs_n, record_kv), INT_(T, expires),
	TEXT_(T, reason));
#undef T
#define T struct gty_object
RECORD_PLAIN(object, T, NEEDNAME_(T, kind), NAME_(T, id), TEXT_(T, name),
	LIST_(T, labels, labels_n, record_kv), NAME_(T, owner));
#undef T
#define T struct gty_authorize_req
RECORD_SIZED(authorize_req, T, INT_(T, flags), PTR_(T, who, principal), NEEDNAME_(T, action),
	LIST_MAX_(T, objects, objects_n, object, 65536), INT_(T, traits),
	LIST_(T, details, details_n, record_kv), NAME_(T, method), TEXT_(T, uri), NAME_(T, api_version),
	NAME_(T, trace), LIST_(T, headers, headers_n, record_kv), BLOB_(T, body), INT_(T, status));
#undef T
#define T struct gty_verdict
RECORD_SIZED(verdict, T, INT_(T, verdict), TEXT_(T, message), TEXT_(T, rule));
#undef T
#define T struct gty_filter_req
RECORD_SIZED(filter_req, T, PTR_(T, who, principal), NEEDNAME_(T, action), LIST_MAX_(T, v, n, object, 65536));
#undef T
#define T struct gty_filter_rep
RECORD_SIZED(filter_rep, T, LIST_MAX_(T, keep, n, record_u8, 65536));
#undef T

ENTRY_RUN_LIFE(auth)
ENTRY_RUN_REP(auth, status, struct gty_kvs)
ENTRY_RUN(auth, authenticate, struct gty_peer_cred, struct gty_principal)
ENTRY_RUN(auth, authorize, struct gty_authorize_req, struct gty_verdict)
ENTRY_RUN(auth, authorize_reply, struct gty_authorize_req, struct gty_verdict)
ENTRY_RUN(auth, filter, struct gty_filter_req, struct gty_filter_rep)

static int check_principal(const struct facts *facts, const void *req, const void *rep, struct error *err)
{
	const struct gty_principal *p = rep;

	(void)facts;
	(void)req;
	if (p->verdict > GTY_NO)
		return error_invalid(err, "verdict %u is unknown", p->verdict);
	if (p->verdict == GTY_YES && (!p->name || !p->name[0]))
		return error_invalid(err, "verdict YES without a name");
	if (p->expires < 0)
		return error_invalid(err, "expires is negative");
	return 0;
}

static int check_verdict(const struct facts *facts, const void *req, const void *rep, struct error *err)
{
	const struct gty_verdict *v = rep;

	(void)facts;
	(void)req;
	return v->verdict > GTY_NO ? error_invalid(err, "verdict %u is unknown", v->verdict) : 0;
}

static int check_filter(const struct facts *facts, const void *req, const void *rep, struct error *err)
{
	const struct gty_filter_req *q = req;
	const struct gty_filter_rep *p = rep;

	(void)facts;
	if (p->n != q->n)
		return error_invalid(err, "%u verdicts for %u objects", p->n, q->n);
	for (uint32_t i = 0; i < p->n; i++)
		if (p->keep[i] != GTY_YES && p->keep[i] != GTY_NO)
			return error_invalid(err, "keep[%u] is neither YES nor NO", i);
	return 0;
}

static void order_alone(const void *req, struct order_wants *ret)
{
	(void)req;
	order_add_driver(ret, true);
}

#define SLOT(e) .name = #e, .slot = offsetof(struct gty_auth_ops, e), .run = run_##e
static const struct entry entries[] = {
	[ENTRY_PROBE] = { SLOT(probe), .req = &record_open, .timeout_s = 5, .order = order_alone },
	[ENTRY_OPEN] = { SLOT(open), .req = &record_open, .rep = &auth_info, .undo = ENTRY_CLOSE + 1,
		.order = order_alone },
	[ENTRY_CLOSE] = { SLOT(close), .order = order_alone },
	[AUTH_STATUS] = { SLOT(status), .rep = &record_kvs, .timeout_s = 5 },
	[AUTH_AUTHENTICATE] = { SLOT(authenticate), .req = &peer_cred, .rep = &principal,
		.class = ENTRY_OPTIONAL, .check = check_principal },
	[AUTH_AUTHORIZE] = { SLOT(authorize), .req = &authorize_req, .rep = &verdict, .class = ENTRY_OPTIONAL,
		.subject = offsetof(struct gty_authorize_req, action), .check = check_verdict },
	[AUTH_AUTHORIZE_REPLY] = { SLOT(authorize_reply), .req = &authorize_req, .rep = &verdict,
		.class = ENTRY_OPTIONAL, .subject = offsetof(struct gty_authorize_req, action),
		.check = check_verdict },
	[AUTH_FILTER] = { SLOT(filter), .req = &filter_req, .rep = &filter_rep, .class = ENTRY_OPTIONAL,
		.subject = offsetof(struct gty_filter_req, action), .check = check_filter },
};

static const struct cap_rule caps[] = {
	{ GTY_AUTH_CAP_AUTHN, "CAP_AUTHN", AUTH_AUTHENTICATE },
	{ GTY_AUTH_CAP_AUTHZ, "CAP_AUTHZ", AUTH_AUTHORIZE },
	{ GTY_AUTH_CAP_HEADERS, "CAP_HEADERS", -1 },
	{ GTY_AUTH_CAP_BODY, "CAP_BODY", -1 },
	{ GTY_AUTH_CAP_REPLY, "CAP_REPLY", AUTH_AUTHORIZE_REPLY },
	{ GTY_AUTH_CAP_REPLY_BODY, "CAP_REPLY_BODY", AUTH_AUTHORIZE_REPLY },
	{ GTY_AUTH_CAP_CACHEABLE, "CAP_CACHEABLE", AUTH_AUTHORIZE },
	{ 0 },
};

static int check_caps(uint64_t c, struct error *err)
{
	if (!(c & (GTY_AUTH_CAP_AUTHN | GTY_AUTH_CAP_AUTHZ)))
		return error_invalid(err, "open() answered neither CAP_AUTHN nor CAP_AUTHZ");
	if ((c & GTY_AUTH_CAP_REPLY_BODY) && !(c & GTY_AUTH_CAP_REPLY))
		return error_invalid(err, "open() answered CAP_REPLY_BODY without CAP_REPLY");
	return 0;
}

const struct kind auth_kind = { .id = GTY_KIND_AUTH,
	.name = "auth",
	.abi_major = GTY_AUTH_ABI_MAJOR,
	.abi_minor = GTY_AUTH_ABI_MINOR,
	.ops_size = sizeof(struct gty_auth_ops),
	.entries_n = AUTH_ENTRIES,
	.entries = entries,
	.caps = caps,
	.check_caps = check_caps,
	.caps_offset = offsetof(struct gty_auth_info, caps) };
