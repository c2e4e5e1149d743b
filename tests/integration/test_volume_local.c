/* SPDX-License-Identifier: Apache-2.0 */
#include "lib/base/clock.h"
#include "lib/base/sys.h"
#include "tests/support/driver_harness.h"

#include <gantry/volume.h>

#include <errno.h>
#include <poll.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>

#include <cmocka.h>

#define NUM(a) ((uint32_t)(sizeof(a) / sizeof((a)[0])))

struct fixture {
	struct harness *h;
	const struct gty_volume_ops *ops;
	struct gty_volume *vd;
	int mounts, descriptors;
};

static int open_driver(struct fixture *f)
{
	struct gty_call *call = harness_call(f->h);
	struct gty_volume_info *info = harness_struct(f->h, sizeof *info);
	struct gty_open req = harness_open(f->h, NULL, 0);

	return f->ops->open(&f->h->host, call, &req, &f->vd, info);
}

static int setup(void **state)
{
	struct fixture *f = calloc(1, sizeof *f);

	f->h = harness_new("volume-local", "local");
	if (!f->h)
		return -1;
	f->ops = f->h->driver->ops;
	f->mounts = harness_mounts();
	f->descriptors = harness_descriptors();
	*state = f;
	return open_driver(f);
}

static int teardown(void **state)
{
	struct fixture *f = *state;

	f->ops->close(f->vd);
	harness_call(f->h);
	int r = harness_mounts() == f->mounts && harness_descriptors() == f->descriptors ? 0 : -1;
	if (r < 0)
		fprintf(stderr, "# mounts %d -> %d, descriptors %d -> %d\n", f->mounts, harness_mounts(),
			f->descriptors, harness_descriptors());
	harness_free(f->h);
	free(f);
	return r;
}

static int create(struct fixture *f, const char *name, const struct gty_kv *opts, uint32_t n)
{
	struct gty_call *call = harness_call(f->h);
	struct gty_volume_req *req = harness_struct(f->h, sizeof *req);
	struct gty_volume_rep *rep = harness_struct(f->h, sizeof *rep);

	req->name = name;
	req->opts = opts;
	req->opts_n = n;
	int r = f->ops->create(f->vd, call, req, rep);
	if (r == 0) {
		assert_non_null(strstr(rep->where, "/_data"));
		assert_int_equal(strlen(rep->created), strlen("2006-01-02T15:04:05Z"));
	}
	return r;
}

static struct gty_ref *ref_to(struct fixture *f, const char *name)
{
	struct gty_ref *ref = harness_struct(f->h, sizeof *ref);

	ref->id = name;
	return ref;
}

static int mount_with(struct fixture *f, const char *name, const char *holder, const struct gty_kv *opts,
	uint32_t n, const char *subpath, struct gty_tree *ret)
{
	static struct gty_kv mount_opts[1];
	struct gty_call *call = harness_call(f->h);
	struct gty_volume_mount_req *req = harness_struct(f->h, sizeof *req);
	struct gty_tree *rep = harness_struct(f->h, sizeof *rep);

	mount_opts[0] = (struct gty_kv){ "subpath", subpath };
	req->name = name;
	req->holder = holder;
	req->opts = opts;
	req->opts_n = n;
	req->mount_opts = mount_opts;
	req->mount_opts_n = subpath != NULL;
	rep->fd = -1;
	int r = f->ops->mount(f->vd, call, req, rep);
	*ret = *rep;
	return r;
}

/* The tree's folder, opened for reading. */
static int tree_of(
	struct fixture *f, const char *name, const char *holder, const struct gty_kv *opts, uint32_t n)
{
	struct gty_tree tree;
	int r = mount_with(f, name, holder, opts, n, NULL, &tree);

	if (r < 0)
		fprintf(stderr, "# mount: %s\n", f->h->text);
	assert_int_equal(r, 0);
	int fd = openat(tree.fd, ".", O_RDONLY | O_DIRECTORY | O_CLOEXEC);
	close(tree.fd);
	return fd;
}

static int unmount(struct fixture *f, const char *name, const char *holder)
{
	struct gty_call *call = harness_call(f->h);
	struct gty_ref *ref = ref_to(f, name);

	ref->holder = holder;
	return f->ops->unmount(f->vd, call, ref);
}

