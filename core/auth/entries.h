/* SPDX-License-Identifier: Apache-2.0 */
/* The entries of auth drivers by number, for the front, the contract suite and messages. */
#ifndef GANTRY_CORE_AUTH_ENTRIES_H
#define GANTRY_CORE_AUTH_ENTRIES_H

#include "core/plugin/kind.h"

#include <gantry/auth.h>

enum auth_entry {
	AUTH_STATUS = ENTRY_FIRST,
	AUTH_AUTHENTICATE,
	AUTH_AUTHORIZE,
	AUTH_AUTHORIZE_REPLY,
	AUTH_FILTER,
	AUTH_ENTRIES,
};

#endif
