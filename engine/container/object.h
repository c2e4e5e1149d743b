/* SPDX-License-Identifier: Apache-2.0 */
/* A container as the files of this folder see it, and its row in the database. */
#ifndef GANTRY_ENGINE_CONTAINER_OBJECT_H
#define GANTRY_ENGINE_CONTAINER_OBJECT_H

#include "engine/container/container.h"
#include "engine/container/mounts.h"
#include "engine/engine.h"

#include <pthread.h>
#include <stdatomic.h>
#include <sys/types.h>

struct net_member;
struct shim;

/* What changes in a container's life; copied whole. */
struct container_life {
	enum container_phase phase;
	bool paused, oom_killed;
	bool drops_volumes; /* REMOVING: with its anonymous volumes */
	pid_t pid;
	uint64_t pid_start; /* field 22 of /proc/PID/stat */
	int exit_code;
	int64_t started_ns, finished_ns; /* 0: never */
	/* While it runs: what a start that never was released goes back to. */
	int prev_exit_code;
	int64_t prev_started_ns;
	char boot_id[37]; /* of the boot it was started in */
	char error[256];
};

struct container {
	struct engine *engine;
	struct containers *all;
	atomic_uint refs;
	/* Fixed at create. */
	char id[CONTAINER_ID_LEN + 1];
	int64_t created_ns;
	struct json *config, *host_config; /* as inspect shows them */
	char *image_id, *image_name;       /* "sha256:...", what was asked for */
	struct image *image;               /* held; NULL: it was removed by force */
	char *storage;                     /* driver's name in Docker's API */
	struct mount_points mounts;
	bool tty;
	atomic_bool auto_remove;    /* off while a restart is under way */
	struct net_member *net;     /* NULL: half-made */
	struct json *network_saved; /* of the row, until the network is loaded */

	pthread_mutex_t lock;
	pthread_cond_t op_done;
	/* Under the lock. */
	const char *op; /* "start", ...: somebody is at it; NULL */
	char *name;
	struct container_life life;
	struct shim *shim; /* while it runs */
	struct container_wait *waits;
	struct exec *execs; /* newest first */
	size_t n_execs;
	struct pending_attach *attaches; /* clients that came before the start */
	/* Under the table's lock. */
	struct container *next_id, *next_name;
};

/* ---- object.c ---- */
struct container *container_new(struct engine *engine, const char *id);
struct container_life container_life(struct container *c);

/* Waits until nobody is at the container and takes the turn; CONFLICT when it is being removed. */
int container_op_begin(struct container *c, const char *op, struct error *err);
void container_op_end(struct container *c);

/* The row: what the next gantryd needs.  save commits it (and is then true), with the life given, which
 * becomes the container's own on success. */
int container_save(struct container *c, const struct container_life *life, struct error *err);
int container_from_row(struct engine *engine, const char *id, const char *name, const char *body,
	struct container **ret, struct error *err);
int container_forget(struct container *c, struct error *err); /* the row goes */

/* Publishes an event of the container with Docker's attributes and one more (may be NULL). */
void container_event(struct container *c, const char *action, const char *key, const char *value);
void container_event_2(struct container *c, const char *action, const char *key1, const char *value1,
	const char *key2, const char *value2);

/* ---- table.c ---- */
int containers_add(struct containers *all, struct container *c,
	struct error *err); /* name taken: CONFLICT in Docker's words */
int containers_rename(
	struct containers *all, struct container *c, const char *name, struct error *err); /* likewise */
void containers_drop(struct containers *all, struct container *c);
/* Calls visit with a reference held, newest first; stops at the first that is not 0. */
int containers_each(struct containers *all, int (*visit)(struct container *c, void *ctx), void *ctx);

/* ---- wait.c ---- */
/* Tells those who wait for an exit, or a removal. */
void container_wait_tell(struct container *c, bool removed);

/* ---- files.c: data-root/containers/<id> ---- */
int container_files_make(struct container *c, struct error *err);
int container_files_open(const struct container *c, struct error *err); /* the folder's descriptor */
void container_files_remove(const struct container *c);
/* The path of a file in it, "" for the folder's own. */
#define CONTAINER_PATH_SIZE 4096
char *container_files_path(const struct container *c, const char *name, char buf[CONTAINER_PATH_SIZE]);

/* ---- network.c ---- */
struct json;
/* At create: what HostConfig, Config and the request's NetworkingConfig ask for. */
int container_network_prepare(
	struct container *c, const struct json *networking, struct json *warnings, struct error *err);
/* From the row; then of one that runs. */
int container_network_load(struct container *c, const struct json *saved, struct error *err);
int container_network_restore(struct container *c, struct error *err);
/* /proc/PID/ns/net of its first process. */
#define CONTAINER_NETNS_SIZE 40
char *container_network_path(pid_t pid, char buf[CONTAINER_NETNS_SIZE]);

/* ---- start.c ---- */
/* "/docker/<id>", or below HostConfig.CgroupParent. */
#define CONTAINER_CGROUP_PARENT "docker"
int container_cgroup_path(const struct container *c, char *buf, size_t size);
/* Kills what is left in the container's cgroup and removes it. */
void container_cgroup_remove(struct container *c);

/* ---- exit.c ---- */
struct shim;
struct proto_shim_event;
void container_on_event(void *arg, struct shim *shim, const struct proto_shim_event *event);
void container_on_died(void *arg, struct shim *shim);
/* What an exit leaves to be done, with the container's op: row, waiters, event, mounts, shim, AutoRemove. */
struct container_exit {
	int code;
	bool oom;
	int64_t time_ns;
	const char *error;
};
void container_ended(struct container *c, const struct container_exit *how);

/* ---- remove.c ---- */
/* With the op, of a container that does not run: its row says that it goes (volumes: with its anonymous
 * volumes), its name is free, who waits is told. An error leaves it as it was. */
int container_remove_now(struct container *c, bool volumes, struct error *err);
/* The rest of it, without the op, behind the answer; also at the next start. */
void container_remove_rest(struct container *c);

/* ---- control.c ---- */
/* A signal to what is paused takes effect when it goes on: so it does. */
void container_thaw_for_signal(struct container *c);

/* ---- exec.c ---- */
/* Of the container's shim: EXEC_STARTED, EXEC_EXIT. */
void container_exec_event(struct container *c, struct shim *shim, const struct proto_shim_event *event);
/* All of them are over, with the container. */
void container_execs_end(struct container *c);

/* ---- attach.c ---- */
/* Hands the clients that wait to the shim; those it does not take are closed. */
void container_attach_pending(struct container *c, struct shim *shim);
void container_attach_drop(struct container *c);

#endif
