/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Auth drivers as the engine calls them, and the chain of them; see core/storage/storage.h for what holds for
 * all fronts, and <gantry/auth.h> for the structs.
 */
#ifndef GANTRY_CORE_AUTH_H
#define GANTRY_CORE_AUTH_H

#include "core/plugin/open.h"

#include <gantry/auth.h>

struct auth;

int auth_open(const struct driver *driver, const struct driver_config *config, struct auth **ret,
	struct error *err);
int auth_close(struct auth *au);

const char *auth_name(const struct auth *au);
uint64_t auth_caps(const struct auth *au); /* GTY_AUTH_CAP_* */
void auth_load(struct auth *au, struct call_load *ret);

int auth_status(struct auth *au, const struct call_by *by, struct gty_kvs **ret, struct error *err);

/* One driver; ERROR_UNSUPPORTED without the capability. */
int auth_authenticate(struct auth *au, const struct gty_peer_cred *req, const struct call_by *by,
	struct gty_principal **ret, struct error *err);
int auth_authorize(struct auth *au, const struct gty_authorize_req *req, const struct call_by *by,
	struct gty_verdict **ret, struct error *err);
int auth_authorize_reply(struct auth *au, const struct gty_authorize_req *req, const struct call_by *by,
	struct gty_verdict **ret, struct error *err);
int auth_filter(struct auth *au, const struct gty_filter_req *req, const struct call_by *by,
	struct gty_filter_rep **ret, struct error *err);

/* The chain, in configured order.  An error or a timeout of any driver is a refusal: ERROR_DENIED, with its
 * text for the audit log; the first YES or NO of authenticate ends it, the first NO of authorize, which needs
 * one YES. */
int auth_chain_authenticate(struct auth *const *chain, size_t n, const struct gty_peer_cred *req,
	const struct call_by *by, struct gty_principal **ret, struct error *err);
/* ERROR_DENIED: its text is what the client may see. */
int auth_chain_authorize(struct auth *const *chain, size_t n, const struct gty_authorize_req *req,
	const struct call_by *by, struct error *err);
/* The same for the answer, asking only drivers with CAP_REPLY; none of them: allowed. */
int auth_chain_authorize_reply(struct auth *const *chain, size_t n, const struct gty_authorize_req *req,
	const struct call_by *by, struct error *err);

#endif
