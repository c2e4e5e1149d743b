/* SPDX-License-Identifier: Apache-2.0 */
#include "lib/base/size.h"

#include "lib/base/str.h"

#include <ctype.h>
#include <errno.h>
#include <float.h>
#include <stdio.h>
#include <string.h>

/* The factor of a suffix: "", "b", "k", "kb", "kib" in any case; 0 for anything else. */
static double suffix_factor(const char *suffix)
{
	static const char letters[] = "kmgtp";
	size_t n = strlen(suffix);
	double factor = 1;

	if (n == 0)
		return 1;
	int first = tolower((unsigned char)suffix[0]);
	if (first == 'b')
		return n == 1 ? 1 : 0;
	const char *at = strchr(letters, first);
	if (!at || n > 3 || (n == 2 && tolower((unsigned char)suffix[1]) != 'b') ||
		(n == 3 && (tolower((unsigned char)suffix[1]) != 'i' ||
				   tolower((unsigned char)suffix[2]) != 'b')))
		return 0;
	for (const char *p = letters; p <= at; p++)
		factor *= 1024;
	return factor;
}

int size_parse(const char *text, int64_t *ret)
{
	size_t n = strspn(text, "0123456789.");
	char number[32];
	double v;

	if (n == 0 || n >= sizeof number)
		return -EINVAL;
	memcpy(number, text, n);
	number[n] = '\0';
	text += n;
	if (*text == ' ')
		text++;
	double factor = suffix_factor(text);
	if (factor == 0)
		return -EINVAL;
	/* A whole number of bytes keeps all its digits. */
	if (factor == 1 && str_to_i64(number, 0, INT64_MAX, ret) == 0)
		return 0;
	int r = str_to_double(number, 0, DBL_MAX, &v);
	if (r < 0)
		return r;
	v *= factor;
	if (v >= 0x1p63)
		return -ERANGE;
	*ret = (int64_t)v;
	return 0;
}

static char *print(int64_t bytes, double base, const char *const *units, int digits, char buf[SIZE_TEXT])
{
	double v = (double)bytes;
	size_t i = 0;

	for (; v >= base && units[i + 1]; i++)
		v /= base;
	snprintf(buf, SIZE_TEXT, "%.*g%s", digits, v, units[i]);
	return buf;
}

static const char *const decimal[] = { "B", "kB", "MB", "GB", "TB", "PB", "EB", NULL };
static const char *const binary[] = { "B", "KiB", "MiB", "GiB", "TiB", "PiB", "EiB", NULL };

char *size_binary(int64_t bytes, char buf[SIZE_TEXT])
{
	return print(bytes, 1024, binary, 4, buf);
}

char *size_decimal(int64_t bytes, char buf[SIZE_TEXT])
{
	return print(bytes, 1000, decimal, 4, buf);
}

char *size_decimal3(int64_t bytes, char buf[SIZE_TEXT])
{
	return print(bytes, 1000, decimal, 3, buf);
}
