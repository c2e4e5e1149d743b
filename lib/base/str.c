/* SPDX-License-Identifier: Apache-2.0 */
#include "lib/base/str.h"

#include "lib/base/cleanup.h"

#include <ctype.h>
#include <errno.h>
#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

/* ---- buffer ----------------------------------------------------------------- */
void str_done(struct str *s)
{
	if (!s)
		return;
	free(s->data);
	*s = STR_INIT(s->max);
}

static int fail(struct str *s, int error)
{
	if (!s->failed)
		s->failed = error;
	return s->failed;
}

/* Room for n more bytes and the NUL. */
static int reserve(struct str *s, size_t n)
{
	if (s->failed)
		return s->failed;
	if (n > s->max - s->len)
		return fail(s, -E2BIG);
	if (s->len + n < s->size)
		return 0;
	size_t size = s->size ? s->size : 64;
	while (size <= s->len + n)
		size = size > SIZE_MAX / 2 ? s->len + n + 1 : size * 2;
	char *bigger = realloc(s->data, size);
	if (!bigger)
		return fail(s, -ENOMEM);
	s->data = bigger;
	s->size = size;
	return 0;
}

int str_add_n(struct str *s, const void *bytes, size_t n)
{
	int r = reserve(s, n);

	if (r < 0)
		return r;
	if (n > 0)
		memcpy(s->data + s->len, bytes, n);
	s->len += n;
	s->data[s->len] = '\0';
	return 0;
}

int str_add(struct str *s, const char *text)
{
	return str_add_n(s, text, strlen(text));
}

int str_add_char(struct str *s, char c)
{
	return str_add_n(s, &c, 1);
}

int str_addv(struct str *s, const char *fmt, va_list ap)
{
	va_list again;
	va_copy(again, ap);
	int n = vsnprintf(NULL, 0, fmt, again);
	va_end(again);
	if (n < 0)
		return fail(s, -EINVAL);
	int r = reserve(s, (size_t)n);
	if (r < 0)
		return r;
	vsnprintf(s->data + s->len, (size_t)n + 1, fmt, ap);
	s->len += (size_t)n;
	return 0;
}

int str_addf(struct str *s, const char *fmt, ...)
{
	va_list ap;

	va_start(ap, fmt);
	int r = str_addv(s, fmt, ap);
	va_end(ap);
	return r;
}

/* The letter behind the backslash of a short escape, or 0. */
static char json_escape(unsigned char c)
{
	switch (c) {
	case '"': return '"';
	case '\\': return '\\';
	case '\b': return 'b';
	case '\f': return 'f';
	case '\n': return 'n';
	case '\r': return 'r';
	case '\t': return 't';
	}
	return 0;
}

int str_add_json(struct str *s, const char *text, size_t n)
{
	size_t plain = 0;

	str_add_char(s, '"');
	for (size_t i = 0; i < n;) {
		unsigned char c = (unsigned char)text[i];
		size_t k = c < 0x80 ? 1 : str_utf8_next(text + i, n - i, NULL);
		if (k > 0 && c >= 0x20 && c != '"' && c != '\\') {
			i += k;
			continue;
		}
		str_add_n(s, text + plain, i - plain);
		char letter = json_escape(c);
		if (k == 0)
			str_add(s, "\xef\xbf\xbd");
		else if (letter)
			str_addf(s, "\\%c", letter);
		else
			str_addf(s, "\\u%04x", c);
		plain = ++i;
	}
	str_add_n(s, text + plain, n - plain);
	return str_add_char(s, '"');
}

static char go_escape(unsigned char c)
{
	return c == '\a' ? 'a' : c == '\v' ? 'v' : json_escape(c);
}

