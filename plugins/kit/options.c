/* SPDX-License-Identifier: Apache-2.0 */
#include "plugins/kit/options.h"

#include "lib/base/size.h"

#include <string.h>
#include <strings.h>

const char *kit_option(const struct gty_kv *v, uint32_t n, const char *key)
{
	while (n-- > 0) {
		if (strcmp(v[n].key, key) == 0)
			return v[n].value ? v[n].value : "";
	}
	return NULL;
}

int kit_option_bool(
	const struct gty_kv *v, uint32_t n, const char *key, bool fallback, bool *ret, struct error *err)
{
	static const struct {
		const char *text;
		bool value;
	} words[] = { { "", true }, { "true", true }, { "1", true }, { "yes", true }, { "on", true },
		{ "false", false }, { "0", false }, { "no", false }, { "off", false } };
	const char *text = kit_option(v, n, key);

	if (!text) {
		*ret = fallback;
		return 0;
	}
	for (size_t i = 0; i < sizeof words / sizeof words[0]; i++) {
		if (strcasecmp(text, words[i].text) == 0) {
			*ret = words[i].value;
			return 0;
		}
	}
	return error_invalid(err, "option '%s' is true or false, not '%s'", key, text);
}

int kit_option_size(const struct gty_kv *v, uint32_t n, const char *key, uint64_t fallback, uint64_t *ret,
	struct error *err)
{
	const char *text = kit_option(v, n, key);
	int64_t bytes;

	if (!text) {
		*ret = fallback;
		return 0;
	}
	if (size_parse(text, &bytes) < 0)
		return error_invalid(err, "option '%s' is a size such as 10G, not '%s'", key, text);
	*ret = (uint64_t)bytes;
	return 0;
}
