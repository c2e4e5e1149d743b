/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The part of a verb in which a process's streams are ours: run, start -a, attach, exec.  One loop over
 * standard input, the stream and signals.  Signals are taken over from session_begin to session_end.
 */
#ifndef GANTRY_PROGRAMS_GANTRY_SESSION_H
#define GANTRY_PROGRAMS_GANTRY_SESSION_H

#include "lib/base/error.h"
#include "programs/gantry/frames.h"
#include "programs/gantry/terminal.h"

#include <signal.h>
#include <stdbool.h>

struct client;
struct http;
struct json;

#define SESSION_DETACHED 1
#define SESSION_PENDING  8192
#define SESSION_SIGNALS  8

struct session {
	/* The caller's. */
	struct client *client;
	const char *id;     /* of the container */
	const char *resize; /* target: "/containers/ID/resize"; NULL: no terminal */
	const char *detach_keys;
	bool tty, in, sig_proxy;
	/* Private. */
	struct http *stream;
	struct frames frames;
	struct keys keys;
	int signals; /* a pipe's end: the numbers of signals that came */
	struct sigaction before[SESSION_SIGNALS];
	bool begun, input_done;
	size_t pending_n, pending_at;
	char pending[SESSION_PENDING + KEYS_MAX];
};

/* Takes signals over and sends the request that hands the stream over (101). */
int session_begin(struct session *s, const char *target, const struct json *body, struct error *err);
/* Sets the terminal's size, then moves bytes until the stream ends.  0, SESSION_DETACHED, or an error. */
int session_run(struct session *s, struct error *err);
/* Undoes everything; safe to call twice and before session_begin. */
void session_end(struct session *s);

/* Sends the terminal's size to the process; grow: a size that is larger first, which makes programs redraw.
 */
void session_resize(struct session *s, bool grow);

/* Starts waiting for a container's end: gives the connection that will answer. */
int session_wait_begin(
	struct client *c, const char *id, const char *condition, struct http **ret, struct error *err);
/* The exit code that it answers. */
int session_wait_end(struct client *c, struct http *h, int *ret_status, struct error *err);

/* "the input device is not a TTY" */
int session_check_tty(bool in, bool tty, struct error *err);

#endif
