/* SPDX-License-Identifier: Apache-2.0 */
#include "api/http/listener.h"

#include <arpa/inet.h>
#include <errno.h>
#include <fcntl.h>
#include <libgen.h>
#include <netdb.h>
#include <netinet/in.h>
#include <netinet/tcp.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>
#include <sys/file.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/un.h>
#include <unistd.h>

#include "api/http/listener_state.h"
#include "lib/base/cleanup.h"
#include "lib/base/path.h"

enum { BACKLOG = 4096, INHERITED_FIRST = 3 };

static struct listener *allocate(enum listener_kind kind, size_t max, struct error *err)
{
	struct listener *l = calloc(1, sizeof *l);

	if (!l) {
		error_sys(err, ENOMEM, "cannot listen");
		return NULL;
	}
	l->source = (struct source){ .kind = SOURCE_LISTENER, .fd = -1 };
	l->kind = kind;
	l->max = max;
	l->lock = -1;
	return l;
}

/* ---- unix ------------------------------------------------------------------- */

/* Fills address with path; a long one goes through its opened folder, which the caller closes (*ret_dir). */
static int unix_address(const char *path, struct sockaddr_un *address, int *ret_dir)
{
	*address = (struct sockaddr_un){ .sun_family = AF_UNIX };
	*ret_dir = -1;
	if (strlen(path) < sizeof address->sun_path) {
		strncpy(address->sun_path, path, sizeof address->sun_path - 1);
		return 0;
	}
	auto_free char *copy = strdup(path);
	if (!copy)
		return -ENOMEM;
	auto_close int dir = open(dirname(copy), O_PATH | O_DIRECTORY | O_CLOEXEC);
	if (dir < 0)
		return -errno;
	int r = path_format(
		address->sun_path, sizeof address->sun_path, "/proc/self/fd/%d/%s", dir, path_base(path));
	if (r < 0)
		return r;
	*ret_dir = take_fd(dir);
	return 0;
}

static int lock_path(struct listener *l, struct error *err)
{
	struct stat ours, there;

	if (asprintf(&l->lock_path, "%s.lock", l->path) < 0) {
		l->lock_path = NULL;
		return error_sys(err, ENOMEM, "cannot listen on '%s'", l->path);
	}
	for (;;) {
		auto_close int fd = open(l->lock_path, O_RDWR | O_CREAT | O_CLOEXEC | O_NOFOLLOW, 0600);
		if (fd < 0)
			return error_sys(err, errno, "cannot open '%s'", l->lock_path);
		if (flock(fd, LOCK_EX | LOCK_NB) < 0) {
			if (errno != EWOULDBLOCK)
				return error_sys(err, errno, "cannot lock '%s'", l->lock_path);
			return error_set(err, ERROR_CONFLICT, EADDRINUSE,
				"cannot listen on '%s': another daemon serves there", l->path);
		}
		/* The last holder may have removed the file between our open and our lock. */
		if (fstat(fd, &ours) == 0 && stat(l->lock_path, &there) == 0 && ours.st_ino == there.st_ino &&
			ours.st_dev == there.st_dev) {
			l->lock = take_fd(fd);
			return 0;
		}
	}
}

/* With the lock held: somebody without one may still serve there (another engine). */
static int remove_stale(const char *path, const struct sockaddr_un *address, struct error *err)
{
	struct stat st;

	if (lstat(path, &st) < 0) {
		if (errno == ENOENT)
			return 0;
		return error_sys(err, errno, "cannot look at '%s'", path);
	}
	if (!S_ISSOCK(st.st_mode))
		return error_set(err, ERROR_CONFLICT, EADDRINUSE,
			"cannot listen on '%s': it is there and not a socket", path);
	auto_close int probe = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0);
	if (probe < 0)
		return error_sys(err, errno, "cannot make a socket");
	if (connect(probe, (const void *)address, sizeof *address) == 0 || errno == EAGAIN)
		return error_set(err, ERROR_CONFLICT, EADDRINUSE,
			"cannot listen on '%s': another daemon serves there", path);
	if (errno != ECONNREFUSED && errno != ENOENT)
		return error_sys(err, errno, "cannot probe the socket '%s'", path);
	if (unlink(path) < 0 && errno != ENOENT)
		return error_sys(err, errno, "cannot remove the stale socket '%s'", path);
	return 0;
}

