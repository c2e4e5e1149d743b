/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Messages between gantry-shim and who starts it, over a SOCK_SEQPACKET socket pair: one struct a
 * message, some with bytes behind, descriptors beside.  Native byte order; the major number of both sides
 *must be equal, types of a later minor are answered with PROTO_SHIM_REFUSED.
 *
 *	starter                             shim
 *	LAUNCH {record, descriptors}  ->
 *	                              <-    HOOKS {pid}            only when the record asks for it
 *	GO {OCI state}                ->
 *	                              <-    CREATED {pid} + pidfd [+ pty master]   or   FAILED {launch_error}
 *
 * A one-shot shim ends after its last message: the container's process is then its starter's child.
 */
#ifndef GANTRY_PROTO_SHIM_H
#define GANTRY_PROTO_SHIM_H

#include <stddef.h>
#include <stdint.h>
#include <sys/types.h>

#define PROTO_SHIM_MAGIC   UINT32_C(0x53595447)
#define PROTO_SHIM_MAJOR   1
#define PROTO_SHIM_MINOR   0
#define PROTO_SHIM_FD      3 /* where a shim finds its socket */
#define PROTO_SHIM_FDS_MAX 250

enum proto_shim_type {
	PROTO_SHIM_LAUNCH = 1,
	PROTO_SHIM_HOOKS = 2,
	PROTO_SHIM_GO = 3,
	PROTO_SHIM_CREATED = 4,
	PROTO_SHIM_FAILED = 5,
	PROTO_SHIM_REFUSED = 6,
};

struct proto_shim_head {
	uint32_t magic;
	uint16_t major, minor;
	uint32_t type; /* enum proto_shim_type */
	uint32_t size; /* of the whole message */
};

#define PROTO_LAUNCH_ONESHOT (UINT32_C(1) << 0) /* the only mode of this minor */
#define PROTO_LAUNCH_EXEC    (UINT32_C(1) << 1) /* into the container of the target pidfd */
#define PROTO_LAUNCH_LISTENS (UINT32_C(1) << 2) /* the park socket is a listening one */

/* Behind it: the cgroup layout, then the launch record, 8-aligned.
 * Descriptors in order: the record's, stdin, stdout, stderr, then the park socket or the target's pidfd. */
struct proto_shim_launch {
	struct proto_shim_head head;
	uint32_t flags, record_fds;
	uint32_t layout_size, record_size;
	int32_t target_pid;
	uint32_t reserved;
};

struct proto_shim_pid { /* HOOKS, CREATED */
	struct proto_shim_head head;
	int32_t pid;
	uint32_t reserved;
};

/* Fills a head. */
struct proto_shim_head proto_shim_head(enum proto_shim_type type, size_t size);

/* Sends a message of two parts (the second may be empty) with its descriptors; the socket's buffer is made
 * large enough. 0 or -errno. */
int proto_shim_send(
	int sock, const void *a, size_t an, const void *b, size_t bn, const int *fds, size_t nfds);

/* Receives one message into buf (8-aligned) and checks its head: its type, 0 at the end of the stream, or
 * -errno
 * (-EPROTO: not a message of this major).  *nfds as in fd_recv. */
int proto_shim_recv(int sock, void *buf, size_t size, int *fds, size_t *nfds);

#endif
