/* SPDX-License-Identifier: Apache-2.0 */
/* It reads what containers send: no files, no privileges, no system calls but those of its loop. */
#ifndef GANTRY_DNS_CONFINE_H
#define GANTRY_DNS_CONFINE_H

/* 0 or -errno. */
int confine(void);

#endif
