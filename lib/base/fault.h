/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Fault points: named places where a test stops the program dead or makes a step fail.
 * Compiled in with GANTRY_FAULT_POINTS alone; without it fault_point() is the constant 0.
 *
 * The environment says what happens, once in the life of the process:
 *     GANTRY_FAULT=NAME[:N][:ACTION]
 * The Nth pass (default 1) of the point NAME does ACTION:
 *     kill      SIGKILL to the process itself (the default)
 *     exit      _exit(99), no handlers
 *     stop      SIGSTOP to the process itself; the pass goes on after SIGCONT
 *     errno=E   fault_point() answers E, a positive errno number
 * A name that is not in fault-points.def, or a malformed text, ends the program at its first fault point with
 * a message: a test that tests nothing must not pass.  Threads: any; passes are counted over all of them.
 */
#ifndef GANTRY_BASE_FAULT_H
#define GANTRY_BASE_FAULT_H

#ifdef GANTRY_FAULT_POINTS
/* 0, or the errno to fail with.  Most points ignore the answer: they exist to be killed at. */
int fault_point(const char *name);
#else
static inline int fault_point(const char *name)
{
	(void)name;
	return 0;
}
#endif

/* All names of fault-points.def, ended by NULL. */
extern const char *const fault_names[];

#endif
