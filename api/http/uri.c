/* SPDX-License-Identifier: Apache-2.0 */
#include "api/http/uri.h"

#include <errno.h>
#include <string.h>

static int hex_digit(char c)
{
	if (c >= '0' && c <= '9')
		return c - '0';
	if (c >= 'a' && c <= 'f')
		return c - 'a' + 10;
	if (c >= 'A' && c <= 'F')
		return c - 'A' + 10;
	return -1;
}

/* The byte that the escape at text[0] == '%' stands for, or -1. */
static int escaped_byte(const char *text, size_t n)
{
	if (n < 3)
		return -1;
	int high = hex_digit(text[1]), low = hex_digit(text[2]);
	if (high < 0 || low < 0 || high + low == 0)
		return -1;
	return high << 4 | low;
}

bool uri_escapes_valid(const char *text, size_t n)
{
	const char *end = text + n;
	for (const char *p = text; (p = memchr(p, '%', (size_t)(end - p))); p += 3)
		if (escaped_byte(p, (size_t)(end - p)) < 0)
			return false;
	return true;
}

/* Appends text decoded and NUL-ended at *out, which it moves on. */
static int decode(const char *text, size_t n, bool plus_is_space, char **out)
{
	char *to = *out;
	for (size_t i = 0; i < n; i++) {
		if (text[i] == '%') {
			int byte = escaped_byte(text + i, n - i);
			if (byte < 0)
				return -EINVAL;
			*to++ = (char)byte;
			i += 2;
		} else {
			*to++ = plus_is_space && text[i] == '+' ? ' ' : text[i];
		}
	}
	*to++ = '\0';
	*out = to;
	return 0;
}

int uri_split_path(const char *path, size_t n, char *out, const char **segments, size_t max)
{
	const char *p = path, *end = path + n;
	size_t count = 0;

	if (n == 0 || (n == 1 && *path == '/'))
		return 0;
	if (*path != '/')
		return -EINVAL;
	while (p < end) {
		const char *start = p + 1;
		p = memchr(start, '/', (size_t)(end - start));
		if (!p)
			p = end;
		if (count == max)
			return -E2BIG;
		segments[count++] = out;
		int r = decode(start, (size_t)(p - start), false, &out);
		if (r < 0)
			return r;
	}
	return (int)count;
}

static int decode_pair(const char *text, size_t n, char **out, struct uri_pair *pair)
{
	const char *equals = memchr(text, '=', n);
	size_t name_len = equals ? (size_t)(equals - text) : n;

	pair->name = *out;
	int r = decode(text, name_len, true, out);
	if (r < 0)
		return r;
	pair->value = "";
	if (!equals)
		return 0;
	pair->value = *out;
	return decode(equals + 1, n - name_len - 1, true, out);
}

int uri_parse_query(const char *query, size_t n, char *out, struct uri_pair *pairs, size_t max)
{
	const char *end = query + n;
	size_t count = 0;

	for (const char *p = query; p < end;) {
		const char *amp = memchr(p, '&', (size_t)(end - p));
		const char *stop = amp ? amp : end;
		if (stop > p) {
			if (count == max)
				return -E2BIG;
			int r = decode_pair(p, (size_t)(stop - p), &out, &pairs[count++]);
			if (r < 0)
				return r;
		}
		p = stop + 1;
	}
	return (int)count;
}
