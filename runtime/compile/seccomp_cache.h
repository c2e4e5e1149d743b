/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Compiled seccomp filters kept for the next container: in memory (a daemon), or as files of one folder
 * (a runtime that ends after each container).  The key is the whole text that a filter follows from; it is
 * compared byte for byte, so that a hash never decides which filter a container gets. Threads: any number at
 * once.
 */
#ifndef GANTRY_COMPILE_SECCOMP_CACHE_H
#define GANTRY_COMPILE_SECCOMP_CACHE_H

#include "lib/base/error.h"
#include "runtime/compile/seccomp.h"

#include <stddef.h>

#define SECCOMP_CACHE_KEY_MAX (1u << 20)

struct seccomp_cache;

/* Keeps the max most recently used filters; NULL without memory. */
struct seccomp_cache *seccomp_cache_new(size_t max);

/* Files below dir, which is made (0700) when it is not there.  The folder must belong to the caller's user
 * and be closed to others, or -EPERM.  Only files of that user with mode 0600 and whole contents are
 * believed; others are as absent and replaced. At most max files are kept, the oldest go. */
int seccomp_cache_open(const char *dir, size_t max, struct seccomp_cache **ret, struct error *err);

void seccomp_cache_free(struct seccomp_cache *cache);

/* 0 and *ret (seccomp_filter_done), or -ENOENT. */
int seccomp_cache_get(struct seccomp_cache *cache, const char *key, struct seccomp_filter *ret);

/* Keeps a copy if it can: a cache that cannot write is only slower. */
void seccomp_cache_put(struct seccomp_cache *cache, const char *key, const struct seccomp_filter *filter);

/* ---- for an implementation ------------------------------------------------------ */
struct seccomp_cache {
	int (*get)(struct seccomp_cache *cache, const char *key, struct seccomp_filter *ret);
	void (*put)(struct seccomp_cache *cache, const char *key, const struct seccomp_filter *filter);
	void (*free)(struct seccomp_cache *cache);
};

#endif
