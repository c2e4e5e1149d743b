/* SPDX-License-Identifier: Apache-2.0 */
/*
 * OCI's linux.seccomp -> the BPF that seccomp(2) loads.  libseccomp gives the rules their meaning (as in
 * runc); bpf.h makes the result short.  As in runc too:
 *   - names that libseccomp does not know are passed over, and so are rules whose action is the default one;
 *   - a rule that tests one argument twice is one rule for each test (any of them fits), else all tests must
 * fit;
 *   - without `flags`, speculation control is left alone (SECCOMP_FILTER_FLAG_SPEC_ALLOW) where the kernel
 * can;
 *   - calls newer than all that the profile names answer ENOSYS in place of a refusing default action, so
 * that C libraries fall back to older ones instead of giving up on EPERM;
 *   - other architectures than the named ones kill the thread.
 * A multiplexed call (socketcall of x86) is allowed whole when a profile allows one call behind it: its
 * arguments lie in memory, where no filter can look.
 */
#ifndef GANTRY_COMPILE_SECCOMP_H
#define GANTRY_COMPILE_SECCOMP_H

#include "lib/base/error.h"

#include <linux/filter.h>
#include <stddef.h>
#include <stdint.h>

struct json;
struct field;

struct seccomp_filter {
	struct sock_filter *insns; /* freed by seccomp_filter_done() */
	size_t n;
	uint32_t flags; /* SECCOMP_FILTER_FLAG_* */
};

void seccomp_filter_done(struct seccomp_filter *filter);

/* Compiles (7 to 11 ms for a profile of Docker's size: see seccomp_cache.h). */
int seccomp_compile(const struct field *profile, struct seccomp_filter *ret);

#endif
