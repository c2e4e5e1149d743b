/* SPDX-License-Identifier: Apache-2.0 */
#include "plugins/kit/usage.h"

#include "plugins/kit/inodes.h"
#include "plugins/kit/walk.h"

struct count {
	struct kit_usage usage;
	struct kit_inodes seen;
};

static int count_entry(void *ctx, const struct kit_entry *e, struct error *err)
{
	struct count *c = ctx;
	int r = 0;

	if (!S_ISDIR(e->st.st_mode) && e->st.st_nlink > 1 && kit_inodes_note(&c->seen, e->st.st_ino, "", &r))
		return KIT_WALK_ON;
	if (r < 0)
		return error_sys(err, -r, "cannot count the files");
	c->usage.bytes += (uint64_t)e->st.st_blocks * 512;
	c->usage.inodes++;
	return KIT_WALK_ON;
}

int kit_usage_walk(int dirfd, const struct gty_call *call, struct kit_usage *ret, struct error *err)
{
	struct count c = { .seen = KIT_INODES_INIT };
	struct kit_walk walk = { .entry = count_entry, .ctx = &c, .call = call };
	int r = kit_walk(dirfd, &walk, err);

	kit_inodes_done(&c.seen);
	if (r == 0)
		*ret = c.usage;
	return r;
}
