/* SPDX-License-Identifier: Apache-2.0 */
#include "core/plugin/call.h"

#include "core/plugin/block.h"
#include "core/plugin/remote.h"
#include "lib/base/cleanup.h"
#include "lib/base/clock.h"

#include <errno.h>
#include <signal.h>
#include <stdio.h>
#include <string.h>
#include <sys/eventfd.h>
#include <time.h>

#define STACK_SIZE    (1u << 20) /* virtual; a driver uses what it touches */
#define SUBJECT_SHOWN 64

static const char *subject_of(const struct call *call)
{
	if (!call->entry->subject || !call->req)
		return NULL;
	return *(const char *const *)((const char *)call->req + call->entry->subject);
}

/* "mount of 'ab12'" or "status". */
static const char *what(const struct call *call, char buf[static 128])
{
	const char *subject = subject_of(call);

	if (subject)
		snprintf(buf, 128, "%s of '%.*s'", call->entry->name, SUBJECT_SHOWN, subject);
	else
		snprintf(buf, 128, "%s", call->entry->name);
	return buf;
}

void instance_init(struct instance *in)
{
	pthread_mutex_init(&in->lock, NULL);
	pthread_cond_init(&in->work, NULL);
	pthread_cond_init(&in->idle, NULL);
	order_init(&in->order);
	in->ready_last = &in->ready;
}

/* ---- on the driver's thread ---------------------------------------------------- */

/* Called with the lock, for calls that got all they waited for. */
static void make_ready(struct order_user *user, void *arg)
{
	struct call *call = (struct call *)((char *)user - offsetof(struct call, order));
	struct instance *in = arg;

	call->next = NULL;
	*in->ready_last = call;
	in->ready_last = &call->next;
	pthread_cond_signal(&in->work);
}

/* What a late or refused success made is taken back on the same thread, while the objects are still busy. */
static void undo(struct instance *in, struct call *call, const char *why)
{
	const struct entry *e = call->entry->undo ? &in->kind->entries[call->entry->undo - 1] : NULL;
	struct call *back = NULL;
	struct error err = ERROR_INIT;
	char req[512] = { 0 }, text[128];

	if (!e || call->repeat || !in->host)
		return;
	if (e->req && e->req->size > sizeof req)
		return;
	if (call->entry->fill_undo && !call->entry->fill_undo(call->req, call->rep, req))
		return;
	if (block_new(in->kind, call->entry->undo - 1u, req, clock_mono_ns() + in->timeout_ns, &back, &err) ==
		0) {
		if (in->remote)
			remote_call(in->remote, back, &in->facts, in->driver);
		else
			block_run(back, &in->target, &in->facts, in->driver);
		err = back->err;
	}
	what(call, text);
	if (back && back->result == 0)
		host_note(in->host, GTY_LOG_WARNING, "%s %s; undone by %s", text, why, e->name);
	else
		host_note(in->host, GTY_LOG_ERROR, "%s %s and could not be undone by %s: %s", text, why,
			e->name, err.text);
	block_unref(back);
}

static void run_one(struct instance *in, struct call *call, int cancel)
{
	int refused;

	call->state = CALL_RUNNING;
	call->cancel = cancel;
	call->pub.cancel_fd = cancel;
	call->started_ns = clock_mono_ns();
	in->queued--;
	in->running++;
	pthread_mutex_unlock(&in->lock);
	if (in->remote)
		refused = remote_call(in->remote, call, &in->facts, in->driver);
	else
		refused = block_run(call, &in->target, &in->facts, in->driver);
	if (refused)
		undo(in, call, "was answered wrongly");
	pthread_mutex_lock(&in->lock);
	if (call->given_up) {
		pthread_mutex_unlock(&in->lock);
		if (call->result == 0)
			undo(in, call, "succeeded after its deadline");
		pthread_mutex_lock(&in->lock);
		in->stuck--;
	}
	in->running--;
	call->state = CALL_OVER;
	order_leave(&in->order, &call->order, make_ready, in);
	if (!call->given_up)
		pthread_cond_signal(&call->over);
	pthread_cond_broadcast(&in->idle);
}

