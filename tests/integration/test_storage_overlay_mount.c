/* SPDX-License-Identifier: Apache-2.0 */
/* Trees of the overlay driver: what is seen in them and who may have them. */
#define OVERLAY_ON_TMPFS 1
#include "tests/integration/overlay_fixture.h"

#include "lib/base/sys.h"

#include <errno.h>
#include <pthread.h>
#include <sched.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/sysmacros.h>
#include <sys/wait.h>
#include <sys/xattr.h>

static void fill_lower(struct store *s)
{
	struct gty_stage_rep staged;

	assert_int_equal(store_stage(s, 1, 0, &staged), 0);
	assert_int_equal(mkdirat(staged.fd, "d", 0755), 0);
	harness_write(staged.fd, "gone", "lower");
	harness_write(staged.fd, "kept", "lower");
	harness_write(staged.fd, "d/hidden", "lower");
	assert_int_equal(linkat(staged.fd, "kept", staged.fd, "again", 0), 0);
	int fd = openat(staged.fd, "kept", O_RDONLY | O_CLOEXEC);
	assert_int_equal(
		fsetxattr(fd, "security.capability", "\1\0\0\2\0\4\0\0\0\0\0\0\0\0\0\0\0\0\0\0", 20, 0), 0);
	close(fd);
	close(staged.fd);
	assert_int_equal(store_commit(s, 1), 0);
}

static void fill_upper(struct store *s)
{
	struct gty_stage_rep staged;

	assert_int_equal(store_stage(s, 2, 1, &staged), 0);
	assert_int_equal(mknodat(staged.fd, "gone", S_IFCHR, makedev(0, 0)), 0);
	assert_int_equal(mkdirat(staged.fd, "d", 0755), 0);
	harness_write(staged.fd, "d/shown", "upper");
	int fd = openat(staged.fd, "d", O_RDONLY | O_DIRECTORY | O_CLOEXEC);
	assert_int_equal(fsetxattr(fd, "trusted.overlay.opaque", "y", 1, 0), 0);
	close(fd);
	close(staged.fd);
	assert_int_equal(store_commit(s, 2), 0);
}

static void test_mount_merges(void **state)
{
	struct store *s = *state;
	char buf[32];
	struct stat st;

	fill_lower(s);
	fill_upper(s);
	assert_int_equal(store_create(s, 3, 2, NULL, 0, NULL), 0);
	int fd = mounted(s, 3, "c", 0);
	assert_int_equal(fstatat(fd, "gone", &st, AT_SYMLINK_NOFOLLOW), -1);
	assert_int_equal(fstatat(fd, "d/hidden", &st, AT_SYMLINK_NOFOLLOW), -1);
	assert_string_equal(harness_read(fd, "d/shown", buf, sizeof buf), "upper");
	assert_string_equal(harness_read(fd, "kept", buf, sizeof buf), "lower");
	int kept = openat(fd, "kept", O_RDONLY | O_CLOEXEC);
	assert_int_equal(fgetxattr(kept, "security.capability", buf, sizeof buf), 20);
	close(kept);
	harness_write(fd, "kept", "changed");
	assert_int_equal(unlinkat(fd, "d/shown", 0), 0);
	close(fd);
	/* The layers below are as they were. */
	assert_int_equal(store_unmount(s, 3, "c"), 0);
	fd = mounted(s, 2, "look", GTY_MOUNT_RDONLY);
	assert_string_equal(harness_read(fd, "kept", buf, sizeof buf), "lower");
	assert_string_equal(harness_read(fd, "d/shown", buf, sizeof buf), "upper");
	assert_int_equal(openat(fd, "new", O_CREAT | O_WRONLY | O_CLOEXEC, 0644), -1);
	assert_int_equal(errno, EROFS);
	close(fd);
}

