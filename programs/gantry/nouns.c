/* SPDX-License-Identifier: Apache-2.0 */
#include "programs/gantry/nouns.h"

#include "lib/base/cleanup.h"
#include "lib/base/size.h"
#include "lib/json/json.h"
#include "programs/gantry/listing.h"

#include <errno.h>
#include <stdio.h>
#include <string.h>

#define TARGET_MAX ((size_t)1 << 20)

int nouns_set_map(struct json *body, const char *key, const struct option_list *list, struct error *err)
{
	struct json *map;

	if (list->n == 0)
		return 0;
	map = json_set_object(body, key);
	for (size_t i = 0; i < list->n; i++) {
		const char *text = list->v[i], *eq = strchr(text, '=');
		auto_free char *name = eq ? strndup(text, (size_t)(eq - text)) : strdup(text);
		if (!name || !map)
			return error_sys(err, ENOMEM, "cannot write the request");
		if (!*name)
			return error_invalid(err, "invalid argument '%s': a key is needed before '='", text);
		json_set_string(map, name, eq ? eq + 1 : "");
	}
	return 0;
}

bool nouns_confirm(const char *warning, bool force)
{
	char line[16] = "";

	if (force)
		return true;
	printf("%s\nAre you sure you want to continue? [y/N] ", warning);
	fflush(stdout);
	if (!fgets(line, sizeof line, stdin))
		line[0] = '\0';
	return strcmp(line, "y\n") == 0 || strcmp(line, "Y\n") == 0;
}

int nouns_remove(const struct command_call *call, const char *kind, bool force)
{
	int status = 0;

	for (size_t i = 0; i < call->options.nargs; i++) {
		struct error err = ERROR_INIT;
		auto_str struct str target = STR_INIT(TARGET_MAX);
		cli_target(&target, kind, call->options.args[i], "");
		if (force)
			query_add(&target, "force", "1");
		if (cli_do(cli_client(call), "DELETE", &target, &err) >= 0) {
			printf("%s\n", call->options.args[i]);
			continue;
		}
		cli_fail(&err);
		if (!force || err.kind != ERROR_NOT_FOUND)
			status = 1;
	}
	return status;
}

int nouns_prune(const struct command_call *call, const char *kind, const char *key, const char *title,
	const struct option_list *filters, bool tell_space)
{
	struct error err = ERROR_INIT;
	auto_str struct str target = STR_INIT(TARGET_MAX);
	auto_json struct json *answer = NULL;
	char size[SIZE_TEXT];

	str_addf(&target, "/%s/prune", kind);
	int r = cli_add_filters(&target, call, filters, &err);
	if (r == 0)
		r = client_call(cli_client(call), "POST", str_text(&target), NULL, &answer, &err);
	if (r < 0)
		return cli_fail(&err);
	const struct json *gone = json_at(answer, key);
	if (json_count(gone) > 0)
		printf("%s:\n", title);
	for (size_t i = 0; i < json_count(gone); i++)
		printf("%s\n", json_string(json_item(gone, i)));
	if (json_count(gone) > 0)
		printf("\n");
	if (tell_space)
		printf("Total reclaimed space: %s\n",
			size_decimal(number_at(answer, "SpaceReclaimed"), size));
	return 0;
}

const char *nouns_labels(const struct json *labels, struct str *out)
{
	str_clear(out);
	json_each (labels, it)
		str_addf(out, "%s%s=%s", out->len ? "," : "", it.key, json_string(it.value));
	return str_text(out);
}
