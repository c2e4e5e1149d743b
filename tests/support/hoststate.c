/* SPDX-License-Identifier: Apache-2.0 */
#include "tests/support/hoststate.h"

#include "lib/base/cleanup.h"
#include "lib/base/clock.h"
#include "lib/base/fd.h"
#include "tests/support/hoststate_collect.h"

#include <fcntl.h>
#include <stdarg.h>
#include <string.h>

#define STATE_FILE_MAX (64 << 20)

void hoststate_free(struct hoststate *state)
{
	if (!state)
		return;
	for (size_t i = 0; i < state->n; i++)
		free(state->lines[i]);
	free(state->lines);
	free(state);
}

int hoststate_add(struct hoststate *state, const char *fmt, ...)
{
	char *line = NULL;
	va_list ap;

	if (state->n == state->size) {
		size_t size = state->size ? state->size * 2 : 256;
		char **lines = reallocarray(state->lines, size, sizeof *lines);

		if (!lines)
			return -ENOMEM;
		state->lines = lines;
		state->size = size;
	}
	va_start(ap, fmt);
	int n = vasprintf(&line, fmt, ap);
	va_end(ap);
	if (n < 0)
		return -ENOMEM;
	for (char *p = line; (p = strchr(p, '\n'));)
		*p = ' ';
	state->lines[state->n++] = line;
	return 0;
}

static int compare_lines(const void *a, const void *b)
{
	return strcmp(*(char *const *)a, *(char *const *)b);
}

static void sort(struct hoststate *state)
{
	if (state->n > 0)
		qsort(state->lines, state->n, sizeof *state->lines, compare_lines);
}

int hoststate_take(const struct hoststate_scope *scope, struct hoststate **ret, struct error *err)
{
	struct hoststate *state = calloc(1, sizeof *state);
	int r = state ? hoststate_collect(state, scope) : -ENOMEM;

	if (r < 0) {
		hoststate_free(state);
		return error_sys(err, -r, "cannot take the state of the host");
	}
	sort(state);
	*ret = state;
	return 0;
}

size_t hoststate_compare(const struct hoststate *before, const struct hoststate *after, FILE *out)
{
	size_t b = 0, a = 0, differences = 0;

	while (b < before->n || a < after->n) {
		int order = b == before->n  ? 1
			    : a == after->n ? -1
					    : strcmp(before->lines[b], after->lines[a]);

		if (order < 0)
			fprintf(out, "gone: %s\n", before->lines[b]);
		else if (order > 0)
			fprintf(out, "left: %s\n", after->lines[a]);
		differences += order != 0;
		b += order <= 0;
		a += order >= 0;
	}
	return differences;
}

static bool equal(const struct hoststate *a, const struct hoststate *b)
{
	if (a->n != b->n)
		return false;
	for (size_t i = 0; i < a->n; i++)
		if (strcmp(a->lines[i], b->lines[i]) != 0)
			return false;
	return true;
}

int hoststate_check(const struct hoststate *before, const struct hoststate_scope *scope, int seconds,
	FILE *out, size_t *ret_differences, struct error *err)
{
	int64_t deadline = clock_mono_ns() + seconds * CLOCK_S;

	for (;;) {
		struct hoststate *now;
		int r = hoststate_take(scope, &now, err);

		if (r < 0)
			return r;
		bool done = equal(before, now);
		if (done || clock_mono_ns() > deadline) {
			*ret_differences = done ? 0 : hoststate_compare(before, now, out);
			hoststate_free(now);
			return 0;
		}
		hoststate_free(now);
		usleep(50000);
	}
}

int hoststate_save(const struct hoststate *state, const char *path, struct error *err)
{
	FILE *f = fopen(path, "we");

	if (!f)
		return error_sys(err, errno, "cannot write '%s'", path);
	for (size_t i = 0; i < state->n; i++)
		fprintf(f, "%s\n", state->lines[i]);
	int bad = ferror(f);
	if (fclose(f) != 0 || bad)
		return error_sys(err, EIO, "cannot write '%s'", path);
	return 0;
}

int hoststate_load(const char *path, struct hoststate **ret, struct error *err)
{
	auto_free char *text = NULL;
	char *save = NULL;
	int r = fd_read_file(AT_FDCWD, path, STATE_FILE_MAX, &text, NULL);

	if (r < 0)
		return error_sys(err, -r, "cannot read '%s'", path);
	struct hoststate *state = calloc(1, sizeof *state);
	if (!state)
		return error_sys(err, ENOMEM, "cannot read '%s'", path);
	for (char *line = strtok_r(text, "\n", &save); line; line = strtok_r(NULL, "\n", &save)) {
		if (hoststate_add(state, "%s", line) < 0) {
			hoststate_free(state);
			return error_sys(err, ENOMEM, "cannot read '%s'", path);
		}
	}
	sort(state);
	*ret = state;
	return 0;
}
