/* SPDX-License-Identifier: Apache-2.0 */
/* Layers of the overlay driver: how they come, go and are found again. */
#define OVERLAY_ON_TMPFS 0
#include "tests/integration/overlay_fixture.h"

#include <errno.h>
#include <string.h>
#include <sys/mount.h>
#include <sys/stat.h>

static void test_stage_repeated(void **state)
{
	struct store *s = *state;
	struct gty_stage_rep staged;

	assert_int_equal(store_stage(s, 1, 0, &staged), 0);
	assert_int_equal(staged.whiteout, GTY_WHITEOUT_OVERLAY);
	harness_write(staged.fd, "old", "");
	close(staged.fd);
	assert_int_equal(store_stage(s, 1, 0, &staged), 0);
	assert_int_equal(faccessat(staged.fd, "old", F_OK, 0), -1);
	harness_write(staged.fd, "new", "");
	close(staged.fd);
	assert_int_equal(store_commit(s, 1), 0);
	assert_int_equal(store_commit(s, 1), 0);
	assert_int_equal(store_stage(s, 1, 0, &staged), 0);
	assert_int_equal(staged.form, GTY_STAGE_READY);
	assert_int_equal(store_stage(s, 1, 9, &staged), -EEXIST);
	assert_int_equal(s->h->kind, GTY_E_CONFLICT);
}

static void test_commit_unknown(void **state)
{
	struct store *s = *state;
	struct gty_stage_rep staged;

	assert_int_equal(store_commit(s, 1), -ENOENT);
	assert_int_equal(s->h->kind, GTY_E_NOT_FOUND);
	/* Staged before its parent, but not committed before it. */
	assert_int_equal(store_stage(s, 2, 1, &staged), 0);
	close(staged.fd);
	assert_int_equal(store_commit(s, 2), -ENOENT);
	store_layer(s, 1, 0);
	assert_int_equal(store_commit(s, 2), 0);
}

static void test_ids_checked(void **state)
{
	static const char *const bad[] = { "", "..", "a", "../../etc", "l",
		"AAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAA",
		"00000000000000000000000000000000000000000000000000000000000000000" };
	struct store *s = *state;

	for (size_t i = 0; i < sizeof bad / sizeof bad[0]; i++) {
		struct gty_call *call = harness_call(s->h);
		assert_int_equal(s->ops->remove(s->st, call, store_ref(s, bad[i])), -EINVAL);
		assert_int_equal(s->h->kind, GTY_E_INVALID);
	}
}

static void test_depth_limited(void **state)
{
	struct store *s = *state;
	struct gty_stage_rep staged;
	char path[300], chain[4096] = "";
	size_t n = 0;

	/* A layer that claims to lie on as many others as there may be: made by hand, since making them takes
	 * long. */
	store_layer(s, 1, 0);
	for (unsigned i = 0; i + 1 < s->max_depth; i++)
		n += (size_t)snprintf(chain + n, sizeof chain - n, "%sl/abcd", i ? ":" : "");
	snprintf(chain + n, sizeof chain - n, "\n");
	snprintf(path, sizeof path, "%s/%s/lower", s->h->root, id_of(1));
	harness_write(AT_FDCWD, path, chain);
	assert_int_equal(store_create(s, 3, 1, NULL, 0, NULL), -ELOOP);
	assert_int_equal(s->h->kind, GTY_E_EXHAUSTED);
	assert_int_equal(store_stage(s, 2, 1, &staged), 0);
	close(staged.fd);
	assert_int_equal(store_commit(s, 2), -ELOOP);
}

static void test_create_repeated(void **state)
{
	struct store *s = *state;

	store_layer(s, 1, 0);
	store_layer(s, 2, 1);
	assert_int_equal(store_create(s, 3, 2, NULL, 0, NULL), 0);
	int fd = mounted(s, 3, "a", 0);
	harness_write(fd, "mine", "x");
	close(fd);
	assert_int_equal(store_create(s, 3, 2, NULL, 0, NULL), 0);
	assert_int_equal(store_create(s, 3, 1, NULL, 0, NULL), -EEXIST);
	assert_int_equal(s->h->kind, GTY_E_CONFLICT);
	assert_int_equal(store_create(s, 2, 1, NULL, 0, NULL), -EEXIST);
	assert_int_equal(store_create(s, 4, 44, NULL, 0, NULL), -ENOENT);
	assert_int_equal(s->h->kind, GTY_E_NOT_FOUND);
	assert_int_equal(harness_entries(s->h->root, "staging"), 0);
	struct gty_usage usage;
	assert_int_equal(store_usage(s, 3, &usage), 0);
	assert_int_equal(usage.inodes, 1);
}

