/* SPDX-License-Identifier: Apache-2.0 */
/* Descriptions of the structs of <gantry/plugin.h>. */
#include "core/plugin/record.h"

RECORD_SHARED_PLAIN(record_u8, uint8_t, { .name = "byte", .size = 1, .type = FIELD_INT });
RECORD_SHARED_PLAIN(record_u32, uint32_t, { .name = "number", .size = 4, .type = FIELD_INT });
RECORD_SHARED_PLAIN(record_string, const char *,
	{ .name = "text",
		.size = sizeof(char *),
		.type = FIELD_STR,
		.max = RECORD_TEXT_MAX,
		.flags = FIELD_NEEDED });

#define T struct gty_kv
RECORD_SHARED_PLAIN(record_kv, T, NEEDTEXT_(T, key), TEXT_(T, value));
#undef T
#define T struct gty_kvs
RECORD_SHARED_SIZED(record_kvs, T, LIST_(T, v, n, record_kv));
#undef T
#define T struct gty_ref
RECORD_SHARED_SIZED(record_ref, T, INT_(T, flags), NAME_(T, id), NAME_(T, parent), NAME_(T, holder),
	TEXT_(T, state), INT_(T, size), NAME_(T, after), INT_(T, max), FD_(T, fd));
#undef T
#define T struct gty_open
RECORD_SHARED_SIZED(record_open, T, FD_(T, root_fd), NEEDNAME_(T, name), NEEDTEXT_(T, root),
	LIST_(T, opts, opts_n, record_kv));
#undef T
#define T struct gty_step
RECORD_SHARED_PLAIN(record_step, T, INT_(T, op), INT_(T, flags), NAME_(T, fstype), TEXT_(T, source),
	LIST_(T, opts, opts_n, record_kv), TEXT_(T, data));
#undef T
#define T struct gty_tree
RECORD_SHARED_SIZED(record_tree, T, INT_(T, form), FD_(T, fd), LIST_(T, steps, steps_n, record_step),
	TEXT_(T, base), TEXT_(T, subdir), INT_(T, attrs), NAME_(T, fstype), TEXT_(T, where), TEXT_(T, state),
	INT_(T, flags));
#undef T
#define T struct gty_idmap
RECORD_SHARED_PLAIN(record_idmap, T, INT_(T, inside), INT_(T, outside), INT_(T, count));
#undef T
#define T struct gty_idmaps
RECORD_SHARED_SIZED(record_idmaps, T, FD_(T, userns_fd), LIST_(T, uid, uid_n, record_idmap),
	LIST_(T, gid, gid_n, record_idmap));
#undef T
#define T struct gty_known
RECORD_SHARED_PLAIN(record_known, T, INT_(T, what), INT_(T, flags), NEEDNAME_(T, id), NAME_(T, parent),
	NAME_(T, holder), TEXT_(T, state));
#undef T
#define T struct gty_recover_req
RECORD_SHARED_SIZED(record_recover_req, T, LIST_MAX_(T, v, n, record_known, 0), INT_(T, flags));
#undef T
#define T struct gty_lost
RECORD_SHARED_PLAIN(record_lost, T, NEEDNAME_(T, id), TEXT_(T, why));
#undef T
#define T struct gty_recover_rep
RECORD_SHARED_SIZED(record_recover_rep, T, LIST_MAX_(T, v, n, record_lost, 0));
#undef T
