/* SPDX-License-Identifier: Apache-2.0 */
/*
 * A volume driver that does what the volume's name asks for; every entry is noted in root/journal.
 *     hang-*     mount waits for the file root/go, whatever the caller does
 *     polite-*   mount waits for cancel_fd
 *     many-*     mount counts how many run at once (root/most)
 * Other names: the option "reply" of mount says which invalid reply is given.
 */
#include <errno.h>
#include <fcntl.h>
#include <gantry/volume.h>
#include <poll.h>
#include <pthread.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <time.h>
#include <unistd.h>

struct gty_volume {
	const struct gty_host *host;
	int root_fd;
	pthread_mutex_t lock;
	int now, most;
};

static int probe(const struct gty_host *host, struct gty_call *call, const struct gty_open *req)
{
	(void)host;
	(void)call;
	(void)req;
	return 0;
}

static int open_(const struct gty_host *host, struct gty_call *call, const struct gty_open *req,
	struct gty_volume **ret, struct gty_volume_info *info)
{
	struct gty_volume *vd = calloc(1, sizeof *vd);

	if (!vd)
		return call->fail(call, GTY_E_INTERNAL, ENOMEM, "out of memory");
	vd->host = host;
	vd->root_fd = openat(req->root_fd, ".", O_RDONLY | O_DIRECTORY | O_CLOEXEC);
	pthread_mutex_init(&vd->lock, NULL);
	for (uint32_t i = 0; i < req->opts_n; i++)
		if (strcmp(req->opts[i].key, "caps") == 0)
			info->caps = strtoull(req->opts[i].value, NULL, 0);
	*ret = vd;
	return 0;
}

static void close_(struct gty_volume *vd)
{
	pthread_mutex_destroy(&vd->lock);
	close(vd->root_fd);
	free(vd);
}

static void note(struct gty_volume *vd, const char *entry, const char *id, const char *holder)
{
	int fd = openat(vd->root_fd, "journal", O_WRONLY | O_CREAT | O_APPEND | O_CLOEXEC, 0600);

	dprintf(fd, "%s %s %s\n", entry, id, holder ? holder : "-");
	close(fd);
}

static int recover(struct gty_volume *vd, struct gty_call *call, const struct gty_recover_req *req,
	struct gty_recover_rep *rep)
{
	(void)call;
	(void)rep;
	note(vd, "recover", req->n ? req->v[0].id : "nothing", NULL);
	return 0;
}

static int status(struct gty_volume *vd, struct gty_call *call, struct gty_kvs *rep)
{
	const struct gty_kv attrs[] = { { "why", "asked" } };
	struct gty_kv *v = call->alloc(call, sizeof *v);

	vd->host->log(vd->host, GTY_LOG_INFO, "status was\nasked for");
	vd->host->event(vd->host, "thing", "changed", attrs, 1);
	v->key = "trace";
	v->value = call->strdup(call, call->trace);
	rep->v = v;
	rep->n = 1;
	return 0;
}

static int create(struct gty_volume *vd, struct gty_call *call, const struct gty_volume_req *req,
	struct gty_volume_rep *rep)
{
	note(vd, "create", req->name, NULL);
	rep->state = call->strdup(call, "kept");
	if (strcmp(req->name, "silent") == 0)
		return -EIO;
	if (strcmp(req->name, "positive") == 0)
		return 7;
	if (strcmp(req->name, "twice") == 0) {
		call->fail(call, GTY_E_CONFLICT, EEXIST, "the first reason");
		return call->fail(call, GTY_E_NOT_FOUND, ENOENT, "the second reason");
	}
	if (strcmp(req->name, "greedy") == 0) {
		while (call->alloc(call, 4096))
			;
		return call->fail(call, GTY_E_EXHAUSTED, ENOSPC, "the arena has an end");
	}
	return 0;
}

static int remove_(struct gty_volume *vd, struct gty_call *call, const struct gty_ref *ref)
{
	(void)call;
	note(vd, "remove", ref->id, ref->state);
	return 0;
}

static void wait_for_go(struct gty_volume *vd)
{
	const struct timespec tick = { 0, 2000000 };

	while (faccessat(vd->root_fd, "go", F_OK, 0) < 0)
		nanosleep(&tick, NULL);
}

static void count_most(struct gty_volume *vd)
{
	const struct timespec tick = { 0, 20000000 };

	pthread_mutex_lock(&vd->lock);
	if (++vd->now > vd->most)
		vd->most = vd->now;
	pthread_mutex_unlock(&vd->lock);
	nanosleep(&tick, NULL);
	pthread_mutex_lock(&vd->lock);
	vd->now--;
	pthread_mutex_unlock(&vd->lock);
}

static struct gty_step *one_step(struct gty_call *call, struct gty_tree *rep)
{
	struct gty_step *s = call->alloc(call, sizeof *s);

	s->op = GTY_STEP_FSOPEN;
	s->fstype = "tmpfs";
	rep->form = GTY_TREE_STEPS;
	rep->fd = -1;
	rep->steps = s;
	rep->steps_n = 1;
	return s;
}

static int folder(struct gty_volume *vd, int flags)
{
	return openat(vd->root_fd, ".", O_PATH | O_DIRECTORY | flags);
}

