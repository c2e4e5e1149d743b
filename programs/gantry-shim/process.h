/* SPDX-License-Identifier: Apache-2.0 */
/* A process of the container that this shim is the parent of: its streams, and the clients of these. */
#ifndef GANTRY_SHIM_PROCESS_H
#define GANTRY_SHIM_PROCESS_H

#include "lib/logfile/logfile.h"
#include "programs/gantry-shim/clients.h"

#include <stdbool.h>
#include <sys/types.h>

#define INPUT_MAX PROTO_PENDING_MAX

struct process {
	pid_t pid;
	int pidfd;             /* -1: it has been reaped */
	int console;           /* the terminal's master, or -1 */
	int in;                /* what it reads: a pipe's end, or the terminal; -1: nothing */
	int out[2];            /* what it writes, by stream - 1; of a terminal the first alone; -1: ended */
	bool ends_with_client; /* its input ends with the first client's */
	struct logfile *log;   /* NULL: none */
	struct clients clients;
	char *input; /* INPUT_MAX and room for detach keys; from clients, not yet taken; made with the first
			byte */
	size_t input_at, input_n;
	bool input_ends; /* closed when that is written */
};

#define PROCESS_NONE ((struct process){ .pidfd = -1, .console = -1, .in = -1, .out = { -1, -1 } })

/* Makes pipes (unless with_tty): ours in p, the process's in stdio. 0 or -errno; what was made is closed by
 * process_close and process_close_stdio. */
int process_make_pipes(struct process *p, bool with_tty, bool with_stdin, int stdio[3]);
void process_close_stdio(int stdio[3]);
void process_take_console(struct process *p, int console);

/* Reads what a stream (0, 1) says into the log and to the clients, once.  False: nothing more now. */
bool process_read(struct process *p, unsigned stream);
/* All of it, after the end. */
void process_drain(struct process *p);

/* Writes what waits to the input. */
void process_write(struct process *p);
/* Input that a client sent before it was handed over.  False: there is no room. */
bool process_put_input(struct process *p, const void *data, size_t n);
/* Reads from a client, if there is room. */
void process_take_input(struct process *p, struct client *client, bool *ret_detached);

/* 0 or -errno. */
int process_signal(const struct process *p, int sig);
int process_resize(const struct process *p, unsigned rows, unsigned cols);
/* Its status as waitpid's; it has ended or is about to. */
int process_reap(struct process *p);
/* Closes its streams; clients get the rest. */
void process_close(struct process *p);

#endif
