/* SPDX-License-Identifier: Apache-2.0 */
#include "programs/gantry/response.h"

#include <errno.h>
#include <string.h>
#include <strings.h>

/* ---- heads ------------------------------------------------------------------------ */
struct line {
	const char *at;
	size_t n;
};

/* The next line without its CR LF; false when there is none. */
static bool next_line(const char **p, const char *end, struct line *ret)
{
	const char *nl = memchr(*p, '\n', (size_t)(end - *p));

	if (!nl || nl == *p || nl[-1] != '\r')
		return false;
	*ret = (struct line){ *p, (size_t)(nl - 1 - *p) };
	*p = nl + 1;
	return true;
}

static bool is_digit(char c)
{
	return c >= '0' && c <= '9';
}

/* "HTTP/1.1 200 OK" */
static int parse_status(struct line l, int *ret)
{
	const char *p = l.at;

	if (l.n < 12 || memcmp(p, "HTTP/1.", 7) != 0 || (p[7] != '0' && p[7] != '1') || p[8] != ' ')
		return -EBADMSG;
	if (!is_digit(p[9]) || !is_digit(p[10]) || !is_digit(p[11]) || (l.n > 12 && p[12] != ' '))
		return -EBADMSG;
	*ret = (p[9] - '0') * 100 + (p[10] - '0') * 10 + (p[11] - '0');
	return *ret >= 100 && *ret <= 599 ? 0 : -EBADMSG;
}

