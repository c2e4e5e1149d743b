/* SPDX-License-Identifier: Apache-2.0 */
/* Which plugins are refused, and what their authors are told. */
#include "tests/unit/plugin_fixture.h"

#include <elf.h>
#include <fcntl.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
/* cmocka needs those above */
#include <cmocka.h>

static char scratch[64];

static int make_scratch(void **state)
{
	(void)state;
	scratch_make(scratch);
	return 0;
}

static int remove_scratch(void **state)
{
	(void)state;
	scratch_remove(scratch);
	return 0;
}

static void expect(const char *file, enum plugin_reason reason, const char *text)
{
	struct registry *reg = load_files(&file, 1, scratch);
	const struct plugin *p = registry_plugin(reg, 0);

	if (p->reason != reason || (text && !strstr(p->err.text, text)))
		fail_msg("%s: %s: %s", file, plugin_reason_word(p->reason), p->err.text);
	if (reason != PLUGIN_OK)
		assert_null(p->object);
	registry_free(reg);
}

static void test_load_refused_fakes(void **state)
{
	static const struct {
		const char *file;
		enum plugin_reason reason;
		const char *text;
	} cases[] = {
		{ "other-magic", PLUGIN_MAGIC, "0xdeadbeef" },
		{ "other-major", PLUGIN_SDK, "SDK 1.0" },
		{ "no-object", PLUGIN_NO_OBJECT, "gantry_plugin" },
		{ "no-drivers", PLUGIN_OBJECT, "no drivers" },
		{ "other-kind-minor", PLUGIN_KIND_ABI, "auth ABI 0.2" },
		{ "unknown-kind", PLUGIN_DRIVER, "kind 77" },
		{ "bad-name", PLUGIN_NAME, "Fake Driver" },
		{ "bad-alias", PLUGIN_NAME, "'a/b'" },
		{ "bad-option", PLUGIN_OPTION, "furlongs" },
		{ "short-table", PLUGIN_TABLE, "bytes" },
		{ "missing-entry", PLUGIN_ENTRY, "status is NULL" },
		{ "undefined-symbol", PLUGIN_SYMBOL, "'gantry_test_nowhere'" },
		{ "missing-dependency", PLUGIN_DEPENDENCY, "libfake-gone.so" },
		{ "not-elf", PLUGIN_NOT_ELF, "not an ELF" },
		{ "failing-init", PLUGIN_INIT, "the moon is not full" },
		{ "constructor-crash", PLUGIN_CRASH, "Killed" },
		{ "constructor-hang", PLUGIN_HANG, "2.0 s" },
		{ "constructor-exit", PLUGIN_CRASH, "exit status 3" },
		{ "probe-crash", PLUGIN_CRASH, "in probe()" },
		{ "probe-trace", PLUGIN_TRACE, "no trace" },
		{ "nowhere", PLUGIN_MISSING, NULL },
	};

	(void)state;
	for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++)
		expect(cases[i].file, cases[i].reason, cases[i].text);
	assert_int_equal(rmdir(scratch), 0); /* nothing was left by probes */
	assert_int_equal(mkdir(scratch, 0700), 0);
}

static void test_load_one_bad_among_good(void **state)
{
	const char *files[] = { "constructor-crash", "good", "constructor-hang", "probe-crash",
		"probe-refuses", "cap-without-entry" };
	static const enum plugin_reason reasons[] = { PLUGIN_CRASH, PLUGIN_OK, PLUGIN_HANG, PLUGIN_CRASH,
		PLUGIN_OK, PLUGIN_OK };
	struct registry *reg = load_files(files, 6, scratch);

	(void)state;
	for (size_t i = 0; i < 6; i++)
		assert_int_equal(registry_plugin(reg, i)->reason, reasons[i]);
	assert_int_equal(registry_plugin(reg, 1)->drivers_n, 4);
	assert_true(registry_plugin(reg, 1)->drivers[0].usable);
	assert_false(registry_plugin(reg, 4)->drivers[0].usable);
	assert_string_equal(registry_plugin(reg, 4)->drivers[0].err.text, "no such device here");
	registry_free(reg);
}

