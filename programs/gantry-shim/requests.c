/* SPDX-License-Identifier: Apache-2.0 */
/* What gantryd asks of a supervising shim. */
#include "programs/gantry-shim/supervise.h"

#include "lib/base/clock.h"
#include "lib/base/fault.h"
#include "lib/base/path.h"

#include <errno.h>
#include <signal.h>
#include <stdalign.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

#define MESSAGE_SIZE                                                                                   \
	(sizeof(struct proto_shim_exec) + PROTO_EXEC_RECORD_MAX + PROTO_HEAD_MAX + PROTO_PENDING_MAX + \
		PROTO_KEYS_MAX + 64)

static alignas(8) char message[MESSAGE_SIZE]; /* untouched pages cost nothing */

static void tell_result(struct shim *s, uint32_t serial, int code)
{
	struct proto_shim_result m = {
		.head = proto_shim_head(PROTO_SHIM_RESULT, sizeof m), .serial = serial, .code = code
	};

	shim_tell(s, &m, sizeof m, NULL, 0);
}

/* ---- commit, signals ---------------------------------------------------------------------- */
static void commit(struct shim *s)
{
	struct launch_error err = { 0 };
	struct proto_shim_event released = { .kind = PROTO_EVENT_RELEASED };

	if (s->state != PROTO_STATE_PARKED)
		return;
	s->state = PROTO_STATE_RELEASED;
	shim_add_event(s, &released);
	fault_point("shim.released");
	if (container_release(&s->c, &err) == 0) {
		struct proto_shim_started m = { .head = proto_shim_head(PROTO_SHIM_STARTED, sizeof m),
			.time_ns = clock_real_ns() };
		fault_point("shim.started");
		shim_tell(s, &m, sizeof m, NULL, 0);
		oom_open(&s->oom, &s->c.cgroup);
		return;
	}
	process_reap(&s->c.init);
	struct proto_shim_event failed = { .kind = PROTO_EVENT_EXEC_FAILED,
		.failed = { err.phase, err.code, "" } };
	memcpy(failed.failed.detail, err.detail, sizeof failed.failed.detail);
	if (s->starter >= 0 && answer_failed(s->starter, &err) < 0)
		shim_lose_starter(s);
	shim_end(s, &failed);
}

static int stop(struct shim *s, const struct proto_shim_stop *m)
{
	int r = process_signal(&s->c.init, m->signal);

	if (r < 0)
		return r;
	s->stopping = true;
	s->kill_at = m->timeout_ns < 0 ? 0 : clock_mono_ns() + m->timeout_ns;
	return 0;
}

static int kill_all(struct shim *s)
{
	if (s->c.init.pidfd < 0)
		return -ESRCH;
	s->forced = true;
	container_kill(&s->c);
	return 0;
}

static struct exec *find_exec(struct shim *s, const char *id)
{
	for (struct exec *e = s->execs; e; e = e->next)
		if (strcmp(e->id, id) == 0)
			return e;
	return NULL;
}

static int resize(struct shim *s, const struct proto_shim_resize *m)
{
	struct exec *e = m->exec[0] ? find_exec(s, m->exec) : NULL;

	if (m->exec[0] && !e)
		return -ESRCH;
	return process_resize(e ? &e->p : &s->c.init, m->rows, m->cols);
}

/* ---- clients ------------------------------------------------------------------------------------ */
struct taking {
	int sock;
	uint32_t flags;
	const char *head, *pending, *keys;
	size_t head_n, pending_n, keys_n;
};

static int take_client(struct process *p, const struct taking *t)
{
	if (t->flags & PROTO_STREAM_STDIN && !process_put_input(p, t->pending, t->pending_n))
		return -EAGAIN; /* another client's input is yet to be taken */
	struct client *c = clients_add(&p->clients, t->sock, t->flags);
	if (!c)
		return -ENOMEM;
	c->keys_n = t->keys_n;
	memcpy(c->keys, t->keys, t->keys_n);
	client_send(c, t->head, t->head_n);
	return 0;
}

