/* SPDX-License-Identifier: Apache-2.0 */
#include "tests/support/cgrouptree.h"

#include "lib/base/cleanup.h"
#include "lib/base/clock.h"
#include "lib/base/fd.h"
#include "lib/base/path.h"

#include <dirent.h>
#include <fcntl.h>
#include <limits.h>
#include <signal.h>
#include <stdio.h>
#include <string.h>
#include <sys/stat.h>

#define MOUNTINFO_MAX   (16 << 20)
#define REMOVE_WITHIN   (10 * CLOCK_S)
#define HIERARCHIES_MAX 32

/* mountinfo: "ID PARENT MAJ:MIN ROOT MOUNTPOINT OPTIONS [TAGS] - TYPE SOURCE SUPER", proc(5). */
static bool parse_mount(char *line, char **mountpoint, char **type)
{
	char *save = NULL, *tail = strstr(line, " - ");
	int n = 0;

	if (!tail)
		return false;
	*type = tail + 3;
	tail[0] = '\0';
	(*type)[strcspn(*type, " ")] = '\0';
	for (char *word = strtok_r(line, " ", &save); word; word = strtok_r(NULL, " ", &save))
		if (++n == 5)
			*mountpoint = word;
	return n >= 5;
}

static bool has_seen(char *const *seen, size_t n, const char *mountpoint)
{
	for (size_t i = 0; i < n; i++)
		if (strcmp(seen[i], mountpoint) == 0)
			return true;
	return false;
}

int cgrouptree_each(int (*visit)(const char *mountpoint, bool v2, void *ctx), void *ctx, struct error *err)
{
	auto_free char *table = NULL;
	char *save = NULL, *mountpoint = NULL, *type = NULL, *seen[HIERARCHIES_MAX];
	size_t nseen = 0;
	int r = fd_read_file(AT_FDCWD, "/proc/self/mountinfo", MOUNTINFO_MAX, &table, NULL);

	if (r < 0)
		return error_sys(err, -r, "cannot read '/proc/self/mountinfo'");
	for (char *line = strtok_r(table, "\n", &save); line && r >= 0; line = strtok_r(NULL, "\n", &save)) {
		if (!parse_mount(line, &mountpoint, &type) || strncmp(type, "cgroup", 6) != 0)
			continue;
		/* in a world each is there twice: the fresh /sys covers the first */
		if (strncmp(mountpoint, "/sys/fs/cgroup", 14) != 0 || has_seen(seen, nseen, mountpoint))
			continue;
		if (nseen < HIERARCHIES_MAX)
			seen[nseen++] = mountpoint;
		r = visit(mountpoint, strcmp(type, "cgroup2") == 0, ctx);
	}
	return r < 0 ? r : 0;
}

/* A new v1 cpuset is empty and takes no process: it gets what its parent has, and its children get what it
 * has. */
static void fill_cpuset(const char *parent, const char *folder)
{
	static const char *const files[] = { "cpuset.cpus", "cpuset.mems" };
	char path[PATH_MAX];

	for (size_t i = 0; i < 2; i++) {
		auto_free char *value = NULL;

		if (path_format(path, sizeof path, "%s/%s", parent, files[i]) == 0 &&
			fd_read_file(AT_FDCWD, path, 4096, &value, NULL) == 0 &&
			path_format(path, sizeof path, "%s/%s", folder, files[i]) == 0)
			fd_write_file(AT_FDCWD, path, value);
	}
	if (path_format(path, sizeof path, "%s/cgroup.clone_children", folder) == 0)
		fd_write_file(AT_FDCWD, path, "1");
}

/* Controllers that the kernel refuses to pass down (a parent with processes, say) stay out. */
static void pass_down_controllers(const char *folder)
{
	auto_free char *list = NULL;
	char path[PATH_MAX], word[64], *save = NULL;

	if (path_format(path, sizeof path, "%s/cgroup.controllers", folder) < 0 ||
		fd_read_file(AT_FDCWD, path, 4096, &list, NULL) < 0 ||
		path_format(path, sizeof path, "%s/cgroup.subtree_control", folder) < 0)
		return;
	for (char *name = strtok_r(list, " \n", &save); name; name = strtok_r(NULL, " \n", &save)) {
		snprintf(word, sizeof word, "+%s", name);
		fd_write_file(AT_FDCWD, path, word);
	}
}

