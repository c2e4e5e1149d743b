/* SPDX-License-Identifier: Apache-2.0 */
/* Identifiers of containers, networks, execs: 64 lower-case hexadecimal digits, 12 in the short form. */
#ifndef GANTRY_BASE_ID_H
#define GANTRY_BASE_ID_H

#include <stdbool.h>
#include <stddef.h>

#define ID_LEN        64
#define ID_SIZE       (ID_LEN + 1)
#define ID_SHORT_LEN  12
#define ID_SHORT_SIZE (ID_SHORT_LEN + 1)

/* A new random id from the kernel's generator; its short form is never all digits (as Docker: it may become a
 * host name).  Aborts when the kernel has no random numbers, which it always has after boot. */
void id_new(char buf[ID_SIZE]);

/* n random digits, n even, and a NUL: suffixes, instance marks. */
void id_random(char *buf, size_t n);

/* True for 64 lower-case hexadecimal digits; NULL is no id. */
bool id_is_valid(const char *text);
/* True for 1 to 64 of them: what may be the beginning of an id. */
bool id_is_prefix(const char *text);

/* The first 12 digits of an id. */
void id_short(const char *id, char buf[ID_SHORT_SIZE]);

#endif