/* Go's unicode.IsPrint needs its tables; here what is known to move the cursor or to hide is escaped. */
static bool prints(uint32_t rune)
{
	if (rune < 0x20 || (rune >= 0x7f && rune <= 0xa0) || rune == 0xad)
		return false;
	if ((rune >= 0x2000 && rune <= 0x200f) || (rune >= 0x2028 && rune <= 0x202f) ||
		(rune >= 0x205f && rune <= 0x206f))
		return false;
	if (rune == 0x3000 || rune == 0xfeff || (rune >= 0xe000 && rune <= 0xf8ff) ||
		(rune >= 0xfff0 && rune <= 0xfffb))
		return false;
	return rune < 0xe0000 && (rune & 0xfffe) != 0xfffe;
}

static void add_go_rune(struct str *s, const char *text, size_t k, uint32_t rune)
{
	char letter = rune < 0x80 ? go_escape((unsigned char)rune) : 0;

	if (k == 0)
		str_addf(s, "\\x%02x", (unsigned char)text[0]);
	else if (letter)
		str_addf(s, "\\%c", letter);
	else if (prints(rune))
		str_add_n(s, text, k);
	else
		str_addf(s, rune < 0x80 ? "\\x%02x" : rune < 0x10000 ? "\\u%04x" : "\\U%08x", (unsigned)rune);
}

int str_add_quoted(struct str *s, const char *text, size_t n)
{
	str_add_char(s, '"');
	for (size_t i = 0; i < n;) {
		uint32_t rune = 0;
		size_t k = str_utf8_next(text + i, n - i, &rune);
		add_go_rune(s, text + i, k, rune);
		i += k ? k : 1;
	}
	return str_add_char(s, '"');
}

const char *str_text(const struct str *s)
{
	return s->data ? s->data : "";
}

void str_clear(struct str *s)
{
	s->len = 0;
	s->failed = 0;
	if (s->data)
		s->data[0] = '\0';
}

char *str_take(struct str *s)
{
	if (s->failed || str_add_n(s, "", 0) < 0)
		return NULL;
	char *text = take_ptr(s->data);
	*s = STR_INIT(s->max);
	return text;
}

/* ---- lists ------------------------------------------------------------------- */
void str_list_free(char **list)
{
	if (!list)
		return;
	for (char **p = list; *p; p++)
		free(*p);
	free(list);
}

void str_list_cleanup(char ***list)
{
	str_list_free(*list);
}

size_t str_list_count(char *const *list)
{
	size_t n = 0;

	while (list && list[n])
		n++;
	return n;
}

/* Takes text, also when it fails.  The room is the next power of two, so that it need not be stored. */
static int append(char ***list, size_t n, char *text)
{
	if (!text)
		return -ENOMEM;
	if (((n + 1) & n) == 0 || !*list) {
		char **bigger = reallocarray(*list, (n + 1) * 2, sizeof **list);
		if (!bigger) {
			free(text);
			return -ENOMEM;
		}
		*list = bigger;
	}
	(*list)[n] = text;
	(*list)[n + 1] = NULL;
	return 0;
}

int str_list_add(char ***list, const char *text)
{
	return append(list, str_list_count(*list), strdup(text));
}

int str_split(const char *text, char sep, size_t max, char ***ret)
{
	auto_str_list char **list = NULL;

	for (size_t n = 0;; n++) {
		const char *end = n + 1 == max ? NULL : strchr(text, sep);
		int r = append(&list, n, end ? strndup(text, (size_t)(end - text)) : strdup(text));
		if (r < 0)
			return r;
		if (!end)
			break;
		text = end + 1;
	}
	*ret = take_ptr(list);
	return 0;
}

char *str_join(char *const *list, const char *sep)
{
	auto_str struct str s = STR_INIT(SIZE_MAX / 2);

	for (size_t i = 0; list && list[i]; i++) {
		if (i > 0)
			str_add(&s, sep);
		str_add(&s, list[i]);
	}
	return str_take(&s);
}

bool str_list_has(char *const *list, const char *text)
{
	for (; list && *list; list++)
		if (strcmp(*list, text) == 0)
			return true;
	return false;
}

/* ---- parts of text -------------------------------------------------------------- */
const char *str_after(const char *text, const char *prefix)
{
	size_t n = strlen(prefix);

	return strncmp(text, prefix, n) == 0 ? text + n : NULL;
}

