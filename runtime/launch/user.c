/* SPDX-License-Identifier: Apache-2.0 */
/* Becoming the container's user: names resolved inside its root, ids, groups, capabilities. */
#include "runtime/launch/run.h"

#include "lib/base/cleanup.h"
#include "lib/rootfs/users.h"

#include <errno.h>
#include <fcntl.h>
#include <grp.h>
#include <linux/capability.h>
#include <stdio.h>
#include <string.h>
#include <sys/prctl.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <sys/sysmacros.h>

static int fail(struct run *run, int code, const char *what)
{
	return phase_fail(run->err, LAUNCH_PHASE_USER, code, what);
}

static int cap_fail(struct run *run, int code, const char *what)
{
	return phase_fail(run->err, LAUNCH_PHASE_CAPABILITIES, code, what);
}

/* What the record names by text is looked up; numbers stand as they are, and only their home is looked up. */
static int resolve(struct run *run, struct rootfs_user *ret)
{
	const struct launch_process *p = run->proc;
	const struct launch_str *extra = launch_items(run->rec, p->user_groups, struct launch_str);
	const char *names[64], *spec = launch_text(run->rec, p->user);
	struct error why = ERROR_INIT;
	char number[16];

	if (p->user_groups.n > sizeof names / sizeof names[0])
		return fail(run, E2BIG, "more than 64 additional groups");
	for (uint32_t i = 0; i < p->user_groups.n; i++)
		names[i] = launch_text(run->rec, extra[i]);
	if (!spec) {
		snprintf(number, sizeof number, "%u", p->uid);
		spec = number;
	}
	auto_close int root = open("/", O_PATH | O_DIRECTORY | O_CLOEXEC);
	int r = root < 0 ? -errno : rootfs_user_resolve(root, spec, names, p->user_groups.n, ret, &why);
	return r < 0 ? fail(run, -r, why.text[0] ? why.text : spec) : 0;
}

/* The user's own stdin, stdout and stderr: /dev/stdout can be opened again by who is not root. */
static int own_stdio(struct run *run, uid_t uid)
{
	struct stat st;

	for (int fd = 0; fd <= 2; fd++) {
		if (fstat(fd, &st) < 0 || st.st_uid == uid ||
			(S_ISCHR(st.st_mode) && st.st_rdev == makedev(1, 3)))
			continue;
		if (fchown(fd, uid, (gid_t)-1) < 0 && errno != EINVAL && errno != EPERM && errno != EROFS)
			return fail(run, errno, "stdio");
	}
	return 0;
}

static int drop_bounding(struct run *run, uint64_t keep)
{
	for (unsigned long c = 0; c < 64; c++) {
		if (keep & (UINT64_C(1) << c))
			continue;
		if (prctl(PR_CAPBSET_DROP, c, 0, 0, 0) < 0) {
			if (errno == EINVAL) /* past the last one of this kernel */
				break;
			return cap_fail(run, errno, "bounding set");
		}
	}
	return 0;
}

static uint64_t permitted_now(void)
{
	struct __user_cap_header_struct h = { .version = _LINUX_CAPABILITY_VERSION_3 };
	struct __user_cap_data_struct d[2] = { { 0 } };

	if (syscall(SYS_capget, &h, d) < 0)
		return 0;
	return (uint64_t)d[1].permitted << 32 | d[0].permitted;
}

/* A launcher that lacks a capability itself cannot give it; the rest is given. */
static int set_caps(struct run *run, uint64_t extra)
{
	const struct launch_process *p = run->proc;
	uint64_t have = permitted_now();
	uint64_t permitted = (p->cap_permitted | extra) & have;
	uint64_t effective = (p->cap_effective | extra) & permitted;
	uint64_t inheritable = p->cap_inheritable & permitted;
	struct __user_cap_header_struct h = { .version = _LINUX_CAPABILITY_VERSION_3 };
	struct __user_cap_data_struct d[2] = {
		{ (uint32_t)effective, (uint32_t)permitted, (uint32_t)inheritable },
		{ (uint32_t)(effective >> 32), (uint32_t)(permitted >> 32), (uint32_t)(inheritable >> 32) },
	};

	if (syscall(SYS_capset, &h, d) < 0)
		return cap_fail(run, errno, NULL);
	return 0;
}

static int set_ambient(struct run *run)
{
	if (prctl(PR_CAP_AMBIENT, PR_CAP_AMBIENT_CLEAR_ALL, 0, 0, 0) < 0)
		return cap_fail(run, errno, "ambient set");
	for (unsigned long c = 0; c < 64; c++)
		if ((run->proc->cap_ambient & (UINT64_C(1) << c)) &&
			prctl(PR_CAP_AMBIENT, PR_CAP_AMBIENT_RAISE, c, 0, 0) < 0)
			return cap_fail(run, errno, "ambient set");
	return 0;
}

static int set_ids(struct run *run, uint32_t uid, uint32_t gid, const uint32_t *groups, size_t n)
{
	if (setgroups(n, groups) < 0)
		return fail(run, errno, "groups");
	if (setresgid(gid, gid, gid) < 0)
		return fail(run, errno, "gid");
	if (setresuid(uid, uid, uid) < 0)
		return fail(run, errno, "uid");
	return 0;
}

/* A filter without no_new_privs needs CAP_SYS_ADMIN, and is loaded last. */
static uint64_t caps_for_seccomp(const struct launch_process *p)
{
	bool needs = p->seccomp.n > 0 && !(p->flags & LAUNCH_PROC_NO_NEW_PRIVS);

	return needs ? UINT64_C(1) << CAP_SYS_ADMIN : 0;
}

int user_become(struct run *run)
{
	const struct launch_process *p = run->proc;
	const bool by_name = p->user.off != 0;
	static struct rootfs_user found; /* 5 kB; this process is single-threaded and becomes one user */
	int r = 0;

	if (by_name || !program_has_env(run, "HOME")) {
		r = resolve(run, &found);
		if (r < 0 && !by_name) /* a broken passwd file is no reason to refuse a number */
			found.home[0] = '\0';
		else if (r < 0)
			return r;
		r = 0;
		if (!(run->home = strdup(found.home[0] ? found.home : "/")))
			r = fail(run, ENOMEM, NULL);
		if (r < 0)
			return r;
	}
	uint32_t uid = by_name ? found.uid : p->uid;
	uint32_t gid = by_name ? found.gid : p->gid;
	r = own_stdio(run, uid);
	if (r == 0 && (p->flags & LAUNCH_PROC_CAPS))
		r = drop_bounding(run, p->cap_bounding);
	if (r == 0 && prctl(PR_SET_KEEPCAPS, 1, 0, 0, 0) < 0)
		r = cap_fail(run, errno, "keepcaps");
	if (r == 0)
		r = by_name ? set_ids(run, uid, gid, found.groups, found.ngroups)
			    : set_ids(run, uid, gid, launch_items(run->rec, p->groups, uint32_t),
				      p->groups.n);
	if (r < 0 || !(p->flags & LAUNCH_PROC_CAPS))
		return r;
	r = set_caps(run, caps_for_seccomp(p));
	return r < 0 ? r : set_ambient(run);
}

int user_drop_rest(struct run *run)
{
	if (!(run->proc->flags & LAUNCH_PROC_CAPS) || !caps_for_seccomp(run->proc))
		return 0;
	return set_caps(run, 0);
}
