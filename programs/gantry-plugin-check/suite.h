/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The contract suites.  Each opens the driver through the core's front, as the engine does, in a process and
 * a mount namespace of its own, over an empty folder; every point says one sentence of the contract.
 */
#ifndef GANTRY_PLUGIN_CHECK_SUITE_H
#define GANTRY_PLUGIN_CHECK_SUITE_H

#include "core/plugin/open.h"

struct suite {
	const struct driver *driver;
	const char *root; /* an empty folder; drivers get folders in it */
	const struct gty_kv *opts;
	uint32_t opts_n;
	bool remote;        /* through the socketpair */
	unsigned instances; /* opened so far: each has its own folder */
};

/* Fills a config for folder number n of the suite; valid until the next call. */
struct driver_config suite_config(const struct suite *s, unsigned n);

/* 64 hex digits made of a number. */
const char *suite_id(unsigned n, char buf[65]);
/* The same, for arguments of calls: one of sixteen buffers of the thread. */
const char *suite_id_tmp(unsigned n);

/* Open descriptors of this process. */
unsigned suite_fds(void);
void suite_log(void *arg, const char *driver, int level, const char *text);

void suite_storage(struct suite *s);
void suite_network(struct suite *s);
void suite_volume(struct suite *s);
void suite_auth(struct suite *s);

/* Every entry that can be called on an empty driver, with replies of the size that ABI x.0 has and a guard
 * page behind: a driver that writes further dies, and the parent says so. */
void suite_guard(struct suite *s);

#endif
