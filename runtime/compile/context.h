/* SPDX-License-Identifier: Apache-2.0 */
/*
 * One compilation under way, and the concerns that it is divided into: each function reads its part of the
 * configuration and fills its part of the record.  0, or a negative errno with the error filled.
 * Only for runtime/compile.
 */
#ifndef GANTRY_COMPILE_CONTEXT_H
#define GANTRY_COMPILE_CONTEXT_H

#include "runtime/compile/builder.h"
#include "runtime/compile/compile.h"
#include "runtime/compile/field.h"

struct compile {
	const struct compile_options *opts;
	struct error *err;
	struct builder b;
	uint32_t ns_has;   /* CLONE_NEW* that the container has of its own: made or joined */
	bool dev_is_bound; /* /dev is a bind mount: its devices are whoever's it is */
};

/* Hands a sentence to the caller's warn. */
void compile_warn(const struct compile *c, const char *fmt, ...) __attribute__((format(printf, 2, 3)));

/* A path of the configuration: taken from the bundle when it is relative, cleaned.  Interned into *ret. */
int compile_bundle_path(struct compile *c, const struct field *f, const char *path, struct launch_str *ret);

/* An array of strings as a vector of launch_str; absent is none. */
int compile_strings(
	struct compile *c, const struct field *up, const char *name, size_t max, struct launch_vec *ret);

/* namespaces.c: namespaces, mappings, time offsets.  First of all: others ask ns_has. */
int namespaces_compile(struct compile *c, const struct field *config);
/* idmap.c: an array of mappings at `name` of `up`. */
int idmap_compile(struct compile *c, const struct field *up, const char *name, struct launch_vec *ret);
/* mounts.c: root and mounts. */
int mounts_compile(struct compile *c, const struct field *config);
/* mount_options.c: the options array of a mount. */
struct mount_options;
/* devices.c: device nodes, after mounts; device rules of the cgroup. */
int devices_compile(struct compile *c, const struct field *config);
int devices_compile_rules(struct compile *c, const struct field *resources);
/* cgroup.c: path, limits, device rules. */
int cgroup_compile(struct compile *c, const struct field *config);
/* sysctl.c */
int sysctl_compile(struct compile *c, const struct field *config);
/* hooks.c: those that run inside. */
int hooks_compile(struct compile *c, const struct field *config);
/* process.c: `process`, with the members it leaves out taken from `inherited` (json NULL for a container). */
int process_compile(struct compile *c, const struct field *process, const struct field *inherited);
/* caps.c: the five sets of a capabilities object. */
int caps_compile(struct compile *c, const struct field *caps);
/* seccomp.c: linux.seccomp into the process. */
int seccomp_compile_config(struct compile *c, const struct field *config);

#endif
