/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The engine: what one gantryd decides and knows.  Everything that lives longer than a daemon (containers,
 *their shims) is found again by what lies in exec-root and in the database; engine_open joins the two.
 *
 *	data-root  0710  gantry.db, containers/<id>/, volumes/<name>/, blobs/sha256/, <driver>/, image/, tmp/
 *(emptied at start), lock exec-root  0711  shim/<12 hex>/, drivers/<name>/      a tmpfs: what a reboot takes
 *away
 *
 * Threads: the struct's members are set by engine_open and only read afterwards; what they point to has its
 *own locks.
 */
#ifndef GANTRY_ENGINE_ENGINE_H
#define GANTRY_ENGINE_ENGINE_H

#include "core/auth/auth.h"
#include "core/plugin/registry.h"
#include "lib/base/error.h"
#include "lib/cgroup/layout.h"

#include <limits.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

struct state;
struct events;
struct images;
struct containers;
struct net;
struct net_config;
struct storages;
struct volume_table;

/* Texts are the caller's and outlive the engine. */
struct engine_config {
	const char *data_root, *exec_root;
	const char *const *plugin_dirs;
	size_t n_plugin_dirs;
	const char *storage_driver;      /* NULL: by priority and probe */
	const char *const *storage_opts; /* "driver.key=value" or "key=value" for the chosen one */
	size_t n_storage_opts;
	const char *const *labels;
	size_t n_labels;
	const char *const *auth; /* names of auth drivers in order; { "none" }: no driver is asked */
	size_t n_auth;
	const char *auth_group; /* who may use the unix socket */
	bool debug;
	const struct net_config *net; /* engine/net/net.h; NULL: defaults */
	const char *shim_folder;      /* where gantry-shim and gantry-worker lie; NULL: beside the program */
};

struct engine {
	struct engine_config config;
	char instance[13]; /* 12 hex digits of this data-root: marks what is made in shared places */
	char id[37];       /* Docker's info.ID: a UUID of this data-root */
	char boot_id[37];
	bool rebooted;          /* since the data-root was used last */
	int data_dir, exec_dir; /* O_DIRECTORY */
	int lock;               /* data-root/lock, held for the engine's life */
	struct cgroup_layout cgroups;
	struct registry *registry;
	struct storages *storages;
	struct auth **auth;
	size_t n_auth;
	bool auth_none;
	struct state *state;
	struct events *events;
	struct images *images;
	struct volume_table *volumes;
	struct containers *containers;
	struct net *net;
};

/* Opens everything, adopts what lives, finishes or undoes what was half made.  Logs what it decided. */
int engine_open(const struct engine_config *config, struct engine **ret, struct error *err);

/* Closes everything; containers run on. */
void engine_close(struct engine *engine);

/* The path of a program that gantryd starts or hands to containers ("gantry-worker"): they lie in one folder.
 */
int engine_program(const struct engine *engine, const char *name, char buf[PATH_MAX], struct error *err);

#endif
