/* SPDX-License-Identifier: Apache-2.0 */
/* Device rules: checking, and the v1 controller.  The v2 program: device_bpf.c. */
#include "lib/cgroup/device.h"

#include "lib/base/path.h"
#include "lib/cgroup/device_bpf.h"
#include "lib/cgroup/file.h"

#include <errno.h>
#include <stdio.h>
#include <string.h>

int cgroup_device_access(const char *text, uint8_t *ret)
{
	uint8_t bits = 0;

	if (!*text || strlen(text) > 3)
		return -EINVAL;
	for (; *text; text++) {
		switch (*text) {
		case 'r': bits |= CGROUP_DEVICE_READ; break;
		case 'w': bits |= CGROUP_DEVICE_WRITE; break;
		case 'm': bits |= CGROUP_DEVICE_MKNOD; break;
		default: return -EINVAL;
		}
	}
	*ret = bits;
	return 0;
}

int cgroup_device_check(const struct cgroup_device_rule *rules, size_t n, struct error *err)
{
	if (n > CGROUP_DEVICE_RULES_MAX)
		return error_set(
			err, ERROR_INVALID, E2BIG, "more than %d device rules", CGROUP_DEVICE_RULES_MAX);
	for (size_t i = 0; i < n; i++) {
		const struct cgroup_device_rule *r = &rules[i];
		if (!r->type || !strchr("acub", r->type))
			return error_invalid(err, "device rule %zu: type '%c' is not 'a', 'b', 'c' or 'u'",
				i + 1, r->type);
		if (r->access == 0 || (r->access & ~CGROUP_DEVICE_ALL))
			return error_invalid(
				err, "device rule %zu: access is not made of 'r', 'w' and 'm'", i + 1);
		if (r->major < -1 || r->major > UINT32_MAX || r->minor < -1 || r->minor > UINT32_MAX)
			return error_invalid(err, "device rule %zu: device number %lld:%lld is out of range",
				i + 1, (long long)r->major, (long long)r->minor);
	}
	return 0;
}

bool cgroup_device_is_total(const struct cgroup_device_rule *rule)
{
	return rule->type == 'a' && rule->major == -1 && rule->minor == -1 &&
	       rule->access == CGROUP_DEVICE_ALL;
}

static void format_number(int64_t number, char buf[24])
{
	if (number < 0)
		snprintf(buf, 24, "*");
	else
		snprintf(buf, 24, "%lld", (long long)number);
}

int cgroup_device_line(const struct cgroup_device_rule *rule, char *buf, size_t size)
{
	char major[24], minor[24];

	format_number(rule->major, major);
	format_number(rule->minor, minor);
	return path_format(buf, size, "%c %s:%s %s%s%s", rule->type == 'u' ? 'c' : rule->type, major, minor,
		rule->access & CGROUP_DEVICE_READ ? "r" : "", rule->access & CGROUP_DEVICE_WRITE ? "w" : "",
		rule->access & CGROUP_DEVICE_MKNOD ? "m" : "");
}

/* ---- v1 --------------------------------------------------------------------- */
/* v1 takes 'a' for everything whatever else the line says, so a partial one stands for two rules. */
static size_t split_rule(const struct cgroup_device_rule *rule, struct cgroup_device_rule ret[2])
{
	ret[0] = ret[1] = *rule;
	if (rule->type != 'a' || cgroup_device_is_total(rule)) {
		ret[0].type = rule->type == 'u' ? 'c' : rule->type;
		return 1;
	}
	ret[0].type = 'c';
	ret[1].type = 'b';
	return 2;
}

static bool number_overlaps(int64_t a, int64_t b)
{
	return a == -1 || b == -1 || a == b;
}

/* The kernel keeps a default and a list of exceptions, and takes an exception back only where type and
 * numbers are the same; any other overlap it lets pass without effect. */
