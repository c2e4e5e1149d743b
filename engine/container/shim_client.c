/* SPDX-License-Identifier: Apache-2.0 */
#include "engine/container/shim_client.h"

#include "engine/container/shim_handle.h"
#include "lib/base/cleanup.h"
#include "lib/base/clock.h"
#include "lib/base/fault.h"
#include "lib/base/fd.h"
#include "lib/base/path.h"
#include "lib/base/spawn.h"
#include "runtime/compile/builder.h"

#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/stat.h>

#define LAUNCH_NS (60 * CLOCK_S) /* hooks and slow disks stand in it */
#define EARLY_MAX 4096

/* ---- handles -------------------------------------------------------------------------- */
struct shim *shim_new(struct shim_hub *hub, const char *id, void *data)
{
	struct shim *s = calloc(1, sizeof *s);
	pthread_condattr_t mono;

	if (!s)
		return NULL;
	s->hub = hub;
	s->sock = s->pidfd = s->netns = -1;
	s->data = data;
	atomic_init(&s->refs, 1);
	path_format(s->short_id, sizeof s->short_id, "%.12s", id);
	pthread_mutex_init(&s->talk, NULL);
	pthread_mutex_init(&s->lock, NULL);
	pthread_condattr_init(&mono);
	pthread_condattr_setclock(&mono, CLOCK_MONOTONIC);
	pthread_cond_init(&s->answered, &mono);
	pthread_condattr_destroy(&mono);
	return s;
}

void shim_ref(struct shim *s)
{
	atomic_fetch_add_explicit(&s->refs, 1, memory_order_relaxed);
}

void shim_unref(struct shim *s)
{
	if (!s || atomic_fetch_sub_explicit(&s->refs, 1, memory_order_acq_rel) != 1)
		return;
	int fds[] = { s->sock, s->pidfd, s->netns };
	for (size_t i = 0; i < 3; i++)
		if (fds[i] >= 0)
			close(fds[i]);
	pthread_cond_destroy(&s->answered);
	pthread_mutex_destroy(&s->lock);
	pthread_mutex_destroy(&s->talk);
	free(s->early);
	free(s);
}

const struct shim_facts *shim_facts(const struct shim *s)
{
	return &s->facts;
}

void *shim_data(const struct shim *s)
{
	return s->data;
}

void shim_set_data(struct shim *s, void *data)
{
	s->data = data;
}

int shim_pidfd(const struct shim *s)
{
	return s->pidfd;
}

int shim_netns(const struct shim *s)
{
	return s->netns;
}

void shim_take_facts(struct shim *s, const struct proto_shim_facts *m, const int *fds, size_t nfds)
{
	s->facts = (struct shim_facts){ .pid = m->pid,
		.shim_pid = m->shim_pid,
		.start_time = m->start_time,
		.state = (enum proto_shim_state)m->state,
		.last_seq = m->last_seq,
		.netns_fd = m->netns_fd };
	path_format(s->facts.id, sizeof s->facts.id, "%s", m->id);
	path_format(s->facts.boot_id, sizeof s->facts.boot_id, "%s", m->boot_id);
	s->pidfd = fds[0];
	s->netns = nfds > 1 ? fds[1] : -1;
}

/* ---- reading in the caller's thread ---------------------------------------------------- */
static int died(struct error *err)
{
	return error_set(err, ERROR_UNAVAILABLE, ECONNRESET, "the container's supervisor has ended");
}

int shim_read(
	int sock, int64_t deadline_ns, void *buf, size_t size, int *fds, size_t *nfds, struct error *err)
{
	struct pollfd p = { .fd = sock, .events = POLLIN };
	int n;

	do
		n = poll(&p, 1, clock_poll_ms(deadline_ns));
	while (n < 0 && errno == EINTR);
	if (n == 0)
		return error_set(err, ERROR_TIMEOUT, ETIMEDOUT, "the container's supervisor does not answer");
	int type = proto_shim_recv_flags(sock, buf, size, fds, nfds, MSG_DONTWAIT);
	/* A reset: it was killed with a message of ours unread. */
	if (type == 0 || type == -ECONNRESET)
		return died(err);
	if (type < 0)
		return error_sys(err, -type, "cannot read from the container's supervisor");
	int r = proto_shim_check(buf, ((struct proto_shim_head *)buf)->size, nfds ? *nfds : 0);
	if (r == 0)
		return type;
	for (size_t i = 0; nfds && i < *nfds; i++)
		close(fds[i]);
	return error_sys(err, -r, "the container's supervisor sent something else");
}

