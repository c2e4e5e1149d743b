/* SPDX-License-Identifier: Apache-2.0 */
/* GET /containers/{id}/json: all that is known of one, in dockerd's order. */
#include "engine/container/object.h"

#include "core/plugin/call.h"
#include "core/storage/storage.h"
#include "engine/container/show.h"
#include "engine/net/net.h"
#include "engine/storages.h"
#include "lib/base/path.h"
#include "lib/base/timefmt.h"
#include "lib/json/json.h"

#include <errno.h>
#include <stdio.h>
#include <string.h>

const char *show_state(const struct container_life *life)
{
	switch (life->phase) {
	case CONTAINER_RUNNING: return life->paused ? "paused" : "running";
	case CONTAINER_EXITED: return "exited";
	case CONTAINER_REMOVING: return "removing";
	default: return "created";
	}
}

static void set_time(struct json *o, const char *key, int64_t ns)
{
	char text[TIMEFMT_SIZE];

	json_set_string(o, key, timefmt_rfc3339nano(ns ? ns : TIMEFMT_ZERO, text));
}

static void add_state(struct json *doc, const struct container_life *life)
{
	struct json *o = json_set_object(doc, "State");
	bool running = life->phase == CONTAINER_RUNNING;

	json_set_string(o, "Status", show_state(life));
	json_set_bool(o, "Running", running);
	json_set_bool(o, "Paused", running && life->paused);
	json_set_bool(o, "Restarting", false);
	json_set_bool(o, "OOMKilled", life->oom_killed);
	json_set_bool(o, "Dead", false);
	json_set_int(o, "Pid", running ? life->pid : 0);
	json_set_int(o, "ExitCode", life->exit_code);
	json_set_string(o, "Error", life->error);
	set_time(o, "StartedAt", life->started_ns);
	set_time(o, "FinishedAt", life->finished_ns);
}

/* Path and Args are the first word and the rest of Entrypoint and Cmd. */
static void add_command(struct json *doc, const struct container *c)
{
	static const char *const parts[] = { "Entrypoint", "Cmd" };
	struct json *args = json_new_array();
	bool first = true;

	json_set_string(doc, "Path", "");
	for (size_t p = 0; p < 2; p++) {
		const struct json *list = json_at(c->config, parts[p]);
		for (size_t i = 0; i < json_count(list); i++) {
			const char *word = json_string(json_item(list, i));
			if (first)
				json_set_string(doc, "Path", word);
			else
				json_add_string(args, word);
			first = false;
		}
	}
	json_set(doc, "Args", args);
}

static void add_paths(struct json *doc, const struct container *c, bool started)
{
	static const char *const files[][2] = { { "ResolvConfPath", "resolv.conf" },
		{ "HostnamePath", "hostname" }, { "HostsPath", "hosts" } };
	const char *driver = json_string(json_at(json_at(c->host_config, "LogConfig"), "Type"));
	char path[CONTAINER_PATH_SIZE], log[CONTAINER_ID_LEN + 16];

	for (size_t i = 0; i < 3; i++)
		json_set_string(doc, files[i][0], started ? container_files_path(c, files[i][1], path) : "");
	path_format(log, sizeof log, "%s-json.log", c->id);
	bool kept = !driver || strcmp(driver, "none") != 0;
	json_set_string(doc, "LogPath", started && kept ? container_files_path(c, log, path) : "");
}

static void add_storage(struct json *doc, struct container *c)
{
	struct json *graph = json_set_object(doc, "GraphDriver");
	struct json *data = json_set_object(graph, "Data");
	struct gty_kvs *facts = NULL;
	struct storage *st;

	json_set_string(data, "ID", c->id);
	json_set_string(graph, "Name", c->storage);
	if (storages_get(c->engine->storages, c->storage, &st, NULL) < 0 ||
		storage_describe(st, c->id, NULL, &facts, NULL) < 0)
		return;
	for (uint32_t i = 0; i < facts->n; i++)
		json_set_string(data, facts->v[i].key, facts->v[i].value);
	reply_free(facts);
}

static void add_network(struct json *doc, const struct container *c)
{
	struct json *o = json_set_object(doc, "NetworkSettings");

	if (c->net)
		net_settings(c->net, o);
}

char *show_name(struct container *c, char *buf, size_t size)
{
	pthread_mutex_lock(&c->lock);
	path_format(buf, size, "/%s", c->name);
	pthread_mutex_unlock(&c->lock);
	return buf;
}

int container_inspect(struct container *c, struct json **ret, struct error *err)
{
	struct json *doc = json_new_object();
	struct container_life life = container_life(c);
	bool started = life.started_ns != 0;
	char name[300];

	json_set_string(doc, "Id", c->id);
	set_time(doc, "Created", c->created_ns);
	add_command(doc, c);
	add_state(doc, &life);
	json_set_string(doc, "Image", c->image_id);
	add_paths(doc, c, started);
	json_set_string(doc, "Name", show_name(c, name, sizeof name));
	json_set_int(doc, "RestartCount", 0);
	json_set_string(doc, "Driver", c->storage);
	json_set_string(doc, "Platform", "linux");
	json_set_string(doc, "MountLabel", "");
	json_set_string(doc, "ProcessLabel", "");
	json_set_string(doc, "AppArmorProfile", "");
	json_set_null(doc, "ExecIDs");
	json_set(doc, "HostConfig", json_copy(c->host_config));
	add_storage(doc, c);
	mounts_show(&c->mounts, json_set_array(doc, "Mounts"));
	json_set(doc, "Config", json_copy(c->config));
	add_network(doc, c);
	if (json_kind(doc) != JSON_OBJECT)
		return error_sys(err, ENOMEM, "cannot write the answer");
	*ret = doc;
	return 0;
}
