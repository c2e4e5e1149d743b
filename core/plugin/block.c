/* SPDX-License-Identifier: Apache-2.0 */
#include "core/plugin/block.h"

#include "lib/base/cleanup.h"

#include <errno.h>
#include <fcntl.h>
#include <stdlib.h>
#include <string.h>

#define INLINE_ARENA 512
#define CHUNK_SIZE   4096

/* Stands before the reply, so that reply_free finds its block. */
struct rep_head {
	struct call *call;
	uint64_t pad;
};

struct call_chunk {
	struct call_chunk *next;
	size_t size, used;
	_Alignas(16) char bytes[];
};

static size_t align16(size_t n)
{
	return (n + 15) & ~(size_t)15;
}

static void *chunk_alloc(struct call *call, size_t size)
{
	struct call_chunk *c = call->chunks;

	if (!c || c->size - c->used < size) {
		size_t want = size > CHUNK_SIZE ? size : CHUNK_SIZE;
		c = calloc(1, sizeof *c + want);
		if (!c)
			return NULL;
		c->size = want;
		c->next = call->chunks;
		call->chunks = c;
	}
	void *p = c->bytes + c->used;
	c->used += size;
	return p;
}

static void *arena_alloc(struct gty_call *pub, size_t size)
{
	struct call *call = (struct call *)pub;
	void *p;

	if (size > CALL_ARENA_MAX)
		return NULL;
	size = align16(size ? size : 1);
	if (size > CALL_ARENA_MAX - call->arena_used)
		return NULL;
	if (call->arena && size <= INLINE_ARENA - call->inline_used) {
		p = call->arena + call->inline_used;
		call->inline_used += size;
	} else {
		p = chunk_alloc(call, size);
	}
	if (p)
		call->arena_used += size;
	return p;
}

static char *arena_strdup(struct gty_call *pub, const char *text)
{
	size_t n = strlen(text) + 1;
	char *p = arena_alloc(pub, n);

	if (p)
		memcpy(p, text, n);
	return p;
}

static int arena_fail(struct gty_call *pub, int32_t kind, int32_t sys_errno, const char *text)
{
	struct call *call = (struct call *)pub;

	if (sys_errno < 0 || sys_errno > 4095)
		sys_errno = EIO;
	if (!call->failed) {
		call->failed = true;
		if (kind < ERROR_INTERNAL || kind > ERROR_CANCELLED)
			kind = ERROR_INTERNAL;
		error_set(&call->err, kind, sys_errno, "%.480s", text ? text : "");
	}
	return sys_errno ? -sys_errno : -EIO;
}

static int dup_fd(int32_t *fd, void *arg)
{
	int *failed = arg;

	if (*fd < 0 || *failed) {
		*fd = -1;
		return 0;
	}
	*fd = fcntl(*fd, F_DUPFD_CLOEXEC, 3);
	if (*fd < 0)
		*failed = errno;
	return 0;
}

static int copy_request(struct call *call, const void *req, char *pool, struct error *err)
{
	const struct record *rec = call->entry->req;
	int failed = 0;

	record_copy(rec, call->req, req, &pool);
	record_each_fd(rec, call->req, dup_fd, &failed);
	return failed ? error_sys(err, failed, "cannot duplicate a descriptor for %s", call->entry->name) : 0;
}

static void place_reply(struct call *call, char *at)
{
	struct rep_head *head = (struct rep_head *)at;

	head->call = call;
	call->rep = head + 1;
	record_reset(call->entry->rep, call->rep);
	call->arena = (char *)call->rep + align16(call->entry->rep->size);
}

int block_new(const struct kind *kind, unsigned number, const void *req, int64_t deadline_ns,
	struct call **ret, struct error *err)
{
	const struct entry *entry = &kind->entries[number];
	size_t req_size = 0, rep_size = 0;
	int r = 0;

	if (entry->req) {
		r = record_measure(entry->req, req, &req_size, err);
		if (r < 0)
			return error_prefix(err, r, "cannot call %s", entry->name);
		req_size = align16(req_size + ((entry->req->size + 7u) & ~7u));
	}
	if (entry->rep)
		rep_size = sizeof(struct rep_head) + align16(entry->rep->size) + INLINE_ARENA;
	struct call *call = calloc(1, sizeof *call + req_size + rep_size);
	if (!call)
		return error_sys(err, ENOMEM, "cannot call %s", entry->name);
	call->pub = (struct gty_call){ .struct_size = sizeof call->pub,
		.cancel_fd = -1,
		.deadline_ns = deadline_ns,
		.trace = call->trace,
		.alloc = arena_alloc,
		.strdup = arena_strdup,
		.fail = arena_fail };
	atomic_init(&call->refs, 1);
	call->entry = entry;
	call->number = number;
	call->cancel = -1;
	if (entry->rep)
		place_reply(call, call->bytes + req_size);
	if (entry->req) {
		call->req = call->bytes;
		r = copy_request(call, req, call->bytes + ((entry->req->size + 7u) & ~7u), err);
	}
	if (r < 0) {
		block_unref(call);
		return r;
	}
	*ret = call;
	return 0;
}