static int attach(struct shim *s, const struct proto_shim_attach *m, int sock)
{
	const char *p = (const char *)(m + 1);
	struct taking t = { .sock = sock,
		.flags = m->flags,
		.head = p,
		.head_n = m->head_size,
		.pending = p + m->head_size,
		.pending_n = m->pending_size,
		.keys = p + m->head_size + m->pending_size,
		.keys_n = m->keys_size };

	return s->state == PROTO_STATE_ENDED ? -ESRCH : take_client(&s->c.init, &t);
}

static unsigned reader_flags(uint32_t flags)
{
	return LOGFILE_READ_FOLLOW | (flags & PROTO_STREAM_STDOUT ? LOGFILE_READ_STDOUT : 0) |
	       (flags & PROTO_STREAM_STDERR ? LOGFILE_READ_STDERR : 0) |
	       (flags & PROTO_LOGS_TIMES ? LOGFILE_READ_TIMES : 0) |
	       (flags & PROTO_LOGS_DETAILS ? LOGFILE_READ_DETAILS : 0) |
	       (flags & PROTO_STREAM_RAW ? 0 : LOGFILE_READ_FRAMES);
}

static int follow(struct shim *s, const struct proto_shim_logs *m, int sock)
{
	struct logfile_reader_options o = LOGFILE_READER_OPTIONS(s->c.log.name);
	struct logfile_reader *reader;

	if (s->c.log.fd < 0)
		return -ESRCH;
	o.flags = reader_flags(m->flags);
	o.since_ns = m->since_ns;
	o.until_ns = m->until_ns;
	o.tail = m->tail;
	int r = logfile_reader_open(s->c.log.dir, &o, &reader, NULL);
	if (r < 0)
		return r;
	struct client *c = clients_add(&s->c.init.clients, sock, m->flags);
	if (!c) {
		logfile_reader_close(reader);
		return -ENOMEM;
	}
	c->reader = reader;
	c->until_ns = m->until_ns;
	logfile_reader_start(reader, &s->c.log);
	client_send(c, m + 1, m->head_size);
	c->wakes = true;
	client_follow(c, &s->c.log);
	return 0;
}

/* ---- further processes ------------------------------------------------------------------------------ */
static size_t padded(uint32_t n)
{
	return ((size_t)n + 7) / 8 * 8;
}

/* The record is looked into by its own check. */
static struct launch_record *record_of(const struct proto_shim_exec *m, size_t nfds)
{
	char *p = message + sizeof *m; /* where m is */

	if ((nfds != m->record_fds && nfds != (size_t)m->record_fds + 1) ||
		launch_record_check(p, m->record_size, m->record_fds, NULL) < 0)
		return NULL;
	struct launch_record *rec = (void *)p;
	return rec->flags & LAUNCH_F_EXEC ? rec : NULL;
}

static void add_client(struct exec *e, const struct proto_shim_exec *m, int sock)
{
	const char *head = (const char *)(m + 1) + padded(m->record_size),
		   *pending = head + padded(m->head_size);
	struct taking t = { .sock = sock,
		.flags = m->flags,
		.head = head,
		.head_n = m->head_size,
		.pending = pending,
		.pending_n = m->pending_size,
		.keys = pending + padded(m->pending_size),
		.keys_n = m->keys_size };

	if (take_client(&e->p, &t) < 0)
		close(sock); /* no memory: the process runs without its client */
}

static void close_all(const int *fds, size_t n)
{
	for (size_t i = 0; i < n; i++)
		close(fds[i]);
}

static int run(struct shim *s, const struct proto_shim_exec *m, const int *fds, size_t nfds,
	struct proto_shim_exec_result *ret)
{
	struct launch_record *rec = record_of(m, nfds);
	bool client = nfds > m->record_fds;
	struct launch_error err = { 0 };
	struct exec *e;

