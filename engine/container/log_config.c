/* SPDX-License-Identifier: Apache-2.0 */
#include "engine/container/log_config.h"

#include "lib/base/size.h"
#include "lib/base/str.h"
#include "lib/json/json.h"

#include <errno.h>
#include <string.h>

#define DEFAULT_SIZE  (UINT64_C(100) << 20)
#define DEFAULT_FILES 5
#define FILES_MAX     1000

/* Docker's, which are known but not served. */
static const char *const unbuilt_drivers[] = { "local", "syslog", "journald", "gelf", "fluentd", "awslogs",
	"splunk", "gcplogs", "etwlogs", NULL };
static const char *const unbuilt_options[] = { "labels", "labels-regex", "env", "env-regex", "tag",
	"compress", "mode", "max-buffer-size", "cache-disabled", "cache-max-size", "cache-max-file",
	"cache-compress", NULL };

static bool is_in(const char *text, const char *const *list)
{
	while (*list && strcmp(*list, text) != 0)
		list++;
	return *list != NULL;
}

static int read_option(const char *key, const char *value, struct log_config *ret, struct error *err)
{
	int64_t size;
	uint64_t n;

	if (strcmp(key, "max-size") == 0) {
		if (strcmp(value, "-1") == 0) { /* Docker's word for no limit */
			ret->file_size = 0;
			return 0;
		}
		if (size_parse(value, &size) < 0 || size <= 0)
			return error_invalid(
				err, "invalid value for max-size: '%s': give a size, such as 10m", value);
		ret->file_size = (uint64_t)size;
		return 0;
	}
	if (strcmp(key, "max-file") == 0) {
		if (str_to_u64(value, 10, 1, FILES_MAX, &n) < 0)
			return error_invalid(
				err, "invalid value for max-file: '%s': give 1 to %d", value, FILES_MAX);
		ret->files = (unsigned)n;
		return 0;
	}
	if (is_in(key, unbuilt_options))
		return error_set(err, ERROR_UNSUPPORTED, ENOTSUP,
			"log option '%s' is not built into gantry " GANTRY_VERSION, key);
	return error_invalid(err, "unknown log opt '%s' for json-file log driver", key);
}

int log_config_read(const struct json *config, struct log_config *ret, struct error *err)
{
	const char *type = json_string(json_at(config, "Type"));
	struct log_config c = { .file_size = DEFAULT_SIZE, .files = DEFAULT_FILES };
	bool json_file = !type || !*type || strcmp(type, "json-file") == 0;
	int r = 0;

	c.none = !json_file && strcmp(type, "none") == 0;
	if (!json_file && !c.none) {
		if (is_in(type, unbuilt_drivers))
			return error_set(err, ERROR_UNSUPPORTED, ENOTSUP,
				"log driver '%s' is not built into gantry " GANTRY_VERSION, type);
		return error_invalid(
			err, "error looking up logging plugin %s: plugin \"%s\" not found", type, type);
	}
	json_each (json_at(config, "Config"), it) {
		const char *value = json_string(it.value);
		if (r == 0 && !value)
			r = error_invalid(err, "log option '%s': expected a string", it.key);
		if (r == 0 && json_file)
			r = read_option(it.key, value, &c, err);
	}
	if (r == 0)
		*ret = c;
	return r;
}
