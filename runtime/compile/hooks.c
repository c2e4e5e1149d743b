/* SPDX-License-Identifier: Apache-2.0 */
#include "runtime/compile/context.h"

#include <errno.h>
#include <stdlib.h>

#define HOOKS_MAX   64 /* of one kind */
#define STRINGS_MAX 4096

static int read_hook(const struct field *f, const char **ret_path, uint32_t *ret_timeout)
{
	struct field at = field_any(f, "path");
	int64_t timeout = 0;
	int r;

	r = field_need_string(f, "path", ret_path);
	if (r == 0)
		r = field_int(f, "timeout", 1, INT32_MAX, &timeout, NULL);
	if (r == 0 && **ret_path != '/')
		r = field_invalid(&at, "'%s' is not an absolute path", *ret_path);
	*ret_timeout = (uint32_t)timeout;
	return r;
}

static int hooks_array(const struct field *hooks, const char *kind, struct field *ret)
{
	int r = field_array(hooks, kind, ret);

	if (r == 0 && field_count(ret) > HOOKS_MAX)
		r = field_invalid(ret, "more than %d hooks", HOOKS_MAX);
	return r;
}

/* ---- hooks of the record ------------------------------------------------------------ */
static int compile_hook(struct compile *c, const struct field *f, struct launch_hook *ret)
{
	const char *path = NULL;
	int r;

	*ret = (struct launch_hook){ 0 };
	r = read_hook(f, &path, &ret->timeout);
	if (r == 0)
		r = compile_strings(c, f, "args", STRINGS_MAX, &ret->args);
	if (r == 0)
		r = compile_strings(c, f, "env", STRINGS_MAX, &ret->env);
	if (r < 0)
		return r;
	ret->path = builder_str(&c->b, path);
	if (ret->args.n == 0)
		ret->args = builder_vec(&c->b, &ret->path, 1, sizeof ret->path, 1, "args");
	return 0;
}

static int compile_kind(
	struct compile *c, const struct field *hooks, const char *kind, struct launch_vec *ret)
{
	struct launch_hook items[HOOKS_MAX];
	struct field list, item;
	int r;

	r = hooks_array(hooks, kind, &list);
	for (size_t i = 0; r == 0 && i < field_count(&list); i++) {
		r = field_object_at(&list, i, &item);
		if (r == 0)
			r = compile_hook(c, &item, &items[i]);
	}
	if (r == 0)
		*ret = builder_vec(&c->b, items, field_count(&list), sizeof items[0], HOOKS_MAX, kind);
	return r;
}

int hooks_compile(struct compile *c, const struct field *config)
{
	struct field hooks, prestart, runtime;
	int r;

	r = field_object(config, "hooks", &hooks);
	if (r == 0)
		r = compile_kind(c, &hooks, "createContainer", &c->b.rec.create_hooks);
	if (r == 0)
		r = compile_kind(c, &hooks, "startContainer", &c->b.rec.start_hooks);
	if (r == 0)
		r = field_array(&hooks, "prestart", &prestart);
	if (r == 0)
		r = field_array(&hooks, "createRuntime", &runtime);
	if (r == 0 && field_count(&prestart) + field_count(&runtime) > 0)
		c->b.rec.flags |= LAUNCH_F_RUNTIME_HOOKS;
	return r;
}

/* ---- hooks of the caller -------------------------------------------------------------- */
static const char *const kinds[COMPILE_HOOK_KINDS] = {
	[COMPILE_HOOK_PRESTART] = "prestart",
	[COMPILE_HOOK_CREATE_RUNTIME] = "createRuntime",
	[COMPILE_HOOK_POSTSTART] = "poststart",
	[COMPILE_HOOK_POSTSTOP] = "poststop",
};

/* A NULL-ended list of the strings at `name`; the first is `standby` when there are none and it is not NULL.
 */
static int load_strings(const struct field *f, const char *name, const char *standby, const char ***ret)
{
	const char **list;
	struct field array;
	size_t n;
	int r;

	r = field_array(f, name, &array);
	if (r < 0)
		return r;
	n = field_count(&array);
	if (n > STRINGS_MAX)
		return field_invalid(&array, "more than %d strings", STRINGS_MAX);
	list = calloc(n + 2, sizeof *list);
	if (!list)
		return error_sys(f->err, ENOMEM, "cannot read hooks");
	*ret = list;
	if (n == 0)
		list[0] = standby;
	for (size_t i = 0; r == 0 && i < n; i++)
		r = field_string_at(&array, i, &list[i]);
	return r;
}

static int load_kind(const struct field *hooks, enum compile_hook_kind kind, struct compile_hooks *out)
{
	struct field list, item;
	int r;

	r = hooks_array(hooks, kinds[kind], &list);
	if (r < 0 || field_count(&list) == 0)
		return r;
	out->items[kind] = calloc(field_count(&list), sizeof *out->items[kind]);
	if (!out->items[kind])
		return error_sys(hooks->err, ENOMEM, "cannot read hooks");
	for (size_t i = 0; r == 0 && i < field_count(&list); i++) {
		struct compile_hook *hook = &out->items[kind][i];

		out->n[kind] = i + 1;
		r = field_object_at(&list, i, &item);
		if (r == 0)
			r = read_hook(&item, &hook->path, &hook->timeout);
		if (r == 0)
			r = load_strings(&item, "args", hook->path, &hook->args);
		if (r == 0)
			r = load_strings(&item, "env", NULL, &hook->env);
	}
	return r;
}

int compile_hooks_load(const struct json *config, struct compile_hooks *ret, struct error *err)
{
	struct field root = field_root(config, NULL, err), hooks;
	struct compile_hooks out = { 0 };
	int r;

	r = field_object(&root, "hooks", &hooks);
	for (int kind = 0; r == 0 && kind < COMPILE_HOOK_KINDS; kind++)
		r = load_kind(&hooks, (enum compile_hook_kind)kind, &out);
	if (r < 0) {
		compile_hooks_done(&out);
		return r;
	}
	*ret = out;
	return 0;
}

void compile_hooks_done(struct compile_hooks *hooks)
{
	for (int kind = 0; kind < COMPILE_HOOK_KINDS; kind++) {
		for (size_t i = 0; i < hooks->n[kind]; i++) {
			free(hooks->items[kind][i].args);
			free(hooks->items[kind][i].env);
		}
		free(hooks->items[kind]);
	}
	*hooks = (struct compile_hooks){ 0 };
}
