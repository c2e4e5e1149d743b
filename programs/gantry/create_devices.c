/* SPDX-License-Identifier: Apache-2.0 */
/* Devices, capabilities and security options. */
#include "lib/base/cleanup.h"
#include "lib/base/fd.h"
#include "lib/base/str.h"
#include "lib/json/json.h"
#include "programs/gantry/cli.h"
#include "programs/gantry/create_body.h"
#include "programs/gantry/members.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define PROFILE_MAX ((size_t)4 << 20)

/* ---- devices ----------------------------------------------------------------------------------- */
static bool is_mode(const char *text)
{
	unsigned seen = 0;

	for (const char *p = text; *p; p++) {
		unsigned bit = *p == 'r' ? 1 : *p == 'w' ? 2 : *p == 'm' ? 4 : 8;
		if (bit == 8 || (seen & bit))
			return false;
		seen |= bit;
	}
	return seen != 0;
}

/* "vendor.com/class=name": a device of CDI. */
static bool is_cdi(const char *text)
{
	const char *slash = strchr(text, '/'), *equals = strchr(text, '=');

	return text[0] != '/' && slash && equals && slash < equals && equals[1] && slash != text &&
	       !strchr(text, ':');
}

static void add_cdi(const char *text, struct json *host)
{
	struct json *request = json_add_object(members_array(host, "DeviceRequests"));

	json_set_string(request, "Driver", "cdi");
	json_set_int(request, "Count", 0);
	json_add_string(json_set_array(request, "DeviceIDs"), text);
	json_set_null(request, "Capabilities");
	json_set_null(request, "Options");
}

/* "/dev/x[:/dev/y][:rwm]" */
static int add_device(const struct create_input *in, const char *text, struct json *devices)
{
	auto_str_list char **p = NULL;
	int r = str_split(text, ':', 0, &p);
	size_t n = str_list_count(p);

	if (r < 0)
		return error_sys(in->err, -r, "cannot read --device");
	if (n > 3 || !p[0][0])
		return error_invalid(in->err, "bad format for path: %.100s", text);
	const char *inside = n > 1 ? p[1] : p[0], *mode = n > 2 ? p[2] : "rwm";
	if (n == 2 && is_mode(p[1])) {
		inside = p[0];
		mode = p[1];
	}
	if (!is_mode(mode))
		return error_invalid(in->err, "bad mode specified: %.100s", mode);
	if (p[0][0] != '/' || inside[0] != '/')
		return error_invalid(
			in->err, "%.100s is not an absolute path", p[0][0] != '/' ? p[0] : inside);
	struct json *device = json_add_object(devices);
	json_set_string(device, "PathOnHost", p[0]);
	json_set_string(device, "PathInContainer", inside);
	json_set_string(device, "CgroupPermissions", mode);
	return 0;
}

/* "c 1:3 rwm", "a *:* rwm" */
static bool is_rule(const char *text)
{
	const char *p = text + 1;

	if (!strchr("abc", text[0]) || !text[0] || *p++ != ' ')
		return false;
	for (int part = 0; part < 2; part++) {
		size_t n = *p == '*' ? 1 : strspn(p, "0123456789");
		if (n == 0 || p[n] != (part ? ' ' : ':'))
			return false;
		p += n + 1;
	}
	return strlen(p) <= 3 && strspn(p, "rwm") == strlen(p) && *p;
}

static int add_rules(const struct create_input *in, struct json *host)
{
	const struct option_list *list = &in->o->device_cgroup_rule;

	if (list->n == 0)
		return 0;
	struct json *rules = json_set_array(host, "DeviceCgroupRules");
	for (size_t i = 0; i < list->n; i++) {
		if (!is_rule(list->v[i]))
			return create_refuse(in, "device-cgroup-rule", list->v[i],
				"invalid device cgroup format '%.100s'", list->v[i]);
		json_add_string(rules, list->v[i]);
	}
	return 0;
}

