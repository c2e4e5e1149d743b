/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The files inside a cgroup directory: bounded reads, strict numbers, one write a value.
 * Internal to lib/cgroup.  0 or -errno; a removed cgroup answers -ENODEV or -ENOENT.
 */
#ifndef GANTRY_CGROUP_FILE_H
#define GANTRY_CGROUP_FILE_H

#include <stddef.h>
#include <stdint.h>
#include <sys/types.h>

#define CGROUP_FILE_MAX (1024 * 1024)

/* A short file into buf, NUL-ended, its last newline removed; the length, or -EFBIG when it does not fit. */
ssize_t cgroup_file_read(int dir, const char *name, char *buf, size_t size);

/* One write(2); also sound in a child after clone. */
int cgroup_file_write(int dir, const char *name, const char *value);

/* One decimal number; "max" and v1's "no limit" numbers (near INT64_MAX) are UINT64_MAX. */
int cgroup_file_number(int dir, const char *name, uint64_t *ret);

/* Finds "key number" in a text of such lines; -ENOENT when the key is not there. */
int cgroup_text_number(const char *text, const char *key, uint64_t *ret);

/* The same in a file of at most 8 kB. */
int cgroup_file_key(int dir, const char *name, const char *key, uint64_t *ret);

/* A decimal number at *text, without sign; *text moves behind it.  -EINVAL, -ERANGE. */
int cgroup_text_digits(const char **text, uint64_t *ret);

#endif
