/* SPDX-License-Identifier: Apache-2.0 */
#include "runtime/compile/compile.h"

#include "runtime/compile/context.h"

#include "lib/base/path.h"
#include "lib/cgroup/layout.h"

#include <errno.h>
#include <limits.h>
#include <sched.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

void compile_warn(const struct compile *c, const char *fmt, ...)
{
	char text[500];
	va_list ap;

	if (!c->opts->warn)
		return;
	va_start(ap, fmt);
	vsnprintf(text, sizeof text, fmt, ap);
	va_end(ap);
	c->opts->warn(c->opts->warn_context, text);
}

int compile_bundle_path(struct compile *c, const struct field *f, const char *path, struct launch_str *ret)
{
	char raw[PATH_MAX], clean[PATH_MAX];
	int r;

	if (*path == '/')
		r = path_clean(path, clean, sizeof clean);
	else if (!c->opts->bundle)
		return field_invalid(f, "'%s' is not an absolute path", path);
	else
		r = path_format(raw, sizeof raw, "%s/%s", c->opts->bundle, path);
	if (r == 0 && *path != '/')
		r = path_clean(raw, clean, sizeof clean);
	if (r < 0)
		return field_invalid(f, "longer than %d bytes", PATH_MAX);
	*ret = builder_str(&c->b, clean);
	return 0;
}

int compile_strings(
	struct compile *c, const struct field *up, const char *name, size_t max, struct launch_vec *ret)
{
	struct builder_list list = BUILDER_LIST_INIT(struct launch_str);
	struct field array;
	int r;

	r = field_array(up, name, &array);
	if (r == 0 && field_count(&array) > max)
		r = field_invalid(&array, "more than %zu elements", max);
	for (size_t i = 0; r == 0 && i < field_count(&array); i++) {
		const char *text = NULL;
		struct launch_str str;

		r = field_string_at(&array, i, &text);
		if (r < 0)
			break;
		str = builder_str(&c->b, text);
		builder_list_add(&c->b, &list, &str);
	}
	*ret = builder_take(&c->b, &list, max, name);
	return r;
}

/* ---- parts that have no file of their own ------------------------------------------- */
static int check_version(const struct field *config)
{
	struct field at = field_any(config, "ociVersion");
	const char *version = NULL;
	int r = field_need_string(config, "ociVersion", &version);

	if (r < 0)
		return r;
	if (strncmp(version, "1.", 2) != 0 || version[2] < '0' || version[2] > '9')
		return field_unsupported(&at, "version '%s' is none of 1.x", version);
	return 0;
}

static const struct {
	const char *name, *why;
} not_ours[] = {
	{ "solaris", "for another operating system" },
	{ "windows", "for another operating system" },
	{ "freebsd", "for another operating system" },
	{ "zos", "for another operating system" },
	{ "vm", "virtual machines are not supported" },
};

static const struct {
	const char *name, *why;
} not_yet[] = {
	{ "intelRdt", "Intel RDT is not supported" },
	{ "memoryPolicy", "memory policies are not supported" },
	{ "netDevices", "moving network devices into a container is not supported" },
};

static int refuse_rest(const struct field *config)
{
	struct field linux_ = field_any(config, "linux");
	int r = 0;

	for (size_t i = 0; r == 0 && i < sizeof not_ours / sizeof not_ours[0]; i++)
		r = field_refuse(config, not_ours[i].name, not_ours[i].why);
	for (size_t i = 0; r == 0 && i < sizeof not_yet / sizeof not_yet[0]; i++)
		r = field_refuse(&linux_, not_yet[i].name, not_yet[i].why);
	return r;
}

/* Annotations are for those who read the state; here they are only held to be texts. */
static int check_annotations(const struct field *config)
{
	struct field map, item;
	const char *text;
	int r = field_object(config, "annotations", &map);

	if (r < 0)
		return r;
	json_each (map.json, it) {
		item = field_member(&map, it.key, it.value);
		r = field_text(&item, &text);
		if (r < 0)
			return r;
	}
	return 0;
}

static int compile_name(
	struct compile *c, const struct field *config, const char *name, struct launch_str *ret)
{
	struct field at = field_any(config, name);
	const char *text = NULL;
	int r = field_string(config, name, &text);

	if (r < 0 || !text || !*text)
		return r;
	if (strlen(text) > 64)
		return field_invalid(&at, "longer than 64 bytes");
	if (!(c->ns_has & CLONE_NEWUTS))
		return field_invalid(&at, "needs a uts namespace of the container's own");
	*ret = builder_str(&c->b, text);
	return 0;
}

static int compile_paths(
	struct compile *c, const struct field *linux_, const char *name, struct launch_vec *ret)
{
	struct field list;
	int r = field_array(linux_, name, &list);

	for (size_t i = 0; r == 0 && i < field_count(&list); i++) {
		struct field at = { .up = &list, .index = i, .err = list.err };
		const char *text = NULL;

		r = field_string_at(&list, i, &text);
		if (r == 0 && *text != '/')
			r = field_invalid(&at, "'%s' is not an absolute path", text);
	}
	return r < 0 ? r : compile_strings(c, linux_, name, LAUNCH_LIST_MAX, ret);
}

