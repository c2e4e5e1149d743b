/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Start: mounts, the files of /etc, the launch record, the shim with its parked process, the row, and only
 * then the word that lets the program run.  Until the commit everything made dies with its descriptors or its
 * socket.
 */
#include "engine/container/all.h"
#include "engine/container/object.h"

#include "core/plugin/call.h"
#include "core/storage/storage.h"
#include "engine/container/join.h"
#include "engine/container/log_config.h"
#include "engine/container/shim_client.h"
#include "engine/container/spec.h"
#include "engine/container/start_error.h"
#include "engine/image/image.h"
#include "engine/net/net.h"
#include "engine/storages.h"
#include "lib/base/cleanup.h"
#include "lib/base/clock.h"
#include "lib/base/fault.h"
#include "lib/base/log.h"
#include "lib/base/path.h"
#include "lib/base/str.h"
#include "lib/base/sys.h"
#include "lib/json/json.h"
#include "runtime/compile/compile.h"

#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <sched.h>
#include <string.h>

#define KILL_NS (10 * CLOCK_S)

/* ---- the cgroup --------------------------------------------------------------------- */
int container_cgroup_path(const struct container *c, char *buf, size_t size)
{
	const char *parent = json_string(json_at(c->host_config, "CgroupParent"));

	if (!parent || !*parent)
		parent = CONTAINER_CGROUP_PARENT;
	return path_format(buf, size, "%s%s/%s", parent[0] == '/' ? "" : "/", parent, c->id);
}

void container_cgroup_remove(struct container *c)
{
	char path[CGROUP_PATH_MAX];
	struct cgroup cg = CGROUP_NONE;
	struct error err = ERROR_INIT;
	int64_t deadline = clock_mono_ns() + KILL_NS;

	if (container_cgroup_path(c, path, sizeof path) < 0 ||
		cgroup_open(&c->engine->cgroups, path, &cg, &err) < 0)
		return;
	if (cgroup_kill(&cg, deadline, &err) < 0 || cgroup_remove(&cg, deadline, &err) < 0)
		log_warning("container %s: %s", c->id, err.text);
	cgroup_close(&cg);
}

/* ---- one start under way -------------------------------------------------------------- */
struct starting {
	struct container *c;
	struct storage *storage;
	struct gty_tree *tree;
	struct launch_block record;
	struct shim *shim;
	struct launch_error why;
	bool mounted;
	struct net_sandbox sandbox;
	bool networked;
	struct joined joined;
	struct mounts_open volumes;
	bool volumes_used;
	/* The record's descriptors, borrowed: the root is the first. */
	int fds[LAUNCH_FDS_MAX];
	uint32_t n_fds;
	struct compile_join joins[3];
	size_t n_joins;
	struct compile_mount_fd mount_fds[MOUNTS_MAX + 1];
	size_t n_mount_fds;
};

/* The launcher takes a detached mount; a folder becomes one. */
static int detach_root(struct starting *s, struct error *err)
{
	struct gty_tree *t = s->tree;

	if (t->form == GTY_TREE_MOUNT)
		return 0;
	if (t->form != GTY_TREE_DIR)
		return error_set(err, ERROR_UNSUPPORTED, ENOTSUP, "storage driver '%s' gives no mounted tree",
			s->c->storage);
	int fd = sys_open_tree(t->fd, "", AT_EMPTY_PATH | OPEN_TREE_CLONE | O_CLOEXEC);
	if (fd < 0)
		return error_sys(err, errno, "cannot clone the tree of container '%s'", s->c->id);
	close(t->fd);
	t->fd = fd;
	return 0;
}

static int mount_root(struct starting *s, struct error *err)
{
	struct container *c = s->c;
	struct gty_mount_req req = { .flags = GTY_MOUNT_NO_STEPS, .id = c->id, .holder = c->id };
	int r = storages_get(c->engine->storages, c->storage, &s->storage, err);

	if (r == 0)
		r = storage_mount(s->storage, &req, NULL, &s->tree, err);
	if (r < 0)
		return r;
	s->mounted = true;
	return detach_root(s, err);
}

static void unmount_root(struct starting *s)
{
	struct error err = ERROR_INIT;

	if (s->mounted && storage_unmount(s->storage, s->c->id, s->c->id, s->tree->state, NULL, &err) < 0)
		log_warning("container %s: %s", s->c->id, err.text);
	reply_free(s->tree);
}

static void warn(void *context, const char *text)
{
	const struct container *c = context;

	log_warning("container %s: %s", c->id, text);
}

/* ---- descriptors ---------------------------------------------------------------------- */
static uint32_t add_fd(struct starting *s, int fd)
{
	s->fds[s->n_fds] = fd;
	return s->n_fds++;
}

static void add_join(struct starting *s, uint32_t type, int fd)
{
	if (fd >= 0)
		s->joins[s->n_joins++] = (struct compile_join){ .type = type, .fd = add_fd(s, fd) };
}

