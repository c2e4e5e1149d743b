/* SPDX-License-Identifier: Apache-2.0 */
#include "runtime/compile/context.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <sys/capability.h>

/* The number of "CAP_CHOWN"; -1 when this kernel or libcap has no such capability. */
static int number_of(const char *name)
{
	cap_value_t value = -1;

	if (strncmp(name, "CAP_", 4) != 0 || name[4] < 'A' || name[4] > 'Z' ||
		cap_from_name(name, &value) < 0)
		return -1;
	return value >= 0 && value < 64 && value < cap_max_bits() ? value : -1;
}

static int compile_set(struct compile *c, const struct field *caps, const char *name, uint64_t *ret)
{
	struct field list;
	int r;

	r = field_array(caps, name, &list);
	for (size_t i = 0; r == 0 && i < field_count(&list); i++) {
		const char *text = NULL;
		int number;

		r = field_string_at(&list, i, &text);
		if (r < 0)
			break;
		number = number_of(text);
		if (number < 0)
			compile_warn(
				c, "capability '%s' (%s) is unknown to this kernel: left out", text, name);
		else
			*ret |= UINT64_C(1) << number;
	}
	return r;
}

/* capset(2) would answer EPERM without a word about which. */
static int check_within(const struct field *caps, const char *name, uint64_t set, uint64_t permitted)
{
	struct field at = field_any(caps, name);

	for (unsigned i = 0; i < 64; i++)
		if ((set & ~permitted) >> i & 1) {
			char *text = cap_to_name((cap_value_t)i);
			int r = field_invalid(&at, "'%s' is not among the permitted ones", text ? text : "?");

			cap_free(text);
			return r;
		}
	return 0;
}

int caps_compile(struct compile *c, const struct field *caps)
{
	struct launch_process *p = &c->b.rec.process;
	uint64_t raisable;
	int r;

	/* No capabilities in the configuration are no capabilities of the process. */
	p->flags |= LAUNCH_PROC_CAPS;
	r = compile_set(c, caps, "bounding", &p->cap_bounding);
	if (r == 0)
		r = compile_set(c, caps, "effective", &p->cap_effective);
	if (r == 0)
		r = compile_set(c, caps, "permitted", &p->cap_permitted);
	if (r == 0)
		r = compile_set(c, caps, "inheritable", &p->cap_inheritable);
	if (r == 0)
		r = compile_set(c, caps, "ambient", &p->cap_ambient);
	if (r == 0)
		r = check_within(caps, "effective", p->cap_effective, p->cap_permitted);
	if (r < 0)
		return r;
	/* The kernel raises no ambient capability that is not permitted and inheritable. */
	raisable = p->cap_permitted & p->cap_inheritable;
	if (p->cap_ambient & ~raisable)
		compile_warn(c, "ambient capabilities that are not permitted and inheritable are left out");
	p->cap_ambient &= raisable;
	return 0;
}
