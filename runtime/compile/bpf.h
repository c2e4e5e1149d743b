/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Classic BPF as seccomp(2) uses it: an interpreter, and the rewriting of a filter so that a call whose
 * answer hangs on architecture and number alone is answered by a binary search over ranges of numbers.
 * libseccomp says what a profile means; this file only makes its filters short and quick to load (the
 * kernel walks a filter once for each number it knows when it is loaded).
 */
#ifndef GANTRY_COMPILE_BPF_H
#define GANTRY_COMPILE_BPF_H

#include "lib/base/error.h"

#include <linux/filter.h>
#include <linux/seccomp.h>
#include <stddef.h>
#include <stdint.h>

/* Numbers of one architecture from `first` to `last` whose answer would be `from` answer `to` instead. */
struct bpf_override {
	uint32_t arch; /* AUDIT_ARCH_* */
	uint32_t first, last;
	uint32_t from, to; /* SECCOMP_RET_* with data */
};

/* Runs a filter on one call.  0 and *ret_action, or -EINVAL for a program that the kernel would refuse. */
int bpf_run(
	const struct sock_filter *filter, size_t n, const struct seccomp_data *call, uint32_t *ret_action);

/* The same filter as ranges with the overrides laid over it; *ret (caller frees) answers every call as
 * `filter` does apart from the overrides.  archs: the AUDIT_ARCH_* that the filter tells apart.  A filter
 * with instructions that libseccomp does not make is refused with -ENOTSUP, one that grows over BPF_MAXINSNS
 * with -E2BIG. */
int bpf_flatten(const struct sock_filter *filter, size_t n, const uint32_t *archs, size_t narchs,
	const struct bpf_override *overrides, size_t noverrides, struct sock_filter **ret, size_t *ret_n,
	struct error *err);

#endif