static void add_mount(struct starting *s, const char *destination, int fd)
{
	s->mount_fds[s->n_mount_fds++] = (struct compile_mount_fd){ .destination = destination,
		.fd = add_fd(s, fd) };
}

/* At most MOUNTS_MAX and a few: fewer than LAUNCH_FDS_MAX. */
static void list_fds(struct starting *s)
{
	const struct mount_points *mounts = &s->c->mounts;

	add_fd(s, s->tree->fd);
	add_join(s, CLONE_NEWNET, s->sandbox.netns);
	add_join(s, CLONE_NEWPID, s->joined.pid);
	add_join(s, CLONE_NEWIPC, s->joined.ipc);
	if (s->joined.shm >= 0 && !mounts_at(mounts, "/dev/shm"))
		add_mount(s, "/dev/shm", s->joined.shm);
	for (size_t i = 0; i < mounts->n; i++)
		if (s->volumes.trees[i])
			add_mount(s, mounts->v[i].destination, s->volumes.trees[i]->fd);
}

static int open_others(struct starting *s, struct error *err)
{
	int r = join_others(s->c, &s->joined, err);

	if (r < 0)
		return r;
	s->volumes_used = true;
	return mounts_open(s->c, &s->volumes, err);
}

static void close_others(struct starting *s)
{
	joined_done(&s->joined);
	mounts_open_done(&s->volumes);
}

static int compile(struct starting *s, const struct json *oci, struct error *err)
{
	struct container *c = s->c;
	const struct all *all = table_all(c->engine->containers);
	const char *user = json_string(json_at(c->config, "User")),
		   *dir = json_string(json_at(c->config, "WorkingDir"));
	char cgroup[CGROUP_PATH_MAX];
	auto_str_list char **groups = NULL;
	int r = json_opt_strings(c->host_config, "GroupAdd", 64, &groups, err);

	if (r == 0 && container_cgroup_path(c, cgroup, sizeof cgroup) < 0)
		r = error_invalid(err, "the cgroup parent is too long");
	if (r < 0)
		return r;
	struct compile_options o = COMPILE_OPTIONS_INIT;
	o.bundle = "/";
	o.id = c->id;
	o.cgroups = &c->engine->cgroups;
	o.apparmor = all->apparmor;
	o.seccomp_cache = all->seccomp_cache;
	o.warn = warn;
	o.warn_context = c;
	o.root_fd = 0;
	o.joins = s->joins;
	o.n_joins = s->n_joins;
	o.mount_fds = s->mount_fds;
	o.n_mount_fds = s->n_mount_fds;
	o.user = user ? user : "";
	o.user_groups = (const char *const *)groups;
	o.n_user_groups = str_list_count(groups);
	o.make_cwd = dir && *dir;
	o.cgroup_path = cgroup;
	o.cgroup_mark = c->engine->instance;
	return compile_container(oci, &o, &s->record, err);
}

static int make_record(struct starting *s, struct error *err)
{
	struct container *c = s->c;
	char etc[CONTAINER_PATH_SIZE], init[PATH_MAX];
	auto_json struct json *oci = NULL;
	struct spec_facts facts = { .engine = c->engine,
		.id = c->id,
		.config = c->config,
		.host_config = c->host_config,
		.mounts = &c->mounts,
		.etc = etc,
		.init = init,
		.starting = true };
	int r = path_format(etc, sizeof etc, "%s/containers/%s", c->engine->config.data_root, s->sandbox.etc);

	if (r < 0)
		return error_invalid(err, "--data-root is too long");
	r = engine_program(c->engine, "gantry-init", init, err);
	if (r == 0)
		r = spec_build(&facts, &oci, err);
	return r == 0 ? compile(s, oci, err) : r;
}

static int launch(struct starting *s, struct error *err)
{
	struct container *c = s->c;
	struct log_config log;
	struct shim_launch what = { .id = c->id,
		.record = &s->record,
		.fds = s->fds,
		.nfds = s->n_fds,
		.cgroups = &c->engine->cgroups,
		.data = c };
	int r = log_config_read(json_at(c->host_config, "LogConfig"), &log, err);
	auto_close int folder = r == 0 ? container_files_open(c, err) : r;

	if (folder < 0)
		return folder;
	json_opt_bool(c->config, "OpenStdin", false, &what.open_stdin, NULL);
	json_opt_bool(c->config, "StdinOnce", false, &what.stdin_once, NULL);
	what.log = (struct shim_log){ .kind = log.none ? PROTO_LOG_NONE : PROTO_LOG_JSON_FILE,
		.folder = log.none ? -1 : folder,
		.file_size = log.file_size,
		.files = log.files };
	return shim_launch(table_all(c->engine->containers)->shims, &what, &s->shim, &s->why, err);
}

/* ---- the row, the commit -------------------------------------------------------------------- */
static void set_shim(struct container *c, struct shim *shim)
{
	pthread_mutex_lock(&c->lock);
	c->shim = shim;
	pthread_mutex_unlock(&c->lock);
}

