/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Published ports: what is asked for, read from HostConfig.PortBindings and Config.ExposedPorts, and host
 * ports reserved by sockets that are bound and never listen.  Such a socket keeps every other program of the
 * host away and is passed to the container's shim, so that the reservation outlives gantryd.
 */
#ifndef GANTRY_ENGINE_NET_PORTS_H
#define GANTRY_ENGINE_NET_PORTS_H

#include "lib/base/error.h"

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

struct json;
struct str;

/* ---- asked for ----------------------------------------------------------------------- */
#define PORTS_MAX 65536 /* of a container */

struct port_ask {
	uint8_t proto; /* IPPROTO_TCP, _UDP, _SCTP */
	uint16_t container;
	uint16_t low, high; /* of the host: one of these; 0: any */
	uint32_t host_ip;   /* 0: any, or --ip */
	bool has_ip;
};
struct port_asks {
	struct port_ask *v;
	size_t n;
	struct { /* EXPOSE and the like, with those that are published, in the order of the text */
		uint8_t proto;
		uint16_t port;
	} * exposed;
	size_t exposed_n;
};

/* bindings, exposed: objects or NULL.  all: -P.  warnings: an array or NULL.  ERROR_INVALID in Docker's
 * words. */
int ports_read(const struct json *bindings, const struct json *exposed, bool all, struct json *warnings,
	struct port_asks *ret, struct error *err);
void ports_done(struct port_asks *asks);

/* "80", "80/tcp", "8000-8010/udp".  -EINVAL. */
int ports_parse(const char *text, uint8_t *ret_proto, uint16_t *ret_low, uint16_t *ret_high);
const char *ports_proto_name(uint8_t proto);

/* ---- reserved --------------------------------------------------------------------------- */
struct port_held {
	uint8_t proto;
	uint16_t container, host;
	uint32_t host_ip;
	int fd; /* the bound socket; -1 once it is the shim's, or for a protocol that the kernel has no
		   sockets of */
};

/* Binds one of low..high (0: any of the host's ephemeral range) of an address.  -EADDRINUSE: taken; other
 * errors of socket(2), bind(2). *next: where the search for any port begins; kept by the caller. */
int ports_bind(const struct port_ask *ask, uint32_t host_ip, uint16_t *next, struct port_held *ret);

#endif
