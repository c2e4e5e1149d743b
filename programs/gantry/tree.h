/* SPDX-License-Identifier: Apache-2.0 */
/* All commands of gantry. */
#ifndef GANTRY_PROGRAMS_GANTRY_TREE_H
#define GANTRY_PROGRAMS_GANTRY_TREE_H

#include "lib/base/options.h"

/* Built by the first call, the program's for its life.  Not for several threads. */
const struct command *tree_root(void);

#endif
