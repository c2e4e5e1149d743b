/* SPDX-License-Identifier: Apache-2.0 */
#include "engine/net/dns.h"

#include "engine/engine.h"
#include "engine/net/dns_message.h"
#include "engine/net/object.h"
#include "lib/base/cleanup.h"
#include "lib/base/clock.h"
#include "lib/base/fd.h"
#include "lib/base/log.h"
#include "lib/base/path.h"
#include "lib/base/spawn.h"
#include "lib/base/str.h"
#include "lib/base/sys.h"
#include "lib/cgroup/cgroup.h"
#include "lib/proto/dns.h"

#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <poll.h>
#include <pthread.h>
#include <signal.h>
#include <stdatomic.h>
#include <stdlib.h>
#include <string.h>
#include <sys/eventfd.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/un.h>
#include <unistd.h>

#define PROGRAM    "gantry-dns"
#define ANSWER_MS  2000
#define RETRY_NS   (CLOCK_S / 4)
#define STARTS_MAX 20 /* one after the other, before it is given up */

/* Order of locks: this one, then net's. */
struct dns {
	struct net *net;
	pthread_mutex_t lock; /* held while gantry-dns is talked to: messages are in the order of the truth */
	int sock;             /* -1: there is none */
	bool wanted;          /* there is a sandbox for it */
	unsigned starts;      /* since it answered last */
	pthread_t thread;
	bool running;
	int wake; /* eventfd: sock has changed, or stop */
	atomic_bool stop;
	pid_t pid;                /* as it says itself */
	struct spawn_child child; /* the process, of this gantryd or an earlier one; pidfd -1: none */
};

/* ---- talking ------------------------------------------------------------------------------ */
static void hang_up(struct dns *d)
{
	if (d->sock >= 0)
		close(d->sock);
	d->sock = -1;
	eventfd_write(d->wake, 1);
}

/* 0 or what it answers, negative; a broken connection is closed: the thread sees to the rest. */
static int ask(struct dns *d, void *message, size_t n, enum proto_dns_type type, const int *fds, size_t nfds)
{
	struct proto_dns_head *head = message;
	struct proto_dns_result result;

	if (d->sock < 0)
		return -ENOTCONN;
	head->magic = PROTO_DNS_MAGIC;
	head->size = (uint32_t)n;
	head->type = type;
	int r = proto_dns_send(d->sock, message, n, fds, nfds);
	if (r == 0)
		r = proto_dns_recv(d->sock, &result, sizeof result, NULL, NULL, ANSWER_MS);
	if (r >= 0 && (r != sizeof result || result.head.type != head->type))
		r = -EPROTO;
	if (r < 0) {
		hang_up(d);
		return -ENOTCONN;
	}
	if (type == PROTO_DNS_HELLO)
		d->pid = result.pid;
	return result.head.code;
}

static int ask_plain(struct dns *d, enum proto_dns_type type, const char *id)
{
	struct proto_dns_message m = { 0 };

	path_format(m.id, sizeof m.id, "%s", id);
	return ask(d, &m, sizeof m, type, NULL, 0);
}

/* ---- what a sandbox is told ----------------------------------------------------------------------- */
bool dns_serves(const struct nw *nw)
{
	return nw && !nw->predefined && nw->pool;
}

bool dns_serves_member(const struct net_member *m)
{
	for (const struct net_endpoint *ep = m->endpoints; ep; ep = ep->next)
		if (dns_serves(ep->nw))
			return true;
	return false;
}

/* With sockets made ahead, or with none if gantry-dns has them, or with new ones. */
static int tell_with_sockets(struct dns *d, const struct net_member *m, int netns, struct dns_sockets names,
	const struct str *message)
{
	struct error err = ERROR_INIT;
	int r = -ENOENT;

	if (names.fds[0] < 0) {
		r = ask(d, message->data, message->len, PROTO_DNS_SANDBOX, NULL, 0);
		if (r != -ENOENT)
			return r;
		r = sandbox_open_names(netns, &names, &err);
		if (r < 0) {
			log_warning("container %s: names do not resolve: %s", m->id, err.text);
			return r;
		}
	}
	r = ask(d, message->data, message->len, PROTO_DNS_SANDBOX, names.fds, PROTO_DNS_SANDBOX_FDS);
	sandbox_close_names(&names);
	return r;
}

