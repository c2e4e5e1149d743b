/* SPDX-License-Identifier: Apache-2.0 */
/* Digests as text: "sha256:" and 64 lower-case hexadecimal digits (OCI image spec, descriptor.md).  Hashing
 * is elsewhere. */
#ifndef GANTRY_BASE_DIGEST_H
#define GANTRY_BASE_DIGEST_H

#include "lib/base/error.h"

#include <stdbool.h>

#define DIGEST_PREFIX  "sha256:"
#define DIGEST_HEX_LEN 64
#define DIGEST_LEN     71
#define DIGEST_SIZE    (DIGEST_LEN + 1)

/* NULL is no digest. */
bool digest_is_valid(const char *text);

/* Copies a valid digest into buf.  Errors: ERROR_INVALID; ERROR_UNSUPPORTED for another well-formed
 * algorithm. */
int digest_parse(const char *text, char buf[DIGEST_SIZE], struct error *err);

/* The digits of a valid digest, as a pointer into it. */
const char *digest_hex(const char *digest);

/* "sha256:" and the 32 bytes of a hash. */
void digest_format(const unsigned char hash[32], char buf[DIGEST_SIZE]);

#endif
