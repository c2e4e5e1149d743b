/* SPDX-License-Identifier: Apache-2.0 */
#include "core/plugin/remote.h"

#include "core/plugin/message.h"
#include "lib/base/cleanup.h"
#include "lib/base/clock.h"
#include "lib/base/fd.h"

#include <errno.h>
#include <signal.h>
#include <stdio.h>
#include <string.h>
#include <sys/prctl.h>
#include <sys/socket.h>
#include <sys/wait.h>

#define FRAME_MAGIC 0x72746721u

/* In front of every message, with its descriptors. */
struct frame {
	uint32_t magic, body_n;
	uint32_t entry, fds_n; /* of a call; cancel: the last descriptor is cancel_fd */
	int32_t result, err_kind, err_errno;
	uint32_t cancel;
	int64_t deadline_ns;
};

struct link { /* one connection; used by one thread at a time */
	struct link *next;
	int sock;
};

struct remote {
	int control;
	pid_t pid;
	pthread_mutex_t lock;
	struct link *idle;
};

/* ---- frames ------------------------------------------------------------------------- */

static int send_all(int sock, const void *data, size_t n)
{
	const char *p = data;

	while (n > 0) {
		ssize_t w = fd_send(sock, p, n, NULL, 0, 0);
		if (w < 0)
			return (int)w;
		p += w;
		n -= (size_t)w;
	}
	return 0;
}

static int send_message(int sock, struct frame *f, const struct message *m)
{
	f->magic = FRAME_MAGIC;
	f->body_n = (uint32_t)m->bytes.len;
	f->fds_n = (uint32_t)m->fds_n;
	ssize_t w = fd_send(sock, f, sizeof *f, m->fds, m->fds_n, 0);
	if (w < 0)
		return (int)w;
	if ((size_t)w != sizeof *f)
		return -EPIPE;
	return send_all(sock, m->bytes.data, m->bytes.len);
}

/* *ret_body: malloc'ed.  0, -EPIPE when the other side is gone, -EPROTO. */
static int recv_message(int sock, struct frame *f, char **ret_body, int fds[MESSAGE_FDS_MAX], size_t *nfds)
{
	*nfds = MESSAGE_FDS_MAX;
	ssize_t n = fd_recv(sock, f, sizeof *f, fds, nfds, MSG_WAITALL);
	if (n <= 0) {
		*nfds = 0;
		return n == 0 || n == -ECONNRESET ? -EPIPE : (int)n;
	}
	if ((size_t)n != sizeof *f || f->magic != FRAME_MAGIC || f->body_n > MESSAGE_MAX || f->fds_n != *nfds)
		return -EPROTO;
	char *body = malloc(f->body_n + 1u);
	if (!body)
		return -ENOMEM;
	ssize_t got = fd_read_full(sock, body, f->body_n);
	if (got != (ssize_t)f->body_n) {
		free(body);
		return -EPIPE;
	}
	*ret_body = body;
	return 0;
}

static void close_fds(int *fds, size_t n)
{
	for (size_t i = 0; i < n; i++)
		if (fds[i] >= 0)
			close(fds[i]);
}

/* ---- the driver's process --------------------------------------------------------------- */

struct server {
	const struct kind *kind;
	pthread_mutex_t lock;
	struct target target; /* set by open, read by all others */
	struct facts facts;
};
struct server_link {
	struct server *server;
	int sock;
};

/* Memory of a decoded request, freed at once. */
struct pool {
	struct pool_chunk {
		struct pool_chunk *next;
		_Alignas(16) char bytes[];
	} * chunks;
};

static void *pool_alloc(void *arg, size_t size)
{
	struct pool *p = arg;
	struct pool_chunk *c = calloc(1, sizeof *c + size);

	if (!c)
		return NULL;
	c->next = p->chunks;
	p->chunks = c;
	return c->bytes;
}

static void pool_free(struct pool *p)
{
	while (p->chunks) {
		struct pool_chunk *c = p->chunks;
		p->chunks = c->next;
		free(c);
	}
}

static int decode_request(const struct kind *kind, unsigned entry, struct message_reader *rd,
	int64_t deadline_ns, struct call **ret, struct error *err)
{
	const struct entry *e = &kind->entries[entry];
	_Alignas(16) char req[512];

	if (!e->req)
		return block_new(kind, entry, NULL, deadline_ns, ret, err);
	if (e->req->size > sizeof req)
		return error_set(err, ERROR_INTERNAL, EPROTO, "a request of %u bytes", e->req->size);
	record_reset(e->req, req);
	int r = message_get(rd, e->req, req, err);
	if (r == 0)
		r = block_new(kind, entry, req, deadline_ns, ret, err);
	record_close_fds(e->req, req);
	return r;
}

