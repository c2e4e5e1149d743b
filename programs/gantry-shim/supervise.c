/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The supervising shim: one poll loop over its starter, the container's process and streams, and the clients
 * it was handed.  Before the commit the end of the starter is the end of everything; after it the shim
 * answers to whoever connects to the socket in its folder, and ends when the last event is acknowledged and
 * nobody reads any more.
 */
#include "programs/gantry-shim/clients.h"
#include "programs/gantry-shim/container.h"
#include "programs/gantry-shim/journal.h"
#include "programs/gantry-shim/oom.h"
#include "programs/gantry-shim/parts.h"

#include "lib/base/cleanup.h"
#include "lib/base/clock.h"
#include "lib/base/fault.h"
#include "lib/base/fd.h"
#include "lib/base/path.h"

#include <errno.h>
#include <fcntl.h>
#include <signal.h>
#include <stdalign.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/un.h>

#define SEND_NS      (2 * CLOCK_S)  /* for the starter to take a message */
#define LINGER_NS    (30 * CLOCK_S) /* for clients to read the rest */
#define FIXED_SLOTS  8
#define FAILED       (POLLERR | POLLHUP | POLLNVAL)
#define MESSAGE_SIZE (sizeof(struct proto_shim_attach) + PROTO_HEAD_MAX + PROTO_PENDING_MAX + PROTO_KEYS_MAX)

enum slot { SLOT_STARTER, SLOT_LISTEN, SLOT_PROCESS, SLOT_OUT, SLOT_ERR, SLOT_IN, SLOT_INCOMING, SLOT_OOM };

struct shim {
	struct container c;
	struct clients clients;
	struct journal journal;
	int folder, starter, listen;
	int incoming; /* connected, and yet to say HELLO; -1 */
	enum proto_shim_state state;
	int64_t kill_at;   /* of a stop; 0: none */
	int64_t linger_to; /* after the last acknowledgement; 0: not yet */
	bool forced, stopping;
	struct oom oom;
	bool over; /* nothing is left to be done */
	int kept[PROTO_SHIM_FDS_MAX];
	size_t n_kept;
	char boot_id[40];
};

static alignas(8) char message[MESSAGE_SIZE];

/* ---- telling -------------------------------------------------------------------------- */
static void lose_starter(struct shim *s)
{
	if (s->starter >= 0)
		close(s->starter);
	s->starter = -1;
}

static void tell(struct shim *s, const void *data, size_t n, const int *fds, size_t nfds)
{
	if (s->starter >= 0 &&
		proto_shim_send_until(s->starter, clock_mono_ns() + SEND_NS, data, n, NULL, 0, fds, nfds) < 0)
		lose_starter(s);
}

static void tell_result(struct shim *s, uint32_t serial, int code)
{
	struct proto_shim_result m = {
		.head = proto_shim_head(PROTO_SHIM_RESULT, sizeof m), .serial = serial, .code = code
	};

	tell(s, &m, sizeof m, NULL, 0);
}

static void tell_facts(struct shim *s, enum proto_shim_type type)
{
	struct proto_shim_facts m = { .head = proto_shim_head(type, sizeof m),
		.pid = s->c.made.pid,
		.shim_pid = getpid(),
		.state = s->state,
		.netns_fd = s->c.netns,
		.start_time = s->c.start_time,
		.last_seq = s->journal.last_seq };
	int fds[2] = { s->c.made.pidfd >= 0 ? s->c.made.pidfd : s->folder, s->c.netns };

	memcpy(m.boot_id, s->boot_id, sizeof m.boot_id);
	memcpy(m.id, s->c.request->settings.id, ID_SIZE);
	tell(s, &m, sizeof m, fds, s->c.netns >= 0 ? 2 : 1);
}

static void add_event(struct shim *s, struct proto_shim_event *event)
{
	journal_add(&s->journal, event);
	fault_point("shim.journaled");
	tell(s, event, sizeof *event, NULL, 0);
}

