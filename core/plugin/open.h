/* SPDX-License-Identifier: Apache-2.0 */
/* Opening and closing a driver: its folders, options, host table, capabilities.  For the fronts of the kinds.
 */
#ifndef GANTRY_CORE_OPEN_H
#define GANTRY_CORE_OPEN_H

#include "core/plugin/call.h"
#include "core/plugin/registry.h"

/* What the engine says about one instance of a driver.  One driver may be opened under several names. */
struct driver_config {
	const char *name;     /* NULL: the driver's name in Docker's API */
	const char *root;     /* made (0700) if it is not there; its parent exists */
	const char *run_dir;  /* likewise */
	const char *instance; /* 12 hex digits */
	const struct gty_kv *opts;
	uint32_t opts_n;
	const struct plugin_sink *sink;
	bool remote; /* in a process of its own; only while the caller has no other thread */
};

/* Fills the zeroed instance and answers the reply of open (reply_free). */
int instance_open(struct instance *in, const struct driver *d, const struct driver_config *config,
	void **ret_info, struct error *err);

/* Calls close, ends the threads, releases everything.  -EBUSY when a call is stuck: then the instance lives
 * on for ever and must not be freed. */
int instance_close(struct instance *in);

/* How many instances live on with stuck calls. */
unsigned instances_abandoned(void);

/* The two of them for a heap object whose first member is the instance: allocated with size, freed by close.
 */
int front_open(size_t size, const struct driver *d, const struct driver_config *config, void **ret,
	void **ret_info, struct error *err);
int front_close(void *front);

#endif
