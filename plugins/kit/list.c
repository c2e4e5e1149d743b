/* SPDX-License-Identifier: Apache-2.0 */
#include "plugins/kit/list.h"

#include "plugins/kit/call.h"
#include "plugins/kit/folder.h"

#include <string.h>

#define PAGE_MAX 4096

/* False when the arena is full; a layer that vanished is left out. */
static bool list_put(const struct kit_lister *lister, struct gty_storage *st, struct gty_call *call,
	const char *id, bool staged, struct gty_layer *v, uint32_t *n)
{
	char parent[ID_LEN + 1] = "";
	uint32_t flags = 0;

	if (!lister->describe(st, id, staged, parent, &flags))
		return true;
	char *id_copy = call->strdup(call, id), *parent_copy = parent[0] ? call->strdup(call, parent) : NULL;
	if (!id_copy || (parent[0] && !parent_copy))
		return false;
	v[(*n)++] = (struct gty_layer){ .id = id_copy, .parent = parent_copy, .flags = flags };
	return true;
}

/* Both lists are sorted: they are merged.  A layer that is in both is the finished one. */
static int list_page(const struct kit_lister *lister, struct gty_storage *st, struct gty_call *call,
	const struct kit_names *layers, const struct kit_names *staged, const struct gty_ref *ref,
	struct gty_layers *rep)
{
	uint32_t max = ref->max > 0 && ref->max < PAGE_MAX ? ref->max : PAGE_MAX, n = 0;
	size_t all = layers->n + staged->n, i = 0, j = 0;
	struct gty_layer *v = kit_alloc(call, all < max ? all + 1 : max, sizeof *v);

	if (!v)
		return kit_no_memory(call);
	while (n < max && i + j < all) {
		int order = i == layers->n ? 1 : j == staged->n ? -1 : strcmp(layers->v[i], staged->v[j]);
		const char *id = order <= 0 ? layers->v[i++] : staged->v[j++];
		if (order == 0)
			j++;
		if (ref->after && strcmp(id, ref->after) <= 0)
			continue;
		if (!list_put(lister, st, call, id, order > 0, v, &n))
			return kit_no_memory(call);
	}
	rep->v = v;
	rep->n = n;
	return 0;
}

int kit_list_layers(const struct kit_lister *lister, struct gty_storage *st, struct gty_call *call,
	const struct gty_ref *ref, struct gty_layers *rep)
{
	struct kit_names layers = { 0 }, staged = { 0 };
	struct error err = ERROR_INIT;
	int r = kit_names_read(lister->layers_fd, id_is_valid, &layers, &err);

	if (r == 0)
		r = kit_names_read(lister->staging_fd, id_is_valid, &staged, &err);
	r = r == 0 ? list_page(lister, st, call, &layers, &staged, ref, rep) : kit_fail_error(call, &err);
	kit_names_free(&layers);
	kit_names_free(&staged);
	return r;
}