/* ---- the end ---------------------------------------------------------------------------- */
/* The last event: what the container left is gone, but for what was kept for gantryd. */
static void end(struct shim *s, struct proto_shim_event *last)
{
	container_drain(&s->c, &s->clients);
	container_close_streams(&s->c);
	clients_end(&s->clients);
	s->state = PROTO_STATE_ENDED;
	s->kill_at = 0;
	add_event(s, last);
	/* While gantryd writes its row. */
	if (s->c.made.cgroup.layout)
		cgroup_remove(&s->c.made.cgroup, clock_mono_ns() + LINGER_NS, NULL);
}

static void tell_oom(struct shim *s)
{
	struct proto_shim_event e = { .kind = PROTO_EVENT_OOM };

	if (oom_look(&s->oom, &s->c.made.cgroup))
		add_event(s, &e);
}

static void tell_stop_done(struct shim *s)
{
	struct proto_shim_event e = { .kind = PROTO_EVENT_STOP_DONE, .forced = s->forced };

	if (s->stopping)
		add_event(s, &e);
}

static void on_exit_of_init(struct shim *s)
{
	bool oom;

	/* Without a pid namespace of its own others may live on. */
	if (s->c.made.cgroup.layout && cgroup_populated(&s->c.made.cgroup) == 1)
		cgroup_kill(&s->c.made.cgroup, clock_mono_ns() + LINGER_NS, NULL);
	tell_oom(s);
	oom_close(&s->oom);
	tell_stop_done(s);
	struct proto_shim_event e = { .kind = PROTO_EVENT_EXIT };
	e.status = container_reap(&s->c, &oom);
	fault_point("shim.reaped");
	e.oom = oom;
	e.forced = s->forced;
	end(s, &e);
}

static void release_kept(struct shim *s)
{
	while (s->n_kept > 0)
		close(s->kept[--s->n_kept]);
}

static void tear_down(struct shim *s)
{
	bool oom;

	container_kill(&s->c);
	if (s->c.made.pidfd >= 0)
		container_reap(&s->c, &oom);
	container_close_streams(&s->c);
	container_release_all(&s->c);
	release_kept(s);
	clients_end(&s->clients);
	s->over = true;
}

/* ---- requests -------------------------------------------------------------------------------- */
static void commit(struct shim *s)
{
	struct launch_error err = { 0 };
	struct proto_shim_event released = { .kind = PROTO_EVENT_RELEASED };
	bool oom;

	if (s->state != PROTO_STATE_PARKED)
		return;
	s->state = PROTO_STATE_RELEASED;
	add_event(s, &released);
	fault_point("shim.released");
	if (container_release(&s->c, &err) == 0) {
		struct proto_shim_started m = { .head = proto_shim_head(PROTO_SHIM_STARTED, sizeof m),
			.time_ns = clock_real_ns() };
		fault_point("shim.started");
		tell(s, &m, sizeof m, NULL, 0);
		oom_open(&s->oom, &s->c.made.cgroup);
		return;
	}
	container_reap(&s->c, &oom);
	struct proto_shim_event failed = { .kind = PROTO_EVENT_EXEC_FAILED,
		.failed = { err.phase, err.code, "" } };
	memcpy(failed.failed.detail, err.detail, sizeof failed.failed.detail);
	if (s->starter >= 0 && answer_failed(s->starter, &err) < 0)
		lose_starter(s);
	end(s, &failed);
}

static int stop(struct shim *s, const struct proto_shim_stop *m)
{
	int r = container_signal(&s->c, m->signal);

	if (r < 0)
		return r;
	s->stopping = true;
	s->kill_at = m->timeout_ns < 0 ? 0 : clock_mono_ns() + m->timeout_ns;
	return 0;
}

static int kill_all(struct shim *s)
{
	if (s->c.made.pidfd < 0)
		return -ESRCH;
	s->forced = true;
	container_kill(&s->c);
	return 0;
}

