/* SPDX-License-Identifier: Apache-2.0 */
/* Input: one line of a json-file log, decoded in memory of just its size; then its details. */
#include "lib/logfile/scan.h"

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
static void plant(const struct logfile_entry *e)
{
	uint8_t *four = calloc(1, 4);

	check(four != NULL);
	if (e->stream == LOGFILE_STDERR && e->attrs && e->text_n > 2)
		four[e->text_n + 8] = 1;
	free(four);
}
#else
static void plant(const struct logfile_entry *e)
{
	(void)e;
}
#endif

static void check_inside(const char *part, size_t n, const char *line, size_t size)
{
	check(n == 0 || (part >= line && n <= size && part - line <= (long)(size - n)));
}

static void check_details(const struct logfile_entry *e)
{
	char small[16], *large = malloc(3 * LOGFILE_ATTRS_MAX);

	check(large != NULL);
	size_t n = logfile_details(e, large, 3 * LOGFILE_ATTRS_MAX);
	size_t part = logfile_details(e, small, sizeof small);
	check(part == (n < sizeof small ? n : sizeof small) && memcmp(small, large, part) == 0);
	for (size_t i = 0; i < n; i++)
		check(large[i] > ' ' && large[i] < 0x7f);
	free(large);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	struct logfile_entry e = { .text = NULL };
	char *line = malloc(size ? size : 1);

	check(line != NULL);
	if (size)
		memcpy(line, data, size);
	int r = logfile_scan(line, size, &e);
	check(r == 0 || r == -EBADMSG);
	if (r == 0) {
		check(e.stream == LOGFILE_STDOUT || e.stream == LOGFILE_STDERR);
		check_inside(e.text, e.text_n, line, size);
		check_inside(e.attrs, e.attrs_n, line, size);
		check(!e.attrs || (e.attrs_n >= 2 && e.attrs[0] == '{'));
		check_details(&e);
		plant(&e);
	}
	free(line);
	return 0;
}
