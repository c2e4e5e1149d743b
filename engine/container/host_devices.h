/* SPDX-License-Identifier: Apache-2.0 */
/* Devices of the host for a container (docker 28.5: daemon/oci_utils.go, opencontainers/runc/libcontainer
 * devices). */
#ifndef GANTRY_ENGINE_CONTAINER_HOST_DEVICES_H
#define GANTRY_ENGINE_CONTAINER_HOST_DEVICES_H

#include "lib/base/error.h"

struct json;

#define HOST_DEVICES_MAX 1024

/* Adds the device (or all devices in the folder) host as path to linux.devices, and what may be done with it
 * to the rules of linux.resources.devices.  access: letters of "rwm".  INVALID when it is not there. */
int host_devices_add(struct json *devices, struct json *rules, const char *host, const char *path,
	const char *access, struct error *err);

/* All of /dev but terminals and what each container has of its own. */
int host_devices_add_all(struct json *devices, struct error *err);

/* "c 1:3 rwm", "b *:* m", "a *:* rwm" as a rule. */
int host_devices_add_rule(struct json *rules, const char *text, struct error *err);

/* The numbers of a block device: its own, or of the whole disk. */
int host_devices_numbers(const char *path, unsigned *major, unsigned *minor, struct error *err);

#endif
