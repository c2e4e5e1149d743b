/* SPDX-License-Identifier: Apache-2.0 */
#include "engine/container/status.h"

#include "lib/base/timefmt.h"

#include <stdio.h>

char *status_text(const struct status_facts *f, int64_t now_ns, char buf[STATUS_SIZE])
{
	char time[TIMEFMT_SIZE];

	if (f->running)
		snprintf(buf, STATUS_SIZE, "Up %s%s", timefmt_human(now_ns - f->started_ns, time),
			f->paused ? " (Paused)" : "");
	else if (f->removing)
		snprintf(buf, STATUS_SIZE, "Removal In Progress");
	else if (f->dead)
		snprintf(buf, STATUS_SIZE, "Dead");
	else if (!f->ever_started)
		snprintf(buf, STATUS_SIZE, "Created");
	else
		snprintf(buf, STATUS_SIZE, "Exited (%d) %s ago", f->exit_code,
			timefmt_human(now_ns - f->finished_ns, time));
	return buf;
}