/* With the lock of dns. */
static int tell_member(struct dns *d, struct net_member *m)
{
	struct proto_dns_sandbox head = { 0 };
	auto_str struct str message = STR_INIT(PROTO_DNS_MESSAGE_MAX);
	bool ndots = false;

	head.n_servers = (uint16_t)resolv_servers(m, head.servers, PROTO_DNS_SERVERS_MAX, &ndots);
	head.flags = ndots ? PROTO_DNS_NDOTS : 0;
	net_lock(d->net);
	bool serves = m->running && !m->ending && dns_describe(m, &head, &message), named = m->named;
	auto_close int netns = serves ? fcntl(m->netns, F_DUPFD_CLOEXEC, 3) : -1;
	struct dns_sockets names = m->names;
	m->names = SANDBOX_NO_NAMES;
	m->named = serves;
	net_unlock(d->net);
	if (serves && netns >= 0)
		return tell_with_sockets(d, m, netns, names, &message);
	sandbox_close_names(&names);
	if (serves)
		return -EMFILE;
	return named ? ask_plain(d, PROTO_DNS_DROP, m->sandbox) : 0;
}

/* ---- everything ----------------------------------------------------------------------------------- */
/* Members leave under the lock of net only when they are freed, which their containers' turns keep from
 * happening while they run. */
static size_t list_members(struct dns *d, struct net_member ***ret)
{
	size_t n = 0, room = 0;

	net_lock(d->net);
	for (const struct net_member *m = d->net->members; m; m = m->next)
		room++;
	*ret = calloc(room + 1, sizeof **ret);
	for (struct net_member *m = d->net->members; *ret && m; m = m->next)
		if (m->running && !m->ending && dns_serves_member(m))
			(*ret)[n++] = m;
	net_unlock(d->net);
	return n;
}

static int tell_all(struct dns *d)
{
	struct net_member **members;
	size_t n = list_members(d, &members);
	int r = ask_plain(d, PROTO_DNS_SYNC_BEGIN, "");

	for (size_t i = 0; r == 0 && i < n; i++)
		if (tell_member(d, members[i]) == -ENOTCONN)
			r = -ENOTCONN;
	free(members);
	if (r == 0)
		r = ask_plain(d, PROTO_DNS_SYNC_END, "");
	if (r == 0)
		d->starts = 0;
	d->wanted |= n > 0;
	return r;
}

/* ---- the process ------------------------------------------------------------------------------------- */
static int socket_address(const struct net *net, struct sockaddr_un *ret)
{
	*ret = (struct sockaddr_un){ .sun_family = AF_UNIX };
	return path_format(ret->sun_path, sizeof ret->sun_path, "%s/dns.sock", net->engine->config.exec_root);
}

static int say_hello(struct dns *d)
{
	struct proto_dns_message m = { .head.code = PROTO_DNS_VERSION };

	return ask(d, &m, sizeof m, PROTO_DNS_HELLO, NULL, 0);
}

static bool is_gantry_dns(pid_t pid)
{
	char path[32];
	auto_free char *name = NULL;

	path_format(path, sizeof path, "/proc/%d/comm", (int)pid);
	return fd_read_file(AT_FDCWD, path, 64, &name, NULL) == 0 && strcmp(name, PROGRAM "\n") == 0;
}

/* Holds the process that answers, so that it can be killed when it does not any more.  One of an earlier
 * gantryd says itself who it is: it is still alive behind the pidfd if it answers then, and nothing of
 * another name is ever killed. */
static int hold(struct dns *d)
{
	if (d->child.pidfd >= 0)
		return 0;
	int pidfd = d->pid > 0 ? sys_pidfd_open(d->pid, 0) : -1;
	if (say_hello(d) != PROTO_DNS_VERSION || !is_gantry_dns(d->pid)) {
		if (pidfd >= 0)
			close(pidfd);
		return d->sock < 0 ? -EPROTO : 0;
	}
	d->child = (struct spawn_child){ .pid = d->pid, .pidfd = pidfd };
	return 0;
}

static int hello(struct dns *d, int sock)
{
	d->sock = sock;
	int r = say_hello(d);
	if (r == PROTO_DNS_VERSION)
		return hold(d);
	if (r >= 0) { /* of another gantry: it ends, and one of ours begins */
		ask_plain(d, PROTO_DNS_END, "");
		hang_up(d);
	}
	return -EPROTO;
}

/* One that is there. */
static int connect_to(struct dns *d)
{
	struct sockaddr_un to;
	int sock = socket(AF_UNIX, SOCK_SEQPACKET | SOCK_CLOEXEC, 0);

	if (sock < 0)
		return -errno;
	if (socket_address(d->net, &to) < 0 || connect(sock, (const struct sockaddr *)&to, sizeof to) < 0) {
		close(sock);
		return -ECONNREFUSED;
	}
	return hello(d, sock);
}