static void test_create_without_quota(void **state)
{
	struct store *s = *state;
	const struct gty_kv size[] = { { "size", "10M" } }, bad[] = { { "size", "much" } };

	if (s->caps & GTY_STORAGE_CAP_QUOTA) {
		assert_int_equal(store_create(s, 1, 0, size, 1, NULL), 0);
		return;
	}
	assert_int_equal(store_create(s, 1, 0, size, 1, NULL), -EOPNOTSUPP);
	assert_int_equal(s->h->kind, GTY_E_UNSUPPORTED);
	assert_int_equal(store_create(s, 1, 0, bad, 1, NULL), -EINVAL);
}

static void test_remove_and_sweep(void **state)
{
	struct store *s = *state;
	struct gty_usage freed;

	assert_int_equal(store_remove(s, 5), 0);
	store_layer(s, 1, 0);
	assert_int_equal(harness_entries(s->h->root, "l"), 1);
	assert_int_equal(store_remove(s, 1), 0);
	assert_int_equal(harness_entries(s->h->root, "l"), 0);
	assert_int_equal(harness_entries(s->h->root, id_of(1)), -1);
	assert_int_equal(harness_entries(s->h->root, "trash"), 1);
	assert_int_equal(store_sweep(s, &freed), 0);
	assert_int_equal(harness_entries(s->h->root, "trash"), 0);
	assert_true(freed.bytes > 0 && freed.inodes >= 4);
	assert_int_equal(store_remove(s, 1), 0);
}

/* A container can nest folders deeper than any path is long. */
static void test_sweep_deep(void **state)
{
	struct store *s = *state;
	struct gty_usage freed;

	assert_int_equal(store_create(s, 1, 0, NULL, 0, NULL), 0);
	int fd = mounted(s, 1, "a", 0);
	for (int i = 0; i < 3000; i++) {
		assert_int_equal(mkdirat(fd, "d", 0755), 0);
		int below = openat(fd, "d", O_RDONLY | O_DIRECTORY | O_CLOEXEC);
		assert_true(below >= 0);
		close(fd);
		fd = below;
	}
	close(fd);
	assert_int_equal(store_unmount(s, 1, "a"), 0);
	assert_int_equal(store_usage(s, 1, &freed), -ELOOP);
	assert_int_equal(store_remove(s, 1), 0);
	assert_int_equal(store_sweep(s, &freed), 0);
	assert_true(freed.inodes >= 3000);
	assert_int_equal(harness_entries(s->h->root, "trash"), 0);
}

static void test_sweep_gives_up(void **state)
{
	struct store *s = *state;
	int ends[2];

	store_layer(s, 1, 0);
	assert_int_equal(store_remove(s, 1), 0);
	assert_int_equal(pipe2(ends, O_CLOEXEC), 0);
	assert_int_equal(write(ends[1], "x", 1), 1);
	struct gty_call *call = harness_call(s->h);
	struct gty_usage *freed = harness_struct(s->h, sizeof *freed);
	call->cancel_fd = ends[0];
	assert_int_equal(s->ops->sweep(s->st, call, freed), -ECANCELED);
	assert_int_equal(s->h->kind, GTY_E_CANCELLED);
	close(ends[0]);
	close(ends[1]);
	call = harness_call(s->h);
	call->deadline_ns = 1;
	assert_int_equal(s->ops->sweep(s->st, call, freed = harness_struct(s->h, sizeof *freed)), -ETIMEDOUT);
	assert_int_equal(harness_entries(s->h->root, "trash"), 1);
}

