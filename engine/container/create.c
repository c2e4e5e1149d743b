/* SPDX-License-Identifier: Apache-2.0 */
/*
 * POST /containers/create.  Everything that can be wrong with a request is found before anything is made;
 * then the row, the writable layer, the folder, and the row again.
 */
#include "engine/container/object.h"

#include "core/storage/storage.h"
#include "engine/container/defaults.h"
#include "engine/container/fields.h"
#include "engine/container/limits.h"
#include "engine/container/log_config.h"
#include "engine/container/merge.h"
#include "engine/container/names.h"
#include "engine/container/spec.h"
#include "engine/image/image.h"
#include "engine/storages.h"
#include "lib/base/cleanup.h"
#include "lib/base/clock.h"
#include "lib/base/fault.h"
#include "lib/base/id.h"
#include "lib/base/log.h"
#include "lib/base/signame.h"
#include "lib/base/size.h"
#include "lib/base/str.h"
#include "lib/json/json.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

#define NAME_TRIES 20

static const char *text(const struct json *o, const char *key)
{
	const char *t = json_string(json_at(o, key));

	return t ? t : "";
}

/* ---- what is asked ---------------------------------------------------------------- */
/* "container:" in the list stands for any container. */
static int check_mode(const struct json *host, const char *key, const char *noun, const char *const *allowed,
	struct error *err)
{
	const char *mode = text(host, key), *name;

	for (; *allowed; allowed++) {
		if (strcmp(mode, *allowed) == 0 && !str_ends_with(mode, ":"))
			return 0;
		if (str_ends_with(*allowed, ":") && (name = str_after(mode, *allowed)) && *name)
			return 0;
	}
	return error_invalid(err, "invalid %s: %s", noun, mode);
}

static int check_modes(const struct json *host, struct error *err)
{
	static const char *const ipc[] = { "private", "shareable", "host", "none", "container:", NULL };
	static const char *const pid[] = { "", "host", "container:", NULL };
	static const char *const uts[] = { "", "host", NULL };
	static const char *const cgroupns[] = { "private", "host", NULL };
	static const char *const isolation[] = { "", "default", NULL };
	int r = check_mode(host, "IpcMode", "IPC mode", ipc, err);

	if (r == 0)
		r = check_mode(host, "PidMode", "PID mode", pid, err);
	if (r == 0)
		r = check_mode(host, "UTSMode", "UTS mode", uts, err);
	if (r == 0)
		r = check_mode(host, "UsernsMode", "user namespace mode", uts, err);
	if (r == 0)
		r = check_mode(host, "CgroupnsMode", "cgroup namespace mode", cgroupns, err);
	if (r == 0 && check_mode(host, "Isolation", "", isolation, NULL) < 0)
		r = error_invalid(err, "invalid isolation (%s): linux only supports 'default'",
			text(host, "Isolation"));
	return r;
}

static int check_restart(const struct json *host, struct error *err)
{
	const char *name = text(json_at(host, "RestartPolicy"), "Name");

	if (!*name || strcmp(name, "no") == 0)
		return 0;
	if (strcmp(name, "always") && strcmp(name, "on-failure") && strcmp(name, "unless-stopped"))
		return error_invalid(err,
			"invalid restart policy: unknown policy '%s'; use one of 'no', 'always', "
			"'on-failure', or "
			"'unless-stopped'",
			name);
	return error_set(err, ERROR_UNSUPPORTED, ENOTSUP,
		"RestartPolicy '%s' is not built into gantry " GANTRY_VERSION, name);
}

static int check_config(const struct json *config, struct error *err)
{
	const char *stop = text(config, "StopSignal"), *dir = text(config, "WorkingDir");

	if (*stop && signame_parse(stop) < 0)
		return error_invalid(err, "invalid signal: %s", stop);
	if (*dir && *dir != '/')
		return error_invalid(
			err, "the working directory '%s' is invalid, it needs to be an absolute path", dir);
	const struct json *env = json_at(config, "Env");
	for (size_t i = 0; i < json_count(env); i++)
		if (json_string(json_item(env, i))[0] == '\0' || json_string(json_item(env, i))[0] == '=')
			return error_invalid(
				err, "invalid environment variable: %s", json_string(json_item(env, i)));
	return 0;
}

