/* SPDX-License-Identifier: Apache-2.0 */
#include "runtime/compile/context.h"

#include <errno.h>

/* The kernel takes 340 lines (since 4.15); overlaps are for it to see. */
#define IDMAP_LINES_MAX 340

static int check_range(const struct field *f, const char *name, uint32_t first, uint32_t count)
{
	struct field at = field_any(f, name);

	/* The last id, 2^32-1, means "none" to the kernel. */
	if ((uint64_t)first + count > UINT32_MAX)
		return field_invalid(&at, "%u ids from %u reach past the largest id", count, first);
	return 0;
}

static int compile_line(const struct field *f, struct launch_idmap *ret)
{
	bool has_inside = false, has_outside = false, has_count = false;
	struct field size = field_any(f, "size");
	int r;

	r = field_u32(f, "containerID", &ret->inside, &has_inside);
	if (r == 0)
		r = field_u32(f, "hostID", &ret->outside, &has_outside);
	if (r == 0)
		r = field_u32(f, "size", &ret->count, &has_count);
	if (r < 0)
		return r;
	if (!has_inside || !has_outside || !has_count)
		return field_invalid(f, "containerID, hostID and size are needed");
	if (ret->count == 0)
		return field_invalid(&size, "a mapping holds at least one id");
	r = check_range(f, "containerID", ret->inside, ret->count);
	return r < 0 ? r : check_range(f, "hostID", ret->outside, ret->count);
}

int idmap_compile(struct compile *c, const struct field *up, const char *name, struct launch_vec *ret)
{
	struct launch_idmap lines[IDMAP_LINES_MAX];
	struct field list, line;
	size_t n;
	int r;

	r = field_array(up, name, &list);
	if (r < 0)
		return r;
	n = field_count(&list);
	if (n > IDMAP_LINES_MAX)
		return field_invalid(&list, "more than %d mappings", IDMAP_LINES_MAX);
	for (size_t i = 0; i < n; i++) {
		lines[i] = (struct launch_idmap){ 0 };
		r = field_object_at(&list, i, &line);
		if (r == 0)
			r = compile_line(&line, &lines[i]);
		if (r < 0)
			return r;
	}
	*ret = builder_vec(&c->b, lines, n, sizeof lines[0], IDMAP_LINES_MAX, name);
	return 0;
}
