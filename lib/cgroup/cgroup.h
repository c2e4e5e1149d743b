/* SPDX-License-Identifier: Apache-2.0 */
/*
 * One cgroup: a directory of the same path in every hierarchy, held by descriptors.  Everything after
 *creation or opening goes through these descriptors, never through the path again.
 *
 * Who uses it: the shim (create, apply, join, oom), gantryd (stats, freezer, adoption, removal).
 * Threads: a handle belongs to one thread at a time.  Nothing here keeps state of its own.
 * Kernel: v1 as 4.14, v2 as 5.8; cgroup.kill (5.14) and what else is newer is used when it is there.
 *
 * A container's start, in order:
 *	cgroup_layout_discover, cgroup_resources_translate     (once; or from a launch record)
 *	cgroup_create, cgroup_apply, cgroup_apply_devices
 *	clone3 with CLONE_INTO_CGROUP and cgroup_v2_fd() when that is not -1
 *	in the child, before anything else that matters: cgroup_join_self
 */
#ifndef GANTRY_CGROUP_CGROUP_H
#define GANTRY_CGROUP_CGROUP_H

#include "lib/base/error.h"
#include "lib/cgroup/layout.h"

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <sys/types.h>

struct cgroup_manager;

struct cgroup {
	const struct cgroup_layout *layout; /* outlives the handle */
	const struct cgroup_manager *manager;
	char path[CGROUP_PATH_MAX];
	int dir[CGROUP_HIERARCHIES_MAX];   /* O_DIRECTORY, -1: not there in this hierarchy */
	int tasks[CGROUP_HIERARCHIES_MAX]; /* v1 `tasks` for writing, -1 for v2 */
	uint32_t made;                     /* bit i: cgroup_create made the directory in hierarchy i */
};
/* A handle that cgroup_close accepts. */
#define CGROUP_NONE ((struct cgroup){ .layout = NULL })

/* One write.  Flat and free of pointers to anything but text, so that a launch record can carry it. */
struct cgroup_setting {
	uint8_t controller; /* enum cgroup_controller: says the hierarchy */
	uint8_t flags;      /* CGROUP_SETTING_* */
	const char *file;   /* a name, no '/' */
	const char *value;
};
enum {
	/* No error where the kernel lacks the file. */
	CGROUP_SETTING_IGNORE_MISSING = 1,
	/* EINVAL and EBUSY: tried again behind the others (v1 memory and memsw, cfs period and quota depend
	 * on each other's present value: which order is right is known to the kernel alone). */
	CGROUP_SETTING_RETRY = 2,
	/* The next setting is the same thing by another file name: it is skipped when this one is there and
	 * used when it is missing. */
	CGROUP_SETTING_ELSE_NEXT = 4,
	/* First written to each ancestor, from the top, that still reads "0" (v1 cpu.rt_runtime_us). */
	CGROUP_SETTING_PARENT_FIRST = 8,
};
#define CGROUP_SETTINGS_MAX 512
#define CGROUP_VALUE_MAX    4096

/* What cgroup_create needs to know. */
struct cgroup_spec {
	const char *path;     /* absolute from each hierarchy's mount, see cgroup_path_check */
	const char *instance; /* value of the xattr trusted.gantry.instance, or NULL.  Where the file system
			       * or our privileges refuse it, it is left out. */
	uint32_t controllers; /* controllers that must be usable (cgroup_settings_controllers); on v2 they are
			       * enabled down the path, -ENOTSUP or -EBUSY when that fails.  On pure v2 all
			       * others that can be are enabled as well. */
	bool reuse_populated; /* take a cgroup that has processes; otherwise -EEXIST, kind CONFLICT */
	const struct cgroup_manager *manager; /* NULL: cgroup_manager_cgroupfs */
};

/*
 * The way cgroups are made and removed.  cgroupfs writes the files itself; another manager (systemd's scopes)
 * has these two functions of its own, and everything else works on the descriptors as before.
 */
struct cgroup_manager {
	const char *name; /* Docker's CgroupDriver */
	int (*create)(const struct cgroup_layout *layout, const struct cgroup_spec *spec, struct cgroup *ret,
		struct error *err);
	int (*remove)(struct cgroup *cg, int64_t deadline_ns, struct error *err);
};
extern const struct cgroup_manager cgroup_manager_cgroupfs;

/* Makes the directories and opens them.  An empty one that is there already is taken as it is, except a
 * frozen one
 * (-EEXIST).  On failure what this call made is removed again, but for parents, which are shared. */
int cgroup_create(const struct cgroup_layout *layout, const struct cgroup_spec *spec, struct cgroup *ret,
	struct error *err);

/* Opens what is there.  Missing in some hierarchies is fine (dir is -1); missing in all: -ENOENT, kind
 * NOT_FOUND. */
