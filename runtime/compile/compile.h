/* SPDX-License-Identifier: Apache-2.0 */
/*
 * OCI runtime configuration (config.json, specification 1.0 to 1.2, Linux part) -> launch record.  Every
 * member either takes effect in the record or is refused by its name (ERROR_UNSUPPORTED); members that the
 * specification does not know are passed over, as it says.  Complaints name the place:
 * "linux.namespaces[2].type: unknown namespace 'foo'".
 *
 * Not its task: reading files of the bundle, resolving anything inside the root file system, carrying the
 * record out. Threads: any, each with its own options; a seccomp cache is safe to share.
 */
#ifndef GANTRY_COMPILE_COMPILE_H
#define GANTRY_COMPILE_COMPILE_H

#include "lib/base/error.h"
#include "runtime/compile/builder.h"

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

struct json;
struct cgroup_layout;
struct seccomp_cache;

/* A namespace to enter, by index of its descriptor or (fd LAUNCH_NO_FD) by path. */
struct compile_join {
	uint32_t type; /* one CLONE_NEW* */
	uint32_t fd;
	const char *path;
};

/* A detached mount that stands for the configuration's mount at destination. */
struct compile_mount_fd {
	const char *destination; /* as in the configuration, cleaned */
	uint32_t fd;
};

/* Texts are borrowed for the call. */
struct compile_options {
	const char *bundle; /* absolute folder that relative paths are taken from */
	const char *id;     /* container id: the cgroup's name when the configuration names none */
	const struct cgroup_layout *cgroups; /* NULL: no cgroup is made or joined, and limits are refused */
	bool apparmor, selinux;              /* these security modules are on */
	bool no_pivot, no_new_keyring;
	struct seccomp_cache *seccomp_cache; /* or NULL */
	uint32_t preserve_fds; /* descriptors at the end of the list that the process inherits */
	/* Told in a sentence what was left out of the record without failing (capabilities this kernel
	 * lacks); or NULL. */
	void (*warn)(void *context, const char *text);
	void *warn_context;

	/* What an engine has and a configuration cannot say. */
	uint32_t root_fd; /* detached mount in place of root.path; LAUNCH_NO_FD: none */
	const struct compile_mount_fd *mount_fds;
	size_t n_mount_fds;
	const struct compile_join
		*joins; /* in place of the configuration's namespace of that type; for exec all of them */
	size_t n_joins;
	const char *user; /* as in docker run --user, resolved by the launcher inside the root; NULL:
			     process.user */
	const char *const *user_groups;
	size_t n_user_groups;
	bool make_cwd;           /* cwd is made when it does not exist */
	const char *cgroup_path; /* in place of linux.cgroupsPath; NULL: that */
	const char *cgroup_mark; /* value of the xattr trusted.gantry.instance, or NULL */
};
#define COMPILE_OPTIONS_INIT ((struct compile_options){ .root_fd = LAUNCH_NO_FD })

/* A container's record; *ret is released by launch_block_done(). */
int compile_container(const struct json *config, const struct compile_options *opts, struct launch_block *ret,
	struct error *err);

/* The record of a further process (LAUNCH_F_EXEC).  process is an OCI process object; what it leaves out of
 * capabilities, rlimits, no_new_privs, AppArmor, SELinux, oomScoreAdj, scheduler and ioPriority comes from
 * the container's configuration, seccomp always. */
int compile_process(const struct json *process, const struct json *config, const struct compile_options *opts,
	struct launch_block *ret, struct error *err);

/* Where the container's cgroup is: linux.cgroupsPath, or what stands for it.  buf holds CGROUP_PATH_MAX
 * bytes. */
int compile_cgroup_path(const struct json *config, const struct compile_options *opts, char *buf, size_t size,
	struct error *err);

/* ---- hooks that the caller runs ----------------------------------------------- */
enum compile_hook_kind {
	COMPILE_HOOK_PRESTART,
	COMPILE_HOOK_CREATE_RUNTIME,
	COMPILE_HOOK_POSTSTART,
	COMPILE_HOOK_POSTSTOP,
	COMPILE_HOOK_KINDS,
};

struct compile_hook {
	const char *path;
	const char **args, **env; /* NULL-ended; args never empty (argv[0] is the path when none are given) */
	uint32_t timeout;         /* seconds; 0: none */
};

/* Texts belong to the configuration. */
struct compile_hooks {
	struct compile_hook *items[COMPILE_HOOK_KINDS];
	size_t n[COMPILE_HOOK_KINDS];
};

int compile_hooks_load(const struct json *config, struct compile_hooks *ret, struct error *err);
void compile_hooks_done(struct compile_hooks *hooks);

#endif
