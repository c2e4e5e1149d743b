/* SPDX-License-Identifier: Apache-2.0 */
#include "runtime/compile/context.h"

#include "lib/base/sys.h"

#include <errno.h>
#include <sched.h>
#include <string.h>
#include <time.h>

static const struct field_choice kinds[] = {
	{ "pid", CLONE_NEWPID },
	{ "network", CLONE_NEWNET },
	{ "mount", CLONE_NEWNS },
	{ "ipc", CLONE_NEWIPC },
	{ "uts", CLONE_NEWUTS },
	{ "user", CLONE_NEWUSER },
	{ "cgroup", CLONE_NEWCGROUP },
	{ "time", CLONE_NEWTIME },
	{ 0 },
};

static const struct compile_join *find_join(const struct compile *c, uint32_t type)
{
	for (size_t i = 0; i < c->opts->n_joins; i++)
		if (c->opts->joins[i].type == type)
			return &c->opts->joins[i];
	return NULL;
}

static void add_join(
	struct compile *c, struct builder_list *joins, uint32_t type, uint32_t fd, const char *path)
{
	struct launch_join join = { .type = type, .fd = fd };

	if (fd == LAUNCH_NO_FD)
		join.path = builder_str(&c->b, path);
	builder_list_add(&c->b, joins, &join);
	c->ns_has |= type;
}

static int compile_entry(struct compile *c, const struct field *f, struct builder_list *joins)
{
	const char *name = NULL, *path = NULL;
	struct field at = field_any(f, "type");
	uint64_t type = 0;
	int r;

	r = field_need_string(f, "type", &name);
	if (r == 0)
		r = field_choose(&at, name, kinds, "namespace", &type);
	if (r == 0)
		r = field_string(f, "path", &path);
	if (r < 0)
		return r;
	if (c->ns_has & type)
		return field_invalid(&at, "a second '%s' namespace", name);
	if (find_join(c, (uint32_t)type))
		return 0; /* the caller has it */
	if (!path || !*path) {
		c->b.rec.ns_new |= (uint32_t)type;
		c->ns_has |= (uint32_t)type;
		return 0;
	}
	at = field_any(f, "path");
	if (type == CLONE_NEWNS)
		return field_unsupported(&at, "a container cannot be made in a mount namespace that exists");
	if (*path != '/')
		return field_invalid(&at, "'%s' is not an absolute path", path);
	add_join(c, joins, (uint32_t)type, LAUNCH_NO_FD, path);
	return 0;
}

static int compile_mappings(struct compile *c, const struct field *linux_)
{
	struct launch_record *rec = &c->b.rec;
	struct field uids = field_any(linux_, "uidMappings"), gids = field_any(linux_, "gidMappings");
	int r;

	r = idmap_compile(c, linux_, "uidMappings", &rec->uid_map);
	if (r == 0)
		r = idmap_compile(c, linux_, "gidMappings", &rec->gid_map);
	if (r < 0)
		return r;
	if (rec->ns_new & CLONE_NEWUSER) {
		if (rec->uid_map.n == 0)
			return field_invalid(&uids, "a new user namespace needs mappings");
		if (rec->gid_map.n == 0)
			return field_invalid(&gids, "a new user namespace needs mappings");
		return 0;
	}
	if (c->ns_has & CLONE_NEWUSER) /* it has its mappings; the configuration only tells them */
		rec->uid_map = rec->gid_map = (struct launch_vec){ 0 };
	else if (rec->uid_map.n || rec->gid_map.n)
		return field_invalid(rec->uid_map.n ? &uids : &gids, "mappings need a user namespace");
	return 0;
}

static const struct field_choice clocks[] = { { "monotonic", CLOCK_MONOTONIC },
	{ "boottime", CLOCK_BOOTTIME }, { 0 } };

static int compile_offset(const struct field *f, const char *name, struct launch_time_offset *ret)
{
	struct field at = field_any(f, "nanosecs");
	uint64_t clock = 0;
	int r;

	r = field_choose(f, name, clocks, "clock", &clock);
	if (r == 0)
		r = field_int(f, "secs", INT64_MIN, INT64_MAX, &ret->secs, NULL);
	if (r == 0)
		r = field_u32(f, "nanosecs", &ret->nanosecs, NULL);
	if (r == 0 && ret->nanosecs > 999999999)
		r = field_invalid(&at, "%u is more than a second", ret->nanosecs);
	ret->clock = (uint32_t)clock;
	return r;
}

static int compile_time_offsets(struct compile *c, const struct field *linux_)
{
	struct launch_time_offset offsets[2] = { 0 };
	struct field list, item;
	size_t n, i = 0;
	int r;

	r = field_object(linux_, "timeOffsets", &list);
	if (r < 0)
		return r;
	n = field_count(&list);
	if (n > 0 && !(c->b.rec.ns_new & CLONE_NEWTIME))
		return field_invalid(&list, "offsets need a new time namespace");
	json_each (list.json, it) {
		item = field_member(&list, it.key, it.value);
		if (i == sizeof offsets / sizeof offsets[0])
			return field_invalid(&list, "more clocks than monotonic and boottime");
		r = compile_offset(&item, it.key, &offsets[i++]);
		if (r < 0)
			return r;
	}
	c->b.rec.time_offsets = builder_vec(&c->b, offsets, n, sizeof offsets[0], 2, "linux.timeOffsets");
	return 0;
}

int namespaces_compile(struct compile *c, const struct field *config)
{
	struct builder_list joins = BUILDER_LIST_INIT(struct launch_join);
	struct field linux_, list, entry;
	int r;

	r = field_object(config, "linux", &linux_);
	if (r == 0)
		r = field_array(&linux_, "namespaces", &list);
	for (size_t i = 0; r == 0 && i < field_count(&list); i++) {
		r = field_object_at(&list, i, &entry);
		if (r == 0)
			r = compile_entry(c, &entry, &joins);
	}
	for (size_t i = 0; r == 0 && i < c->opts->n_joins; i++)
		add_join(c, &joins, c->opts->joins[i].type, c->opts->joins[i].fd, c->opts->joins[i].path);
	c->b.rec.joins = builder_take(&c->b, &joins, 8, "linux.namespaces");
	if (r < 0)
		return r;
	if (!(c->b.rec.ns_new & CLONE_NEWNS))
		return field_invalid(&list, "a container needs a new mount namespace");
	if (c->b.rec.ns_new & CLONE_NEWNET)
		c->b.rec.flags |= LAUNCH_F_LOOPBACK;
	r = compile_mappings(c, &linux_);
	return r < 0 ? r : compile_time_offsets(c, &linux_);
}