static struct container_life running_life(struct starting *s, const struct container_life *before)
{
	const struct shim_facts *facts = shim_facts(s->shim);
	struct container_life life = { .phase = CONTAINER_RUNNING,
		.pid = facts->pid,
		.pid_start = facts->start_time,
		.finished_ns = before->finished_ns,
		.prev_exit_code = before->exit_code,
		.prev_started_ns = before->started_ns };

	life.started_ns = clock_real_ns();
	memcpy(life.boot_id, s->c->engine->boot_id, sizeof life.boot_id);
	return life;
}

static int commit(struct starting *s, const struct container_life *before, struct error *err)
{
	struct container *c = s->c;
	struct container_life life = running_life(s, before);
	int r = container_save(c, &life, err);

	if (r < 0) {
		set_shim(c, NULL);
		shim_abandon(s->shim);
		return r;
	}
	fault_point("start.row");
	r = shim_commit(s->shim, &life.started_ns, &s->why, err);
	if (r == 0)
		return 0;
	set_shim(c, NULL);
	struct error first = *err;
	if (shim_finish(s->shim, err) < 0)
		log_warning("container %s: %s", c->id, err->text);
	if (container_save(c, before, err) < 0)
		log_warning("container %s: %s", c->id, err->text);
	*err = first;
	return r;
}

/* What inspect shows of a start that failed: where it was before, with the code and the words. */
static void keep_failure(
	struct container *c, const struct container_life *before, int code, const struct error *why)
{
	struct container_life life = *before;
	struct error err = ERROR_INIT;

	life.exit_code = code;
	path_format(life.error, sizeof life.error, "%s", why->text);
	if (container_save(c, &life, &err) < 0)
		log_warning("container %s: %s", c->id, err.text);
}

static int open_network(struct starting *s, struct error *err)
{
	char path[CONTAINER_NETNS_SIZE];
	int r = s->sandbox.keep_n ? shim_keep(s->shim, s->sandbox.keep, s->sandbox.keep_n, err) : 0;

	if (r == 0)
		r = net_publish(s->c->net, container_network_path(shim_facts(s->shim)->pid, path), err);
	if (r < 0) {
		shim_abandon(s->shim);
		shim_unref(s->shim);
		s->shim = NULL;
	}
	return r;
}

static void close_network(struct starting *s)
{
	net_sandbox_done(&s->sandbox);
	if (!s->networked)
		return;
	net_stop(s->c->net, false);
	net_released(s->c->net);
}

static int build(struct starting *s, struct error *err)
{
	int r = mount_root(s, err);

	if (r < 0)
		return r;
	r = fault_point("start.mounted");
	if (r == 0)
		r = net_start(s->c->net, &s->sandbox, err);
	if (r < 0)
		return r;
	s->networked = true;
	r = open_others(s, err);
	if (r < 0)
		return r;
	list_fds(s);
	r = make_record(s, err);
	if (r == 0)
		r = launch(s, err);
	if (r == 0)
		r = open_network(s, err);
	if (r < 0)
		return r;
	fault_point("start.launched");
	/* A kept descriptor would pin the tree. */
	close(take_fd(s->tree->fd));
	close_others(s);
	set_shim(s->c, s->shim); /* who attaches from here on goes to the shim */
	container_attach_pending(s->c, s->shim);
	return 0;
}

static int undo(struct starting *s, const struct container_life *before, int r, struct error *err)
{
	struct container *c = s->c;
	int code = 128;

	if (s->why.phase != LAUNCH_PHASE_NONE)
		r = start_error(&s->why, &code, err);
	else /* a supervisor that was killed has not cleaned up behind itself */
		container_cgroup_remove(c);
	shim_unref(s->shim);
	close_others(s);
	if (s->volumes_used)
		mounts_unuse(c);
	close_network(s);
	unmount_root(s);
	keep_failure(c, before, code, err);
	container_attach_drop(c);
	return r;
}

static int start(struct container *c, struct error *err)
{
	auto_free struct starting *s = calloc(1, sizeof *s);
	struct container_life before = container_life(c);

	if (!s)
		return error_sys(err, ENOMEM, "cannot start container '%s'", c->id);
	s->c = c;
	s->sandbox = NET_SANDBOX_NONE;
	s->joined = JOINED_NONE;
	int r = build(s, err);
	if (r == 0)
		r = commit(s, &before, err);
	launch_block_done(&s->record);
	if (r < 0)
		return undo(s, &before, r, err);
	net_sandbox_done(&s->sandbox);
	reply_free(s->tree);
	if (c->image)
		image_hold_running(c->image, c->id, true);
	container_event(c, "start", NULL, NULL);
	return 0;
}

int container_start(struct container *c, struct error *err)
{
	int r = container_op_begin(c, "start", err);

	if (r < 0)
		return r;
	if (container_life(c).phase == CONTAINER_RUNNING) {
		container_op_end(c);
		return 1;
	}
	r = start(c, err);
	bool removed = r < 0 && c->auto_remove && container_remove_now(c, true, NULL) == 0;
	container_op_end(c);
	if (removed)
		container_remove_rest(c);
	return r;
}