static void test_find_by_name_and_alias(void **state)
{
	const char *files[] = { "good", "probe-refuses", "calls" };
	struct registry *reg = load_files(files, 3, scratch);
	struct error err = ERROR_INIT;
	const struct driver *d;

	(void)state;
	d = registry_find(reg, &storage_kind, "tiny2", &err);
	assert_non_null(d);
	assert_string_equal(driver_api_name(d), "tiny2");
	assert_ptr_equal(d, registry_find(reg, &storage_kind, "tiny", &err));
	assert_null(registry_find(reg, &storage_kind, "overlay9", &err));
	assert_int_equal(err.kind, ERROR_NOT_FOUND);
	assert_non_null(strstr(err.text, "there are: tiny2"));
	assert_ptr_equal(registry_choose(reg, &storage_kind, &err), d);
	/* never by itself: priority -1 */
	assert_string_equal(registry_choose(reg, &volume_kind, &err)->decl->name, "tiny");
	/* not usable: probe() said no */
	assert_string_equal(registry_choose(reg, &auth_kind, &err)->decl->name, "tiny");
	registry_free(reg);
}

static void copy_fake(const char *name, const char *to, mode_t mode)
{
	char from[512], buf[8192];
	ssize_t n;

	snprintf(from, sizeof from, FAKES "/%s.so", name);
	int in = open(from, O_RDONLY), out = open(to, O_WRONLY | O_CREAT | O_TRUNC, 0600);
	assert_true(in >= 0 && out >= 0);
	while ((n = read(in, buf, sizeof buf)) > 0)
		assert_int_equal(write(out, buf, (size_t)n), n);
	fchmod(out, mode);
	close(in);
	close(out);
}

static void test_load_duplicate(void **state)
{
	char twin[128];
	const char *files[] = { "good", twin };

	(void)state;
	snprintf(twin, sizeof twin, "%s/twin.so", scratch);
	copy_fake("good", twin, 0644);
	struct registry *reg = load_files(files, 2, scratch);
	assert_int_equal(registry_plugin(reg, 0)->reason, PLUGIN_OK);
	assert_int_equal(registry_plugin(reg, 1)->reason, PLUGIN_DUPLICATE);
	assert_non_null(strstr(registry_plugin(reg, 1)->err.text, "good.so"));
	registry_free(reg);
	unlink(twin);
}

static void test_vet_owner_mode_and_links(void **state)
{
	char file[128], link[128], dir[96], inner[128];

	(void)state;
	if (geteuid() != 0) {
		print_message("needs root: files must be root's\n");
		skip();
	}
	snprintf(file, sizeof file, "%s/good.so", scratch);
	snprintf(link, sizeof link, "%s/link.so", scratch);
	snprintf(dir, sizeof dir, "%s/open", scratch);
	snprintf(inner, sizeof inner, "%s/good.so", dir);
	copy_fake("good", file, 0644);
	expect(file, PLUGIN_OK, NULL);
	chmod(file, 0666);
	expect(file, PLUGIN_FILE_MODE, "chmod go-w");
	chmod(file, 0644);
	assert_int_equal(chown(file, 12345, 0), 0);
	expect(file, PLUGIN_FILE_OWNER, "12345");
	assert_int_equal(chown(file, 0, 0), 0);
	assert_int_equal(symlink(file, link), 0);
	expect(link, PLUGIN_SYMLINK, NULL);
	mkdir(dir, 0700);
	copy_fake("good", inner, 0644);
	chmod(dir, 0777);
	expect(inner, PLUGIN_FOLDER_MODE, "0777");
	chmod(dir, 0755);
	assert_int_equal(chown(dir, 12345, 0), 0);
	expect(inner, PLUGIN_FOLDER_OWNER, NULL);
	expect("/bin/../tmp/x.so", PLUGIN_PATH, NULL);
	expect("/dev/null", PLUGIN_PATH, ".so");
	expect("/bin/true", PLUGIN_PATH, NULL);
	unlink(file);
	unlink(link);
	scratch_remove(dir);
}

