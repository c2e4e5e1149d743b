/* SPDX-License-Identifier: Apache-2.0 */
/* Private to api/http: the pump of a server. */
#ifndef GANTRY_HTTP_PUMP_STATE_H
#define GANTRY_HTTP_PUMP_STATE_H

struct pump;
struct server;

int pump_new(struct server *s, struct pump **ret);
/* Ends all detached answers and the thread; none can be detached afterwards. */
void pump_stop(struct pump *pump);
void pump_free(struct pump *pump);

#endif
