/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Descriptors: whole reads and writes, bounded small files, passing over unix sockets.
 * Every descriptor made here is O_CLOEXEC.  EINTR is retried.  Returns are 0, a count or
 * a descriptor, or a negative errno; no function here fills a struct error.
 */
#ifndef GANTRY_BASE_FD_H
#define GANTRY_BASE_FD_H

#include <stdbool.h>
#include <stddef.h>
#include <sys/types.h>

/* Writes all n bytes. */
int fd_write_all(int fd, const void *data, size_t n);

/* Reads until n bytes or the end of the file; returns the count. */
ssize_t fd_read_full(int fd, void *buf, size_t n);

/* Reads a file of at most max bytes into a new NUL-ended buffer (caller frees); *ret_len may be NULL.
 * -EFBIG when it is larger.  dirfd and path as in openat. */
int fd_read_file(int dirfd, const char *path, size_t max, char **ret, size_t *ret_len);

/* Opens path for writing (no creation), writes text in one write(2), closes: for /proc, /sys and cgroup
 * files. */
int fd_write_file(int dirfd, const char *path, const char *text);

/* Creates or replaces path by writing path.tmp and renaming; fsyncs file and folder when durable. */
int fd_replace_file(int dirfd, const char *path, const void *data, size_t n, mode_t mode, bool durable);

/* One message with up to FD_PASS_MAX descriptors over a unix socket.  flags: MSG_DONTWAIT or 0 (MSG_NOSIGNAL
 * is added). Returns the bytes sent. */
#define FD_PASS_MAX 250
ssize_t fd_send(int sock, const void *data, size_t n, const int *fds, size_t nfds, int flags);

/* Receives one message; at most *nfds descriptors are stored into fds and *nfds is set to their count.
 * More than that, or a cut message: all received descriptors are closed, -EMSGSIZE.  0: the peer closed. */
ssize_t fd_recv(int sock, void *buf, size_t n, int *fds, size_t *nfds, int flags);

/* Opens /proc/self/fd/FD again with flags (O_CLOEXEC is added): turns O_PATH into a usable descriptor. */
int fd_reopen(int fd, int flags);

#endif
