/* SPDX-License-Identifier: Apache-2.0 */
#include "api/routes/detach_keys.h"

#include "lib/base/str.h"

#include <string.h>

/* ctrl- and one of @ a-z [ \ ] ^ _ is 0 to 31. */
static int control(char c)
{
	if (c >= 'a' && c <= 'z')
		return c - 'a' + 1;
	static const char others[] = "[\\]^_";
	const char *at = c ? strchr(others, c) : NULL;
	return c == '@' ? 0 : at ? 27 + (int)(at - others) : -1;
}

static int one(const char *key)
{
	const char *rest = str_after(key, "ctrl-");

	if (rest && strlen(rest) == 1)
		return control(rest[0]);
	return strlen(key) == 1 ? (unsigned char)key[0] : -1;
}

int detach_keys_parse(const char *text, char ret[PROTO_KEYS_MAX], size_t *ret_n, struct error *err)
{
	auto_str_list char **keys = NULL;
	size_t n = 0;
	int r = str_split(text && *text ? text : "ctrl-p,ctrl-q", ',', PROTO_KEYS_MAX, &keys);

	if (r < 0)
		return error_invalid(err, "invalid detach keys (%s): more than %d", text, PROTO_KEYS_MAX);
	for (; keys[n]; n++) {
		int key = one(keys[n]);
		if (key < 0)
			return error_invalid(
				err, "invalid detach keys (%s): unknown character: '%s'", text, keys[n]);
		ret[n] = (char)key;
	}
	*ret_n = n;
	return 0;
}
