/* SPDX-License-Identifier: Apache-2.0 */
#include "api/routes/version.h"

#include "lib/base/str.h"

#include <errno.h>
#include <stdio.h>
#include <string.h>

#define NUMBER(major, minor) ((major)*1000u + (minor))
#define NEWEST               NUMBER(1, 51)
#define OLDEST               NUMBER(1, 24)

static const unsigned gates[VERSION_GATES] = {
	[VERSION_WAIT_HEADERS_FIRST] = NUMBER(1, 30),
	[VERSION_STOP_SIGNAL] = NUMBER(1, 42),
	[VERSION_MULTIPLEXED_TYPE] = NUMBER(1, 42),
	[VERSION_PRUNE_ANONYMOUS] = NUMBER(1, 42),
	[VERSION_IMAGE_CONTAINERS_COUNT] = NUMBER(1, 51),
};

/* "1.41" as 1041; a text of another form, which the router let through, is 0: older than all. */
static unsigned number_of(const char *text)
{
	char major[8], minor[8];
	uint64_t a, b;

	if (!text)
		return NEWEST;
	if (sscanf(text, "%7[0-9].%7[0-9]", major, minor) != 2 || str_to_u64(major, 10, 0, 999, &a) < 0 ||
		str_to_u64(minor, 10, 0, 999, &b) < 0)
		return 0;
	return NUMBER((unsigned)a, (unsigned)b);
}

int version_check(const struct exchange *x, struct error *err)
{
	const char *text = exchange_version(x);
	unsigned n = number_of(text);

	if (n > NEWEST)
		return error_invalid(err,
			"client version %s is too new. Maximum supported API version is " VERSION_API, text);
	if (n < OLDEST)
		return error_invalid(err,
			"client version %s is too old. Minimum supported API version is " VERSION_API_MIN
			", please upgrade your client to a newer version",
			text);
	return 0;
}

bool version_has(const struct exchange *x, enum version_gate gate)
{
	return number_of(exchange_version(x)) >= gates[gate];
}
