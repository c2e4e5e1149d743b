/* SPDX-License-Identifier: Apache-2.0 */
/* A spec under way, as the files of its parts see it. */
#ifndef GANTRY_ENGINE_CONTAINER_SPEC_STATE_H
#define GANTRY_ENGINE_CONTAINER_SPEC_STATE_H

#include "engine/container/spec.h"
#include "lib/json/json.h"

#include <stdbool.h>
#include <stdint.h>

/* One spec under way. */
struct spec {
	const struct spec_facts *f;
	struct error *err;
	struct json *oci, *process, *linux_;
	bool privileged;
	uint64_t caps;
};

/* A text of HostConfig, "" when it is not there; likewise false, fallback. */
const char *spec_text(const struct json *o, const char *key);
const char *spec_host_text(const struct spec *s, const char *key);
bool spec_host_bool(const struct spec *s, const char *key);
int64_t spec_host_int(const struct spec *s, const char *key, int64_t fallback);

/* The parts: mounts; linux.resources with devices. */
int spec_add_mounts(struct spec *s);
int spec_add_resources(struct spec *s);

#endif