static void test_mount_single_layer(void **state)
{
	struct store *s = *state;
	struct gty_tree tree;
	char buf[32];

	store_layer(s, 1, 0);
	assert_int_equal(store_mount(s, 1, "a", GTY_MOUNT_RDONLY | GTY_MOUNT_NO_STEPS, NULL, &tree), 0);
	assert_true(tree.attrs & MOUNT_ATTR_RDONLY);
	assert_string_equal(tree.state, "ro");
	assert_string_equal(harness_read(tree.fd, "top", buf, sizeof buf), "1");
	close(tree.fd);
	assert_int_equal(store_create(s, 2, 0, NULL, 0, NULL), 0);
	int fd = mounted(s, 2, "a", 0);
	harness_write(fd, "mine", "x");
	close(fd);
	assert_int_equal(store_unmount(s, 2, "a"), 0);
	fd = mounted(s, 2, "b", GTY_MOUNT_RDONLY);
	assert_string_equal(harness_read(fd, "mine", buf, sizeof buf), "x");
	close(fd);
}

/* Moves the tree into a mount namespace of its own, as a container's is. */
static int look_inside(const struct gty_tree *tree, const char *at, unsigned layers)
{
	char name[32], buf[32], want[32];

	if (unshare(CLONE_NEWNS) < 0 || mount(NULL, "/", NULL, MS_REC | MS_PRIVATE, NULL) < 0)
		return 10;
	if (tree->form == GTY_TREE_STEPS) {
		if (chdir(tree->base) < 0 ||
			mount("overlay", at, "overlay", tree->steps[0].flags, tree->steps[0].data) < 0)
			return 11;
	} else if (sys_move_mount(tree->fd, "", AT_FDCWD, at, MOVE_MOUNT_F_EMPTY_PATH) < 0) {
		return 12;
	}
	int fd = open(at, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
	for (unsigned i = 1; i <= layers; i++) {
		snprintf(name, sizeof name, "f%u", i);
		snprintf(want, sizeof want, "%u", i);
		if (strcmp(harness_read(fd, name, buf, sizeof buf), want) != 0)
			return 13;
	}
	snprintf(want, sizeof want, "%u", layers);
	if (strcmp(harness_read(fd, "top", buf, sizeof buf), want) != 0)
		return 14;
	return openat(fd, "written", O_CREAT | O_WRONLY | O_CLOEXEC, 0644) < 0 ? 15 : 0;
}

static int exit_of_child(const struct gty_tree *tree, const char *at, unsigned layers)
{
	int status;
	pid_t pid = fork();

	if (pid == 0)
		_exit(look_inside(tree, at, layers));
	assert_int_equal(waitpid(pid, &status, 0), pid);
	return WEXITSTATUS(status);
}

#define LONG_CHAIN 200

static void test_mount_long_chain(void **state)
{
	struct store *s = *state;
	struct gty_tree tree;
	char at[300];

	snprintf(at, sizeof at, "%s/at", s->h->top);
	assert_int_equal(mkdir(at, 0700), 0);
	for (unsigned i = 1; i <= LONG_CHAIN; i++)
		store_layer(s, i, i - 1);
	assert_int_equal(store_create(s, 1000, LONG_CHAIN, NULL, 0, NULL), 0);
	assert_int_equal(store_mount(s, 1000, "c", 0, NULL, &tree), 0);
	assert_int_equal(exit_of_child(&tree, at, LONG_CHAIN), 0);
	if (tree.form == GTY_TREE_MOUNT)
		close(tree.fd);
	assert_int_equal(store_mount(s, 1000, "c", GTY_MOUNT_NO_STEPS, NULL, &tree), 0);
	assert_int_equal(tree.form, GTY_TREE_MOUNT);
	assert_int_equal(exit_of_child(&tree, at, LONG_CHAIN), 0);
	close(tree.fd);
}

static void test_mount_one_writer(void **state)
{
	struct store *s = *state;
	struct gty_tree tree;

	store_layer(s, 1, 0);
	assert_int_equal(store_create(s, 2, 1, NULL, 0, NULL), 0);
	close(mounted(s, 2, "a", 0));
	close(mounted(s, 2, "a", 0));
	assert_int_equal(store_mount(s, 2, "b", GTY_MOUNT_NO_STEPS, NULL, &tree), -EBUSY);
	assert_int_equal(s->h->kind, GTY_E_CONFLICT);
	assert_non_null(strstr(s->h->text, "'a'"));
	assert_int_equal(store_mount(s, 2, "b", GTY_MOUNT_NO_STEPS | GTY_MOUNT_RDONLY, NULL, &tree), -EBUSY);
	assert_int_equal(store_remove(s, 2), -EBUSY);
	/* A set, not a count. */
	assert_int_equal(store_unmount(s, 2, "a"), 0);
	assert_int_equal(store_unmount(s, 2, "a"), 0);
	assert_int_equal(store_unmount(s, 99, "a"), 0);
	close(mounted(s, 2, "b", 0));
	/* Image layers have any number of readers. */
	close(mounted(s, 1, "a", GTY_MOUNT_RDONLY));
	close(mounted(s, 1, "b", GTY_MOUNT_RDONLY));
	assert_int_equal(store_unmount(s, 2, "b"), 0);
	assert_int_equal(store_mount(s, 77, "a", GTY_MOUNT_NO_STEPS, NULL, &tree), -ENOENT);
	assert_int_equal(s->h->kind, GTY_E_NOT_FOUND);
	assert_int_equal(store_mount(s, 2, "a", GTY_MOUNT_BLOCK, NULL, &tree), -EOPNOTSUPP);
	assert_int_equal(s->h->kind, GTY_E_UNSUPPORTED);
}

static void test_volatile_mounts_again(void **state)
{
	struct store *s = *state;
	const struct gty_kv opts[] = { { "volatile", "true" } };

	assert_int_equal(store_create(s, 1, 0, opts, 1, NULL), 0);
	for (int i = 0; i < 3; i++) {
		int fd = mounted(s, 1, "a", 0);
		harness_write(fd, "x", "y");
		close(fd);
		assert_int_equal(store_unmount(s, 1, "a"), 0);
	}
}

struct record {
	const char *path;
	uint8_t kind, flags;
};

static void read_changes(struct store *s, unsigned n, const struct record *want, size_t want_n)
{
	char buf[4096], path[256];
	size_t at = 0, found = 0;
	int ends[2];

	assert_int_equal(pipe2(ends, O_CLOEXEC), 0);
	struct gty_call *call = harness_call(s->h);
	struct gty_ref *ref = store_ref(s, id_of(n));
	ref->fd = ends[1];
	assert_int_equal(s->ops->changes(s->st, call, ref), 0);
	close(ends[1]);
	ssize_t len = read(ends[0], buf, sizeof buf);
	close(ends[0]);
	while (len > 0 && at < (size_t)len) {
		struct gty_change c;
		bool known = false;
		memcpy(&c, buf + at, sizeof c);
		snprintf(path, sizeof path, "%.*s", c.path_len, buf + at + sizeof c);
		at += sizeof c + c.path_len;
		for (size_t i = 0; i < want_n; i++)
			known = known || (strcmp(want[i].path, path) == 0 && want[i].kind == c.kind &&
						 want[i].flags == c.flags);
		if (!known)
			fprintf(stderr, "# unexpected: %s kind %d flags %d\n", path, c.kind, c.flags);
		assert_true(known);
		found++;
	}
	assert_int_equal(found, want_n);
}

static void test_changes(void **state)
{
	static const struct record want[] = { { "kept", 0, 0 }, { "gone", 2, 0 }, { "d", 0, 1 },
		{ "d/fresh", 1, 0 }, { "e", 0, 0 }, { "e/deep", 0, 0 }, { "e/deep/changed", 0, 0 },
		{ "new", 1, 0 }, { "new/file", 1, 0 } };
	struct store *s = *state;
	struct gty_stage_rep staged;

	assert_int_equal(store_stage(s, 1, 0, &staged), 0);
	assert_int_equal(mkdirat(staged.fd, "d", 0755) | mkdirat(staged.fd, "e", 0755), 0);
	assert_int_equal(mkdirat(staged.fd, "e/deep", 0755), 0);
	harness_write(staged.fd, "kept", "1");
	harness_write(staged.fd, "gone", "1");
	harness_write(staged.fd, "d/old", "1");
	harness_write(staged.fd, "e/deep/changed", "1");
	harness_write(staged.fd, "untouched", "1");
	close(staged.fd);
	assert_int_equal(store_commit(s, 1), 0);
	assert_int_equal(store_create(s, 2, 1, NULL, 0, NULL), 0);
	read_changes(s, 2, NULL, 0);
	int fd = mounted(s, 2, "a", 0);
	harness_write(fd, "kept", "2");
	assert_int_equal(unlinkat(fd, "gone", 0), 0);
	assert_int_equal(unlinkat(fd, "d/old", 0) | unlinkat(fd, "d", AT_REMOVEDIR), 0);
	assert_int_equal(mkdirat(fd, "d", 0755), 0);
	harness_write(fd, "d/fresh", "2");
	harness_write(fd, "e/deep/changed", "2");
	assert_int_equal(mkdirat(fd, "new", 0755), 0);
	harness_write(fd, "new/file", "2");
	/* Made and gone again: no change to tell. */
	harness_write(fd, "brief", "2");
	assert_int_equal(unlinkat(fd, "brief", 0), 0);
	/* While it is in use. */
	read_changes(s, 2, want, sizeof want / sizeof want[0]);
	close(fd);
}

/* A user namespace that maps 0.. to 100000..; the caller closes the descriptor. */
static int mapped_namespace(void)
{
	int ends[2];
	char path[64], c;

	assert_int_equal(pipe2(ends, O_CLOEXEC), 0);
	pid_t pid = fork();
	if (pid == 0) {
		c = unshare(CLONE_NEWUSER) == 0 ? 'y' : 'n';
		if (write(ends[1], &c, 1) == 1)
			pause();
		_exit(0);
	}
	assert_int_equal(read(ends[0], &c, 1), 1);
	assert_int_equal(c, 'y');
	for (int i = 0; i < 2; i++) {
		snprintf(path, sizeof path, "/proc/%d/%s", pid, i ? "gid_map" : "uid_map");
		int map = open(path, O_WRONLY | O_CLOEXEC);
		assert_int_equal(write(map, "0 100000 65536\n", 15), 15);
		close(map);
	}
	snprintf(path, sizeof path, "/proc/%d/ns/user", pid);
	int fd = open(path, O_RDONLY | O_CLOEXEC);
	kill(pid, SIGKILL);
	waitpid(pid, NULL, 0);
	close(ends[0]);
	close(ends[1]);
	return fd;
}

static void test_mount_mapped(void **state)
{
	static const struct gty_idmap map[] = { { 0, 100000, 65536, 0 } };
	struct store *s = *state;
	struct gty_tree tree;
	struct stat st;

	store_layer(s, 1, 0);
	int userns = mapped_namespace();
	const struct gty_idmaps maps = { sizeof maps, userns, map, map, 1, 1 };
	assert_int_equal(store_create(s, 2, 1, NULL, 0, &maps), 0);
	int r = store_mount(s, 2, "a", GTY_MOUNT_NO_STEPS, &maps, &tree);
	close(userns);
	if (!(s->caps & GTY_STORAGE_CAP_IDMAP)) {
		assert_int_equal(r, -EOPNOTSUPP);
		assert_int_equal(s->h->kind, GTY_E_UNSUPPORTED);
		return;
	}
	assert_int_equal(r, 0);
	assert_true(tree.flags & GTY_TREE_F_IDMAPPED);
	assert_int_equal(fstatat(tree.fd, "f1", &st, 0), 0);
	assert_int_equal(st.st_uid, 100000);
	assert_int_equal(fstat(tree.fd, &st), 0);
	assert_int_equal(st.st_uid, 100000);
	close(tree.fd);
	char path[300];
	snprintf(path, sizeof path, "%s/%s/diff/f1", s->h->root, id_of(1));
	assert_int_equal(stat(path, &st), 0);
	assert_int_equal(st.st_uid, 0);
}

/* The root folder of a tree is the uppermost layer's. */
static void test_root_folder_inherited(void **state)
{
	struct store *s = *state;
	struct gty_stage_rep staged;
	struct stat st;

	assert_int_equal(store_stage(s, 1, 0, &staged), 0);
	assert_int_equal(fchown(staged.fd, 12, 34) | fchmod(staged.fd, 01750), 0);
	close(staged.fd);
	assert_int_equal(store_commit(s, 1), 0);
	assert_int_equal(store_create(s, 2, 1, NULL, 0, NULL), 0);
	int fd = mounted(s, 2, "a", 0);
	assert_int_equal(fstat(fd, &st), 0);
	close(fd);
	assert_int_equal(st.st_uid, 12);
	assert_int_equal(st.st_gid, 34);
	assert_int_equal(st.st_mode & 07777, 01750);
}

struct worker {
	struct store s;
	unsigned first;
	int failed;
};

static void *work(void *arg)
{
	struct worker *w = arg;
	struct gty_tree tree;

	for (unsigned i = w->first; i < w->first + 40; i++) {
		if (store_create(&w->s, i, 1, NULL, 0, NULL) < 0 ||
			store_mount(&w->s, i, "c", GTY_MOUNT_NO_STEPS, NULL, &tree) < 0) {
			w->failed = 1;
			return NULL;
		}
		close(tree.fd);
		if (store_unmount(&w->s, i, "c") < 0 || store_remove(&w->s, i) < 0)
			w->failed = 2;
	}
	return NULL;
}

static void test_many_ids_at_once(void **state)
{
	struct store *s = *state;
	struct worker workers[4];
	pthread_t threads[4];

	store_layer(s, 1, 0);
	for (unsigned i = 0; i < 4; i++) {
		workers[i] = (struct worker){ .s = *s, .first = 1000 * (i + 1) };
		workers[i].s.h = harness_twin(s->h);
		assert_int_equal(pthread_create(&threads[i], NULL, work, &workers[i]), 0);
	}
	for (unsigned i = 0; i < 4; i++) {
		pthread_join(threads[i], NULL);
		assert_int_equal(workers[i].failed, 0);
		harness_free(workers[i].s.h);
	}
	assert_int_equal(store_list(s, NULL, 0)->n, 1);
}

static void test_probe_refuses_overlay(void **state)
{
	struct store *s = *state;

	assert_int_equal(store_create(s, 1, 0, NULL, 0, NULL), 0);
	int fd = mounted(s, 1, "a", 0);
	struct gty_call *call = harness_call(s->h);
	struct gty_open req = harness_open(s->h, NULL, 0);
	assert_int_equal(s->ops->probe(&s->h->host, call, &req), 0);
	call = harness_call(s->h);
	req.root_fd = fd;
	assert_int_equal(s->ops->probe(&s->h->host, call, &req), -EOPNOTSUPP);
	assert_int_equal(s->h->kind, GTY_E_UNSUPPORTED);
	assert_non_null(strstr(s->h->text, "overlayfs"));
	close(fd);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		TWICE(test_mount_merges),
		TWICE(test_mount_single_layer),
		TWICE(test_mount_long_chain),
		TWICE(test_mount_one_writer),
		TWICE(test_volatile_mounts_again),
		TWICE(test_changes),
		TWICE(test_mount_mapped),
		TWICE(test_root_folder_inherited),
		TWICE(test_many_ids_at_once),
		TWICE(test_probe_refuses_overlay),
	};

	if (!harness_private_mounts()) {
		puts("1..0 # SKIP overlay mounts need root");
		return 0;
	}
	return cmocka_run_group_tests(tests, NULL, NULL);
}
