/* SPDX-License-Identifier: Apache-2.0 */
/* Input: a mountinfo file, '%', the text of cgroup.controllers.  The first mount point is checked as a path,
 * too. */
#include "lib/cgroup/layout.h"

#include <stdint.h>
#include <stdlib.h>
#include <string.h>

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static void check(int cond)
{
	if (!cond)
		abort();
}

static void check_layout(const struct cgroup_layout *l)
{
	check(l->n > 0 && l->n <= CGROUP_HIERARCHIES_MAX);
	check(l->main >= 0 && (size_t)l->main < l->n);
	for (int c = 0; c < CGROUP_CONTROLLERS; c++)
		check(l->owner[c] >= -1 && l->owner[c] < (int)l->n);
	for (size_t i = 0; i < l->n; i++) {
		const struct cgroup_hierarchy *h = &l->hierarchies[i];
		check(memchr(h->mount_point, '\0', sizeof h->mount_point) &&
			memchr(h->name, '\0', sizeof h->name));
		check(h->v2 || h->controllers || h->name[0]);
	}
	check(!l->pure_v2 || (l->n == 1 && l->hierarchies[0].v2));
}

#ifdef GANTRY_PLANTED_BUG
static void plant(const struct cgroup_layout *l)
{
	uint8_t *four = calloc(1, 4);

	check(four != NULL);
	if (l->owner[CGROUP_UNIFIED] >= 0)
		four[l->n * 4] = 1;
	free(four);
}
#else
static void plant(const struct cgroup_layout *l)
{
	(void)l;
}
#endif

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	struct cgroup_layout layout;
	char *text = malloc(size + 1);

	check(text != NULL);
	memcpy(text, data, size);
	text[size] = '\0';
	char *controllers = strchr(text, '%');
	if (controllers)
		*controllers++ = '\0';
	if (cgroup_layout_parse(text, controllers, &layout, NULL) == 0) {
		check_layout(&layout);
		cgroup_path_check(layout.hierarchies[0].mount_point, NULL);
		plant(&layout);
	}
	free(text);
	return 0;
}
