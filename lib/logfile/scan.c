/* SPDX-License-Identifier: Apache-2.0 */
#include "lib/logfile/scan.h"

#include "lib/base/str.h"
#include "lib/base/timefmt.h"

#include <errno.h>
#include <string.h>

struct cursor {
	char *p, *end;
};

struct span {
	char *text;
	size_t n;
};

static void skip_blanks(struct cursor *c)
{
	while (c->p < c->end && (*c->p == ' ' || *c->p == '\t' || *c->p == '\r' || *c->p == '\n'))
		c->p++;
}

static bool take(struct cursor *c, char what)
{
	skip_blanks(c);
	if (c->p == c->end || *c->p != what)
		return false;
	c->p++;
	return true;
}

/* ---- strings -------------------------------------------------------------------- */
static int hex4(const char *p, const char *end)
{
	int v = 0;

	if (end - p < 4)
		return -1;
	for (int i = 0; i < 4; i++) {
		char c = p[i];
		int d = c >= '0' && c <= '9'   ? c - '0'
			: c >= 'a' && c <= 'f' ? c - 'a' + 10
			: c >= 'A' && c <= 'F' ? c - 'A' + 10
					       : -1;
		if (d < 0)
			return -1;
		v = v << 4 | d;
	}
	return v;
}

/* Behind "\u".  Half a surrogate pair becomes U+FFFD, as Go does it. */
static char *decode_rune(struct cursor *c, char *out)
{
	int v = hex4(c->p, c->end);
	uint32_t rune = (uint32_t)v;

	if (v < 0)
		return NULL;
	c->p += 4;
	if (v >= 0xd800 && v < 0xe000) {
		int low = v < 0xdc00 && c->end - c->p >= 6 && c->p[0] == '\\' && c->p[1] == 'u'
				  ? hex4(c->p + 2, c->end)
				  : -1;
		rune = 0xfffd;
		if (low >= 0xdc00 && low < 0xe000) {
			rune = 0x10000 + (((uint32_t)v & 0x3ff) << 10 | ((uint32_t)low & 0x3ff));
			c->p += 6;
		}
	}
	return out + str_utf8_put(out, rune);
}

/* Behind the '\\'. */
static char *decode_escape(struct cursor *c, char *out)
{
	static const char from[] = "\"\\/bfnrt", to[] = "\"\\/\b\f\n\r\t";

	if (c->p == c->end)
		return NULL;
	char e = *c->p++;
	if (e == 'u')
		return decode_rune(c, out);
	const char *at = e ? strchr(from, e) : NULL;
	if (!at)
		return NULL;
	*out = to[at - from];
	return out + 1;
}

/* What needs a look in a string: its end, an escape, a control character. */
static bool is_special(char ch)
{
	return ch == '"' || ch == '\\' || (unsigned char)ch < 0x20;
}

/* Decodes in place: the text never grows, and stays where it is up to the first escape. */
static bool take_string(struct cursor *c, struct span *ret)
{
	if (!take(c, '"'))
		return false;
	char *start = c->p, *out;
	while (c->p < c->end && !is_special(*c->p))
		c->p++;
	out = c->p;
	while (c->p < c->end && *c->p != '"') {
		if ((unsigned char)*c->p < 0x20)
			return false;
		if (*c->p != '\\') {
			*out++ = *c->p++;
			continue;
		}
		c->p++;
		out = decode_escape(c, out);
		if (!out)
			return false;
	}
	if (c->p == c->end)
		return false;
	c->p++;
	*ret = (struct span){ start, (size_t)(out - start) };
	return true;
}

static bool span_is(const struct span *s, const char *text)
{
	return s->n == strlen(text) && memcmp(s->text, text, s->n) == 0;
}

/* ---- values that are passed over --------------------------------------------------- */
static bool skip_string(struct cursor *c)
{
	for (c->p++; c->p < c->end; c->p++) {
		if (*c->p == '"') {
			c->p++;
			return true;
		}
		if (*c->p == '\\')
			c->p++;
	}
	return false;
}

