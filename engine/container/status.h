/* SPDX-License-Identifier: Apache-2.0 */
/* "Up 3 seconds", "Exited (0) 2 minutes ago": the Status column of `docker ps`. */
#ifndef GANTRY_ENGINE_CONTAINER_STATUS_H
#define GANTRY_ENGINE_CONTAINER_STATUS_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

struct status_facts {
	bool running, paused, removing, dead, ever_started;
	int exit_code;
	int64_t started_ns, finished_ns; /* since the epoch */
};

/* Returns buf. */
#define STATUS_SIZE 96
char *status_text(const struct status_facts *f, int64_t now_ns, char buf[STATUS_SIZE]);

#endif
