/* SPDX-License-Identifier: Apache-2.0 */
#include "tests/support/hoststate_collect.h"

#include "lib/base/cleanup.h"
#include "lib/base/fd.h"
#include "lib/base/path.h"
#include "tests/support/cgrouptree.h"
#include "tests/support/command.h"
#include "tests/support/world.h"

#include <ctype.h>
#include <dirent.h>
#include <fcntl.h>
#include <fts.h>
#include <limits.h>
#include <linux/dm-ioctl.h>
#include <net/if.h>
#include <stdio.h>
#include <string.h>
#include <sys/ioctl.h>
#include <sys/stat.h>

#define OURS "gantry" /* what the names of our programs begin with */

/* Calls visit for each name in a folder; a folder that cannot be read has none. */
static int each_name(const char *folder, int (*visit)(const char *name, void *ctx), void *ctx)
{
	DIR *dir = opendir(folder);
	struct dirent *entry;
	int r = 0;

	if (!dir)
		return 0;
	while (r == 0 && (entry = readdir(dir)))
		if (strcmp(entry->d_name, ".") != 0 && strcmp(entry->d_name, "..") != 0)
			r = visit(entry->d_name, ctx);
	closedir(dir);
	return r;
}

static void read_line(const char *path, char *buf, size_t size)
{
	auto_close int fd = open(path, O_RDONLY | O_CLOEXEC);
	ssize_t n = fd < 0 ? 0 : fd_read_full(fd, buf, size - 1);

	buf[n > 0 ? n : 0] = '\0';
	buf[strcspn(buf, "\n")] = '\0';
}

/* The ids of mountinfo's first three fields change from one mount to the next, and say nothing. */
static int collect_mounts(struct hoststate *state)
{
	auto_free char *table = NULL;
	char *save = NULL;
	int r = 0;

	if (fd_read_file(AT_FDCWD, "/proc/self/mountinfo", 64 << 20, &table, NULL) < 0)
		return 0;
	for (char *line = strtok_r(table, "\n", &save); line && r == 0; line = strtok_r(NULL, "\n", &save)) {
		for (int field = 0; field < 3; field++)
			line += strcspn(line, " ") + 1;
		r = hoststate_add(state, "mount %s", line);
	}
	return r;
}

static int collect_links(struct hoststate *state)
{
	struct if_nameindex *links = if_nameindex();
	int r = 0;

	for (size_t i = 0; links && links[i].if_index && r == 0; i++)
		r = hoststate_add(state, "link %s", links[i].if_name);
	if (links)
		if_freenameindex(links);
	return r;
}

static bool has_line(const struct hoststate *state, size_t from, const char *line)
{
	for (size_t i = from; i < state->n; i++)
		if (strcmp(state->lines[i], line) == 0)
			return true;
	return false;
}

struct scan {
	struct hoststate *state;
	size_t from; /* of the lines of this collector */
};

static int add_netns(const char *pid, void *ctx)
{
	struct scan *scan = ctx;
	char path[PATH_MAX], target[64], line[80];

	if (!isdigit((unsigned char)pid[0]) || path_format(path, sizeof path, "/proc/%s/ns/net", pid) < 0)
		return 0;
	ssize_t n = readlink(path, target, sizeof target - 1);
	if (n < 0)
		return 0;
	target[n] = '\0';
	snprintf(line, sizeof line, "netns %s", target);
	return has_line(scan->state, scan->from, line) ? 0 : hoststate_add(scan->state, "%s", line);
}

static int collect_netns(struct hoststate *state)
{
	struct scan scan = { state, state->n };

	return each_name("/proc", add_netns, &scan);
}

/* The folder of another world than the caller's. */
static bool is_foreign(const FTSENT *entry, const char *world)
{
	return world && entry->fts_level == 1 &&
	       strncmp(entry->fts_name, WORLD_CGROUP_PREFIX, strlen(WORLD_CGROUP_PREFIX)) == 0 &&
	       strcmp(entry->fts_name, world) != 0;
}