/* In the cgroup of the shims, which a service manager spares when it ends gantryd's own. */
static void open_cgroup(struct dns *d, struct cgroup *cg)
{
	struct engine *e = d->net->engine;
	char path[CGROUP_PATH_MAX];
	struct cgroup_spec spec = { .path = path, .instance = e->instance, .reuse_populated = true };
	struct error err = ERROR_INIT;

	path_format(path, sizeof path, "/gantry/shims/%s", e->instance);
	if (cgroup_create(&e->cgroups, &spec, cg, &err) < 0)
		log_warning(PROGRAM ": %s", err.text);
}

static int spawn(struct dns *d, int listener, struct error *err)
{
	static const char *const argv[] = { PROGRAM, NULL };
	const int fds[4] = { -1, -1, -1, listener };
	struct spawn what = SPAWN_INIT;
	struct cgroup cg = CGROUP_NONE;
	int procs[CGROUP_HIERARCHIES_MAX];
	char path[PATH_MAX];
	int r = engine_program(d->net->engine, PROGRAM, path, err);

	if (r < 0)
		return r;
	open_cgroup(d, &cg);
	for (size_t i = 0; cg.layout && i < cg.layout->n; i++)
		if (cg.tasks[i] >= 0)
			procs[what.nprocs++] = cg.tasks[i];
	what.path = path;
	what.argv = argv;
	what.fds = fds;
	what.nfds = 4;
	what.flags = SPAWN_SESSION;
	what.cgroup_fd = cg.layout ? cgroup_v2_fd(&cg) : -1;
	what.procs_fds = procs;
	r = spawn_run(&what, &d->child, err);
	if (cg.layout)
		cgroup_close(&cg);
	return r;
}

/* The one before: dead, or of no use. */
static void reap(struct dns *d)
{
	int status;

	if (d->child.pidfd < 0)
		return;
	spawn_kill(&d->child, SIGKILL);
	spawn_wait(&d->child, clock_mono_ns() + CLOCK_S, &status);
	close(d->child.pidfd);
	d->child.pidfd = -1;
}

/* What questions go by that only the host's network answers. */
static int give_ways(struct dns *d)
{
	struct proto_dns_message m = { 0 };
	int fds[PROTO_DNS_HOST_FDS] = { -1, -1, -1, -1, -1, -1 };
	int r = sandbox_open_ways(fds);

	if (r == 0)
		r = ask(d, &m, sizeof m, PROTO_DNS_HOST, fds, PROTO_DNS_HOST_FDS);
	for (int i = 0; i < PROTO_DNS_HOST_FDS; i++)
		if (fds[i] >= 0)
			close(fds[i]);
	return r;
}

static int start(struct dns *d)
{
	struct sockaddr_un at;
	struct error err = ERROR_INIT;
	auto_close int listener = socket(AF_UNIX, SOCK_SEQPACKET | SOCK_CLOEXEC, 0);
	int r = listener < 0 ? -errno : socket_address(d->net, &at);

	reap(d);
	if (r == 0) {
		unlink(at.sun_path);
		if (bind(listener, (const struct sockaddr *)&at, sizeof at) < 0 ||
			chmod(at.sun_path, 0600) < 0 || listen(listener, 4) < 0)
			r = -errno;
	}
	if (r < 0) {
		log_warning("cannot make the socket of " PROGRAM ": %s", strerror(-r));
		return r;
	}
	r = spawn(d, listener, &err);
	if (r < 0) {
		log_warning("%s", err.text);
		return r;
	}
	log_debug(PROGRAM " is started");
	r = connect_to(d);
	return r == 0 ? give_ways(d) : r;
}

/* With the lock: connected, told everything. */
static int ensure(struct dns *d)
{
	if (d->sock >= 0)
		return 0;
	int r = connect_to(d);
	if (r < 0 && d->starts++ < STARTS_MAX)
		r = start(d);
	if (r == 0)
		r = tell_all(d);
	eventfd_write(d->wake, 1);
	return r;
}

/* ---- the thread: whose connection ends is started anew ------------------------------------------------ */
static bool wait_for_end(struct dns *d)
{
	eventfd_t n;

	pthread_mutex_lock(&d->lock);
	struct pollfd p[2] = { { .fd = d->wake, .events = POLLIN }, { .fd = d->sock } };
	bool lost = d->sock < 0 && d->wanted && d->starts < STARTS_MAX;
	pthread_mutex_unlock(&d->lock);
	if (!lost && poll(p, 2, -1) > 0 && (p[0].revents & POLLIN))
		eventfd_read(d->wake, &n);
	return lost || (p[1].revents & (POLLHUP | POLLERR | POLLNVAL));
}