static void patch(const char *file, off_t at, const void *bytes, size_t n)
{
	int fd = open(file, O_WRONLY);

	assert_int_equal(pwrite(fd, bytes, n, at), n);
	close(fd);
}

static void test_vet_elf_headers(void **state)
{
	static const uint16_t other = EM_S390, executable = ET_EXEC, many = 60000;
	char file[128];

	(void)state;
	snprintf(file, sizeof file, "%s/patched.so", scratch);
	copy_fake("good", file, 0644);
	patch(file, offsetof(Elf64_Ehdr, e_machine), &other, 2);
	expect(file, PLUGIN_WRONG_MACHINE, "machine 22");
	copy_fake("good", file, 0644);
	patch(file, EI_CLASS, "\1", 1);
	expect(file, PLUGIN_WRONG_MACHINE, NULL);
	copy_fake("good", file, 0644);
	patch(file, offsetof(Elf64_Ehdr, e_type), &executable, 2);
	expect(file, PLUGIN_NOT_SHARED, NULL);
	copy_fake("good", file, 0644);
	patch(file, offsetof(Elf64_Ehdr, e_phnum), &many, 2);
	expect(file, PLUGIN_NOT_SHARED, NULL);
	copy_fake("good", file, 0644);
	assert_int_equal(truncate(file, 40), 0);
	expect(file, PLUGIN_NOT_ELF, "cut");
	assert_int_equal(truncate(file, 0), 0);
	expect(file, PLUGIN_NOT_ELF, NULL);
	copy_fake("good", file, 0644);
	assert_int_equal(truncate(file, 4096), 0);
	expect(file, PLUGIN_NOT_ELF, "segment");
	unlink(file);
}

static void test_load_dir_sorted(void **state)
{
	char dir[96], path[160];
	const char *dirs[] = { dir };
	struct registry *reg;
	struct error err = ERROR_INIT;

	(void)state;
	snprintf(dir, sizeof dir, "%s/dir", scratch);
	mkdir(dir, 0755);
	static const char *const names[] = { "probe-refuses", "calls", "good" };
	for (int i = 0; i < 3; i++) {
		snprintf(path, sizeof path, "%s/%s.so", dir, names[i]);
		copy_fake(names[i], path, 0644);
	}
	snprintf(path, sizeof path, "%s/readme.txt", dir);
	close(open(path, O_CREAT | O_WRONLY, 0644));
	struct registry_config config = { .dirs = dirs,
		.dirs_n = 1,
		.instance = "0123456789ab",
		.scratch = scratch,
		.sink = { .log = quiet_log } };
	assert_int_equal(registry_load(&config, &reg, &err), 0);
	assert_int_equal(registry_count(reg), 3);
	assert_string_equal(registry_plugin(reg, 0)->object->name, "calls");
	assert_string_equal(registry_plugin(reg, 1)->object->name, "good");
	registry_free(reg);
	dirs[0] = "/nowhere/at/all";
	assert_true(registry_load(&config, &reg, &err) < 0);
	assert_non_null(strstr(err.text, "/nowhere/at/all"));
	scratch_remove(dir);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_load_refused_fakes),
		cmocka_unit_test(test_load_one_bad_among_good),
		cmocka_unit_test(test_find_by_name_and_alias),
		cmocka_unit_test(test_load_duplicate),
		cmocka_unit_test(test_vet_owner_mode_and_links),
		cmocka_unit_test(test_vet_elf_headers),
		cmocka_unit_test(test_load_dir_sorted),
	};

	return cmocka_run_group_tests(tests, make_scratch, remove_scratch);
}
