/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The supervising shim: one poll loop over its starter, the container's processes and streams, and the
 * clients it was handed.  Before the commit the end of the starter is the end of everything; after it the
 * shim answers to whoever connects to the socket in its folder, and ends when the last event is acknowledged
 * and nobody reads any more.
 */
#include "programs/gantry-shim/supervise.h"

#include "lib/base/cleanup.h"
#include "lib/base/clock.h"
#include "lib/base/fault.h"
#include "lib/base/fd.h"
#include "lib/base/path.h"

#include <errno.h>
#include <fcntl.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/un.h>

#define SEND_NS   (2 * CLOCK_S)  /* for the starter to take a message */
#define LINGER_NS (30 * CLOCK_S) /* for clients to read the rest */
#define FAILED    (POLLERR | POLLHUP | POLLNVAL)

/* ---- telling -------------------------------------------------------------------------- */
void shim_lose_starter(struct shim *s)
{
	if (s->starter >= 0)
		close(s->starter);
	s->starter = -1;
}

void shim_tell(struct shim *s, const void *data, size_t n, const int *fds, size_t nfds)
{
	if (s->starter >= 0 &&
		proto_shim_send_until(s->starter, clock_mono_ns() + SEND_NS, data, n, NULL, 0, fds, nfds) < 0)
		shim_lose_starter(s);
}

static void tell_facts(struct shim *s, enum proto_shim_type type)
{
	struct proto_shim_facts m = { .head = proto_shim_head(type, sizeof m),
		.pid = s->c.init.pid,
		.shim_pid = getpid(),
		.state = s->state,
		.netns_fd = s->c.netns,
		.start_time = s->c.start_time,
		.last_seq = s->journal.last_seq };
	int fds[2] = { s->c.init.pidfd >= 0 ? s->c.init.pidfd : s->folder, s->c.netns };

	memcpy(m.boot_id, s->boot_id, sizeof m.boot_id);
	memcpy(m.id, s->c.request->settings.id, ID_SIZE);
	shim_tell(s, &m, sizeof m, fds, s->c.netns >= 0 ? 2 : 1);
}

void shim_add_event(struct shim *s, struct proto_shim_event *event)
{
	journal_add(&s->journal, event);
	fault_point("shim.journaled");
	shim_tell(s, event, sizeof *event, NULL, 0);
}

/* ---- further processes ------------------------------------------------------------------- */
static void end_exec(struct shim *s, struct exec *e)
{
	struct proto_shim_event event = { .kind = PROTO_EVENT_EXEC_EXIT };

	process_drain(&e->p);
	event.status = process_reap(&e->p);
	process_drain(&e->p);
	process_close(&e->p);
	memcpy(event.exec, e->id, sizeof event.exec);
	shim_add_event(s, &event);
}

static void end_execs(struct shim *s)
{
	for (struct exec *e = s->execs; e; e = e->next)
		if (e->p.pidfd >= 0)
			end_exec(s, e);
}

/* Those that have ended, and whose clients have all. */
static void sweep_execs(struct shim *s)
{
	for (struct exec **p = &s->execs; *p;) {
		struct exec *e = *p;
		if (e->p.pidfd >= 0 || e->p.clients.n > 0) {
			p = &e->next;
			continue;
		}
		*p = e->next;
		s->n_execs--;
		free(e);
	}
}

/* ---- the end ---------------------------------------------------------------------------- */
/* The last event: what the container left is gone, but for what was kept for gantryd. */
void shim_end(struct shim *s, struct proto_shim_event *last)
{
	process_drain(&s->c.init);
	container_close_streams(&s->c);
	s->state = PROTO_STATE_ENDED;
	s->kill_at = 0;
	shim_add_event(s, last);
	/* While gantryd writes its row. */
	if (s->c.cgroup.layout)
		cgroup_remove(&s->c.cgroup, clock_mono_ns() + LINGER_NS, NULL);
}

static void tell_oom(struct shim *s)
{
	struct proto_shim_event e = { .kind = PROTO_EVENT_OOM };

	if (oom_look(&s->oom, &s->c.cgroup))
		shim_add_event(s, &e);
}

static void tell_stop_done(struct shim *s)
{
	struct proto_shim_event e = { .kind = PROTO_EVENT_STOP_DONE, .forced = s->forced };

	if (s->stopping)
		shim_add_event(s, &e);
}

