/* SPDX-License-Identifier: Apache-2.0 */
#include "engine/events/match.h"

#include "lib/json/json.h"
#include "lib/model/filters.h"

#include <stddef.h>
#include <stdio.h>
#include <string.h>

#define NAME_SIZE 512

static const char *attribute(const struct match_facts *e, const char *key)
{
	const char *text = json_string(json_at(e->attributes, key));

	return text ? text : "";
}

/* Actions with something behind a colon are matched by what stands before it, too. */
static bool matches_action(const struct filters *f, const struct match_facts *e)
{
	static const char *const prefixed[] = { "exec_create", "exec_start", "health_status" };

	for (size_t i = 0; i < sizeof prefixed / sizeof prefixed[0]; i++)
		if (strncmp(e->action, prefixed[i], strlen(prefixed[i])) == 0)
			return filters_match_prefix(f, "event", e->action);
	return filters_match(f, "event", e->action);
}

/* The nouns that a filter may name: by the beginning of the id or of the name. */
static bool matches_nouns(const struct filters *f, const struct match_facts *e)
{
	static const char *const nouns[] = { "container", "plugin", "volume", "network", "node", "service",
		"secret", "config" };

	for (size_t i = 0; i < sizeof nouns / sizeof nouns[0]; i++)
		if (!filters_match_prefix(f, nouns[i], e->id) &&
			!filters_match_prefix(f, nouns[i], attribute(e, "name")))
			return false;
	return true;
}

/* "busybox" of "busybox:1"; a colon before the last slash is a port's. */
static const char *without_tag(const char *name, char buf[NAME_SIZE])
{
	const char *slash = strrchr(name, '/'), *colon = strchr(slash ? slash : name, ':');

	snprintf(buf, NAME_SIZE, "%.*s", colon ? (int)(colon - name) : (int)strlen(name), name);
	return buf;
}

static bool matches_image(const struct filters *f, const struct match_facts *e)
{
	const char *name = attribute(e, strcmp(e->type, "image") == 0 ? "name" : "image");
	char buf[NAME_SIZE];

	return filters_match(f, "image", e->id) || filters_match(f, "image", name) ||
	       filters_match(f, "image", without_tag(e->id, buf)) ||
	       filters_match(f, "image", without_tag(name, buf));
}

bool match_event(const struct filters *f, const struct match_facts *e)
{
	return matches_action(f, e) && filters_match(f, "type", e->type) &&
	       filters_match(f, "scope", "local") && matches_nouns(f, e) && matches_image(f, e) &&
	       filters_match_labels(f, e->attributes);
}
