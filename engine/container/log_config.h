/* SPDX-License-Identifier: Apache-2.0 */
/* HostConfig.LogConfig: the drivers json-file and none, and their options. */
#ifndef GANTRY_ENGINE_CONTAINER_LOG_CONFIG_H
#define GANTRY_ENGINE_CONTAINER_LOG_CONFIG_H

#include "lib/base/error.h"

#include <stdbool.h>
#include <stdint.h>

struct json;

struct log_config {
	bool none;
	uint64_t file_size; /* bytes after which a new file begins */
	unsigned files;     /* kept, the present one counted */
};

/* Without max-size a log is rotated at 100 MiB, five files: a container that nobody watches fills no disk.
 * INVALID for options that are not json-file's; UNSUPPORTED for drivers and options that are not built. */
int log_config_read(const struct json *config, struct log_config *ret, struct error *err);

#endif
