/* SPDX-License-Identifier: Apache-2.0 */
/* The collectors behind hoststate_take: each reads one corner of the host and adds its lines. */
#ifndef GANTRY_TESTS_HOSTSTATE_COLLECT_H
#define GANTRY_TESTS_HOSTSTATE_COLLECT_H

#include "tests/support/hoststate.h"

/* 0, or -ENOMEM; what cannot be read (a process that has just ended, a tool that is not installed) adds
 * nothing. */
int hoststate_collect(struct hoststate *state, const struct hoststate_scope *scope);

#endif