static int bind_path(struct listener *l, mode_t mode, gid_t gid, struct error *err)
{
	struct sockaddr_un address;
	struct stat st;
	auto_close int dir = -1;

	int r = unix_address(l->path, &address, &dir);
	if (r < 0)
		return error_sys(err, -r, "cannot listen on '%s'", l->path);
	r = remove_stale(l->path, &address, err);
	if (r < 0)
		return r;
	int fd = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0);
	if (fd < 0)
		return error_sys(err, errno, "cannot make a socket");
	l->source.fd = fd;
	/* The file is made with the socket's mode less the umask: never wider than wanted. */
	if (fchmod(fd, mode) < 0 || bind(fd, (const void *)&address, sizeof address) < 0)
		return error_sys(err, errno, "cannot listen on '%s'", l->path);
	if (lstat(l->path, &st) < 0)
		return error_sys(err, errno, "cannot look at '%s'", l->path);
	l->dev = st.st_dev;
	l->ino = st.st_ino;
	/* Nobody can connect before listen(2). */
	if ((gid != (gid_t)-1 && lchown(l->path, (uid_t)-1, gid) < 0) || chmod(l->path, mode) < 0)
		return error_sys(err, errno, "cannot set the owner of '%s'", l->path);
	if (listen(fd, BACKLOG) < 0)
		return error_sys(err, errno, "cannot listen on '%s'", l->path);
	return 0;
}

int listener_open_unix(const char *path, mode_t mode, gid_t gid, struct listener **ret, struct error *err)
{
	if (path[0] != '/')
		return error_invalid(err, "the path of a socket must be absolute, not '%s'", path);
	struct listener *l = allocate(LISTENER_UNIX, LISTENER_UNIX_MAX, err);
	if (!l)
		return -ENOMEM;
	snprintf(l->name, sizeof l->name, "unix://%s", path);
	l->path = strdup(path);
	int r = l->path ? lock_path(l, err) : error_sys(err, ENOMEM, "cannot listen on '%s'", path);
	if (r == 0)
		r = bind_path(l, mode, gid, err);
	if (r < 0) {
		listener_free(l);
		return r;
	}
	*ret = l;
	return 0;
}

/* ---- tcp -------------------------------------------------------------------- */

static bool is_loopback(const struct sockaddr *address)
{
	if (address->sa_family == AF_INET)
		return ntohl(((const struct sockaddr_in *)(const void *)address)->sin_addr.s_addr) >> 24 ==
		       127;
	const struct in6_addr *in = &((const struct sockaddr_in6 *)(const void *)address)->sin6_addr;
	return IN6_IS_ADDR_LOOPBACK(in) || (IN6_IS_ADDR_V4MAPPED(in) && in->s6_addr[12] == 127);
}

static void name_tcp(struct listener *l)
{
	struct sockaddr_storage address;
	socklen_t size = sizeof address;
	char text[INET6_ADDRSTRLEN] = "?";

	if (getsockname(l->source.fd, (void *)&address, &size) < 0)
		return;
	if (address.ss_family == AF_INET) {
		const struct sockaddr_in *in = (const void *)&address;
		inet_ntop(AF_INET, &in->sin_addr, text, sizeof text);
		snprintf(l->name, sizeof l->name, "tcp://%s:%u", text, ntohs(in->sin_port));
	} else {
		const struct sockaddr_in6 *in = (const void *)&address;
		inet_ntop(AF_INET6, &in->sin6_addr, text, sizeof text);
		snprintf(l->name, sizeof l->name, "tcp://[%s]:%u", text, ntohs(in->sin6_port));
	}
}

static int bind_tcp(struct listener *l, const struct addrinfo *address)
{
	int one = 1, zero = 0;

	auto_close int fd = socket(address->ai_family, SOCK_STREAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0);
	if (fd < 0)
		return -errno;
	setsockopt(fd, SOL_SOCKET, SO_REUSEADDR, &one, sizeof one);
	if (address->ai_family == AF_INET6)
		setsockopt(fd, IPPROTO_IPV6, IPV6_V6ONLY, &zero, sizeof zero);
	if (bind(fd, address->ai_addr, address->ai_addrlen) < 0 || listen(fd, BACKLOG) < 0)
		return -errno;
	l->source.fd = take_fd(fd);
	name_tcp(l);
	return 0;
}

