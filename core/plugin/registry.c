/* SPDX-License-Identifier: Apache-2.0 */
#include "core/plugin/registry.h"

#include "core/plugin/loader.h"
#include "core/plugin/open.h"
#include "lib/base/cleanup.h"
#include "lib/base/clock.h"
#include "lib/base/path.h"
#include "lib/base/str.h"

#include <dirent.h>
#include <errno.h>
#include <stdio.h>
#include <string.h>

#define PLUGINS_MAX  256
#define CHECK_STEP_S 5

struct registry {
	struct plugin *plugins;
	size_t n;
};

/* ---- finding files ---------------------------------------------------------------------- */

static int is_plugin_name(const struct dirent *e)
{
	return e->d_name[0] != '.' && str_ends_with(e->d_name, ".so");
}

static int by_name(const struct dirent **a, const struct dirent **b)
{
	return strcmp((*a)->d_name, (*b)->d_name);
}

static int add_file(struct registry *reg, const char *path, struct error *err)
{
	if (reg->n == PLUGINS_MAX)
		return error_invalid(err, "more than %d plugins", PLUGINS_MAX);
	struct plugin *bigger = realloc(reg->plugins, (reg->n + 1) * sizeof *bigger);
	char *copy = strdup(path);
	if (bigger)
		reg->plugins = bigger;
	if (!bigger || !copy) {
		free(copy);
		return error_sys(err, ENOMEM, "cannot load '%s'", path);
	}
	reg->plugins[reg->n++] = (struct plugin){ .path = copy, .err = ERROR_INIT };
	return 0;
}

static int add_dir(struct registry *reg, const char *dir, struct error *err)
{
	struct dirent **names = NULL;
	char clean[4096], path[4096 + 256];
	int r = 0;

	if (dir[0] != '/' || path_clean(dir, clean, sizeof clean) < 0)
		return error_invalid(err, "plugin folder '%s' is not an absolute path", dir);
	int n = scandir(clean, &names, is_plugin_name, by_name);
	if (n < 0)
		return error_sys(err, errno, "cannot list plugin folder '%s'", clean);
	for (int i = 0; i < n; i++) {
		snprintf(path, sizeof path, "%s/%s", clean, names[i]->d_name);
		if (r == 0)
			r = add_file(reg, path, err);
		free(names[i]);
	}
	free(names);
	return r;
}

/* Beside the program in a build tree or a relocated installation; else where it was installed. */
static int add_default(struct registry *reg, struct error *err)
{
	char exe[4096], dir[4096 + 64];
	ssize_t n = readlink("/proc/self/exe", exe, sizeof exe - 1);

	if (n > 0) {
		exe[n] = '\0';
		*strrchr(exe, '/') = '\0';
		snprintf(dir, sizeof dir, "%s/../lib/gantry/plugins", exe);
		if (path_clean(dir, dir, sizeof dir) == 0 && access(dir, F_OK) == 0)
			return add_dir(reg, dir, err);
	}
	return access(GANTRY_PLUGIN_INSTALL_DIR, F_OK) == 0 ? add_dir(reg, GANTRY_PLUGIN_INSTALL_DIR, err)
							    : 0;
}

static int find_files(struct registry *reg, const struct registry_config *c, struct error *err)
{
	int r = c->dirs_n == 0 && c->files_n == 0 ? add_default(reg, err) : 0;

	for (size_t i = 0; i < c->dirs_n && r == 0; i++)
		r = add_dir(reg, c->dirs[i], err);
	for (size_t i = 0; i < c->files_n && r == 0; i++)
		r = add_file(reg, c->files[i], err);
	return r;
}

/* ---- loading ---------------------------------------------------------------------------- */

static bool has_name(const struct gty_driver *d, const char *name)
{
	if (strcmp(d->name, name) == 0)
		return true;
	for (unsigned i = 0; d->aliases && d->aliases[i]; i++)
		if (strcmp(d->aliases[i], name) == 0)
			return true;
	return false;
}

/* The first name of d that another one has as well. */
static const char *shared_name(const struct gty_driver *d, const struct gty_driver *other)
{
	if (d->kind != other->kind)
		return NULL;
	if (has_name(other, d->name))
		return d->name;
	for (unsigned i = 0; d->aliases && d->aliases[i]; i++)
		if (has_name(other, d->aliases[i]))
			return d->aliases[i];
	return NULL;
}

static int refuse_duplicates(const struct registry *reg, const struct gty_plugin *object, struct error *err)
{
	for (unsigned k = 0; object->drivers[k]; k++) {
		for (unsigned j = 0; j < k; j++) {
			const char *name = shared_name(object->drivers[k], object->drivers[j]);
			if (name)
				return error_invalid(err, "two of its drivers are called '%s'", name);
		}
		for (size_t i = 0; i < reg->n; i++) {
			const struct plugin *p = &reg->plugins[i];
			for (unsigned j = 0; p->object && j < p->drivers_n; j++) {
				const char *name = shared_name(object->drivers[k], p->drivers[j].decl);
				if (name)
					return error_invalid(err,
						"there is a %s driver '%s' already, in '%s'",
						p->drivers[j].kind->name, name, p->path);
			}
		}
	}
	return 0;
}

static int list_drivers(struct plugin *p, const struct gty_plugin *object, const struct checking_item *it)
{
	unsigned n = 0;

	while (object->drivers[n])
		n++;
	struct driver *v = calloc(n, sizeof *v);
	if (!v)
		return -ENOMEM;
	for (unsigned i = 0; i < n; i++)
		v[i] = (struct driver){ .plugin = p,
			.decl = object->drivers[i],
			.kind = kind_find(object->drivers[i]->kind),
			.usable = it->drivers[i].usable,
			.err = it->drivers[i].err };
	p->drivers = v;
	p->drivers_n = n;
	return 0;
}

