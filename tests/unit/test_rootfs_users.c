/* SPDX-License-Identifier: Apache-2.0 */
#include "lib/rootfs/users.h"

#include "tests/unit/tree.h"

#include <errno.h>
#include <fcntl.h>
#include <sys/sysmacros.h>

static const char passwd[] = "root:x:0:0:root:/root:/bin/sh\n"
			     "# comment:x:77:77::/:\n"
			     "\n"
			     "  spaced:x:10:20:gecos:/home/spaced:/bin/sh  \n"
			     "app:x:1000:1000:App:/home/app:/bin/sh\r\n"
			     "app:x:0:0:second entry:/root:/bin/sh\n"
			     "123:x:0:0:digits:/root:/bin/sh\n"
			     "nohome:x:1001:1001\n"
			     "crlf:x:1002:1002:c:/home/crlf\r\n"
			     "badnum:x:abc:0:::\n"
			     "noid\n"
			     "nogid:x:1003\n"
			     "neg:x:-1:0:::\n"
			     "big:x:4294967296:0:::\n"
			     "max:x:2147483647:2147483647::/m:\n"
			     "+::::::\n"
			     "last:x:1010:1010::/home/last:/bin/sh";

static const char group[] = "root:x:0:\n"
			    "wheel:x:10:root,app\n"
			    "audio:x:29:app\n"
			    "video:x:44: app\n"
			    "dup:x:29:app\n"
			    "app:x:1000:\n"
			    "bad:x:abc:app\n"
			    "42:x:0:\n"
			    "cr:x:50:other,app\r\n"
			    "staff:x:99:appx,xapp,ap";

#define MAX_GROUPS 8
struct user_case {
	const char *spec;
	uint32_t uid, gid;
	const char *home;
	uint32_t groups[MAX_GROUPS]; /* behind gid */
	const char *error;
};

static const struct user_case cases[] = {
	{ "", 0, 0, "/root", { 10 }, NULL },
	{ "root", 0, 0, "/root", { 10 }, NULL },
	{ "app", 1000, 1000, "/home/app", { 10, 29, 50 }, NULL },
	{ "1000", 1000, 1000, "/home/app", { 10, 29, 50 }, NULL },
	{ "+1000", 1000, 1000, "/home/app", { 10, 29, 50 }, NULL },
	{ "app:audio", 1000, 29, "/home/app", { 0 }, NULL },
	{ "app:0", 1000, 0, "/home/app", { 0 }, NULL },
	{ "app:", 1000, 1000, "/home/app", { 10, 29, 50 }, NULL },
	{ ":audio", 0, 29, "/root", { 0 }, NULL },
	{ "5000", 5000, 0, "/", { 0 }, NULL },
	{ "5000:6000", 5000, 6000, "/", { 0 }, NULL },
	{ "5000:audio", 5000, 29, "/", { 0 }, NULL },
	{ "123", 123, 0, "/", { 0 }, NULL }, /* a number is never the name "123" */
	{ "5000:42", 5000, 42, "/", { 0 }, NULL },
	{ "spaced", 10, 20, "/home/spaced", { 0 }, NULL },
	{ "nohome", 1001, 1001, "/", { 0 }, NULL },
	{ "crlf", 1002, 1002, "/home/crlf", { 0 }, NULL },
	{ "last", 1010, 1010, "/home/last", { 0 }, NULL },
	{ "2147483647", 2147483647, 2147483647, "/m", { 0 }, NULL },
	{ "2147483648", 0, 0, NULL, { 0 }, "uids and gids must be in range 0-2147483647" },
	{ "4294967296", 0, 0, NULL, { 0 }, "uids and gids must be in range 0-2147483647" },
	{ "-1", 0, 0, NULL, { 0 }, "uids and gids must be in range 0-2147483647" },
	{ "99999999999999999999999", 0, 0, NULL, { 0 }, "uids and gids must be in range 0-2147483647" },
	{ "0:4294967295", 0, 0, NULL, { 0 }, "uids and gids must be in range 0-2147483647" },
	{ "0x0", 0, 0, NULL, { 0 }, "unable to find user 0x0: no matching entries in passwd file" },
	{ "nobody", 0, 0, NULL, { 0 }, "unable to find user nobody: no matching entries in passwd file" },
	{ "nobody:audio", 0, 0, NULL, { 0 },
		"unable to find user nobody: no matching entries in passwd file" },
	{ "badnum", 0, 0, NULL, { 0 }, "unable to find user badnum: no matching entries in passwd file" },
	{ "noid", 0, 0, NULL, { 0 }, "unable to find user noid: no matching entries in passwd file" },
	{ "nogid", 0, 0, NULL, { 0 }, "unable to find user nogid: no matching entries in passwd file" },
	{ "neg", 0, 0, NULL, { 0 }, "unable to find user neg: no matching entries in passwd file" },
	{ "big", 0, 0, NULL, { 0 }, "unable to find user big: no matching entries in passwd file" },
	{ "+", 0, 0, NULL, { 0 }, "unable to find user +: no matching entries in passwd file" },
	{ "# comment", 0, 0, NULL, { 0 },
		"unable to find user # comment: no matching entries in passwd file" },
	{ "app:nogroup", 0, 0, NULL, { 0 },
		"unable to find group nogroup: no matching entries in group file" },
	{ "app:bad", 0, 0, NULL, { 0 }, "unable to find group bad: no matching entries in group file" },
};