struct making {
	const char *name;
	struct error *err;
};

static int make_one(const char *mountpoint, bool v2, void *ctx)
{
	struct making *making = ctx;
	char path[PATH_MAX];
	int r = path_format(path, sizeof path, "%s/%s", mountpoint, making->name);

	if (r < 0)
		return error_sys(making->err, -r, "the path of a cgroup is too long");
	if (v2)
		pass_down_controllers(mountpoint);
	if (mkdir(path, 0755) < 0 && errno != EEXIST)
		return error_sys(making->err, errno, "cannot make the cgroup '%s'", path);
	if (v2)
		pass_down_controllers(path);
	else if (strstr(mountpoint, "cpuset"))
		fill_cpuset(mountpoint, path);
	return 0;
}

int cgrouptree_make_all(const char *name, struct error *err)
{
	struct making making = { name, err };

	return cgrouptree_each(make_one, &making, err);
}

static void kill_members(const char *folder)
{
	auto_free char *list = NULL;
	char path[PATH_MAX];

	if (path_format(path, sizeof path, "%s/cgroup.procs", folder) < 0 ||
		fd_read_file(AT_FDCWD, path, 1 << 20, &list, NULL) < 0)
		return;
	for (char *p = list, *end; *p; p = end) {
		long pid = strtol(p, &end, 10);

		if (end == p)
			break;
		if (pid > 1 && pid != getpid())
			kill((pid_t)pid, SIGKILL);
		while (*end == '\n')
			end++;
	}
}

/* Frozen processes do not die of SIGKILL on v1. */
static void thaw(const char *folder)
{
	char path[PATH_MAX];

	if (path_format(path, sizeof path, "%s/freezer.state", folder) == 0)
		fd_write_file(AT_FDCWD, path, "THAWED");
	if (path_format(path, sizeof path, "%s/cgroup.freeze", folder) == 0)
		fd_write_file(AT_FDCWD, path, "0");
}

/* One pass from the leaves up; -EBUSY while processes are still ending. */
static int remove_tree(const char *folder)
{
	DIR *dir = opendir(folder);
	struct dirent *entry;
	char path[PATH_MAX];
	int r = 0;

	if (!dir)
		return errno == ENOENT ? 0 : -errno;
	thaw(folder);
	kill_members(folder);
	while ((entry = readdir(dir))) {
		if (entry->d_type != DT_DIR || entry->d_name[0] == '.')
			continue;
		int below = path_format(path, sizeof path, "%s/%s", folder, entry->d_name);

		if (below == 0)
			below = remove_tree(path);
		if (below < 0)
			r = below;
	}
	closedir(dir);
	if (r == 0 && rmdir(folder) < 0 && errno != ENOENT)
		r = -errno;
	return r;
}

struct removing {
	const char *name;
	struct error *err;
	int first;
};

static int remove_one(const char *mountpoint, bool v2, void *ctx)
{
	struct removing *removing = ctx;
	int64_t deadline = clock_mono_ns() + REMOVE_WITHIN;
	char path[PATH_MAX];
	int r = path_format(path, sizeof path, "%s/%s", mountpoint, removing->name);

	(void)v2;
	while (r == 0 && (r = remove_tree(path)) == -EBUSY && clock_mono_ns() < deadline) {
		usleep(1000);
		r = 0;
	}
	if (r < 0 && removing->first == 0)
		removing->first = error_sys(removing->err, -r, "cannot remove the cgroup '%s'", path);
	return 0;
}

int cgrouptree_remove_all(const char *name, struct error *err)
{
	struct removing removing = { name, err, 0 };
	int r = cgrouptree_each(remove_one, &removing, err);

	return removing.first < 0 ? removing.first : r;
}
