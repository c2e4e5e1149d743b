/* SPDX-License-Identifier: Apache-2.0 */
#include "runtime/compile/context.h"

#include "lib/base/path.h"
#include "lib/cgroup/device.h"

#include <errno.h>
#include <limits.h>
#include <string.h>
#include <sys/stat.h>

/* dev_t has 12 bits of major and 20 of minor. */
#define MAJOR_MAX 0xfff
#define MINOR_MAX 0xfffff

/* The devices that each container has (config-linux.md, "Default Devices"); /dev/console and /dev/ptmx are
 * the launcher's: they hang on the terminal. */
static const struct {
	const char *path;
	uint32_t major, minor;
} defaults[] = {
	{ "/dev/null", 1, 3 },
	{ "/dev/zero", 1, 5 },
	{ "/dev/full", 1, 7 },
	{ "/dev/random", 1, 8 },
	{ "/dev/urandom", 1, 9 },
	{ "/dev/tty", 5, 0 },
};

/* What each container may do with devices, behind the configuration's rules: making any node (a node is no
 * access), the default devices, its console and pseudo terminals. */
static const struct cgroup_device_rule default_rules[] = {
	{ 1, 'c', CGROUP_DEVICE_MKNOD, -1, -1 },
	{ 1, 'b', CGROUP_DEVICE_MKNOD, -1, -1 },
	{ 1, 'c', CGROUP_DEVICE_ALL, 1, 3 },
	{ 1, 'c', CGROUP_DEVICE_ALL, 1, 8 },
	{ 1, 'c', CGROUP_DEVICE_ALL, 1, 7 },
	{ 1, 'c', CGROUP_DEVICE_ALL, 5, 0 },
	{ 1, 'c', CGROUP_DEVICE_ALL, 1, 5 },
	{ 1, 'c', CGROUP_DEVICE_ALL, 1, 9 },
	{ 1, 'c', CGROUP_DEVICE_ALL, 136, -1 },
	{ 1, 'c', CGROUP_DEVICE_ALL, 5, 1 },
	{ 1, 'c', CGROUP_DEVICE_ALL, 5, 2 },
};

static const struct field_choice types[] = {
	{ "c", S_IFCHR },
	{ "u", S_IFCHR },
	{ "b", S_IFBLK },
	{ "p", S_IFIFO },
	{ 0 },
};

static int read_numbers(const struct field *f, struct launch_device *dev)
{
	bool has_major = false, has_minor = false;
	int64_t major = 0, minor = 0;
	int r;

	if (dev->type == S_IFIFO)
		return 0;
	r = field_int(f, "major", 0, MAJOR_MAX, &major, &has_major);
	if (r == 0)
		r = field_int(f, "minor", 0, MINOR_MAX, &minor, &has_minor);
	if (r == 0 && (!has_major || !has_minor))
		r = field_invalid(f, "major and minor are needed");
	dev->major = (uint32_t)major;
	dev->minor = (uint32_t)minor;
	return r;
}

/* path has PATH_MAX bytes: the cleaned path. */
static int read_device(const struct field *f, struct launch_device *dev, char *path)
{
	struct field at = field_any(f, "path"), type_at = field_any(f, "type");
	const char *text = NULL, *name = NULL;
	uint64_t type = 0, mode = 0666;
	int r;

	r = field_need_string(f, "path", &text);
	if (r == 0)
		r = field_need_string(f, "type", &name);
	if (r == 0)
		r = field_choose(&type_at, name, types, "device type", &type);
	if (r == 0 && *text != '/')
		r = field_invalid(&at, "'%s' is not an absolute path", text);
	if (r == 0 && path_clean(text, path, PATH_MAX) < 0)
		r = field_invalid(&at, "longer than %d bytes", PATH_MAX);
	if (r == 0 && strcmp(path, "/") == 0)
		r = field_invalid(&at, "the root is no device");
	dev->type = (uint32_t)type;
	if (r == 0)
		r = read_numbers(f, dev);
	if (r == 0) /* Docker and others give the type's bits with it */
		r = field_uint(f, "fileMode", 0177777, &mode, NULL);
	dev->mode = (uint32_t)mode & 07777;
	if (r == 0)
		r = field_u32(f, "uid", &dev->uid, NULL);
	return r < 0 ? r : field_u32(f, "gid", &dev->gid, NULL);
}

/* A path that is there: replaced, so that the last one counts. */
static void put_device(
	struct compile *c, struct builder_list *list, struct launch_device dev, const char *path)
{
	struct launch_device *items = (struct launch_device *)(void *)list->items;