static int check_host(const struct json *host, struct error *err)
{
	const char *runtime = text(host, "Runtime");
	struct log_config log;
	int r = fields_refuse(fields_host_config, host, err);

	if (r == 0 && strcmp(runtime, "runc") != 0)
		r = error_invalid(err, "unknown or invalid runtime name: %s", runtime);
	if (r == 0)
		r = check_modes(host, err);
	if (r == 0)
		r = check_restart(host, err);
	if (r == 0)
		r = log_config_read(json_at(host, "LogConfig"), &log, err);
	return r;
}

/* An image may say what this engine does not do: that is a warning, where the user's own word is an error. */
static void warn_of_image(struct json *config, struct json *warnings)
{
	if (json_at(config, "Healthcheck")) {
		json_add_string(warnings, "health checks are not built into gantry " GANTRY_VERSION
					  ": the image's HEALTHCHECK is not run");
		json_remove(config, "Healthcheck");
	}
}

/* ---- the storage of the writable layer ------------------------------------------------------ */
static int read_storage(struct engine *e, const struct json *host, struct storage **ret, uint64_t *ret_size,
	struct error *err)
{
	const struct json *opts = json_at(host, "StorageOpt");
	const char *driver = NULL;
	int64_t size = 0;

	json_each (opts, it) {
		if (strcmp(it.key, "driver") == 0)
			driver = json_string(it.value);
		else if (strcmp(it.key, "size") != 0)
			return error_invalid(
				err, "unknown option in --storage-opt: '%s': use driver or size", it.key);
		else if (size_parse(json_string(it.value), &size) < 0 || size <= 0)
			return error_invalid(
				err, "invalid size in --storage-opt: '%s'", json_string(it.value));
	}
	*ret_size = (uint64_t)size;
	return storages_get(e->storages, driver, ret, err);
}

/* ---- making ------------------------------------------------------------------------------------ */
struct making {
	struct container *c;
	struct storage *storage;
	uint64_t size;
	struct json *warnings;
	char top[DIGEST_SIZE]; /* the image's topmost layer */
};

static int keep(char **slot, const char *value, struct error *err)
{
	*slot = strdup(value);
	return *slot ? 0 : error_sys(err, ENOMEM, "cannot keep a container's settings");
}

static int describe(
	struct making *m, struct engine *e, const struct json *body, struct json *warnings, struct error *err)
{
	struct container *c = m->c;
	const struct json *host = json_at(body, "HostConfig");
	auto_json struct json *asked = NULL;
	int r = fields_normalize(fields_config, body, &asked, err);

	if (r == 0 && host && json_kind(host) != JSON_OBJECT)
		r = error_invalid(err,
			"invalid JSON: json: cannot unmarshal %s into Go struct field .HostConfig of type "
			"container.HostConfig",
			json_kind_name(json_kind(host)));

	if (r == 0)
		r = fields_normalize(fields_host_config, host, &c->host_config, err);
	if (r == 0)
		r = defaults_host_config(e, c->host_config, err);
	if (r == 0 && json_at(asked, "Healthcheck"))
		r = error_set(err, ERROR_UNSUPPORTED, ENOTSUP,
			"Healthcheck is not built into gantry " GANTRY_VERSION);
	if (r == 0 && str_after(text(c->host_config, "NetworkMode"), "container:") &&
		json_count(json_at(asked, "ExposedPorts")) > 0)
		r = error_invalid(
			err, "conflicting options: port exposing and the container type network mode");
	if (r == 0)
		r = image_find(e->images, text(asked, "Image"), &c->image, err);
	if (r == 0)
		r = merge_image(asked, json_at(image_document(c->image), "config"), c->id, &c->config, err);
	if (r < 0)
		return r;
	warn_of_image(c->config, warnings);
	r = fields_refuse(fields_config, c->config, err);
	if (r == 0)
		r = check_config(c->config, err);
	if (r == 0)
		r = check_host(c->host_config, err);
	if (r == 0)
		r = limits_check(e, c->host_config, warnings, err);
	if (r == 0)
		r = keep(&c->image_id, image_id(c->image), err);
	return r == 0 ? keep(&c->image_name, text(asked, "Image"), err) : r;
}

/* What the launcher will be told is made once now, so that what is wrong in it is the create's error. */
static int try_spec(const struct container *c, struct error *err)
{
	struct spec_facts facts = { .engine = c->engine,
		.id = c->id,
		.config = c->config,
		.host_config = c->host_config,
		.mounts = &c->mounts,
		.etc = "/" };
	auto_json struct json *oci = NULL;

	return spec_build(&facts, &oci, err);
}

static int prepare(
	struct making *m, struct engine *e, const struct json *body, struct json *warnings, struct error *err)
{
	struct container *c = m->c;
	int r = describe(m, e, body, warnings, err);

