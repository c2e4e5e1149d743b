/* SPDX-License-Identifier: Apache-2.0 */
#include "engine/container/spec.h"
#include "engine/container/spec_state.h"

#include "engine/container/defaults.h"
#include "engine/engine.h"
#include "lib/base/cleanup.h"
#include "lib/base/path.h"
#include "lib/base/str.h"
#include "lib/json/json.h"
#include "runtime/compile/seccomp_profile.h"

#include <errno.h>
#include <stdio.h>
#include <string.h>

const char *spec_text(const struct json *o, const char *key)
{
	const char *t = json_string(json_at(o, key));

	return t ? t : "";
}

const char *spec_host_text(const struct spec *s, const char *key)
{
	return spec_text(s->f->host_config, key);
}

bool spec_host_bool(const struct spec *s, const char *key)
{
	bool on = false;

	json_opt_bool(s->f->host_config, key, false, &on, NULL);
	return on;
}

int64_t spec_host_int(const struct spec *s, const char *key, int64_t fallback)
{
	int64_t n = fallback;

	json_opt_int(s->f->host_config, key, fallback, INT64_MIN, INT64_MAX, &n, NULL);
	return n;
}

/* ---- process ------------------------------------------------------------------------------ */
bool spec_has_init(const struct json *host_config)
{
	const char *pid = json_string(json_at(host_config, "PidMode"));
	bool init = false;

	json_opt_bool(host_config, "Init", false, &init, NULL);
	return init && (!pid || !*pid);
}

static void add_args(struct spec *s)
{
	struct json *args = json_set_array(s->process, "args");
	static const char *const parts[] = { "Entrypoint", "Cmd" };

	if (spec_has_init(s->f->host_config)) {
		json_add_string(args, SPEC_INIT);
		json_add_string(args, "--");
	}
	for (size_t p = 0; p < 2; p++) {
		const struct json *list = json_at(s->f->config, parts[p]);
		for (size_t i = 0; i < json_count(list); i++)
			json_add_string(args, json_string(json_item(list, i)));
	}
}

bool spec_env_sets(const struct json *env, const char *line)
{
	size_t n = strcspn(line, "=");

	for (size_t i = 0; i < json_count(env); i++) {
		const char *t = json_string(json_item(env, i));
		if (t && strncmp(t, line, n) == 0 && t[n] == '=')
			return true;
	}
	return false;
}

/* What Docker sets stands first; the container's own wins. */
static void add_env(struct spec *s)
{
	const struct json *own = json_at(s->f->config, "Env");
	struct json *env = json_set_array(s->process, "env");
	char line[300];
	bool tty = false;

	json_opt_bool(s->f->config, "Tty", false, &tty, NULL);
	if (!spec_env_sets(own, "PATH"))
		json_add_string(env, DEFAULTS_PATH);
	if (!spec_env_sets(own, "HOSTNAME")) {
		snprintf(line, sizeof line, "HOSTNAME=%s", spec_text(s->f->config, "Hostname"));
		json_add_string(env, line);
	}
	if (tty && !spec_env_sets(own, "TERM"))
		json_add_string(env, "TERM=xterm");
	for (size_t i = 0; i < json_count(own); i++)
		if (strchr(json_string(json_item(own, i)),
			    '=')) /* a name alone takes a variable away, as in Docker */
			json_add_string(env, json_string(json_item(own, i)));
}

void spec_add_caps(struct json *process, uint64_t set)
{
	static const char *const names[] = { "bounding", "effective", "permitted" };
	struct json *caps = json_set_object(process, "capabilities");

	for (size_t n = 0; n < 3; n++) {
		struct json *list = json_set_array(caps, names[n]);
		for (unsigned c = 0; defaults_cap_name(c); c++)
			if (set & (UINT64_C(1) << c))
				json_add_string(list, defaults_cap_name(c));
	}
}

static int add_rlimits(struct spec *s)
{
	const struct json *list = json_at(s->f->host_config, "Ulimits");
	struct json *out = json_set_array(s->process, "rlimits");

	for (size_t i = 0; i < json_count(list); i++) {
		const struct json *item;
		const char *name;
		int64_t soft, hard;
		char upper[48] = "RLIMIT_";
		int r = json_item_object(list, i, &item, s->err);
		if (r == 0)
			r = json_get_string(item, "Name", &name, s->err);
		if (r == 0)
			r = json_opt_int(item, "Soft", 0, -1, INT64_MAX, &soft, s->err);
		if (r == 0)
			r = json_opt_int(item, "Hard", 0, -1, INT64_MAX, &hard, s->err);
		if (r < 0)
			return r;
		for (size_t k = 0; name[k] && k < 40; k++)
			upper[7 + k] = (char)(name[k] >= 'a' && name[k] <= 'z' ? name[k] - 32 : name[k]);
		struct json *limit = json_add_object(out);
		json_set_string(limit, "type", upper);
		json_set_uint(limit, "soft", soft < 0 ? UINT64_MAX : (uint64_t)soft);
		json_set_uint(limit, "hard", hard < 0 ? UINT64_MAX : (uint64_t)hard);
	}
	return 0;
}

static int add_process(struct spec *s)
{
	const char *cwd = spec_text(s->f->config, "WorkingDir");
	bool tty = false;

	s->process = json_set_object(s->oci, "process");
	json_opt_bool(s->f->config, "Tty", false, &tty, NULL);
	json_set_bool(s->process, "terminal", tty);
	json_set_string(s->process, "cwd", *cwd ? cwd : "/");
	struct json *user = json_set_object(
		s->process, "user"); /* the launcher resolves Config.User inside */
	json_set_uint(user, "uid", 0);
	json_set_uint(user, "gid", 0);
	add_args(s);
	add_env(s);
	spec_add_caps(s->process, s->caps);
	json_set_int(s->process, "oomScoreAdj", spec_host_int(s, "OomScoreAdj", 0));
	return add_rlimits(s);
}

