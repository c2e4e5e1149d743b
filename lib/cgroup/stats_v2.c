/* SPDX-License-Identifier: Apache-2.0 */
/* cpu.stat, memory.* and io.stat of cgroup v2. */
#include "lib/cgroup/stats_read.h"

#include "lib/base/cleanup.h"
#include "lib/cgroup/file.h"

#include <errno.h>
#include <string.h>

#define US_NS 1000

static int number(const char *text, const char *key, uint64_t scale, uint64_t *ret)
{
	uint64_t value;
	int r = cgroup_text_number(text, key, &value);

	if (r == 0)
		*ret = value * scale;
	return r;
}

int stats_v2_cpu(int dir, struct cgroup_stats *stats)
{
	char text[2048];
	ssize_t n = cgroup_file_read(dir, "cpu.stat", text, sizeof text);

	if (n < 0)
		return stats_optional((int)n);
	int r = number(text, "usage_usec", US_NS, &stats->cpu_total_ns);
	if (r == 0)
		r = number(text, "user_usec", US_NS, &stats->cpu_user_ns);
	if (r == 0)
		r = number(text, "system_usec", US_NS, &stats->cpu_system_ns);
	stats->has_cpu = r == 0;
	if (r < 0)
		return r;
	/* These are there only with the controller. */
	r = number(text, "nr_periods", 1, &stats->periods);
	if (r == 0)
		r = number(text, "nr_throttled", 1, &stats->throttled_periods);
	if (r == 0)
		r = number(text, "throttled_usec", US_NS, &stats->throttled_ns);
	stats->has_throttling = r == 0;
	return stats_optional(r);
}

static int read_swap(int dir, struct cgroup_stats *stats)
{
	int r = cgroup_file_number(dir, "memory.swap.current", &stats->swap_usage);

	if (r == 0)
		r = cgroup_file_number(dir, "memory.swap.max", &stats->swap_limit);
	stats->has_swap = r == 0;
	if (r == 0)
		r = stats_optional(cgroup_file_number(dir, "memory.swap.peak", &stats->swap_max_usage));
	if (r == 0)
		r = stats_optional(cgroup_file_key(dir, "memory.swap.events", "max", &stats->swap_failcnt));
	return stats_optional(r);
}

int stats_v2_memory(int dir, struct cgroup_stats *stats)
{
	auto_free char *text = NULL;

	int r = cgroup_file_number(dir, "memory.current", &stats->memory_usage);
	if (r == 0)
		r = cgroup_file_number(dir, "memory.max", &stats->memory_limit);
	if (r < 0)
		return stats_optional(r);
	stats->has_memory = true;
	r = stats_text(dir, "memory.stat", &text);
	if (r == 0)
		r = stats_memory_lines(text, stats);
	/* memory.peak: 5.19. */
	if (r == 0)
		r = stats_optional(cgroup_file_number(dir, "memory.peak", &stats->memory_max_usage));
	if (r == 0)
		r = cgroup_file_key(dir, "memory.events", "max", &stats->memory_failcnt);
	if (r == 0)
		r = cgroup_file_key(dir, "memory.events", "oom_kill", &stats->oom_kills);
	if (r == 0)
		r = read_swap(dir, stats);
	stats->cache = stats_memory_value(stats, "file");
	stats->inactive_file = stats_memory_value(stats, "inactive_file");
	return stats_optional(r);
}

/* io.stat's keys under Docker's words. */
static const struct {
	const char *key, *op;
	bool bytes;
} io_keys[] = {
	{ "rbytes", "read", true },
	{ "wbytes", "write", true },
	{ "dbytes", "discard", true },
	{ "rios", "read", false },
	{ "wios", "write", false },
	{ "dios", "discard", false },
};

static int add_io(struct cgroup_stats *stats, size_t key, uint32_t major, uint32_t minor, uint64_t value)
{
	struct cgroup_io_entry *e = io_keys[key].bytes ? stats_grow((void **)&stats->io_bytes,
								 &stats->n_io_bytes, sizeof *e)
						       : stats_grow((void **)&stats->io_serviced,
								 &stats->n_io_serviced, sizeof *e);

	if (!e)
		return -ENOMEM;
	e->major = major;
	e->minor = minor;
	e->value = value;
	memcpy(e->op, io_keys[key].op, strlen(io_keys[key].op));
	return 0;
}

/* " rbytes=4096": takes one word; keys we do not know (cost.usage, which newer kernels add) are passed over.
 */
static int take_word(const char **text, uint32_t major, uint32_t minor, struct cgroup_stats *stats)
{
	const char *word = *text, *end = word + strcspn(word, " \n");
	size_t n = strcspn(word, "= \n");

	*text = end;
	for (size_t i = 0; i < sizeof io_keys / sizeof *io_keys; i++) {
		const char *p = word + n + 1;
		uint64_t value;
		if (word[n] != '=' || strlen(io_keys[i].key) != n || memcmp(io_keys[i].key, word, n) != 0)
			continue;
		int r = cgroup_text_digits(&p, &value);
		if (r < 0 || p != end)
			return r < 0 ? r : -EINVAL;
		return add_io(stats, i, major, minor, value);
	}
	return 0;
}

static int take_line(const char **text, struct cgroup_stats *stats)
{
	uint64_t major, minor;
	const char *p = *text;
	int r = 0;

	if (cgroup_text_digits(&p, &major) < 0 || *p++ != ':' || cgroup_text_digits(&p, &minor) < 0)
		return -EINVAL;
	if ((*p && *p != ' ' && *p != '\n') || major > UINT32_MAX || minor > UINT32_MAX)
		return -EINVAL;
	while (r == 0 && *(p += strspn(p, " ")) && *p != '\n')
		r = take_word(&p, (uint32_t)major, (uint32_t)minor, stats);
	*text = *p ? p + 1 : p;
	return r;
}

int stats_v2_io(int dir, struct cgroup_stats *stats)
{
	auto_free char *text = NULL;
	int r = stats_text(dir, "io.stat", &text);

	if (r < 0)
		return stats_optional(r);
	for (const char *p = text; *p && r == 0;)
		r = take_line(&p, stats);
	stats->has_io = r == 0;
	return r;
}