static int answer(int sock, struct call *call, const struct error *err, int r)
{
	struct frame f = { .result = r, .err_kind = err->kind, .err_errno = err->sys_errno };
	struct message m = MESSAGE_INIT;

	if (r < 0)
		message_put_text(&m, err->text);
	else if (call->entry->rep && message_put(&m, call->entry->rep, call->rep) < 0)
		f.result = -E2BIG;
	r = send_message(sock, &f, &m);
	message_done(&m);
	return r;
}

static int serve_call(struct server_link *l, const struct frame *f, struct message_reader *rd)
{
	struct server *s = l->server;
	struct call *call = NULL;
	struct error err = ERROR_INIT;
	int cancel = -1, r;

	if (f->entry >= s->kind->entries_n)
		return -EPROTO;
	if (f->cancel && rd->fds_n > 0) {
		cancel = rd->fds[--rd->fds_n];
		rd->fds[rd->fds_n] = -1;
	}
	r = decode_request(s->kind, f->entry, rd, f->deadline_ns, &call, &err);
	if (r == 0) {
		call->pub.cancel_fd = cancel;
		pthread_mutex_lock(&s->lock);
		struct target target = s->target;
		pthread_mutex_unlock(&s->lock);
		block_run(call, &target, &s->facts, s->kind->name);
		if (f->entry == ENTRY_OPEN || f->entry == ENTRY_CLOSE) {
			pthread_mutex_lock(&s->lock);
			s->target = target;
			pthread_mutex_unlock(&s->lock);
		}
		r = call->result;
		err = call->err;
	}
	r = answer(l->sock, call, &err, r);
	block_unref(call);
	if (cancel >= 0)
		close(cancel);
	return r;
}

static void *serve_link(void *arg)
{
	struct server_link *l = arg;
	int r = 0;

	while (r == 0) {
		int fds[MESSAGE_FDS_MAX];
		size_t nfds;
		struct frame f;
		struct pool pool = { 0 };
		auto_free char *body = NULL;
		r = recv_message(l->sock, &f, &body, fds, &nfds);
		if (r == 0) {
			struct message_reader rd = { .data = (unsigned char *)body,
				.n = f.body_n,
				.fds = fds,
				.fds_n = nfds,
				.alloc = pool_alloc,
				.arg = &pool };
			r = serve_call(l, &f, &rd);
		}
		close_fds(fds, nfds);
		pool_free(&pool);
	}
	close(l->sock);
	free(l);
	return NULL;
}

static void add_link(struct server *s, int sock)
{
	struct server_link *l = malloc(sizeof *l);
	pthread_t id;

	if (l) {
		*l = (struct server_link){ s, sock };
		if (pthread_create(&id, NULL, serve_link, l) == 0) {
			pthread_detach(id);
			return;
		}
	}
	free(l);
	close(sock);
}

static void serve(struct server *s, int control)
{
	sigset_t all;

	sigfillset(&all);
	sigprocmask(SIG_SETMASK, &all, NULL);
	for (;;) {
		char byte;
		int sock;
		size_t n = 1;
		ssize_t r = fd_recv(control, &byte, 1, &sock, &n, 0);
		if (r <= 0)
			break;
		if (n == 1)
			add_link(s, sock);
	}
	_exit(0);
}

int remote_fork(const struct kind *kind, const void *ops, const struct plugin_sink *sink, const char *driver,
	const char *instance, const char *run_dir, struct remote **ret, struct error *err)
{
	struct host *host = NULL;
	int pair[2];

	if (socketpair(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0, pair) < 0)
		return error_sys(err, errno, "cannot make a socket for driver '%s'", driver);
	struct remote *remote = calloc(1, sizeof *remote);
	pid_t pid = remote ? fork() : -1;
	if (pid < 0) {
		int e = errno;
		close(pair[0]);
		close(pair[1]);
		free(remote);
		return error_sys(err, e, "cannot start a process for driver '%s'", driver);
	}
	if (pid == 0) {
		prctl(PR_SET_PDEATHSIG, SIGKILL);
		close(pair[0]);
		if (host_new(sink, driver, instance, run_dir, &host, err) < 0)
			_exit(1);
		struct server s = { .kind = kind, .target = { .ops = ops, .host = host_table(host) } };
		s.facts.caps = ~UINT64_C(0); /* the core's side judges against what open answered */
		pthread_mutex_init(&s.lock, NULL);
		serve(&s, pair[1]);
	}
	close(pair[1]);
	*remote = (struct remote){ .control = pair[0], .pid = pid };
	pthread_mutex_init(&remote->lock, NULL);
	*ret = remote;
	return 0;
}