static void assert_groups(const struct rootfs_user *u, const uint32_t *more)
{
	uint32_t n = 1;

	assert_int_equal(u->groups[0], u->gid);
	for (; n <= MAX_GROUPS && more[n - 1]; n++)
		assert_int_equal(u->groups[n], more[n - 1]);
	assert_int_equal(u->ngroups, n);
}

static void test_resolve_table(void **state)
{
	static struct rootfs_user u;

	(void)state;
	for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++) {
		const struct user_case *c = &cases[i];
		struct error err = ERROR_INIT;
		memset(&u, 0x55, sizeof u);
		int r = rootfs_user_resolve_text(
			passwd, strlen(passwd), group, strlen(group), c->spec, NULL, 0, &u, &err);
		if (c->error) {
			assert_int_equal(r, -EINVAL);
			assert_int_equal(err.kind, ERROR_INVALID);
			assert_string_equal(err.text, c->error);
			assert_int_equal(u.uid, 0x55555555);
			continue;
		}
		assert_int_equal(r, 0);
		assert_int_equal(u.uid, c->uid);
		assert_int_equal(u.gid, c->gid);
		assert_string_equal(u.home, c->home);
		assert_groups(&u, c->groups);
	}
}

static void test_resolve_extra_groups(void **state)
{
	static const char *const extra[] = { "audio", "1000", "42", "dup", "7777", "wheel" };
	static const char *const missing[] = { "audio", "nope" };
	static const char *const huge[] = { "4294967296" };
	static struct rootfs_user u;
	struct error err = ERROR_INIT;

	(void)state;
	assert_int_equal(rootfs_user_resolve_text(
				 passwd, strlen(passwd), group, strlen(group), "app", extra, 6, &u, &err),
		0);
	assert_groups(&u, (const uint32_t[MAX_GROUPS]){ 10, 29, 42, 50, 7777 });
	assert_int_equal(rootfs_user_resolve_text(passwd, strlen(passwd), group, strlen(group), "app:audio",
				 extra, 1, &u, &err),
		0);
	assert_groups(&u, (const uint32_t[MAX_GROUPS]){ 0 });
	assert_int_equal(
		rootfs_user_resolve_text(passwd, strlen(passwd), NULL, 0, "", missing, 2, &u, &err), -EINVAL);
	assert_string_equal(err.text, "unable to find group audio: no matching entries in group file");
	assert_int_equal(rootfs_user_resolve_text(
				 passwd, strlen(passwd), group, strlen(group), "", missing, 2, &u, &err),
		-EINVAL);
	assert_string_equal(err.text, "unable to find group nope: no matching entries in group file");
	assert_int_equal(rootfs_user_resolve_text(NULL, 0, NULL, 0, "", huge, 1, &u, &err), -EINVAL);
}

