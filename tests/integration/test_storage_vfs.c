/* SPDX-License-Identifier: Apache-2.0 */
#include "tests/integration/storage_calls.h"

#include "lib/base/sys.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/sysmacros.h>
#include <sys/xattr.h>

static int mounts_before, descriptors_before;

static int setup(void **state)
{
	struct store *s = calloc(1, sizeof *s);

	s->h = harness_new("storage-vfs", "vfs");
	if (!s->h)
		return -1;
	s->ops = s->h->driver->ops;
	mounts_before = harness_mounts();
	descriptors_before = harness_descriptors();
	*state = s;
	return store_open(s, NULL, 0);
}

static int teardown(void **state)
{
	struct store *s = *state;

	s->ops->close(s->st);
	harness_call(s->h);
	int r = harness_mounts() == mounts_before && harness_descriptors() == descriptors_before ? 0 : -1;
	harness_free(s->h);
	free(s);
	return r;
}

static int tree_of(struct store *s, unsigned n, uint32_t flags, uint64_t *ret_attrs)
{
	struct gty_tree tree;

	assert_int_equal(store_mount(s, n, "a", flags, NULL, &tree), 0);
	assert_int_equal(tree.form, GTY_TREE_DIR);
	*ret_attrs = tree.attrs;
	return tree.fd;
}

static void test_layers_are_copies(void **state)
{
	struct store *s = *state;
	struct gty_stage_rep staged;
	uint64_t attrs;
	char buf[32];

	store_layer(s, 1, 0);
	assert_int_equal(store_stage(s, 2, 1, &staged), 0);
	assert_int_equal(staged.whiteout, GTY_WHITEOUT_APPLY);
	assert_string_equal(harness_read(staged.fd, "f1", buf, sizeof buf), "1");
	assert_int_equal(unlinkat(staged.fd, "f1", 0), 0);
	harness_write(staged.fd, "top", "2");
	close(staged.fd);
	assert_int_equal(store_commit(s, 2), 0);
	assert_int_equal(store_commit(s, 2), 0);
	assert_int_equal(store_create(s, 3, 2, NULL, 0, NULL), 0);
	assert_int_equal(store_create(s, 3, 2, NULL, 0, NULL), 0);
	int fd = tree_of(s, 3, 0, &attrs);
	assert_int_equal(attrs, 0);
	assert_int_equal(faccessat(fd, "f1", F_OK, 0), -1);
	harness_write(fd, "top", "3");
	close(fd);
	fd = tree_of(s, 2, 0, &attrs);
	assert_int_equal(attrs, MOUNT_ATTR_RDONLY);
	assert_string_equal(harness_read(fd, "top", buf, sizeof buf), "2");
	close(fd);
	fd = tree_of(s, 1, GTY_MOUNT_RDONLY, &attrs);
	assert_string_equal(harness_read(fd, "f1", buf, sizeof buf), "1");
	close(fd);
	assert_int_equal(store_unmount(s, 3, "a"), 0);
	assert_int_equal(store_unmount(s, 9, "a"), 0);
	assert_string_equal(kvs_get(store_describe(s, 3), "Dir") + strlen(s->h->root) + 1 + 64, "/fs");
}

static void fill_odd_files(int fd)
{
	const struct timespec old[2] = { { 1000, 1 }, { 2000, 2 } };

	assert_int_equal(mkdirat(fd, "d", 0755), 0);
	harness_write(fd, "d/a", "a");
	assert_int_equal(linkat(fd, "d/a", fd, "b", 0), 0);
	assert_int_equal(symlinkat("d/a", fd, "l"), 0);
	assert_int_equal(fchownat(fd, "l", 7, 8, AT_SYMLINK_NOFOLLOW), 0);
	assert_int_equal(utimensat(fd, "l", old, AT_SYMLINK_NOFOLLOW), 0);
	assert_int_equal(mknodat(fd, "null", S_IFCHR | 0666, makedev(1, 3)), 0);
	assert_int_equal(mknodat(fd, "pipe", S_IFIFO | 0600, 0), 0);
	harness_write(fd, "suid", "x");
	assert_int_equal(fchownat(fd, "suid", 12, 34, 0) | fchmodat(fd, "suid", 06755, 0), 0);
	int sparse = openat(fd, "sparse", O_CREAT | O_WRONLY | O_CLOEXEC, 0600);
	assert_int_equal(pwrite(sparse, "end", 3, 1 << 24), 3);
	assert_int_equal(ftruncate(sparse, 1 << 25), 0);
	assert_int_equal(fsetxattr(sparse, "user.note", "kept", 4, 0), 0);
	close(sparse);
	assert_int_equal(utimensat(fd, "d", old, 0), 0);
	assert_int_equal(fchmod(fd, 01711), 0);
}

