/* SPDX-License-Identifier: Apache-2.0 */
#include "plugins/kit/recover.h"

#include "plugins/kit/call.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

static int by_id(const void *a, const void *b)
{
	const struct gty_known *const *x = a, *const *y = b;

	return strcmp((*x)->id, (*y)->id);
}

int kit_known_init(struct kit_known *known, const struct gty_recover_req *req, uint32_t what)
{
	*known = (struct kit_known){ 0 };
	if (req->n == 0)
		return 0;
	known->v = calloc(req->n, sizeof *known->v);
	if (!known->v)
		return -ENOMEM;
	for (uint32_t i = 0; i < req->n; i++) {
		if (req->v[i].what == what && req->v[i].id)
			known->v[known->n++] = &req->v[i];
	}
	qsort(known->v, known->n, sizeof *known->v, by_id);
	return 0;
}

void kit_known_done(struct kit_known *known)
{
	free(known->v);
	*known = (struct kit_known){ 0 };
}

const struct gty_known *kit_known_find(const struct kit_known *known, const char *id)
{
	struct gty_known wanted = { .id = id };
	const struct gty_known *key = &wanted;

	if (known->n == 0)
		return NULL;
	const struct gty_known **at = bsearch(&key, known->v, known->n, sizeof *known->v, by_id);
	return at ? *at : NULL;
}

bool kit_lost_put(
	struct gty_call *call, struct gty_recover_rep *rep, size_t max, const char *id, const char *why)
{
	if (!rep->v)
		rep->v = kit_alloc(call, max, sizeof *rep->v);
	char *copy = call->strdup(call, id);
	if (!rep->v || !copy || rep->n == max)
		return false;
	struct gty_lost *room = (struct gty_lost *)(uintptr_t)&rep->v[rep->n++];
	room->id = copy;
	room->why = why;
	return true;
}
