/* SPDX-License-Identifier: Apache-2.0 */
/*
 * What a driver gets from the core (struct gty_host): one table per opened driver.  Log lines go straight to
 * the sink's log; events are queued and handed to the sink's event function by one thread, so that no engine
 * code runs on a driver's thread.  spawn runs a program by lib/base/spawn.
 */
#ifndef GANTRY_CORE_HOST_H
#define GANTRY_CORE_HOST_H

#include "lib/base/error.h"

#include <gantry/plugin.h>

/* Where drivers' words go.  Both functions may be called from any thread, event from one at a time. */
struct plugin_sink {
	void (*log)(void *arg, const char *driver, int level, const char *text); /* GTY_LOG_* */
	void (*event)(void *arg, const char *driver, const char *object, const char *what,
		const struct gty_kv *attrs, uint32_t n);
	void *arg;
};

#define HOST_INSTANCE_LEN 12

struct host;

/* A table; everything is copied.  instance: 12 hex digits. run_dir exists. */
int host_new(const struct plugin_sink *sink, const char *driver, const char *instance, const char *run_dir,
	struct host **ret, struct error *err);
/* After close(): waits until queued events of this driver were delivered. */
void host_free(struct host *host);
const struct gty_host *host_table(const struct host *host);

/* A line of the core's own about a driver: late results, breakers. */
void host_note(const struct host *host, int level, const char *fmt, ...)
	__attribute__((format(printf, 3, 4)));

#endif
