/* SPDX-License-Identifier: Apache-2.0 */
#include "engine/net/dns.h"

#include "engine/engine.h"
#include "engine/net/object.h"
#include "lib/base/cleanup.h"
#include "lib/base/clock.h"
#include "lib/base/id.h"
#include "lib/base/log.h"
#include "lib/base/path.h"
#include "lib/base/spawn.h"
#include "lib/base/str.h"
#include "lib/cgroup/cgroup.h"
#include "lib/json/json.h"
#include "lib/proto/dns.h"

#include <arpa/inet.h>
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
#include <sys/mman.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/un.h>
#include <unistd.h>

#define PROGRAM    "gantry-dns"
#define ANSWER_MS  5000
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
	struct spawn_child child; /* of this gantryd; pidfd -1: none */
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
static int ask(struct dns *d, struct proto_dns_message *m, const int *fds, size_t nfds)
{
	struct proto_dns_result result;

	if (d->sock < 0)
		return -ENOTCONN;
	m->magic = PROTO_DNS_MAGIC;
	m->size = sizeof *m;
	int r = proto_dns_send(d->sock, m, sizeof *m, fds, nfds);
	if (r == 0)
		r = proto_dns_recv(d->sock, &result, sizeof result, NULL, NULL, ANSWER_MS);
	if (r < 0) {
		hang_up(d);
		return -ENOTCONN;
	}
	return result.code;
}

static int ask_plain(struct dns *d, enum proto_dns_type type, const char *id)
{
	struct proto_dns_message m = { .type = type };

	path_format(m.id, sizeof m.id, "%s", id);
	return ask(d, &m, NULL, 0);
}

/* ---- names ---------------------------------------------------------------------------------- */
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

static void add_line(struct str *s, const char *name, const char *address)
{
	/* A name with a blank or a line's end in it would be two. */
	if (name && *name && !strpbrk(name, " \t\r\n"))
		str_addf(s, "%s %s\n", name, address);
}

/* With the lock of net.  The container's name first: it is what an address is called. */
static void add_endpoint(struct str *s, const struct net_endpoint *ep)
{
	const struct net_member *m = ep->member;
	const struct net_want *w = m->wants;
	char address[ADDRESS_SIZE], id[ID_SHORT_SIZE];

	while (w && strcmp(w->name, ep->nw->name) != 0 && strcmp(w->name, ep->nw->id) != 0)
		w = w->next;
	address_format(ep->address, address);
	add_line(s, m->name, address);
	const struct json *aliases = json_at(w ? w->config : NULL, "Aliases");
	for (size_t i = 0; i < json_count(aliases); i++)
		add_line(s, json_string(json_item(aliases, i)), address);
	id_short(m->id, id);
	add_line(s, id, address);
	if (strcmp(m->hostname, id) != 0)
		add_line(s, m->hostname, address);
}

static int make_table(const struct str *text)
{
	int fd = memfd_create("gantry-names", MFD_CLOEXEC);

	for (size_t n = 0; fd >= 0 && n < text->len;) {
		ssize_t r = write(fd, text->data + n, text->len - n);
		if (r <= 0) {
			close(fd);
			return -1;
		}
		n += (size_t)r;
	}
	return fd;
}

/* With the lock of dns: what the network is now. */
static int tell_network(struct dns *d, const char *id)
{
	struct proto_dns_message m = { .type = PROTO_DNS_NETWORK };
	auto_str struct str text = STR_INIT(PROTO_DNS_TABLE_MAX);
	bool there = false;

	path_format(m.id, sizeof m.id, "%s", id);
	net_lock(d->net);
	for (const struct nw *nw = d->net->networks; nw && !there; nw = nw->next) {
		if (strcmp(nw->id, id) != 0 || !dns_serves(nw))
			continue;
		there = true;
		path_format(m.name, sizeof m.name, "%s", nw->name);
		for (const struct net_endpoint *ep = nw->endpoints; ep; ep = ep->next_nw)
			if (ep->member && ep->address && !ep->member->ending)
				add_endpoint(&text, ep);
	}
	net_unlock(d->net);
	if (!there)
		return ask_plain(d, PROTO_DNS_DROP_NETWORK, id);
	auto_close int fd = make_table(&text);
	if (fd < 0)
		return -ENOMEM;
	m.table_size = text.len;
	return ask(d, &m, &fd, 1);
}

