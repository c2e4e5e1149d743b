/* SPDX-License-Identifier: Apache-2.0 */
/* Members of an object being built: the one that is there, or a new one. */
#ifndef GANTRY_PROGRAMS_GANTRY_MEMBERS_H
#define GANTRY_PROGRAMS_GANTRY_MEMBERS_H

struct json;

/* Borrowed, NULL without memory. */
struct json *members_object(struct json *in, const char *key);
struct json *members_array(struct json *in, const char *key);

#endif