/* ---- requests ---------------------------------------------------------------------------- */
static int send_now(struct shim *s, const void *a, size_t an, const void *b, size_t bn, const int *fds,
	size_t nfds, struct error *err)
{
	int r = proto_shim_send_until(
		s->sock, clock_mono_ns() + SHIM_TIMEOUT_S * CLOCK_S, a, an, b, bn, fds, nfds);

	if (r == -EPIPE || r == -ECONNRESET || r == -ENOTCONN)
		return died(err);
	return r < 0 ? error_sys(err, -r, "cannot write to the container's supervisor") : 0;
}

static int keep_early(struct shim *s, const struct proto_shim_event *event, struct error *err)
{
	if (s->n_early == EARLY_MAX)
		return error_set(
			err, ERROR_EXHAUSTED, E2BIG, "the container's supervisor has too much to tell");
	struct proto_shim_event *more = realloc(s->early, (s->n_early + 1) * sizeof *more);
	if (!more)
		return error_sys(err, ENOMEM, "cannot keep an event of the container's supervisor");
	more[s->n_early++] = *event;
	s->early = more;
	return 0;
}

/* Not committed, or not quite restored yet: nobody else reads. */
static int read_result(struct shim *s, uint32_t serial, int *ret_code, struct error *err)
{
	int64_t deadline = clock_mono_ns() + SHIM_TIMEOUT_S * CLOCK_S;
	union shim_message m;
	int type;

	do {
		type = shim_read(s->sock, deadline, &m, sizeof m, NULL, NULL, err);
		int r = type == PROTO_SHIM_EVENT ? keep_early(s, &m.event, err) : 0;
		if (r < 0 || type < 0)
			return r < 0 ? r : type;
	} while (type == PROTO_SHIM_EVENT);
	if (type != PROTO_SHIM_RESULT || m.result.serial != serial)
		return error_set(
			err, ERROR_INTERNAL, EPROTO, "the container's supervisor sent something else");
	*ret_code = m.result.code;
	return 0;
}

/* The hub's thread reads. */
static int await_result(struct shim *s, uint32_t serial, int *ret_code, struct error *err)
{
	int64_t deadline = clock_mono_ns() + SHIM_TIMEOUT_S * CLOCK_S;
	struct timespec t = { .tv_sec = deadline / CLOCK_S, .tv_nsec = deadline % CLOCK_S };
	int r = 0;

	pthread_mutex_lock(&s->lock);
	while (s->answer_serial != serial && !s->ended && r == 0)
		r = pthread_cond_timedwait(&s->answered, &s->lock, &t);
	bool have = s->answer_serial == serial;
	*ret_code = s->answer_code;
	pthread_mutex_unlock(&s->lock);
	if (have)
		return 0;
	return r ? error_set(err, ERROR_TIMEOUT, ETIMEDOUT, "the container's supervisor does not answer")
		 : died(err);
}

static int result_error(int code, struct error *err)
{
	switch (code) {
	case 0: return 0;
	case -ESRCH: return error_set(err, ERROR_CONFLICT, ESRCH, "the container has no process any more");
	case -ENOTTY: return error_set(err, ERROR_INVALID, ENOTTY, "the container has no terminal");
	case -ENOMEM: return error_set(err, ERROR_EXHAUSTED, ENOMEM, "the container has too many clients");
	default: return error_sys(err, -code, "the container's supervisor could not do it");
	}
}

/* Every request begins as struct proto_shim_request. */
static int ask(struct shim *s, void *message, size_t n, const void *tail, size_t tail_n, const int *fds,
	size_t nfds, struct error *err)
{
	struct proto_shim_request *request = message;
	int code = 0;

	pthread_mutex_lock(&s->talk);
	request->serial = ++s->serial;
	int r = send_now(s, message, n, tail, tail_n, fds, nfds, err);
	if (r == 0)
		r = s->registered ? await_result(s, request->serial, &code, err)
				  : read_result(s, request->serial, &code, err);
	pthread_mutex_unlock(&s->talk);
	return r < 0 ? r : result_error(code, err);
}