/* ---- security options ---------------------------------------------------------------------- */
static int add_seccomp_text(struct spec *s, const char *profile)
{
	struct seccomp_facts facts = seccomp_facts_here();
	auto_json struct json *doc = NULL;
	struct json *resolved;

	facts.caps = s->caps;
	int r = json_parse(profile, strlen(profile), 0, &doc, s->err);
	if (r < 0)
		return error_prefix(s->err, r, "opening seccomp profile failed");
	r = seccomp_profile_resolve(doc, &facts, &resolved, s->err);
	return r < 0 ? r : json_set(s->linux_, "seccomp", resolved);
}

static int add_seccomp_default(struct spec *s)
{
	struct seccomp_facts facts = seccomp_facts_here();
	struct json *resolved;

	facts.caps = s->caps;
	int r = seccomp_profile_default(&facts, &resolved, s->err);
	return r < 0 ? r : json_set(s->linux_, "seccomp", resolved);
}

static int read_option(struct spec *s, const char *option, const char **seccomp)
{
	const char *value;

	if (strcmp(option, "no-new-privileges") == 0 || strcmp(option, "no-new-privileges:true") == 0 ||
		strcmp(option, "no-new-privileges=true") == 0)
		return json_set_bool(s->process, "noNewPrivileges", true);
	if (strcmp(option, "no-new-privileges:false") == 0 || strcmp(option, "no-new-privileges=false") == 0)
		return 0;
	if ((value = str_after(option, "seccomp=")) || (value = str_after(option, "seccomp:"))) {
		*seccomp = value;
		return 0;
	}
	if ((value = str_after(option, "apparmor=")) || (value = str_after(option, "apparmor:")))
		return strcmp(value, "unconfined") == 0
			       ? 0
			       : json_set_string(s->process, "apparmorProfile", value);
	if ((value = str_after(option, "label=")) && strcmp(value, "disable") == 0)
		return 0;
	return error_invalid(s->err, "invalid --security-opt 2: \"%s\"", option);
}

static int add_security(struct spec *s)
{
	const struct json *list = json_at(s->f->host_config, "SecurityOpt");
	const char *seccomp = s->privileged ? "unconfined" : NULL, *option;
	int r = 0;

	for (size_t i = 0; r == 0 && i < json_count(list); i++) {
		r = json_item_string(list, i, &option, s->err);
		if (r == 0)
			r = read_option(s, option, &seccomp);
	}
	if (r < 0 || (seccomp && strcmp(seccomp, "unconfined") == 0))
		return r;
	return seccomp && strcmp(seccomp, "builtin") != 0 ? add_seccomp_text(s, seccomp)
							  : add_seccomp_default(s);
}

/* ---- namespaces ------------------------------------------------------------------------------ */
static void add_namespace(struct json *list, const char *type)
{
	json_set_string(json_add_object(list), "type", type);
}

static void add_namespaces(struct spec *s)
{
	struct json *list = json_set_array(s->linux_, "namespaces");

	add_namespace(list, "mount");
	if (strcmp(spec_host_text(s, "PidMode"), "host") != 0)
		add_namespace(list, "pid");
	if (strcmp(spec_host_text(s, "IpcMode"), "host") != 0)
		add_namespace(list, "ipc");
	if (strcmp(spec_host_text(s, "UTSMode"), "host") != 0) {
		add_namespace(list, "uts");
		json_set_string(s->oci, "hostname", spec_text(s->f->config, "Hostname"));
		if (*spec_text(s->f->config, "Domainname"))
			json_set_string(s->oci, "domainname", spec_text(s->f->config, "Domainname"));
	}
	if (strcmp(spec_host_text(s, "NetworkMode"), "host") != 0)
		add_namespace(list, "network");
	if (strcmp(spec_host_text(s, "CgroupnsMode"), "host") != 0)
		add_namespace(list, "cgroup");
}

static void copy_list(struct spec *s, const char *from, const char *to)
{
	const struct json *list = json_at(s->f->host_config, from);

	if (list)
		json_set(s->linux_, to, json_copy(list));
}

static int add_linux(struct spec *s)
{
	const struct json *sysctls = json_at(s->f->host_config, "Sysctls");

	add_namespaces(s);
	int r = spec_add_resources(s);
	copy_list(s, "MaskedPaths", "maskedPaths");
	copy_list(s, "ReadonlyPaths", "readonlyPaths");
	if (sysctls)
		json_set(s->linux_, "sysctl", json_copy(sysctls));
	return r == 0 ? add_security(s) : r;
}

int spec_build(const struct spec_facts *facts, struct json **ret, struct error *err)
{
	struct spec s = { .f = facts, .err = err, .oci = json_new_object() };
	const struct json *h = facts->host_config;
	int r = json_opt_bool(h, "Privileged", false, &s.privileged, err);

	json_set_string(s.oci, "ociVersion", "1.2.0");
	struct json *root = json_set_object(s.oci, "root");
	json_set_string(root, "path", "rootfs"); /* a descriptor stands for it */
	json_set_bool(root, "readonly", spec_host_bool(&s, "ReadonlyRootfs"));
	s.linux_ = json_set_object(s.oci, "linux");
	if (r == 0)
		r = defaults_caps(json_at(h, "CapAdd"), json_at(h, "CapDrop"), s.privileged, &s.caps, err);
	if (r == 0)
		r = add_process(&s);
	if (r == 0)
		r = spec_add_mounts(&s);
	if (r == 0)
		r = add_linux(&s);
	if (r < 0)
		json_free(s.oci);
	else
		*ret = s.oci;
	return r;
}
