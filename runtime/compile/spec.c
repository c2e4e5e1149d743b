/* SPDX-License-Identifier: Apache-2.0 */
#include "runtime/compile/spec.h"

#include "runtime/compile/data.h"

#include "lib/base/path.h"
#include "lib/base/str.h"
#include "lib/json/json.h"

#include <errno.h>
#include <string.h>

static void set_mapping(struct json *linux_, const char *name, uint32_t host_id)
{
	struct json *line = json_add_object(json_set_array(linux_, name));

	json_set_uint(line, "containerID", 0);
	json_set_uint(line, "hostID", host_id);
	json_set_uint(line, "size", 1);
}

/* Joining the host's network, a user may not mount a sysfs: /sys is taken from outside. */
static void add_sys(struct json *mounts)
{
	static const char *const options[] = { "rbind", "nosuid", "noexec", "nodev", "ro" };
	struct json *mount = json_add_object(mounts), *list;

	json_set_string(mount, "destination", "/sys");
	json_set_string(mount, "type", "none");
	json_set_string(mount, "source", "/sys");
	list = json_set_array(mount, "options");
	for (size_t i = 0; i < sizeof options / sizeof options[0]; i++)
		json_add_string(list, options[i]);
}

/* Options that name ids which are not mapped are left out. */
static struct json *copy_mount(const struct json *mount)
{
	const struct json *options = json_at(mount, "options");
	struct json *copy = json_copy(mount), *list;

	if (!options)
		return copy;
	list = json_set_array(copy, "options");
	for (size_t i = 0; i < json_count(options); i++) {
		const char *option = json_string(json_item(options, i));

		if (strncmp(option, "uid=", 4) != 0 && strncmp(option, "gid=", 4) != 0)
			json_add_string(list, option);
	}
	return copy;
}

static void set_mounts(struct json *config)
{
	const struct json *old = json_at(config, "mounts");
	struct json *mounts = json_new_array();

	for (size_t i = 0; i < json_count(old); i++)
		if (!path_is_below(json_string(json_at(json_item(old, i), "destination")), "/sys"))
			json_add(mounts, copy_mount(json_item(old, i)));
	add_sys(mounts);
	json_set(config, "mounts", mounts);
}

static void set_namespaces(struct json *linux_)
{
	const struct json *old = json_at(linux_, "namespaces");
	struct json *namespaces = json_new_array();

	for (size_t i = 0; i < json_count(old); i++) {
		const char *type = json_string(json_at(json_item(old, i), "type"));

		if (strcmp(type, "network") != 0)
			json_set_string(json_add_object(namespaces), "type", type);
	}
	json_set_string(json_add_object(namespaces), "type", "user");
	json_set(linux_, "namespaces", namespaces);
}

static void make_rootless(struct json *config, uid_t uid, gid_t gid)
{
	struct json *linux_ = json_copy(json_at(config, "linux"));

	set_mounts(config);
	json_remove(linux_, "resources");
	set_namespaces(linux_);
	set_mapping(linux_, "uidMappings", uid);
	set_mapping(linux_, "gidMappings", gid);
	json_set(config, "linux", linux_);
}

int spec_print(bool rootless, uid_t uid, gid_t gid, char **ret, struct error *err)
{
	auto_json struct json *config = NULL;
	struct str out = STR_INIT(64 << 10);
	int r;

	r = json_parse(data_config, strlen(data_config), 0, &config, err);
	if (r < 0)
		return r;
	if (rootless)
		make_rootless(config, uid, gid);
	r = json_print(config, "\t", &out);
	if (r == 0)
		r = str_add_char(&out, '\n');
	if (r < 0) {
		str_done(&out);
		return error_sys(err, ENOMEM, "cannot print a configuration");
	}
	*ret = str_take(&out);
	return 0;
}
