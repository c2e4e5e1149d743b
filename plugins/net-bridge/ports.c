/* SPDX-License-Identifier: Apache-2.0 */
/* Which endpoints have a place at a bridge: a bridge of the kernel has a fixed number. */
#include "plugins/net-bridge/driver.h"

#include "lib/base/path.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

static struct port **slot(struct gty_network *nw, const char *id)
{
	uint32_t h = 2166136261u;

	for (const char *p = id; *p; p++)
		h = (h ^ (uint8_t)*p) * 16777619u;
	struct port **at = &nw->ports[h % BRIDGE_BUCKETS];
	while (*at && strcmp((*at)->id, id) != 0)
		at = &(*at)->next;
	return at;
}

static struct bridge *bridge_of(struct gty_network *nw, const char *id)
{
	struct bridge *b = nw->bridges;

	while (b && strcmp(b->id, id) != 0)
		b = b->next;
	return b;
}

static int reserve(struct gty_network *nw, const char *id, const char *net)
{
	struct port **at = slot(nw, id);
	struct bridge *b = bridge_of(nw, net);

	if (*at)
		return 0;
	if (b && b->ports >= BRIDGE_PORTS_MAX)
		return -EXFULL;
	struct port *p = calloc(1, sizeof *p);
	if (!p)
		return -ENOMEM;
	path_format(p->id, sizeof p->id, "%s", id);
	path_format(p->net, sizeof p->net, "%s", net);
	*at = p;
	if (b)
		b->ports++;
	return 0;
}

int port_reserve(struct gty_network *nw, const char *id, const char *net)
{
	pthread_mutex_lock(&nw->lock);
	int r = reserve(nw, id, net);
	pthread_mutex_unlock(&nw->lock);
	return r;
}

void port_release(struct gty_network *nw, const char *id)
{
	pthread_mutex_lock(&nw->lock);
	struct port **at = slot(nw, id), *gone = *at;
	if (gone) {
		struct bridge *b = bridge_of(nw, gone->net);
		*at = gone->next;
		if (b && b->ports > 0)
			b->ports--;
	}
	pthread_mutex_unlock(&nw->lock);
	free(gone);
}

void ports_clear(struct gty_network *nw)
{
	for (unsigned i = 0; i < BRIDGE_BUCKETS; i++)
		while (nw->ports[i]) {
			struct port *p = nw->ports[i];
			nw->ports[i] = p->next;
			free(p);
		}
	for (struct bridge *b = nw->bridges; b; b = b->next)
		b->ports = 0;
}