static bool takes_back_part(const struct cgroup_device_rule *back, const struct cgroup_device_rule *given)
{
	for (size_t i = 0, n = given->type == 'a' ? 2 : 1; i < n; i++) {
		char type = given->type == 'a' ? "cb"[i] : given->type == 'u' ? 'c' : given->type;
		if (type != back->type || !(given->access & back->access))
			continue;
		if (number_overlaps(given->major, back->major) &&
			number_overlaps(given->minor, back->minor) &&
			(given->major != back->major || given->minor != back->minor))
			return true;
	}
	return false;
}

int cgroup_device_check_v1(const struct cgroup_device_rule *rules, size_t n, struct error *err)
{
	bool allowed = true; /* what the parent has, and a new cgroup copies */
	size_t since = 0;    /* rules before it have no effect any more */

	int r = cgroup_device_check(rules, n, err);
	for (size_t i = 0; i < n && r == 0; i++) {
		struct cgroup_device_rule part[2];
		if (cgroup_device_is_total(&rules[i])) {
			allowed = rules[i].allow;
			since = i + 1;
			continue;
		}
		if (!!rules[i].allow != allowed)
			continue;
		size_t parts = split_rule(&rules[i], part);
		for (size_t j = since; j < i; j++) {
			if (!!rules[j].allow == allowed)
				continue;
			for (size_t k = 0; k < parts; k++)
				if (takes_back_part(&part[k], &rules[j]))
					return error_set(err, ERROR_UNSUPPORTED, ENOTSUP,
						"device rule %zu takes back a part of rule %zu, which cgroup "
						"v1 cannot do",
						i + 1, j + 1);
		}
	}
	return r;
}

static int write_rule(int dir, const struct cgroup_device_rule *rule, struct error *err)
{
	const char *file = rule->allow ? "devices.allow" : "devices.deny";
	struct cgroup_device_rule part[2];
	char line[64];

	for (size_t i = 0, n = split_rule(rule, part); i < n; i++) {
		int r = cgroup_device_line(&part[i], line, sizeof line);
		if (r == 0)
			r = cgroup_file_write(dir, file, line);
		if (r < 0)
			return error_set(err, r == -EPERM ? ERROR_DENIED : ERROR_INTERNAL, -r,
				"cannot write '%s' to '%s': %s", line, file, strerror(-r));
	}
	return 0;
}

static int apply_v1(int dir, const struct cgroup_device_rule *rules, size_t n, struct error *err)
{
	/* What was before the last total rule has no effect; leaving it out spares writes and keeps a
	 * container that is running from losing its devices for a moment more than it must. */
	size_t first = 0;

	int r = cgroup_device_check_v1(rules, n, err);
	for (size_t i = 0; i < n && r == 0; i++)
		if (cgroup_device_is_total(&rules[i]))
			first = i;
	/* Without a total rule the list starts from OCI's default, nothing allowed. */
	if (r == 0 && n > 0 && !cgroup_device_is_total(&rules[first])) {
		const struct cgroup_device_rule nothing = {
			.type = 'a', .access = CGROUP_DEVICE_ALL, .major = -1, .minor = -1
		};
		r = write_rule(dir, &nothing, err);
	}
	for (size_t i = first; i < n && r == 0; i++)
		r = write_rule(dir, &rules[i], err);
	return r;
}

int cgroup_apply_devices(
	const struct cgroup *cg, const struct cgroup_device_rule *rules, size_t n, struct error *err)
{
	if (n == 0)
		return 0;
	if (!cgroup_layout_has(cg->layout, CGROUP_DEVICES))
		return error_set(err, ERROR_UNSUPPORTED, ENOTSUP, "there is no cgroup controller 'devices'");
	int dir = cg->dir[cg->layout->owner[CGROUP_DEVICES]];
	if (dir < 0)
		return error_set(
			err, ERROR_NOT_FOUND, ENOENT, "cgroup '%s' has no devices controller", cg->path);
	if (cgroup_layout_on_v2(cg->layout, CGROUP_DEVICES))
		return cgroup_device_attach(dir, rules, n, err);
	return apply_v1(dir, rules, n, err);
}
