/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The body of POST /containers/create from the options of run and create: the same that Docker's CLI 28.5
 * sends. Pure but for the files that options name and the environment.
 */
#ifndef GANTRY_PROGRAMS_GANTRY_CREATE_BODY_H
#define GANTRY_PROGRAMS_GANTRY_CREATE_BODY_H

#include "lib/base/error.h"
#include "lib/base/options.h"

#include <stdbool.h>
#include <stdint.h>

struct json;

struct create_options {
	struct option_list add_host, annotation, attach, blkio_weight_device, cap_add, cap_drop, device,
		device_cgroup_rule, device_read_bps, device_read_iops, device_write_bps, device_write_iops,
		dns, dns_option, dns_search, env, env_file, expose, group_add, label, label_file, link,
		link_local_ip, log_opt, mount, network, network_alias, publish, security_opt, storage_opt,
		sysctl, tmpfs, ulimit, volume, volumes_from;
	const char *cgroup_parent, *cgroupns, *cidfile, *cpus, *cpuset_cpus, *cpuset_mems, *domainname,
		*entrypoint, *health_cmd, *hostname, *ip, *ip6, *ipc, *log_driver, *mac_address, *memory_swap,
		*name, *pid, *platform, *pull, *restart, *runtime, *stop_signal, *storage_driver, *user,
		*userns, *uts, *volume_driver, *workdir;
	int64_t cpu_period, cpu_quota, cpu_rt_period, cpu_rt_runtime, cpu_shares, health_interval,
		health_retries, health_start_interval, health_start_period, health_timeout, memory,
		memory_reservation, memory_swappiness, oom_score_adj, pids_limit, shm_size, stop_timeout;
	uint64_t blkio_weight;
	bool init, interactive, no_healthcheck, oom_kill_disable, privileged, publish_all, quiet, read_only,
		rm, tty;
	const char *refused;
	bool refused_bool;
	/* run only */
	bool detach, sig_proxy;
	const char *detach_keys;
};

extern const struct option run_options[], create_options[];
extern const struct create_options create_defaults;

/* What was given, for the functions below. */
struct create_input {
	const struct options *parsed;
	const struct create_options *o;
	struct error *err;
};

/* Builds the body from the parsed options; args of parsed: image, command.  The caller frees. */
int create_body(const struct options *parsed, struct json **ret, struct error *err);
/* The streams that run attaches to. */
void create_streams(const struct create_options *o, bool *in, bool *out, bool *error);

/* The parts, each for a group of options. All return 0 or a negative errno with in->err filled. */
int create_environment(const struct create_input *in, struct json *config);
int create_labels(const struct create_input *in, struct json *config);
int create_health(const struct create_input *in, struct json *config);
int create_ports(const struct create_input *in, struct json *config, struct json *host);
int create_mounts(const struct create_input *in, struct json *config, struct json *host);
int create_networks(const struct create_input *in, struct json *body, struct json *host);
int create_limits(const struct create_input *in, struct json *host);
int create_devices(const struct create_input *in, struct json *host);
int create_security(const struct create_input *in, struct json *host);
/* exec's --env and --env-file. */
int create_env_list(const struct option *table, const struct option_list *files,
	const struct option_list *env, struct json *list, struct error *err);

/* A refusal of an option's value. */
#define create_refuse(in, name, value, ...) \
	cli_bad_flag((in)->err, (in)->parsed->table, (name), (value), __VA_ARGS__)

/* Splits one line of CSV (caller frees with str_list_free). */
int create_csv(const char *text, char ***ret);
/* "key=value" as a member of an object of strings; without '=' the value is "". */
void create_pair(struct json *object, const char *pair);

#endif
