/* SPDX-License-Identifier: Apache-2.0 */
/* Whether an event is what the filters ask for, as dockerd 28.5 decides it.  Only for this folder. */
#ifndef GANTRY_ENGINE_EVENTS_MATCH_H
#define GANTRY_ENGINE_EVENTS_MATCH_H

#include <stdbool.h>

struct filters;
struct json;

struct match_facts {
	const char *type, *action, *id;
	const struct json *attributes;
};

bool match_event(const struct filters *filters, const struct match_facts *event);

#endif