static void check_odd_files(int fd)
{
	struct stat st, other;
	char buf[32];

	assert_int_equal(fstat(fd, &st), 0);
	assert_int_equal(st.st_mode & 07777, 01711);
	assert_int_equal(fstatat(fd, "d/a", &st, 0) | fstatat(fd, "b", &other, 0), 0);
	assert_int_equal(st.st_ino, other.st_ino);
	assert_int_equal(st.st_nlink, 2);
	assert_int_equal(fstatat(fd, "l", &st, AT_SYMLINK_NOFOLLOW), 0);
	assert_true(S_ISLNK(st.st_mode));
	assert_int_equal(st.st_uid, 7);
	assert_int_equal(st.st_mtim.tv_sec, 2000);
	assert_int_equal(fstatat(fd, "null", &st, 0), 0);
	assert_true(S_ISCHR(st.st_mode) && st.st_rdev == makedev(1, 3));
	assert_int_equal(st.st_mode & 07777, 0666 & ~022);
	assert_int_equal(fstatat(fd, "pipe", &st, 0), 0);
	assert_true(S_ISFIFO(st.st_mode));
	assert_int_equal(fstatat(fd, "suid", &st, 0), 0);
	assert_int_equal(st.st_mode & 07777, 06755);
	assert_int_equal(st.st_uid, 12);
	assert_int_equal(fstatat(fd, "d", &st, 0), 0);
	assert_int_equal(st.st_mtim.tv_sec, 2000);
	assert_int_equal(st.st_mtim.tv_nsec, 2);
	int sparse = openat(fd, "sparse", O_RDONLY | O_CLOEXEC);
	assert_int_equal(fstat(sparse, &st), 0);
	assert_int_equal(st.st_size, 1 << 25);
	assert_true(st.st_blocks * 512 < 1 << 20);
	assert_int_equal(pread(sparse, buf, 3, 1 << 24), 3);
	assert_memory_equal(buf, "end", 3);
	assert_int_equal(fgetxattr(sparse, "user.note", buf, sizeof buf), 4);
	close(sparse);
}

static void test_copy_is_faithful(void **state)
{
	struct store *s = *state;
	struct gty_stage_rep staged;
	uint64_t attrs;

	assert_int_equal(store_stage(s, 1, 0, &staged), 0);
	fill_odd_files(staged.fd);
	close(staged.fd);
	assert_int_equal(store_commit(s, 1), 0);
	assert_int_equal(store_create(s, 2, 1, NULL, 0, NULL), 0);
	int fd = tree_of(s, 2, 0, &attrs);
	int rd = openat(fd, ".", O_RDONLY | O_DIRECTORY | O_CLOEXEC);
	check_odd_files(rd);
	close(rd);
	close(fd);
}

