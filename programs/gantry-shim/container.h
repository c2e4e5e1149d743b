/* SPDX-License-Identifier: Apache-2.0 */
/* The container of a supervising shim: its process, streams, log and cgroup. */
#ifndef GANTRY_SHIM_CONTAINER_H
#define GANTRY_SHIM_CONTAINER_H

#include "lib/logfile/logfile.h"
#include "programs/gantry-shim/clients.h"
#include "programs/gantry-shim/parts.h"

#include <stdbool.h>

#define INPUT_MAX PROTO_PENDING_MAX

struct container {
	struct request *request;
	struct launch_result made;
	int park;   /* our end of the socket that lets the process go; -1 afterwards */
	int netns;  /* -1: it has none of its own */
	int in;     /* what the container reads: a pipe's end, or the terminal; -1: nothing */
	int out[2]; /* what it writes, by stream - 1; of a terminal the first alone; -1: ended */
	uint64_t start_time;
	struct logfile log;                     /* fd -1: none */
	char input[INPUT_MAX + PROTO_KEYS_MAX]; /* from clients, not yet taken */
	size_t input_at, input_n;
	bool input_ends; /* closed when that is written */
};

/* Builds the container, with its process parked.  0, or -errno with err. */
int container_create(struct container *c, struct request *request, struct launch_error *err);

/* 0 when the program runs; -errno and err when it could not be executed: it has ended. */
int container_release(struct container *c, struct launch_error *err);

/* Reads what a stream (0, 1) says into the log and to the clients, once.  False: nothing more now. */
bool container_read(struct container *c, unsigned stream, struct clients *clients);
/* All of it, after the end. */
void container_drain(struct container *c, struct clients *clients);

/* Writes what waits to the container's input. */
void container_write(struct container *c);
/* Reads from a client, if there is room. */
void container_take_input(struct container *c, struct client *client, bool *ret_detached);

/* 0 or -errno. */
int container_signal(struct container *c, int sig);
int container_resize(struct container *c, unsigned rows, unsigned cols);
/* All of its processes. */
void container_kill(struct container *c);

/* Reaps the process, which has ended or is about to: its status as waitpid's. */
int container_reap(struct container *c, bool *ret_oom);
/* Ends the log and closes the streams. */
void container_close_streams(struct container *c);
/* Removes the cgroup, closes what is held. */
void container_release_all(struct container *c);

#endif
