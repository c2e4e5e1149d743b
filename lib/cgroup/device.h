/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Access to devices: OCI's rule list (config-linux.md, "Device allowlist") as writes to the v1 devices
 * controller or as a BPF_PROG_TYPE_CGROUP_DEVICE program on v2.  A later rule wins, for each kind of access
 * by itself; what no rule names is denied.
 */
#ifndef GANTRY_CGROUP_DEVICE_H
#define GANTRY_CGROUP_DEVICE_H

#include "lib/base/error.h"
#include "lib/cgroup/cgroup.h"

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

enum {
	CGROUP_DEVICE_MKNOD = 1, /* the bits are BPF_DEVCG_ACC_* */
	CGROUP_DEVICE_READ = 2,
	CGROUP_DEVICE_WRITE = 4,
	CGROUP_DEVICE_ALL = 7,
};

struct cgroup_device_rule {   /* flat: stands in launch records */
	uint8_t allow;        /* 0: deny */
	char type;            /* 'a', 'c' (or 'u'), 'b' */
	uint8_t access;       /* CGROUP_DEVICE_*, not 0 */
	int64_t major, minor; /* -1: any */
};
/* The verifier walks a number of paths that grows with the square of the rules; twice as many pass it barely,
 * and what is longer than 4096 instructions needs CAP_BPF. */
#define CGROUP_DEVICE_RULES_MAX 500

/* Turns "rwm" into bits; -EINVAL for others, an empty or over-long text. */
int cgroup_device_access(const char *text, uint8_t *ret);

/* Puts the rules in force on v1 or v2, in place of those a former call put.  No rule: nothing is done.  v1
 * cannot say every list (a part of an earlier wildcard taken back): kind UNSUPPORTED, before anything is
 * written. */
int cgroup_apply_devices(
	const struct cgroup *cg, const struct cgroup_device_rule *rules, size_t n, struct error *err);

/* ---- for tests and for who attaches programs elsewhere ---------------------- */
struct bpf_insn;

/* The program; the caller frees *ret. */
int cgroup_device_program(const struct cgroup_device_rule *rules, size_t n, struct bpf_insn **ret,
	size_t *ret_n, struct error *err);

/* Loads it: a descriptor or -errno. */
int cgroup_device_load(const struct bpf_insn *insns, size_t n, struct error *err);

/* One line for devices.allow / devices.deny. */
int cgroup_device_line(const struct cgroup_device_rule *rule, char *buf, size_t size);

/* 0 when the v1 controller can express the list; without a total rule ("a *:* rwm") it starts from "nothing".
 */
int cgroup_device_check_v1(const struct cgroup_device_rule *rules, size_t n, struct error *err);

#endif