static void test_parent_needed(void **state)
{
	struct store *s = *state;
	struct gty_stage_rep staged;
	struct gty_tree tree;

	assert_int_equal(store_stage(s, 2, 1, &staged), -ENOENT);
	assert_int_equal(s->h->kind, GTY_E_NOT_FOUND);
	assert_int_equal(store_create(s, 2, 1, NULL, 0, NULL), -ENOENT);
	assert_int_equal(harness_entries(s->h->root, "staging"), 0);
	assert_int_equal(store_commit(s, 2), -ENOENT);
	assert_int_equal(store_mount(s, 2, "a", 0, NULL, &tree), -ENOENT);
	assert_int_equal(s->h->kind, GTY_E_NOT_FOUND);
	assert_int_equal(store_stage(s, 1, 0, &staged), 0);
	close(staged.fd);
	assert_int_equal(store_commit(s, 1), 0);
	assert_int_equal(store_stage(s, 1, 0, &staged), 0);
	assert_int_equal(staged.form, GTY_STAGE_READY);
	assert_int_equal(store_create(s, 1, 0, NULL, 0, NULL), -EEXIST);
	assert_int_equal(s->h->kind, GTY_E_CONFLICT);
}

static void test_copy_gives_up(void **state)
{
	struct store *s = *state;
	struct gty_create_req *req;
	struct gty_kvs *rep;

	store_layer(s, 1, 0);
	struct gty_call *call = harness_call(s->h);
	call->deadline_ns = 1;
	req = harness_struct(s->h, sizeof *req);
	rep = harness_struct(s->h, sizeof *rep);
	req->id = id_of(2);
	req->parent = id_of(1);
	assert_int_equal(s->ops->create(s->st, call, req, rep), -ETIMEDOUT);
	assert_int_equal(s->h->kind, GTY_E_TIMEOUT);
	assert_int_equal(harness_entries(s->h->root, "staging"), 0);
	assert_int_equal(store_list(s, NULL, 0)->n, 1);
}

static void test_remove_and_recover(void **state)
{
	struct store *s = *state;
	struct gty_stage_rep staged;
	struct gty_usage freed;

	store_layer(s, 1, 0);
	store_layer(s, 2, 1);
	assert_int_equal(store_create(s, 3, 2, NULL, 0, NULL), 0);
	assert_int_equal(store_create(s, 4, 2, NULL, 0, NULL), 0);
	assert_int_equal(store_stage(s, 5, 2, &staged), 0);
	close(staged.fd);
	assert_int_equal(store_list(s, NULL, 0)->v[4].flags, GTY_LAYER_STAGED);
	s->ops->close(s->st);
	assert_int_equal(store_open(s, NULL, 0), 0);
	const struct gty_known known[] = {
		{ .what = GTY_KNOWN_LAYER, .id = id_of(1) },
		{ .what = GTY_KNOWN_LAYER, .id = id_of(2), .parent = id_of(1) },
		{ .what = GTY_KNOWN_LAYER, .id = id_of(4), .parent = id_of(2), .flags = GTY_KNOWN_F_PENDING },
		{ .what = GTY_KNOWN_LAYER, .id = id_of(6), .parent = id_of(2) },
	};
	struct gty_recover_rep *rep = store_recover(s, known, 4, GTY_RECOVER_REBOOT);
	assert_int_equal(rep->n, 1);
	assert_string_equal(rep->v[0].id, id_of(6));
	struct gty_layers *list = store_list(s, NULL, 0);
	assert_int_equal(list->n, 2);
	assert_string_equal(list->v[1].parent, id_of(1));
	assert_int_equal(harness_entries(s->h->root, "aside"), 1);
	assert_int_equal(store_remove(s, 2), 0);
	assert_int_equal(store_remove(s, 2), 0);
	assert_int_equal(store_sweep(s, &freed), 0);
	assert_true(freed.bytes > 0);
	assert_int_equal(harness_entries(s->h->root, "trash"), 0);
	assert_int_equal(store_usage(s, 1, &freed), 0);
	assert_int_equal(freed.inodes, 2);
}

#define ONCE(test) cmocka_unit_test_setup_teardown(test, setup, teardown)

int main(void)
{
	const struct CMUnitTest tests[] = {
		ONCE(test_layers_are_copies),
		ONCE(test_copy_is_faithful),
		ONCE(test_parent_needed),
		ONCE(test_copy_gives_up),
		ONCE(test_remove_and_recover),
	};

	if (!harness_private_mounts()) {
		puts("1..0 # SKIP owners and devices need root");
		return 0;
	}
	return cmocka_run_group_tests(tests, NULL, NULL);
}
