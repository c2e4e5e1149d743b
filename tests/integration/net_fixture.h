/* SPDX-License-Identifier: Apache-2.0 */
/* Networks of an engine of the test's own: state, events and drivers are real, the containers are namespaces.
 */
#ifndef GANTRY_TESTS_NET_FIXTURE_H
#define GANTRY_TESTS_NET_FIXTURE_H

#include "engine/engine.h"
#include "engine/net/net.h"
#include "tests/support/netsite.h"

struct fixture {
	struct site site;
	struct engine engine;
	struct net *net;
	char data[64], exec[64];
};

/* A site with an engine in it; config NULL: defaults.  Group setup is world_setup. */
void fixture_enter(struct fixture *f, const struct net_config *config);
/* With a bridge that is there before. */
void fixture_enter_with(
	struct fixture *f, const struct net_config *config, const char *bridge, const char *cidr);
/* Another engine on the same host; left first. */
void fixture_enter_beside(struct fixture *f, const struct fixture *first);
void fixture_leave_beside(struct fixture *f);
void fixture_leave(struct fixture *f);
/* What a killed gantryd and its next start do to networks: members must be freed before, rows stay. */
void fixture_reopen(struct fixture *f, const struct net_config *config);

/* A container that may be started; body: HostConfig with NetworkMode, as JSON text with ' for ". */
struct box {
	struct net_member *m;
	char id[65], name[32];
	struct json *config, *host_config;
	struct net_sandbox sandbox;
};
int box_new(struct fixture *f, struct box *b, const char *name, const char *host_config,
	const char *networking, struct error *err);
int box_load(struct fixture *f, struct box *b, const struct json *saved, struct error *err);
int box_start(struct box *b, struct error *err); /* net_start, net_publish */
void box_stop(struct box *b);                    /* as when its processes have ended */
void box_free(struct box *b);

/* A member of NetworkSettings, by a path "Networks.mine.IPAddress"; "" when it is not there. */
const char *box_setting(struct box *b, const char *path, char *buf, size_t size);

struct json *json_of(const char *text); /* ' for " */

#endif
