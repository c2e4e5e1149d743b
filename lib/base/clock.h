/* SPDX-License-Identifier: Apache-2.0 */
/* Clocks in nanoseconds, and waits against a deadline.  Safe from any thread. */
#ifndef GANTRY_BASE_CLOCK_H
#define GANTRY_BASE_CLOCK_H

#include <stdint.h>

#define CLOCK_MS INT64_C(1000000)
#define CLOCK_S  INT64_C(1000000000)

/* CLOCK_MONOTONIC / CLOCK_REALTIME (since the epoch). */
int64_t clock_mono_ns(void);
int64_t clock_real_ns(void);

/* Milliseconds until a monotonic deadline, rounded up, for poll(2): 0 when it is past. */
int clock_poll_ms(int64_t deadline_ns);

#endif
