/* SPDX-License-Identifier: Apache-2.0 */
/* The text of mountinfo into a layout.  The kernel writes it, but mount points and options are anybody's. */
#include "lib/cgroup/layout.h"

#include "lib/base/path.h"

#include <errno.h>
#include <string.h>

#define USUAL_PLACE "/sys/fs/cgroup"

struct mount_line { /* pieces of one line, not NUL-ended */
	const char *point, *type, *options;
	size_t point_len, type_len, options_len;
};

static const char *const names[CGROUP_CONTROLLERS] = {
	[CGROUP_CPU] = "cpu",
	[CGROUP_CPUACCT] = "cpuacct",
	[CGROUP_CPUSET] = "cpuset",
	[CGROUP_MEMORY] = "memory",
	[CGROUP_DEVICES] = "devices",
	[CGROUP_FREEZER] = "freezer",
	[CGROUP_BLKIO] = "blkio",
	[CGROUP_PIDS] = "pids",
	[CGROUP_HUGETLB] = "hugetlb",
	[CGROUP_NET_CLS] = "net_cls",
	[CGROUP_NET_PRIO] = "net_prio",
	[CGROUP_PERF_EVENT] = "perf_event",
	[CGROUP_RDMA] = "rdma",
	[CGROUP_MISC] = "misc",
	[CGROUP_UNIFIED] = "unified",
};

const char *cgroup_controller_name(enum cgroup_controller controller, bool v2)
{
	if ((unsigned)controller >= CGROUP_CONTROLLERS)
		return "unknown";
	return v2 && controller == CGROUP_BLKIO ? "io" : names[controller];
}

int cgroup_controller_find(const char *name, size_t n)
{
	if (n == 2 && memcmp(name, "io", 2) == 0)
		return CGROUP_BLKIO;
	for (int i = 0; i < CGROUP_UNIFIED; i++)
		if (strlen(names[i]) == n && memcmp(names[i], name, n) == 0)
			return i;
	return -1;
}

/* The next word of a line; *p moves behind it.  Empty at the line's end. */
static size_t next_word(const char **p, const char *end, const char **ret)
{
	const char *s = *p;

	while (s < end && *s == ' ')
		s++;
	*ret = s;
	while (s < end && *s != ' ')
		s++;
	*p = s;
	return (size_t)(s - *ret);
}

static int split_line(const char *p, const char *end, struct mount_line *ret)
{
	const char *word;
	size_t n;

	for (int i = 0; i < 4; i++)
		if (next_word(&p, end, &word) == 0)
			return -EINVAL;
	ret->point_len = next_word(&p, end, &ret->point);
	/* Options, then optional fields up to a lone "-". */
	do {
		n = next_word(&p, end, &word);
		if (n == 0)
			return -EINVAL;
	} while (n != 1 || *word != '-');
	ret->type_len = next_word(&p, end, &ret->type);
	next_word(&p, end, &word);
	ret->options_len = next_word(&p, end, &ret->options);
	return ret->point_len && ret->type_len && ret->options_len ? 0 : -EINVAL;
}

static bool octal3(const char *s, size_t n)
{
	return n >= 4 && s[0] == '\\' && s[1] >= '0' && s[1] <= '3' && s[2] >= '0' && s[2] <= '7' &&
	       s[3] >= '0' && s[3] <= '7';
}

/* Blanks and backslashes stand as \ooo in mountinfo. */
static int unescape(const char *s, size_t n, char *buf, size_t size)
{
	size_t out = 0;

	while (n > 0) {
		size_t took = 1;
		char c = *s;
		if (octal3(s, n)) {
			c = (char)((s[1] - '0') * 64 + (s[2] - '0') * 8 + (s[3] - '0'));
			took = 4;
		}
		if (out + 1 >= size)
			return -ENAMETOOLONG;
		buf[out++] = c;
		s += took;
		n -= took;
	}
	buf[out] = '\0';
	return 0;
}

static void read_options(const char *s, size_t n, struct cgroup_hierarchy *h)
{
	const char *end = s + n;

	while (s < end) {
		const char *comma = memchr(s, ',', (size_t)(end - s));
		size_t len = (size_t)((comma ? comma : end) - s);
		int controller = cgroup_controller_find(s, len);
		if (controller >= 0) {
			h->controllers |= CGROUP_BIT(controller);
		} else if (len > 5 && memcmp(s, "name=", 5) == 0 && len - 5 < sizeof h->name) {
			memcpy(h->name, s + 5, len - 5);
			h->name[len - 5] = '\0';
		}
		s += len + 1;
	}
}

static struct cgroup_hierarchy *find_same(struct cgroup_layout *layout, const struct cgroup_hierarchy *h)
{
	for (size_t i = 0; i < layout->n; i++) {
		struct cgroup_hierarchy *other = &layout->hierarchies[i];
		if (other->v2 == h->v2 && other->controllers == h->controllers &&
			strcmp(other->name, h->name) == 0)
			return other;
	}
	return NULL;
}

/* One hierarchy can be mounted at many places (containers show it inside their roots): the usual place is
 * taken, else the first. */
static int add_hierarchy(struct cgroup_layout *layout, const struct cgroup_hierarchy *h)
{
	struct cgroup_hierarchy *same = find_same(layout, h);

	if (same) {
		if (!path_is_below(same->mount_point, USUAL_PLACE) &&
			path_is_below(h->mount_point, USUAL_PLACE))
			*same = *h;
		return 0;
	}
	if (layout->n == CGROUP_HIERARCHIES_MAX)
		return -E2BIG;
	layout->hierarchies[layout->n++] = *h;
	return 0;
}