static void on_exit_of_init(struct shim *s)
{
	/* Without a pid namespace of its own others may live on. */
	if (s->c.cgroup.layout && cgroup_populated(&s->c.cgroup) == 1)
		cgroup_kill(&s->c.cgroup, clock_mono_ns() + LINGER_NS, NULL);
	end_execs(s);
	tell_oom(s);
	oom_close(&s->oom);
	tell_stop_done(s);
	struct proto_shim_event e = { .kind = PROTO_EVENT_EXIT, .forced = s->forced };
	e.oom = container_oom(&s->c);
	e.status = process_reap(&s->c.init);
	fault_point("shim.reaped");
	shim_end(s, &e);
}

void shim_release_kept(struct shim *s)
{
	while (s->n_kept > 0)
		close(s->kept[--s->n_kept]);
}

void shim_tear_down(struct shim *s)
{
	container_kill(&s->c);
	for (struct exec *e = s->execs; e; e = e->next)
		if (e->p.pidfd >= 0)
			process_reap(&e->p);
	if (s->c.init.pidfd >= 0)
		process_reap(&s->c.init);
	container_close_streams(&s->c);
	container_release_all(&s->c);
	shim_release_kept(s);
	s->over = true;
}

void shim_linger(struct shim *s)
{
	s->linger_to = clock_mono_ns() + LINGER_NS;
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
	struct proto_shim_hello m;
	int type = proto_shim_recv_flags(s->incoming, &m, sizeof m, NULL, NULL, MSG_DONTWAIT);

	if (type == -EAGAIN || type == -EINTR)
		return;
	int fd = take_fd(s->incoming);
	if (type != PROTO_SHIM_HELLO || proto_shim_check(&m, m.head.size, 0) < 0) {
		close(fd);
		return;
	}
	shim_lose_starter(s);
	s->starter = fd;
	tell_facts(s, PROTO_SHIM_WELCOME);
	for (size_t i = 0; i < s->journal.n; i++)
		if (s->journal.events[i].seq > m.acked)
			shim_tell(s, &s->journal.events[i], sizeof s->journal.events[i], NULL, 0);
}

/* ---- the set of a round ------------------------------------------------------------------------------ */
enum { SLOT_STARTER, SLOT_LISTEN, SLOT_INCOMING, SLOT_OOM, FIXED_SLOTS };
enum { SLOT_EXIT, SLOT_OUT, SLOT_ERR, SLOT_IN, PROCESS_SLOTS };

struct set {
	struct pollfd *v;
	size_t n, room;
};

static bool set_room(struct set *set, size_t n)
{
	if (n <= set->room)
		return true;
	struct pollfd *more = realloc(set->v, n * 2 * sizeof *more);
	if (!more)
		return false;
	set->v = more;
	set->room = n * 2;
	return true;
}

static void watch(struct set *set, int fd, short events)
{
	set->v[set->n++] = (struct pollfd){ .fd = fd, .events = events };
}

static void watch_process(struct set *set, struct process *p, bool exit_too)
{
	bool read = !clients_are_full(&p->clients), room = p->input_n == 0;

	watch(set, exit_too ? p->pidfd : -1, POLLIN);
	watch(set, read ? p->out[0] : -1, POLLIN);
	watch(set, read ? p->out[1] : -1, POLLIN);
	watch(set, p->input_n ? p->in : -1, POLLOUT);
	/* Who waits for room in the input is not watched: its end is behind what it has sent. */
	for (struct client *c = p->clients.first; c; c = c->next) {
		bool waits = c->input && !room && (c->flags & PROTO_STREAM_STDIN);
		bool more = c->at < c->n || (c->reader && c->wakes);
		short events = (short)((more ? POLLOUT : 0) | (c->input && room ? POLLIN : 0));
		c->slot = (int)set->n;
		watch(set, waits && events == 0 ? -1 : c->sock, events);
	}
}

static bool fill(struct shim *s, struct set *set)
{
	size_t n = FIXED_SLOTS + PROCESS_SLOTS + s->c.init.clients.n;

	for (struct exec *e = s->execs; e; e = e->next)
		n += PROCESS_SLOTS + e->p.clients.n;
	if (!set_room(set, n))
		return false;
	set->n = 0;
	watch(set, s->starter, POLLIN);
	watch(set, s->listen, POLLIN);
	watch(set, s->incoming, POLLIN);
	watch(set, s->oom.fd, s->oom.events);
	s->c.init.clients.slot = (int)set->n;
	watch_process(set, &s->c.init, s->state == PROTO_STATE_RELEASED);
	for (struct exec *e = s->execs; e; e = e->next) {
		e->p.clients.slot = (int)set->n;
		watch_process(set, &e->p, true);
	}
	return true;
}

