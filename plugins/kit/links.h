/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Short names for layers: a folder of symbolic links with names of four characters.  mount(2)
 * takes 4095 bytes of options, so a tree of 500 layers can only be named this way.
 */
#ifndef GANTRY_KIT_LINKS_H
#define GANTRY_KIT_LINKS_H

#include "lib/base/error.h"

#include <stdbool.h>

#define KIT_LINK_LEN 4

bool kit_link_valid(const char *name);

/* Makes a link with a name of its own to target and tells the name. */
int kit_link_create(int dirfd, const char *target, char ret_name[KIT_LINK_LEN + 1], struct error *err);

#endif
