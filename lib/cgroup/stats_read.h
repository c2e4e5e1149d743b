/* SPDX-License-Identifier: Apache-2.0 */
/* What the v1 and v2 readers share.  Internal to lib/cgroup. */
#ifndef GANTRY_CGROUP_STATS_READ_H
#define GANTRY_CGROUP_STATS_READ_H

#include "lib/cgroup/stats.h"

#define STATS_ENTRIES_MAX 16384

/* The directory of the hierarchy that owns a controller, -1: none. */
int stats_dir(const struct cgroup *cg, enum cgroup_controller controller);

/* A whole file of any bounded size; the caller frees.  -ENOENT as it is. */
int stats_text(int dir, const char *file, char **ret);

/* Grows *items to hold one more; the place of it, zeroed, or NULL. */
void *stats_grow(void **items, size_t *n, size_t item_size);

/* 0 for "is not there". */
int stats_optional(int r);

/* Lines "key number" into memory_stat. */
int stats_memory_lines(const char *text, struct cgroup_stats *stats);
/* The value of a key there, 0 when it is not. */
uint64_t stats_memory_value(const struct cgroup_stats *stats, const char *key);

int stats_v1_cpu(int cpuacct, int cpu, struct cgroup_stats *stats);
int stats_v1_memory(int dir, struct cgroup_stats *stats);
int stats_v1_blkio(int dir, struct cgroup_stats *stats);
int stats_v2_cpu(int dir, struct cgroup_stats *stats);
int stats_v2_memory(int dir, struct cgroup_stats *stats);
int stats_v2_io(int dir, struct cgroup_stats *stats);

#endif
