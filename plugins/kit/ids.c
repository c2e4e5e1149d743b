/* SPDX-License-Identifier: Apache-2.0 */
#include "plugins/kit/ids.h"

int kit_id_check(const char *what, const char *id, struct error *err)
{
	if (!id_is_valid(id))
		return error_invalid(err, "%s '%.80s' is not an id of 64 hex digits", what, id ? id : "");
	return 0;
}

int kit_map_id(const struct gty_idmap *map, uint32_t n, uint32_t inside, uint32_t *ret, struct error *err)
{
	for (uint32_t i = 0; i < n; i++) {
		uint32_t offset = inside - map[i].inside;
		if (inside >= map[i].inside && offset < map[i].count) {
			*ret = map[i].outside + offset;
			return 0;
		}
	}
	return error_invalid(err, "the id map has no line for %u", inside);
}

int kit_map_owner(const struct gty_idmaps *maps, uint32_t *uid, uint32_t *gid, struct error *err)
{
	uint32_t u = 0, g = 0;

	if (!maps)
		return 0;
	int r = kit_map_id(maps->uid, maps->uid_n, *uid, &u, err);
	if (r == 0)
		r = kit_map_id(maps->gid, maps->gid_n, *gid, &g, err);
	if (r < 0)
		return r;
	*uid = u;
	*gid = g;
	return 0;
}