static int remove_volume(struct fixture *f, const char *name)
{
	struct gty_call *call = harness_call(f->h);

	return f->ops->remove(f->vd, call, ref_to(f, name));
}

static bool trash_empties(struct fixture *f)
{
	int64_t end = clock_mono_ns() + 20 * CLOCK_S;

	while (harness_entries(f->h->root, ".trash") != 0) {
		if (clock_mono_ns() > end)
			return false;
		poll(NULL, 0, 2);
	}
	return true;
}

static void test_plain_volume(void **state)
{
	struct fixture *f = *state;
	struct gty_tree tree;
	char buf[16];

	assert_int_equal(create(f, "data", NULL, 0), 0);
	int fd = tree_of(f, "data", "a", NULL, 0);
	harness_write(fd, "x", "kept");
	close(fd);
	assert_int_equal(create(f, "data", NULL, 0), 0);
	fd = tree_of(f, "data", "b", NULL, 0);
	assert_string_equal(harness_read(fd, "x", buf, sizeof buf), "kept");
	close(fd);
	assert_int_equal(remove_volume(f, "data"), -EBUSY);
	assert_int_equal(f->h->kind, GTY_E_CONFLICT);
	assert_int_equal(unmount(f, "data", "a"), 0);
	assert_int_equal(unmount(f, "data", "a"), 0);
	assert_int_equal(remove_volume(f, "data"), -EBUSY);
	assert_int_equal(unmount(f, "data", "b"), 0);
	assert_int_equal(unmount(f, "unknown", "b"), 0);
	assert_int_equal(remove_volume(f, "data"), 0);
	assert_int_equal(remove_volume(f, "data"), 0);
	assert_true(trash_empties(f));
	assert_int_equal(mount_with(f, "data", "a", NULL, 0, NULL, &tree), -ENOENT);
	assert_int_equal(f->h->kind, GTY_E_NOT_FOUND);
}

static void test_names(void **state)
{
	static const char *const bad[] = { "", ".", "..", ".trash", "a/b", "../x", "-a", "_a", "a b", "a\n" },
				 *const good[] = { "a", "trash", "A.b_c-9", "0" };
	struct fixture *f = *state;

	for (size_t i = 0; i < NUM(bad); i++) {
		assert_int_equal(create(f, bad[i], NULL, 0), -EINVAL);
		assert_int_equal(f->h->kind, GTY_E_INVALID);
		assert_int_equal(remove_volume(f, bad[i]), -EINVAL);
	}
	for (size_t i = 0; i < NUM(good); i++)
		assert_int_equal(create(f, good[i], NULL, 0), 0);
}

static void test_options_checked(void **state)
{
	static const struct {
		const char *type, *device, *o, *text;
	} cases[] = {
		{ "tmpfs", NULL, NULL, "missing required option: \"device\"" },
		{ NULL, "/x", NULL, "missing required option: \"type\"" },
		{ NULL, NULL, "ro", "missing required option: \"type\"" },
		{ "none", "/x", "ro", "bind" },
		{ "none", "x", "bind", "absolute" },
		{ "none", "/x", "bind,size=1", "no meaning" },
		{ "tmpfs", "tmpfs", "sizes=1", "no option 'sizes'" },
		{ "../x", "/x", NULL, "no type" },
		{ "nfs", "server:/x", NULL, "must be a number" },
		{ "nfs", ":/x", "addr=server", "must be a number" },
		{ "tmpfs", "tmp\nfs", NULL, "control character" },
	};
	struct fixture *f = *state;
	const struct gty_kv unknown[] = { { "color", "blue" } }, size[] = { { "size", "huge" } };

	for (size_t i = 0; i < NUM(cases); i++) {
		struct gty_kv opts[3];
		uint32_t n = 0;
		if (cases[i].type)
			opts[n++] = (struct gty_kv){ "type", cases[i].type };
		if (cases[i].device)
			opts[n++] = (struct gty_kv){ "device", cases[i].device };
		if (cases[i].o)
			opts[n++] = (struct gty_kv){ "o", cases[i].o };
		assert_int_equal(create(f, "v", opts, n), -EINVAL);
		assert_int_equal(f->h->kind, GTY_E_INVALID);
		if (!strstr(f->h->text, cases[i].text))
			fprintf(stderr, "# '%s' lacks '%s'\n", f->h->text, cases[i].text);
		assert_non_null(strstr(f->h->text, cases[i].text));
	}
	assert_int_equal(create(f, "v", unknown, 1), -EINVAL);
	assert_non_null(strstr(f->h->text, "invalid option: \"color\""));
	assert_int_equal(create(f, "v", size, 1), -EINVAL);
	assert_int_equal(harness_entries(f->h->root, ".new"), 0);
}

