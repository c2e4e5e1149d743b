/* SPDX-License-Identifier: Apache-2.0 */
/* The groups that may use the socket.  NSS has no place in a driver's entry: it may block, fork or load code.
 */
#ifndef GANTRY_PEERCRED_GROUPS_H
#define GANTRY_PEERCRED_GROUPS_H

#include "lib/base/error.h"

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#define GROUPS_MAX 64

struct groups {
	uint32_t v[GROUPS_MAX];
	size_t n;
};

/* Adds the numbers of a list such as "27,1000". */
int groups_add_list(struct groups *groups, const char *list, struct error *err);

/* Adds the group's number as a file like /etc/group has it.  NOT_FOUND when the file has no such group. */
int groups_add_name(struct groups *groups, const char *file, const char *name, struct error *err);

bool groups_has(const struct groups *groups, uint32_t gid);

#endif
