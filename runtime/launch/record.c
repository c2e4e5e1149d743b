/* SPDX-License-Identifier: Apache-2.0 */
/* The gate of the launch record: one walk over every offset of the block. */
#include "runtime/launch/record.h"

#include <errno.h>
#include <string.h>

/* Strings and arrays may share bytes, so a small block could ask for endless work. */
#define SCAN_MAX (UINT64_C(16) << 20)

struct gate {
	const char *block;
	uint32_t size, nfds;
	uint64_t scanned;
	const char *why;
};

static int bad(struct gate *g, const char *what)
{
	if (!g->why)
		g->why = what;
	return -EBADMSG;
}

static int check_str(struct gate *g, struct launch_str s, const char *what)
{
	if (s.off == 0)
		return s.len == 0 ? 0 : bad(g, what);
	if (s.off < sizeof(struct launch_record) || s.off >= g->size || s.len >= g->size - s.off)
		return bad(g, what);
	g->scanned += (uint64_t)s.len + 1;
	if (g->scanned > SCAN_MAX)
		return bad(g, "size of all strings");
	if (memchr(g->block + s.off, '\0', s.len) || g->block[s.off + s.len] != '\0')
		return bad(g, what);
	return 0;
}

static int check_vec(struct gate *g, struct launch_vec v, size_t item, uint32_t max, const char *what)
{
	if (v.n == 0)
		return 0;
	if (v.n > max || v.off < sizeof(struct launch_record) || v.off % 8 || v.off >= g->size ||
		(g->size - v.off) / item < v.n)
		return bad(g, what);
	g->scanned += v.n * item;
	return g->scanned > SCAN_MAX ? bad(g, "size of all arrays") : 0;
}

static int check_fd(struct gate *g, uint32_t fd, const char *what)
{
	return fd == LAUNCH_NO_FD || fd < g->nfds ? 0 : bad(g, what);
}

static const void *items(const struct gate *g, struct launch_vec v)
{
	return g->block + v.off;
}

static int check_strs(struct gate *g, struct launch_vec v, uint32_t max, const char *what)
{
	if (check_vec(g, v, sizeof(struct launch_str), max, what))
		return -EBADMSG;
	const struct launch_str *s = items(g, v);
	for (uint32_t i = 0; i < v.n; i++)
		if (s[i].off == 0 || check_str(g, s[i], what))
			return bad(g, what);
	return 0;
}

static int check_namespaces(struct gate *g, const struct launch_record *r)
{
	if (check_vec(g, r->joins, sizeof(struct launch_join), 8, "joins"))
		return -EBADMSG;
	const struct launch_join *j = items(g, r->joins);
	for (uint32_t i = 0; i < r->joins.n; i++) {
		if (check_fd(g, j[i].fd, "joins.fd") || check_str(g, j[i].path, "joins.path"))
			return -EBADMSG;
		if ((j[i].fd == LAUNCH_NO_FD) == (j[i].path.off == 0) || (j[i].type & r->ns_new))
			return bad(g, "joins");
	}
	if (check_vec(g, r->uid_map, sizeof(struct launch_idmap), 340, "uid_map") ||
		check_vec(g, r->gid_map, sizeof(struct launch_idmap), 340, "gid_map"))
		return -EBADMSG;
	return check_vec(g, r->time_offsets, sizeof(struct launch_time_offset), 2, "time_offsets");
}

static int check_mount(struct gate *g, const struct launch_mount *m)
{
	if (m->target.off == 0)
		return bad(g, "mount.target");
	if (check_str(g, m->target, "mount.target") || check_str(g, m->source, "mount.source") ||
		check_str(g, m->fstype, "mount.fstype") || check_fd(g, m->fd, "mount.fd") ||
		check_strs(g, m->options, LAUNCH_LIST_MAX, "mount.options") ||
		check_vec(g, m->uid_map, sizeof(struct launch_idmap), 340, "mount.uid_map") ||
		check_vec(g, m->gid_map, sizeof(struct launch_idmap), 340, "mount.gid_map"))
		return -EBADMSG;
	switch (m->kind) {
	case LAUNCH_MOUNT_FD: return m->fd == LAUNCH_NO_FD ? bad(g, "mount.fd") : 0;
	case LAUNCH_MOUNT_BIND: return m->source.off ? 0 : bad(g, "mount.source");
	case LAUNCH_MOUNT_FS: return m->fstype.off ? 0 : bad(g, "mount.fstype");
	case LAUNCH_MOUNT_CGROUP:
	case LAUNCH_MOUNT_REMOUNT: return 0;
	default: return bad(g, "mount.kind");
	}
}

static int check_mounts(struct gate *g, const struct launch_record *r)
{
	if (check_vec(g, r->mounts, sizeof(struct launch_mount), LAUNCH_LIST_MAX, "mounts"))
		return -EBADMSG;
	const struct launch_mount *m = items(g, r->mounts);
	for (uint32_t i = 0; i < r->mounts.n; i++)
		if (check_mount(g, &m[i]))
			return -EBADMSG;
	return 0;
}

static int check_devices(struct gate *g, const struct launch_record *r)
{
	if (check_vec(g, r->devices, sizeof(struct launch_device), LAUNCH_LIST_MAX, "devices"))
		return -EBADMSG;
	const struct launch_device *d = items(g, r->devices);
	for (uint32_t i = 0; i < r->devices.n; i++)
		if (d[i].path.off == 0 || check_str(g, d[i].path, "devices.path"))
			return bad(g, "devices.path");
	return 0;
}

