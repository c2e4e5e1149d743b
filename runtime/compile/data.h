/* SPDX-License-Identifier: Apache-2.0 */
/* The files of data/ inside the program: JSON texts that end in NUL. */
#ifndef GANTRY_COMPILE_DATA_H
#define GANTRY_COMPILE_DATA_H

/* Docker's default seccomp profile (Engine 28.5), with its includes and excludes. */
extern const char data_seccomp_default[];
/* The configuration that `gantry-runtime spec` prints. */
extern const char data_config[];

#endif
