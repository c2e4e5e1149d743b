/* SPDX-License-Identifier: Apache-2.0 */
#include "runtime/compile/context.h"

#include <errno.h>
#include <sched.h>
#include <stdio.h>
#include <string.h>
#include <sys/stat.h>

#define KEY_MAX   256
#define VALUE_MAX 4096

/* What belongs to a namespace, so that a write changes the container and nobody else. */
static const struct {
	const char *key; /* one that ends in '.' stands for all below it */
	uint32_t ns;
	const char *ns_name;
} allowed[] = {
	{ "kernel.msgmax", CLONE_NEWIPC, "ipc" },
	{ "kernel.msgmnb", CLONE_NEWIPC, "ipc" },
	{ "kernel.msgmni", CLONE_NEWIPC, "ipc" },
	{ "kernel.sem", CLONE_NEWIPC, "ipc" },
	{ "kernel.shmall", CLONE_NEWIPC, "ipc" },
	{ "kernel.shmmax", CLONE_NEWIPC, "ipc" },
	{ "kernel.shmmni", CLONE_NEWIPC, "ipc" },
	{ "kernel.shm_rmid_forced", CLONE_NEWIPC, "ipc" },
	{ "fs.mqueue.", CLONE_NEWIPC, "ipc" },
	{ "net.", CLONE_NEWNET, "network" },
	{ "kernel.domainname", CLONE_NEWUTS, "uts" },
};

static bool has_prefix(const char *key, const char *prefix)
{
	size_t n = strlen(prefix);

	return prefix[n - 1] == '.' ? strncmp(key, prefix, n) == 0 : strcmp(key, prefix) == 0;
}

/* "net/ipv4/ip_forward" is the same key; a key with both separators could mean two files.  Nothing else than
 * names and dots may stand in a key: what a reader takes for a separator ('+', blanks, line ends:
 * CVE-2022-0811) would say a second one. */
static int normalise(const struct field *f, const char *key, char *ret)
{
	bool dots = strchr(key, '.'), slashes = strchr(key, '/');
	size_t n = strlen(key);

	if (n == 0 || n >= KEY_MAX)
		return field_invalid(f, "a key of 1 to %d bytes is needed", KEY_MAX - 1);
	if (dots && slashes)
		return field_invalid(f, "'.' and '/' together in a key are ambiguous");
	for (size_t i = 0; i <= n; i++) {
		ret[i] = key[i] == '/' ? '.' : key[i];
		if (ret[i] == '.' && (i == 0 || i + 1 == n || ret[i - 1] == '.'))
			return field_invalid(f, "an empty name in the key");
	}
	if (strspn(ret, "abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789_-.") != n)
		return field_invalid(f, "a key has letters, digits, '_', '-' and '.'");
	return 0;
}

/* A joined network namespace may turn out to be the host's. */
static bool is_host_network(const struct compile *c)
{
	const struct launch_join *joins = (const struct launch_join *)(void *)(c->b.data +
									       c->b.rec.joins.off);
	struct stat own, other;

	for (size_t i = 0; i < c->b.rec.joins.n; i++) {
		if (joins[i].type != CLONE_NEWNET || !joins[i].path.off)
			continue;
		return stat("/proc/self/ns/net", &own) < 0 ||
		       (stat((const char *)c->b.data + joins[i].path.off, &other) == 0 &&
			       own.st_ino == other.st_ino && own.st_dev == other.st_dev);
	}
	return false;
}

static int check_key(const struct compile *c, const struct field *f, const char *key)
{
	if (strcmp(key, "kernel.hostname") == 0)
		return field_invalid(f, "is set by the member 'hostname'");
	if (strcmp(key, "kernel.domainname") == 0 && c->b.rec.domainname.off)
		return field_invalid(f, "is set by the member 'domainname'");
	for (size_t i = 0; i < sizeof allowed / sizeof allowed[0]; i++) {
		if (!has_prefix(key, allowed[i].key))
			continue;
		if (!(c->ns_has & allowed[i].ns))
			return field_invalid(
				f, "needs a %s namespace of the container's own", allowed[i].ns_name);
		if (allowed[i].ns == CLONE_NEWNET && is_host_network(c))
			return field_invalid(f, "the network namespace is the host's");
		return 0;
	}
	return field_invalid(f, "is not in a separate kernel namespace");
}

static int check_value(const struct field *f, const char *value)
{
	if (strlen(value) > VALUE_MAX)
		return field_invalid(f, "longer than %d bytes", VALUE_MAX);
	for (const char *p = value; *p; p++)
		if ((unsigned char)*p < ' ' && *p != '\t')
			return field_invalid(f, "control characters in the value");
	return 0;
}

static int compile_sysctl(
	struct compile *c, const struct field *f, const char *name, struct builder_list *list)
{
	struct launch_sysctl sysctl;
	const char *value = NULL;
	char key[KEY_MAX];
	int r;

	r = field_text(f, &value);
	if (r == 0)
		r = normalise(f, name, key);
	if (r == 0)
		r = check_key(c, f, key);
	if (r == 0)
		r = check_value(f, value);
	if (r < 0)
		return r;
	sysctl.key = builder_str(&c->b, key);
	sysctl.value = builder_str(&c->b, value);
	builder_list_add(&c->b, list, &sysctl);
	return 0;
}

int sysctl_compile(struct compile *c, const struct field *config)
{
	struct builder_list sysctls = BUILDER_LIST_INIT(struct launch_sysctl);
	struct field linux_, map, item;
	int r;

	r = field_object(config, "linux", &linux_);
	if (r == 0)
		r = field_object(&linux_, "sysctl", &map);
	if (r < 0)
		return r;
	json_each (map.json, it) {
		item = field_member(&map, it.key, it.value);
		r = compile_sysctl(c, &item, it.key, &sysctls);
		if (r < 0)
			break;
	}
	c->b.rec.sysctls = builder_take(&c->b, &sysctls, LAUNCH_LIST_MAX, "linux.sysctl");
	return r;
}
