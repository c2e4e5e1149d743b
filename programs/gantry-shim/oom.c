/* SPDX-License-Identifier: Apache-2.0 */
#include "programs/gantry-shim/oom.h"

#include "lib/base/cleanup.h"
#include "lib/base/clock.h"

#define LOOK_AGAIN_NS (200 * CLOCK_MS)

void oom_open(struct oom *o, const struct cgroup *cg)
{
	if (!cg->layout || cgroup_oom_watch(cg, &o->fd, &o->events, NULL) < 0)
		o->fd = -1;
}

void oom_close(struct oom *o)
{
	if (o->fd >= 0)
		close(take_fd(o->fd));
	o->look_at = 0;
}

void oom_wake(struct oom *o)
{
	if (cgroup_oom_acknowledge(o->fd, o->events) < 0)
		oom_close(o);
	else
		o->look_at = clock_mono_ns() + LOOK_AGAIN_NS;
}

bool oom_look(struct oom *o, const struct cgroup *cg)
{
	uint64_t kills = 0;

	if (o->look_at && clock_mono_ns() >= o->look_at)
		o->look_at = 0;
	if (!cg->layout || cgroup_oom_kills(cg, &kills) < 0 || kills <= o->seen)
		return false;
	o->seen = kills;
	o->look_at = 0;
	return o->told++ < OOM_EVENTS_MAX;
}
