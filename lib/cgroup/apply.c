/* SPDX-License-Identifier: Apache-2.0 */
/* Writes settings into the files of a cgroup. */
#include "lib/cgroup/cgroup.h"

#include "lib/base/cleanup.h"
#include "lib/cgroup/file.h"

#include <errno.h>
#include <fcntl.h>
#include <string.h>

uint32_t cgroup_settings_controllers(const struct cgroup_setting *settings, size_t n)
{
	uint32_t bits = 0;

	for (size_t i = 0; i < n; i++)
		if (settings[i].controller < CGROUP_UNIFIED)
			bits |= CGROUP_BIT(settings[i].controller);
	return bits;
}

static int fail(const struct cgroup_setting *s, int r, struct error *err)
{
	int kind = ERROR_INTERNAL;

	switch (r) {
	case -ENOENT:
		return error_set(err, ERROR_UNSUPPORTED, ENOENT,
			"cannot set '%s': this kernel or cgroup has no such file", s->file);
	case -EBUSY:
		return error_set(err, ERROR_CONFLICT, EBUSY,
			"cannot set '%s' to '%.100s': more than that is in use", s->file, s->value);
	case -EINVAL:
	case -ERANGE:
	case -ENODEV:
	case -ENXIO:
	case -ENOSPC: kind = ERROR_INVALID; break;
	case -EACCES:
	case -EPERM: kind = ERROR_DENIED; break;
	}
	return error_set(err, kind, -r, "cannot set '%s' to '%.100s': %s", s->file, s->value, strerror(-r));
}

/* The file of a setting comes from outside: one name, and none that moves or kills processes. */
static int check(const struct cgroup *cg, const struct cgroup_setting *s, struct error *err)
{
	static const char *const refused[] = { "cgroup.procs", "cgroup.threads", "cgroup.kill",
		"cgroup.event_control", "tasks", "release_agent", "notify_on_release",
		"cgroup.subtree_control" };

	if (!s->file[0] || strchr(s->file, '/') || strchr(s->file, '.') == s->file || strlen(s->file) > 128)
		return error_invalid(err, "'%.100s' is no name of a cgroup file", s->file);
	for (size_t i = 0; i < sizeof refused / sizeof *refused; i++)
		if (strcmp(s->file, refused[i]) == 0)
			return error_invalid(err, "cgroup file '%s' is not a limit", s->file);
	if (strlen(s->value) >= CGROUP_VALUE_MAX)
		return error_invalid(
			err, "the value for '%s' is longer than %d bytes", s->file, CGROUP_VALUE_MAX - 1);
	if (s->controller >= CGROUP_CONTROLLERS || !cgroup_layout_has(cg->layout, s->controller) ||
		cg->dir[cg->layout->owner[s->controller]] < 0)
		return error_set(err, ERROR_UNSUPPORTED, ENOTSUP,
			"cannot set '%s': there is no cgroup controller '%s'", s->file,
			cgroup_controller_name(s->controller, false));
	return 0;
}

static size_t path_depth(const char *path)
{
	size_t n = 0;

	for (; *path; path++)
		n += *path == '/';
	return n;
}

/* Walks up with "..", never past the hierarchy's root, whose own budget is not ours to set. */
static int write_ancestors(const struct cgroup *cg, int dir, const struct cgroup_setting *s)
{
	char up[3 * CGROUP_PATH_MAX];

	for (size_t above = path_depth(cg->path) - 1; above > 0; above--) {
		uint64_t now;
		up[0] = '\0';
		for (size_t i = 0; i < above; i++)
			memcpy(up + 3 * i, "../", 4);
		auto_close int parent = openat(dir, up, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
		if (parent < 0)
			return -errno;
		if (cgroup_file_number(parent, s->file, &now) < 0 || now != 0)
			continue;
		int r = cgroup_file_write(parent, s->file, s->value);
		if (r < 0)
			return r;
	}
	return 0;
}

static int write_one(const struct cgroup *cg, const struct cgroup_setting *s)
{
	int dir = cg->dir[cg->layout->owner[s->controller]];
	int r = s->flags & CGROUP_SETTING_PARENT_FIRST ? write_ancestors(cg, dir, s) : 0;

	return r < 0 ? r : cgroup_file_write(dir, s->file, s->value);
}

/* Writes again what waited for the others, until all is written or nothing moves any more. */
static int apply_waiting(const struct cgroup *cg, const struct cgroup_setting *settings, uint16_t *waiting,
	size_t n, struct error *err)
{
	while (n > 0) {
		size_t left = 0;
		int first = 0;
		for (size_t i = 0; i < n; i++) {
			const struct cgroup_setting *s = &settings[waiting[i]];
			int r = write_one(cg, s);
			if (r >= 0)
				continue;
			if (r != -EINVAL && r != -EBUSY)
				return fail(s, r, err);
			first = first ? first : r;
			waiting[left++] = waiting[i];
		}
		if (left == n)
			return fail(&settings[waiting[0]], first, err);
		n = left;
	}
	return 0;
}

int cgroup_apply(const struct cgroup *cg, const struct cgroup_setting *settings, size_t n, struct error *err)
{
	uint16_t waiting[CGROUP_SETTINGS_MAX];
	size_t n_waiting = 0;

	if (n > CGROUP_SETTINGS_MAX)
		return error_set(
			err, ERROR_INVALID, E2BIG, "more than %d cgroup settings", CGROUP_SETTINGS_MAX);
	for (size_t i = 0; i < n; i++) {
		const struct cgroup_setting *s = &settings[i];
		int r = check(cg, s, err);
		if (r < 0)
			return r;
		r = write_one(cg, s);
		if ((r == -EINVAL || r == -EBUSY) && (s->flags & CGROUP_SETTING_RETRY)) {
			waiting[n_waiting++] = (uint16_t)i;
			continue;
		}
		if (s->flags & CGROUP_SETTING_ELSE_NEXT) {
			if (r == -ENOENT)
				continue;
			i++;
		}
		if (r < 0 && !(r == -ENOENT && (s->flags & CGROUP_SETTING_IGNORE_MISSING)))
			return fail(s, r, err);
	}
	return apply_waiting(cg, settings, waiting, n_waiting, err);
}
