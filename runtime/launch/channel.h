/* SPDX-License-Identifier: Apache-2.0 */
/*
 * What the launcher and the process that it cloned say to each other while the container is
 * built: small messages over a SOCK_SEQPACKET socket pair.
 */
#ifndef GANTRY_LAUNCH_CHANNEL_H
#define GANTRY_LAUNCH_CHANNEL_H

#include "runtime/launch/launch.h"

#define CHANNEL_STATE_MAX 32768

enum channel_type {
	CHANNEL_GO = 'G',      /* launcher: go on; the state for hooks may follow */
	CHANNEL_HOOKS = 'H',   /* process: mounted, before pivot_root; waits for GO */
	CHANNEL_CONSOLE = 'C', /* process: the pty master comes along */
	CHANNEL_READY = 'R',   /* process: parked */
	CHANNEL_PROCESS = 'P', /* exec: the process that went in: its pid_t, and its pidfd along with it */
	CHANNEL_ERROR = 'E',   /* process: struct launch_error; it ends */
};

/* Sends type with n bytes of data and a descriptor (-1: none).  0 or -errno. */
int channel_send(int sock, enum channel_type type, const void *data, size_t n, int fd);

/* Receives one message: its type, or 0 at the end of the stream, or -errno.  Up to size bytes go to buf,
 * *ret_n (may be NULL) says how many; *ret_fd (may be NULL) is a descriptor or -1. */
int channel_recv(int sock, void *buf, size_t size, size_t *ret_n, int *ret_fd);

#endif
