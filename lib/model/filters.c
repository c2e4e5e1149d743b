/* SPDX-License-Identifier: Apache-2.0 */
#include "lib/model/filters.h"

#include "lib/base/cleanup.h"
#include "lib/json/json.h"

#include <errno.h>
#include <regex.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>

#define TEXT_MAX (1u << 20)

struct value {
	char *text;
	regex_t regex;
	bool has_regex;
};

struct key {
	const char *name; /* of the table */
	struct value *values;
	size_t n;
};

#define KEYS_MAX 16

struct filters {
	struct key keys[KEYS_MAX];
	size_t n;
};

/* API 1.51; what dockerd 28.5.2 accepts. */
static const char *const keys_containers[] = { "ancestor", "before", "exited", "expose", "health", "id",
	"is-task", "isolation", "label", "name", "network", "publish", "since", "status", "volume", NULL };
static const char *const keys_images[] = { "dangling", "label", "label!", "before", "since", "reference",
	"until", NULL };
static const char *const keys_volumes[] = { "dangling", "driver", "label", "name", NULL };
static const char *const keys_networks[] = { "dangling", "driver", "id", "label", "name", "scope", "type",
	NULL };
static const char *const keys_events[] = { "config", "container", "daemon", "event", "image", "label",
	"network", "node", "plugin", "scope", "secret", "service", "type", "volume", NULL };
static const char *const keys_prune[] = { "label", "label!", "until", NULL };
static const char *const keys_prune_images[] = { "dangling", "label", "label!", "until", NULL };
static const char *const keys_prune_volumes[] = { "all", "label", "label!", NULL };

static const char *const *const tables[] = {
	[FILTERS_CONTAINERS] = keys_containers,
	[FILTERS_IMAGES] = keys_images,
	[FILTERS_VOLUMES] = keys_volumes,
	[FILTERS_NETWORKS] = keys_networks,
	[FILTERS_EVENTS] = keys_events,
	[FILTERS_PRUNE_CONTAINERS] = keys_prune,
	[FILTERS_PRUNE_IMAGES] = keys_prune_images,
	[FILTERS_PRUNE_NETWORKS] = keys_prune,
	[FILTERS_PRUNE_VOLUMES] = keys_prune_volumes,
};

/* ---- building ------------------------------------------------------------------------- */
static const char *known(enum filters_for what, const char *name)
{
	for (const char *const *k = tables[what]; *k; k++)
		if (strcmp(*k, name) == 0)
			return *k;
	return NULL;
}

static struct key *key_of(struct filters *f, const char *name)
{
	for (size_t i = 0; i < f->n; i++)
		if (strcmp(f->keys[i].name, name) == 0)
			return &f->keys[i];
	if (f->n == KEYS_MAX)
		return NULL;
	f->keys[f->n].name = name;
	return &f->keys[f->n++];
}

static int add_value(struct key *k, const char *text)
{
	struct value *more = reallocarray(k->values, k->n + 1, sizeof *more);

	if (!more)
		return -ENOMEM;
	k->values = more;
	struct value *v = &more[k->n];
	*v = (struct value){ .text = strdup(text) };
	if (!v->text)
		return -ENOMEM;
	if (strcmp(k->name, "name") == 0)
		v->has_regex = regcomp(&v->regex, text, REG_EXTENDED | REG_NOSUB) == 0;
	k->n++;
	return 0;
}

/* {"a=b": true} or ["a=b"]. */
static int add_values(struct key *k, const struct json *values, struct error *err)
{
	bool on;
	int r = 0;

	if (json_count(values) > FILTERS_VALUES_MAX)
		return error_invalid(
			err, "invalid filter '%s': more than %d values", k->name, FILTERS_VALUES_MAX);
	if (json_kind(values) == JSON_OBJECT)
		json_each (values, it) {
			if (r < 0)
				break;
			if (json_opt_bool(values, it.key, false, &on, NULL) < 0)
				return error_invalid(err, "invalid filter");
			if (on)
				r = add_value(k, it.key);
		}
	else if (json_kind(values) == JSON_ARRAY)
		for (size_t i = 0; r == 0 && i < json_count(values); i++) {
			const char *text = json_string(json_item(values, i));
			if (!text)
				return error_invalid(err, "invalid filter");
			r = add_value(k, text);
		}
	else
		return error_invalid(err, "invalid filter");
	return r < 0 ? error_sys(err, -r, "cannot keep a filter") : 0;
}

static int fill(struct filters *f, const struct json *doc, enum filters_for what, struct error *err)
{
	if (doc && json_kind(doc) != JSON_OBJECT)
		return error_invalid(err, "invalid filter");
	json_each (doc, it) {
		const char *name = known(what, it.key);
		struct key *k = name ? key_of(f, name) : NULL;
		if (!k)
			return error_invalid(err, "invalid filter '%s'", it.key);
		int r = add_values(k, it.value, err);
		if (r < 0)
			return r;
	}
	return 0;
}