static int attach(struct shim *s, const struct proto_shim_attach *m, int sock)
{
	const char *p = (const char *)(m + 1);
	size_t n = (m->flags & PROTO_STREAM_STDIN) && s->c.in >= 0 ? m->pending_size : 0;

	if (s->state == PROTO_STATE_ENDED)
		return -ESRCH;
	if (n > INPUT_MAX - s->c.input_n)
		return -EAGAIN; /* another client's input is yet to be taken */
	struct client *c = clients_add(&s->clients, sock, m->flags);
	if (!c)
		return -ENOMEM;
	c->keys_n = m->keys_size;
	memcpy(c->keys, p + m->head_size + m->pending_size, m->keys_size);
	client_send(c, p, m->head_size);
	memcpy(s->c.input + s->c.input_n, p + m->head_size, n);
	s->c.input_n += n;
	return 0;
}

static int follow(struct shim *s, const struct proto_shim_logs *m, int sock)
{
	struct logfile_reader_options o = LOGFILE_READER_OPTIONS(s->c.log.name);
	struct client *c = s->c.log.fd < 0 ? NULL : clients_add(&s->clients, sock, m->flags);

	if (!c)
		return s->c.log.fd < 0 ? -ESRCH : -ENOMEM;
	o.flags = LOGFILE_READ_FOLLOW | (m->flags & PROTO_STREAM_STDOUT ? LOGFILE_READ_STDOUT : 0) |
		  (m->flags & PROTO_STREAM_STDERR ? LOGFILE_READ_STDERR : 0) |
		  (m->flags & PROTO_LOGS_TIMES ? LOGFILE_READ_TIMES : 0) |
		  (m->flags & PROTO_LOGS_DETAILS ? LOGFILE_READ_DETAILS : 0) |
		  (m->flags & PROTO_STREAM_RAW ? 0 : LOGFILE_READ_FRAMES);
	o.since_ns = m->since_ns;
	o.until_ns = m->until_ns;
	o.tail = m->tail;
	int r = logfile_reader_open(s->c.log.dir, &o, &c->reader, NULL);
	if (r < 0) {
		c->sock = -1; /* still the caller's */
		c->gone = true;
		return r;
	}
	logfile_reader_start(c->reader, &s->c.log);
	c->until_ns = m->until_ns;
	client_send(c, m + 1, m->head_size);
	c->wakes = true;
	return 0;
}

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
		release_kept(s);
		s->linger_to = clock_mono_ns() + LINGER_NS;
	}
	tell_result(s, m->serial, 0);
}

/* The descriptors are used up when this answers 0, else the caller's. */
static int serve(struct shim *s, int type, const int *fds, size_t nfds)
{
	const void *m = message;
	const struct proto_shim_resize *size = m;

	switch (type) {
	case PROTO_SHIM_KEEP: return keep(s, fds, nfds);
	case PROTO_SHIM_SIGNAL: return container_signal(&s->c, ((const struct proto_shim_signal *)m)->signal);
	case PROTO_SHIM_STOP: return stop(s, m);
	case PROTO_SHIM_KILL: return kill_all(s);
	case PROTO_SHIM_RESIZE: return container_resize(&s->c, size->rows, size->cols);
	case PROTO_SHIM_ATTACH: return attach(s, m, fds[0]);
	case PROTO_SHIM_LOGS: return follow(s, m, fds[0]);
	case PROTO_SHIM_TEARDOWN: tear_down(s); return 0;
	default: return -ENOTSUP;
	}
}

static void on_message(struct shim *s, int type, size_t n, int *fds, size_t nfds)
{
	const struct proto_shim_request *request = (const void *)message;
	int r = proto_shim_check(message, n, nfds);

	if (r == 0 && type == PROTO_SHIM_COMMIT)
		commit(s);
	else if (r == 0 && type == PROTO_SHIM_ACK)
		acknowledge(s, (const void *)message);
	else {
		if (r == 0)
			r = serve(s, type, fds, nfds);
		if (r < 0)
			for (size_t i = 0; i < nfds; i++)
				close(fds[i]);
		tell_result(s, n >= sizeof *request ? request->serial : 0, r);
	}
}

static void on_starter(struct shim *s)
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
		tear_down(s);
	else
		lose_starter(s);
}

