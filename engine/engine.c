/* SPDX-License-Identifier: Apache-2.0 */
#include "engine/engine.h"

#include "engine/container/container.h"
#include "engine/drivers.h"
#include "engine/events/events.h"
#include "engine/image/image.h"
#include "engine/net/net.h"
#include "engine/state/state.h"
#include "engine/storages.h"
#include "engine/volume/volume.h"
#include "lib/base/cleanup.h"
#include "lib/base/fd.h"
#include "lib/base/id.h"
#include "lib/base/log.h"
#include "lib/base/path.h"
#include "lib/cgroup/cgroup.h"
#include "lib/rootfs/remove.h"

#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <stdlib.h>
#include <string.h>
#include <sys/file.h>
#include <sys/stat.h>
#include <time.h>

/* ---- folders ------------------------------------------------------------------------ */
static int make_parents(const char *path, struct error *err)
{
	char part[PATH_MAX];

	for (const char *p = strchr(path + 1, '/'); p; p = strchr(p + 1, '/')) {
		if (path_format(part, sizeof part, "%.*s", (int)(p - path), path) < 0)
			return error_invalid(err, "'%s' is too long", path);
		if (mkdir(part, 0755) < 0 && errno != EEXIST)
			return error_sys(err, errno, "cannot make '%s'", part);
	}
	return 0;
}

