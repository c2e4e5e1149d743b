/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Sizes of folders by project quota (xfs with pquota, ext4 with prjquota; kernel 5.14 for
 * quotactl_fd).  A folder gets a project id of its own, which everything made in it inherits.
 * Nothing is kept: ids are found free by having no usage.  Safe from any thread.
 */
#ifndef GANTRY_KIT_QUOTA_H
#define GANTRY_KIT_QUOTA_H

#include "plugins/kit/usage.h"

#include <pthread.h>
#include <stdbool.h>

struct kit_quota {
	pthread_mutex_t lock;
	int fd; /* borrowed: some folder of the file system */
	uint32_t base, next;
	bool on; /* project quotas are enforced here */
};

/* instance spreads engines that share a file system over the ids. */
int kit_quota_init(struct kit_quota *q, int fd, const char *instance);
void kit_quota_done(struct kit_quota *q);

/* Limits an empty new folder to so many bytes. */
int kit_quota_assign(struct kit_quota *q, int dirfd, uint64_t limit, struct error *err);

/* Changes the limit of a folder that has one; 0 lifts it. */
int kit_quota_change(struct kit_quota *q, int dirfd, uint64_t limit, struct error *err);

/* True when the folder has a project of its own and its numbers are answered. */
bool kit_quota_usage(struct kit_quota *q, int dirfd, struct kit_usage *ret, uint64_t *ret_limit);

/* The text for a limit where there is no quota. */
int kit_quota_missing(const char *what, struct error *err);

#endif
