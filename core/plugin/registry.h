/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Which plugins there are: finds the files, checks and loads them, keeps for each what it is or why it was
 * refused. A refused plugin is a line in `plugin ls`, never a reason not to start.  Loaded plugins stay
 * loaded. Threads: registry_load before there are any; everything else only reads.
 */
#ifndef GANTRY_CORE_REGISTRY_H
#define GANTRY_CORE_REGISTRY_H

#include "core/plugin/checking.h"
#include "core/plugin/kind.h"

struct registry;

struct plugin;

/* A driver of a loaded plugin. */
struct driver {
	const struct plugin *plugin;
	const struct gty_driver *decl;
	const struct kind *kind;
	bool usable;      /* probe() said yes */
	struct error err; /* else why not */
};

struct plugin {
	char *path;
	enum plugin_reason reason;       /* PLUGIN_OK: active */
	struct error err;                /* else: the text, without the path */
	const struct gty_plugin *object; /* NULL unless active */
	struct driver *drivers;
	unsigned drivers_n;
};

struct registry_config {
	const char *const
		*dirs; /* --plugin-dir; none: the folder beside the program, else the installed one */
	size_t dirs_n;
	const char *const *files; /* loaded after them, absolute paths */
	size_t files_n;
	const char *instance; /* 12 hex digits */
	const char
		*scratch; /* where probe() finds an empty folder: on the file system of the drivers' roots */
	const struct driver_options *options;
	size_t options_n;
	struct plugin_sink sink;
	int64_t check_ns; /* 0: 5 s a step */
};

/* Failing: a folder or file of the configuration is not there; no child can be made. */
int registry_load(const struct registry_config *config, struct registry **ret, struct error *err);
/* Calls fini() of every plugin, unless a call is stuck in a driver.  Nothing is unloaded.  NULL is fine. */
void registry_free(struct registry *reg);

/* In the order of loading: folders as given, files in them by name. */
size_t registry_count(const struct registry *reg);
const struct plugin *registry_plugin(const struct registry *reg, size_t i);

/* By name or alias; else a driver of the kind that takes any name.  NULL and ERROR_NOT_FOUND, with those that
 * exist. */
const struct driver *registry_find(
	const struct registry *reg, const struct kind *kind, const char *name, struct error *err);

/* The usable one of the highest priority (equal ones: by name).  ERROR_NOT_FOUND says why each is not. */
const struct driver *registry_choose(const struct registry *reg, const struct kind *kind, struct error *err);

/* Its name in Docker's API: the first alias, or the name. */
const char *driver_api_name(const struct driver *d);

#endif
