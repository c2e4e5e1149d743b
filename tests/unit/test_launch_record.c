/* SPDX-License-Identifier: Apache-2.0 */
/* The gate of the launch record: a good block passes, and each lie in it is named. */
#include "runtime/launch/record.h"

#include <errno.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

/* A block as simple as one can be: every string is "x", every array has one element. */
struct block {
	struct launch_record rec;
	struct launch_str args[1];
	struct launch_mount mounts[1];
	struct launch_device devices[1];
	struct launch_sysctl sysctls[1];
	struct launch_hook hooks[1];
	struct launch_join joins[1];
	struct launch_cgroup_setting settings[1];
	char text[8];
};

#define AT(member)  ((uint32_t)offsetof(struct block, member))
#define VEC(member) ((struct launch_vec){ AT(member), 1 })

static struct launch_str text(void)
{
	return (struct launch_str){ AT(text), 1 };
}

static struct block good(void)
{
	struct block b;

	memset(&b, 0, sizeof b);
	memcpy(b.text, "x", 2);
	b.rec = (struct launch_record){ .magic = LAUNCH_MAGIC,
		.version = LAUNCH_VERSION,
		.size = sizeof b,
		.root = text(),
		.root_fd = LAUNCH_NO_FD,
		.mounts = VEC(mounts),
		.devices = VEC(devices),
		.sysctls = VEC(sysctls),
		.create_hooks = VEC(hooks),
		.joins = VEC(joins),
		.cgroup_settings = VEC(settings),
		.masked = VEC(args),
		.process = { .args = VEC(args), .cwd = text() } };
	b.args[0] = text();
	b.mounts[0] = (struct launch_mount){
		.kind = LAUNCH_MOUNT_FS, .fd = LAUNCH_NO_FD, .fstype = text(), .target = text()
	};
	b.devices[0].path = text();
	b.sysctls[0] = (struct launch_sysctl){ text(), text() };
	b.hooks[0].path = text();
	b.joins[0] = (struct launch_join){ .type = 0x40000000, .fd = 0 };
	b.settings[0] = (struct launch_cgroup_setting){ .file = text(), .value = text() };
	return b;
}

static void expect(const struct block *b, uint32_t nfds, const char *why)
{
	const char *said = NULL;
	int r = launch_record_check(b, sizeof *b, nfds, &said);

	if (!why) {
		assert_int_equal(r, 0);
		return;
	}
	assert_int_equal(r, -EBADMSG);
	assert_non_null(said);
	assert_string_equal(said, why);
}

static void test_check_accepts_a_good_block(void **state)
{
	struct block b = good();

	(void)state;
	expect(&b, 1, NULL);
	assert_string_equal(launch_text(&b.rec, b.rec.root), "x");
	assert_null(launch_text(&b.rec, b.rec.hostname));
	assert_int_equal(launch_items(&b.rec, b.rec.mounts, struct launch_mount)[0].kind, LAUNCH_MOUNT_FS);
}

static void test_check_names_what_is_wrong(void **state)
{
	struct block b;

	(void)state;
#define CASE(change, nfds, why)        \
	do {                           \
		b = good();            \
		change;                \
		expect(&b, nfds, why); \
	} while (0)
	CASE(b.rec.magic++, 1, "magic");
	CASE(b.rec.version++, 1, "version");
	CASE(b.rec.size++, 1, "size");
	CASE(b.rec.root.off = sizeof b, 1, "root");
	CASE(b.rec.root.off = 4, 1, "root");
	CASE(b.rec.root.len = UINT32_MAX, 1, "root");
	CASE(b.rec.root.len = 2, 1, "root"); /* a NUL inside */
	CASE(b.text[1] = 'y';
		b.text[2] = 'y', 1, "root"); /* no NUL behind: the first one that is looked at */
	CASE(b.rec.root_fd = 0, 1, "root");  /* both */
	CASE(b.rec.root_fd = 7, 1, "root_fd");
	CASE(b.rec.hostname.len = 1, 1, "hostname");
	CASE(b.joins[0].fd = 1, 1, "joins.fd");
	CASE(b.joins[0].path = text(), 1, "joins");
	CASE(b.rec.ns_new = 0x40000000, 1, "joins");
	CASE(b.rec.joins.n = 9, 1, "joins");
	CASE(b.rec.mounts.off++, 1, "mounts");
	CASE(b.rec.mounts.n = LAUNCH_LIST_MAX + 1, 1, "mounts");
	CASE(b.rec.mounts.n = 4096, 1, "mounts");
	CASE(b.mounts[0].kind = 0, 1, "mount.kind");
	CASE(b.mounts[0].kind = LAUNCH_MOUNT_FD, 1, "mount.fd");
	CASE(b.mounts[0].kind = LAUNCH_MOUNT_BIND, 1, "mount.source");
	CASE(b.mounts[0].target.off = b.mounts[0].target.len = 0, 1, "mount.target");
	CASE(b.mounts[0].options = ((struct launch_vec){ AT(text), 1 }), 1, "mount.options");
	CASE(b.devices[0].path.off = b.devices[0].path.len = 0, 1, "devices.path");
	CASE(b.sysctls[0].value.off = b.sysctls[0].value.len = 0, 1, "sysctls");
	CASE(b.hooks[0].path.off = b.hooks[0].path.len = 0, 1, "create_hooks");
	CASE(b.settings[0].file.off = b.settings[0].file.len = 0, 1, "cgroup_settings");
	CASE(b.rec.process.args.n = 0, 1, "process.args");
	CASE(b.args[0].off = 0, 1, "masked");
	CASE(b.rec.process.preserve_fds = 2, 1, "process.preserve_fds");
	CASE(b.rec.process.seccomp = ((struct launch_vec){ AT(args), LAUNCH_FILTER_MAX + 1 }), 1,
		"process.seccomp");
	CASE(, LAUNCH_FDS_MAX + 1, "descriptors");
#undef CASE
}

/* Many references to one long text: small to send, endless to check. */
static void test_check_bounds_shared_bytes(void **state)
{
	const size_t n = LAUNCH_RECORD_MAX, refs = 4096;
	char *block = calloc(1, n);
	struct launch_record *rec = (void *)block;
	struct launch_str *list = (void *)(block + sizeof *rec);
	const uint32_t at = (uint32_t)(sizeof *rec + refs * sizeof *list);
	const char *why = NULL;

	(void)state;
	assert_non_null(block);
	*rec = (struct launch_record){ .magic = LAUNCH_MAGIC,
		.version = LAUNCH_VERSION,
		.size = (uint32_t)n,
		.root = { at, 1 },
		.root_fd = LAUNCH_NO_FD,
		.masked = { sizeof *rec, refs } };
	memset(block + at, 'x', n - at - 1);
	rec->root.len = (uint32_t)(n - at - 1);
	for (size_t i = 0; i < refs; i++)
		list[i] = rec->root;
	assert_int_equal(launch_record_check(block, n, 0, &why), -EBADMSG);
	free(block);
}

static void test_check_refuses_any_size(void **state)
{
	struct block b = good();

	(void)state;
	for (size_t n = 0; n < sizeof b; n++)
		assert_int_equal(launch_record_check(&b, n, 1, NULL), -EBADMSG);
	assert_int_equal(launch_record_check((char *)&b + 1, sizeof b - 1, 1, NULL), -EBADMSG);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_check_accepts_a_good_block),
		cmocka_unit_test(test_check_names_what_is_wrong),
		cmocka_unit_test(test_check_bounds_shared_bytes),
		cmocka_unit_test(test_check_refuses_any_size),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
