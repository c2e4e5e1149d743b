/* SPDX-License-Identifier: Apache-2.0 */
#include "plugins/auth-peercred/groups.h"

#include "lib/base/cleanup.h"
#include "lib/base/fd.h"
#include "lib/base/str.h"

#include <errno.h>
#include <fcntl.h>
#include <string.h>

#define FILE_MAX (4 << 20)

static int add(struct groups *groups, uint64_t gid, struct error *err)
{
	if (groups->n == GROUPS_MAX)
		return error_invalid(err, "at most %d groups may use the socket", GROUPS_MAX);
	groups->v[groups->n++] = (uint32_t)gid;
	return 0;
}

int groups_add_list(struct groups *groups, const char *list, struct error *err)
{
	auto_str_list char **parts = NULL;
	int r = *list ? str_split(list, ',', GROUPS_MAX + 1, &parts) : 0;

	if (r < 0)
		return error_sys(err, -r, "cannot read the list of groups");
	for (size_t i = 0; r == 0 && parts && parts[i]; i++) {
		uint64_t gid;
		if (str_to_u64(parts[i], 10, 0, UINT32_MAX - 1, &gid) < 0)
			return error_invalid(err, "'%.100s' is not the number of a group", parts[i]);
		r = add(groups, gid, err);
	}
	return r;
}

/* "name:password:number:members" */
static bool number_of(char *line, const char *name, uint64_t *ret)
{
	const char *rest = str_after(line, name);
	const char *number = rest && *rest == ':' ? strchr(rest + 1, ':') : NULL;

	if (!number)
		return false;
	char *end = strchr(number + 1, ':');
	if (end)
		*end = '\0';
	return str_to_u64(number + 1, 10, 0, UINT32_MAX - 1, ret) == 0;
}

int groups_add_name(struct groups *groups, const char *file, const char *name, struct error *err)
{
	auto_free char *text = NULL;
	char *rest;
	uint64_t gid;

	if (!*name || strpbrk(name, ":\n"))
		return error_invalid(err, "'%.100s' is not the name of a group", name);
	int r = fd_read_file(AT_FDCWD, file, FILE_MAX, &text, NULL);
	if (r < 0 && r != -ENOENT)
		return error_sys(err, -r, "cannot read '%s'", file);
	for (char *line = text ? strtok_r(text, "\n", &rest) : NULL; line;
		line = strtok_r(NULL, "\n", &rest)) {
		if (number_of(line, name, &gid))
			return add(groups, gid, err);
	}
	return error_set(err, ERROR_NOT_FOUND, ENOENT, "'%s' has no group '%s'", file, name);
}

bool groups_has(const struct groups *groups, uint32_t gid)
{
	for (size_t i = 0; i < groups->n; i++) {
		if (groups->v[i] == gid)
			return true;
	}
	return false;
}
