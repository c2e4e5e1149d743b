/* SPDX-License-Identifier: Apache-2.0 */
/* Chooses the reader for each controller; reads what both versions spell alike. */
#include "lib/cgroup/stats.h"

#include "lib/base/cleanup.h"
#include "lib/base/fd.h"
#include "lib/cgroup/file.h"
#include "lib/cgroup/stats_read.h"

#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <string.h>

int stats_dir(const struct cgroup *cg, enum cgroup_controller controller)
{
	return cgroup_layout_has(cg->layout, controller) ? cg->dir[cg->layout->owner[controller]] : -1;
}

int stats_text(int dir, const char *file, char **ret)
{
	return fd_read_file(dir, file, CGROUP_FILE_MAX, ret, NULL);
}

void *stats_grow(void **items, size_t *n, size_t item_size)
{
	if (*n == STATS_ENTRIES_MAX)
		return NULL;
	/* Powers of two are where the room ends. */
	if ((*n & (*n - 1)) == 0) {
		void *bigger = realloc(*items, (*n ? *n * 2 : 1) * item_size);
		if (!bigger)
			return NULL;
		*items = bigger;
	}
	void *place = (char *)*items + (*n)++ * item_size;
	memset(place, 0, item_size);
	return place;
}

int stats_optional(int r)
{
	return r == -ENOENT || r == -EOPNOTSUPP ? 0 : r;
}

int stats_memory_lines(const char *text, struct cgroup_stats *stats)
{
	for (const char *line = text; *line;) {
		size_t key = strcspn(line, " \n");
		const char *p = line + key;
		uint64_t value;
		if (*p++ != ' ' || key == 0 || key >= sizeof stats->memory_stat->key)
			return -EINVAL;
		int r = cgroup_text_digits(&p, &value);
		if (r < 0 || (*p && *p != '\n'))
			return r < 0 ? r : -EINVAL;
		struct cgroup_stat_entry *e = stats_grow(
			(void **)&stats->memory_stat, &stats->n_memory_stat, sizeof *stats->memory_stat);
		if (!e)
			return -ENOMEM;
		memcpy(e->key, line, key);
		e->value = value;
		line = *p ? p + 1 : p;
	}
	return 0;
}

uint64_t stats_memory_value(const struct cgroup_stats *stats, const char *key)
{
	for (size_t i = 0; i < stats->n_memory_stat; i++)
		if (strcmp(stats->memory_stat[i].key, key) == 0)
			return stats->memory_stat[i].value;
	return 0;
}

static int read_pids(int dir, struct cgroup_stats *stats)
{
	int r = cgroup_file_number(dir, "pids.current", &stats->pids_current);

	if (r == 0)
		r = cgroup_file_number(dir, "pids.max", &stats->pids_limit);
	stats->has_pids = r == 0;
	return stats_optional(r);
}

/* "hugetlb.2MB.<end>" -> "2MB"; anything else, "hugetlb.2MB.rsvd.<end>" too, is not ours. */
static bool take_page_size(const char *file, const char *end, char ret[16])
{
	size_t n;

	if (strncmp(file, "hugetlb.", 8) != 0)
		return false;
	file += 8;
	n = strcspn(file, ".");
	if (n == 0 || n >= 16 || strcmp(file + n, end) != 0)
		return false;
	memcpy(ret, file, n);
	ret[n] = '\0';
	return true;
}

static int read_hugetlb_size(int dir, bool v2, struct cgroup_hugetlb_entry *e)
{
	char file[64];

	snprintf(file, sizeof file, "hugetlb.%s.%s", e->page_size, v2 ? "current" : "usage_in_bytes");
	int r = cgroup_file_number(dir, file, &e->usage);
	if (r < 0)
		return r;
	snprintf(file, sizeof file, "hugetlb.%s.%s", e->page_size, v2 ? "events" : "failcnt");
	if (v2)
		return stats_optional(cgroup_file_key(dir, file, "max", &e->failcnt));
	r = stats_optional(cgroup_file_number(dir, file, &e->failcnt));
	if (r < 0)
		return r;
	snprintf(file, sizeof file, "hugetlb.%s.max_usage_in_bytes", e->page_size);
	return stats_optional(cgroup_file_number(dir, file, &e->max_usage));
}

