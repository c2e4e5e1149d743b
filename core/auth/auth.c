/* SPDX-License-Identifier: Apache-2.0 */
#include "core/auth/auth.h"

#include "core/auth/entries.h"

#include <errno.h>

struct auth {
	struct instance in; /* first */
	struct gty_auth_info *info;
};

int auth_open(
	const struct driver *driver, const struct driver_config *config, struct auth **ret, struct error *err)
{
	void *front, *info;
	int r = front_open(sizeof(struct auth), driver, config, &front, &info, err);

	if (r < 0)
		return r;
	*ret = front;
	(*ret)->info = info;
	return 0;
}

int auth_close(struct auth *au)
{
	struct gty_auth_info *info = au ? au->info : NULL;
	int r = front_close(au);

	reply_free(info);
	return r;
}

const char *auth_name(const struct auth *au)
{
	return au->in.name;
}

uint64_t auth_caps(const struct auth *au)
{
	return au->info->caps;
}

void auth_load(struct auth *au, struct call_load *ret)
{
	call_load(&au->in, ret);
}

static int run(struct auth *au, enum auth_entry entry, uint64_t cap, const void *req,
	const struct call_by *by, void *ret_rep, struct error *err)
{
	void *rep = NULL;

	if (cap && !(au->info->caps & cap))
		return error_set(err, ERROR_UNSUPPORTED, ENOTSUP, "auth driver '%s' does not offer %s",
			au->in.name, auth_kind.entries[entry].name);
	int r = call_run(&au->in, entry, req, by, &rep, err);
	if (r == 0)
		*(void **)ret_rep = rep;
	return r;
}

int auth_status(struct auth *au, const struct call_by *by, struct gty_kvs **ret, struct error *err)
{
	return run(au, AUTH_STATUS, 0, NULL, by, ret, err);
}

int auth_authenticate(struct auth *au, const struct gty_peer_cred *req, const struct call_by *by,
	struct gty_principal **ret, struct error *err)
{
	return run(au, AUTH_AUTHENTICATE, GTY_AUTH_CAP_AUTHN, req, by, ret, err);
}

int auth_authorize(struct auth *au, const struct gty_authorize_req *req, const struct call_by *by,
	struct gty_verdict **ret, struct error *err)
{
	return run(au, AUTH_AUTHORIZE, GTY_AUTH_CAP_AUTHZ, req, by, ret, err);
}

int auth_authorize_reply(struct auth *au, const struct gty_authorize_req *req, const struct call_by *by,
	struct gty_verdict **ret, struct error *err)
{
	return run(au, AUTH_AUTHORIZE_REPLY, GTY_AUTH_CAP_REPLY, req, by, ret, err);
}

int auth_filter(struct auth *au, const struct gty_filter_req *req, const struct call_by *by,
	struct gty_filter_rep **ret, struct error *err)
{
	return run(au, AUTH_FILTER, 0, req, by, ret, err);
}

static int denied(struct error *err, int r)
{
	if (err)
		err->kind = ERROR_DENIED;
	(void)r;
	return -EACCES;
}

int auth_chain_authenticate(struct auth *const *chain, size_t n, const struct gty_peer_cred *req,
	const struct call_by *by, struct gty_principal **ret, struct error *err)
{
	for (size_t i = 0; i < n; i++) {
		auto_reply struct gty_principal *who = NULL;
		if (!(chain[i]->info->caps & GTY_AUTH_CAP_AUTHN))
			continue;
		int r = auth_authenticate(chain[i], req, by, &who, err);
		if (r < 0)
			return denied(err, r);
		if (who->verdict == GTY_NO)
			return error_set(err, ERROR_DENIED, EACCES, "auth driver '%s' refuses: %.300s",
				chain[i]->in.name, who->reason ? who->reason : "no reason given");
		if (who->verdict == GTY_YES) {
			*ret = who;
			who = NULL;
			return 0;
		}
	}
	return error_set(err, ERROR_DENIED, EACCES, "no auth driver knows this client");
}

static int refusal(const struct auth *au, const struct gty_verdict *v, struct error *err)
{
	if (v->message && v->message[0])
		return error_set(err, ERROR_DENIED, EACCES, "%.480s", v->message);
	return error_set(err, ERROR_DENIED, EACCES, "authorization denied by driver '%s'", au->in.name);
}

typedef int judge(struct auth *au, const struct gty_authorize_req *req, const struct call_by *by,
	struct gty_verdict **ret, struct error *err);

/* *ret_asked and *ret_yes count. */
static int ask_chain(struct auth *const *chain, size_t n, uint64_t cap, judge *ask,
	const struct gty_authorize_req *req, const struct call_by *by, unsigned *ret_asked, unsigned *ret_yes,
	struct error *err)
{
	for (size_t i = 0; i < n; i++) {
		auto_reply struct gty_verdict *v = NULL;
		if (!(chain[i]->info->caps & cap))
			continue;
		++*ret_asked;
		int r = ask(chain[i], req, by, &v, err);
		if (r < 0)
			return denied(err, r);
		if (v->verdict == GTY_NO)
			return refusal(chain[i], v, err);
		*ret_yes += v->verdict == GTY_YES;
	}
	return 0;
}

int auth_chain_authorize(struct auth *const *chain, size_t n, const struct gty_authorize_req *req,
	const struct call_by *by, struct error *err)
{
	unsigned asked = 0, yes = 0;
	int r = ask_chain(chain, n, GTY_AUTH_CAP_AUTHZ, auth_authorize, req, by, &asked, &yes, err);

	if (r == 0 && yes == 0)
		r = error_set(err, ERROR_DENIED, EACCES, "no auth driver allows this request");
	return r;
}

int auth_chain_authorize_reply(struct auth *const *chain, size_t n, const struct gty_authorize_req *req,
	const struct call_by *by, struct error *err)
{
	unsigned asked = 0, yes = 0;
	int r = ask_chain(chain, n, GTY_AUTH_CAP_REPLY, auth_authorize_reply, req, by, &asked, &yes, err);

	if (r == 0 && asked > 0 && yes == 0)
		r = error_set(err, ERROR_DENIED, EACCES, "no auth driver allows this answer");
	return r;
}