/* What is mounted into a layer's folder is not followed. */
static void test_sweep_stays_on_file_system(void **state)
{
	struct store *s = *state;
	struct gty_usage freed;
	char outside[300], inside[300];

	store_layer(s, 1, 0);
	snprintf(outside, sizeof outside, "%s/outside", s->h->top);
	assert_int_equal(mkdir(outside, 0700), 0);
	int fd = open(outside, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
	harness_write(fd, "canary", "alive");
	snprintf(inside, sizeof inside, "%s/%s/diff/in", s->h->root, id_of(1));
	assert_int_equal(mkdir(inside, 0700), 0);
	assert_int_equal(mount(outside, inside, NULL, MS_BIND, NULL), 0);
	assert_int_equal(store_remove(s, 1), 0);
	assert_int_equal(store_sweep(s, &freed), -EBUSY);
	assert_int_equal(s->h->kind, GTY_E_CONFLICT);
	assert_int_equal(faccessat(fd, "canary", F_OK, 0), 0);
	close(fd);
	assert_true(harness_unmount_below(s->h->root));
	assert_int_equal(store_sweep(s, &freed), 0);
}

static void test_recover_exact(void **state)
{
	struct store *s = *state;
	struct gty_stage_rep staged;

	store_layer(s, 1, 0);
	store_layer(s, 2, 1);
	store_layer(s, 3, 1);
	assert_int_equal(store_create(s, 4, 2, NULL, 0, NULL), 0);
	assert_int_equal(store_create(s, 5, 2, NULL, 0, NULL), 0);
	assert_int_equal(store_stage(s, 6, 1, &staged), 0); /* the daemon dies between stage and commit */
	close(staged.fd);
	reopen(s);
	const struct gty_known known[] = {
		{ .what = GTY_KNOWN_LAYER, .id = id_of(2), .parent = id_of(1) },
		{ .what = GTY_KNOWN_LAYER, .id = id_of(1) },
		{ .what = GTY_KNOWN_LAYER, .id = id_of(4), .parent = id_of(2) },
		{ .what = GTY_KNOWN_LAYER, .id = id_of(5), .parent = id_of(2), .flags = GTY_KNOWN_F_PENDING },
		{ .what = GTY_KNOWN_LAYER, .id = id_of(7), .parent = id_of(2) },
		{ .what = GTY_KNOWN_MOUNT, .id = id_of(4), .holder = "old", .state = "rw" },
	};
	const uint32_t n = sizeof known / sizeof known[0];
	struct gty_recover_rep *rep = store_recover(s, known, n, GTY_RECOVER_DRY);
	assert_int_equal(rep->n, 1);
	assert_int_equal(store_list(s, NULL, 0)->n, 6);
	rep = store_recover(s, known, n, 0);
	assert_int_equal(rep->n, 1);
	assert_string_equal(rep->v[0].id, id_of(7));
	struct gty_layers *list = store_list(s, NULL, 0);
	assert_int_equal(list->n, 3);
	assert_string_equal(list->v[0].id, id_of(1));
	assert_null(list->v[0].parent);
	assert_string_equal(list->v[1].parent, id_of(1));
	assert_string_equal(list->v[2].id, id_of(4));
	assert_int_equal(list->v[2].flags, GTY_LAYER_WRITABLE);
	assert_int_equal(harness_entries(s->h->root, "staging"), 0);
	assert_int_equal(harness_entries(s->h->root, "l"), 2);
	/* The old holder lives on in a container. */
	struct gty_tree tree;
	assert_int_equal(store_mount(s, 4, "new", GTY_MOUNT_NO_STEPS, NULL, &tree), -EBUSY);
	close(mounted(s, 4, "old", 0));
	assert_int_equal(store_recover(s, known, n, 0)->n, 1);
}

static void test_recover_reboot_sets_aside(void **state)
{
	struct store *s = *state;

	store_layer(s, 1, 0);
	assert_int_equal(store_create(s, 2, 1, NULL, 0, NULL), 0);
	assert_int_equal(store_recover(s, NULL, 0, GTY_RECOVER_REBOOT)->n, 0);
	assert_int_equal(store_list(s, NULL, 0)->n, 0);
	assert_int_equal(harness_entries(s->h->root, "aside"), 1);
}

static void test_recover_mends(void **state)
{
	struct store *s = *state;
	char path[300], link[8];

	store_layer(s, 1, 0);
	assert_int_equal(store_create(s, 2, 1, NULL, 0, NULL), 0);
	snprintf(path, sizeof path, "%s/%s/lower", s->h->root, id_of(2));
	assert_int_equal(truncate(path, 3), 0);
	struct gty_tree tree;
	assert_int_equal(store_mount(s, 2, "a", GTY_MOUNT_NO_STEPS, NULL, &tree), -EUCLEAN);
	/* A short name is lost, another leads nowhere. */
	snprintf(path, sizeof path, "%s/%s/link", s->h->root, id_of(1));
	harness_read(AT_FDCWD, path, link, sizeof link);
	snprintf(path, sizeof path, "%s/l/%s", s->h->root, link);
	assert_int_equal(unlink(path), 0);
	snprintf(path, sizeof path, "%s/l/zzzz", s->h->root);
	assert_int_equal(symlink("../nothing/diff", path), 0);
	const struct gty_known known[] = {
		{ .what = GTY_KNOWN_LAYER, .id = id_of(1) },
		{ .what = GTY_KNOWN_LAYER, .id = id_of(2), .parent = id_of(1) },
	};
	assert_int_equal(store_recover(s, known, 2, 0)->n, 0);
	assert_int_equal(harness_entries(s->h->root, "l"), 1);
	close(mounted(s, 2, "a", 0));
	struct gty_call *call = harness_call(s->h);
	struct gty_kvs *problems = harness_struct(s->h, sizeof *problems);
	assert_int_equal(s->ops->check(s->st, call, store_ref(s, NULL), problems), 0);
	assert_int_equal(problems->n, 0);
	assert_int_equal(store_unmount(s, 2, "a"), 0);
	assert_int_equal(store_remove(s, 1), 0);
	call = harness_call(s->h);
	problems = harness_struct(s->h, sizeof *problems);
	assert_int_equal(s->ops->check(s->st, call, store_ref(s, NULL), problems), 0);
	assert_int_equal(problems->n, 1);
	assert_string_equal(problems->v[0].key, id_of(2));
}

static void test_list_pages(void **state)
{
	struct store *s = *state;
	char after[65] = "";
	unsigned seen = 0;

	for (unsigned i = 1; i <= 25; i++)
		assert_int_equal(store_create(s, i, 0, NULL, 0, NULL), 0);
	for (;;) {
		struct gty_layers *page = store_list(s, after[0] ? after : NULL, 10);
		for (uint32_t i = 0; i < page->n; i++)
			assert_string_equal(page->v[i].id, id_of(++seen));
		if (page->n < 10)
			break;
		memcpy(after, page->v[9].id, sizeof after);
	}
	assert_int_equal(seen, 25);
}

static void test_describe(void **state)
{
	struct store *s = *state;
	char want[600];

	store_layer(s, 1, 0);
	store_layer(s, 2, 1);
	assert_int_equal(store_create(s, 3, 2, NULL, 0, NULL), 0);
	const struct gty_kvs *kvs = store_describe(s, 3);
	snprintf(want, sizeof want, "%s/%s/diff:%s/%s/diff", s->h->root, id_of(2), s->h->root, id_of(1));
	assert_string_equal(kvs_get(kvs, "LowerDir"), want);
	snprintf(want, sizeof want, "%s/%s/diff", s->h->root, id_of(3));
	assert_string_equal(kvs_get(kvs, "UpperDir"), want);
	assert_non_null(kvs_get(kvs, "MergedDir"));
	assert_non_null(kvs_get(kvs, "WorkDir"));
	assert_null(kvs_get(store_describe(s, 1), "LowerDir"));
}

static void test_usage_counts(void **state)
{
	struct store *s = *state;
	struct gty_usage usage;
	struct gty_stage_rep staged;
	static char data[65536 + 1];

	memset(data, 'x', sizeof data - 1);
	assert_int_equal(store_stage(s, 1, 0, &staged), 0);
	harness_write(staged.fd, "big", data);
	assert_int_equal(linkat(staged.fd, "big", staged.fd, "same", 0), 0);
	close(staged.fd);
	assert_int_equal(store_commit(s, 1), 0);
	assert_int_equal(store_usage(s, 1, &usage), 0);
	assert_int_equal(usage.inodes, 1);
	assert_int_equal(usage.bytes, 65536);
	assert_int_equal(store_usage(s, 9, &usage), -ENOENT);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		TWICE(test_stage_repeated),
		TWICE(test_commit_unknown),
		TWICE(test_ids_checked),
		TWICE(test_depth_limited),
		TWICE(test_create_repeated),
		TWICE(test_create_without_quota),
		TWICE(test_remove_and_sweep),
		TWICE(test_sweep_deep),
		TWICE(test_sweep_gives_up),
		TWICE(test_sweep_stays_on_file_system),
		TWICE(test_recover_exact),
		TWICE(test_recover_reboot_sets_aside),
		TWICE(test_recover_mends),
		TWICE(test_list_pages),
		TWICE(test_describe),
		TWICE(test_usage_counts),
	};

	if (!harness_private_mounts()) {
		puts("1..0 # SKIP overlay mounts need root");
		return 0;
	}
	return cmocka_run_group_tests(tests, NULL, NULL);
}