/* The sizes a kernel has are told by the names of the files. */
static int read_hugetlb(int dir, bool v2, struct cgroup_stats *stats)
{
	int fd = openat(dir, ".", O_RDONLY | O_DIRECTORY | O_CLOEXEC);
	DIR *d = fd < 0 ? NULL : fdopendir(fd);
	char size[16];
	int r = 0;

	if (!d) {
		r = -errno;
		if (fd >= 0)
			close(fd);
		return stats_optional(r);
	}
	for (const struct dirent *e; r == 0 && (e = readdir(d));) {
		if (!take_page_size(e->d_name, v2 ? ".current" : ".usage_in_bytes", size))
			continue;
		struct cgroup_hugetlb_entry *h = stats_grow(
			(void **)&stats->hugetlb, &stats->n_hugetlb, sizeof *stats->hugetlb);
		if (!h) {
			r = -ENOMEM;
			break;
		}
		memcpy(h->page_size, size, sizeof size);
		r = stats_optional(read_hugetlb_size(dir, v2, h));
	}
	closedir(d);
	return r;
}

static int read_all(const struct cgroup *cg, struct cgroup_stats *stats)
{
	const struct cgroup_layout *layout = cg->layout;
	int cpu = stats_dir(cg, CGROUP_CPU), cpuacct = stats_dir(cg, CGROUP_CPUACCT);
	int memory = stats_dir(cg, CGROUP_MEMORY), io = stats_dir(cg, CGROUP_BLKIO);
	int pids = stats_dir(cg, CGROUP_PIDS), hugetlb = stats_dir(cg, CGROUP_HUGETLB);
	int r;

	/* v2 counts cpu time without the controller as well. */
	if (cgroup_layout_on_v2(layout, CGROUP_CPUACCT))
		r = cpuacct < 0 ? 0 : stats_v2_cpu(cpuacct, stats);
	else
		r = stats_v1_cpu(cpuacct, cpu, stats);
	if (r == 0 && memory >= 0)
		r = cgroup_layout_on_v2(layout, CGROUP_MEMORY) ? stats_v2_memory(memory, stats)
							       : stats_v1_memory(memory, stats);
	if (r == 0 && io >= 0)
		r = cgroup_layout_on_v2(layout, CGROUP_BLKIO) ? stats_v2_io(io, stats)
							      : stats_v1_blkio(io, stats);
	if (r == 0 && pids >= 0)
		r = read_pids(pids, stats);
	if (r == 0 && hugetlb >= 0)
		r = read_hugetlb(hugetlb, cgroup_layout_on_v2(layout, CGROUP_HUGETLB), stats);
	return r;
}

/* Files of a removed directory are "not there", as optional ones are. */
static bool is_gone(const struct cgroup *cg)
{
	for (size_t i = 0; i < cg->layout->n; i++)
		if (cg->dir[i] >= 0)
			return faccessat(cg->dir[i], "cgroup.procs", F_OK, 0) < 0;
	return true;
}

int cgroup_stats_read(const struct cgroup *cg, struct cgroup_stats *ret, struct error *err)
{
	struct cgroup_stats stats = {
		.memory_limit = CGROUP_NO_LIMIT, .swap_limit = CGROUP_NO_LIMIT, .pids_limit = CGROUP_NO_LIMIT
	};

	int r = read_all(cg, &stats);
	if (r == -ENODEV || is_gone(cg))
		r = error_set(err, ERROR_NOT_FOUND, ENODEV, "cgroup '%s' is gone", cg->path);
	else if (r < 0)
		r = error_sys(err, -r, "cannot read what cgroup '%s' used", cg->path);
	if (r < 0) {
		cgroup_stats_done(&stats);
		return r;
	}
	*ret = stats;
	return 0;
}

void cgroup_stats_done(struct cgroup_stats *stats)
{
	if (!stats)
		return;
	free(stats->percpu_ns);
	free(stats->memory_stat);
	free(stats->io_bytes);
	free(stats->io_serviced);
	free(stats->hugetlb);
	*stats = (struct cgroup_stats){ .percpu_ns = NULL };
}