/* ---- one round ----------------------------------------------------------------------------------------- */
static void serve_client(struct shim *s, struct process *p, const char *exec, struct client *c, short events)
{
	bool detached = false;

	if (events & POLLOUT)
		client_flush(c);
	if ((events & POLLIN) || (c->input && p->input_n == 0 && (events & FAILED)))
		process_take_input(p, c, &detached);
	else if (events & FAILED)
		client_fail(c);
	if (detached) {
		struct proto_shim_event e = { .head = proto_shim_head(PROTO_SHIM_EVENT, sizeof e),
			.time_ns = clock_real_ns(),
			.kind = PROTO_EVENT_DETACHED };
		path_format(e.exec, sizeof e.exec, "%s", exec);
		shim_tell(s, &e, sizeof e, NULL, 0);
	}
}

/* Followers get what the log has; who is done with is let go. */
static void settle_clients(struct shim *s, struct process *p)
{
	for (struct client *c = p->clients.first; c; c = c->next)
		if (c->reader)
			client_follow(c, &s->c.log);
	clients_sweep(&p->clients);
}

/* True when its end is seen.  What it says is taken before, so that nothing is lost. */
static bool serve_process(struct shim *s, struct process *p, const char *exec, const struct set *set)
{
	const struct pollfd *slots = set->v + p->clients.slot;

	if (slots[SLOT_OUT].revents)
		process_read(p, 0);
	if (slots[SLOT_ERR].revents)
		process_read(p, 1);
	if (slots[SLOT_IN].revents)
		process_write(p);
	for (struct client *c = p->clients.first; c; c = c->next)
		if (set->v[c->slot].revents)
			serve_client(s, p, exec, c, set->v[c->slot].revents);
	return slots[SLOT_EXIT].revents && p->pidfd >= 0;
}

/* Who comes in this round is not in its set: new ones are made at the end of it. */
static void serve_round(struct shim *s, const struct set *set)
{
	for (struct exec *e = s->execs; e; e = e->next)
		if (serve_process(s, &e->p, e->id, set))
			end_exec(s, e);
	bool ended = serve_process(s, &s->c.init, "", set);
	if (set->v[SLOT_OOM].revents && s->oom.fd >= 0)
		oom_wake(&s->oom);
	if (s->oom.look_at)
		tell_oom(s);
	if (ended)
		on_exit_of_init(s);
	if (set->v[SLOT_STARTER].revents && s->starter >= 0)
		shim_on_starter(s);
	if (set->v[SLOT_INCOMING].revents && s->incoming >= 0)
		on_hello(s);
	if (set->v[SLOT_LISTEN].revents)
		on_connect(s);
	if (s->kill_at && clock_mono_ns() >= s->kill_at) {
		s->kill_at = 0;
		s->forced = true;
		container_kill(&s->c);
	}
	/* Nothing else would wake the loop for those whose last bytes are out. */
	settle_clients(s, &s->c.init);
	for (struct exec *e = s->execs; e; e = e->next)
		settle_clients(s, &e->p);
	sweep_execs(s);
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
	int64_t late = clients_deadline(&s->c.init.clients);
	if (late < d)
		d = late;
	return d;
}

static bool is_done(const struct shim *s)
{
	if (s->over)
		return true;
	return s->linger_to && ((s->c.init.clients.n == 0 && !s->execs) || clock_mono_ns() >= s->linger_to);
}

static void loop(struct shim *s)
{
	struct set set = { 0 };

	while (!is_done(s)) {
		if (!fill(s, &set))
			return; /* no memory for a few bytes: gantryd sees our end and cleans up */
		if (poll(set.v, (nfds_t)set.n, clock_poll_ms(next_deadline(s))) < 0)
			for (size_t i = 0; i < set.n; i++)
				set.v[i].revents = 0; /* EINTR: the deadlines are looked at */
		serve_round(s, &set);
	}
}

/* ---- start ------------------------------------------------------------------------------------------------
 */
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
