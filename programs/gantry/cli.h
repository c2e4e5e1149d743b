/* SPDX-License-Identifier: Apache-2.0 */
/* What the verbs of `gantry` share: the client, failures, and the commands themselves. */
#ifndef GANTRY_PROGRAMS_GANTRY_CLI_H
#define GANTRY_PROGRAMS_GANTRY_CLI_H

#include "lib/base/error.h"
#include "lib/base/options.h"
#include "programs/gantry/client.h"

#include <stddef.h>

struct json;

#define CLI_HOST_DEFAULT "unix:///run/gantry.sock"

/* The options before the command. */
struct globals {
	const char *host;
	bool version;
};

/* The client for a call: the context of command_main, which the first caller sets up. */
struct client *cli_client(const struct command_call *call);

/* Prints a failure to standard error and returns 1. */
int cli_fail(const struct error *err);
/* The same for run: "gantry: ...", how to get help, and 125, 126 or 127 by the words. */
int cli_fail_run(const struct command_call *call, const struct error *err);
/* "invalid argument "x" for "--name" flag: why" (sys_errno BAD_FLAG): printed by cli_refuse with the usage.
 */
#define BAD_FLAG EBADE
int cli_bad_flag(struct error *err, const struct option *table, const char *name, const char *value,
	const char *fmt, ...) __attribute__((format(printf, 5, 6)));
/* Any failure before the daemon was asked; a BAD_FLAG gives 125. */
int cli_refuse(const struct command_call *call, const struct error *err);
/* 126 and 127 by the daemon's words, else 125. */
int cli_exit_code(const char *message);

/* A failure of run and create before the daemon was asked: "gantry: ...", with the usage for a BAD_FLAG; 125.
 */
int cli_refuse_run(const struct command_call *call, const struct error *err);

/* "/containers/NAME/verb" with NAME encoded, but for the '/', ':' and '@' of images' names. */
void cli_target(struct str *target, const char *kind, const char *name, const char *verb);
/* POST of that with a query already in it, or any method; the answer is not read. */
int cli_do(struct client *c, const char *method, const struct str *target, struct error *err);

/* "--filter a=b" values as the JSON of the API into a query; nothing when there are none. */
int cli_add_filters(struct str *target, const struct command_call *call, const struct option_list *filters,
	struct error *err);

/* "since" and "until": what the API takes, seconds.nanoseconds, from what people write. */
int cli_add_when(struct str *target, const char *name, const char *text, struct error *err);

#define CLI_AT(type, member) offsetof(struct type, member)

extern const struct command attach_command, container_inspect_command, container_ls_command, create_command,
	events_command, exec_command, image_inspect_command, image_ls_command, image_rm_command,
	images_command, import_command, info_command, inspect_command, kill_command, load_command,
	logs_command, pause_command, plugin_ls_command, ps_command, rename_command, restart_command,
	rm_command, rmi_command, run_command, start_command, stop_command, tag_command, unpause_command,
	version_command, wait_command, top_command;
extern const struct command volume_create_command, volume_inspect_command, volume_ls_command,
	volume_prune_command, volume_rm_command, network_connect_command, network_create_command,
	network_disconnect_command, network_inspect_command, network_ls_command, network_prune_command,
	network_rm_command;

#endif