static void *serve(void *arg)
{
	struct instance *in = arg;
	int cancel = eventfd(0, EFD_CLOEXEC | EFD_NONBLOCK);

	pthread_mutex_lock(&in->lock);
	for (;;) {
		while (!in->ready && !in->closing) {
			in->sleeping++;
			pthread_cond_wait(&in->work, &in->lock);
			in->sleeping--;
		}
		struct call *call = in->ready;
		if (!call)
			break;
		in->ready = call->next;
		if (!in->ready)
			in->ready_last = &in->ready;
		run_one(in, call, cancel);
		bool signalled = call->given_up;
		pthread_mutex_unlock(&in->lock);
		block_unref(call);
		uint64_t n;
		if (signalled && read(cancel, &n, sizeof n) < 0 && errno != EAGAIN)
			host_note(in->host, GTY_LOG_ERROR, "cannot reset a cancel descriptor: %s",
				strerror(errno));
		pthread_mutex_lock(&in->lock);
	}
	if (cancel >= 0)
		close(cancel);
	in->threads--;
	pthread_cond_broadcast(&in->idle);
	pthread_mutex_unlock(&in->lock);
	return NULL;
}

/* Called with the lock.  Threads are detached: instance_stop waits for their number. */
static int add_thread(struct instance *in)
{
	pthread_attr_t attr;
	sigset_t all, old;
	pthread_t id;

	pthread_attr_init(&attr);
	pthread_attr_setstacksize(&attr, STACK_SIZE);
	pthread_attr_setdetachstate(&attr, PTHREAD_CREATE_DETACHED);
	sigfillset(&all);
	pthread_sigmask(SIG_SETMASK, &all, &old);
	int r = pthread_create(&id, &attr, serve, in);
	pthread_sigmask(SIG_SETMASK, &old, NULL);
	pthread_attr_destroy(&attr);
	if (r == 0)
		in->threads++;
	return -r;
}

/* ---- on the caller's thread ------------------------------------------------------ */

static int refuse(struct instance *in, struct call *call, struct error *err)
{
	char text[128];

	what(call, text);
	if (in->closing)
		return error_set(err, ERROR_UNAVAILABLE, ESHUTDOWN, "driver '%s' is being closed", in->name);
	if (in->stuck >= CALL_STUCK_MAX)
		return error_set(err, ERROR_UNAVAILABLE, EBUSY,
			"driver '%s' is not asked for %s: %u earlier calls are stuck in it", in->name, text,
			in->stuck);
	return error_set(err, ERROR_UNAVAILABLE, EAGAIN,
		"driver '%s' is not asked for %s: %u calls wait for it", in->name, text, in->queued);
}

/* Called with the lock. */
static int submit(struct instance *in, struct call *call, struct error *err)
{
	struct order_wants wants = { 0 };

	if (in->closing || in->stuck >= CALL_STUCK_MAX || in->queued >= CALL_QUEUE_MAX)
		return refuse(in, call, err);
	if (in->sleeping <= in->queued && in->threads < CALL_THREADS) {
		int r = add_thread(in);
		if (r < 0 && in->threads == 0)
			return error_sys(err, -r, "cannot start a thread for driver '%s'", in->name);
	}
	if (call->entry->order)
		call->entry->order(call->req, &wants);
	order_add_driver(&wants, false);
	int now = order_enter(&in->order, &call->order, &wants);
	if (now < 0)
		return error_sys(err, -now, "cannot call driver '%s'", in->name);
	in->queued++;
	block_ref(call);
	if (now)
		make_ready(&call->order, in);
	return 0;
}

static int64_t timeout_of(const struct instance *in, const struct entry *e, const struct call_by *by)
{
	if (by && by->timeout_ns > 0)
		return by->timeout_ns;
	return e->timeout_s ? e->timeout_s * CLOCK_S : in->timeout_ns;
}

static void init_cond(struct call *call)
{
	pthread_condattr_t attr;

	pthread_condattr_init(&attr);
	pthread_condattr_setclock(&attr, CLOCK_MONOTONIC);
	pthread_cond_init(&call->over, &attr);
	pthread_condattr_destroy(&attr);
	call->has_cond = true;
}

int call_begin(struct instance *in, unsigned entry, const void *req, const struct call_by *by,
	struct call **ret, struct error *err)
{
	const struct entry *e = &in->kind->entries[entry];
	struct call *call;
	int r;

