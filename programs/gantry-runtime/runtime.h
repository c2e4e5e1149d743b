/* SPDX-License-Identifier: Apache-2.0 */
/* What the verbs of gantry-runtime share.  Each verb's run function is in the file of its name. */
#ifndef GANTRY_RUNTIME_RUNTIME_H
#define GANTRY_RUNTIME_RUNTIME_H

#include "lib/base/error.h"
#include "lib/base/options.h"
#include "lib/cgroup/cgroup.h"
#include "programs/gantry-runtime/state.h"
#include "runtime/compile/compile.h"

#include <stdbool.h>
#include <stdint.h>
#include <sys/types.h>

struct json;

/* Options of the program itself. */
struct globals {
	const char *root, *log, *log_format, *rootless;
	bool debug, systemd_cgroup, version;
};
/* Options of the verbs; the tables are in main.c. */
struct create_options {
	const char *bundle, *console_socket, *pid_file;
	bool no_pivot, no_new_keyring, no_subreaper;
	uint64_t preserve_fds;
};
struct run_options { /* create's come first: they share the table's head */
	struct create_options create;
	bool detach, keep;
};
struct delete_options {
	bool force;
};
struct kill_options {
	bool all;
};
struct ps_options {
	const char *format;
};
struct list_options {
	const char *format;
	bool quiet;
};
struct exec_options {
	const char *console_socket, *cwd, *user, *process, *pid_file, *apparmor, *label;
	struct option_list env, caps, groups;
	uint64_t preserve_fds;
	bool tty, detach, no_new_privs, ignore_paused;
};
struct spec_options {
	const char *bundle;
	bool rootless;
};

const struct globals *globals_of(const struct command_call *call);

/* Says what failed, to the log and to a person; returns the exit status. */
int report(const struct error *err);

/* ---- bundle.c ---- */
struct bundle {
	char *path; /* absolute */
	char *text; /* of config.json */
	struct json *config;
};
#define BUNDLE_INIT ((struct bundle){ .path = NULL })
int bundle_load(const char *dir, struct bundle *ret, struct error *err);
/* The configuration that a container was created with. */
int bundle_load_state(const struct state *st, struct bundle *ret, struct error *err);
void bundle_done(struct bundle *b);
/* Fills what every compilation needs; layout as cgroup_layout_discover found it. */
void bundle_compile_options(const struct bundle *b, const char *id, const struct cgroup_layout *layout,
	struct compile_options *ret);
/* True when the process is to have a terminal. */
bool bundle_wants_terminal(const struct bundle *b);

/* ---- create.c ---- */
/* A container that this program has made and whose first process is its child. */
struct created {
	struct state state;
	struct bundle bundle;
	struct compile_hooks hooks;
	struct cgroup_layout layout;
	int pidfd, console; /* console: the pty's master when nobody else got it, or -1 */
};
#define CREATED_INIT ((struct created){ .state = STATE_INIT, .pidfd = -1, .console = -1 })
/* keep_console: a terminal without console_socket is the caller's. */
int container_create(const struct globals *globals, const char *id, const struct create_options *options,
	bool keep_console, struct created *ret, struct error *err);
void created_done(struct created *c);
int create_run(const struct command_call *call);

/* ---- start.c ---- */
int container_start(struct state *st, const struct compile_hooks *hooks, struct error *err);
int start_run(const struct command_call *call);

/* ---- run.c ---- */
int run_run(const struct command_call *call);
/* Waits for a child of ours, forwarding signals to it and its terminal's bytes both ways (console -1: none).
 * Its exit status, 128 and the signal. */
int run_wait(pid_t pid, int pidfd, int console);

/* ---- exec.c ---- */
int exec_run(const struct command_call *call);

/* ---- delete.c ---- */
/* Kills what is left, runs poststop hooks, removes cgroup and folder. */
int container_delete(const struct globals *globals, struct state *st, bool force, struct error *err);
int delete_run(const struct command_call *call);

/* ---- kill.c, list.c, spec.c ---- */
int kill_run(const struct command_call *call);
int pause_run(const struct command_call *call);
int resume_run(const struct command_call *call);
int ps_run(const struct command_call *call);
int list_run(const struct command_call *call);
int state_run(const struct command_call *call);
int spec_run(const struct command_call *call);

/* ---- hooks.c ---- */
/* Runs hooks of a kind in this program's namespaces with the state on their standard input.  The first
 * failure is returned; with `all` the rest is run first. */
int hooks_run_kind(const struct compile_hooks *hooks, enum compile_hook_kind kind, const char *state,
	bool all, struct error *err);

/* ---- console.c ---- */
/* Hands a pty's master to who listens on the unix socket, as runc does: the name as data, the descriptor
 * beside. */
int console_send(const char *socket_path, int master, struct error *err);
int pid_file_write(const char *path, pid_t pid, struct error *err);

#endif