bool str_ends_with(const char *text, const char *suffix)
{
	size_t n = strlen(text), k = strlen(suffix);

	return n >= k && memcmp(text + n - k, suffix, k) == 0;
}

/* ---- numbers -------------------------------------------------------------------- */
static int digit(char c)
{
	if (c >= '0' && c <= '9')
		return c - '0';
	if (c >= 'a' && c <= 'f')
		return c - 'a' + 10;
	if (c >= 'A' && c <= 'F')
		return c - 'A' + 10;
	return 99;
}

int str_to_u64(const char *text, int base, uint64_t min, uint64_t max, uint64_t *ret)
{
	uint64_t v = 0;
	bool over = false;

	if (!text || !*text)
		return -EINVAL;
	for (; *text; text++) {
		int d = digit(*text);
		if (d >= base)
			return -EINVAL;
		over |= __builtin_mul_overflow(v, (uint64_t)base, &v);
		over |= __builtin_add_overflow(v, (uint64_t)d, &v);
	}
	if (over || v < min || v > max)
		return -ERANGE;
	*ret = v;
	return 0;
}

int str_to_i64(const char *text, int64_t min, int64_t max, int64_t *ret)
{
	bool minus = text && *text == '-';
	uint64_t limit = minus ? (uint64_t)INT64_MAX + 1 : INT64_MAX, u;

	int r = str_to_u64(minus ? text + 1 : text, 10, 0, limit, &u);
	if (r < 0)
		return r;
	int64_t v = minus ? (int64_t)(0 - u) : (int64_t)u;
	if (v < min || v > max)
		return -ERANGE;
	*ret = v;
	return 0;
}

int str_to_double(const char *text, double min, double max, double *ret)
{
	char *end;

	/* strtod takes more than decimals: blanks, inf, nan, 0x. */
	if (!text || !*text || text[strspn(text, "+-.0123456789eE")] || text[0] == '+' ||
		tolower(text[0]) == 'e')
		return -EINVAL;
	double v = strtod(text, &end);
	if (*end || end == text)
		return -EINVAL;
	if (!isfinite(v) || v < min || v > max)
		return -ERANGE;
	*ret = v;
	return 0;
}

/* ---- UTF-8 ---------------------------------------------------------------------- */
size_t str_utf8_next(const char *text, size_t n, uint32_t *ret_rune)
{
	const unsigned char *p = (const unsigned char *)text;
	static const uint32_t lowest[] = { 0, 0, 0x80, 0x800, 0x10000 };
	size_t k = p[0] < 0x80   ? 1
		   : p[0] < 0xc2 ? 0
		   : p[0] < 0xe0 ? 2
		   : p[0] < 0xf0 ? 3
		   : p[0] < 0xf5 ? 4
				 : 0;

	if (k == 0 || k > n)
		return 0;
	uint32_t rune = k == 1 ? p[0] : p[0] & (0x7fu >> k);
	for (size_t i = 1; i < k; i++) {
		if ((p[i] & 0xc0) != 0x80)
			return 0;
		rune = rune << 6 | (p[i] & 0x3f);
	}
	if (rune < lowest[k] || rune > 0x10ffff || (rune >= 0xd800 && rune <= 0xdfff))
		return 0;
	if (ret_rune)
		*ret_rune = rune;
	return k;
}

bool str_is_utf8(const char *text, size_t n)
{
	for (size_t i = 0; i < n;) {
		size_t k = str_utf8_next(text + i, n - i, NULL);
		if (k == 0)
			return false;
		i += k;
	}
	return true;
}

size_t str_utf8_put(char buf[4], uint32_t rune)
{
	if (rune < 0x80) {
		buf[0] = (char)rune;
		return 1;
	}
	size_t k = rune < 0x800 ? 2 : rune < 0x10000 ? 3 : 4;
	for (size_t i = k - 1; i > 0; i--, rune >>= 6)
		buf[i] = (char)(0x80 | (rune & 0x3f));
	buf[0] = (char)((0xf00 >> k & 0xff) | rune);
	return k;
}
