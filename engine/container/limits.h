/* SPDX-License-Identifier: Apache-2.0 */
/* What Docker checks of the limits in HostConfig, and what it leaves out with a warning where the kernel
 * lacks it (docker 28.5: daemon/daemon_unix.go, verifyPlatformContainerResources). */
#ifndef GANTRY_ENGINE_CONTAINER_LIMITS_H
#define GANTRY_ENGINE_CONTAINER_LIMITS_H

#include "lib/base/error.h"

struct engine;
struct json;

/* host_config loses what cannot be kept; a sentence for each goes to warnings. */
int limits_check(
	const struct engine *engine, struct json *host_config, struct json *warnings, struct error *err);

#endif
