/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Docker's seccomp profiles -> OCI's linux.seccomp.  Docker's form (the default profile, and the files of
 * `--security-opt seccomp=`) has one file for all machines and capabilities: archMap, and includes and
 * excludes by capabilities, architecture and kernel version; they are resolved here as Docker resolves them.
 */
#ifndef GANTRY_COMPILE_SECCOMP_PROFILE_H
#define GANTRY_COMPILE_SECCOMP_PROFILE_H

#include "lib/base/error.h"

#include <stdint.h>

struct json;

struct seccomp_facts {
	uint64_t caps;    /* bit n: capability n is in the container's bounding set */
	const char *arch; /* as Go and Docker name it: "amd64", "arm64" */
	unsigned kernel_major, kernel_minor;
};

/* The machine's own architecture and kernel; caps is 0. */
struct seccomp_facts seccomp_facts_here(void);

/* *ret is a root of its own (json_free). */
int seccomp_profile_resolve(
	const struct json *profile, const struct seccomp_facts *facts, struct json **ret, struct error *err);

/* The default profile, resolved. */
int seccomp_profile_default(const struct seccomp_facts *facts, struct json **ret, struct error *err);

#endif