int filters_parse(const char *text, enum filters_for what, struct filters **ret, struct error *err)
{
	auto_json struct json *doc = NULL;
	struct filters *f = calloc(1, sizeof *f);
	size_t n = text ? strlen(text) : 0;

	if (!f)
		return error_sys(err, ENOMEM, "cannot keep filters");
	int r = 0;
	if (n > TEXT_MAX || (n > 0 && json_parse(text, n, 0, &doc, NULL) < 0))
		r = error_invalid(err, "invalid filter");
	if (r == 0)
		r = fill(f, doc, what, err);
	if (r < 0)
		filters_free(f);
	else
		*ret = f;
	return r;
}

struct filters *filters_copy(const struct filters *f)
{
	struct filters *copy = f ? calloc(1, sizeof *copy) : NULL;

	if (!copy)
		return NULL;
	for (size_t i = 0; i < f->n; i++) {
		struct key *k = key_of(copy, f->keys[i].name);
		for (size_t v = 0; v < f->keys[i].n; v++)
			if (add_value(k, f->keys[i].values[v].text) < 0) {
				filters_free(copy);
				return NULL;
			}
	}
	return copy;
}

void filters_free(struct filters *f)
{
	if (!f)
		return;
	for (size_t i = 0; i < f->n; i++) {
		for (size_t v = 0; v < f->keys[i].n; v++) {
			free(f->keys[i].values[v].text);
			if (f->keys[i].values[v].has_regex)
				regfree(&f->keys[i].values[v].regex);
		}
		free(f->keys[i].values);
	}
	free(f);
}

/* ---- asking --------------------------------------------------------------------------------- */
/* A key without values asks for nothing. */
static const struct key *asked(const struct filters *f, const char *key)
{
	for (size_t i = 0; f && i < f->n; i++)
		if (strcmp(f->keys[i].name, key) == 0)
			return f->keys[i].n ? &f->keys[i] : NULL;
	return NULL;
}

bool filters_has(const struct filters *f, const char *key)
{
	return asked(f, key) != NULL;
}

size_t filters_count(const struct filters *f, const char *key)
{
	const struct key *k = asked(f, key);

	return k ? k->n : 0;
}

const char *filters_value(const struct filters *f, const char *key, size_t i)
{
	const struct key *k = asked(f, key);

	return k && i < k->n ? k->values[i].text : NULL;
}

bool filters_match(const struct filters *f, const char *key, const char *text)
{
	const struct key *k = asked(f, key);

	for (size_t i = 0; k && i < k->n; i++)
		if (strcmp(k->values[i].text, text) == 0)
			return true;
	return !k;
}

bool filters_match_prefix(const struct filters *f, const char *key, const char *text)
{
	const struct key *k = asked(f, key);

	for (size_t i = 0; k && i < k->n; i++)
		if (strncmp(text, k->values[i].text, strlen(k->values[i].text)) == 0)
			return true;
	return !k;
}

bool filters_match_regex(const struct filters *f, const char *key, const char *text)
{
	const struct key *k = asked(f, key);

	for (size_t i = 0; k && i < k->n; i++) {
		const struct value *v = &k->values[i];
		if (strcmp(v->text, text) == 0 || (v->has_regex && regexec(&v->regex, text, 0, NULL, 0) == 0))
			return true;
	}
	return !k;
}

/* "k" or "k=v". */
static bool has_label(const struct json *labels, const char *wanted)
{
	const char *eq = strchr(wanted, '=');
	auto_free char *name = eq ? strndup(wanted, (size_t)(eq - wanted)) : strdup(wanted);
	const char *value = name ? json_string(json_at(labels, name)) : NULL;

	return value && (!eq || strcmp(value, eq + 1) == 0);
}

bool filters_match_labels(const struct filters *f, const struct json *labels)
{
	const struct key *with = asked(f, "label"), *without = asked(f, "label!");

	for (size_t i = 0; with && i < with->n; i++)
		if (!has_label(labels, with->values[i].text))
			return false;
	for (size_t i = 0; without && i < without->n; i++)
		if (has_label(labels, without->values[i].text))
			return false;
	return true;
}

int filters_bool(const struct filters *f, const char *key, bool otherwise, bool *ret, struct error *err)
{
	const struct key *k = asked(f, key);
	const char *text = k ? k->values[0].text : "";

	if (!k)
		*ret = otherwise;
	else if (k->n == 1 && (strcmp(text, "1") == 0 || strcasecmp(text, "true") == 0))
		*ret = true;
	else if (k->n == 1 && (strcmp(text, "0") == 0 || strcasecmp(text, "false") == 0))
		*ret = false;
	else
		return error_invalid(err, "invalid filter '%s=[%s]'", key, text);
	return 0;
}