struct call *block_ref(struct call *call)
{
	atomic_fetch_add(&call->refs, 1);
	return call;
}

void block_unref(struct call *call)
{
	if (!call || atomic_fetch_sub(&call->refs, 1) != 1)
		return;
	if (call->req)
		record_close_fds(call->entry->req, call->req);
	if (call->rep)
		record_close_fds(call->entry->rep, call->rep);
	while (call->chunks) {
		struct call_chunk *c = call->chunks;
		call->chunks = c->next;
		free(c);
	}
	if (call->has_cond)
		pthread_cond_destroy(&call->over);
	free(call);
}

void *block_reply(struct call *call)
{
	return call->rep;
}

void reply_free(void *rep)
{
	if (rep)
		block_unref(((struct rep_head *)rep - 1)->call);
}

/* ---- the judgement ---------------------------------------------------------------- */

struct fd_scan {
	const struct call *call;
	int32_t seen[16];
	unsigned n;
	struct error *err;
	int32_t wanted; /* while the request is searched */
};

static int fd_is_wanted(int32_t *fd, void *arg)
{
	return *fd == ((struct fd_scan *)arg)->wanted;
}

/* Open, close-on-exec, none of ours.  What is not the driver's to give is not ours to close: -1 then. */
static int check_fd(int32_t *fd, void *arg)
{
	struct fd_scan *s = arg;

	if (*fd < 0) {
		*fd = -1;
		return 0;
	}
	s->wanted = *fd;
	bool ours = *fd < 3 || (s->call->entry->req &&
				       record_each_fd(s->call->entry->req, s->call->req, fd_is_wanted, s));
	for (unsigned i = 0; i < s->n; i++)
		ours |= s->seen[i] == *fd;
	int flags = fcntl(*fd, F_GETFD);
	if (ours || flags < 0 || s->n == sizeof s->seen / sizeof s->seen[0]) {
		int given = *fd;
		*fd = -1;
		return error_invalid(s->err, "descriptor %d is %s", given,
			flags < 0 ? "not open" : "not the driver's to give away");
	}
	s->seen[s->n++] = *fd;
	return flags & FD_CLOEXEC ? 0 : error_invalid(s->err, "descriptor %d is not close-on-exec", *fd);
}

static int check_reply(struct call *call, const struct facts *facts, struct error *err)
{
	const struct entry *e = call->entry;
	struct fd_scan scan = { .call = call, .err = err };
	size_t size = 0;
	uint32_t said;
	int r;

	if (!e->rep)
		return 0;
	memcpy(&said, call->rep, sizeof said);
	if (e->rep->sized && said != e->rep->size)
		return error_invalid(err, "struct_size was changed to %u", said);
	r = record_measure(e->rep, call->rep, &size, err);
	if (r == 0)
		r = record_each_fd(e->rep, call->rep, check_fd, &scan);
	if (r == 0 && e->check)
		r = e->check(facts, call->req, call->rep, err);
	return r;
}

/* A refused reply: nothing in it is followed, its descriptors are closed if they are the driver's to give. */
static void drop_reply(struct call *call)
{
	struct fd_scan scan = { .call = call };
	const struct record *rec = call->entry->rep;

	for (uint16_t i = 0; rec && i < rec->n; i++) {
		if (rec->fields[i].type != FIELD_FD)
			continue;
		int32_t *fd = record_at(&rec->fields[i], call->rep);
		check_fd(fd, &scan);
		if (*fd >= 0)
			close(*fd);
	}
	if (rec)
		record_reset(rec, call->rep);
}

int block_judge(struct call *call, int r, const struct facts *facts, const char *name)
{
	struct error err = ERROR_INIT;

	if (r == 0 && check_reply(call, facts, &err) == 0) {
		call->result = 0;
		return 0;
	}
	if (r < 0) {
		if (!call->failed)
			error_set(&call->err, ERROR_INTERNAL, -r,
				"driver '%s' failed in %s without saying why: %s", name, call->entry->name,
				strerror(-r));
		call->result = r;
		/* A failed entry leaves its reply as it was; what it left there is not trusted. */
		if (call->rep)
			record_reset(call->entry->rep, call->rep);
		return 0;
	}
	if (r > 0)
		error_set(&err, ERROR_INTERNAL, EPROTO,
			"it returned %d, which is neither 0 nor a negative errno", r);
	error_set(&call->err, ERROR_INTERNAL, EPROTO, "driver '%s' answered %s wrongly: %s", name,
		call->entry->name, err.text);
	call->result = -EPROTO;
	drop_reply(call);
	return r == 0;
}

int block_run(struct call *call, struct target *target, const struct facts *facts, const char *name)
{
	int r = call->entry->run(target, &call->pub, call->req, call->rep);

	return block_judge(call, r, facts, name);
}
