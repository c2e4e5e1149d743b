/* SPDX-License-Identifier: Apache-2.0 */
/*
 * What gantry could leave behind on a host, as one sorted list of lines, each a kind and a text:
 *   mount, link, netns (inode, of processes there are), cgroup, nft, route, rule, loop, dm, file (under given
 * roots), process, thread and descriptor (of programs called gantry*). Two lists taken before and after
 * something are compared; a line may be there more than once. Seen from the namespaces of the caller.
 */
#ifndef GANTRY_TESTS_HOSTSTATE_H
#define GANTRY_TESTS_HOSTSTATE_H

#include "lib/base/error.h"

#include <stddef.h>
#include <stdio.h>

struct hoststate {
	char **lines;
	size_t n, size;
};

/* What to look at besides what the host has one of. */
struct hoststate_scope {
	const char *const *roots; /* folders to list files of, NULL-ended; or NULL */
	const char *world; /* cgroup folder of the caller's world: those of other worlds, whose tests run
			      beside this one, are left out; NULL: all are listed */
};

int hoststate_take(const struct hoststate_scope *scope, struct hoststate **ret, struct error *err);
void hoststate_free(struct hoststate *state);

/* Prints "left: LINE" for what is only in after, "gone: LINE" for what is only in before.  Returns their
 * number. */
size_t hoststate_compare(const struct hoststate *before, const struct hoststate *after, FILE *out);

/* Takes the state again and again until it equals before, for at most the given seconds: namespaces and their
 * links end after the processes that held them.  Prints the last differences.  *ret_differences is their
 * number. */
int hoststate_check(const struct hoststate *before, const struct hoststate_scope *scope, int seconds,
	FILE *out, size_t *ret_differences, struct error *err);

/* One line a line of the file. */
int hoststate_save(const struct hoststate *state, const char *path, struct error *err);
int hoststate_load(const char *path, struct hoststate **ret, struct error *err);

/* For the collectors: appends a formatted line (newlines in it become spaces).  -ENOMEM. */
int hoststate_add(struct hoststate *state, const char *fmt, ...) __attribute__((format(printf, 2, 3)));

#endif
