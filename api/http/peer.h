/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Who is at the other end of a connection, as far as kernel or TLS front know.  Collected when asked for,
 * not at accept.  Credentials of a unix socket are those of connect(2) time: the pid may be gone or reused,
 * the pidfd (kernel 6.5) is not.  Threads: a record belongs to the thread that runs its connection.
 */
#ifndef GANTRY_HTTP_PEER_H
#define GANTRY_HTTP_PEER_H

#include <stdbool.h>
#include <stddef.h>
#include <sys/types.h>

enum peer_kind { PEER_UNIX, PEER_TCP, PEER_TLS };

struct peer {
	enum peer_kind kind;
	/* PEER_UNIX; pid 0 and ids -1 where unknown.  groups are the supplementary ones. */
	pid_t pid;
	uid_t uid;
	gid_t gid;
	gid_t *groups;
	size_t ngroups;
	int pidfd; /* -1 until peer_pidfd() */
	/* PEER_TCP, PEER_TLS: "192.0.2.1:4711", "[::1]:4711" */
	char address[64];
	/* PEER_TLS: of the client's certificate, empty without one */
	char subject[256];     /* common name */
	char fingerprint[128]; /* SHA-256, hexadecimal */
};

/* Asks the kernel about a connected socket.  Returns a new record, or NULL without memory. */
struct peer *peer_new(int sock);
/* A copy of facts that a TLS front gave. */
struct peer *peer_dup(const struct peer *facts);
void peer_free(struct peer *p);

/* A descriptor of the peer's process, opened at the first call and owned by the record; -1 where
 * kernel or socket have none. */
int peer_pidfd(struct peer *p, int sock);

bool peer_has_group(const struct peer *p, gid_t gid);

#endif
