/* SPDX-License-Identifier: Apache-2.0 */
#include "engine/container/host_devices.h"

#include "lib/base/path.h"
#include "lib/base/str.h"
#include "lib/json/json.h"

#include <dirent.h>
#include <errno.h>
#include <limits.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/sysmacros.h>

#define DEPTH_MAX 8

struct walk {
	struct json *devices, *rules; /* rules: NULL: they are all allowed already */
	const char *access;
	struct error *err;
};

static bool is_device(const struct stat *st)
{
	return S_ISCHR(st->st_mode) || S_ISBLK(st->st_mode);
}

static int add(struct walk *w, const struct stat *st, const char *path)
{
	const char *type = S_ISBLK(st->st_mode) ? "b" : "c";
	struct json *d, *rule;

	if (json_count(w->devices) >= HOST_DEVICES_MAX)
		return error_invalid(w->err, "more than %d devices", HOST_DEVICES_MAX);
	d = json_add_object(w->devices);
	json_set_string(d, "path", path);
	json_set_string(d, "type", type);
	json_set_uint(d, "major", major(st->st_rdev));
	json_set_uint(d, "minor", minor(st->st_rdev));
	json_set_uint(d, "fileMode", st->st_mode & 07777);
	json_set_uint(d, "uid", st->st_uid);
	json_set_uint(d, "gid", st->st_gid);
	if (!w->rules)
		return 0;
	rule = json_add_object(w->rules);
	json_set_bool(rule, "allow", true);
	json_set_string(rule, "type", type);
	json_set_uint(rule, "major", major(st->st_rdev));
	json_set_uint(rule, "minor", minor(st->st_rdev));
	json_set_string(rule, "access", w->access);
	return 0;
}

/* What a container has of its own, or what is no device of the machine. */
static bool is_skipped(const char *name)
{
	static const char *const names[] = { ".", "..", "pts", "shm", "fd", "mqueue", "console", ".lxc",
		".lxd-mounts", ".udev" };

	for (size_t i = 0; i < sizeof names / sizeof names[0]; i++)
		if (strcmp(name, names[i]) == 0)
			return true;
	return false;
}

/* Symbolic links are passed over, as their targets are found themselves. */
static int add_folder(struct walk *w, const char *host, const char *path, unsigned depth)
{
	char from[PATH_MAX], to[PATH_MAX];
	DIR *d = opendir(host);
	struct dirent *e;
	struct stat st;
	int r = 0;

	if (!d)
		return error_sys(w->err, errno, "cannot list the devices in '%s'", host);
	while (r == 0 && (e = readdir(d))) {
		if (is_skipped(e->d_name) || path_format(from, sizeof from, "%s/%s", host, e->d_name) < 0 ||
			path_format(to, sizeof to, "%s/%s", path, e->d_name) < 0 || lstat(from, &st) < 0)
			continue;
		if (is_device(&st))
			r = add(w, &st, to);
		else if (S_ISDIR(st.st_mode) && depth < DEPTH_MAX)
			r = add_folder(w, from, to, depth + 1);
	}
	closedir(d);
	return r;
}

int host_devices_add(struct json *devices, struct json *rules, const char *host, const char *path,
	const char *access, struct error *err)
{
	struct walk w = { .devices = devices, .rules = rules, .access = access, .err = err };
	struct stat st;

	if (stat(host, &st) < 0)
		return error_invalid(err,
			"error gathering device information while adding custom device \"%s\": %s", host,
			errno == ENOENT ? "no such file or directory" : strerror(errno));
	if (is_device(&st))
		return add(&w, &st, path);
	if (S_ISDIR(st.st_mode))
		return add_folder(&w, host, path, 0);
	return error_invalid(err,
		"error gathering device information while adding custom device \"%s\": not a device node",
		host);
}

int host_devices_add_all(struct json *devices, struct error *err)
{
	struct walk w = { .devices = devices, .err = err };

	return add_folder(&w, "/dev", "/dev", 0);
}

/* ---- rules --------------------------------------------------------------------------------- */
/* "*" is all: -1. */
static int read_number(const char *text, size_t n, int64_t *ret)
{
	char copy[16];

	if (n == 1 && *text == '*') {
		*ret = -1;
		return 0;
	}
	if (path_format(copy, sizeof copy, "%.*s", (int)n, text) < 0)
		return -EINVAL;
	return str_to_i64(copy, 0, UINT32_MAX, ret);
}

int host_devices_add_rule(struct json *rules, const char *text, struct error *err)
{
	const char *colon = strchr(text, ':'), *access = colon ? strchr(colon, ' ') : NULL;
	int64_t major = 0, minor = 0;
	char type[2] = { text[0], '\0' };

	if (!access || !strchr("acb", text[0]) || text[1] != ' ' || strlen(access + 1) < 1 ||
		strlen(access + 1) > 3 || strspn(access + 1, "rwm") != strlen(access + 1) ||
		read_number(text + 2, (size_t)(colon - text - 2), &major) < 0 ||
		read_number(colon + 1, (size_t)(access - colon - 1), &minor) < 0)
		return error_invalid(err, "invalid device cgroup rule format: '%s'", text);
	struct json *rule = json_add_object(rules);
	json_set_bool(rule, "allow", true);
	json_set_string(rule, "type", type);
	if (major >= 0)
		json_set_int(rule, "major", major);
	if (minor >= 0)
		json_set_int(rule, "minor", minor);
	json_set_string(rule, "access", access + 1);
	return 0;
}

int host_devices_numbers(const char *path, unsigned *ret_major, unsigned *ret_minor, struct error *err)
{
	struct stat st;

	if (stat(path, &st) < 0)
		return error_invalid(err, "stat %s: %s", path,
			errno == ENOENT ? "no such file or directory" : strerror(errno));
	if (!S_ISBLK(st.st_mode) && !S_ISCHR(st.st_mode))
		return error_invalid(err, "'%s' is not a device", path);
	*ret_major = major(st.st_rdev);
	*ret_minor = minor(st.st_rdev);
	return 0;
}