	for (size_t i = 0; !c->b.failed && i < list->n; i++)
		if (items[i].path.len == strlen(path) &&
			memcmp(c->b.data + items[i].path.off, path, items[i].path.len) == 0) {
			dev.path = items[i].path;
			items[i] = dev;
			return;
		}
	dev.path = builder_str(&c->b, path);
	builder_list_add(&c->b, list, &dev);
}

int devices_compile(struct compile *c, const struct field *config)
{
	struct builder_list devices = BUILDER_LIST_INIT(struct launch_device);
	struct field linux_, list, item;
	char path[PATH_MAX];
	int r;

	r = field_object(config, "linux", &linux_);
	if (r == 0)
		r = field_array(&linux_, "devices", &list);
	if (r == 0 && field_count(&list) > 1024)
		r = field_invalid(&list, "more than 1024 devices");
	for (size_t i = 0; r == 0 && i < sizeof defaults / sizeof defaults[0]; i++)
		put_device(c, &devices,
			(struct launch_device){ .type = S_IFCHR,
				.mode = 0666,
				.major = defaults[i].major,
				.minor = defaults[i].minor },
			defaults[i].path);
	for (size_t i = 0; r == 0 && i < field_count(&list); i++) {
		struct launch_device dev = { 0 };

		r = field_object_at(&list, i, &item);
		if (r == 0)
			r = read_device(&item, &dev, path);
		if (r == 0)
			put_device(c, &devices, dev, path);
	}
	if (r < 0 || c->dev_is_bound) /* nothing is made in a folder of the host */
		builder_list_done(&devices);
	else
		c->b.rec.devices = builder_take(&c->b, &devices, LAUNCH_LIST_MAX, "linux.devices");
	return r;
}

/* ---- rules of the cgroup ----------------------------------------------------------- */
static void add_rule(struct compile *c, struct builder_list *list, const struct cgroup_device_rule *rule)
{
	struct launch_cgroup_device flat = {
		.type = (unsigned char)rule->type,
		.access = rule->access,
		.allow = rule->allow,
		.major = rule->major,
		.minor = rule->minor,
	};

	builder_list_add(&c->b, list, &flat);
}

static int read_rule(const struct field *f, struct cgroup_device_rule *ret)
{
	static const struct field_choice rule_types[] = { { "a", 'a' }, { "b", 'b' }, { "c", 'c' },
		{ "u", 'c' }, { "", 'a' }, { 0 } };
	struct field type_at = field_any(f, "type"), access_at = field_any(f, "access"),
		     allow_at = field_any(f, "allow");
	const char *name = "a", *access = "rwm";
	bool allow = false;
	uint64_t type = 'a';
	int r;

	*ret = (struct cgroup_device_rule){ .major = -1, .minor = -1 };
	if (!allow_at.json)
		return field_invalid(&allow_at, "is needed");
	r = field_bool(f, "allow", &allow);
	if (r == 0)
		r = field_string(f, "type", &name);
	if (r == 0)
		r = field_choose(&type_at, name, rule_types, "device type", &type);
	if (r == 0)
		r = field_string(f, "access", &access);
	if (r == 0 && cgroup_device_access(*access ? access : "rwm", &ret->access) < 0)
		r = field_invalid(&access_at, "'%s' is not of r, w and m", access);
	if (r == 0)
		r = field_int(f, "major", -1, MAJOR_MAX, &ret->major, NULL);
	if (r == 0)
		r = field_int(f, "minor", -1, MINOR_MAX, &ret->minor, NULL);
	ret->allow = allow;
	ret->type = (char)type;
	return r;
}

int devices_compile_rules(struct compile *c, const struct field *resources)
{
	struct builder_list rules = BUILDER_LIST_INIT(struct launch_cgroup_device);
	struct cgroup_device_rule rule;
	struct field list, item;
	size_t most = CGROUP_DEVICE_RULES_MAX - sizeof default_rules / sizeof default_rules[0];
	int r;

	r = field_array(resources, "devices", &list);
	if (r == 0 && field_count(&list) > most)
		r = field_invalid(&list, "more than %zu rules", most);
	for (size_t i = 0; r == 0 && i < field_count(&list); i++) {
		r = field_object_at(&list, i, &item);
		if (r == 0)
			r = read_rule(&item, &rule);
		if (r == 0)
			add_rule(c, &rules, &rule);
	}
	for (size_t i = 0; i < sizeof default_rules / sizeof default_rules[0]; i++)
		add_rule(c, &rules, &default_rules[i]);
	if (r < 0)
		builder_list_done(&rules);
	else
		c->b.rec.cgroup_devices = builder_take(
			&c->b, &rules, LAUNCH_LIST_MAX, "linux.resources.devices");
	return r;
}
