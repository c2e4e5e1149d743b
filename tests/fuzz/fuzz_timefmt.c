/* SPDX-License-Identifier: Apache-2.0 */
/* Input: a text, read as time, duration, point in time and size; what was understood is printed and read
 * back. */
#include "lib/base/size.h"
#include "lib/base/timefmt.h"

#include <errno.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static void check(int cond)
{
	if (!cond)
		abort();
}

#ifdef GANTRY_PLANTED_BUG
static void plant(int64_t ns)
{
	uint8_t *four = calloc(1, 4);

	check(four != NULL);
	if (ns > INT64_C(1000000000) && ns < INT64_C(60000000000))
		four[(uint64_t)ns / 1000000000 % 64 + 4] = 1;
	free(four);
}
#else
static void plant(int64_t ns)
{
	(void)ns;
}
#endif

static void check_result(int r)
{
	check(r == 0 || r == -EINVAL || r == -ERANGE);
}

static void check_time(const char *text)
{
	char buf[TIMEFMT_SIZE];
	int64_t ns, again;

	int r = timefmt_parse_rfc3339(text, &ns);
	check_result(r);
	if (r < 0)
		return;
	check(timefmt_parse_rfc3339(timefmt_rfc3339nano(ns, buf), &again) == 0 && again == ns);
	check(timefmt_parse_rfc3339(timefmt_rfc3339nano_padded(ns, buf), &again) == 0 && again == ns);
	check(strlen(buf) == 30);
	if (ns > INT64_MIN / 2 && ns < INT64_MAX / 2)
		check(timefmt_parse_rfc3339(timefmt_rfc3339nano_offset(ns, -12600, buf), &again) == 0 &&
			again == ns);
}

static void check_duration(const char *text)
{
	char buf[TIMEFMT_SIZE];
	int64_t ns, again;

	int r = timefmt_parse_duration(text, &ns);
	check_result(r);
	if (r < 0)
		return;
	plant(ns);
	check(timefmt_parse_duration(timefmt_duration(ns, buf), &again) == 0 && again == ns);
	check(strlen(timefmt_human(ns, buf)) > 0);
}

static void check_size(const char *text)
{
	char buf[SIZE_TEXT];
	int64_t bytes;

	int r = size_parse(text, &bytes);
	check_result(r);
	check(r < 0 ||
		(bytes >= 0 && strlen(size_binary(bytes, buf)) > 0 && strlen(size_decimal(bytes, buf)) > 0));
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	char *text = malloc(size + 1);
	int64_t ns;

	check(text != NULL);
	if (size > 0)
		memcpy(text, data, size);
	text[size] = '\0';
	check_time(text);
	check_duration(text);
	check_result(timefmt_parse_when(text, INT64_C(1700000000000000000), &ns));
	check_size(text);
	free(text);
	return 0;
}