int shim_keep(struct shim *s, const int *fds, size_t nfds, struct error *err)
{
	struct proto_shim_request m = { .head = proto_shim_head(PROTO_SHIM_KEEP, sizeof m) };

	return nfds ? ask(s, &m, sizeof m, NULL, 0, fds, nfds, err) : 0;
}

int shim_signal(struct shim *s, int sig, struct error *err)
{
	struct proto_shim_signal m = { .head = proto_shim_head(PROTO_SHIM_SIGNAL, sizeof m), .signal = sig };

	return ask(s, &m, sizeof m, NULL, 0, NULL, 0, err);
}

int shim_stop(struct shim *s, int sig, int64_t timeout_ns, struct error *err)
{
	struct proto_shim_stop m = {
		.head = proto_shim_head(PROTO_SHIM_STOP, sizeof m), .signal = sig, .timeout_ns = timeout_ns
	};

	return ask(s, &m, sizeof m, NULL, 0, NULL, 0, err);
}

int shim_kill(struct shim *s, struct error *err)
{
	struct proto_shim_request m = { .head = proto_shim_head(PROTO_SHIM_KILL, sizeof m) };

	return ask(s, &m, sizeof m, NULL, 0, NULL, 0, err);
}

int shim_resize(struct shim *s, const char *exec, unsigned rows, unsigned cols, struct error *err)
{
	struct proto_shim_resize m = { .head = proto_shim_head(PROTO_SHIM_RESIZE, sizeof m),
		.rows = (uint16_t)rows,
		.cols = (uint16_t)cols };

	path_format(m.exec, sizeof m.exec, "%s", exec ? exec : "");
	return ask(s, &m, sizeof m, NULL, 0, NULL, 0, err);
}

int shim_attach(struct shim *s, const struct shim_attach *what, int sock, struct error *err)
{
	size_t n = what->head_n + what->pending_n + what->keys_n;
	struct proto_shim_attach m = { .head = proto_shim_head(PROTO_SHIM_ATTACH, sizeof m + n),
		.flags = what->flags,
		.head_size = (uint32_t)what->head_n,
		.pending_size = (uint32_t)what->pending_n,
		.keys_size = (uint32_t)what->keys_n };
	auto_free char *tail = malloc(n + 1);

	if (!tail)
		return error_sys(err, ENOMEM, "cannot hand a client over");
	if (what->head_n > PROTO_HEAD_MAX || what->pending_n > PROTO_PENDING_MAX ||
		what->keys_n > PROTO_KEYS_MAX)
		return error_invalid(err, "the client has sent too much before the stream began");
	if (what->head_n)
		memcpy(tail, what->head, what->head_n);
	if (what->pending_n)
		memcpy(tail + what->head_n, what->pending, what->pending_n);
	if (what->keys_n)
		memcpy(tail + what->head_n + what->pending_n, what->keys, what->keys_n);
	return ask(s, &m, sizeof m, tail, n, &sock, 1, err);
}

int shim_logs(struct shim *s, const struct shim_logs *what, int sock, struct error *err)
{
	struct proto_shim_logs m = { .head = proto_shim_head(PROTO_SHIM_LOGS, sizeof m + what->head_n),
		.flags = what->flags,
		.since_ns = what->since_ns,
		.until_ns = what->until_ns,
		.tail = what->tail,
		.head_size = (uint32_t)what->head_n };

	if (what->head_n > PROTO_HEAD_MAX)
		return error_invalid(err, "the answer's head is too long");
	return ask(s, &m, sizeof m, what->head, what->head_n, &sock, 1, err);
}

/* ---- exec ------------------------------------------------------------------------------------ */
static size_t padded(size_t n)
{
	return (n + 7) / 8 * 8;
}

static void put(char **at, const void *data, size_t n)
{
	if (n)
		memcpy(*at, data, n);
	*at += padded(n);
}

/* Only a shim that runs is asked: the hub reads. */
static int ask_exec(struct shim *s, struct proto_shim_exec *m, const char *tail, size_t n, const int *fds,
	size_t nfds, struct proto_shim_exec_result *ret, struct error *err)
{
	int code = 0;

	pthread_mutex_lock(&s->talk);
	m->serial = ++s->serial;
	int r = s->registered ? send_now(s, m, sizeof *m, tail, n, fds, nfds, err)
			      : error_set(err, ERROR_CONFLICT, ESRCH, "the container does not run");
	if (r == 0)
		r = await_result(s, m->serial, &code, err);
	if (r == 0)
		*ret = s->exec_result;
	pthread_mutex_unlock(&s->talk);
	return r;
}

