/* SPDX-License-Identifier: Apache-2.0 */
/* The auth suite.  What is allowed is the driver's business; that it cannot be talked round is the
 * contract's. */
#include "core/auth/auth.h"

#include "programs/gantry-plugin-check/check.h"
#include "programs/gantry-plugin-check/suite.h"

#include <errno.h>
#include <pthread.h>
#include <string.h>

static const struct gty_principal nobody = { .verdict = GTY_YES, .name = "nobody", .method = "check" };

static int ask(struct auth *au, uint64_t traits, const char *action, uint32_t *ret, struct error *err)
{
	static const struct gty_object object = { .kind = "container", .id = "c1", .name = "web" };
	const struct gty_authorize_req req = { .who = &nobody,
		.action = action,
		.objects = &object,
		.objects_n = 1,
		.traits = traits,
		.method = "POST",
		.uri = "/v1.51/containers/create",
		.api_version = "1.51",
		.trace = "check" };
	auto_reply struct gty_verdict *rep = NULL;
	int r = auth_authorize(au, &req, NULL, &rep, err);

	if (r == 0)
		*ret = rep->verdict;
	return r;
}

static void check_authorize(struct auth *au)
{
	struct error err = ERROR_INIT;
	uint32_t plain = 0, again = 0, privileged = 0, unknown = 0, odd = 0;

	check_call(ask(au, 0, "container.create", &plain, &err), &err, "authorize");
	check_call(ask(au, GTY_TRAIT_PRIVILEGED, "container.create", &privileged, &err), &err,
		"authorize of a privileged container");
	check_call(ask(au, UINT64_C(1) << 63, "container.create", &unknown, &err), &err,
		"authorize with an unknown trait");
	check(privileged == GTY_YES || unknown != GTY_YES,
		"an unknown trait is not allowed where privileged is not");
	check_call(
		ask(au, 0, "no.such.action", &odd, &err), &err, "an unknown action is judged, not an error");
	check_call(ask(au, 0, "container.create", &again, &err), &err, "authorize again");
	if (auth_caps(au) & GTY_AUTH_CAP_CACHEABLE)
		check(again == plain, "CAP_CACHEABLE: the same question has the same answer");
}

static int present(struct auth *au, const struct gty_peer_cred *cred, uint32_t *ret, struct error *err)
{
	auto_reply struct gty_principal *rep = NULL;
	int r = auth_authenticate(au, cred, NULL, &rep, err);

	if (r == 0)
		*ret = rep->verdict;
	return r;
}

struct runner {
	struct auth *au;
	uint32_t verdict;
	int r;
};

static void *present_root(void *arg)
{
	const struct gty_peer_cred root = { .transport = GTY_TRANSPORT_UNIX, .pidfd = -1, .pid = 1 };
	struct runner *run = arg;

	run->r = present(run->au, &root, &run->verdict, NULL);
	return NULL;
}

static void check_authenticate(struct auth *au)
{
	const struct gty_peer_cred stranger = { .transport = GTY_TRANSPORT_TCP,
		.pidfd = -1,
		.uid = UINT32_MAX,
		.gid = UINT32_MAX,
		.address = "192.0.2.1" };
	const struct gty_peer_cred unverified = { .transport = GTY_TRANSPORT_TLS,
		.pidfd = -1,
		.uid = UINT32_MAX,
		.gid = UINT32_MAX,
		.address = "192.0.2.1",
		.subject = "CN=root",
		.verified = 0 };
	struct error err = ERROR_INIT;
	uint32_t verdict = 0;
	struct runner runs[8];
	pthread_t threads[8];
	bool same = true;

	check_call(
		present(au, &stranger, &verdict, &err), &err, "authenticate of a client without credentials");
	check(verdict != GTY_YES, "a client without credentials is nobody");
	check_call(
		present(au, &unverified, &verdict, &err), &err, "authenticate of an unverified certificate");
	check(verdict != GTY_YES, "a certificate that is not verified proves nothing");
	for (int i = 0; i < 8; i++) {
		runs[i] = (struct runner){ .au = au };
		pthread_create(&threads[i], NULL, present_root, &runs[i]);
	}
	for (int i = 0; i < 8; i++) {
		pthread_join(threads[i], NULL);
		same &= runs[i].r == 0 && runs[i].verdict == runs[0].verdict;
	}
	check(same, "eight connections of one client at once get the same answer");
}

static void check_filter(struct auth *au)
{
	const struct gty_object v[] = { { .kind = "container", .id = "a" },
		{ .kind = "container", .id = "b" }, { .kind = "image", .id = "c" } };
	const struct gty_filter_req req = { .n = 3, .who = &nobody, .action = "container.list", .v = v };
	auto_reply struct gty_filter_rep *rep = NULL;
	struct error err = ERROR_INIT;
	int r = auth_filter(au, &req, NULL, &rep, &err);

	if (r < 0 && err.kind == ERROR_UNSUPPORTED)
		check_skip("not offered", "filter");
	else
		check_call(r, &err, "filter gives one verdict for each object");
}

void suite_auth(struct suite *s)
{
	struct driver_config config = suite_config(s, s->instances++), second;
	struct error err = ERROR_INIT;
	struct auth *au = NULL, *reloaded = NULL;
	auto_reply struct gty_kvs *kvs = NULL;
	unsigned fds = suite_fds();

	if (!check_call(auth_open(s->driver, &config, &au, &err), &err, "opens"))
		return;
	check_call(auth_status(au, NULL, &kvs, &err), &err, "status");
	if (auth_caps(au) & GTY_AUTH_CAP_AUTHN)
		check_authenticate(au);
	if (auth_caps(au) & GTY_AUTH_CAP_AUTHZ)
		check_authorize(au);
	check_filter(au);
	second = suite_config(s, s->instances++);
	if (check_call(auth_open(s->driver, &second, &reloaded, &err), &err,
		    "a second instance opens beside the first: a reload"))
		check(auth_close(reloaded) == 0, "closes with no call stuck");
	check(auth_close(au) == 0, "closes with no call stuck");
	check(suite_fds() == fds, "no descriptor is left open (%u, %u before)", suite_fds(), fds);
}