static void test_resolve_without_files(void **state)
{
	static struct rootfs_user u;
	struct error err = ERROR_INIT;

	(void)state;
	assert_int_equal(rootfs_user_resolve_text(NULL, 0, NULL, 0, "", NULL, 0, &u, &err), 0);
	assert_int_equal(u.uid, 0);
	assert_string_equal(u.home, "/");
	assert_int_equal(rootfs_user_resolve_text(NULL, 0, NULL, 0, "7:8", NULL, 0, &u, &err), 0);
	assert_int_equal(u.gid, 8);
	assert_int_equal(rootfs_user_resolve_text(NULL, 0, NULL, 0, "app", NULL, 0, &u, &err), -EINVAL);
	assert_string_equal(err.text, "unable to find user app: no matching entries in passwd file");
}

static void test_resolve_nul_and_long_lines(void **state)
{
	static const char nul[] = "ro\0ot:x:0:0::/a:\napp:x:5:5::/x\0y:\napp:x:6:6::/ok:\n";
	static struct rootfs_user u;
	struct error err = ERROR_INIT;
	size_t n = 1 << 20, size = n + 100;
	char *text = malloc(size);

	(void)state;
	assert_int_equal(rootfs_user_resolve_text(nul, sizeof nul - 1, NULL, 0, "app", NULL, 0, &u, &err), 0);
	assert_int_equal(u.uid, 6);
	/* a name too long to be kept is no entry; the one behind it is */
	memset(text, 'a', n);
	snprintf(text + n, size - n, ":x:1:1::/:\napp:x:6:6::/h:\n");
	assert_int_equal(rootfs_user_resolve_text(text, strlen(text), NULL, 0, "1", NULL, 0, &u, &err), 0);
	assert_string_equal(u.home, "/");
	assert_int_equal(rootfs_user_resolve_text(text, strlen(text), NULL, 0, "app", NULL, 0, &u, &err), 0);
	assert_int_equal(u.uid, 6);
	/* the member list of a group has no limit */
	size_t at = (size_t)snprintf(text, size, "g:x:9:");
	while (at < n)
		at += (size_t)snprintf(text + at, size - at, "user%zu,", at);
	snprintf(text + at, size - at, "app");
	assert_int_equal(
		rootfs_user_resolve_text("app:x:6:6::/h:", 14, text, strlen(text), "app", NULL, 0, &u, &err),
		0);
	assert_int_equal(u.ngroups, 2);
	assert_int_equal(u.groups[1], 9);
	free(text);
}

static void test_resolve_too_many_groups(void **state)
{
	static struct rootfs_user u;
	struct error err = ERROR_INIT;
	size_t at = 0, size = 2000 * 20;
	char *text = malloc(size);

	(void)state;
	for (int i = 2000; i > 0; i--)
		at += (size_t)snprintf(text + at, size - at, "g:x:%d:app\n", i % 1000);
	assert_int_equal(
		rootfs_user_resolve_text("app:x:6:6::/h:", 14, text, at, "app", NULL, 0, &u, &err), 0);
	assert_int_equal(u.ngroups, 1000);
	at = 0;
	for (int i = 0; i < 2000; i++)
		at += (size_t)snprintf(text + at, size - at, "g:x:%d:app\n", i);
	assert_int_equal(
		rootfs_user_resolve_text("app:x:6:6::/h:", 14, text, at, "app", NULL, 0, &u, &err), -EINVAL);
	assert_string_equal(err.text, "user is in more than 1024 groups");
	free(text);
}

/* ---- files -------------------------------------------------------------------------- */

