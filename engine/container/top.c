/* SPDX-License-Identifier: Apache-2.0 */
/* GET /containers/{id}/top: what ps says of the container's processes (docker 28.5: daemon/top_unix.go). */
#include "engine/container/object.h"

#include "lib/base/cleanup.h"
#include "lib/base/clock.h"
#include "lib/base/spawn.h"
#include "lib/base/str.h"
#include "lib/cgroup/cgroup.h"
#include "lib/json/json.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define PIDS_MAX   4096
#define OUTPUT_MAX (8u << 20)
#define TIMEOUT_NS (20 * CLOCK_S)

/* "-o pid=x" and its like rename the column that lines are chosen by. */
static int check_args(const char *args, struct error *err)
{
	return strstr(args, "pid=")
		       ? error_set(err, ERROR_INTERNAL, EINVAL, "Couldn't find PID field in ps output")
		       : 0;
}

static int words_of(const char *args, char ***ret, struct error *err)
{
	auto_str_list char **words = NULL;
	int r = str_list_add(ret, "ps");

	if (r == 0)
		r = str_split(args, ' ', 0, &words);
	for (size_t i = 0; r == 0 && words && words[i]; i++)
		if (*words[i])
			r = str_list_add(ret, words[i]);
	return r < 0 ? error_sys(err, -r, "cannot start ps") : 0;
}

static int pids_of(struct container *c, pid_t **ret, size_t *ret_n, struct error *err)
{
	char path[CGROUP_PATH_MAX];
	struct cgroup cg = CGROUP_NONE;
	int r = container_cgroup_path(c, path, sizeof path);

	if (r < 0)
		return error_invalid(err, "the cgroup parent is too long");
	r = cgroup_open(&c->engine->cgroups, path, &cg, err);
	if (r < 0)
		return r;
	r = cgroup_pids(&cg, PIDS_MAX, ret, ret_n);
	cgroup_close(&cg);
	return r < 0 ? error_sys(err, -r, "cannot list the processes of container '%s'", c->id) : 0;
}

static bool has_pid(const pid_t *pids, size_t n, long pid)
{
	for (size_t i = 0; i < n; i++)
		if (pids[i] == pid)
			return true;
	return false;
}

/* Splits a line at spaces into at most n words; the last one has the rest. */
static size_t split(char *line, char **words, size_t n)
{
	size_t count = 0;

	for (char *p = line; count < n;) {
		p += strspn(p, " \t");
		if (!*p)
			break;
		words[count++] = p;
		if (count == n)
			break;
		p += strcspn(p, " \t");
		if (*p)
			*p++ = '\0';
	}
	return count;
}

#define COLUMNS_MAX 64

static int read_titles(char *line, struct json *doc, size_t *ret_n, size_t *ret_pid, struct error *err)
{
	char *words[COLUMNS_MAX];
	size_t n = split(line, words, COLUMNS_MAX);
	struct json *titles = json_set_array(doc, "Titles");

	*ret_n = n;
	*ret_pid = n;
	for (size_t i = 0; i < n; i++) {
		json_add_string(titles, words[i]);
		if (strcmp(words[i], "PID") == 0)
			*ret_pid = i;
	}
	return *ret_pid < n ? 0
			    : error_set(err, ERROR_INTERNAL, ENOENT, "Couldn't find PID field in ps output");
}

static int read_output(char *text, const pid_t *pids, size_t n_pids, struct json *doc, struct error *err)
{
	char *line = text, *next, *words[COLUMNS_MAX];
	size_t columns = 0, pid = 0;
	struct json *list = NULL;

	for (; line && *line; line = next) {
		next = strchr(line, '\n');
		if (next)
			*next++ = '\0';
		if (!list) {
			int r = read_titles(line, doc, &columns, &pid, err);
			if (r < 0)
				return r;
			list = json_set_array(doc, "Processes");
			continue;
		}
		size_t n = split(line, words, columns);
		if (n <= pid || !has_pid(pids, n_pids, strtol(words[pid], NULL, 10)))
			continue;
		struct json *row = json_add_array(list);
		for (size_t i = 0; i < n; i++)
			json_add_string(row, words[i]);
	}
	return list ? 0 : error_set(err, ERROR_INTERNAL, EIO, "ps printed nothing");
}

/* The last words of ps: "error: ..." and usage. */
static int tell_failure(const char *text, struct error *err)
{
	return error_invalid(err, "ps: %.*s", (int)strcspn(text, "\n"), text);
}

static int run_ps(const char *args, char **ret, struct error *err)
{
	static const char *const env[] = { "PATH=/usr/sbin:/usr/bin:/sbin:/bin", "LC_ALL=C", NULL };
	auto_str_list char **argv = NULL;
	struct spawn what = SPAWN_INIT;
	struct spawn_capture io = {
		.out_max = OUTPUT_MAX, .err_max = 4096, .deadline_ns = clock_mono_ns() + TIMEOUT_NS
	};
	int r = words_of(args, &argv, err);

	if (r < 0)
		return r;
	what.path = "/bin/ps";
	what.argv = (const char *const *)argv;
	what.env = env;
	r = spawn_capture(&what, &io, err);
	if (r < 0)
		return error_prefix(err, r, "ps (package procps)");
	if (io.timed_out)
		r = error_set(err, ERROR_TIMEOUT, ETIMEDOUT, "ps does not end");
	else if (io.status != 0)
		r = tell_failure(io.err, err);
	else
		*ret = take_ptr(io.out);
	spawn_capture_done(&io);
	return r;
}

static int list(struct container *c, const char *args, struct json *doc, struct error *err)
{
	auto_free char *text = NULL;
	auto_free pid_t *pids = NULL;
	size_t n = 0;
	int r = run_ps(args, &text, err);

	if (r == 0)
		r = pids_of(c, &pids, &n, err);
	return r == 0 ? read_output(text, pids, n, doc, err) : r;
}

int container_top(struct container *c, const char *args, struct json **ret, struct error *err)
{
	struct json *doc;
	int r = check_args(args, err);

	if (r < 0)
		return r;
	if (container_life(c).phase != CONTAINER_RUNNING)
		return error_set(err, ERROR_CONFLICT, ESRCH, "container %s is not running", c->id);
	doc = json_new_object();
	r = list(c, *args ? args : "-ef", doc, err);
	if (r < 0)
		json_free(doc);
	else
		*ret = doc;
	return r;
}
