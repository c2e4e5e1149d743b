/* SPDX-License-Identifier: Apache-2.0 */
/* Input: one byte of flags, then a JSON text.  What was parsed is walked, printed and parsed again: both
 * prints agree. */
#include "lib/json/json.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static void check(int cond)
{
	if (!cond)
		abort();
}

#ifdef GANTRY_PLANTED_BUG
static void plant(const char *text)
{
	uint8_t *four = calloc(1, 4);

	check(four != NULL);
	if (strlen(text) == 3)
		four[(uint8_t)text[0] % 64] = 1;
	free(four);
}
#else
static void plant(const char *text)
{
	(void)text;
}
#endif

/* Every accessor on every value: an answer or an error with a text. */
static void read_member(const struct json *obj, const char *key)
{
	struct error err = ERROR_INIT;
	const struct json *c;
	const char *s;
	char **list = NULL;
	int64_t i;
	uint64_t u;
	double d;
	bool b;

	check(json_get_string(obj, key, &s, &err) == 0 || err.text[0]);
	check(json_get_int(obj, key, -10, 10, &i, &err) < 0 || (i >= -10 && i <= 10));
	check(json_get_uint(obj, key, 10, &u, &err) < 0 || u <= 10);
	check(json_get_double(obj, key, &d, &err) == 0 || err.text[0]);
	check(json_get_bool(obj, key, &b, &err) == 0 || err.text[0]);
	check(json_get_object(obj, key, &c, &err) < 0 || json_kind(c) == JSON_OBJECT);
	check(json_opt_strings(obj, key, 100, &list, &err) == 0 || err.text[0]);
	str_list_free(list);
}

static void walk(const struct json *value, int depth)
{
	char path[JSON_PATH_SIZE];
	const char *text = json_string(value);

	check(depth <= JSON_DEPTH_MAX);
	check(strlen(json_path(value, path)) < sizeof path);
	if (text) {
		check(str_is_utf8(text, strlen(text)));
		plant(text);
	}
	json_each (value, it) {
		read_member(value, it.key);
		walk(it.value, depth + 1);
	}
	for (size_t i = 0; json_kind(value) == JSON_ARRAY && i < json_count(value); i++)
		walk(json_item(value, i), depth + 1);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	struct error err = ERROR_INIT;
	struct json *value = NULL, *again = NULL;

	if (size == 0)
		return 0;
	int r = json_parse((const char *)data + 1, size - 1, data[0] & JSON_UNIQUE_KEYS, &value, &err);
	check(r == 0 || (r == -EINVAL && err.text[0] && !value));
	if (r < 0)
		return 0;
	walk(value, 0);
	char *text = json_text(value);
	check(text != NULL);
	check(json_parse(text, strlen(text), JSON_UNIQUE_KEYS, &again, &err) == 0);
	char *text_again = json_text(again);
	check(text_again && strcmp(text, text_again) == 0);
	struct json *copy = json_copy(value);
	char *text_copy = json_text(copy);
	check(text_copy && strcmp(text, text_copy) == 0);
	free(text);
	free(text_again);
	free(text_copy);
	json_free(copy);
	json_free(again);
	json_free(value);
	return 0;
}
