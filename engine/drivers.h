/* SPDX-License-Identifier: Apache-2.0 */
/* What drivers say, in the engine's log. */
#ifndef GANTRY_ENGINE_DRIVERS_H
#define GANTRY_ENGINE_DRIVERS_H

#include "core/plugin/registry.h"

extern const struct plugin_sink drivers_sink;

#endif