static int compile_personality(struct compile *c, const struct field *config)
{
	static const struct field_choice domains[] = { { "LINUX", 0 }, { "LINUX32", 8 }, { 0 } };
	struct field linux_ = field_any(config, "linux"), f, at;
	const char *domain = NULL;
	uint64_t value = 0;
	int r;

	r = field_object(&linux_, "personality", &f);
	if (r < 0 || !f.json)
		return r;
	at = field_any(&f, "domain");
	r = field_need_string(&f, "domain", &domain);
	if (r == 0)
		r = field_choose(&at, domain, domains, "domain", &value);
	if (r == 0)
		r = field_refuse(&f, "flags", "no flag is supported");
	if (r < 0)
		return r;
	c->b.rec.process.flags |= LAUNCH_PROC_PERSONALITY;
	c->b.rec.process.personality = (uint32_t)value;
	return 0;
}

static int check_mount_label(const struct compile *c, const struct field *linux_)
{
	struct field at = field_any(linux_, "mountLabel");
	const char *label = NULL;
	int r = field_string(linux_, "mountLabel", &label);

	if (r == 0 && label && *label && !c->opts->selinux)
		r = field_unsupported(&at, "label '%s' is asked for, but SELinux is not enabled here", label);
	return r;
}

/* ---- the two records --------------------------------------------------------------------- */
static int compile_filesystem(struct compile *c, const struct field *config)
{
	struct launch_record *rec = &c->b.rec;
	struct field linux_ = field_any(config, "linux");
	int r;

	r = check_mount_label(c, &linux_);
	if (r == 0)
		r = mounts_compile(c, config);
	if (r == 0)
		r = devices_compile(c, config);
	if (r == 0)
		r = compile_paths(c, &linux_, "maskedPaths", &rec->masked);
	return r < 0 ? r : compile_paths(c, &linux_, "readonlyPaths", &rec->readonly);
}

static int compile_config(struct compile *c, const struct field *config)
{
	struct field linux_, process;
	int r;

	r = check_version(config);
	if (r == 0)
		r = field_object(config, "linux", &linux_);
	if (r == 0)
		r = refuse_rest(config);
	if (r == 0)
		r = check_annotations(config);
	if (r == 0)
		r = namespaces_compile(c, config);
	if (r == 0)
		r = compile_name(c, config, "hostname", &c->b.rec.hostname);
	if (r == 0)
		r = compile_name(c, config, "domainname", &c->b.rec.domainname);
	if (r == 0)
		r = compile_filesystem(c, config);
	if (r == 0)
		r = sysctl_compile(c, config);
	if (r == 0)
		r = cgroup_compile(c, config);
	if (r == 0)
		r = hooks_compile(c, config);
	if (r == 0)
		r = compile_personality(c, config);
	if (r == 0)
		r = seccomp_compile_config(c, config);
	if (r == 0)
		r = field_need_object(config, "process", &process);
	return r < 0 ? r : process_compile(c, &process, &process);
}

int compile_container(const struct json *config, const struct compile_options *opts, struct launch_block *ret,
	struct error *err)
{
	struct field root = field_root(config, NULL, err);
	struct compile c = { .opts = opts, .err = err };
	int r;

	builder_init(&c.b);
	if (opts->no_pivot)
		c.b.rec.flags |= LAUNCH_F_NO_PIVOT;
	if (opts->no_new_keyring)
		c.b.rec.flags |= LAUNCH_F_NO_NEW_KEYRING;
	r = compile_config(&c, &root);
	if (r == 0)
		r = builder_finish(&c.b, ret, err);
	builder_done(&c.b);
	return r;
}

static int compile_joins(struct compile *c)
{
	struct builder_list joins = BUILDER_LIST_INIT(struct launch_join);

	for (size_t i = 0; i < c->opts->n_joins; i++) {
		struct launch_join join = { .type = c->opts->joins[i].type, .fd = c->opts->joins[i].fd };

		if (join.fd == LAUNCH_NO_FD)
			join.path = builder_str(&c->b, c->opts->joins[i].path);
		builder_list_add(&c->b, &joins, &join);
	}
	c->b.rec.joins = builder_take(&c->b, &joins, 8, "namespaces");
	return 0;
}

static int compile_exec(struct compile *c, const struct field *process, const struct field *config)
{
	struct field inherited;
	char path[CGROUP_PATH_MAX];
	int r = 0;

	if (c->opts->cgroups) {
		r = compile_cgroup_path(config->json, c->opts, path, sizeof path, c->err);
		c->b.rec.cgroup_path = builder_str(&c->b, r == 0 ? path : NULL);
	}
	if (r == 0)
		r = compile_joins(c);
	if (r == 0)
		r = field_need_object(config, "process", &inherited);
	if (r == 0)
		r = compile_personality(c, config);
	if (r == 0)
		r = seccomp_compile_config(c, config);
	return r < 0 ? r : process_compile(c, process, &inherited);
}

int compile_process(const struct json *process, const struct json *config, const struct compile_options *opts,
	struct launch_block *ret, struct error *err)
{
	struct field process_root = field_root(process, "process", err),
		     config_root = field_root(config, NULL, err);
	struct compile c = { .opts = opts, .err = err };
	int r;

	builder_init(&c.b);
	c.b.rec.flags |= LAUNCH_F_EXEC;
	if (opts->no_new_keyring)
		c.b.rec.flags |= LAUNCH_F_NO_NEW_KEYRING;
	r = compile_exec(&c, &process_root, &config_root);
	if (r == 0)
		r = builder_finish(&c.b, ret, err);
	builder_done(&c.b);
	return r;
}
