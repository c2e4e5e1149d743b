/* SPDX-License-Identifier: Apache-2.0 */
#include "plugins/volume-local/spec.h"

#include "lib/base/cleanup.h"
#include "lib/base/path.h"
#include "lib/base/str.h"
#include "plugins/kit/options.h"
#include "plugins/volume-local/network.h"

#include <errno.h>
#include <limits.h>
#include <stdio.h>
#include <string.h>

/* The core completes what was not given by the declared fallback. */
static const char *given(const struct gty_kv *opts, uint32_t n, const char *key)
{
	const char *value = kit_option(opts, n, key);

	return value && *value ? value : NULL;
}

static int check_keys(const struct gty_kv *opts, uint32_t n, struct error *err)
{
	static const char *const keys[] = { "type", "device", "o", "size" };

	for (uint32_t i = 0; i < n; i++) {
		bool known = false;
		for (size_t k = 0; k < sizeof keys / sizeof keys[0]; k++)
			known = known || strcmp(opts[i].key, keys[k]) == 0;
		if (!known)
			return error_invalid(err, "invalid option: \"%.100s\"", opts[i].key);
		for (const char *p = opts[i].value ? opts[i].value : ""; *p; p++) {
			if ((unsigned char)*p < ' ' || *p == 0x7f)
				return error_invalid(err, "option '%s' has a control character", opts[i].key);
		}
	}
	return 0;
}

int spec_text(const struct gty_kv *opts, uint32_t n, char buf[SPEC_TEXT_MAX], struct error *err)
{
	static const char *const keys[] = { "type", "device", "o", "size" };
	size_t len = 0;

	buf[0] = '\0';
	for (size_t i = 0; i < sizeof keys / sizeof keys[0]; i++) {
		const char *value = given(opts, n, keys[i]);
		if (!value || strcmp(value, "0") == 0)
			continue;
		int r = snprintf(buf + len, SPEC_TEXT_MAX - len, "%s=%s\n", keys[i], value);
		if (r < 0 || (size_t)r >= SPEC_TEXT_MAX - len)
			return error_invalid(err, "the options are longer than %d bytes", SPEC_TEXT_MAX);
		len += (size_t)r;
	}
	return 0;
}

int spec_add_data(struct spec *spec, const char *key, const char *value, struct error *err)
{
	size_t len = strlen(spec->data), room = sizeof spec->data - len;
	int r = snprintf(spec->data + len, room, "%s%s%s%s", len ? "," : "", key, value ? "=" : "",
		value ? value : "");

	if (r < 0 || (size_t)r >= room)
		return error_invalid(
			err, "option 'o' is longer than the %d bytes that mount takes", SPEC_DATA_MAX);
	return 0;
}

static int read_words(struct spec *spec, const char *o, struct error *err)
{
	auto_str_list char **words = NULL;
	int r = str_split(o, ',', 0, &words);

	if (r < 0)
		return error_sys(err, -r, "cannot read option 'o'");
	for (size_t i = 0; r == 0 && words[i]; i++) {
		if (words[i][0] != '\0' && !flags_take(&spec->flags, words[i]))
			r = spec_add_data(spec, words[i], NULL, err);
	}
	return r;
}

/* What each of tmpfs's options is for is known; a slip would otherwise show at the first start only. */
static int check_tmpfs(const struct spec *spec, struct error *err)
{
	static const char *const keys[] = { "size", "nr_blocks", "nr_inodes", "mode", "uid", "gid", "huge",
		"mpol", "inode32", "inode64", "noswap" };

	for (const char *p = spec->data; *p;) {
		size_t n = strcspn(p, ","), k = strcspn(p, "=,");
		bool known = false;
		for (size_t i = 0; i < sizeof keys / sizeof keys[0]; i++)
			known = known || (strlen(keys[i]) == k && strncmp(p, keys[i], k) == 0);
		if (!known)
			return error_invalid(err, "tmpfs has no option '%.*s'", (int)(k < 100 ? k : 100), p);
		p += n + (p[n] == ',');
	}
	return 0;
}

static int check_bind(const struct spec *spec, struct error *err)
{
	char clean[PATH_MAX];

	if (spec->data[0])
		return error_invalid(err, "option 'o': '%.100s' has no meaning for a bind", spec->data);
	if (spec->device[0] != '/' || path_clean(spec->device, clean, sizeof clean) < 0)
		return error_invalid(err, "option 'device': '%.200s' is not an absolute path", spec->device);
	return 0;
}

static int check_type(const char *type, struct error *err)
{
	size_t n = strlen(type);

	if (n == 0 || n > 31 || strspn(type, "abcdefghijklmnopqrstuvwxyz0123456789_.-") != n)
		return error_invalid(err, "option 'type': '%.100s' is no type of a file system", type);
	return 0;
}

static int choose_form(struct spec *spec, struct error *err)
{
	if (spec->flags.bind) {
		spec->form = SPEC_BIND;
		return check_bind(spec, err);
	}
	if (strcmp(spec->type, "none") == 0)
		return error_invalid(err, "type 'none' is for binds: write bind into option 'o'");
	if (network_is_type(spec->type)) {
		spec->form = SPEC_STEPS;
		return network_complete(spec, err);
	}
	spec->form = SPEC_HOST;
	return strcmp(spec->type, "tmpfs") == 0 ? check_tmpfs(spec, err) : 0;
}

/* Docker's rule: type and device need each other, o needs both. */
static int check_together(const char *type, const char *device, struct error *err)
{
	if (!type)
		return error_invalid(err, "missing required option: \"type\"");
	if (!device)
		return error_invalid(err, "missing required option: \"device\"");
	return check_type(type, err);
}

int spec_read(
	struct spec *spec, const struct gty_kv *opts, uint32_t n, uint64_t size_limit, struct error *err)
{
	const char *o = given(opts, n, "o");
	int r = check_keys(opts, n, err);

	*spec = (struct spec){ .type = given(opts, n, "type"), .device = given(opts, n, "device") };
	if (r == 0)
		r = kit_option_size(opts, n, "size", 0, &spec->size, err);
	if (r < 0)
		return r;
	if (size_limit > 0)
		spec->size = size_limit;
	if (!spec->type && !spec->device && !o)
		return 0;
	if (spec->size > 0)
		return error_invalid(err, "option 'size' is for volumes without a device; for tmpfs write "
					  "size= into option 'o'");
	r = check_together(spec->type, spec->device, err);
	if (r == 0 && o)
		r = read_words(spec, o, err);
	return r == 0 ? choose_form(spec, err) : r;
}
