/* SPDX-License-Identifier: Apache-2.0 */
/* An open overlay driver for a test; each test runs twice: with fsopen and with mount(2) as the way to mount.
 */
#ifndef GANTRY_TESTS_OVERLAY_FIXTURE_H
#define GANTRY_TESTS_OVERLAY_FIXTURE_H

#include "tests/integration/storage_calls.h"

#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <unistd.h>

static int mounts_before, descriptors_before;

static inline int setup(void **state)
{
	const struct gty_kv opts[] = { { "mount-api", *state } };
	struct store *s = calloc(1, sizeof *s);

	s->h = OVERLAY_ON_TMPFS ? harness_new_tmpfs("storage-overlay", "overlay")
				: harness_new("storage-overlay", "overlay");
	if (!s->h)
		return -1;
	s->ops = s->h->driver->ops;
	mounts_before = harness_mounts();
	descriptors_before = harness_descriptors();
	if (store_open(s, opts, 1) < 0) {
		fprintf(stderr, "# open: %s\n", s->h->text);
		return -1;
	}
	*state = s;
	return 0;
}

static inline int teardown(void **state)
{
	struct store *s = *state;
	struct gty_usage freed;
	int r = 0;

	store_sweep(s, &freed);
	s->ops->close(s->st);
	harness_call(s->h);
	if (harness_mounts() != mounts_before || harness_descriptors() != descriptors_before) {
		fprintf(stderr, "# mounts %d -> %d, descriptors %d -> %d\n", mounts_before, harness_mounts(),
			descriptors_before, harness_descriptors());
		r = -1;
	}
	harness_free(s->h);
	free(s);
	return r;
}

static inline void reopen(struct store *s)
{
	s->ops->close(s->st);
	assert_int_equal(store_open(s, NULL, 0), 0);
}

static inline int mounted(struct store *s, unsigned n, const char *holder, uint32_t flags)
{
	struct gty_tree tree;
	int r = store_mount(s, n, holder, flags | GTY_MOUNT_NO_STEPS, NULL, &tree);

	if (r < 0)
		fprintf(stderr, "# mount: %s\n", s->h->text);
	assert_int_equal(r, 0);
	assert_int_equal(tree.form, GTY_TREE_MOUNT);
	assert_true(fcntl(tree.fd, F_GETFD) & FD_CLOEXEC);
	return tree.fd;
}

#define TWICE(test)                                                                        \
	cmocka_unit_test_prestate_setup_teardown(test, setup, teardown, (void *)"fsopen"), \
		cmocka_unit_test_prestate_setup_teardown(test, setup, teardown, (void *)"mount2")

#endif