int create_devices(const struct create_input *in, struct json *host)
{
	struct json *devices = json_set_array(host, "Devices");
	int r = add_rules(in, host);

	for (size_t i = 0; i < in->o->device.n && r == 0; i++) {
		if (is_cdi(in->o->device.v[i]))
			add_cdi(in->o->device.v[i], host);
		else
			r = add_device(in, in->o->device.v[i], devices);
	}
	return r;
}

/* ---- capabilities ------------------------------------------------------------------------------- */
static int by_text(const void *a, const void *b)
{
	return strcmp(*(char *const *)a, *(char *const *)b);
}

/* As CAP_X, each once, sorted. */
static int set_caps(
	const struct create_input *in, const struct option_list *list, const char *key, struct json *host)
{
	auto_str_list char **caps = NULL;
	char name[80];

	for (size_t i = 0; i < list->n; i++) {
		const char *text = list->v[i];
		bool whole = strncasecmp(text, "CAP_", 4) == 0 || strcasecmp(text, "ALL") == 0;
		snprintf(name, sizeof name, "%s%s", whole ? "" : "CAP_", text);
		for (char *p = name; *p; p++)
			*p = *p >= 'a' && *p <= 'z' ? (char)(*p & ~0x20) : *p;
		if (!str_list_has(caps, name) && str_list_add(&caps, name) < 0)
			return error_sys(in->err, ENOMEM, "cannot read capabilities");
	}
	if (!caps)
		return 0;
	qsort(caps, str_list_count(caps), sizeof *caps, by_text);
	json_set_strings(host, key, caps);
	return 0;
}

/* ---- security options ---------------------------------------------------------------------------- */
/* The profile in a file becomes the value. */
static int add_profile(const struct create_input *in, const char *path, struct json *list)
{
	auto_free char *text = NULL, *compact = NULL;
	auto_json struct json *profile = NULL;
	auto_str struct str value = STR_INIT(2 * PROFILE_MAX);
	size_t n;
	int r = fd_read_file(AT_FDCWD, path, PROFILE_MAX, &text, &n);

	if (r < 0)
		return error_invalid(in->err, "opening seccomp profile (%.200s) failed: open %.100s: %s",
			path, path, r == -ENOENT ? "no such file or directory" : strerror(-r));
	r = json_parse(text, n, 0, &profile, in->err);
	if (r < 0)
		return error_prefix(in->err, r, "compacting json for seccomp profile (%.200s) failed", path);
	compact = json_text(profile);
	if (!compact || str_addf(&value, "seccomp=%s", compact) < 0)
		return error_sys(in->err, ENOMEM, "cannot read a seccomp profile");
	json_add_string(list, str_text(&value));
	return 0;
}

static int add_security(const struct create_input *in, const char *text, struct json *list, struct json *host)
{
	const char *sep = strpbrk(text, "=:");
	const char *seccomp = str_after(text, "seccomp=");

	if (!seccomp)
		seccomp = str_after(text, "seccomp:");
	if ((!sep && strcmp(text, "no-new-privileges") != 0) || (sep && !sep[1]))
		return error_invalid(in->err, "Invalid --security-opt: \"%.100s\"", text);
	if (strcmp(text, "systempaths=unconfined") == 0) {
		json_set_array(host, "MaskedPaths");
		json_set_array(host, "ReadonlyPaths");
		return 0;
	}
	if (seccomp && strcmp(seccomp, "unconfined") != 0 && strcmp(seccomp, "builtin") != 0)
		return add_profile(in, seccomp, list);
	json_add_string(list, text);
	return 0;
}

int create_security(const struct create_input *in, struct json *host)
{
	const struct create_options *o = in->o;
	struct json *list = o->security_opt.n > 0 ? json_set_array(host, "SecurityOpt") : NULL;
	int r = set_caps(in, &o->cap_add, "CapAdd", host);

	if (r == 0)
		r = set_caps(in, &o->cap_drop, "CapDrop", host);
	for (size_t i = 0; i < o->security_opt.n && r == 0; i++)
		r = add_security(in, o->security_opt.v[i], list, host);
	return r;
}