static int take_line(const char *line, const char *end, struct cgroup_layout *layout)
{
	struct cgroup_hierarchy h = { .v2 = false };
	struct mount_line m;

	int r = split_line(line, end, &m);
	if (r < 0)
		return r;
	if (m.type_len == 7 && memcmp(m.type, "cgroup2", 7) == 0)
		h.v2 = true;
	else if (m.type_len != 6 || memcmp(m.type, "cgroup", 6) != 0)
		return 0;
	/* Too long to be the system's own mount. */
	if (unescape(m.point, m.point_len, h.mount_point, sizeof h.mount_point) < 0)
		return 0;
	if (!h.v2)
		read_options(m.options, m.options_len, &h);
	if (!h.v2 && h.controllers == 0 && !h.name[0])
		return 0;
	return add_hierarchy(layout, &h);
}

int cgroup_layout_v2(const struct cgroup_layout *layout)
{
	return layout->owner[CGROUP_UNIFIED];
}

bool cgroup_layout_has(const struct cgroup_layout *layout, enum cgroup_controller controller)
{
	return (unsigned)controller < CGROUP_CONTROLLERS && layout->owner[controller] >= 0;
}

bool cgroup_layout_on_v2(const struct cgroup_layout *layout, enum cgroup_controller controller)
{
	return cgroup_layout_has(layout, controller) && layout->owner[controller] == cgroup_layout_v2(layout);
}

/* v2 has these in every cgroup without a controller to enable. */
static void own_implicit(struct cgroup_layout *layout, int v2)
{
	static const enum cgroup_controller implicit[] = { CGROUP_CPUACCT, CGROUP_DEVICES, CGROUP_FREEZER,
		CGROUP_PERF_EVENT };

	layout->owner[CGROUP_UNIFIED] = (int8_t)v2;
	for (size_t i = 0; i < sizeof implicit / sizeof *implicit; i++)
		if (layout->owner[implicit[i]] < 0)
			layout->owner[implicit[i]] = (int8_t)v2;
}

static void choose_main(struct cgroup_layout *layout, int v2)
{
	static const enum cgroup_controller order[] = { CGROUP_FREEZER, CGROUP_PIDS, CGROUP_DEVICES,
		CGROUP_MEMORY, CGROUP_CPU };

	layout->main = (int8_t)(layout->pure_v2 ? v2 : -1);
	for (size_t i = 0; layout->main < 0 && i < sizeof order / sizeof *order; i++)
		if (cgroup_layout_has(layout, order[i]) && !cgroup_layout_on_v2(layout, order[i]))
			layout->main = layout->owner[order[i]];
	if (layout->main < 0)
		layout->main = 0;
}

static void take_v2_controllers(struct cgroup_layout *layout, const char *text)
{
	const char *p = text, *end = text + strcspn(text, "\n"), *word;
	size_t n;

	for (size_t i = 0; i < layout->n; i++) {
		if (!layout->hierarchies[i].v2)
			continue;
		while ((n = next_word(&p, end, &word)) > 0) {
			int controller = cgroup_controller_find(word, n);
			if (controller >= 0)
				layout->hierarchies[i].controllers |= CGROUP_BIT(controller);
		}
	}
}

void cgroup_layout_assign(struct cgroup_layout *layout, const char *v2_controllers)
{
	int v2 = -1;

	if (v2_controllers)
		take_v2_controllers(layout, v2_controllers);
	memset(layout->owner, -1, sizeof layout->owner);
	for (size_t i = 0; i < layout->n; i++) {
		const struct cgroup_hierarchy *h = &layout->hierarchies[i];
		if (h->v2)
			v2 = (int)i;
		for (int c = 0; c < CGROUP_UNIFIED; c++)
			if (h->controllers & CGROUP_BIT(c))
				layout->owner[c] = (int8_t)i;
	}
	layout->pure_v2 = v2 >= 0 && layout->n == 1;
	if (v2 >= 0)
		own_implicit(layout, v2);
	choose_main(layout, v2);
}

int cgroup_layout_parse(
	const char *mountinfo, const char *v2_controllers, struct cgroup_layout *ret, struct error *err)
{
	struct cgroup_layout layout = { .n = 0 };

	for (const char *line = mountinfo; *line;) {
		const char *end = line + strcspn(line, "\n");
		int r = end > line ? take_line(line, end, &layout) : 0;
		if (r == -E2BIG)
			return error_set(err, ERROR_UNSUPPORTED, E2BIG,
				"more than %d cgroup hierarchies are mounted", CGROUP_HIERARCHIES_MAX);
		if (r < 0)
			return error_set(err, ERROR_INTERNAL, EINVAL,
				"cannot read the list of mounts: malformed line '%.*s'",
				(int)(end - line > 200 ? 200 : end - line), line);
		line = *end ? end + 1 : end;
	}
	if (layout.n == 0)
		return error_set(err, ERROR_UNAVAILABLE, ENOENT,
			"no cgroup hierarchy is mounted; mount cgroup2 on " USUAL_PLACE);
	cgroup_layout_assign(&layout, v2_controllers);
	*ret = layout;
	return 0;
}