/* All addresses: one IPv6 socket serves IPv4 too, and a kernel without IPv6 takes the other.
 * A name: IPv4 first, as Go's net.Listen. */
static int bind_first(struct listener *l, const struct addrinfo *list, bool any)
{
	const int order[2] = { any ? AF_INET6 : AF_INET, any ? AF_INET : AF_INET6 };
	int r = -EADDRNOTAVAIL;

	for (int i = 0; i < 2; i++) {
		for (const struct addrinfo *a = list; a; a = a->ai_next) {
			if (a->ai_family != order[i])
				continue;
			r = bind_tcp(l, a);
			if (r == 0)
				return 0;
		}
	}
	return r;
}

int listener_open_tcp(
	const char *host, const char *port, bool allow_remote, struct listener **ret, struct error *err)
{
	struct addrinfo hints = { .ai_flags = AI_PASSIVE | AI_NUMERICSERV, .ai_socktype = SOCK_STREAM };
	struct addrinfo *list = NULL;
	bool any = *host == '\0';

	int failed = getaddrinfo(any ? NULL : host, port, &hints, &list);
	if (failed)
		return error_invalid(
			err, "cannot listen on 'tcp://%s:%s': %s", host, port, gai_strerror(failed));
	int r = 0;
	for (const struct addrinfo *a = list; a && !allow_remote && r == 0; a = a->ai_next)
		if (!is_loopback(a->ai_addr))
			r = error_set(err, ERROR_DENIED, EPERM,
				"'tcp://%s:%s' can be reached from other machines without TLS; "
				"this makes everybody there root, and must be asked for",
				host, port);
	struct listener *l = r == 0 ? allocate(LISTENER_TCP, LISTENER_TCP_MAX, err) : NULL;
	if (r == 0 && !l)
		r = -ENOMEM;
	if (l) {
		r = bind_first(l, list, any);
		if (r < 0)
			error_sys(err, -r, "cannot listen on 'tcp://%s:%s'", host, port);
	}
	freeaddrinfo(list);
	if (r < 0) {
		listener_free(l);
		return r;
	}
	*ret = l;
	return 0;
}

/* ---- given by others -------------------------------------------------------- */

int listener_adopt(int fd, struct listener **ret, struct error *err)
{
	int domain = 0, type = 0, listening = 0;
	socklen_t size = sizeof domain;
	auto_close int sock = fd;

	if (getsockopt(fd, SOL_SOCKET, SO_DOMAIN, &domain, &size) < 0 ||
		getsockopt(fd, SOL_SOCKET, SO_TYPE, &type, &size) < 0 ||
		getsockopt(fd, SOL_SOCKET, SO_ACCEPTCONN, &listening, &size) < 0)
		return error_sys(err, errno, "cannot serve on descriptor %d", fd);
	if (type != SOCK_STREAM || !listening ||
		(domain != AF_UNIX && domain != AF_INET && domain != AF_INET6))
		return error_invalid(err, "descriptor %d is not a listening unix or tcp socket", fd);
	int flags = fcntl(fd, F_GETFL);
	if (flags < 0 || fcntl(fd, F_SETFL, flags | O_NONBLOCK) < 0)
		return error_sys(err, errno, "cannot serve on descriptor %d", fd);
	bool is_unix = domain == AF_UNIX;
	struct listener *l = allocate(
		is_unix ? LISTENER_UNIX : LISTENER_TCP, is_unix ? LISTENER_UNIX_MAX : LISTENER_TCP_MAX, err);
	if (!l)
		return -ENOMEM;
	l->adopted = true;
	l->source.fd = take_fd(sock);
	snprintf(l->name, sizeof l->name, "fd://%d", fd);
	*ret = l;
	return 0;
}

int listener_new_injected(struct listener **ret, struct error *err)
{
	struct listener *l = allocate(LISTENER_INJECTED, LISTENER_TCP_MAX, err);

	if (!l)
		return -ENOMEM;
	snprintf(l->name, sizeof l->name, "injected");
	*ret = l;
	return 0;
}

