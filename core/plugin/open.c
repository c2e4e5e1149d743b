/* SPDX-License-Identifier: Apache-2.0 */
#include "core/plugin/open.h"

#include "core/plugin/options.h"
#include "core/plugin/remote.h"
#include "lib/base/cleanup.h"
#include "lib/base/clock.h"

#include <errno.h>
#include <fcntl.h>
#include <stdatomic.h>
#include <stdio.h>
#include <string.h>
#include <sys/stat.h>

static atomic_uint abandoned;

unsigned instances_abandoned(void)
{
	return atomic_load(&abandoned);
}

static int open_folder(const char *path, int *ret, struct error *err)
{
	struct stat st;

	if (mkdir(path, 0700) < 0 && errno != EEXIST)
		return error_sys(err, errno, "cannot make the folder '%s'", path);
	auto_close int fd = open(path, O_PATH | O_DIRECTORY | O_NOFOLLOW | O_CLOEXEC);
	if (fd < 0 || fstat(fd, &st) < 0)
		return error_sys(err, errno, "cannot open the folder '%s'", path);
	if (st.st_uid != geteuid() || (st.st_mode & 022))
		return error_set(err, ERROR_DENIED, EPERM, "the folder '%s' can be written by others", path);
	*ret = take_fd(fd);
	return 0;
}

/* Where it really is: replies are compared with it. */
static char *real_path(int fd)
{
	char link[64], path[4096];

	snprintf(link, sizeof link, "/proc/self/fd/%d", fd);
	ssize_t n = readlink(link, path, sizeof path - 1);
	if (n < 0)
		return NULL;
	path[n] = '\0';
	return strdup(path);
}

static void release(struct instance *in)
{
	remote_free(in->remote);
	host_free(in->host);
	if (in->root_fd >= 0)
		close(in->root_fd);
	free(in->name);
	free(in->driver);
	free(in->root);
}

static int prepare(
	struct instance *in, const struct driver *d, const struct driver_config *c, struct error *err)
{
	auto_close int run = -1;
	int r = open_folder(c->root, &in->root_fd, err);

	if (r == 0)
		r = open_folder(c->run_dir, &run, err);
	if (r < 0)
		return r;
	in->name = strdup(c->name ? c->name : driver_api_name(d));
	in->driver = strdup(d->decl->name);
	in->root = real_path(in->root_fd);
	if (!in->name || !in->driver || !in->root)
		return error_sys(err, ENOMEM, "cannot open driver '%s'", d->decl->name);
	in->facts.root = in->root;
	r = host_new(c->sink, in->name, c->instance, c->run_dir, &in->host, err);
	if (r == 0 && c->remote)
		r = remote_fork(
			d->kind, d->decl->ops, c->sink, in->name, c->instance, c->run_dir, &in->remote, err);
	if (r == 0)
		in->target = (struct target){ .ops = d->decl->ops, .host = host_table(in->host) };
	return r;
}

static int check_caps(struct instance *in, const void *info, struct error *err)
{
	memcpy(&in->facts.caps, (const char *)info + in->kind->caps_offset, sizeof in->facts.caps);
	int r = kind_check_caps(in->kind, in->target.ops, in->facts.caps, err);
	if (r < 0)
		err->kind = ERROR_INTERNAL;
	return r;
}

static int call_open(struct instance *in, const struct driver *d, const struct driver_config *c,
	void **ret_info, struct error *err)
{
	struct option_set set = { 0 };
	int r = options_check(d->decl, GTY_OPT_DRIVER, c->opts, c->opts_n, &set, err);

	if (r < 0)
		return r;
	in->timeout_ns = set.timeout_ns ? set.timeout_ns : CALL_TIMEOUT_S * CLOCK_S;
	const struct gty_open req = {
		.root_fd = in->root_fd, .name = in->name, .root = in->root, .opts = set.v, .opts_n = set.n
	};
	r = call_run(in, ENTRY_OPEN, &req, NULL, ret_info, err);
	option_set_done(&set);
	return r;
}

int instance_open(struct instance *in, const struct driver *d, const struct driver_config *config,
	void **ret_info, struct error *err)
{
	struct error *seen = err ? err : &(struct error){ .kind = ERROR_INTERNAL };
	void *info = NULL;

	in->kind = d->kind;
	in->root_fd = -1;
	in->timeout_ns = CALL_TIMEOUT_S * CLOCK_S;
	int r = prepare(in, d, config, seen);
	if (r < 0) {
		release(in);
		return error_prefix(seen, r, "cannot open %s driver '%s'", d->kind->name, d->decl->name);
	}
	instance_init(in);
	r = call_open(in, d, config, &info, seen);
	if (r < 0) {
		in->target.self = NULL;
	} else {
		r = check_caps(in, info, seen);
		if (r == 0) {
			*ret_info = info;
			return 0;
		}
		call_run(in, ENTRY_CLOSE, NULL, NULL, NULL, NULL);
		reply_free(info);
	}
	error_prefix(seen, r, "cannot open %s driver '%s'", d->kind->name, d->decl->name);
	if (instance_stop(in) < 0) {
		atomic_fetch_add(&abandoned, 1);
		return -EBUSY;
	}
	release(in);
	return r;
}

int instance_close(struct instance *in)
{
	struct error err = ERROR_INIT;

	if (call_run(in, ENTRY_CLOSE, NULL, NULL, NULL, &err) < 0)
		host_note(in->host, GTY_LOG_ERROR, "close failed: %s", err.text);
	if (instance_stop(in) < 0) {
		host_note(in->host, GTY_LOG_ERROR, "left as it is: a call is stuck in it");
		atomic_fetch_add(&abandoned, 1);
		return -EBUSY;
	}
	release(in);
	return 0;
}

/* Stuck threads use them for ever; kept reachable. */
static void *kept[64];

static void keep(void *front)
{
	unsigned i = abandoned - 1u;

	kept[i % (sizeof kept / sizeof kept[0])] = front;
}

int front_open(size_t size, const struct driver *d, const struct driver_config *config, void **ret,
	void **ret_info, struct error *err)
{
	struct instance *in = calloc(1, size);
	unsigned before = instances_abandoned();

	if (!in)
		return error_sys(err, ENOMEM, "cannot open driver '%s'", d->decl->name);
	int r = instance_open(in, d, config, ret_info, err);
	if (r == 0)
		*ret = in;
	else if (instances_abandoned() != before)
		keep(in);
	else
		free(in);
	return r;
}

int front_close(void *front)
{
	int r = front ? instance_close(front) : 0;

	if (r == 0)
		free(front);
	else
		keep(front);
	return r;
}
