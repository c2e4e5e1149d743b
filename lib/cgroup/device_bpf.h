/* SPDX-License-Identifier: Apache-2.0 */
/* Shared by the two sides of device access.  Internal to lib/cgroup. */
#ifndef GANTRY_CGROUP_DEVICE_BPF_H
#define GANTRY_CGROUP_DEVICE_BPF_H

#include "lib/cgroup/device.h"

/* Bounds and letters of a rule list. */
int cgroup_device_check(const struct cgroup_device_rule *rules, size_t n, struct error *err);

/* The rule decides everything before it: "a *:* rwm". */
bool cgroup_device_is_total(const struct cgroup_device_rule *rule);

/* Builds and loads the program and puts it on a v2 directory in place of those there. */
int cgroup_device_attach(int dir, const struct cgroup_device_rule *rules, size_t n, struct error *err);

#endif