	if (e->class == ENTRY_OPTIONAL && !kind_has_entry(in->kind, in->target.ops, entry))
		return error_set(
			err, ERROR_UNSUPPORTED, ENOTSUP, "driver '%s' does not offer %s", in->name, e->name);
	r = block_new(in->kind, entry, req, clock_mono_ns() + timeout_of(in, e, by), &call, err);
	if (r < 0)
		return r;
	init_cond(call);
	call->in = in;
	call->repeat = by && by->repeat;
	snprintf(call->trace, sizeof call->trace, "%s", by && by->trace ? by->trace : "");
	pthread_mutex_lock(&in->lock);
	r = submit(in, call, err);
	pthread_mutex_unlock(&in->lock);
	if (r < 0) {
		block_unref(call);
		return r;
	}
	*ret = call;
	return 0;
}

/* Called with the lock: a call that no thread has taken yet. */
static void withdraw(struct instance *in, struct call *call)
{
	struct call **p = &in->ready;

	while (*p && *p != call)
		p = &(*p)->next;
	if (*p) {
		*p = call->next;
		if (!*p)
			in->ready_last = p;
	}
	order_leave(&in->order, &call->order, make_ready, in);
	in->queued--;
	call->state = CALL_OVER;
	block_unref(call);
	pthread_cond_broadcast(&in->idle);
}

/* Called with the lock. */
static int give_up(struct instance *in, struct call *call, struct error *err)
{
	char text[128];
	double s = (double)(clock_mono_ns() - call->started_ns) / CLOCK_S;
	uint64_t one = 1;

	what(call, text);
	if (call->state == CALL_WAITING) {
		withdraw(in, call);
		return error_set(err, ERROR_UNAVAILABLE, ETIMEDOUT,
			"driver '%s' did not come to %s in time: the object or the driver is busy with "
			"earlier calls",
			in->name, text);
	}
	call->given_up = true;
	in->stuck++;
	pthread_cond_broadcast(&in->idle);
	if (call->cancel >= 0 && write(call->cancel, &one, sizeof one) < 0)
		host_note(in->host, GTY_LOG_ERROR, "cannot cancel %s: %s", text, strerror(errno));
	return error_set(err, ERROR_UNAVAILABLE, ETIMEDOUT, "driver '%s' did not answer %s within %.1f s",
		in->name, text, s);
}

int call_end(struct call *call, void **ret_rep, struct error *err)
{
	struct instance *in = call->in;
	const struct timespec until = { call->pub.deadline_ns / CLOCK_S, call->pub.deadline_ns % CLOCK_S };
	int r = 0;

	pthread_mutex_lock(&in->lock);
	while (call->state != CALL_OVER && r == 0)
		r = pthread_cond_timedwait(&call->over, &in->lock, &until);
	r = call->state == CALL_OVER ? 0 : give_up(in, call, err);
	pthread_mutex_unlock(&in->lock);
	if (r == 0) {
		r = call->result;
		if (r < 0 && err)
			*err = call->err;
	}
	if (r == 0 && call->rep && ret_rep)
		*ret_rep = block_reply(call);
	else
		block_unref(call);
	return r;
}

int call_run(struct instance *in, unsigned entry, const void *req, const struct call_by *by, void **ret_rep,
	struct error *err)
{
	struct call *call;
	int r = call_begin(in, entry, req, by, &call, err);

	return r < 0 ? r : call_end(call, ret_rep, err);
}

void call_load(struct instance *in, struct call_load *ret)
{
	pthread_mutex_lock(&in->lock);
	*ret = (struct call_load){ in->threads, in->queued, in->running, in->stuck };
	pthread_mutex_unlock(&in->lock);
}

int instance_stop(struct instance *in)
{
	int r = 0;

	pthread_mutex_lock(&in->lock);
	in->closing = true;
	pthread_cond_broadcast(&in->work);
	while (in->threads > in->stuck || in->queued > 0)
		pthread_cond_wait(&in->idle, &in->lock);
	if (in->stuck > 0)
		r = -EBUSY;
	pthread_mutex_unlock(&in->lock);
	if (r < 0)
		return r;
	order_done(&in->order);
	pthread_mutex_destroy(&in->lock);
	pthread_cond_destroy(&in->work);
	pthread_cond_destroy(&in->idle);
	return 0;
}
