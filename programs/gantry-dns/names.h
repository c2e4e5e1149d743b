/* SPDX-License-Identifier: Apache-2.0 */
/* The names of networks: each a table that is replaced as a whole. */
#ifndef GANTRY_DNS_NAMES_H
#define GANTRY_DNS_NAMES_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

struct names;

/* Lines "NAME ADDRESS"; lines that are none are passed over.  NULL: no memory. */
struct names *names_read(const char *text, size_t n);
void names_free(struct names *names); /* NULL is allowed */

/* Fills at most max addresses (network byte order), returns how many there are. */
size_t names_find(const struct names *names, const char *name, uint32_t *ret, size_t max);
/* The first name of an address; NULL: none. */
const char *names_reverse(const struct names *names, uint32_t address);

#endif
