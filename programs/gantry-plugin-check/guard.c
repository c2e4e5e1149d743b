/* SPDX-License-Identifier: Apache-2.0 */
#include "core/plugin/block.h"
#include "lib/base/clock.h"
#include "programs/gantry-plugin-check/check.h"
#include "programs/gantry-plugin-check/suite.h"

#include <fcntl.h>
#include <gantry/plugin.h>
#include <sched.h>
#include <stdio.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/stat.h>
#include <unistd.h>

/* rec->size bytes that end at a page nobody may touch. */
static void *guarded(const struct record *rec)
{
	size_t page = (size_t)sysconf(_SC_PAGESIZE), room = (rec->size + page - 1) / page * page;
	char *p = mmap(NULL, room + page, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);

	if (p == MAP_FAILED)
		return NULL;
	mprotect(p + room, page, PROT_NONE);
	record_reset(rec, p + room - rec->size);
	return p + room - rec->size;
}

/* A request with nothing in it but its size and the id, where an id is needed. */
static bool fill_request(const struct entry *e, void *req)
{
	record_reset(e->req, req);
	for (uint16_t i = 0; i < e->req->n; i++) {
		const struct field *f = &e->req->fields[i];
		if (f->type == FIELD_PTR)
			return false; /* an endpoint, a principal: the kind's suite has those */
		if (f->type == FIELD_STR && ((f->flags & FIELD_NEEDED) || f->offset == e->subject))
			memcpy(record_at(f, req), &(const char *){ suite_id_tmp(1) }, sizeof(char *));
	}
	return true;
}

static void call_guarded(struct suite *s, struct target *t, unsigned n)
{
	const struct entry *e = &s->driver->kind->entries[n];
	_Alignas(16) char req[512];
	struct error err = ERROR_INIT;
	struct call *call = NULL;
	void *rep = e->rep ? guarded(e->rep) : NULL;

	if (e->class == ENTRY_MADE || !rep || !kind_has_entry(s->driver->kind, t->ops, n) ||
		(e->req && !fill_request(e, req)))
		return;
	if (block_new(s->driver->kind, n, e->req ? req : NULL, clock_mono_ns() + 30 * CLOCK_S, &call, &err) <
		0)
		return;
	check_note("guarded: %s", e->name);
	int r = e->run(t, &call->pub, call->req, rep);
	uint32_t size;
	memcpy(&size, rep, sizeof size);
	check(size == e->rep->size, "%s leaves struct_size of its reply alone", e->name);
	if (r == 0)
		record_close_fds(e->rep, rep);
	block_unref(call);
}

void suite_guard(struct suite *s)
{
	struct driver_config config = suite_config(s, s->instances++);
	struct host *host = NULL;
	struct call *call = NULL;
	struct error err = ERROR_INIT;
	const struct kind *kind = s->driver->kind;

	/* What a network driver makes here is not taken back: it goes with the namespace. */
	if (kind->id == GTY_KIND_NETWORK && unshare(CLONE_NEWNET) < 0) {
		check_skip("no network namespace here", "guarded replies");
		return;
	}
	mkdir(config.root, 0700);
	mkdir(config.run_dir, 0700);
	int fd = open(config.root, O_PATH | O_DIRECTORY | O_CLOEXEC);
	if (host_new(config.sink, s->driver->decl->name, config.instance, config.run_dir, &host, &err) < 0)
		return;
	struct target t = { .ops = s->driver->decl->ops, .host = host_table(host) };
	const struct gty_open req = { .root_fd = fd,
		.name = s->driver->decl->name,
		.root = config.root,
		.opts = s->opts,
		.opts_n = s->opts_n };
	void *info = guarded(kind->entries[ENTRY_OPEN].rep);
	int r = info ? block_new(kind, ENTRY_OPEN, &req, clock_mono_ns() + 30 * CLOCK_S, &call, &err) : -1;
	if (r == 0)
		r = kind->entries[ENTRY_OPEN].run(&t, &call->pub, call->req, info);
	if (check(r == 0, "open fills a reply of x.0 size")) {
		for (unsigned n = ENTRY_FIRST; n < kind->entries_n; n++)
			call_guarded(s, &t, n);
		kind->entries[ENTRY_CLOSE].run(&t, &call->pub, NULL, NULL);
	}
	block_unref(call);
	host_free(host);
	close(fd);
}