static void *run(void *arg)
{
	struct dns *d = arg;
	const struct timespec pause = { .tv_nsec = RETRY_NS };

	while (!d->stop) {
		bool lost = wait_for_end(d);
		if (d->stop)
			break;
		if (!lost)
			continue;
		pthread_mutex_lock(&d->lock);
		struct pollfd p = { .fd = d->sock };
		if (d->sock >= 0 && poll(&p, 1, 0) > 0)
			hang_up(d);
		int r = d->wanted ? ensure(d) : 0;
		pthread_mutex_unlock(&d->lock);
		if (r < 0)
			nanosleep(&pause, NULL);
		else
			log_info(PROGRAM " was lost and is there again");
	}
	return NULL;
}

int dns_new(struct net *net, struct error *err)
{
	struct dns *d = calloc(1, sizeof *d);
	sigset_t every, old;

	if (!d)
		return error_sys(err, ENOMEM, "cannot keep the names");
	d->net = net;
	d->sock = d->child.pidfd = -1;
	pthread_mutex_init(&d->lock, NULL);
	d->wake = eventfd(0, EFD_CLOEXEC | EFD_NONBLOCK);
	net->dns = d;
	if (d->wake < 0)
		return error_sys(err, errno, "cannot make an eventfd");
	sigfillset(&every);
	pthread_sigmask(SIG_SETMASK, &every, &old);
	int r = pthread_create(&d->thread, NULL, run, d);
	pthread_sigmask(SIG_SETMASK, &old, NULL);
	d->running = r == 0;
	return r ? error_sys(err, r, "cannot start the thread of names") : 0;
}

void dns_begin(struct net *net)
{
	struct dns *d = net->dns;
	struct net_member **members;
	size_t n = list_members(d, &members);

	free(members);
	pthread_mutex_lock(&d->lock);
	if (connect_to(d) == 0) {
		if (n > 0) {
			tell_all(d);
		} else { /* nobody asks it any more */
			ask_plain(d, PROTO_DNS_END, "");
			hang_up(d);
		}
	} else if (n > 0) {
		ensure(d);
	}
	eventfd_write(d->wake, 1);
	pthread_mutex_unlock(&d->lock);
}

/* With nobody to serve it ends with gantryd. */
void dns_free(struct net *net)
{
	struct dns *d = net->dns;
	struct net_member **members;

	if (!d)
		return;
	size_t n = list_members(d, &members);
	free(members);
	d->stop = true;
	if (d->wake >= 0)
		eventfd_write(d->wake, 1);
	if (d->running)
		pthread_join(d->thread, NULL);
	if (n == 0 && d->sock >= 0) {
		struct sockaddr_un at;
		ask_plain(d, PROTO_DNS_END, "");
		if (socket_address(net, &at) == 0)
			unlink(at.sun_path);
		reap(d);
	}
	if (d->child.pidfd >= 0)
		close(d->child.pidfd); /* it lives on */
	if (d->sock >= 0)
		close(d->sock);
	if (d->wake >= 0)
		close(d->wake);
	pthread_mutex_destroy(&d->lock);
	free(d);
	net->dns = NULL;
}

/* ---- what the rest calls ---------------------------------------------------------------------------- */
void dns_member(struct net_member *m)
{
	struct dns *d = m->net->dns;

	net_lock(m->net);
	bool serves = dns_serves_member(m), named = m->named;
	net_unlock(m->net);
	if (!serves && !named)
		return;
	pthread_mutex_lock(&d->lock);
	if (serves)
		d->wanted = true;
	int r = serves ? ensure(d) : 0;
	if (r == 0 && d->sock >= 0)
		r = tell_member(d, m);
	pthread_mutex_unlock(&d->lock);
	if (r < 0)
		log_warning(
			"container %s: its names are not known to " PROGRAM " yet: %s", m->id, strerror(-r));
}

void dns_drop(struct net_member *m)
{
	struct dns *d = m->net->dns;

	net_lock(m->net);
	struct dns_sockets names = m->names; /* of a start that failed */
	m->names = SANDBOX_NO_NAMES;
	bool serves = m->named || dns_serves_member(m);
	net_unlock(m->net);
	sandbox_close_names(&names);
	if (!serves)
		return;
	pthread_mutex_lock(&d->lock);
	if (m->named && d->sock >= 0)
		ask_plain(d, PROTO_DNS_DROP, m->sandbox);
	m->named = false;
	pthread_mutex_unlock(&d->lock);
}