/* ---- a gantryd that comes back --------------------------------------------------------------------- */
static int open_listener(struct shim *s)
{
	struct sockaddr_un a = { .sun_family = AF_UNIX };
	int fd = socket(AF_UNIX, SOCK_SEQPACKET | SOCK_CLOEXEC | SOCK_NONBLOCK, 0);

	if (fd < 0)
		return -errno;
	path_format(a.sun_path, sizeof a.sun_path, "/proc/self/fd/%d/sock", s->folder);
	if (bind(fd, (void *)&a, sizeof a) < 0 || listen(fd, 4) < 0) {
		int r = -errno;
		close(fd);
		return r;
	}
	s->listen = fd;
	return 0;
}

static void on_connect(struct shim *s)
{
	int fd = accept4(s->listen, NULL, NULL, SOCK_CLOEXEC);

	if (fd < 0)
		return;
	if (s->incoming >= 0)
		close(s->incoming);
	s->incoming = fd;
}

static void on_hello(struct shim *s)
{
	const struct proto_shim_hello *m = (const void *)message;
	int type = proto_shim_recv_flags(s->incoming, message, sizeof message, NULL, NULL, MSG_DONTWAIT);

	if (type == -EAGAIN || type == -EINTR)
		return;
	int fd = take_fd(s->incoming);
	if (type != PROTO_SHIM_HELLO || proto_shim_check(message, m->head.size, 0) < 0) {
		close(fd);
		return;
	}
	uint64_t acked = m->acked;
	lose_starter(s);
	s->starter = fd;
	tell_facts(s, PROTO_SHIM_WELCOME);
	for (size_t i = 0; i < s->journal.n; i++)
		if (s->journal.events[i].seq > acked)
			tell(s, &s->journal.events[i], sizeof s->journal.events[i], NULL, 0);
}

/* ---- the loop ------------------------------------------------------------------------------------------ */
static void watch(struct pollfd *p, int fd, short events)
{
	*p = (struct pollfd){ .fd = fd, .events = events };
}

/* Who waits for room in the container's input is not watched: its end is behind what it has sent. */
static void watch_clients(struct shim *s, struct pollfd *set)
{
	bool room = s->c.input_n == 0;
	int slot = FIXED_SLOTS;

	for (struct client *c = s->clients.first; c; c = c->next) {
		bool waits = c->input && !room && (c->flags & PROTO_STREAM_STDIN);
		bool more = c->at < c->n || (c->reader && c->wakes);
		short events = (short)((more ? POLLOUT : 0) | (c->input && room ? POLLIN : 0));
		c->slot = slot;
		watch(&set[slot++], waits && events == 0 ? -1 : c->sock, events);
	}
}

static int fill(struct shim *s, struct pollfd *set)
{
	bool read = !clients_are_full(&s->clients);

	watch(&set[SLOT_STARTER], s->starter, POLLIN);
	watch(&set[SLOT_LISTEN], s->listen, POLLIN);
	watch(&set[SLOT_PROCESS], s->state == PROTO_STATE_RELEASED ? s->c.made.pidfd : -1, POLLIN);
	watch(&set[SLOT_OUT], read ? s->c.out[0] : -1, POLLIN);
	watch(&set[SLOT_ERR], read ? s->c.out[1] : -1, POLLIN);
	watch(&set[SLOT_IN], s->c.input_n ? s->c.in : -1, POLLOUT);
	watch(&set[SLOT_INCOMING], s->incoming, POLLIN);
	watch(&set[SLOT_OOM], s->oom.fd, s->oom.events);
	watch_clients(s, set);
	return FIXED_SLOTS + (int)s->clients.n;
}

static int64_t next_deadline(const struct shim *s)
{
	int64_t d = INT64_MAX;

	if (s->kill_at)
		d = s->kill_at;
	if (s->linger_to && s->linger_to < d)
		d = s->linger_to;
	if (s->oom.look_at && s->oom.look_at < d)
		d = s->oom.look_at;
	int64_t late = clients_deadline(&s->clients);
	if (late < d)
		d = late;
	return d;
}

