/* SPDX-License-Identifier: Apache-2.0 */
/*
 * gantryd's options and its configuration file: dockerd's names for what gantryd can do.  An option stands in
 * one table; the file's keys are those of the table, and what is neither is refused by name.  As with
 * dockerd, a thing may be said on the command line or in the file, not in both.
 */
#ifndef GANTRY_GANTRYD_CONFIG_H
#define GANTRY_GANTRYD_CONFIG_H

#include "lib/base/error.h"
#include "lib/base/options.h"

#include <stdbool.h>
#include <stdint.h>

#define CONFIG_DATA_ROOT "/var/lib/gantry"
#define CONFIG_EXEC_ROOT "/run/gantry"
#define CONFIG_SOCKET    "/run/gantry.sock"
#define CONFIG_PIDFILE   "/run/gantry.pid"
#define CONFIG_FILE      "/etc/gantry/daemon.json"
#define CONFIG_GROUP     "gantry"

struct config {
	struct option_list hosts, storage_opts, labels, plugin_dirs, auth, pools, dns, dns_search, dns_opts;
	const char *data_root, *exec_root, *pidfile, *config_file, *storage_driver, *log_level, *log_format,
		*group, *bridge, *bip, *fixed_cidr, *default_gateway, *ip, *host_gateway_ip;
	bool debug, validate, shutdown_containers, version;
	bool iptables, icc, ip_forward, ip_masq;
	uint64_t shutdown_timeout; /* seconds */
	uint64_t mtu;
	struct json *file; /* what texts of the file point into; config_done frees it */
};

extern const struct option config_options[];
extern const struct config config_defaults;

/* Merges the configuration file into what the command line said, and checks the values. */
int config_load(struct config *c, struct options *options, struct error *err);
void config_done(struct config *c);

#endif