/* ---- the core's side ----------------------------------------------------------------------- */

static struct link *get_link(struct remote *remote)
{
	int pair[2];

	pthread_mutex_lock(&remote->lock);
	struct link *l = remote->idle;
	if (l)
		remote->idle = l->next;
	pthread_mutex_unlock(&remote->lock);
	if (l)
		return l;
	l = malloc(sizeof *l);
	if (!l || socketpair(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0, pair) < 0) {
		free(l);
		return NULL;
	}
	ssize_t r = fd_send(remote->control, "c", 1, &pair[1], 1, 0);
	close(pair[1]);
	if (r != 1) {
		close(pair[0]);
		free(l);
		return NULL;
	}
	l->sock = pair[0];
	return l;
}

static void put_link(struct remote *remote, struct link *l, int r)
{
	if (r < 0) {
		close(l->sock);
		free(l);
		return;
	}
	pthread_mutex_lock(&remote->lock);
	l->next = remote->idle;
	remote->idle = l;
	pthread_mutex_unlock(&remote->lock);
}

static void *reply_alloc(void *arg, size_t size)
{
	struct gty_call *call = arg;

	return call->alloc(call, size);
}

static int read_answer(struct call *call, const struct frame *f, struct message_reader *rd)
{
	const char *text = NULL;
	struct error err = ERROR_INIT;
	int r;

	if (f->result >= 0) {
		r = call->rep ? message_get(rd, call->entry->rep, call->rep, &err) : 0;
		return r < 0 ? call->pub.fail(&call->pub, GTY_E_INTERNAL, EPROTO, err.text) : f->result;
	}
	if (message_get_text(rd, sizeof err.text, &text, &err) < 0 || !text)
		text = "the driver's process gave no reason";
	call->pub.fail(&call->pub, f->err_kind, f->err_errno, text);
	return f->result;
}

static int exchange(int sock, struct call *call)
{
	struct frame f = { .deadline_ns = call->pub.deadline_ns, .entry = (uint32_t)call->number };
	struct message m = MESSAGE_INIT;
	int fds[MESSAGE_FDS_MAX], r = 0;
	size_t nfds = 0;
	auto_free char *body = NULL;

	if (call->req)
		r = message_put(&m, call->entry->req, call->req);
	if (r == 0 && call->pub.cancel_fd >= 0 && m.fds_n < MESSAGE_FDS_MAX) {
		m.fds[m.fds_n++] = call->pub.cancel_fd;
		f.cancel = 1;
	}
	if (r == 0)
		r = send_message(sock, &f, &m);
	message_done(&m);
	if (r == 0)
		r = recv_message(sock, &f, &body, fds, &nfds);
	if (r == 0) {
		struct message_reader rd = { .data = (unsigned char *)body,
			.n = f.body_n,
			.fds = fds,
			.fds_n = nfds,
			.alloc = reply_alloc,
			.arg = &call->pub };
		call->result = read_answer(call, &f, &rd);
	}
	close_fds(fds, nfds);
	return r;
}

int remote_call(struct remote *remote, struct call *call, const struct facts *facts, const char *name)
{
	struct link *l = get_link(remote);
	int r = l ? exchange(l->sock, call) : -EPIPE;
	char text[256];

	if (l)
		put_link(remote, l, r);
	if (r < 0) {
		snprintf(text, sizeof text, "the process of driver '%s' did not answer %s: %s", name,
			call->entry->name, r == -EPIPE ? "it has ended" : strerror(-r));
		call->result = call->pub.fail(&call->pub, GTY_E_UNAVAILABLE, -r, text);
	}
	return block_judge(call, call->result, facts, name);
}

void remote_free(struct remote *remote)
{
	if (!remote)
		return;
	while (remote->idle) {
		struct link *l = remote->idle;
		remote->idle = l->next;
		close(l->sock);
		free(l);
	}
	close(remote->control);
	while (waitpid(remote->pid, NULL, 0) < 0 && errno == EINTR)
		;
	pthread_mutex_destroy(&remote->lock);
	free(remote);
}