static bool is_token(char c)
{
	return is_digit(c) || (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') ||
	       (c && strchr("!#$%&'*+-.^_`|~", c));
}

/* Splits "Name: value", blanks around the value removed. */
static int split_header(struct line l, struct line *name, struct line *value)
{
	size_t n = 0;

	while (n < l.n && is_token(l.at[n]))
		n++;
	if (n == 0 || n == l.n || l.at[n] != ':')
		return -EBADMSG;
	*name = (struct line){ l.at, n };
	const char *v = l.at + n + 1, *end = l.at + l.n;
	while (v < end && (*v == ' ' || *v == '\t'))
		v++;
	while (end > v && (end[-1] == ' ' || end[-1] == '\t'))
		end--;
	*value = (struct line){ v, (size_t)(end - v) };
	for (size_t i = 0; i < value->n; i++)
		if ((unsigned char)v[i] < 32 && v[i] != '\t')
			return -EBADMSG;
	return 0;
}

static bool line_is(struct line l, const char *text)
{
	return strlen(text) == l.n && strncasecmp(l.at, text, l.n) == 0;
}

/* A value too long for its place is left out. */
static void keep(struct line value, char *buf, size_t size)
{
	if (value.n < size) {
		memcpy(buf, value.at, value.n);
		buf[value.n] = '\0';
	}
}

static int parse_length(struct line value, struct response *r)
{
	uint64_t n = 0;

	if (value.n == 0 || value.n > 18)
		return -EBADMSG;
	for (size_t i = 0; i < value.n; i++) {
		if (!is_digit(value.at[i]))
			return -EBADMSG;
		n = n * 10 + (uint64_t)(value.at[i] - '0');
	}
	if (r->has_length && r->length != n)
		return -EBADMSG;
	r->has_length = true;
	r->length = n;
	return 0;
}

static int take_header(struct line name, struct line value, struct response *r)
{
	if (line_is(name, "Content-Length"))
		return parse_length(value, r);
	if (line_is(name, "Transfer-Encoding")) {
		if (!line_is(value, "chunked") || r->chunked)
			return -EBADMSG;
		r->chunked = true;
	} else if (line_is(name, "Connection")) {
		r->close = r->close || line_is(value, "close");
	} else if (line_is(name, "Api-Version")) {
		keep(value, r->api_version, sizeof r->api_version);
	} else if (line_is(name, "Ostype")) {
		keep(value, r->os, sizeof r->os);
	} else if (line_is(name, "Content-Type")) {
		const char *end = memchr(value.at, ';', value.n);
		if (end)
			value.n = (size_t)(end - value.at);
		keep(value, r->content_type, sizeof r->content_type);
	}
	return 0;
}

static const char *find_end(const char *text, size_t n)
{
	const char *end = memmem(text, n, "\r\n\r\n", 4);

	return end ? end + 4 : NULL;
}

long response_parse(const char *text, size_t n, struct response *ret)
{
	size_t seen = n < RESPONSE_HEAD_MAX ? n : RESPONSE_HEAD_MAX;
	const char *p = text, *end = find_end(text, seen);
	struct response r = { 0 };
	struct line l, name, value;

	if (!end)
		return seen < RESPONSE_HEAD_MAX ? 0 : -EBADMSG;
	if (!next_line(&p, end, &l) || parse_status(l, &r.status) < 0)
		return -EBADMSG;
	r.close = l.at[7] == '0';
	for (unsigned count = 0;; count++) {
		if (!next_line(&p, end, &l) || count > RESPONSE_HEADERS_MAX)
			return -EBADMSG;
		if (l.n == 0)
			break;
		if (split_header(l, &name, &value) < 0 || take_header(name, value, &r) < 0)
			return -EBADMSG;
	}
	if (r.chunked && r.has_length)
		return -EBADMSG;
	*ret = r;
	return p - text;
}

/* ---- chunks ------------------------------------------------------------------------- */
enum { SIZE, EXTENSION, SIZE_LF, DATA, DATA_CR, DATA_LF, TRAILER_START, TRAILER, TRAILER_LF, END_LF };

#define EXTRA_MAX 16384

static int hex(char c)
{
	if (is_digit(c))
		return c - '0';
	c |= 0x20;
	return c >= 'a' && c <= 'f' ? c - 'a' + 10 : -1;
}

static int take_size(struct chunked *c, char b)
{
	int digit = hex(b);

	if (digit >= 0) {
		if (++c->digits > 15)
			return -EBADMSG;
		c->left = c->left << 4 | (unsigned)digit;
		return SIZE;
	}
	if (c->digits == 0)
		return -EBADMSG;
	if (b == '\r')
		return SIZE_LF;
	return b == ';' || b == ' ' || b == '\t' ? EXTENSION : -EBADMSG;
}

/* The state behind one byte that is no data, or -EBADMSG. */
static int take_byte(struct chunked *c, char b)
{
	switch (c->state) {
	case SIZE: return take_size(c, b);
	case EXTENSION:
		if (++c->extra > EXTRA_MAX || b == '\n')
			return -EBADMSG;
		return b == '\r' ? SIZE_LF : EXTENSION;
	case SIZE_LF:
		if (b != '\n')
			return -EBADMSG;
		c->digits = 0;
		return c->left ? DATA : TRAILER_START;
	case DATA_CR: return b == '\r' ? DATA_LF : -EBADMSG;
	case DATA_LF: return b == '\n' ? SIZE : -EBADMSG;
	case TRAILER_START:
		if (b == '\r')
			return END_LF;
		/* fallthrough */
	case TRAILER:
		if (++c->extra > EXTRA_MAX || b == '\n')
			return -EBADMSG;
		return b == '\r' ? TRAILER_LF : TRAILER;
	case TRAILER_LF: return b == '\n' ? TRAILER_START : -EBADMSG;
	case END_LF: c->done = b == '\n'; return c->done ? END_LF : -EBADMSG;
	}
	return -EBADMSG;
}

int chunked_run(
	struct chunked *c, const char *in, size_t n, size_t *ret_used, const char **ret_data, size_t *ret_n)
{
	size_t used = 0;

	*ret_n = 0;
	while (used < n && !c->done && c->state != DATA) {
		int state = take_byte(c, in[used++]);
		if (state < 0)
			return state;
		c->state = state;
	}
	if (c->state == DATA && used < n) {
		size_t take = n - used < c->left ? n - used : (size_t)c->left;
		*ret_data = in + used;
		*ret_n = take;
		used += take;
		c->left -= take;
		if (c->left == 0)
			c->state = DATA_CR;
	}
	*ret_used = used;
	return 0;
}