/* Any value, by its brackets alone: what stands between them is nobody's here. */
static bool skip_value(struct cursor *c)
{
	int depth = 0;

	skip_blanks(c);
	char *start = c->p;
	while (c->p < c->end) {
		switch (*c->p) {
		case '"':
			if (!skip_string(c))
				return false;
			break;
		case '{':
		case '[':
			if (++depth > LOGFILE_SCAN_DEPTH)
				return false;
			c->p++;
			break;
		case '}':
		case ']':
			if (depth == 0)
				return c->p > start;
			depth--;
			c->p++;
			break;
		case ',':
			if (depth == 0)
				return c->p > start;
			c->p++;
			break;
		default: c->p++;
		}
		if (depth == 0 && c->p < c->end && (c->p[-1] == '"' || c->p[-1] == '}' || c->p[-1] == ']'))
			return true;
	}
	return depth == 0 && c->p > start;
}

/* ---- entries ----------------------------------------------------------------------- */
static bool take_time(struct cursor *c, int64_t *ret)
{
	char text[TIMEFMT_SIZE];
	struct span s;

	if (!take_string(c, &s) || s.n >= sizeof text)
		return false;
	memcpy(text, s.text, s.n);
	text[s.n] = '\0';
	return timefmt_parse_rfc3339(text, ret) == 0;
}

static bool take_stream(struct cursor *c, enum logfile_stream *ret)
{
	struct span s;

	if (!take_string(c, &s))
		return false;
	if (!span_is(&s, "stdout") && !span_is(&s, "stderr"))
		return false;
	*ret = span_is(&s, "stderr") ? LOGFILE_STDERR : LOGFILE_STDOUT;
	return true;
}

static bool take_attrs(struct cursor *c, struct logfile_entry *e)
{
	skip_blanks(c);
	char *start = c->p;
	if (!skip_value(c))
		return false;
	if (*start == '{') {
		e->attrs = start;
		e->attrs_n = (size_t)(c->p - start);
	}
	return true;
}

static bool take_member(struct cursor *c, struct logfile_entry *e, bool *has_time)
{
	struct span key, text;

	if (!take_string(c, &key) || !take(c, ':'))
		return false;
	if (span_is(&key, "log")) {
		if (!take_string(c, &text))
			return false;
		e->text = text.text;
		e->text_n = text.n;
		return true;
	}
	if (span_is(&key, "stream"))
		return take_stream(c, &e->stream);
	if (span_is(&key, "attrs"))
		return take_attrs(c, e);
	if (span_is(&key, "time"))
		return *has_time = take_time(c, &e->time_ns);
	return skip_value(c);
}

int logfile_scan(char *line, size_t n, struct logfile_entry *ret)
{
	struct cursor c = { line, line + n };
	struct logfile_entry e = { .stream = LOGFILE_STDOUT, .text = "" };
	bool has_time = false;

	if (!take(&c, '{'))
		return -EBADMSG;
	do {
		if (!take_member(&c, &e, &has_time))
			return -EBADMSG;
	} while (take(&c, ','));
	if (!take(&c, '}'))
		return -EBADMSG;
	skip_blanks(&c);
	if (c.p != c.end || !has_time)
		return -EBADMSG;
	*ret = e;
	return 0;
}

/* ---- details ------------------------------------------------------------------------ */
struct sink {
	char *p, *end;
};

static void put(struct sink *s, char c)
{
	if (s->p < s->end)
		*s->p++ = c;
}

/* As Go's url.QueryEscape. */
static void put_escaped(struct sink *s, const struct span *text)
{
	static const char digits[] = "0123456789ABCDEF";

	for (size_t i = 0; i < text->n; i++) {
		unsigned char c = (unsigned char)text->text[i];
		if ((c >= '0' && c <= '9') || (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || c == '-' ||
			c == '_' || c == '.' || c == '~') {
			put(s, (char)c);
		} else if (c == ' ') {
			put(s, '+');
		} else {
			put(s, '%');
			put(s, digits[c >> 4]);
			put(s, digits[c & 15]);
		}
	}
}

size_t logfile_details(const struct logfile_entry *entry, char *buf, size_t size)
{
	char copy[LOGFILE_ATTRS_MAX];
	struct sink out = { buf, buf + size };
	struct span key, value;

	if (!entry->attrs || entry->attrs_n > sizeof copy)
		return 0;
	memcpy(copy, entry->attrs, entry->attrs_n);
	struct cursor c = { copy, copy + entry->attrs_n };
	if (!take(&c, '{'))
		return 0;
	do {
		if (!take_string(&c, &key) || !take(&c, ':') || !take_string(&c, &value))
			break;
		if (out.p > buf)
			put(&out, ',');
		put_escaped(&out, &key);
		put(&out, '=');
		put_escaped(&out, &value);
	} while (take(&c, ','));
	return (size_t)(out.p - buf);
}
