/* SPDX-License-Identifier: Apache-2.0 */
#include "runtime/compile/seccomp_profile.h"

#include "runtime/compile/data.h"
#include "runtime/compile/field.h"

#include <errno.h>
#include <string.h>
#include <sys/capability.h>
#include <sys/utsname.h>

/* One architecture by its three names: Go's, uname(2)'s, OCI's. */
static const struct {
	const char *go, *machine, *scmp;
} arches[] = {
	{ "amd64", "x86_64", "SCMP_ARCH_X86_64" },
	{ "386", "i686", "SCMP_ARCH_X86" },
	{ "arm64", "aarch64", "SCMP_ARCH_AARCH64" },
	{ "arm", "armv7l", "SCMP_ARCH_ARM" },
	{ "mips64", "mips64", "SCMP_ARCH_MIPS64" },
	{ "mips64le", "mips64el", "SCMP_ARCH_MIPSEL64" },
	{ "ppc64le", "ppc64le", "SCMP_ARCH_PPC64LE" },
	{ "riscv64", "riscv64", "SCMP_ARCH_RISCV64" },
	{ "s390x", "s390x", "SCMP_ARCH_S390X" },
	{ "loong64", "loongarch64", "SCMP_ARCH_LOONGARCH64" },
};
#define N_ARCHES (sizeof arches / sizeof arches[0])

/* The first two numbers of "6.1.0-18-amd64". */
static bool read_version(const char *text, unsigned *ret_major, unsigned *ret_minor)
{
	unsigned numbers[2] = { 0 };

	for (int i = 0; i < 2; i++) {
		size_t digits = strspn(text, "0123456789");

		if (digits == 0 || digits > 6)
			return false;
		for (; digits > 0; digits--)
			numbers[i] = 10 * numbers[i] + (unsigned)(*text++ - '0');
		if (i == 0 && *text++ != '.')
			return false;
	}
	*ret_major = numbers[0];
	*ret_minor = numbers[1];
	return true;
}

struct seccomp_facts seccomp_facts_here(void)
{
	struct seccomp_facts facts = { .arch = "amd64" };
	struct utsname name;

	if (uname(&name) < 0)
		return facts;
	read_version(name.release, &facts.kernel_major, &facts.kernel_minor);
	for (size_t i = 0; i < N_ARCHES; i++)
		if (strcmp(name.machine, arches[i].machine) == 0)
			facts.arch = arches[i].go;
	return facts;
}

static const char *scmp_arch(const char *go)
{
	for (size_t i = 0; i < N_ARCHES; i++)
		if (strcmp(go, arches[i].go) == 0)
			return arches[i].scmp;
	return "";
}

/* ---- includes and excludes ------------------------------------------------------- */
static bool has_cap(const struct seccomp_facts *facts, const char *name)
{
	cap_value_t value = -1;

	return strncmp(name, "CAP_", 4) == 0 && cap_from_name(name, &value) == 0 && value >= 0 &&
	       value < 64 && facts->caps >> value & 1;
}

static int is_kernel_at_least(
	const struct seccomp_facts *facts, const struct field *f, const char *text, bool *ret)
{
	unsigned major, minor;

	if (!read_version(text, &major, &minor))
		return field_invalid(f, "'%.100s' is not a kernel version", text);
	*ret = facts->kernel_major != major ? facts->kernel_major > major : facts->kernel_minor >= minor;
	return 0;
}

/* What a filter's lists say; lists that are absent or empty say nothing (count 0). */
struct verdict {
	size_t caps, caps_held; /* capabilities named, and of these those that the container has */
	bool arches, arch_fits;
	bool kernel, kernel_fits;
};

static int read_filter(const struct field *f, const struct seccomp_facts *facts, struct verdict *ret)
{
	struct field list, at = field_any(f, "minKernel");
	const char *text = NULL;
	int r;

	*ret = (struct verdict){ 0 };
	r = field_array(f, "caps", &list);
	for (size_t i = 0; r == 0 && i < field_count(&list); i++) {
		r = field_string_at(&list, i, &text);
		ret->caps++;
		ret->caps_held += r == 0 && has_cap(facts, text);
	}
	if (r == 0)
		r = field_array(f, "arches", &list);
	for (size_t i = 0; r == 0 && i < field_count(&list); i++) {
		r = field_string_at(&list, i, &text);
		ret->arches = true;
		ret->arch_fits |= r == 0 && strcmp(text, facts->arch) == 0;
	}
	text = NULL;
	if (r == 0)
		r = field_string(f, "minKernel", &text);
	ret->kernel = text && *text;
	return r == 0 && ret->kernel ? is_kernel_at_least(facts, &at, text, &ret->kernel_fits) : r;
}