static void serve_client(struct shim *s, struct client *c, short events)
{
	bool detached = false;

	if (events & POLLOUT)
		client_flush(c);
	if ((events & POLLIN) || (c->input && s->c.input_n == 0 && (events & FAILED)))
		container_take_input(&s->c, c, &detached);
	else if (events & FAILED)
		client_fail(c);
	if (detached) {
		struct proto_shim_event e = { .head = proto_shim_head(PROTO_SHIM_EVENT, sizeof e),
			.time_ns = clock_real_ns(),
			.kind = PROTO_EVENT_DETACHED };
		tell(s, &e, sizeof e, NULL, 0);
	}
}

static void serve_clients(struct shim *s, const struct pollfd *set)
{
	for (struct client *c = s->clients.first; c; c = c->next)
		if (c->slot >= 0 && set[c->slot].revents)
			serve_client(s, c, set[c->slot].revents);
}

/* Followers get what the log has; who is done with is let go. */
static void settle_clients(struct shim *s)
{
	for (struct client *c = s->clients.first; c; c = c->next)
		if (c->reader)
			client_follow(c, &s->c.log);
	clients_sweep(&s->clients);
}

/* What the container says is taken before its end is seen, so that nothing is lost. */
static void serve_all(struct shim *s, const struct pollfd *set)
{
	if (set[SLOT_OUT].revents)
		container_read(&s->c, 0, &s->clients);
	if (set[SLOT_ERR].revents)
		container_read(&s->c, 1, &s->clients);
	if (set[SLOT_IN].revents)
		container_write(&s->c);
	serve_clients(s, set);
	if (set[SLOT_OOM].revents && s->oom.fd >= 0)
		oom_wake(&s->oom);
	if (s->oom.look_at)
		tell_oom(s);
	if (set[SLOT_PROCESS].revents && s->state == PROTO_STATE_RELEASED && s->c.made.pidfd >= 0)
		on_exit_of_init(s);
	if (set[SLOT_STARTER].revents && s->starter >= 0)
		on_starter(s);
	if (set[SLOT_INCOMING].revents && s->incoming >= 0)
		on_hello(s);
	if (set[SLOT_LISTEN].revents)
		on_connect(s);
	if (s->kill_at && clock_mono_ns() >= s->kill_at) {
		s->kill_at = 0;
		kill_all(s);
	}
	/* Nothing else would wake the loop for those whose last bytes are out. */
	settle_clients(s);
}

static bool is_done(const struct shim *s)
{
	return s->over || (s->linger_to && (s->clients.n == 0 || clock_mono_ns() >= s->linger_to));
}

static void loop(struct shim *s)
{
	static struct pollfd set[FIXED_SLOTS + CLIENTS_MAX];

	while (!is_done(s)) {
		int n = fill(s, set);
		if (poll(set, (nfds_t)n, clock_poll_ms(next_deadline(s))) < 0)
			memset(set, 0,
				sizeof *set *
					(size_t)n); /* EINTR, or no memory: the deadlines are looked at */
		/* Clients that come in this round are not in the set. */
		serve_all(s, set);
		for (struct client *c = s->clients.first; c; c = c->next)
			c->slot = -1;
	}
}

static void read_boot_id(struct shim *s)
{
	auto_close int fd = open("/proc/sys/kernel/random/boot_id", O_RDONLY | O_CLOEXEC);

	if (fd >= 0 && fd_read_full(fd, s->boot_id, 36) != 36)
		s->boot_id[0] = '\0';
}

int supervise_run(struct request *r, int sock)
{
	static struct shim s = { .listen = -1, .incoming = -1, .state = PROTO_STATE_PARKED, .oom.fd = -1 };
	struct launch_error err = { 0 };

	s.starter = sock;
	s.folder = r->fds[r->head.record_fds];
	s.journal.fd = s.c.made.pidfd = -1;
	read_boot_id(&s);
	int e = journal_open(&s.journal, s.folder);
	if (e == 0)
		e = open_listener(&s);
	if (e < 0) {
		err = (struct launch_error){
			.phase = LAUNCH_PHASE_PROTOCOL, .code = -e, .detail = "shim's folder"
		};
		return answer_failed(sock, &err) < 0;
	}
	if (container_create(&s.c, r, &err) < 0)
		return answer_failed(sock, &err) < 0;
	fault_point("shim.created");
	tell_facts(&s, PROTO_SHIM_CREATED);
	loop(&s);
	return 0;
}
