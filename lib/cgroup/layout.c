/* SPDX-License-Identifier: Apache-2.0 */
/* The running system's layout and what it offers; the text is read in layout_parse.c. */
#include "lib/cgroup/layout.h"

#include "lib/base/cleanup.h"
#include "lib/base/fd.h"
#include "lib/base/path.h"
#include "lib/cgroup/file.h"

#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <linux/magic.h>
#include <string.h>
#include <sys/vfs.h>

#define MOUNTINFO_MAX (16 * 1024 * 1024)

static bool is_cgroup_mount(const struct cgroup_hierarchy *h)
{
	struct statfs s;

	if (statfs(h->mount_point, &s) < 0)
		return false;
	return (unsigned long)s.f_type == (unsigned long)(h->v2 ? CGROUP2_SUPER_MAGIC : CGROUP_SUPER_MAGIC);
}

/* Text of cgroup.controllers at the v2 mount's root, "" when there is none. */
static void read_v2_controllers(const struct cgroup_layout *layout, char *buf, size_t size)
{
	int v2 = cgroup_layout_v2(layout);

	buf[0] = '\0';
	if (v2 < 0)
		return;
	auto_close int dir = open(layout->hierarchies[v2].mount_point, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
	if (dir >= 0 && cgroup_file_read(dir, "cgroup.controllers", buf, size) < 0)
		buf[0] = '\0';
}

/* Drops hierarchies that other mounts cover (v2 mounted over a v1 tree). */
static void drop_covered(struct cgroup_layout *layout)
{
	size_t kept = 0;

	for (size_t i = 0; i < layout->n; i++)
		if (is_cgroup_mount(&layout->hierarchies[i]))
			layout->hierarchies[kept++] = layout->hierarchies[i];
	layout->n = kept;
}

int cgroup_layout_discover(struct cgroup_layout *ret, struct error *err)
{
	auto_free char *text = NULL;
	struct cgroup_layout layout;
	char controllers[512];

	int r = fd_read_file(AT_FDCWD, "/proc/self/mountinfo", MOUNTINFO_MAX, &text, NULL);
	if (r < 0)
		return error_sys(err, -r, "cannot read '/proc/self/mountinfo'");
	r = cgroup_layout_parse(text, NULL, &layout, err);
	if (r < 0)
		return r;
	drop_covered(&layout);
	if (layout.n == 0)
		return error_set(err, ERROR_UNAVAILABLE, ENOENT,
			"no cgroup hierarchy can be reached at its mount point");
	cgroup_layout_assign(&layout, NULL);
	read_v2_controllers(&layout, controllers, sizeof controllers);
	cgroup_layout_assign(&layout, controllers);
	*ret = layout;
	return 0;
}

static bool has_file(const struct cgroup_layout *layout, enum cgroup_controller controller, const char *file)
{
	char path[PATH_MAX];

	if (!cgroup_layout_has(layout, controller))
		return false;
	const struct cgroup_hierarchy *h = &layout->hierarchies[layout->owner[controller]];
	return path_format(path, sizeof path, "%s/%s", h->mount_point, file) == 0 && access(path, F_OK) == 0;
}

/* v1 has its files in the root cgroup too. */
static bool v1_file(const struct cgroup_layout *layout, enum cgroup_controller controller, const char *file)
{
	return !cgroup_layout_on_v2(layout, controller) && has_file(layout, controller, file);
}

void cgroup_layout_features(const struct cgroup_layout *layout, struct cgroup_features *ret)
{
	bool memory = cgroup_layout_has(layout, CGROUP_MEMORY),
	     memory_v2 = cgroup_layout_on_v2(layout, CGROUP_MEMORY);
	bool cpu = cgroup_layout_has(layout, CGROUP_CPU), cpu_v2 = cgroup_layout_on_v2(layout, CGROUP_CPU);
	bool io_v2 = cgroup_layout_on_v2(layout, CGROUP_BLKIO);

	*ret = (struct cgroup_features){
		.memory_limit = memory,
		/* v2's root lacks memory.swap.max; it is elsewhere when the kernel can swap. */
		.swap_limit = memory_v2 ? access("/proc/swaps", F_OK) == 0
					: v1_file(layout, CGROUP_MEMORY, "memory.memsw.limit_in_bytes"),
		.oom_kill_disable = v1_file(layout, CGROUP_MEMORY, "memory.oom_control"),
		.swappiness = v1_file(layout, CGROUP_MEMORY, "memory.swappiness"),
		.reservation = memory_v2 || v1_file(layout, CGROUP_MEMORY, "memory.soft_limit_in_bytes"),
		.cpu_shares = cpu,
		.cpu_cfs_quota = cpu_v2 || v1_file(layout, CGROUP_CPU, "cpu.cfs_quota_us"),
		.cpu_rt = v1_file(layout, CGROUP_CPU, "cpu.rt_runtime_us"),
		.cpuset = cgroup_layout_has(layout, CGROUP_CPUSET),
		.pids_limit = cgroup_layout_has(layout, CGROUP_PIDS),
		.blkio_weight = has_file(layout, CGROUP_BLKIO, io_v2 ? "io.cost.qos" : "blkio.weight") ||
				v1_file(layout, CGROUP_BLKIO, "blkio.bfq.io_serviced"),
		.blkio_throttle = io_v2 || v1_file(layout, CGROUP_BLKIO, "blkio.throttle.read_bps_device"),
		.freezer = cgroup_layout_has(layout, CGROUP_FREEZER),
		.devices = cgroup_layout_has(layout, CGROUP_DEVICES),
	};
}

int cgroup_path_check(const char *path, struct error *err)
{
	if (path[0] != '/')
		return error_invalid(err, "cgroup path '%.200s' is not absolute", path);
	if (strlen(path) >= CGROUP_PATH_MAX)
		return error_invalid(err, "cgroup path is longer than %d bytes", CGROUP_PATH_MAX - 1);
	for (const char *p = path; *p;) {
		const char *name = p + 1;
		size_t n = strcspn(name, "/");
		if (n == 0)
			return error_invalid(err, "cgroup path '%s' has an empty component", path);
		if (name[0] == '.' && (n == 1 || (n == 2 && name[1] == '.')))
			return error_invalid(
				err, "cgroup path '%s' has a '%.*s' component", path, (int)n, name);
		if (n > NAME_MAX)
			return error_invalid(
				err, "cgroup path has a component of more than %d bytes", NAME_MAX);
		p = name + n;
	}
	for (const char *p = path; *p; p++)
		if ((unsigned char)*p < ' ' || *p == 0x7f)
			return error_invalid(err, "cgroup path has a control character");
	return 0;
}