static void load_one(struct registry *reg, struct plugin *p, const struct checking_item *it)
{
	const struct gty_plugin *object = NULL;

	p->reason = loader_load(p->path, &object, &p->err);
	if (p->reason == PLUGIN_OK && refuse_duplicates(reg, object, &p->err) < 0)
		p->reason = PLUGIN_DUPLICATE;
	if (p->reason == PLUGIN_OK)
		p->reason = checking_init(object, clock_mono_ns() + CHECK_STEP_S * CLOCK_S, &p->err);
	if (p->reason == PLUGIN_OK && list_drivers(p, object, it) < 0) {
		error_sys(&p->err, ENOMEM, "cannot list its drivers");
		p->reason = PLUGIN_LOAD;
	}
	if (p->reason == PLUGIN_OK)
		p->object = object;
}

static int check_and_load(struct registry *reg, const struct registry_config *config, struct error *err)
{
	const struct checking c = { .sink = &config->sink,
		.instance = config->instance,
		.scratch = config->scratch,
		.options = config->options,
		.options_n = config->options_n,
		.step_ns = config->check_ns > 0 ? config->check_ns : CHECK_STEP_S * CLOCK_S };
	auto_free struct checking_item *items = calloc(reg->n + 1, sizeof *items);

	if (!items)
		return error_sys(err, ENOMEM, "cannot check plugins");
	for (size_t i = 0; i < reg->n; i++) {
		struct plugin *p = &reg->plugins[i];
		p->reason = vet_file(p->path, path_is_below(p->path, GANTRY_PLUGIN_INSTALL_DIR), &p->err);
		items[i].path = p->reason == PLUGIN_OK ? p->path : NULL;
	}
	int r = checking_run(&c, items, reg->n, err);
	for (size_t i = 0; i < reg->n && r == 0; i++) {
		struct plugin *p = &reg->plugins[i];
		if (!items[i].path)
			continue;
		p->reason = items[i].reason;
		p->err = items[i].err;
		if (p->reason == PLUGIN_OK)
			load_one(reg, p, &items[i]);
	}
	return r;
}

int registry_load(const struct registry_config *config, struct registry **ret, struct error *err)
{
	struct registry *reg = calloc(1, sizeof *reg);
	int r = reg ? find_files(reg, config, err) : error_sys(err, ENOMEM, "cannot load plugins");

	if (r == 0)
		r = check_and_load(reg, config, err);
	if (r < 0) {
		registry_free(reg);
		return r;
	}
	*ret = reg;
	return 0;
}

void registry_free(struct registry *reg)
{
	if (!reg)
		return;
	for (size_t i = 0; i < reg->n; i++) {
		struct plugin *p = &reg->plugins[i];
		if (p->object && p->object->fini && instances_abandoned() == 0)
			p->object->fini();
		free(p->drivers);
		free(p->path);
	}
	free(reg->plugins);
	free(reg);
}

size_t registry_count(const struct registry *reg)
{
	return reg->n;
}

const struct plugin *registry_plugin(const struct registry *reg, size_t i)
{
	return &reg->plugins[i];
}

/* ---- choosing ----------------------------------------------------------------------------- */

const char *driver_api_name(const struct driver *d)
{
	return d->decl->aliases && d->decl->aliases[0] ? d->decl->aliases[0] : d->decl->name;
}

/* The drivers of a kind one after the other: *i counts plugins, *j their drivers. */
static const struct driver *next_driver(
	const struct registry *reg, const struct kind *kind, size_t *i, unsigned *j)
{
	for (; *i < reg->n; (*i)++, *j = 0)
		while (*j < reg->plugins[*i].drivers_n) {
			const struct driver *d = &reg->plugins[*i].drivers[(*j)++];
			if (d->kind == kind)
				return d;
		}
	return NULL;
}
#define each_driver(d, reg, kind) \
	for (struct {             \
		     size_t i;    \
		     unsigned j;  \
	     } at_ = { 0, 0 };    \
		((d) = next_driver((reg), (kind), &at_.i, &at_.j));)

const struct driver *registry_find(
	const struct registry *reg, const struct kind *kind, const char *name, struct error *err)
{
	const struct driver *d, *any = NULL;
	auto_str struct str known = STR_INIT(300);

	each_driver(d, reg, kind)
	{
		if (has_name(d->decl, name))
			return d;
		if (d->decl->flags & GTY_DRIVER_ANY_NAME)
			any = any ? any : d;
		str_addf(&known, "%s%s", known.len ? ", " : "", driver_api_name(d));
	}
	if (!any)
		error_set(err, ERROR_NOT_FOUND, ENOENT, "there is no %s driver '%.80s'; %s%s", kind->name,
			name, known.len ? "there are: " : "there are none", str_text(&known));
	return any;
}

static bool is_better(const struct driver *d, const struct driver *best)
{
	if (!d->usable || d->decl->priority < 0)
		return false;
	if (!best || d->decl->priority != best->decl->priority)
		return !best || d->decl->priority > best->decl->priority;
	return strcmp(d->decl->name, best->decl->name) < 0;
}

const struct driver *registry_choose(const struct registry *reg, const struct kind *kind, struct error *err)
{
	const struct driver *d, *best = NULL;
	auto_str struct str why = STR_INIT(400);

	each_driver(d, reg, kind)
	{
		if (is_better(d, best))
			best = d;
		else if (!d->usable)
			str_addf(&why, "%s%s: %.120s", why.len ? "; " : "", driver_api_name(d), d->err.text);
	}
	if (!best)
		error_set(err, ERROR_NOT_FOUND, ENOENT, "no %s driver can be used here%s%s", kind->name,
			why.len ? ": " : "", str_text(&why));
	return best;
}
