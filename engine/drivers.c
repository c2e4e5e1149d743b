/* SPDX-License-Identifier: Apache-2.0 */
#include "engine/drivers.h"

#include "lib/base/log.h"

static enum log_level level_of(int level)
{
	if (level <= GTY_LOG_ERROR)
		return LOG_ERROR;
	if (level <= GTY_LOG_WARNING)
		return LOG_WARNING;
	return level <= GTY_LOG_INFO ? LOG_INFO : LOG_DEBUG;
}

static void log_driver(void *arg, const char *driver, int level, const char *text)
{
	(void)arg;
	log_line(level_of(level), "driver %s: %s", driver, text);
}

/* A storage's objects do not change by themselves; what one tells all the same is worth a line. */
static void log_event(void *arg, const char *driver, const char *object, const char *what,
	const struct gty_kv *attrs, uint32_t n)
{
	(void)arg;
	(void)attrs;
	(void)n;
	log_warning("driver %s: %s: %s", driver, object, what);
}

const struct plugin_sink drivers_sink = { .log = log_driver, .event = log_event };