int shim_exec(struct shim *s, const struct shim_exec *what, pid_t *ret_pid, struct launch_error *ret_why,
	struct error *err)
{
	const struct shim_attach *c = &what->client;
	const bool client = what->sock >= 0;
	size_t n = padded(what->record->size) +
		   (client ? padded(c->head_n) + padded(c->pending_n) + padded(c->keys_n) : 0);
	struct proto_shim_exec m = { .head = proto_shim_head(PROTO_SHIM_EXEC, sizeof m + n),
		.flags = client ? c->flags : 0,
		.settings = what->open_stdin ? PROTO_SETTINGS_STDIN : 0,
		.record_size = (uint32_t)what->record->size,
		.record_fds = what->nfds };
	struct proto_shim_exec_result result = { .code = 0 };
	auto_free char *tail = calloc(1, n + 1);
	char *at = tail;
	int fds[PROTO_SHIM_FDS_MAX];

	ret_why->phase = LAUNCH_PHASE_NONE;
	if (!tail)
		return error_sys(err, ENOMEM, "cannot write an exec request");
	if (what->record->size > PROTO_EXEC_RECORD_MAX || what->nfds >= PROTO_SHIM_FDS_MAX ||
		c->pending_n > PROTO_PENDING_MAX)
		return error_set(err, ERROR_EXHAUSTED, E2BIG, "too much for one exec");
	path_format(m.id, sizeof m.id, "%s", what->id);
	put(&at, what->record->data, what->record->size);
	if (client) {
		m.head_size = (uint32_t)c->head_n;
		m.pending_size = (uint32_t)c->pending_n;
		m.keys_size = (uint32_t)c->keys_n;
		put(&at, c->head, c->head_n);
		put(&at, c->pending, c->pending_n);
		put(&at, c->keys, c->keys_n);
	}
	for (size_t i = 0; i < what->nfds; i++)
		fds[i] = what->fds[i];
	fds[what->nfds] = what->sock;
	int r = ask_exec(s, &m, tail, n, fds, what->nfds + client, &result, err);
	if (r < 0)
		return r;
	*ret_pid = result.pid;
	ret_why->phase = result.failed.phase;
	ret_why->code = result.failed.code;
	memcpy(ret_why->detail, result.failed.detail, sizeof ret_why->detail);
	return result_error(result.code, err);
}

int shim_acknowledge(struct shim *s, uint64_t seq)
{
	struct proto_shim_ack m = { .head = proto_shim_head(PROTO_SHIM_ACK, sizeof m), .seq = seq };

	/* Serial 0 is nobody's: its answer is passed over. */
	return proto_shim_send_until(s->sock, 0, &m, sizeof m, NULL, 0, NULL, 0);
}

/* ---- launch ---------------------------------------------------------------------------------- */
struct launching {
	struct shim *shim;
	const struct shim_launch *what;
	int folder;
};

static int make_folder(struct launching *l, struct error *err)
{
	struct shim *s = l->shim;

	if (mkdirat(s->hub->folder, s->short_id, 0700) < 0)
		return error_sys(err, errno, "cannot make the supervisor's folder '%s'", s->short_id);
	l->folder = openat(s->hub->folder, s->short_id, O_RDONLY | O_DIRECTORY | O_CLOEXEC | O_NOFOLLOW);
	return l->folder < 0 ? error_sys(err, errno, "cannot open the supervisor's folder '%s'", s->short_id)
			     : 0;
}

