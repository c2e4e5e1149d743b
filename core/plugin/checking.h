/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The first load of every plugin happens in a child: constructors, init() and probe() may crash, hang or exit
 * there without harm.  One child works through all files and reports each step; where it dies or stays silent
 * too long, that file is refused and another child goes on behind it.  Forks, so only while the caller has no
 * other thread.
 */
#ifndef GANTRY_CORE_CHECKING_H
#define GANTRY_CORE_CHECKING_H

#include "core/plugin/host.h"
#include "core/plugin/vet.h"

#define CHECKING_DRIVERS 16

struct checking_driver {
	bool probed, usable;
	struct error err; /* why not usable */
};

struct checking_item {
	const char *path; /* NULL: not to be checked */
	enum plugin_reason reason;
	struct error err;
	struct checking_driver drivers[CHECKING_DRIVERS];
};

/* Options that the configuration gives to a driver. */
struct driver_options {
	const char *driver; /* its name or an alias */
	const struct gty_kv *opts;
	uint32_t opts_n;
};

struct checking {
	const struct plugin_sink *sink;
	const char *instance;
	const char *scratch; /* an existing folder; what is made there is removed */
	const struct driver_options *options;
	size_t options_n;
	int64_t step_ns; /* a load, an init(), a probe() may take so long */
};

/* Fills reason, err and drivers of every item that has a path.  Failing only when no child can be made. */
int checking_run(const struct checking *c, struct checking_item *items, size_t n, struct error *err);

/* Tells a missing library from a missing symbol in what dlopen says. */
enum plugin_reason checking_load_reason(const char *path, const char *message, struct error *err);

/* Calls object->init() if there is one. */
enum plugin_reason checking_init(const struct gty_plugin *object, int64_t deadline_ns, struct error *err);

#endif
