/* SPDX-License-Identifier: Apache-2.0 */
/* Between the files of engine/state alone. */
#ifndef GANTRY_ENGINE_STATE_THREADS_H
#define GANTRY_ENGINE_STATE_THREADS_H

struct state;

const char *state_path(const struct state *state);

#endif