/* Everything but the record, which is sent from where it is. */
static char *make_request(const struct shim_launch *w, size_t *ret_n)
{
	size_t attrs_n = w->log.attrs ? strlen(w->log.attrs) : 0;
	const size_t head_at = 0, settings_at = sizeof(struct proto_shim_launch);
	const size_t layout_at = padded(settings_at + sizeof(struct proto_shim_settings));
	const size_t attrs_at = padded(layout_at + sizeof *w->cgroups), n = padded(attrs_at + attrs_n);
	char *m = calloc(1, n);

	if (!m)
		return NULL;
	struct proto_shim_launch head = { .head = proto_shim_head(PROTO_SHIM_LAUNCH, n + w->record->size),
		.record_fds = w->nfds,
		.layout_size = sizeof *w->cgroups,
		.record_size = (uint32_t)w->record->size };
	struct proto_shim_settings settings = { .size = sizeof settings,
		.flags = (w->open_stdin ? PROTO_SETTINGS_STDIN : 0) |
			 (w->stdin_once ? PROTO_SETTINGS_STDIN_ONCE : 0),
		.log = w->log.kind,
		.log_files = w->log.files,
		.log_file_size = w->log.file_size,
		.attrs_size = (uint32_t)attrs_n };
	path_format(settings.id, sizeof settings.id, "%s", w->id);
	memcpy(m + head_at, &head, sizeof head);
	memcpy(m + settings_at, &settings, sizeof settings);
	memcpy(m + layout_at, w->cgroups, sizeof *w->cgroups);
	if (attrs_n)
		memcpy(m + attrs_at, w->log.attrs, attrs_n);
	*ret_n = n;
	return m;
}

static int send_launch(struct launching *l, struct error *err)
{
	const struct shim_launch *w = l->what;
	int fds[PROTO_SHIM_FDS_MAX];
	size_t n, nfds = w->nfds;

	if (w->nfds > LAUNCH_FDS_MAX || (w->log.attrs && strlen(w->log.attrs) > PROTO_LOG_ATTRS_MAX))
		return error_set(err, ERROR_EXHAUSTED, E2BIG, "too much for one launch");
	auto_free char *request = make_request(w, &n);
	if (!request)
		return error_sys(err, ENOMEM, "cannot write a launch request");
	if (nfds)
		memcpy(fds, w->fds, nfds * sizeof *fds);
	fds[nfds++] = l->folder;
	if (w->log.kind != PROTO_LOG_NONE)
		fds[nfds++] = w->log.folder;
	return send_now(l->shim, request, n, w->record->data, w->record->size, fds, nfds, err);
}

static int read_created(struct launching *l, struct launch_error *ret_why, struct error *err)
{
	union shim_message m;
	int fds[2];
	size_t nfds = 2;
	int type = shim_read(l->shim->sock, clock_mono_ns() + LAUNCH_NS, &m, sizeof m, fds, &nfds, err);

	if (type < 0)
		return type;
	if (type == PROTO_SHIM_CREATED) {
		shim_take_facts(l->shim, &m.facts, fds, nfds);
		return 0;
	}
	if (type != PROTO_SHIM_FAILED)
		return error_set(
			err, ERROR_INTERNAL, EPROTO, "the container's supervisor sent something else");
	*ret_why = m.failed.why;
	ret_why->detail[sizeof ret_why->detail - 1] = '\0';
	return error_set(err, ERROR_INTERNAL, ret_why->code, "cannot %s %s: %s",
		launch_phase_text(ret_why->phase), ret_why->detail, strerror(ret_why->code));
}

static int start(struct launching *l, struct launch_error *ret_why, struct error *err)
{
	int r = make_folder(l, err);

	if (r == 0)
		r = hub_spawn(l->shim->hub, &l->shim->sock, err);
	if (r == 0)
		r = fault_point("shim.spawned");
	if (r == 0)
		r = send_launch(l, err);
	return r == 0 ? read_created(l, ret_why, err) : r;
}

int shim_launch(struct shim_hub *hub, const struct shim_launch *what, struct shim **ret,
	struct launch_error *ret_why, struct error *err)
{
	struct launching l = { .shim = shim_new(hub, what->id, what->data), .what = what, .folder = -1 };

	if (!l.shim)
		return error_sys(err, ENOMEM, "cannot keep a supervisor");
	int r = start(&l, ret_why, err);
	if (l.folder >= 0)
		close(l.folder);
	if (r == 0) {
		*ret = l.shim;
		return 0;
	}
	if (l.folder >= 0)
		shim_remove_folder(hub, l.shim->short_id, NULL);
	shim_unref(l.shim); /* the end of the socket is the end of the shim */
	return r;
}

