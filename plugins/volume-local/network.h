/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Network file systems.  The kernel wants the server's address as a number, and finding a name's needs the
 * network, which no driver may wait for: it has to be written as one.
 */
#ifndef GANTRY_LOCAL_NETWORK_H
#define GANTRY_LOCAL_NETWORK_H

#include "plugins/volume-local/spec.h"

bool network_is_type(const char *type);

/* Checks the address in the options, or adds the one that the device names. */
int network_complete(struct spec *spec, struct error *err);

#endif
