/* SPDX-License-Identifier: Apache-2.0 */
/* "ctrl-p,ctrl-q": the keys that detach a terminal. */
#ifndef GANTRY_ROUTES_DETACH_KEYS_H
#define GANTRY_ROUTES_DETACH_KEYS_H

#include "lib/base/error.h"
#include "lib/proto/shim.h"

#include <stddef.h>

/* text NULL or "": ctrl-p,ctrl-q.  INVALID for what is no list of keys. */
int detach_keys_parse(const char *text, char ret[PROTO_KEYS_MAX], size_t *ret_n, struct error *err);

#endif
