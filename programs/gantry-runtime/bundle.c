/* SPDX-License-Identifier: Apache-2.0 */
/* config.json: of a bundle, and of a container as it was created. */
#include "programs/gantry-runtime/runtime.h"

#include "lib/base/cleanup.h"
#include "lib/base/fd.h"
#include "lib/base/log.h"
#include "lib/json/json.h"

#include <errno.h>
#include <fcntl.h>
#include <string.h>

#define CONFIG_MAX (4u << 20)

void bundle_done(struct bundle *b)
{
	free(b->path);
	free(b->text);
	json_free(b->config);
	*b = BUNDLE_INIT;
}

static int load(int dirfd, const char *where, struct bundle *b, struct error *err)
{
	size_t n = 0;
	int r = fd_read_file(dirfd, "config.json", CONFIG_MAX, &b->text, &n);

	if (r < 0)
		return error_sys(err, -r, "cannot read '%s/config.json'", where);
	r = json_parse(b->text, n, 0, &b->config, err);
	return r < 0 ? error_prefix(err, r, "'%s/config.json'", where) : 0;
}

int bundle_load(const char *dir, struct bundle *ret, struct error *err)
{
	struct bundle b = BUNDLE_INIT;

	b.path = realpath(dir, NULL);
	if (!b.path)
		return error_sys(err, errno, "cannot find the bundle '%s'", dir);
	auto_close int fd = open(b.path, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
	int r = fd < 0 ? error_sys(err, errno, "cannot open the bundle '%s'", b.path)
		       : load(fd, b.path, &b, err);
	if (r < 0)
		bundle_done(&b);
	else
		*ret = b;
	return r;
}

int bundle_load_state(const struct state *st, struct bundle *ret, struct error *err)
{
	struct bundle b = BUNDLE_INIT;
	int r = load(st->dir, st->id, &b, err);

	if (r == 0 && !(b.path = strdup(st->bundle ? st->bundle : "/")))
		r = error_sys(err, ENOMEM, "cannot keep the bundle's path");
	if (r < 0)
		bundle_done(&b);
	else
		*ret = b;
	return r;
}

static void warn(void *context, const char *text)
{
	(void)context;
	log_warning("%s", text);
}

/* Not by securityfs, which need not be mounted. */
static bool is_apparmor_enabled(void)
{
	auto_free char *text = NULL;

	return fd_read_file(AT_FDCWD, "/sys/module/apparmor/parameters/enabled", 16, &text, NULL) == 0 &&
	       text[0] == 'Y';
}

void bundle_compile_options(const struct bundle *b, const char *id, const struct cgroup_layout *layout,
	struct compile_options *ret)
{
	*ret = COMPILE_OPTIONS_INIT;
	ret->bundle = b->path;
	ret->id = id;
	ret->cgroups = layout;
	ret->apparmor = is_apparmor_enabled();
	ret->selinux = access("/sys/fs/selinux/enforce", F_OK) == 0;
	ret->warn = warn;
}

bool bundle_wants_terminal(const struct bundle *b)
{
	const struct json *process = json_at(b->config, "process");
	bool terminal = false;

	return process && json_opt_bool(process, "terminal", false, &terminal, NULL) == 0 && terminal;
}
