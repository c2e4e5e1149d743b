/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Which versions of the API are served, and what differs between them.  A handler asks for a difference by
 * its name; numbers stand here alone.  A path without a version is the newest.
 */
#ifndef GANTRY_ROUTES_VERSION_H
#define GANTRY_ROUTES_VERSION_H

#include "api/http/exchange.h"
#include "lib/base/error.h"

#include <stdbool.h>

#define VERSION_API     "1.51"
#define VERSION_API_MIN "1.24"
/* As Debian marks its own builds; cAdvisor and others read the first three numbers. */
#define VERSION_DOCKER "28.5.2+gantry." GANTRY_VERSION

enum version_gate {
	VERSION_WAIT_HEADERS_FIRST,     /* 1.30: wait sends its head before it blocks */
	VERSION_STOP_SIGNAL,            /* 1.42: stop and restart take a signal */
	VERSION_MULTIPLEXED_TYPE,       /* 1.42: streams without a terminal say so in Content-Type */
	VERSION_PRUNE_ANONYMOUS,        /* 1.42: volumes/prune takes anonymous ones alone */
	VERSION_IMAGE_CONTAINERS_COUNT, /* 1.51: images/json counts containers */
	VERSION_GATES,
};

/* Refuses versions outside VERSION_API_MIN..VERSION_API in Docker's words. */
int version_check(const struct exchange *x, struct error *err);

/* True when the request's version is the gate's or newer. */
bool version_has(const struct exchange *x, enum version_gate gate);

#endif