static int open_root(const char *path, mode_t mode, int *ret, struct error *err)
{
	int r = make_parents(path, err);

	if (r < 0)
		return r;
	if (mkdir(path, mode) < 0 && errno != EEXIST)
		return error_sys(err, errno, "cannot make '%s'", path);
	*ret = open(path, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
	if (*ret < 0)
		return error_sys(err, errno, "cannot open '%s'", path);
	return fchmod(*ret, mode) < 0 ? error_sys(err, errno, "cannot set the mode of '%s'", path) : 0;
}

static int make_folder(int dir, const char *name, mode_t mode, struct error *err)
{
	return mkdirat(dir, name, mode) < 0 && errno != EEXIST
		       ? error_sys(err, errno, "cannot make '%s'", name)
		       : 0;
}

static int open_folders(struct engine *e, struct error *err)
{
	int r = open_root(e->config.data_root, 0710, &e->data_dir, err);

	if (r == 0)
		r = open_root(e->config.exec_root, 0711, &e->exec_dir, err);
	if (r < 0)
		return r;
	e->lock = openat(e->data_dir, "lock", O_RDWR | O_CREAT | O_CLOEXEC | O_NOFOLLOW, 0600);
	if (e->lock < 0)
		return error_sys(err, errno, "cannot open '%s/lock'", e->config.data_root);
	if (flock(e->lock, LOCK_EX | LOCK_NB) < 0)
		return error_set(err, ERROR_CONFLICT, EBUSY, "another engine uses '%s': give --data-root",
			e->config.data_root);
	r = rootfs_remove_tree(e->data_dir, "tmp", NULL, err);
	if (r == 0)
		r = make_folder(e->data_dir, "tmp", 0700, err);
	if (r == 0)
		r = make_folder(e->data_dir, "containers", 0710, err);
	if (r == 0)
		r = make_folder(e->exec_dir, "shim", 0700, err);
	return r == 0 ? make_folder(e->exec_dir, "drivers", 0700, err) : r;
}

/* ---- identity ------------------------------------------------------------------------- */
static int read_boot_id(char ret[37], struct error *err)
{
	auto_free char *text = NULL;
	size_t n = 0;
	int r = fd_read_file(AT_FDCWD, "/proc/sys/kernel/random/boot_id", 64, &text, &n);

	if (r < 0 || n < 36)
		return error_sys(err, r < 0 ? -r : EBADMSG, "cannot read the boot id");
	memcpy(ret, text, 36);
	ret[36] = '\0';
	return 0;
}

/* A version 4 UUID. */
static void new_uuid(char ret[37])
{
	char hex[33];

	id_random(hex, 32);
	hex[12] = '4';
	hex[16] = "89ab"[hex[16] % 4];
	path_format(ret, 37, "%.8s-%.4s-%.4s-%.4s-%.12s", hex, hex + 8, hex + 12, hex + 16, hex + 20);
}

static int meta(
	struct engine *e, const char *key, char *buf, size_t size, const char *fresh, struct error *err)
{
	auto_free char *value = NULL;
	int r = state_meta_get(e->state, key, &value, err);

	if (r < 0)
		return r;
	path_format(buf, size, "%s", value ? value : fresh);
	return value ? 0 : state_meta_set(e->state, key, fresh, err);
}

static int note_boot(struct engine *e, struct error *err)
{
	char last[37];
	int r = meta(e, "boot", last, sizeof last, e->boot_id, err);

	e->rebooted = r == 0 && strcmp(last, e->boot_id) != 0;
	return r;
}

static int identify(struct engine *e, struct error *err)
{
	char instance[13] = { 0 }, uuid[37];
	int r = read_boot_id(e->boot_id, err);

	if (r < 0)
		return r;
	id_random(instance, 12);
	new_uuid(uuid);
	r = meta(e, "instance", e->instance, sizeof e->instance, instance, err);
	if (r == 0)
		r = meta(e, "id", e->id, sizeof e->id, uuid, err);
	return r == 0 ? note_boot(e, err) : r;
}

/* ---- drivers ---------------------------------------------------------------------------- */
static void log_plugins(const struct engine *e)
{
	for (size_t i = 0; i < registry_count(e->registry); i++) {
		const struct plugin *p = registry_plugin(e->registry, i);
		if (p->reason != PLUGIN_OK)
			log_warning("plugin '%s' refused: %s", p->path, p->err.text);
		for (unsigned d = 0; d < p->drivers_n; d++)
			if (!p->drivers[d].usable)
				log_info("driver '%s' cannot be used here: %s", p->drivers[d].decl->name,
					p->drivers[d].err.text);
	}
}

static int load_plugins(struct engine *e, struct error *err)
{
	char scratch[PATH_MAX];
	int r = path_format(scratch, sizeof scratch, "%s/tmp/probe", e->config.data_root);

	if (r < 0 || (mkdir(scratch, 0700) < 0 && errno != EEXIST))
		return error_sys(err, r < 0 ? -r : errno, "cannot make '%s'", scratch);
	struct registry_config config = { .dirs = e->config.plugin_dirs,
		.dirs_n = e->config.n_plugin_dirs,
		.instance = e->instance,
		.scratch = scratch,
		.sink = drivers_sink };
	r = registry_load(&config, &e->registry, err);
	if (r == 0)
		log_plugins(e);
	return r;
}

static int open_auth(struct engine *e, const char *name, struct auth **ret, struct error *err)
{
	const struct driver *d = registry_find(e->registry, kind_find(GTY_KIND_AUTH), name, err);
	char root[PATH_MAX], run[PATH_MAX];
	struct gty_kv group = { "group", e->config.auth_group };

	if (!d)
		return error_prefix(err, -ENOENT,
			"no authorization: gantryd does not start without (--auth none is the way around)");
	if (path_format(root, sizeof root, "%s/auth-%s", e->config.data_root, name) < 0 ||
		path_format(run, sizeof run, "%s/drivers/auth-%s", e->config.exec_root, name) < 0)
		return error_invalid(err, "--data-root or --exec-root is too long");
	struct driver_config config = { .root = root,
		.run_dir = run,
		.instance = e->instance,
		.opts = &group,
		.sink = &drivers_sink,
		.opts_n = e->config.auth_group && strcmp(name, "peercred") == 0 ? 1 : 0 };
	return auth_open(d, &config, ret, err);
}

static int open_auths(struct engine *e, struct error *err)
{
	int r = 0;

	if (e->config.n_auth == 1 && strcmp(e->config.auth[0], "none") == 0) {
		e->auth_none = true;
		log_warning("--auth none: everyone who reaches the unix socket is root on this host");
		return 0;
	}
	e->auth = calloc(e->config.n_auth + 1, sizeof(struct auth *));
	if (!e->auth)
		return error_sys(err, ENOMEM, "cannot keep the authorization drivers");
	for (size_t i = 0; r == 0 && i < e->config.n_auth; i++) {
		r = open_auth(e, e->config.auth[i], &e->auth[i], err);
		e->n_auth += r == 0;
	}
	return r;
}

/* ---- the whole ------------------------------------------------------------------------------ */
static int open_parts(struct engine *e, struct error *err)
{
	char db[PATH_MAX];
	int r = open_folders(e, err);

	if (r == 0)
		r = cgroup_layout_discover(&e->cgroups, err);
	if (r == 0 && path_format(db, sizeof db, "%s/gantry.db", e->config.data_root) < 0)
		r = error_invalid(err, "--data-root is too long");
	if (r == 0)
		r = state_open(db, &e->state, err);
	if (r == 0)
		r = identify(e, err);
	/* Plugins are loaded by a process with one thread... */
	if (r == 0)
		r = load_plugins(e, err);
	/* ... and from here on there are more. */
	if (r == 0)
		r = open_auths(e, err);
	if (r == 0)
		r = storages_new(e, &e->storages, err);
	if (r == 0)
		r = events_new(&e->events, err);
	if (r == 0)
		r = images_open(e, &e->images, err);
	if (r == 0)
		r = volumes_open(e, &e->volumes, err);
	if (r == 0)
		r = net_open(e, e->config.net, &e->net, err);
	if (r == 0)
		r = containers_open(e, &e->containers, err);
	if (r == 0)
		r = net_settle(e->net, err);
	if (r < 0)
		return r;
	images_settle(e->images);
	/* Only now: drivers that were not told of the reboot are told at the next start. */
	return e->rebooted ? state_meta_set(e->state, "boot", e->boot_id, err) : 0;
}

int engine_open(const struct engine_config *config, struct engine **ret, struct error *err)
{
	struct engine *e = calloc(1, sizeof *e);

	if (!e)
		return error_sys(err, ENOMEM, "cannot open the engine");
	e->config = *config;
	e->data_dir = e->exec_dir = e->lock = -1;
	int r = open_parts(e, err);
	if (r < 0)
		engine_close(e);
	else
		*ret = e;
	return r;
}

/* gantry-dns, which was told to end just now, was in the supervisors' cgroup, too. */
static void drop_cgroup(const struct engine *e)
{
	const struct timespec pause = { .tv_nsec = 10000000 };
	char path[CGROUP_PATH_MAX];

	path_format(path, sizeof path, "/gantry/shims/%s", e->instance);
	for (int i = 0; i < 20 && cgroup_remove_empty(&e->cgroups, path, NULL) < 0; i++)
		nanosleep(&pause, NULL);
	cgroup_remove_empty(&e->cgroups, "/gantry/shims", NULL);
	cgroup_remove_empty(&e->cgroups, "/gantry", NULL);
}

void engine_close(struct engine *e)
{
	if (!e)
		return;
	containers_close(e->containers);
	net_close(e->net);
	if (e->containers)
		drop_cgroup(e);
	volumes_close(e->volumes);
	images_close(e->images);
	events_free(e->events);
	storages_free(e->storages);
	while (e->n_auth > 0)
		auth_close(e->auth[--e->n_auth]);
	free(e->auth);
	state_close(e->state);
	registry_free(e->registry);
	if (e->lock >= 0)
		close(e->lock);
	if (e->exec_dir >= 0)
		close(e->exec_dir);
	if (e->data_dir >= 0)
		close(e->data_dir);
	free(e);
}

int engine_program(const struct engine *e, const char *name, char buf[PATH_MAX], struct error *err)
{
	char self[PATH_MAX];

	if (e->config.shim_folder)
		return path_format(buf, PATH_MAX, "%s/%s", e->config.shim_folder, name) < 0
			       ? error_invalid(err, "the folder of gantry's programs has too long a name")
			       : 0;
	ssize_t n = readlink("/proc/self/exe", self, sizeof self - 1);
	if (n <= 0)
		return error_sys(err, errno, "cannot find this program's folder by /proc/self/exe");
	self[n] = '\0';
	*strrchr(self, '/') = '\0';
	return path_format(buf, PATH_MAX, "%s/%s", self, name) < 0
		       ? error_invalid(err, "the folder of gantry's programs has too long a name")
		       : 0;
}
