/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Where connections come from: unix sockets with a path, tcp, descriptors inherited from a service manager,
 * and connections that another process accepted (a TLS front) and hands in.  Opening and taking away only;
 * the server accepts.
 *
 * A unix path is guarded by flock(2) on "<path>.lock" for the listener's life: a socket that a dead daemon
 * left is replaced, one that lives never is.  Threads: a listener is opened and freed by one thread; once
 * given to a server it belongs to that.
 */
#ifndef GANTRY_HTTP_LISTENER_H
#define GANTRY_HTTP_LISTENER_H

#include <stdbool.h>
#include <stddef.h>
#include <sys/types.h>

#include "lib/base/error.h"

enum { LISTENER_UNIX_MAX = 16000, LISTENER_TCP_MAX = 1000 };

enum listener_kind { LISTENER_UNIX, LISTENER_TCP, LISTENER_INJECTED };

struct listener;

/* mode: of the socket's file; gid: its group, or (gid_t)-1 to leave it.  Paths longer than sun_path are bound
 * through their folder.  EADDRINUSE when somebody serves there. */
int listener_open_unix(const char *path, mode_t mode, gid_t gid, struct listener **ret, struct error *err);

/* host: an address or a name, or "" for all addresses; port: decimal.  Without allow_remote an address that
 * is not a loopback one is refused with EPERM: this protocol has no secret in it. */
int listener_open_tcp(
	const char *host, const char *port, bool allow_remote, struct listener **ret, struct error *err);

/* Takes a listening stream socket over, in every case.  It is never unlinked or shut down: it is also its
 * maker's. */
int listener_adopt(int fd, struct listener **ret, struct error *err);

/* No socket at all: for server_inject(). */
int listener_new_injected(struct listener **ret, struct error *err);

/* The descriptors that a service manager passed (sd_listen_fds(3): LISTEN_PID, LISTEN_FDS), made O_CLOEXEC;
 * the variables are removed.  They are 3 .. 3 + the returned count - 1.  Call before threads start. */
int listener_inherited(void);

/* At most n connections at a time; those beyond wait in the kernel's queue. */
void listener_set_max(struct listener *l, size_t n);

/* Another name that tcp clients may write into Host, beside addresses and "localhost" (which no rebinding of
 * names in a browser can make them send). */
int listener_allow_host(struct listener *l, const char *name);

/* "unix:///run/gantry.sock", "tcp://127.0.0.1:2375" (with the real port), "fd://3", "injected". */
const char *listener_name(const struct listener *l);
enum listener_kind listener_kind(const struct listener *l);

/* Closes; removes the path of a unix socket that is still this listener's, and its lock.  NULL is fine.
 * A listener that a server took is freed by the server. */
void listener_free(struct listener *l);

#endif
