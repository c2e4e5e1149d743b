/* SPDX-License-Identifier: Apache-2.0 */
/* Sizes as text, as docker/go-units reads and writes them. */
#ifndef GANTRY_BASE_SIZE_H
#define GANTRY_BASE_SIZE_H

#include <stdint.h>

#define SIZE_TEXT 32

/* "64m", "1g", "1.5GiB", "512 kB", "1024": k, m, g, t, p are powers of 1024 whatever follows (RAMInBytes).
 * -EINVAL: no size, or negative; -ERANGE: beyond int64_t. */
int size_parse(const char *text, int64_t *ret);

/* "1.5GiB" (BytesSize), "1.611GB" (HumanSize), "1.61GB" (three digits: image lists).  Return buf. */
char *size_binary(int64_t bytes, char buf[SIZE_TEXT]);
char *size_decimal(int64_t bytes, char buf[SIZE_TEXT]);
char *size_decimal3(int64_t bytes, char buf[SIZE_TEXT]);

#endif
