/* SPDX-License-Identifier: Apache-2.0 */
/* What a container's Config is when the request and the image are both heard (moby 28.5: runconfig merge). */
#ifndef GANTRY_ENGINE_CONTAINER_MERGE_H
#define GANTRY_ENGINE_CONTAINER_MERGE_H

#include "lib/base/error.h"

struct json;

/* asked: normalized; image: the document's "config", or NULL.  *ret is normalized, with the host name that id
 * gives where none was asked.  INVALID "no command specified". */
int merge_image(const struct json *asked, const struct json *image, const char *id, struct json **ret,
	struct error *err);

#endif