	if (!rec)
		return -EBADMSG;
	if (s->state != PROTO_STATE_RELEASED || s->c.init.pidfd < 0)
		return -ESRCH;
	if (s->n_execs >= PROTO_EXEC_LIVE_MAX || !(e = calloc(1, sizeof *e)))
		return -ENOMEM;
	int r = container_exec(
		&s->c, rec, fds, m->record_fds, m->settings & PROTO_SETTINGS_STDIN, client, &e->p, &err);
	if (r < 0) {
		ret->failed.phase = err.phase;
		ret->failed.code = err.code;
		memcpy(ret->failed.detail, err.detail, sizeof ret->failed.detail);
		free(e);
		return r;
	}
	ret->pid = e->p.pid;
	memcpy(e->id, m->id, sizeof e->id);
	e->next = s->execs;
	s->execs = e;
	s->n_execs++;
	if (client)
		add_client(e, m, fds[m->record_fds]);
	close_all(fds, m->record_fds);
	struct proto_shim_event started = { .kind = PROTO_EVENT_EXEC_STARTED, .status = ret->pid };
	memcpy(started.exec, e->id, sizeof started.exec);
	shim_add_event(s, &started);
	return 0;
}

static void exec(struct shim *s, const struct proto_shim_exec *m, const int *fds, size_t nfds)
{
	struct proto_shim_exec_result result = {
		.head = proto_shim_head(PROTO_SHIM_EXEC_RESULT, sizeof result), .serial = m->serial
	};

	result.code = run(s, m, fds, nfds, &result);
	if (result.code < 0)
		close_all(fds, nfds);
	shim_tell(s, &result, sizeof result, NULL, 0);
}

/* ---- the rest ------------------------------------------------------------------------------------------ */
static int keep(struct shim *s, const int *fds, size_t n)
{
	if (s->n_kept + n > PROTO_SHIM_FDS_MAX)
		return -E2BIG;
	memcpy(s->kept + s->n_kept, fds, n * sizeof *fds);
	s->n_kept += n;
	return 0;
}

static void acknowledge(struct shim *s, const struct proto_shim_ack *m)
{
	if (s->state == PROTO_STATE_ENDED && m->seq >= s->journal.last_seq) {
		container_release_all(&s->c);
		fault_point("shim.acknowledged");
		shim_release_kept(s);
		shim_linger(s);
	} else {
		journal_forget(&s->journal, m->seq);
	}
	tell_result(s, m->serial, 0);
}

/* The descriptors are used up when this answers 0, else the caller's. */
static int serve(struct shim *s, int type, const int *fds, size_t nfds)
{
	const void *m = message;

	switch (type) {
	case PROTO_SHIM_KEEP: return keep(s, fds, nfds);
	case PROTO_SHIM_SIGNAL:
		return process_signal(&s->c.init, ((const struct proto_shim_signal *)m)->signal);
	case PROTO_SHIM_STOP: return stop(s, m);
	case PROTO_SHIM_KILL: return kill_all(s);
	case PROTO_SHIM_RESIZE: return resize(s, m);
	case PROTO_SHIM_ATTACH: return attach(s, m, fds[0]);
	case PROTO_SHIM_LOGS: return follow(s, m, fds[0]);
	case PROTO_SHIM_TEARDOWN: shim_tear_down(s); return 0;
	default: return -ENOTSUP;
	}
}

static void on_message(struct shim *s, int type, size_t n, int *fds, size_t nfds)
{
	const struct proto_shim_request *request = (const void *)message;
	int r = proto_shim_check(message, n, nfds);

	if (r == 0 && type == PROTO_SHIM_COMMIT) {
		commit(s);
	} else if (r == 0 && type == PROTO_SHIM_ACK) {
		acknowledge(s, (const void *)message);
	} else if (r == 0 && type == PROTO_SHIM_EXEC) {
		exec(s, (const void *)message, fds, nfds);
	} else {
		if (r == 0)
			r = serve(s, type, fds, nfds);
		if (r < 0)
			close_all(fds, nfds);
		tell_result(s, n >= sizeof *request ? request->serial : 0, r);
	}
}

void shim_on_starter(struct shim *s)
{
	int fds[PROTO_SHIM_FDS_MAX];
	size_t nfds = PROTO_SHIM_FDS_MAX;
	int type = proto_shim_recv_flags(s->starter, message, sizeof message, fds, &nfds, MSG_DONTWAIT);

	if (type == -EAGAIN || type == -EINTR)
		return;
	if (type > 0) {
		on_message(s, type, ((const struct proto_shim_head *)(const void *)message)->size, fds, nfds);
		return;
	}
	/* The starter waits for its socket's end: that is ours. */
	if (s->state == PROTO_STATE_PARKED)
		shim_tear_down(s);
	else
		shim_lose_starter(s);
}
