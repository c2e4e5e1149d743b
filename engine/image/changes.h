/* SPDX-License-Identifier: Apache-2.0 */
/* `docker import --change`: lines of a Dockerfile that change an image's configuration. */
#ifndef GANTRY_ENGINE_IMAGE_CHANGES_H
#define GANTRY_ENGINE_IMAGE_CHANGES_H

#include "lib/base/error.h"

#include <stddef.h>

struct json;

/* *ret: an image's Config.  CMD, ENTRYPOINT, ENV, EXPOSE, LABEL, ONBUILD, STOPSIGNAL, USER, VOLUME, WORKDIR;
 * everything else is INVALID by its name. */
int changes_parse(const char *const *lines, size_t n, struct json **ret, struct error *err);

#endif
