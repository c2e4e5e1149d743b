/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The state folder of a container, <root>/<id>: state.json, config.json as it was at create, and start.sock
 * while the first process is parked.  The folder is the container: mkdir(2) claims the id, and it is locked
 * (flock) while a verb changes the container.
 */
#ifndef GANTRY_RUNTIME_STATE_H
#define GANTRY_RUNTIME_STATE_H

#include "lib/base/error.h"
#include "lib/base/str.h"

#include <stdbool.h>
#include <stdint.h>
#include <sys/types.h>

#define STATE_ROOT_DEFAULT "/run/gantry-runtime"
#define STATE_ID_MAX       255

enum state_status { STATE_CREATING, STATE_CREATED, STATE_RUNNING, STATE_PAUSED, STATE_STOPPED };

struct state {
	int dir; /* the folder */
	char id[STATE_ID_MAX + 1];
	pid_t pid;           /* 0: not yet */
	uint64_t start_time; /* of pid: field 22 of /proc/PID/stat; a pid alone may be another process by now
			      */
	int64_t created;     /* ns since the epoch */
	char *bundle;
	char *rootfs;
	char *cgroup_path; /* NULL: none */
	char *annotations; /* JSON text of an object, or NULL */
	uint32_t uid;      /* who created it */
};
#define STATE_INIT ((struct state){ .dir = -1 })

void state_done(struct state *st);

/* Letters, digits, "_+-." and not "." or "..": as runc. */
int state_check_id(const char *id, struct error *err);

/* Claims the id: makes and locks the folder.  Kind CONFLICT when it is there. */
int state_create(const char *root, const char *id, struct state *ret, struct error *err);

/* Opens, locks (lock) and reads; kind NOT_FOUND. */
int state_open(const char *root, const char *id, bool lock, struct state *ret, struct error *err);

/* Lets other verbs at the container again. */
void state_unlock(struct state *st);

/* Writes state.json. */
int state_save(const struct state *st, struct error *err);

/* Removes the folder with all in it. */
int state_remove(const char *root, struct state *st, struct error *err);

enum state_status state_status(const struct state *st);
const char *state_status_text(enum state_status status);

/* True while pid is the process that was started. */
bool state_alive(const struct state *st);

/* A pidfd of the process; -ESRCH when it has ended. */
int state_pidfd(const struct state *st);

/* Field 22 of /proc/PID/stat, or 0. */
uint64_t state_start_time(pid_t pid);

/* The OCI state (runtime.md), with runc's further members when `listing`. */
int state_json(const struct state *st, enum state_status status, bool listing, struct str *ret);

/* start.sock: the listening side, and a connection to it (-ECONNREFUSED: nobody is parked there). */
int state_listen(const struct state *st, struct error *err);
int state_connect(const struct state *st);

#endif