/* Adds "KIND PATH" for what lies below a folder on the same file system, the folder itself not. */
static int add_tree(
	struct hoststate *state, const char *kind, const char *root, bool folders_only, const char *world)
{
	char *const roots[] = { (char *)root, NULL };
	FTS *fts = fts_open(roots, FTS_PHYSICAL | FTS_XDEV | FTS_NOCHDIR, NULL);
	FTSENT *entry;
	int r = 0;

	while (fts && r == 0 && (entry = fts_read(fts))) {
		bool folder = entry->fts_info == FTS_D;

		if (entry->fts_level == 0 || entry->fts_info == FTS_DP || (folders_only && !folder))
			continue;
		if (is_foreign(entry, world)) {
			fts_set(fts, entry, FTS_SKIP);
			continue;
		}
		r = hoststate_add(
			state, "%s %s%s", kind, entry->fts_path, folder && !folders_only ? "/" : "");
	}
	if (fts)
		fts_close(fts);
	return r;
}

struct cgroups {
	struct hoststate *state;
	const char *world;
};

static int add_hierarchy(const char *mountpoint, bool v2, void *ctx)
{
	struct cgroups *cgroups = ctx;

	(void)v2;
	return add_tree(cgroups->state, "cgroup", mountpoint, true, cgroups->world);
}

static int collect_cgroups(struct hoststate *state, const struct hoststate_scope *scope)
{
	return cgrouptree_each(add_hierarchy, &(struct cgroups){ state, scope->world }, NULL);
}

/* Lines of a tool's output as they are, without what counts down in them. */
static int add_output(struct hoststate *state, const char *kind, const char *const argv[])
{
	struct command_result result;
	char *save = NULL, *expires;
	int r = 0;

	if (command_run(argv, &result, NULL) < 0)
		return 0;
	for (char *line = strtok_r(result.out, "\n", &save); result.code == 0 && line && r == 0;
		line = strtok_r(NULL, "\n", &save)) {
		if ((expires = strstr(line, " expires ")))
			*expires = '\0';
		r = hoststate_add(state, "%s %s", kind, line);
	}
	command_done(&result);
	return r;
}

static int collect_routes(struct hoststate *state)
{
	int r = add_output(
		state, "route", (const char *[]){ "ip", "-4", "route", "show", "table", "all", NULL });

	if (r == 0)
		r = add_output(state, "route",
			(const char *[]){ "ip", "-6", "route", "show", "table", "all", NULL });
	if (r == 0)
		r = add_output(state, "rule", (const char *[]){ "ip", "rule", NULL });
	return r;
}

/* nft nests: a line is told with the table and the chain that it stands in, so that equal lines stay apart.
 */
static int collect_nft(struct hoststate *state)
{
	struct command_result result;
	const char *context[8] = { "", "" };
	char *save = NULL;
	size_t depth = 0;
	int r = 0;

	if (command_run((const char *[]){ "nft", "-s", "list", "ruleset", NULL }, &result, NULL) < 0)
		return 0;
	for (char *line = strtok_r(result.out, "\n", &save); result.code == 0 && line && r == 0;
		line = strtok_r(NULL, "\n", &save)) {
		size_t n = strlen(line);

		line += strspn(line, "\t ");
		if (strcmp(line, "}") == 0) {
			depth -= depth > 0;
			continue;
		}
		r = hoststate_add(
			state, "nft %s%s%s", depth > 0 ? context[0] : "", depth > 1 ? context[1] : "", line);
		if (n > 0 && line[strlen(line) - 1] == '{' && depth < 8)
			context[depth++] = line;
	}
	command_done(&result);
	return r;
}

static int add_loop_device(const char *name, void *ctx)
{
	char path[PATH_MAX], text[PATH_MAX];

	if (path_format(path, sizeof path, "/sys/block/%s/loop/backing_file", name) == 0 &&
		access(path, F_OK) == 0) {
		read_line(path, text, sizeof text);
		return hoststate_add(ctx, "loop %s %s", name, text);
	}
	return 0;
}

