/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The log of a program: one line, one write(2), in the form that dockerd and runc use.
 * Called by the top alone (a route, a verb, main, a thread's loop); a library function returns its error
 * instead. Any thread, no lock; errno is kept.  A line that cannot be written is lost.  The descriptor may be
 * a pipe whose reader is gone: the program ignores SIGPIPE.
 */
#ifndef GANTRY_BASE_LOG_H
#define GANTRY_BASE_LOG_H

#include <stdbool.h>
#include <stddef.h>

enum log_level { LOG_ERROR, LOG_WARNING, LOG_INFO, LOG_DEBUG };

enum log_format {
	LOG_TEXT, /* time="2006-01-02T15:04:05.000000000Z" level=info msg="..." key=value */
	LOG_JSON, /* {"level":"info","msg":"...","time":"2006-01-02T15:04:05Z","key":"value"} */
};

/* A line has at most this many bytes with its newline; a longer message is cut and ends in "...".  PIPE_BUF:
 * lines of several processes on one pipe do not mix. */
#define LOG_LINE_MAX 4096

/* Before the first call lines of LOG_INFO and above go to descriptor 2 as LOG_TEXT.  Each may be called at
 * any time; the descriptor stays the caller's and must outlive its use. */
void log_set_fd(int fd);
void log_set_format(enum log_format format);
void log_set_level(enum log_level level);

/* True when lines of this level are written: guards costly arguments. */
bool log_enabled(enum log_level level);

/* "error", "warn", "warning", "info", "debug" (also dockerd's "fatal" as error, "trace" as debug); -EINVAL.
 */
int log_parse_level(const char *text, enum log_level *ret);
/* "text", "json"; -EINVAL. */
int log_parse_format(const char *text, enum log_format *ret);

/* Values behind the message, as key=value.  A NULL value is left out. */
struct log_field {
	const char *key, *value;
};
void log_fields(enum log_level level, const struct log_field *fields, size_t n, const char *fmt, ...)
	__attribute__((format(printf, 4, 5)));

#define log_line(level, ...) log_fields((level), NULL, 0, __VA_ARGS__)
#define log_error(...)       log_line(LOG_ERROR, __VA_ARGS__)
#define log_warning(...)     log_line(LOG_WARNING, __VA_ARGS__)
#define log_info(...)        log_line(LOG_INFO, __VA_ARGS__)
#define log_debug(...)                                    \
	do {                                              \
		if (log_enabled(LOG_DEBUG))               \
			log_line(LOG_DEBUG, __VA_ARGS__); \
	} while (0)

#endif
