/* SPDX-License-Identifier: Apache-2.0 */
/* The addresses of -H as listeners of the server. */
#ifndef GANTRY_GANTRYD_LISTEN_H
#define GANTRY_GANTRYD_LISTEN_H

#include "api/http/server.h"
#include "lib/base/error.h"

struct config;

/* "unix://PATH", "tcp://HOST:PORT" (loopback only), "fd://" (sockets that the service manager passed;
 * `inherited` of them). Opens all, or none. */
int listen_all(const struct config *config, int inherited, struct server *server, struct error *err);

#endif
