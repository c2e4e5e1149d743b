/* SPDX-License-Identifier: Apache-2.0 */
#include "programs/gantry/create_body.h"

#include "lib/base/cleanup.h"
#include "lib/base/str.h"
#include "lib/json/json.h"
#include "programs/gantry/cli.h"
#include "programs/gantry/members.h"
#include "programs/gantry/refused.h"

#include <ctype.h>
#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>

/* clang-format off */
#define OPT(kind, name, letter, member, help, arg, fallback) \
	{ name, letter, OPTION_##kind, 0, offsetof(struct create_options, member), help, arg, fallback, NULL }
const struct option create_options[] = {
#include "programs/gantry/create-options.def"
	{ 0 },
};
const struct option run_options[] = {
	OPT(BOOL, "detach", 'd', detach, "Run container in background and print container ID", NULL, NULL),
	OPT(STRING, "detach-keys", 0, detach_keys, "Override the key sequence for detaching a container", NULL, NULL),
	OPT(BOOL, "sig-proxy", 0, sig_proxy, "Proxy received signals to the process", NULL, "true"),
#include "programs/gantry/create-options.def"
	{ 0 },
};
/* clang-format on */

const struct create_options create_defaults = {
	.memory_swappiness = -1, .sig_proxy = true, .pull = "missing", .restart = "no"
};

/* What Docker's CLI sends when no option is given. */
static const char basis[] =
	"{\"Hostname\":\"\",\"Domainname\":\"\",\"User\":\"\",\"AttachStdin\":false,\"AttachStdout\":false,"
	"\"AttachStderr\":false,\"Tty\":false,\"OpenStdin\":false,\"StdinOnce\":false,\"Env\":null,\"Cmd\":"
	"null,"
	"\"Image\":\"\",\"Volumes\":{},\"WorkingDir\":\"\",\"Entrypoint\":null,\"OnBuild\":null,\"Labels\":{}"
	","
	"\"HostConfig\":{\"Binds\":null,\"ContainerIDFile\":\"\",\"LogConfig\":{\"Type\":\"\",\"Config\":{}},"
	"\"NetworkMode\":\"default\",\"PortBindings\":{},\"RestartPolicy\":{\"Name\":\"no\","
	"\"MaximumRetryCount\":0},\"AutoRemove\":false,\"VolumeDriver\":\"\",\"VolumesFrom\":null,"
	"\"ConsoleSize\":[0,0],\"CapAdd\":null,\"CapDrop\":null,\"CgroupnsMode\":\"\",\"Dns\":[],"
	"\"DnsOptions\":[],\"DnsSearch\":[],\"ExtraHosts\":null,\"GroupAdd\":null,\"IpcMode\":\"\","
	"\"Cgroup\":\"\",\"Links\":null,\"OomScoreAdj\":0,\"PidMode\":\"\",\"Privileged\":false,"
	"\"PublishAllPorts\":false,\"ReadonlyRootfs\":false,\"SecurityOpt\":null,\"UTSMode\":\"\","
	"\"UsernsMode\":\"\",\"ShmSize\":0,\"Isolation\":\"\",\"CpuShares\":0,\"Memory\":0,\"NanoCpus\":0,"
	"\"CgroupParent\":\"\",\"BlkioWeight\":0,\"BlkioWeightDevice\":[],\"BlkioDeviceReadBps\":[],"
	"\"BlkioDeviceWriteBps\":[],\"BlkioDeviceReadIOps\":[],\"BlkioDeviceWriteIOps\":[],\"CpuPeriod\":0,"
	"\"CpuQuota\":0,\"CpuRealtimePeriod\":0,\"CpuRealtimeRuntime\":0,\"CpusetCpus\":\"\","
	"\"CpusetMems\":\"\",\"Devices\":[],\"DeviceCgroupRules\":null,\"DeviceRequests\":null,"
	"\"MemoryReservation\":0,\"MemorySwap\":0,\"MemorySwappiness\":-1,\"OomKillDisable\":false,"
	"\"PidsLimit\":0,\"Ulimits\":[],\"CpuCount\":0,\"CpuPercent\":0,\"IOMaximumIOps\":0,"
	"\"IOMaximumBandwidth\":0,\"MaskedPaths\":null,\"ReadonlyPaths\":null},"
	"\"NetworkingConfig\":{\"EndpointsConfig\":{}}}";

/* ---- streams ---------------------------------------------------------------------------- */
static bool attaches(const struct create_options *o, const char *stream)
{
	for (size_t i = 0; i < o->attach.n; i++)
		if (strcasecmp(o->attach.v[i], stream) == 0)
			return true;
	return false;
}

void create_streams(const struct create_options *o, bool *in, bool *out, bool *error)
{
	bool all = o->attach.n == 0 && !o->detach;

	*in = attaches(o, "stdin") || (all && o->interactive);
	*out = attaches(o, "stdout") || all;
	*error = attaches(o, "stderr") || all;
}

static int set_streams(const struct create_input *in, struct json *config)
{
	const struct create_options *o = in->o;
	bool input, output, error;

	for (size_t i = 0; i < o->attach.n; i++) {
		const char *s = o->attach.v[i];
		if (strcasecmp(s, "stdin") != 0 && strcasecmp(s, "stdout") != 0 &&
			strcasecmp(s, "stderr") != 0)
			return create_refuse(in, "attach", s, "valid streams are STDIN, STDOUT and STDERR");
	}
	create_streams(o, &input, &output, &error);
	json_set_bool(config, "AttachStdin", input);
	json_set_bool(config, "AttachStdout", output);
	json_set_bool(config, "AttachStderr", error);
	json_set_bool(config, "Tty", o->tty);
	json_set_bool(config, "OpenStdin", o->interactive);
	json_set_bool(config, "StdinOnce", o->interactive && input);
	return 0;
}

/* ---- plain members ------------------------------------------------------------------------ */
static void set_text(struct json *object, const char *key, const char *text)
{
	if (text)
		json_set_string(object, key, text);
}

static void set_list(struct json *object, const char *key, const struct option_list *list)
{
	if (list->n == 0)
		return;
	struct json *array = json_set_array(object, key);
	for (size_t i = 0; i < list->n; i++)
		json_add_string(array, list->v[i]);
}

static void set_command(const struct create_input *in, struct json *config)
{
	char **args = in->parsed->args;

	json_set_string(config, "Image", args[0]);
	if (in->parsed->nargs > 1) {
		struct json *cmd = json_set_array(config, "Cmd");
		for (size_t i = 1; i < in->parsed->nargs; i++)
			json_add_string(cmd, args[i]);
	}
	if (in->o->entrypoint)
		json_add_string(json_set_array(config, "Entrypoint"), in->o->entrypoint);
}

static void set_config(const struct create_input *in, struct json *config)
{
	const struct create_options *o = in->o;

	set_command(in, config);
	set_text(config, "Hostname", o->hostname);
	set_text(config, "Domainname", o->domainname);
	set_text(config, "User", o->user);
	set_text(config, "WorkingDir", o->workdir);
	set_text(config, "StopSignal", o->stop_signal);
	if (options_seen(in->parsed, "stop-timeout"))
		json_set_int(config, "StopTimeout", o->stop_timeout);
}

static void set_host(const struct create_input *in, struct json *host)
{
	const struct create_options *o = in->o;

	set_text(host, "ContainerIDFile", o->cidfile);
	set_text(host, "VolumeDriver", o->volume_driver);
	set_text(host, "CgroupnsMode", o->cgroupns);
	set_text(host, "CgroupParent", o->cgroup_parent);
	set_text(host, "IpcMode", o->ipc);
	set_text(host, "PidMode", o->pid);
	set_text(host, "UTSMode", o->uts);
	set_text(host, "UsernsMode", o->userns);
	set_text(host, "Runtime", o->runtime);
	set_list(host, "VolumesFrom", &o->volumes_from);
	set_list(host, "DnsOptions", &o->dns_option);
	set_list(host, "DnsSearch", &o->dns_search);
	set_list(host, "GroupAdd", &o->group_add);
	set_list(host, "Links", &o->link);
	json_set_bool(host, "AutoRemove", o->rm);
	json_set_bool(host, "Privileged", o->privileged);
	json_set_bool(host, "PublishAllPorts", o->publish_all);
	json_set_bool(host, "ReadonlyRootfs", o->read_only);
	if (options_seen(in->parsed, "init"))
		json_set_bool(host, "Init", o->init);
}

/* ---- parts with rules of their own --------------------------------------------------------- */
void create_pair(struct json *object, const char *pair)
{
	const char *equals = strchr(pair, '=');
	auto_free char *key = equals ? strndup(pair, (size_t)(equals - pair)) : strdup(pair);

	if (key)
		json_set_string(object, key, equals ? equals + 1 : "");
}

static int set_modes(const struct create_input *in)
{
	const struct {
		const char *value, *second, *name, *what;
		bool container;
	} modes[] = {
		{ in->o->pid, NULL, "pid", "PID", true },
		{ in->o->uts, NULL, "uts", "UTS", false },
		{ in->o->userns, NULL, "userns", "USER", false },
		{ in->o->cgroupns, "private", "cgroupns", "CGROUP", false },
	};

	for (size_t i = 0; i < sizeof modes / sizeof *modes; i++) {
		const char *v = modes[i].value;
		if (!v || !v[0] || strcmp(v, "host") == 0 ||
			(modes[i].second && strcmp(v, modes[i].second) == 0))
			continue;
		if (!modes[i].container || !str_after(v, "container:") || !str_after(v, "container:")[0])
			return error_invalid(in->err, "--%s: invalid %s mode", modes[i].name, modes[i].what);
	}
	return 0;
}

static int set_restart(const struct create_input *in, struct json *host)
{
	const char *text = in->o->restart, *colon = strchr(text, ':');
	auto_free char *name = strndup(text, strcspn(text, ":"));
	int64_t count = 0;

	if (colon && str_to_i64(colon + 1, INT32_MIN, INT32_MAX, &count) < 0)
		return error_invalid(
			in->err, "invalid restart policy format: maximum retry count must be an integer");
	if (in->o->rm && strcmp(text, "no") != 0 && text[0])
		return error_invalid(in->err, "conflicting options: cannot specify both --restart and --rm");
	struct json *policy = json_set_object(host, "RestartPolicy");
	json_set_string(policy, "Name", name);
	json_set_int(policy, "MaximumRetryCount", count);
	return 0;
}

static int set_logging(const struct create_input *in, struct json *host)
{
	const struct create_options *o = in->o;
	struct json *log = json_set_object(host, "LogConfig");

	if (o->log_driver && strcmp(o->log_driver, "none") == 0 && o->log_opt.n > 0)
		return error_invalid(in->err, "invalid logging opts for driver none");
	json_set_string(log, "Type", o->log_driver ? o->log_driver : "");
	struct json *config = json_set_object(log, "Config");
	for (size_t i = 0; i < o->log_opt.n; i++)
		create_pair(config, o->log_opt.v[i]);
	return 0;
}

static int set_storage(const struct create_input *in, struct json *host)
{
	const struct create_options *o = in->o;

	if (o->storage_opt.n == 0 && !o->storage_driver)
		return 0;
	struct json *storage = json_set_object(host, "StorageOpt");
	if (o->storage_driver)
		json_set_string(storage, "driver", o->storage_driver);
	for (size_t i = 0; i < o->storage_opt.n; i++) {
		if (!strchr(o->storage_opt.v[i], '='))
			return error_invalid(in->err, "invalid storage option");
		create_pair(storage, o->storage_opt.v[i]);
	}
	return 0;
}

static void set_annotations(const struct create_input *in, struct json *host)
{
	const struct option_list *list = &in->o->annotation;

	if (list->n == 0)
		return;
	struct json *all = json_set_object(host, "Annotations");
	for (size_t i = 0; i < list->n; i++)
		create_pair(all, list->v[i]);
}

static int set_pull(const struct create_input *in)
{
	const char *pull = in->o->pull;

	if (strcmp(pull, "always") == 0)
		return error_set(in->err, ERROR_UNSUPPORTED, ENOTSUP,
			"--pull always is not supported: there is no registry client; bring images with "
			"'gantry load' or 'gantry import'");
	if (pull[0] && strcmp(pull, "missing") != 0 && strcmp(pull, "never") != 0)
		return error_invalid(in->err,
			"invalid pull option: '%.100s': must be one of \"always\", \"missing\" or \"never\"",
			pull);
	return 0;
}

static int fill(const struct create_input *in, struct json *body)
{
	struct json *host = members_object(body, "HostConfig");
	int r = refused_options(in->parsed, in->err);

	set_config(in, body);
	set_host(in, host);
	set_annotations(in, host);
	r = r < 0 ? r : set_pull(in);
	r = r < 0 ? r : set_streams(in, body);
	r = r < 0 ? r : create_environment(in, body);
	r = r < 0 ? r : create_labels(in, body);
	r = r < 0 ? r : create_ports(in, body, host);
	r = r < 0 ? r : create_mounts(in, body, host);
	r = r < 0 ? r : create_limits(in, host);
	r = r < 0 ? r : create_devices(in, host);
	r = r < 0 ? r : create_security(in, host);
	r = r < 0 ? r : set_modes(in);
	r = r < 0 ? r : set_restart(in, host);
	r = r < 0 ? r : set_logging(in, host);
	r = r < 0 ? r : set_storage(in, host);
	r = r < 0 ? r : create_health(in, body);
	return r < 0 ? r : create_networks(in, body, host);
}

int create_body(const struct options *parsed, struct json **ret, struct error *err)
{
	const struct create_input in = { .parsed = parsed, .o = parsed->into, .err = err };
	struct json *body = NULL;
	int r = json_parse(basis, sizeof basis - 1, 0, &body, err);

	if (r == 0)
		r = fill(&in, body);
	if (r < 0) {
		json_free(body);
		return r;
	}
	*ret = body;
	return 0;
}