/* ---- commit --------------------------------------------------------------------------------------- */
static int read_started(struct shim *s, int64_t *ret_time_ns, struct launch_error *ret_why, struct error *err)
{
	union shim_message m;

	for (;;) {
		int type = shim_read(s->sock, clock_mono_ns() + LAUNCH_NS, &m, sizeof m, NULL, NULL, err);
		if (type < 0)
			return type;
		if (type == PROTO_SHIM_EVENT) {
			hub_tell(s, &m.event);
			continue;
		}
		if (type == PROTO_SHIM_STARTED) {
			if (ret_time_ns)
				*ret_time_ns = m.started.time_ns;
			return 0;
		}
		if (type != PROTO_SHIM_FAILED)
			return error_set(err, ERROR_INTERNAL, EPROTO,
				"the container's supervisor sent something else");
		*ret_why = m.failed.why;
		ret_why->detail[sizeof ret_why->detail - 1] = '\0';
		return error_set(err, ERROR_INVALID, ret_why->code, "cannot %s %s: %s",
			launch_phase_text(ret_why->phase), ret_why->detail, strerror(ret_why->code));
	}
}

static void set_ended(struct shim *s)
{
	pthread_mutex_lock(&s->lock);
	s->ended = true;
	pthread_mutex_unlock(&s->lock);
}

/* It is dead, or stuck: then the word waits for it, and nobody for its answer. */
static void give_up(struct shim *s)
{
	struct proto_shim_request m = { .head = proto_shim_head(PROTO_SHIM_TEARDOWN, sizeof m) };

	proto_shim_send_until(s->sock, 0, &m, sizeof m, NULL, 0, NULL, 0);
	set_ended(s);
}

int shim_commit(struct shim *s, int64_t *ret_time_ns, struct launch_error *ret_why, struct error *err)
{
	struct proto_shim_request m = { .head = proto_shim_head(PROTO_SHIM_COMMIT, sizeof m) };

	ret_why->phase = LAUNCH_PHASE_NONE;
	pthread_mutex_lock(&s->talk);
	int r = send_now(s, &m, sizeof m, NULL, 0, NULL, 0, err);
	if (r == 0)
		r = read_started(s, ret_time_ns, ret_why, err);
	if (r < 0 && ret_why->phase == LAUNCH_PHASE_NONE)
		give_up(s);
	else
		hub_register(s);
	pthread_mutex_unlock(&s->talk);
	return r;
}

static void close_and_wait(struct shim *s)
{
	char byte;
	struct pollfd p = { .fd = s->sock, .events = POLLIN };
	int64_t deadline = clock_mono_ns() + SHIM_TIMEOUT_S * CLOCK_S;

	shutdown(s->sock, SHUT_WR);
	while (poll(&p, 1, clock_poll_ms(deadline)) > 0)
		if (recv(s->sock, &byte, 1, MSG_DONTWAIT) <= 0)
			break;
}

void shim_abandon(struct shim *s)
{
	pthread_mutex_lock(&s->talk);
	close_and_wait(s);
	set_ended(s);
	pthread_mutex_unlock(&s->talk);
	shim_remove_folder(s->hub, s->short_id, NULL);
}

/* ---- the end ---------------------------------------------------------------------------------------- */
static bool has_ended(struct shim *s)
{
	pthread_mutex_lock(&s->lock);
	bool ended = s->ended;
	pthread_mutex_unlock(&s->lock);
	return ended;
}

static void set_finished(struct shim *s)
{
	pthread_mutex_lock(&s->lock);
	s->finished = true;
	pthread_mutex_unlock(&s->lock);
}

int shim_finish(struct shim *s, struct error *err)
{
	struct proto_shim_ack m = { .head = proto_shim_head(PROTO_SHIM_ACK, sizeof m), .seq = UINT64_MAX };
	int r = 0;

	if (!has_ended(s)) {
		set_finished(s); /* before it is asked: its end, as soon as it has answered, is no death */
		r = ask(s, &m, sizeof m, NULL, 0, NULL, 0, err);
		shutdown(s->sock, SHUT_RDWR); /* the hub lets it go */
	}
	if (r < 0 && has_ended(s))
		r = 0; /* it died meanwhile: nothing is held any more */
	int r2 = shim_remove_folder(s->hub, s->short_id, r < 0 ? NULL : err);
	return r < 0 ? r : r2;
}

void shim_teardown(struct shim *s)
{
	struct proto_shim_request m = { .head = proto_shim_head(PROTO_SHIM_TEARDOWN, sizeof m) };

	set_finished(s);
	if (!has_ended(s) && ask(s, &m, sizeof m, NULL, 0, NULL, 0, NULL) == 0 && !s->registered)
		close_and_wait(s);
	shutdown(s->sock, SHUT_RDWR);
	shim_remove_folder(s->hub, s->short_id, NULL);
}
