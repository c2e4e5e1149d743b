/* SPDX-License-Identifier: Apache-2.0 */
/* state and list: what is known of containers, as runc prints it. */
#include "programs/gantry-runtime/runtime.h"

#include "lib/base/cleanup.h"
#include "lib/base/timefmt.h"
#include "lib/json/json.h"

#include <dirent.h>
#include <errno.h>
#include <pwd.h>
#include <stdio.h>
#include <string.h>

/* Compact text, printed again with two blanks a level. */
static int print_json(const struct str *text, struct error *err)
{
	auto_json struct json *doc = NULL;
	auto_str struct str pretty = STR_INIT(64u << 20);
	int r = json_parse(text->data, text->len, 0, &doc, err);

	if (r < 0)
		return r;
	r = json_print(doc, "  ", &pretty);
	if (r < 0)
		return error_sys(err, -r, "cannot print the state");
	puts(pretty.data);
	return 0;
}

int state_run(const struct command_call *call)
{
	struct state st = STATE_INIT;
	struct error err = ERROR_INIT;
	auto_str struct str text = STR_INIT(1u << 20);
	int r = state_open(globals_of(call)->root, call->options.args[0], false, &st, &err);

	if (r == 0) {
		r = state_json(&st, state_status(&st), true, &text);
		r = r < 0 ? error_sys(&err, -r, "cannot write the state") : print_json(&text, &err);
	}
	state_done(&st);
	return r < 0 ? report(&err) : 0;
}

static const char *owner(uint32_t uid, char buf[16])
{
	const struct passwd *pw = uid == 0 ? NULL : getpwuid(uid);

	if (uid == 0)
		return "root";
	if (pw)
		return pw->pw_name;
	snprintf(buf, 16, "#%u", uid);
	return buf;
}

static void print_row(const struct state *st, enum state_status status)
{
	char time[TIMEFMT_SIZE], user[16];

	printf("%-11s %-11d %-11s %-23s %-30s %s\n", st->id, status == STATE_STOPPED ? 0 : (int)st->pid,
		state_status_text(status), st->bundle ? st->bundle : "",
		timefmt_rfc3339nano(st->created, time), owner(st->uid, user));
}

/* Containers come and go meanwhile: one that is gone is left out. */
static int each(const char *root, const struct list_options *o, bool json, struct str *out)
{
	auto_free struct dirent **names = NULL;
	int n = scandir(root, &names, NULL, alphasort);
	bool first = true;

	for (int i = 0; i < n; i++) {
		struct state st = STATE_INIT;
		if (names[i]->d_name[0] != '.' && state_open(root, names[i]->d_name, false, &st, NULL) == 0 &&
			st.bundle) {
			enum state_status status = state_status(&st);
			if (o->quiet)
				puts(st.id);
			else if (!json)
				print_row(&st, status);
			else if (str_add(out, first ? "" : ",") == 0)
				state_json(&st, status, true, out);
			first = false;
		}
		state_done(&st);
		free(names[i]);
	}
	return n < 0 && errno != ENOENT ? -errno : 0;
}

int list_run(const struct command_call *call)
{
	const struct list_options *o = call->options.into;
	const char *root = globals_of(call)->root;
	auto_str struct str out = STR_INIT(64u << 20);
	struct error err = ERROR_INIT;
	bool json = strcmp(o->format, "json") == 0;

	if (!json && strcmp(o->format, "table") != 0) {
		error_invalid(&err, "--format '%s': use table or json", o->format);
		return report(&err);
	}
	if (json)
		str_add(&out, "[");
	else if (!o->quiet)
		printf("%-11s %-11s %-11s %-23s %-30s %s\n", "ID", "PID", "STATUS", "BUNDLE", "CREATED",
			"OWNER");
	int r = each(root, o, json, &out);
	if (r < 0) {
		error_sys(&err, -r, "cannot read the state folder '%s'", root);
		return report(&err);
	}
	if (json && !o->quiet && str_add(&out, "]") == 0)
		puts(out.data);
	return 0;
}