/* Excluded by any one fact; included by all of them. */
static int is_wanted(const struct field *rule, const struct seccomp_facts *facts, bool *ret)
{
	struct verdict in, out;
	struct field f;
	int r;

	r = field_object(rule, "excludes", &f);
	if (r == 0)
		r = read_filter(&f, facts, &out);
	if (r == 0)
		r = field_object(rule, "includes", &f);
	if (r == 0)
		r = read_filter(&f, facts, &in);
	if (r < 0)
		return r;
	*ret = !(out.arch_fits || out.caps_held > 0 || (out.kernel && out.kernel_fits)) &&
	       (!in.arches || in.arch_fits) && in.caps_held == in.caps && (!in.kernel || in.kernel_fits);
	return 0;
}

/* ---- the profile -------------------------------------------------------------------- */
static void copy_member(struct json *to, const struct json *from, const char *name)
{
	if (json_at(from, name))
		json_set(to, name, json_copy(json_at(from, name)));
}

/* A rule without what has been resolved; the old form has one `name`. */
static int copy_rule(const struct field *rule, struct json *to)
{
	static const char *const members[] = { "action", "errnoRet", "args" };
	struct field names, at = field_any(rule, "name");
	const char *name = NULL;
	int r;

	r = field_array(rule, "names", &names);
	if (r == 0)
		r = field_string(rule, "name", &name);
	if (r < 0)
		return r;
	if (name && *name && field_count(&names) > 0)
		return field_invalid(&at, "'name' and 'names' exclude each other");
	if (name && *name)
		json_add_string(json_set_array(to, "names"), name);
	else
		copy_member(to, rule->json, "names");
	for (size_t i = 0; i < sizeof members / sizeof members[0]; i++)
		copy_member(to, rule->json, members[i]);
	return 0;
}

static int resolve_rules(const struct field *profile, const struct seccomp_facts *facts, struct json *out)
{
	struct json *rules = json_set_array(out, "syscalls");
	struct field list, rule;
	int r;

	r = field_array(profile, "syscalls", &list);
	for (size_t i = 0; r == 0 && i < field_count(&list); i++) {
		bool wanted = false;

		r = field_object_at(&list, i, &rule);
		if (r == 0)
			r = is_wanted(&rule, facts, &wanted);
		if (r == 0 && wanted)
			r = copy_rule(&rule, json_add_object(rules));
	}
	return r;
}

static int resolve_arch_entry(const struct field *entry, struct json *out)
{
	const char *name = NULL;
	struct field subs;
	struct json *list;
	int r;

	r = field_need_string(entry, "architecture", &name);
	if (r == 0)
		r = field_array(entry, "subArchitectures", &subs);
	if (r < 0)
		return r;
	list = json_set_array(out, "architectures");
	json_add_string(list, name);
	for (size_t i = 0; r == 0 && i < field_count(&subs); i++) {
		r = field_string_at(&subs, i, &name);
		if (r == 0)
			json_add_string(list, name);
	}
	return r;
}

static int resolve_architectures(
	const struct field *profile, const struct seccomp_facts *facts, struct json *out)
{
	struct field map, entry, list;
	int r;

	r = field_array(profile, "architectures", &list);
	if (r == 0)
		r = field_array(profile, "archMap", &map);
	if (r == 0 && field_count(&list) > 0 && field_count(&map) > 0)
		r = field_invalid(&list, "'architectures' and 'archMap' exclude each other");
	if (r == 0 && field_count(&list) > 0)
		copy_member(out, profile->json, "architectures");
	for (size_t i = 0; r == 0 && i < field_count(&map); i++) {
		const char *name = NULL;

		r = field_object_at(&map, i, &entry);
		if (r == 0)
			r = field_need_string(&entry, "architecture", &name);
		if (r == 0 && strcmp(name, scmp_arch(facts->arch)) == 0)
			return resolve_arch_entry(&entry, out);
	}
	return r;
}

int seccomp_profile_resolve(
	const struct json *profile, const struct seccomp_facts *facts, struct json **ret, struct error *err)
{
	static const char *const members[] = { "defaultAction", "defaultErrnoRet", "flags", "listenerPath",
		"listenerMetadata" };
	struct field root = field_root(profile, NULL, err);
	auto_json struct json *out = json_new_object();
	int r;

	r = field_expect(&root, JSON_OBJECT);
	for (size_t i = 0; r == 0 && i < sizeof members / sizeof members[0]; i++)
		copy_member(out, profile, members[i]);
	if (r == 0)
		r = resolve_architectures(&root, facts, out);
	if (r == 0)
		r = resolve_rules(&root, facts, out);
	if (r < 0)
		return r;
	if (!out)
		return error_sys(err, ENOMEM, "cannot read a seccomp profile");
	*ret = out;
	out = NULL;
	return 0;
}

int seccomp_profile_default(const struct seccomp_facts *facts, struct json **ret, struct error *err)
{
	auto_json struct json *profile = NULL;
	int r = json_parse(data_seccomp_default, strlen(data_seccomp_default), 0, &profile, err);

	return r < 0 ? r : seccomp_profile_resolve(profile, facts, ret, err);
}