/* Everything that must not get through. */
static void spoil(struct gty_volume *vd, struct gty_call *call, const char *how,
	const struct gty_volume_mount_req *req, struct gty_tree *rep)
{
	rep->form = GTY_TREE_DIR;
	rep->fd = folder(vd, O_CLOEXEC);
	if (strcmp(how, "form") == 0)
		rep->form = 99;
	else if (strcmp(how, "size") == 0)
		rep->struct_size = 8;
	else if (strcmp(how, "file") == 0) {
		close(rep->fd);
		rep->fd = openat(vd->root_fd, "journal", O_RDONLY | O_CREAT | O_CLOEXEC, 0600);
	} else if (strcmp(how, "closed") == 0)
		close(rep->fd);
	else if (strcmp(how, "stdin") == 0) {
		close(rep->fd);
		rep->fd = 0;
	} else if (strcmp(how, "no-cloexec") == 0) {
		close(rep->fd);
		rep->fd = folder(vd, 0);
	} else if (strcmp(how, "borrowed") == 0) {
		close(rep->fd);
		rep->fd = req->maps ? req->maps->userns_fd : -1;
	} else if (strcmp(how, "not-a-mount") == 0)
		rep->form = GTY_TREE_MOUNT;
	else if (strcmp(how, "block") == 0)
		rep->form = GTY_TREE_BLOCK;
	else if (strcmp(how, "attrs") == 0)
		rep->attrs = 0x00100000;
	else if (strcmp(how, "flags") == 0)
		rep->flags = 1 << 9;
	else if (strcmp(how, "where") == 0)
		rep->where = "relative";
	else if (strcmp(how, "subdir") == 0)
		rep->subdir = "a/../../b";
	else if (strcmp(how, "long") == 0) {
		char *text = malloc(80000);
		memset(text, 'x', 79999);
		text[79999] = '\0';
		rep->state = call->alloc(call, 80000);
		memcpy((char *)(uintptr_t)rep->state, text, 80000);
		free(text);
	} else {
		close(rep->fd);
		struct gty_step *s = one_step(call, rep);
		if (strcmp(how, "steps-null") == 0)
			rep->steps = NULL;
		else if (strcmp(how, "steps-many") == 0)
			rep->steps_n = 100000;
		else if (strcmp(how, "step-fstype") == 0)
			s->fstype = "proc";
		else if (strcmp(how, "step-op") == 0)
			s->op = 9;
		else if (strcmp(how, "step-flags") == 0) {
			s->op = GTY_STEP_MOUNT2;
			s->flags = 4096; /* MS_BIND */
		} else if (strcmp(how, "base") == 0)
			rep->base = "/a//b";
	}
}

static int mount_(struct gty_volume *vd, struct gty_call *call, const struct gty_volume_mount_req *req,
	struct gty_tree *rep)
{
	note(vd, "mount", req->name, req->holder);
	if (strncmp(req->name, "hang-", 5) == 0) {
		wait_for_go(vd);
	} else if (strncmp(req->name, "polite-", 7) == 0) {
		struct pollfd p = { .fd = call->cancel_fd, .events = POLLIN };
		poll(&p, 1, -1);
		note(vd, "cancelled", req->name, req->holder);
		return call->fail(call, GTY_E_CANCELLED, ECANCELED, "the caller gave up");
	} else if (strncmp(req->name, "many-", 5) == 0) {
		count_most(vd);
	}
	for (uint32_t i = 0; i < req->opts_n; i++)
		if (strcmp(req->opts[i].key, "reply") == 0) {
			spoil(vd, call, req->opts[i].value, req, rep);
			return 0;
		}
	rep->form = GTY_TREE_DIR;
	rep->fd = folder(vd, O_CLOEXEC);
	rep->state = call->strdup(call, "mounted");
	return 0;
}

static int unmount(struct gty_volume *vd, struct gty_call *call, const struct gty_ref *ref)
{
	(void)call;
	note(vd, "unmount", ref->id, ref->holder);
	return 0;
}

static int describe(
	struct gty_volume *vd, struct gty_call *call, const struct gty_ref *ref, struct gty_volume_rep *rep)
{
	struct gty_kv *v = call->alloc(call, sizeof *v);
	char text[16];

	(void)ref;
	snprintf(text, sizeof text, "%d", vd->most);
	v->key = "most";
	v->value = call->strdup(call, text);
	rep->status = v;
	rep->status_n = 1;
	return 0;
}

static const struct gty_volume_ops ops = { .struct_size = sizeof ops,
	.probe = probe,
	.open = open_,
	.close = close_,
	.recover = recover,
	.status = status,
	.create = create,
	.remove = remove_,
	.mount = mount_,
	.unmount = unmount,
	.describe = describe };

static const struct gty_option options[] = {
	{ "caps", "string", "0", "what open answers", GTY_OPT_DRIVER, 0, 0 },
	{ 0 },
};
static const struct gty_driver driver = { .struct_size = sizeof driver,
	.kind = GTY_KIND_VOLUME,
	.abi_major = GTY_VOLUME_ABI_MAJOR,
	.abi_minor = GTY_VOLUME_ABI_MINOR,
	.priority = -1,
	.name = "calls",
	.help = "does as told",
	.options = options,
	.ops = &ops };
static const struct gty_driver *const drivers[] = { &driver, NULL };
GTY_PLUGIN("calls", "1", "Apache-2.0", drivers);
