/* SPDX-License-Identifier: Apache-2.0 */
/* GET /containers/json: docker ps. */
#include "engine/container/object.h"
#include "engine/net/net.h"

#include "engine/container/show.h"
#include "engine/container/status.h"
#include "engine/image/image.h"
#include "lib/base/cleanup.h"
#include "lib/base/clock.h"
#include "lib/base/str.h"
#include "lib/json/json.h"
#include "lib/model/filters.h"

#include <errno.h>
#include <stdio.h>
#include <string.h>

#define COMMAND_MAX 65536

struct listing {
	const struct container_list *what;
	struct json *out;
	int64_t now_ns;
	int64_t before_ns, since_ns; /* created; 0: no limit */
	uint64_t n;
};

/* ---- filters --------------------------------------------------------------------- */
static const char *const unbuilt[] = { "health", "is-task", "isolation", NULL };

static int check_states(const struct filters *f, struct error *err)
{
	static const char *const states[] = { "created", "running", "paused", "restarting", "removing",
		"exited", "dead" };

	for (size_t i = 0; i < filters_count(f, "status"); i++) {
		const char *value = filters_value(f, "status", i);
		bool known = false;
		for (size_t s = 0; s < sizeof states / sizeof states[0]; s++)
			known |= strcmp(states[s], value) == 0;
		if (!known)
			return error_invalid(err,
				"invalid filter 'status=%s': invalid value for state (%s): must be one of "
				"created, running, paused, "
				"restarting, removing, exited, dead",
				value, value);
	}
	return 0;
}

static int check_exited(const struct filters *f, struct error *err)
{
	int64_t n;

	for (size_t i = 0; i < filters_count(f, "exited"); i++)
		if (str_to_i64(filters_value(f, "exited", i), INT32_MIN, INT32_MAX, &n) < 0)
			return error_invalid(err, "invalid filter 'exited=%s': give an exit code",
				filters_value(f, "exited", i));
	return 0;
}

static int time_of(
	struct containers *all, const struct filters *f, const char *key, int64_t *ret, struct error *err)
{
	struct container *c;

	if (filters_count(f, key) == 0)
		return 0;
	int r = containers_find(all, filters_value(f, key, 0), &c, err);
	if (r < 0)
		return r;
	*ret = c->created_ns;
	container_unref(c);
	return 0;
}

static int check(struct containers *all, struct listing *l, struct error *err)
{
	const struct filters *f = l->what->filters;

	for (size_t i = 0; unbuilt[i]; i++)
		if (filters_has(f, unbuilt[i]))
			return error_set(err, ERROR_UNSUPPORTED, ENOTSUP,
				"filter '%s' is not built into gantry " GANTRY_VERSION, unbuilt[i]);
	int r = check_states(f, err);
	if (r == 0)
		r = check_exited(f, err);
	if (r == 0)
		r = net_check_filters(f, err);
	if (r == 0)
		r = time_of(all, f, "before", &l->before_ns, err);
	return r == 0 ? time_of(all, f, "since", &l->since_ns, err) : r;
}

static bool exit_matches(const struct filters *f, const struct container_life *life)
{
	char code[16];

	if (!filters_has(f, "exited"))
		return true;
	snprintf(code, sizeof code, "%d", life->exit_code);
	return life->phase == CONTAINER_EXITED && filters_match(f, "exited", code);
}

/* By the image's id, the reference that was asked for, or what it is now. */
static bool ancestor_matches(const struct filters *f, const struct container *c)
{
	if (!filters_has(f, "ancestor") || filters_match(f, "ancestor", c->image_name) ||
		filters_match(f, "ancestor", c->image_id))
		return true;
	for (size_t i = 0; i < filters_count(f, "ancestor"); i++) {
		struct image *image;
		if (image_find(c->engine->images, filters_value(f, "ancestor", i), &image, NULL) < 0)
			continue;
		bool same = strcmp(image_id(image), c->image_id) == 0;
		image_unref(image);
		if (same)
			return true;
	}
	return false;
}

/* By a volume's name, or a destination. */
static bool volume_matches(const struct filters *f, const struct container *c)
{
	if (!filters_has(f, "volume"))
		return true;
	for (size_t i = 0; i < c->mounts.n; i++) {
		const struct mount_point *m = &c->mounts.v[i];
		if (filters_match(f, "volume", m->destination) ||
			(m->type == MOUNT_VOLUME && filters_match(f, "volume", m->name)))
			return true;
	}
	return false;
}