int cgroup_open(const struct cgroup_layout *layout, const char *path, struct cgroup *ret, struct error *err);

/* Closes the descriptors; the cgroup stays. */
void cgroup_close(struct cgroup *cg);

/* Removes the cgroup and all that a container made below it, deepest first, in every hierarchy, waiting for
 * dying processes until deadline_ns (monotonic).  -EBUSY, kind CONFLICT: there are processes left, and all is
 * as it was.  What is gone already is no error.  Call cgroup_kill before.  The handle is still to be closed.
 */
int cgroup_remove(struct cgroup *cg, int64_t deadline_ns, struct error *err);

/* Removes one empty cgroup by path in every hierarchy and nothing below or above it: for parents nobody uses.
 */
int cgroup_remove_empty(const struct cgroup_layout *layout, const char *path, struct error *err);

/* The instance that marked the cgroup; -ENODATA: nobody. */
int cgroup_instance(const struct cgroup *cg, char *buf, size_t size);

/* ---- settings --------------------------------------------------------------- */
/* Writes the settings in order.  The first that fails ends it, named in err: kind INVALID for a refused
 * value, UNSUPPORTED for a missing file or controller, CONFLICT for EBUSY. */
int cgroup_apply(const struct cgroup *cg, const struct cgroup_setting *settings, size_t n, struct error *err);

/* Controllers these settings are for, as cgroup_spec.controllers wants them. */
uint32_t cgroup_settings_controllers(const struct cgroup_setting *settings, size_t n);

/* ---- joining ---------------------------------------------------------------- */
/* The descriptor for CLONE_INTO_CGROUP, owned by the handle; -1 when there is no v2 hierarchy. */
int cgroup_v2_fd(const struct cgroup *cg);

/* For exec into a container that moved its processes below (a v2 cgroup with controllers enabled takes none:
 * CLONE_INTO_CGROUP says EBUSY): a new descriptor of the v2 cgroup pid is in, which is cg or lies below it
 * (-EXDEV otherwise). */
int cgroup_v2_fd_of(const struct cgroup *cg, pid_t pid);

/* The calling single-threaded process joins every v1 hierarchy.  For a child just cloned: no allocation, no
 * lock, only write(2); no grace period is waited for, unlike a write from outside.  The v2 side is clone3's.
 * 0 or -errno. */
int cgroup_join_self(const struct cgroup *cg);

/* Moves a process with all its threads in every hierarchy, v2 too: slow (milliseconds), works from anywhere.
 */
int cgroup_join_pid(const struct cgroup *cg, pid_t pid, struct error *err);

/* ---- processes -------------------------------------------------------------- */
#define CGROUP_PIDS_MAX 1048576

/* All processes of the cgroup and below.  The caller frees *ret (may be NULL when *ret_n is 0).  Processes
 * our pid namespace cannot name are left out.  More than max: -E2BIG. */
int cgroup_pids(const struct cgroup *cg, size_t max, pid_t **ret, size_t *ret_n);

/* 1 when there is a process in the cgroup or below, 0 when not, or -errno.  A removed cgroup has none. */
int cgroup_populated(const struct cgroup *cg);

/* Sends a signal to every process once; *ret_n (may be NULL) is their number.  New ones may have come
 * meanwhile. */
int cgroup_signal(const struct cgroup *cg, int sig, size_t *ret_n);

/* Kills every process, forks and frozen ones included, and waits until none is left or the deadline:
 * -ETIMEDOUT. Children of the caller stay zombies until it reaps them; they no longer count here. */
int cgroup_kill(const struct cgroup *cg, int64_t deadline_ns, struct error *err);

/* Stops all, and returns when all stand still; on failure or deadline (-ETIMEDOUT) they run again. */
int cgroup_freeze(const struct cgroup *cg, int64_t deadline_ns, struct error *err);
int cgroup_thaw(const struct cgroup *cg, int64_t deadline_ns, struct error *err);
/* 1 frozen (or on the way), 0 not, or -errno. */
int cgroup_frozen(const struct cgroup *cg);

/* ---- out of memory ---------------------------------------------------------- */
/* How many processes the kernel killed because of the cgroup's memory limit. */
int cgroup_oom_kills(const struct cgroup *cg, uint64_t *ret);

/* A descriptor that polls with *ret_events when the number may have changed: an eventfd (POLLIN; read 8
 * bytes) on v1, memory.events (POLLPRI; changes of limits that were hit wake it too) on v2.  Then ask
 * cgroup_oom_kills. */
int cgroup_oom_watch(const struct cgroup *cg, int *ret_fd, short *ret_events, struct error *err);
/* After a wake-up: readies the descriptor for the next. */
int cgroup_oom_acknowledge(int fd, short events);

#endif