	if (r == 0)
		r = mounts_read(e, c->config, c->host_config, &c->mounts, err);
	if (r == 0)
		r = try_spec(c, err);
	if (r == 0)
		r = read_storage(e, c->host_config, &m->storage, &m->size, err);
	if (r == 0)
		r = image_layers(c->image, m->storage, m->top, err);
	if (r == 0)
		r = keep(&c->storage, storage_name(m->storage), err);
	if (r < 0)
		return r;
	json_opt_bool(c->config, "Tty", false, &c->tty, NULL);
	bool auto_remove = false;
	json_opt_bool(c->host_config, "AutoRemove", false, &auto_remove, NULL);
	c->auto_remove = auto_remove;
	c->created_ns = clock_real_ns();
	return 0;
}

static int take_name(struct container *c, const char *asked, struct error *err)
{
	char made[NAMES_SIZE];
	int r = -EEXIST;

	if (asked && *asked) {
		r = keep(&c->name, asked, err);
		return r < 0 ? r : containers_add(c->engine->containers, c, err);
	}
	for (unsigned i = 0; i < NAME_TRIES && r == -EEXIST; i++) {
		free(take_ptr(c->name));
		r = keep(&c->name, names_make(i, made), err);
		if (r == 0)
			r = containers_add(c->engine->containers, c, err);
	}
	return r;
}

static int make_layer(struct making *m, struct error *err)
{
	struct gty_create_req req = {
		.id = m->c->id, .parent = m->top[0] ? digest_hex(m->top) : NULL, .size_limit = m->size
	};

	return storage_create(m->storage, &req, NULL, err);
}

/* From the first row to the last; what fails is undone from the end. */
static int make(struct making *m, struct error *err)
{
	struct container *c = m->c;
	struct container_life life = { .phase = CONTAINER_CREATING };
	int r = container_save(c, &life, err);

	if (r < 0)
		return r;
	r = fault_point("create.row");
	if (r == 0)
		r = mounts_make(c, err);
	if (r == 0)
		r = make_layer(m, err);
	if (r < 0)
		goto row;
	r = fault_point("create.layer");
	if (r == 0)
		r = container_files_make(c, err);
	if (r < 0)
		goto layer;
	fault_point("create.files");
	r = mounts_fill(c, m->warnings, err);
	if (r < 0)
		goto files;
	life.phase = CONTAINER_CREATED;
	r = container_save(c, &life, err);
	if (r == 0) {
		fault_point("create.created");
		return 0;
	}
files:
	container_files_remove(c);
layer:
	if (storage_remove(m->storage, c->id, NULL, NULL) < 0)
		log_warning("container %s: its layer could not be removed: the next start does it", c->id);
row:
	mounts_release(c);
	mounts_remove_anonymous(c);
	container_forget(c, NULL);
	return r;
}

static int create(struct making *m, struct engine *e, const char *name, const struct json *body,
	struct json *warnings, struct error *err)
{
	int r = prepare(m, e, body, warnings, err);

	m->warnings = warnings;
	if (r == 0)
		r = take_name(m->c, name, err);
	if (r < 0)
		return r;
	image_hold(m->c->image, m->c->id);
	r = container_network_prepare(m->c, json_at(body, "NetworkingConfig"), warnings, err);
	if (r == 0)
		r = make(m, err);
	if (r < 0) {
		image_release(m->c->image, m->c->id);
		containers_drop(e->containers, m->c);
	}
	return r;
}

int container_create(struct engine *engine, const char *name, const struct json *body, struct container **ret,
	struct json **ret_warnings, struct error *err)
{
	auto_json struct json *warnings = json_new_array();
	char id[ID_SIZE];
	int r = 0;

	if (name && *name)
		r = names_check(name, &name, err);
	if (r < 0)
		return r;
	if (json_kind(body) != JSON_OBJECT)
		return error_invalid(err,
			"invalid JSON: json: cannot unmarshal %s into Go value of type "
			"container.CreateRequest",
			json_kind_name(json_kind(body)));
	id_new(id);
	struct making m = { .c = container_new(engine, id) };
	if (!m.c)
		return error_sys(err, ENOMEM, "cannot make a container");
	r = create(&m, engine, name, body, warnings, err);
	if (r < 0) {
		container_unref(m.c);
		return r;
	}
	container_event(m.c, "create", NULL, NULL);
	*ret = m.c;
	*ret_warnings = take_ptr(warnings);
	return 0;
}
