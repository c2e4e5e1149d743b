/* SPDX-License-Identifier: Apache-2.0 */
/* data-root/containers/<id>: the log, and the files that are mounted over those of /etc. */
#include "engine/container/object.h"

#include "lib/base/cleanup.h"
#include "lib/base/fd.h"
#include "lib/base/log.h"
#include "lib/base/path.h"
#include "lib/base/str.h"
#include "lib/json/json.h"
#include "lib/rootfs/remove.h"

#include <errno.h>
#include <fcntl.h>
#include <string.h>
#include <sys/stat.h>

char *container_files_path(const struct container *c, const char *name, char buf[CONTAINER_PATH_SIZE])
{
	path_format(buf, CONTAINER_PATH_SIZE, "%s/containers/%s%s%s", c->engine->config.data_root, c->id,
		*name ? "/" : "", name);
	return buf;
}

static char *relative(const struct container *c, char buf[CONTAINER_PATH_SIZE])
{
	path_format(buf, CONTAINER_PATH_SIZE, "containers/%s", c->id);
	return buf;
}

int container_files_make(struct container *c, struct error *err)
{
	char path[CONTAINER_PATH_SIZE];

	if (mkdirat(c->engine->data_dir, relative(c, path), 0710) < 0 && errno != EEXIST)
		return error_sys(err, errno, "cannot make '%s'", container_files_path(c, "", path));
	return 0;
}

int container_files_open(const struct container *c, struct error *err)
{
	char path[CONTAINER_PATH_SIZE];
	int fd = openat(
		c->engine->data_dir, relative(c, path), O_RDONLY | O_DIRECTORY | O_CLOEXEC | O_NOFOLLOW);

	return fd < 0 ? error_sys(err, errno, "cannot open '%s'", container_files_path(c, "", path)) : fd;
}

void container_files_remove(const struct container *c)
{
	struct error err = ERROR_INIT;
	auto_close int dir = openat(
		c->engine->data_dir, "containers", O_RDONLY | O_DIRECTORY | O_CLOEXEC | O_NOFOLLOW);
	int r = dir < 0 ? error_sys(&err, errno, "cannot open 'containers'")
			: rootfs_remove_tree(dir, c->id, NULL, &err);

	if (r < 0)
		log_warning("container %s: %s", c->id, err.text);
}
