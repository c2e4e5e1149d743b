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

#define ETC_MAX 65536

static const char hosts_text[] = "127.0.0.1\tlocalhost\n"
				 "::1\tlocalhost ip6-localhost ip6-loopback\n"
				 "fe00::\tip6-localnet\n"
				 "ff00::\tip6-mcastprefix\n"
				 "ff02::1\tip6-allnodes\n"
				 "ff02::2\tip6-allrouters\n";

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

static int write_one(int dir, const char *name, const void *data, size_t n, struct error *err)
{
	auto_close int fd = openat(dir, name, O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC | O_NOFOLLOW, 0644);

	if (fd < 0)
		return error_sys(err, errno, "cannot open '%s' of a container", name);
	int r = fd_write_all(fd, data, n);
	return r < 0 ? error_sys(err, -r, "cannot write '%s' of a container", name) : 0;
}

static int write_hostname(const struct container *c, int dir, struct error *err)
{
	const char *name = json_string(json_at(c->config, "Hostname"));
	auto_str struct str text = STR_INIT(ETC_MAX);

	int r = str_addf(&text, "%s\n", name ? name : "");
	return r < 0 ? error_sys(err, -r, "cannot write the host name")
		     : write_one(dir, "hostname", text.data, text.len, err);
}

/* The host's own, as it is: without a network there is nothing to be changed in it. */
static int write_resolv(int dir, struct error *err)
{
	auto_free char *text = NULL;
	size_t n = 0;
	int r = fd_read_file(AT_FDCWD, "/etc/resolv.conf", ETC_MAX, &text, &n);

	if (r < 0 && r != -ENOENT)
		return error_sys(err, -r, "cannot read '/etc/resolv.conf'");
	return write_one(dir, "resolv.conf", text ? text : "", n, err);
}

int container_files_write_etc(struct container *c, struct error *err)
{
	auto_close int dir = container_files_open(c, err);

	if (dir < 0)
		return dir;
	int r = write_hostname(c, dir, err);
	if (r == 0)
		r = write_one(dir, "hosts", hosts_text, sizeof hosts_text - 1, err);
	return r == 0 ? write_resolv(dir, err) : r;
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