static long number_of(const char *variable)
{
	const char *text = getenv(variable);
	char *end;

	if (!text || !*text)
		return -1;
	long n = strtol(text, &end, 10);
	return *end ? -1 : n;
}

int listener_inherited(void)
{
	long pid = number_of("LISTEN_PID"), n = number_of("LISTEN_FDS");
	int count = 0;

	unsetenv("LISTEN_PID");
	unsetenv("LISTEN_FDS");
	unsetenv("LISTEN_FDNAMES");
	if (pid != getpid() || n <= 0 || n > 1024)
		return 0;
	while (count < n && fcntl(INHERITED_FIRST + count, F_SETFD, FD_CLOEXEC) == 0)
		count++;
	return count;
}

/* ---- both ------------------------------------------------------------------- */

void listener_set_max(struct listener *l, size_t n)
{
	l->max = n;
}

int listener_allow_host(struct listener *l, const char *name)
{
	if (l->nhosts == LISTENER_HOSTS_MAX)
		return -ENOSPC;
	l->hosts[l->nhosts] = strdup(name);
	if (!l->hosts[l->nhosts])
		return -ENOMEM;
	l->nhosts++;
	return 0;
}

const char *listener_name(const struct listener *l)
{
	return l->name;
}

enum listener_kind listener_kind(const struct listener *l)
{
	return l->kind;
}

static bool is_address(const char *host)
{
	struct in6_addr in;

	return inet_pton(AF_INET, host, &in) == 1 || inet_pton(AF_INET6, host, &in) == 1;
}

bool listener_host_allowed(const struct listener *l, const char *host, size_t n)
{
	char name[256];
	const char *colon = memrchr(host, ':', n);

	if (n > 2 && host[0] == '[') {
		const char *close = memchr(host, ']', n);
		if (!close)
			return false;
		n = (size_t)(close - host) - 1;
		host++;
	} else if (colon) {
		n = (size_t)(colon - host);
	}
	if (n == 0 || n >= sizeof name)
		return n == 0;
	memcpy(name, host, n);
	name[n] = '\0';
	if (is_address(name) || !strcasecmp(name, "localhost"))
		return true;
	for (size_t i = 0; i < l->nhosts; i++)
		if (!strcasecmp(name, l->hosts[i]))
			return true;
	return false;
}

void listener_tune(const struct listener *l, int sock)
{
	static const struct {
		int level, option, value;
	} options[] = {
		{ IPPROTO_TCP, TCP_NODELAY, 1 },
		{ SOL_SOCKET, SO_KEEPALIVE, 1 },
		{ IPPROTO_TCP, TCP_KEEPIDLE, 30 },
		{ IPPROTO_TCP, TCP_KEEPINTVL, 10 },
		{ IPPROTO_TCP, TCP_KEEPCNT, 3 },
		{ IPPROTO_TCP, TCP_USER_TIMEOUT, 60000 },
	};
	if (l->kind != LISTENER_TCP)
		return;
	/* None of these decides about right or wrong answers: a failure is not the client's. */
	for (size_t i = 0; i < sizeof options / sizeof *options; i++)
		setsockopt(sock, options[i].level, options[i].option, &options[i].value,
			sizeof options[i].value);
}

static void remove_path(struct listener *l)
{
	struct stat st;

	if (l->lock < 0)
		return;
	if (l->ino && lstat(l->path, &st) == 0 && st.st_dev == l->dev && st.st_ino == l->ino)
		unlink(l->path);
	l->ino = 0;
	/* Still locked: who waits for it sees that it is gone, and makes a new one. */
	unlink(l->lock_path);
	close(l->lock);
	l->lock = -1;
}

void listener_stop(struct listener *l)
{
	remove_path(l);
	if (l->source.fd >= 0 && !l->adopted)
		shutdown(l->source.fd, SHUT_RDWR);
}

void listener_free(struct listener *l)
{
	if (!l)
		return;
	remove_path(l);
	if (l->source.fd >= 0)
		close(l->source.fd);
	for (size_t i = 0; i < l->nhosts; i++)
		free(l->hosts[i]);
	free(l->path);
	free(l->lock_path);
	free(l);
}
