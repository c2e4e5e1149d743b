/* SPDX-License-Identifier: Apache-2.0 */
#include "tests/integration/net_fixture.h"

#include "engine/drivers.h"
#include "engine/events/events.h"
#include "engine/state/state.h"
#include "lib/base/id.h"
#include "lib/base/path.h"
#include "lib/json/json.h"
#include "lib/rootfs/remove.h"
#include "tests/support/world.h"

#include <fcntl.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include <cmocka.h>

#define CHECK(call)                               \
	do {                                      \
		if ((call) < 0)                   \
			fail_msg("%s", err.text); \
	} while (0)

struct json *json_of(const char *text)
{
	char *copy = strdup(text);
	struct json *j = NULL;
	struct error err = ERROR_INIT;

	for (char *p = copy; *p; p++)
		if (*p == '\'')
			*p = '"';
	CHECK(json_parse(copy, strlen(copy), 0, &j, &err));
	free(copy);
	return j;
}

static void open_engine(struct fixture *f)
{
	static const char *const dirs[] = { GANTRY_BUILD_DIR "/lib/gantry/plugins" };
	struct engine *e = &f->engine;
	char scratch[80], db[80];
	struct error err = ERROR_INIT;
	struct registry_config config = {
		.dirs = dirs, .dirs_n = 1, .instance = e->instance, .scratch = scratch, .sink = drivers_sink
	};

	path_format(scratch, sizeof scratch, "%s/probe", f->data);
	path_format(db, sizeof db, "%s/gantry.db", f->data);
	mkdir(scratch, 0700);
	CHECK(registry_load(&config, &e->registry, &err));
	CHECK(state_open(db, &e->state, &err));
	CHECK(events_new(&e->events, &err));
}

static void close_engine(struct fixture *f)
{
	events_free(f->engine.events);
	state_close(f->engine.state);
	registry_free(f->engine.registry);
}

void fixture_enter(struct fixture *f, const struct net_config *config)
{
	fixture_enter_with(f, config, NULL, NULL);
}

static void enter_engine(struct fixture *f, const char *instance, const struct net_config *config)
{
	static int number;
	struct error err = ERROR_INIT;
	char path[80];

	path_format(f->data, sizeof f->data, WORLD_SCRATCH "/data%d", number);
	path_format(f->exec, sizeof f->exec, WORLD_SCRATCH "/exec%d", number++);
	mkdir(f->data, 0700);
	mkdir(f->exec, 0700);
	path_format(path, sizeof path, "%s/containers", f->data);
	mkdir(path, 0700);
	path_format(path, sizeof path, "%s/drivers", f->exec);
	mkdir(path, 0700);
	f->engine = (struct engine){ .config = { .data_root = f->data, .exec_root = f->exec },
		.data_dir = open(f->data, O_RDONLY | O_DIRECTORY | O_CLOEXEC),
		.exec_dir = open(f->exec, O_RDONLY | O_DIRECTORY | O_CLOEXEC) };
	path_format(f->engine.instance, sizeof f->engine.instance, "%s", instance);
	open_engine(f);
	CHECK(net_open(&f->engine, config, &f->net, &err));
	CHECK(net_settle(f->net, &err));
}

void fixture_enter_with(
	struct fixture *f, const struct net_config *config, const char *bridge, const char *cidr)
{
	assert_int_equal(site_enter(&f->site), 0);
	if (bridge)
		site_add_bridge(&f->site, bridge, cidr);
	enter_engine(f, "0123456789ab", config);
}

void fixture_enter_beside(struct fixture *f, const struct fixture *first)
{
	f->site = first->site;
	enter_engine(f, "ba9876543210", NULL);
}

void fixture_reopen(struct fixture *f, const struct net_config *config)
{
	struct error err = ERROR_INIT;

	net_close(f->net);
	close_engine(f);
	open_engine(f);
	CHECK(net_open(&f->engine, config, &f->net, &err));
}

void fixture_leave_beside(struct fixture *f)
{
	net_close(f->net);
	close_engine(f);
	close(f->engine.data_dir);
	close(f->engine.exec_dir);
}

void fixture_leave(struct fixture *f)
{
	fixture_leave_beside(f);
	site_leave(&f->site);
}

/* ---- containers ------------------------------------------------------------------------------ */
static struct net_who who(const struct box *b)
{
	return (struct net_who){
		.id = b->id, .name = b->name, .config = b->config, .host_config = b->host_config
	};
}

int box_new(struct fixture *f, struct box *b, const char *name, const char *host_config,
	const char *networking, struct error *err)
{
	struct json *endpoints = json_of(networking ? networking : "{}");
	char path[160];

	*b = (struct box){ .sandbox = NET_SANDBOX_NONE };
	id_new(b->id);
	path_format(b->name, sizeof b->name, "%s", name);
	b->config = json_of("{'ExposedPorts':{'80/tcp':{},'80/udp':{}}}");
	json_set_string(b->config, "Hostname", name);
	b->host_config = json_of(host_config);
	path_format(path, sizeof path, "%s/containers/%s", f->data, b->id);
	mkdir(path, 0700);
	struct net_who w = who(b);
	int r = net_prepare(f->net, &w, endpoints, NULL, &b->m, err);
	json_free(endpoints);
	if (r < 0)
		box_free(b);
	return r;
}

int box_load(struct fixture *f, struct box *b, const struct json *saved, struct error *err)
{
	struct net_who w = who(b);

	return net_load(f->net, &w, saved, &b->m, err);
}

int box_start(struct box *b, struct error *err)
{
	char path[64];
	int r = net_start(b->m, &b->sandbox, err);

	if (r < 0)
		return r;
	path_format(path, sizeof path, "/proc/%d/fd/%d", (int)getpid(), b->sandbox.netns);
	r = net_publish(b->m, path, err);
	if (r < 0)
		box_stop(b);
	return r;
}

void box_stop(struct box *b)
{
	net_ending(b->m);
	net_stop(b->m, false);
	net_sandbox_done(&b->sandbox); /* the shim has ended */
	net_released(b->m);
}

void box_free(struct box *b)
{
	net_free(b->m);
	json_free(b->config);
	json_free(b->host_config);
	net_sandbox_done(&b->sandbox);
	b->m = NULL;
	b->config = b->host_config = NULL;
}

const char *box_setting(struct box *b, const char *path, char *buf, size_t size)
{
	struct json *doc = json_new_object();
	const struct json *at = doc;
	char part[300], *save = NULL;

	buf[0] = '\0';
	net_settings(b->m, doc);
	path_format(part, sizeof part, "%s", path);
	for (char *p = strtok_r(part, ".", &save); p; p = strtok_r(NULL, ".", &save))
		at = json_kind(at) == JSON_ARRAY ? json_item(at, (size_t)strtoul(p, NULL, 10))
						 : json_at(at, p);
	if (json_string(at))
		path_format(buf, size, "%s", json_string(at));
	json_free(doc);
	return buf;
}