static char dir[64];
static int root;

static int setup(void **state)
{
	(void)state;
	tree_new(dir, sizeof dir);
	root = open(dir, O_PATH | O_DIRECTORY | O_CLOEXEC);
	tree_dir(root, "etc", 0755);
	return root < 0;
}

static int teardown(void **state)
{
	(void)state;
	tree_free(dir);
	close(root);
	return 0;
}

static int resolve(const char *spec, struct rootfs_user *u, struct error *err)
{
	*err = ERROR_INIT;
	return rootfs_user_resolve(root, spec, NULL, 0, u, err);
}

static void test_files_through_symlinks(void **state)
{
	static struct rootfs_user u;
	struct error err;

	(void)state;
	tree_dir(root, "usr", 0755);
	tree_file(root, "usr/passwd", passwd, 0600);
	tree_file(root, "etc/group", group, 0600);
	tree_link(root, "etc/passwd", "/usr/../../usr/passwd");
	assert_int_equal(resolve("app", &u, &err), 0);
	assert_int_equal(u.uid, 1000);
	assert_int_equal(u.ngroups, 4);
}

static void test_files_missing(void **state)
{
	static struct rootfs_user u;
	struct error err;

	(void)state;
	assert_int_equal(resolve("5:6", &u, &err), 0);
	assert_int_equal(u.uid, 5);
	assert_int_equal(resolve("app", &u, &err), -EINVAL);
	assert_string_equal(err.text, "unable to find user app: no matching entries in passwd file");
}

static void test_files_of_wrong_kind(void **state)
{
	static struct rootfs_user u;
	struct error err;

	(void)state;
	assert_int_equal(mkfifoat(root, "etc/passwd", 0600), 0);
	assert_int_equal(resolve("app", &u, &err), -EINVAL);
	assert_string_equal(err.text, "/etc/passwd of the container is not a regular file");
	assert_int_equal(unlinkat(root, "etc/passwd", 0), 0);
	assert_int_equal(mknodat(root, "etc/passwd", S_IFCHR | 0600, makedev(1, 5)), 0);
	assert_int_equal(resolve("app", &u, &err), -EINVAL);
	assert_int_equal(unlinkat(root, "etc/passwd", 0), 0);
	tree_dir(root, "etc/passwd", 0700);
	assert_int_equal(resolve("0", &u, &err), -EINVAL);
	assert_int_equal(unlinkat(root, "etc/passwd", AT_REMOVEDIR), 0);
	tree_link(root, "etc/passwd", "passwd");
	assert_int_equal(resolve("0", &u, &err), -ELOOP);
}

static void test_files_huge_group(void **state)
{
	static struct rootfs_user u;
	struct error err;

	(void)state;
	tree_file(root, "etc/passwd", passwd, 0600);
	tree_file(root, "etc/group", "wheel:x:10:app\n", 0600);
	int fd = openat(root, "etc/group", O_WRONLY | O_CLOEXEC);
	assert_int_equal(ftruncate(fd, INT64_C(2) << 30), 0);
	close(fd);
	assert_int_equal(resolve("app", &u, &err), -EINVAL);
	assert_string_equal(err.text, "/etc/group of the container is larger than 64 MiB");
	assert_int_equal(resolve("app:wheel", &u, &err), 0);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_resolve_table),
		cmocka_unit_test(test_resolve_extra_groups),
		cmocka_unit_test(test_resolve_without_files),
		cmocka_unit_test(test_resolve_nul_and_long_lines),
		cmocka_unit_test(test_resolve_too_many_groups),
		cmocka_unit_test_setup_teardown(test_files_through_symlinks, setup, teardown),
		cmocka_unit_test_setup_teardown(test_files_missing, setup, teardown),
		cmocka_unit_test_setup_teardown(test_files_of_wrong_kind, setup, teardown),
		cmocka_unit_test_setup_teardown(test_files_huge_group, setup, teardown),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