/* Asked of Device Mapper itself: a device without a table is in no folder of /sys. */
static int collect_dm(struct hoststate *state)
{
	enum { SIZE = 1 << 20 };
	auto_close int control = open("/dev/mapper/control", O_RDWR | O_CLOEXEC);
	auto_free struct dm_ioctl *request = calloc(1, SIZE);
	int r = 0;

	if (!request)
		return -ENOMEM;
	*request = (struct dm_ioctl){ .version = { DM_VERSION_MAJOR, 0, 0 }, .data_size = SIZE };
	request->data_start = sizeof *request;
	if (control < 0 || ioctl(control, DM_LIST_DEVICES, request) < 0)
		return 0;
	const struct dm_name_list *device = (const void *)((const char *)request + request->data_start);
	while (r == 0 && device->dev) {
		r = hoststate_add(state, "dm %s", device->name);
		if (device->next == 0)
			break;
		device = (const void *)((const char *)device + device->next);
	}
	return r;
}

struct process {
	struct hoststate *state;
	const char *pid;
	char name[256], folder[PATH_MAX];
};

/* Numbers in the names of sockets and pipes are new each time: "socket:[4711]". */
static int add_descriptor(const char *number, void *ctx)
{
	struct process *process = ctx;
	char path[PATH_MAX + 300], target[PATH_MAX];

	snprintf(path, sizeof path, "%s/%s", process->folder, number);
	ssize_t n = readlink(path, target, sizeof target - 1);
	if (n < 0)
		return 0;
	target[n] = '\0';
	if (strncmp(target, "socket:", 7) == 0 || strncmp(target, "pipe:", 5) == 0)
		target[strcspn(target, "[")] = '\0';
	return hoststate_add(process->state, "descriptor %s %s %s", process->name, process->pid, target);
}

static int add_thread(const char *tid, void *ctx)
{
	struct process *process = ctx;

	if (strcmp(tid, process->pid) == 0)
		return 0;
	return hoststate_add(process->state, "thread %s %s", process->name, process->pid);
}

/* A program is ours by the name of its file or by the name it gave itself. */
static bool name_if_ours(const char *pid, char *buf, size_t size)
{
	char path[64], target[PATH_MAX];

	snprintf(path, sizeof path, "/proc/%.20s/exe", pid);
	ssize_t n = readlink(path, target, sizeof target - 1);
	target[n > 0 ? n : 0] = '\0';
	if (strncmp(path_base(target), OURS, strlen(OURS)) == 0)
		return path_format(buf, size, "%s", path_base(target)) == 0;
	snprintf(path, sizeof path, "/proc/%.20s/comm", pid);
	read_line(path, buf, size);
	return strncmp(buf, OURS, strlen(OURS)) == 0;
}

static int add_process(const char *pid, void *ctx)
{
	struct process process = { .state = ctx, .pid = pid };

	if (!isdigit((unsigned char)pid[0]) || !name_if_ours(pid, process.name, sizeof process.name))
		return 0;
	int r = hoststate_add(process.state, "process %s %s", process.name, pid);
	if (r == 0 && path_format(process.folder, sizeof process.folder, "/proc/%s/fd", pid) == 0)
		r = each_name(process.folder, add_descriptor, &process);
	if (r == 0 && path_format(process.folder, sizeof process.folder, "/proc/%s/task", pid) == 0)
		r = each_name(process.folder, add_thread, &process);
	return r;
}

int hoststate_collect(struct hoststate *state, const struct hoststate_scope *scope)
{
	int r = collect_mounts(state);

	if (r == 0)
		r = collect_links(state);
	if (r == 0)
		r = collect_netns(state);
	if (r == 0)
		r = collect_cgroups(state, scope);
	if (r == 0)
		r = collect_nft(state);
	if (r == 0)
		r = collect_routes(state);
	if (r == 0)
		r = each_name("/sys/block", add_loop_device, state);
	if (r == 0)
		r = collect_dm(state);
	if (r == 0)
		r = each_name("/proc", add_process, state);
	for (size_t i = 0; scope->roots && scope->roots[i] && r == 0; i++)
		r = add_tree(state, "file", scope->roots[i], false, NULL);
	return r;
}