static void test_create_with_other_options(void **state)
{
	const struct gty_kv tmpfs[] = { { "type", "tmpfs" }, { "device", "tmpfs" }, { "o", "" } };
	struct fixture *f = *state;

	assert_int_equal(create(f, "v", tmpfs, 3), 0);
	assert_int_equal(create(f, "v", tmpfs, 2), 0);
	assert_int_equal(create(f, "v", NULL, 0), -EEXIST);
	assert_int_equal(f->h->kind, GTY_E_CONFLICT);
}

static void test_bind(void **state)
{
	struct fixture *f = *state;
	struct gty_tree tree;
	char outside[200], buf[16];

	snprintf(outside, sizeof outside, "%s/outside", f->h->top);
	assert_int_equal(mkdir(outside, 0700), 0);
	const struct gty_kv opts[] = { { "type", "none" }, { "device", outside }, { "o", "bind,ro,nosuid" } };
	const struct gty_kv recursive[] = { { "type", "none" }, { "device", outside }, { "o", "rbind" } };
	assert_int_equal(create(f, "v", opts, 3), 0);
	int fd = open(outside, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
	harness_write(fd, "x", "y");
	close(fd);
	assert_int_equal(mount_with(f, "v", "a", opts, 3, NULL, &tree), 0);
	assert_int_equal(tree.form, GTY_TREE_DIR);
	assert_int_equal(tree.attrs, MOUNT_ATTR_RDONLY | MOUNT_ATTR_NOSUID);
	assert_string_equal(harness_read(tree.fd, "x", buf, sizeof buf), "y");
	close(tree.fd);
	assert_int_equal(mount_with(f, "v", "a", recursive, 3, NULL, &tree), 0);
	assert_int_equal(tree.form, GTY_TREE_MOUNT);
	close(tree.fd);
	/* What is bound is not the volume's: it stays. */
	assert_int_equal(unmount(f, "v", "a"), 0);
	assert_int_equal(remove_volume(f, "v"), 0);
	assert_true(trash_empties(f));
	assert_int_equal(access(outside, F_OK), 0);
	const struct gty_kv gone[] = { { "type", "none" }, { "device", "/nothing/here" }, { "o", "bind" } };
	assert_int_equal(create(f, "w", gone, 3), 0);
	assert_int_equal(mount_with(f, "w", "a", gone, 3, NULL, &tree), -ENOENT);
	assert_int_equal(f->h->kind, GTY_E_NOT_FOUND);
	assert_int_equal(remove_volume(f, "w"), 0);
}

static void test_tmpfs_is_shared(void **state)
{
	const struct gty_kv opts[] = { { "type", "tmpfs" }, { "device", "tmpfs" },
		{ "o", "size=1m,mode=0700,noexec" } };
	struct fixture *f = *state;
	char buf[16];

	assert_int_equal(create(f, "v", opts, 3), 0);
	assert_int_equal(harness_mounts(), f->mounts);
	int fd = tree_of(f, "v", "a", opts, 3);
	harness_write(fd, "x", "y");
	close(fd);
	fd = tree_of(f, "v", "b", opts, 3);
	assert_string_equal(harness_read(fd, "x", buf, sizeof buf), "y");
	close(fd);
	assert_int_equal(harness_mounts(), f->mounts + 1);
	assert_int_equal(unmount(f, "v", "a"), 0);
	assert_int_equal(harness_mounts(), f->mounts + 1);
	assert_int_equal(unmount(f, "v", "b"), 0);
	assert_int_equal(harness_mounts(), f->mounts);
	fd = tree_of(f, "v", "c", opts, 3);
	assert_string_equal(harness_read(fd, "x", buf, sizeof buf), "");
	close(fd);
	assert_int_equal(unmount(f, "v", "c"), 0);
	const struct gty_kv wrong[] = { { "type", "nosuchfs" }, { "device", "x" } };
	struct gty_tree tree;
	assert_int_equal(create(f, "w", wrong, 2), 0);
	assert_int_equal(mount_with(f, "w", "a", wrong, 2, NULL, &tree), -ENODEV);
	assert_int_equal(f->h->kind, GTY_E_INVALID);
	assert_int_equal(remove_volume(f, "w"), 0);
}

static void test_network_steps(void **state)
{
	static const struct {
		const char *type, *device, *o, *data;
		uint32_t flags;
	} cases[] = {
		{ "nfs", ":/export", "addr=192.0.2.1,ro,vers=4", "addr=192.0.2.1,vers=4", MS_RDONLY },
		{ "nfs4", "192.0.2.1:/export", "", "addr=192.0.2.1", 0 },
		{ "nfs", "[2001:db8::1]:/export", "nolock", "nolock,addr=2001:db8::1", 0 },
		{ "cifs", "//192.0.2.1/share", "username=u,password=p", "username=u,password=p,ip=192.0.2.1",
			0 },
		{ "cifs", "//name/share", "addr=192.0.2.1", "addr=192.0.2.1", 0 },
	};
	struct fixture *f = *state;
	struct gty_tree tree;

	for (size_t i = 0; i < NUM(cases); i++) {
		const struct gty_kv opts[] = { { "type", cases[i].type }, { "device", cases[i].device },
			{ "o", cases[i].o } };
		char name[8];
		snprintf(name, sizeof name, "v%zu", i);
		assert_int_equal(create(f, name, opts, 3), 0);
		assert_int_equal(mount_with(f, name, "a", opts, 3, "in/it", &tree), 0);
		assert_int_equal(tree.form, GTY_TREE_STEPS);
		assert_int_equal(tree.fd, -1);
		assert_int_equal(tree.steps_n, 1);
		assert_int_equal(tree.steps[0].op, GTY_STEP_MOUNT2);
		assert_string_equal(tree.steps[0].fstype, cases[i].type);
		assert_string_equal(tree.steps[0].source, cases[i].device);
		assert_string_equal(tree.steps[0].data, cases[i].data);
		assert_int_equal(tree.steps[0].flags, cases[i].flags);
		assert_string_equal(tree.subdir, "in/it");
	}
}

static void test_subpath(void **state)
{
	static const char *const bad[] = { "..", "/etc", "a/../..", "a//b", "./a" };
	struct fixture *f = *state;
	struct gty_tree tree;
	char buf[16];

	assert_int_equal(create(f, "v", NULL, 0), 0);
	int fd = tree_of(f, "v", "a", NULL, 0);
	assert_int_equal(mkdirat(fd, "in", 0755) | mkdirat(fd, "in/it", 0755), 0);
	harness_write(fd, "in/it/x", "y");
	assert_int_equal(
		symlinkat("/", fd, "root") | symlinkat("../../..", fd, "up") | symlinkat("in", fd, "ok"), 0);
	close(fd);
	assert_int_equal(mount_with(f, "v", "a", NULL, 0, "ok/it", &tree), 0);
	assert_string_equal(harness_read(tree.fd, "x", buf, sizeof buf), "y");
	close(tree.fd);
	for (size_t i = 0; i < NUM(bad); i++)
		assert_int_equal(mount_with(f, "v", "a", NULL, 0, bad[i], &tree), -EINVAL);
	assert_int_equal(mount_with(f, "v", "a", NULL, 0, "root/etc", &tree), -EXDEV);
	assert_int_equal(f->h->kind, GTY_E_DENIED);
	assert_int_equal(mount_with(f, "v", "a", NULL, 0, "up", &tree), -EXDEV);
	assert_int_equal(mount_with(f, "v", "a", NULL, 0, "in/nothing", &tree), -ENOENT);
	assert_int_equal(mount_with(f, "v", "a", NULL, 0, "in/it/x", &tree), -ENOTDIR);
	assert_int_equal(f->h->kind, GTY_E_NOT_FOUND);
}

static struct gty_recover_rep *recover(
	struct fixture *f, const struct gty_known *known, uint32_t n, uint32_t flags)
{
	struct gty_call *call = harness_call(f->h);
	struct gty_recover_req *req = harness_struct(f->h, sizeof *req);
	struct gty_recover_rep *rep = harness_struct(f->h, sizeof *rep);

	req->v = known;
	req->n = n;
	req->flags = flags;
	assert_int_equal(f->ops->recover(f->vd, call, req, rep), 0);
	return rep;
}

static void test_recover(void **state)
{
	const struct gty_kv opts[] = { { "type", "tmpfs" }, { "device", "tmpfs" } };
	const struct gty_known known[] = {
		{ .what = GTY_KNOWN_VOLUME, .id = "kept" },
		{ .what = GTY_KNOWN_VOLUME, .id = "half", .flags = GTY_KNOWN_F_PENDING },
		{ .what = GTY_KNOWN_VOLUME, .id = "lost" },
		{ .what = GTY_KNOWN_VOLUME, .id = "used" },
		{ .what = GTY_KNOWN_VOLUME, .id = "unused" },
		{ .what = GTY_KNOWN_MOUNT, .id = "used", .holder = "a" },
	};
	struct fixture *f = *state;
	char buf[16];

	assert_int_equal(
		create(f, "kept", NULL, 0) | create(f, "half", NULL, 0) | create(f, "unknown", NULL, 0), 0);
	assert_int_equal(create(f, "used", opts, 2) | create(f, "unused", opts, 2), 0);
	close(tree_of(f, "unused", "b", opts, 2));
	int fd = tree_of(f, "used", "a", opts, 2);
	harness_write(fd, "x", "y");
	close(fd);
	f->ops->close(f->vd);
	assert_int_equal(open_driver(f), 0);
	assert_int_equal(harness_mounts(), f->mounts + 2);
	assert_int_equal(recover(f, known, NUM(known), GTY_RECOVER_DRY)->n, 1);
	assert_int_equal(harness_entries(f->h->root, "half"), 1);
	struct gty_recover_rep *rep = recover(f, known, NUM(known), 0);
	assert_int_equal(rep->n, 1);
	assert_string_equal(rep->v[0].id, "lost");
	assert_int_equal(harness_entries(f->h->root, "half"), -1);
	assert_int_equal(harness_entries(f->h->root, "unknown"), -1);
	assert_int_equal(harness_entries(f->h->root, ".aside/unknown"), 1);
	/* A tmpfs whose holder lives on is the same one after the restart. */
	assert_int_equal(harness_mounts(), f->mounts + 1);
	fd = tree_of(f, "used", "c", opts, 2);
	assert_string_equal(harness_read(fd, "x", buf, sizeof buf), "y");
	close(fd);
	assert_int_equal(unmount(f, "used", "a") | unmount(f, "used", "c"), 0);
	assert_int_equal(harness_mounts(), f->mounts);
	assert_true(trash_empties(f));
}

static void test_describe_and_usage(void **state)
{
	struct fixture *f = *state;

	assert_int_equal(create(f, "v", NULL, 0), 0);
	int fd = tree_of(f, "v", "a", NULL, 0);
	harness_write(fd, "x", "y");
	close(fd);
	struct gty_call *call = harness_call(f->h);
	struct gty_volume_usage *usage = harness_struct(f->h, sizeof *usage);
	assert_int_equal(f->ops->usage(f->vd, call, ref_to(f, "v"), usage), 0);
	assert_int_equal(usage->inodes, 1);
	assert_true(usage->bytes > 0);
	call = harness_call(f->h);
	struct gty_volume_rep *rep = harness_struct(f->h, sizeof *rep);
	assert_int_equal(f->ops->describe(f->vd, call, ref_to(f, "v"), rep), 0);
	assert_non_null(strstr(rep->where, "/v/_data"));
	call = harness_call(f->h);
	rep = harness_struct(f->h, sizeof *rep);
	assert_int_equal(f->ops->describe(f->vd, call, ref_to(f, "w"), rep), -ENOENT);
	assert_null(rep->where);
}

#define ONCE(test) cmocka_unit_test_setup_teardown(test, setup, teardown)

int main(void)
{
	const struct CMUnitTest tests[] = {
		ONCE(test_plain_volume),
		ONCE(test_names),
		ONCE(test_options_checked),
		ONCE(test_create_with_other_options),
		ONCE(test_bind),
		ONCE(test_tmpfs_is_shared),
		ONCE(test_network_steps),
		ONCE(test_subpath),
		ONCE(test_recover),
		ONCE(test_describe_and_usage),
	};

	if (!harness_private_mounts()) {
		puts("1..0 # SKIP mounts need root");
		return 0;
	}
	return cmocka_run_group_tests(tests, NULL, NULL);
}
