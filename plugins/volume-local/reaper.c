/* SPDX-License-Identifier: Apache-2.0 */
#include "plugins/volume-local/reaper.h"

#include "plugins/kit/call.h"
#include "plugins/kit/trash.h"

#include <errno.h>
#include <signal.h>
#include <stdint.h>
#include <sys/eventfd.h>
#include <unistd.h>

int reaper_init(struct reaper *reaper, const struct gty_host *host, int trash_fd)
{
	*reaper = (struct reaper){ .host = host, .trash_fd = trash_fd };
	reaper->cancel_fd = eventfd(0, EFD_CLOEXEC);
	if (reaper->cancel_fd < 0)
		return -errno;
	return -pthread_mutex_init(&reaper->lock, NULL);
}

static bool goes_on(struct reaper *reaper)
{
	pthread_mutex_lock(&reaper->lock);
	bool again = reaper->again;
	reaper->again = false;
	reaper->running = again;
	pthread_mutex_unlock(&reaper->lock);
	return again;
}

static void *reap(void *arg)
{
	struct reaper *reaper = arg;
	const struct gty_call call = {
		.struct_size = sizeof call, .cancel_fd = reaper->cancel_fd, .deadline_ns = INT64_MAX
	};

	while (goes_on(reaper)) {
		struct error err = ERROR_INIT;
		struct kit_usage freed = { 0 };
		int r = kit_trash_sweep(reaper->trash_fd, &call, &freed, &err);
		if (r < 0 && r != -ECANCELED)
			kit_log(reaper->host, GTY_LOG_WARNING, "local: removed volumes: %s", err.text);
	}
	return NULL;
}

static void start(struct reaper *reaper)
{
	sigset_t all, before;

	if (reaper->made)
		pthread_join(reaper->thread, NULL);
	sigfillset(&all);
	pthread_sigmask(SIG_SETMASK, &all, &before);
	reaper->made = pthread_create(&reaper->thread, NULL, reap, reaper) == 0;
	pthread_sigmask(SIG_SETMASK, &before, NULL);
	reaper->running = reaper->made;
}

void reaper_wake(struct reaper *reaper)
{
	pthread_mutex_lock(&reaper->lock);
	reaper->again = true;
	if (!reaper->running)
		start(reaper);
	pthread_mutex_unlock(&reaper->lock);
}

void reaper_done(struct reaper *reaper)
{
	const uint64_t one = 1;

	if (reaper->cancel_fd < 0)
		return;
	if (reaper->made && write(reaper->cancel_fd, &one, sizeof one) == (ssize_t)sizeof one)
		pthread_join(reaper->thread, NULL);
	close(reaper->cancel_fd);
	pthread_mutex_destroy(&reaper->lock);
}