/* ---- sandboxes ---------------------------------------------------------------------------------- */
/* With the lock of net.  False: nothing to serve. */
static bool describe(const struct net_member *m, struct proto_dns_message *ret, int *ret_netns)
{
	*ret = (struct proto_dns_message){ .type = PROTO_DNS_SANDBOX };
	path_format(ret->id, sizeof ret->id, "%s", m->sandbox);
	for (const struct net_endpoint *ep = m->endpoints; ep; ep = ep->next) {
		if (!ep->nw->internal)
			ret->forward = 1; /* else its questions would leave by us (CVE-2024-29018) */
		if (dns_serves(ep->nw) && ret->n_networks < PROTO_DNS_NETWORKS_MAX)
			memcpy(ret->networks[ret->n_networks++], ep->nw->id, sizeof ret->networks[0]);
	}
	*ret_netns = m->netns;
	return ret->n_networks > 0 && m->netns >= 0;
}

static int tell_sandbox(struct dns *d, struct net_member *m)
{
	struct proto_dns_message what;
	struct error err = ERROR_INIT;
	int fds[2] = { -1, -1 }, netns;
	uint32_t upstreams[PROTO_DNS_UPSTREAMS_MAX];
	size_t n = etc_upstreams(m, upstreams, PROTO_DNS_UPSTREAMS_MAX);

	net_lock(d->net);
	bool serves = describe(m, &what, &netns);
	auto_close int copy = serves ? fcntl(netns, F_DUPFD_CLOEXEC, 3) : -1;
	net_unlock(d->net);
	if (!serves)
		return ask_plain(d, PROTO_DNS_DROP, m->sandbox);
	what.n_upstreams = (uint8_t)n;
	memcpy(what.upstreams, upstreams, sizeof upstreams);
	int r = ask(d, &what, NULL, 0);
	if (r != -ENOENT)
		return r;
	r = copy < 0 ? -EMFILE : sandbox_open_dns(copy, fds, &err);
	if (r < 0) {
		log_warning("container %s: names do not resolve: %s", m->id, err.text);
		return r;
	}
	r = ask(d, &what, fds, 2);
	close(fds[0]);
	close(fds[1]);
	return r;
}

static int tell_member(struct dns *d, struct net_member *m)
{
	char networks[PROTO_DNS_NETWORKS_MAX][ID_SIZE];
	size_t n = 0;
	int r = tell_sandbox(d, m);

	net_lock(d->net);
	for (const struct net_endpoint *ep = m->endpoints; ep && n < PROTO_DNS_NETWORKS_MAX; ep = ep->next)
		if (dns_serves(ep->nw))
			memcpy(networks[n++], ep->nw->id, ID_SIZE);
	net_unlock(d->net);
	for (size_t i = 0; r == 0 && i < n; i++)
		r = tell_network(d, networks[i]);
	return r;
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

static int hello(struct dns *d, int sock)
{
	struct proto_dns_message m = { .type = PROTO_DNS_HELLO, .code = PROTO_DNS_VERSION };

	d->sock = sock;
	int r = ask(d, &m, NULL, 0);
	if (r == PROTO_DNS_VERSION)
		return 0;
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
	spawn_wait(&d->child, INT64_MAX, &status);
	close(d->child.pidfd);
	d->child.pidfd = -1;
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
	return connect_to(d);
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
	bool serves = dns_serves_member(m);
	net_unlock(m->net);
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

void dns_drop(struct net *net, const char *sandbox)
{
	struct dns *d = net->dns;

	pthread_mutex_lock(&d->lock);
	if (d->sock >= 0)
		ask_plain(d, PROTO_DNS_DROP, sandbox);
	pthread_mutex_unlock(&d->lock);
}

void dns_network(struct net *net, const char *network)
{
	struct dns *d = net->dns;

	pthread_mutex_lock(&d->lock);
	if (d->sock >= 0)
		tell_network(d, network);
	pthread_mutex_unlock(&d->lock);
}