static bool matches(const struct listing *l, struct container *c, const struct container_life *life)
{
	const struct filters *f = l->what->filters;
	char name[300];

	if (life->phase == CONTAINER_CREATING || life->phase == CONTAINER_REMOVING)
		return false;
	if ((l->before_ns && c->created_ns >= l->before_ns) || (l->since_ns && c->created_ns <= l->since_ns))
		return false;
	if (!filters_match_prefix(f, "id", c->id) || !filters_match_labels(f, json_at(c->config, "Labels")))
		return false;
	show_name(c, name, sizeof name);
	if (!filters_match_regex(f, "name", name) && !filters_match_regex(f, "name", name + 1))
		return false;
	return filters_match(f, "status", show_state(life)) && exit_matches(f, life) &&
	       ancestor_matches(f, c) && volume_matches(f, c) && (!c->net || net_matches(c->net, f));
}

/* Without --all only what runs, unless a filter asks for others. */
static bool is_asked(const struct listing *l, const struct container_life *life)
{
	const struct filters *f = l->what->filters;

	return l->what->all || l->what->limit || life->phase == CONTAINER_RUNNING ||
	       filters_has(f, "status") || filters_has(f, "exited") || l->before_ns || l->since_ns;
}

/* ---- one line ---------------------------------------------------------------------- */
/* Words that a shell would split are quoted with ''. */
static void add_command(struct json *o, const struct container *c)
{
	static const char *const parts[] = { "Entrypoint", "Cmd" };
	auto_str struct str text = STR_INIT(COMMAND_MAX);

	for (size_t p = 0; p < 2; p++) {
		const struct json *list = json_at(c->config, parts[p]);
		for (size_t i = 0; i < json_count(list); i++) {
			const char *word = json_string(json_item(list, i));
			if (text.len)
				str_add_char(&text, ' ');
			if (text.len && strchr(word, ' '))
				str_addf(&text, "'%s'", word);
			else
				str_add(&text, word);
		}
	}
	json_set_string(o, "Command", str_text(&text));
}

static void add_line(struct listing *l, struct container *c, const struct container_life *life)
{
	struct json *o = json_add_object(l->out);
	struct status_facts facts = { .running = life->phase == CONTAINER_RUNNING,
		.paused = life->paused,
		.ever_started = life->started_ns != 0,
		.exit_code = life->exit_code,
		.started_ns = life->started_ns,
		.finished_ns = life->finished_ns };
	char name[300], status[STATUS_SIZE];

	json_set_string(o, "Id", c->id);
	json_add_string(json_set_array(o, "Names"), show_name(c, name, sizeof name));
	json_set_string(o, "Image", c->image_name);
	json_set_string(o, "ImageID", c->image_id);
	add_command(o, c);
	json_set_int(o, "Created", c->created_ns / CLOCK_S);
	json_set_null(o, "Ports");
	json_set(o, "Labels", json_copy(json_at(c->config, "Labels")));
	json_set_string(o, "State", show_state(life));
	json_set_string(o, "Status", status_text(&facts, l->now_ns, status));
	json_set_string(json_set_object(o, "HostConfig"), "NetworkMode",
		json_string(json_at(c->host_config, "NetworkMode")));
	if (c->net)
		net_summary(c->net, o);
	mounts_show(&c->mounts, json_set_array(o, "Mounts"));
}

static int visit(struct container *c, void *ctx)
{
	struct listing *l = ctx;
	struct container_life life = container_life(c);

	if (l->what->limit && l->n >= l->what->limit)
		return 1;
	if (!is_asked(l, &life) || !matches(l, c, &life))
		return 0;
	add_line(l, c, &life);
	l->n++;
	return 0;
}

int containers_list(
	struct containers *all, const struct container_list *what, struct json **ret, struct error *err)
{
	struct listing l = { .what = what, .now_ns = clock_real_ns() };
	int r = check(all, &l, err);

	if (r < 0)
		return r;
	l.out = json_new_array();
	r = containers_each(all, visit, &l);
	if (r < 0 || json_kind(l.out) != JSON_ARRAY) {
		json_free(l.out);
		return error_sys(err, ENOMEM, "cannot write the answer");
	}
	*ret = l.out;
	return 0;
}