static int check_sysctls(struct gate *g, const struct launch_record *r)
{
	if (check_vec(g, r->sysctls, sizeof(struct launch_sysctl), LAUNCH_LIST_MAX, "sysctls"))
		return -EBADMSG;
	const struct launch_sysctl *s = items(g, r->sysctls);
	for (uint32_t i = 0; i < r->sysctls.n; i++)
		if (s[i].key.off == 0 || s[i].value.off == 0 || check_str(g, s[i].key, "sysctls.key") ||
			check_str(g, s[i].value, "sysctls.value"))
			return bad(g, "sysctls");
	return 0;
}

static int check_cgroup(struct gate *g, const struct launch_record *r)
{
	if (check_str(g, r->cgroup_path, "cgroup_path") || check_str(g, r->cgroup_mark, "cgroup_mark") ||
		check_vec(g, r->cgroup_settings, sizeof(struct launch_cgroup_setting), LAUNCH_LIST_MAX,
			"cgroup_settings") ||
		check_vec(g, r->cgroup_devices, sizeof(struct launch_cgroup_device), LAUNCH_LIST_MAX,
			"cgroup_devices"))
		return -EBADMSG;
	const struct launch_cgroup_setting *s = items(g, r->cgroup_settings);
	for (uint32_t i = 0; i < r->cgroup_settings.n; i++)
		if (s[i].file.off == 0 || check_str(g, s[i].file, "cgroup_settings.file") ||
			s[i].value.off == 0 || check_str(g, s[i].value, "cgroup_settings.value"))
			return bad(g, "cgroup_settings");
	return 0;
}

static int check_hooks(struct gate *g, struct launch_vec v, const char *what)
{
	if (check_vec(g, v, sizeof(struct launch_hook), 64, what))
		return -EBADMSG;
	const struct launch_hook *h = items(g, v);
	for (uint32_t i = 0; i < v.n; i++)
		if (h[i].path.off == 0 || check_str(g, h[i].path, what) ||
			check_strs(g, h[i].args, LAUNCH_LIST_MAX, what) ||
			check_strs(g, h[i].env, LAUNCH_LIST_MAX, what))
			return bad(g, what);
	return 0;
}

static int check_process(struct gate *g, const struct launch_process *p)
{
	if (p->args.n == 0)
		return bad(g, "process.args");
	if (check_strs(g, p->args, LAUNCH_ARGS_MAX, "process.args") ||
		check_strs(g, p->env, LAUNCH_ARGS_MAX, "process.env") ||
		check_str(g, p->cwd, "process.cwd") || check_str(g, p->user, "process.user") ||
		check_strs(g, p->user_groups, LAUNCH_LIST_MAX, "process.user_groups") ||
		check_vec(g, p->groups, sizeof(uint32_t), LAUNCH_LIST_MAX, "process.groups") ||
		check_vec(g, p->rlimits, sizeof(struct launch_rlimit), 32, "process.rlimits") ||
		check_str(g, p->apparmor, "process.apparmor") ||
		check_str(g, p->selinux, "process.selinux") ||
		check_vec(g, p->seccomp, sizeof(struct sock_filter), LAUNCH_FILTER_MAX, "process.seccomp"))
		return -EBADMSG;
	return p->preserve_fds > g->nfds ? bad(g, "process.preserve_fds") : 0;
}

static int check_all(struct gate *g, const struct launch_record *r)
{
	if (check_namespaces(g, r) || check_str(g, r->root, "root") || check_fd(g, r->root_fd, "root_fd") ||
		check_mounts(g, r) || check_devices(g, r) ||
		check_strs(g, r->masked, LAUNCH_LIST_MAX, "masked") ||
		check_strs(g, r->readonly, LAUNCH_LIST_MAX, "readonly") || check_sysctls(g, r) ||
		check_str(g, r->hostname, "hostname") || check_str(g, r->domainname, "domainname") ||
		check_cgroup(g, r) || check_hooks(g, r->create_hooks, "create_hooks") ||
		check_hooks(g, r->start_hooks, "start_hooks") || check_process(g, &r->process))
		return -EBADMSG;
	if (!(r->flags & LAUNCH_F_EXEC) && (r->root_fd == LAUNCH_NO_FD) == (r->root.off == 0))
		return bad(g, "root");
	return 0;
}

int launch_record_check(const void *block, size_t n, uint32_t nfds, const char **ret_why)
{
	const struct launch_record *r = block;
	struct gate g = { .block = block, .nfds = nfds };
	int ret = 0;

	if (n < sizeof *r || n > LAUNCH_RECORD_MAX || (uintptr_t)block % 8 || r->magic != LAUNCH_MAGIC)
		ret = bad(&g, "magic");
	else if (r->version != LAUNCH_VERSION)
		ret = bad(&g, "version");
	else if (r->size != n)
		ret = bad(&g, "size");
	else if (nfds > LAUNCH_FDS_MAX)
		ret = bad(&g, "descriptors");
	else {
		g.size = (uint32_t)n;
		ret = check_all(&g, r);
	}
	if (ret && ret_why)
		*ret_why = g.why;
	return ret;
}
