/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Deletes removed volumes beside the calls: volumes may be large, and their kind has no entry for idle time.
 * A thread exists only while there is something to delete.
 */
#ifndef GANTRY_LOCAL_REAPER_H
#define GANTRY_LOCAL_REAPER_H

#include <gantry/plugin.h>
#include <pthread.h>
#include <stdbool.h>

struct reaper {
	const struct gty_host *host;
	int trash_fd; /* borrowed */
	int cancel_fd;
	pthread_mutex_t lock;
	pthread_t thread;
	bool made, running, again;
};

/* Negative errno. */
int reaper_init(struct reaper *reaper, const struct gty_host *host, int trash_fd);

/* Ends a deletion where it is; the next start goes on with it. */
void reaper_done(struct reaper *reaper);

/* There is something in the trash.  Where no thread can be made it stays for the next time. */
void reaper_wake(struct reaper *reaper);

#endif
