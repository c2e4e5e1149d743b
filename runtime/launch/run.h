/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The state of one launch, shared by the files of this folder.  It is filled by the launcher before
 * it clones; the cloned process goes on with its own copy.  One section of functions per file.
 */
#ifndef GANTRY_LAUNCH_RUN_H
#define GANTRY_LAUNCH_RUN_H

#include "runtime/launch/launch.h"
#include "runtime/launch/phase.h"

#include <stdint.h>

struct run {
	const struct launch_args *args;
	const struct launch_record *rec;
	struct launch_error *err;
	const struct launch_process *proc;

	int sock;    /* this side's end of the channel */
	int root;    /* the root file system: a detached tree, then the attached mount */
	int *trees;  /* per rec->mounts: a detached tree opened before the clone, or -1; attached: -1 */
	int *nodes;  /* per rec->devices: a detached host device (user namespaces), or -1 */
	int proc_fs; /* root of a procfs of the container's pid namespace that nothing is mounted over, or -1
		      */
	int devpts;  /* the devpts mount at /dev/pts, or -1 */
	bool userns; /* the process runs in another user namespace than the launcher */
	struct cgroup cgroup;
	char *home;        /* of the user inside, once known */
	int *cgroup_trees; /* per hierarchy: the container's own cgroup as a detached tree, or -1 */
};

/* ---- mounts.c ---- */
/* Opens what comes from the launcher's mount namespace, as detached trees with their attributes set. */
int mounts_open(struct run *run);
/* Attaches the root file system over "/" of the calling process's own mount namespace. */
int mounts_attach_root(struct run *run);
/* In the launcher, for a container with a user namespace: the root goes where its copy can be found. */
int mounts_stage_root(struct run *run);
/* In that container's process, whose copies of the mounts are locked: the root as a mount that can be pivoted
 * to. */
int mounts_unlock_root(struct run *run);
/* Attaches the record's mounts in order.  staged: only the detached trees that nothing made later has to lie
 * beneath, so that their flags can be locked by the copy into the container's user namespace. */
int mounts_attach(struct run *run, bool staged);
/* Sets MOUNT_ATTR_* and propagation of a tree; rec: recursively. */
int mounts_set(int tree, uint64_t set, uint64_t clr, uint64_t propagation, bool rec);
/* pivot_root, and what is left to do for "/" once it is ours. */
int mounts_enter(struct run *run);

/* ---- cgroupfs.c ---- */
/* The container's own view of the cgroup hierarchies, mounted at target (an O_PATH directory). */
int cgroupfs_mount(struct run *run, const struct launch_mount *m, int target);
/* Before the clone, and only without a cgroup namespace: trees of the container's own cgroups. */
int cgroupfs_open(struct run *run);

/* ---- idmap.c ---- */
/* A user namespace with the given maps, held by no process.  Descriptor or -errno. */
int idmap_userns(
	const struct launch_idmap *uids, uint32_t nuids, const struct launch_idmap *gids, uint32_t ngids);
/* Writes both maps of a process in a new user namespace. */
int idmap_write(pid_t pid, const struct launch_record *rec);

/* ---- devices.c ---- */
int devices_open(struct run *run); /* before the clone */
int devices_make(struct run *run); /* nodes and links below /dev */
int devices_console(
	struct run *run); /* the pty: its master is sent to the launcher; 0, 1, 2 become its slave */

/* ---- masks.c ---- */
int masks_apply(struct run *run); /* masked and read-only paths */

/* ---- sysctl.c ---- */
int sysctl_write(struct run *run);
int sysctl_proc(struct run *run); /* run->proc_fs, opened when it is not there yet */

/* ---- hooks.c ---- */
int hooks_run(struct run *run, struct launch_vec hooks, const char *state, size_t n);

/* ---- process.c ---- */
/* Closes all descriptors from 3 on but n of them (-1 among them is passed over).  keep is sorted. */
int process_close_rest(struct run *run, int *keep, size_t n);
/* Everything between the file system view and the park: limits, labels, user, working directory. */
int process_prepare(struct run *run);

/* ---- user.c ---- */
/* Groups, ids and capabilities of the record's user; run->home. */
int user_become(struct run *run);
/* Gives up what was held to load the seccomp filter. */
int user_drop_rest(struct run *run);

/* ---- program.c ---- */
struct program {
	char **argv, **envp;
	char *path;
};
/* True when the record's environment sets name. */
bool program_has_env(const struct run *run, const char *name);
/* Vectors and the path, as the user that the process is by now. */
int program_find(struct run *run, struct program *ret);
/* Seccomp, the last capabilities, descriptors, execve(2): returns only on failure.  *sock is where the
 * failure will be told; it may be moved out of the way. */
int program_exec(struct run *run, const struct program *program, int *sock);

/* ---- namespaces.c ---- */
struct namespaces {
	int saved[8]; /* own namespaces to go back to, by kind */
	int cwd;
};
#define NAMESPACES_NONE ((struct namespaces){ .saved = { -1, -1, -1, -1, -1, -1, -1, -1 }, .cwd = -1 })
/* In the launcher: joins what a clone inherits, and stages the mounts of a container with a user namespace.
 */
int namespaces_enter(struct run *run, struct namespaces *ns);
/* Back to the launcher's own; a namespace that is shut to it is a bug, so there is nothing to report. */
void namespaces_leave(struct namespaces *ns);
/* In the cloned process: the joins that only it can do. */
int namespaces_join_rest(struct run *run);

/* ---- child.c ---- */
/* The cloned process of create; for exec the one that goes in and clones there.  Neither returns. */
_Noreturn void child_create(struct run *run);
_Noreturn void child_go_in(struct run *run);

#endif
