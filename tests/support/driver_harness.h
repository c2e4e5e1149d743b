/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Calls a driver's entries as the core does, without the core: loads the .so, keeps the call's arena and its
 * error, gives replies of exactly the size the contract's first version has with a guard page behind, and
 * makes a scratch folder on a file system that overlay can use.  One thread a harness.
 */
#ifndef GANTRY_TESTS_DRIVER_HARNESS_H
#define GANTRY_TESTS_DRIVER_HARNESS_H

#include <gantry/plugin.h>
#include <stdbool.h>
#include <stddef.h>

#define HARNESS_PAGES 64

struct harness {
	struct gty_call call; /* first: entries get &h->call */
	struct gty_host host;
	const struct gty_driver *driver;
	void *blocks; /* the arena */
	size_t arena_used;
	void *pages[HARNESS_PAGES];
	size_t pages_n;
	bool failed;
	int kind, sys_errno;
	char text[500];
	char root[128]; /* the driver's folder, below top */
	char top[128];
	int root_fd;
	unsigned logged;
};

/* Loads build/lib/gantry/plugins/<plugin>.so and finds the driver; NULL: what is missing was printed. */
struct harness *harness_new(const char *plugin, const char *driver);

/* The same with its folder on a tmpfs, where syncs cost nothing (needs harness_private_mounts). */
struct harness *harness_new_tmpfs(const char *plugin, const char *driver);

/* A second harness beside the first, on the same folder: for another thread. */
struct harness *harness_twin(const struct harness *h);

/* Removes the folder, too (not a twin's). */
void harness_free(struct harness *h);

/* The next call: arena, replies and error of the last one are gone.  30 s to go. */
struct gty_call *harness_call(struct harness *h);

/* A zeroed reply or request that ends at a guard page, struct_size set; lives until the next harness_call. */
void *harness_struct(struct harness *h, size_t size);

/* Fills an open request for the harness's folder. */
struct gty_open harness_open(const struct harness *h, const struct gty_kv *opts, uint32_t n);

/* A mount namespace of this process's own, so that no mount of a test reaches the host; false without root.
 */
bool harness_private_mounts(void);

/* Unmounts what is mounted below a folder; true when there was something. */
bool harness_unmount_below(const char *dir);

/* Lines of this process's mountinfo; entries of a folder (-1: there is none). */
int harness_mounts(void);
int harness_entries(const char *dir, const char *name);

/* Open descriptors of this process. */
int harness_descriptors(void);

/* 64 hex digits that begin with those of n. */
const char *harness_id(unsigned n, char buf[65]);

/* Writes a small file below dirfd; reads one into buf, "" when it is not there. */
void harness_write(int dirfd, const char *name, const char *text);
const char *harness_read(int dirfd, const char *name, char *buf, size_t size);

#endif
