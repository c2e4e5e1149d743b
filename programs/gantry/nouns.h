/* SPDX-License-Identifier: Apache-2.0 */
/* What the verbs of volumes and networks do alike. */
#ifndef GANTRY_PROGRAMS_GANTRY_NOUNS_H
#define GANTRY_PROGRAMS_GANTRY_NOUNS_H

#include "programs/gantry/cli.h"

#include <stdbool.h>

struct json;

/* "key=value" texts into an object of strings under `key` of body; nothing when there are none.  A text
 * without '=' has the value "". */
int nouns_set_map(struct json *body, const char *key, const struct option_list *list, struct error *err);

/* Asks "WARNING! ... [y/N]" unless force; false: the answer was no. */
bool nouns_confirm(const char *warning, bool force);

/* Removes each argument by DELETE /kind/NAME; prints those that went. */
int nouns_remove(const struct command_call *call, const char *kind, bool force);

/* POST /kind/prune; prints what the answer lists under `key`. */
int nouns_prune(const struct command_call *call, const char *kind, const char *key, const char *title,
	const struct option_list *filters, bool tell_space);

/* "a=1,b=2" of the object's strings, as Docker's lists show labels. */
const char *nouns_labels(const struct json *labels, struct str *out);

#endif
