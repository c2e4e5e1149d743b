/* SPDX-License-Identifier: Apache-2.0 */
#include "api/http/parser.h"

#include <string.h>
#include <strings.h>

#include "api/http/uri.h"

enum phase { PHASE_EMPTY_LINE, PHASE_REQUEST_LINE, PHASE_HEADERS };

static const unsigned char token_bytes[256] = {
	['!'] = 1,
	['#'] = 1,
	['$'] = 1,
	['%'] = 1,
	['&'] = 1,
	['\''] = 1,
	['*'] = 1,
	['+'] = 1,
	['-'] = 1,
	['.'] = 1,
	['^'] = 1,
	['_'] = 1,
	['`'] = 1,
	['|'] = 1,
	['~'] = 1,
	['0' ... '9'] = 1,
	['A' ... 'Z'] = 1,
	['a' ... 'z'] = 1,
};

/* RFC 3986 3.2.2: reg-name, IPv4 address, [IPv6 address], and the ':' of a port.  No user information. */
static const unsigned char host_bytes[256] = {
	['!'] = 1,
	['$'] = 1,
	['%'] = 1,
	['&'] = 1,
	['\''] = 1,
	['('] = 1,
	[')'] = 1,
	['*'] = 1,
	['+'] = 1,
	[','] = 1,
	['-'] = 1,
	['.'] = 1,
	[':'] = 1,
	[';'] = 1,
	['='] = 1,
	['['] = 1,
	[']'] = 1,
	['_'] = 1,
	['~'] = 1,
	['0' ... '9'] = 1,
	['A' ... 'Z'] = 1,
	['a' ... 'z'] = 1,
};

bool parser_is_token_byte(unsigned char c)
{
	return token_bytes[c];
}

bool parser_is_field_byte(unsigned char c)
{
	return (c >= 0x20 && c != 0x7f) || c == '\t';
}

static long refuse(struct parser *p, int status, const char *reason)
{
	p->reason = reason;
	return -status;
}

static struct parser_span span(const char *base, const char *from, const char *to)
{
	return (struct parser_span){ .at = (uint32_t)(from - base), .len = (uint32_t)(to - from) };
}

static bool span_is(const char *base, struct parser_span s, const char *word)
{
	return strlen(word) == s.len && !strncasecmp(base + s.at, word, s.len);
}

static bool is_blank(char c)
{
	return c == ' ' || c == '\t';
}

static bool is_digit(char c)
{
	return c >= '0' && c <= '9';
}

static bool host_valid(const char *text, size_t n)
{
	for (size_t i = 0; i < n; i++)
		if (!host_bytes[(unsigned char)text[i]])
			return false;
	return uri_escapes_valid(text, n);
}

/* Also called on a line whose end has not come, so that what is not HTTP at all is refused at once. */
static long check_method(struct parser *p, const char *line, size_t n)
{
	size_t len = 0;

	while (len < n && token_bytes[(unsigned char)line[len]])
		len++;
	if (len > PARSER_METHOD_MAX || (len < n && (len == 0 || line[len] != ' ')))
		return refuse(p, 400, "malformed request line");
	return 0;
}

static long parse_version(struct parser *p, const char *text, size_t n)
{
	if (n != 8 || memcmp(text, "HTTP/", 5) || !is_digit(text[5]) || text[6] != '.' || !is_digit(text[7]))
		return refuse(p, 400, "malformed request line");
	if (text[5] != '1' || text[7] > '1')
		return refuse(p, 505, "only HTTP/1.0 and HTTP/1.1 are spoken here");
	p->request.minor = text[7] - '0';
	p->request.keep_alive = p->request.minor == 1;
	return 0;
}

/* Sets host and returns the first byte behind the authority; NULL when that is malformed. */
static const char *parse_authority(struct parser *p, const char *base, const char *t, const char *end)
{
	size_t scheme = (size_t)(end - t) > 7 && !strncasecmp(t, "http://", 7) ? 7 : 8;
	if (scheme == 8 && ((size_t)(end - t) <= 8 || strncasecmp(t, "https://", 8)))
		return NULL;
	const char *stop = t + scheme;
	while (stop < end && *stop != '/' && *stop != '?')
		stop++;
	p->request.host = span(base, t + scheme, stop);
	if (stop == t + scheme || !host_valid(t + scheme, (size_t)(stop - t) - scheme))
		return NULL;
	return stop;
}

static long parse_target(struct parser *p, const char *base, const char *t, const char *end)
{
	struct parser_request *r = &p->request;

	r->target = span(base, t, end);
	if (t == end)
		return refuse(p, 400, "malformed request line");
	for (const char *c = t; c < end; c++)
		if ((unsigned char)*c <= 0x20 || (unsigned char)*c >= 0x7f || *c == '#')
			return refuse(p, 400, "invalid byte in the request target");
	if (!uri_escapes_valid(t, (size_t)(end - t)))
		return refuse(p, 400, "invalid escape in the request target");
	if (end - t == 1 && *t == '*') {
		if (!span_is(base, r->method, "OPTIONS"))
			return refuse(p, 400, "the target * is for OPTIONS only");
	} else if (*t != '/') {
		t = parse_authority(p, base, t, end);
		if (!t)
			return refuse(p, 400, "malformed request target");
		p->absolute = true;
	}
	const char *mark = memchr(t, '?', (size_t)(end - t));
	r->path = span(base, t, mark ? mark : end);
	r->query = span(base, mark ? mark + 1 : end, end);
	if (r->path.len > PARSER_PATH_MAX)
		return refuse(p, 414, "the path of the request is too long");
	return 0;
}

static long parse_request_line(struct parser *p, const char *base, const char *line, const char *end)
{
	long r = check_method(p, line, (size_t)(end - line));
	if (r < 0)
		return r;
	const char *space = memchr(line, ' ', (size_t)(end - line));
	const char *last = memrchr(line, ' ', (size_t)(end - line));
	if (!space || last == space)
		return refuse(p, 400, "malformed request line");
	p->request.method = span(base, line, space);
	r = parse_version(p, last + 1, (size_t)(end - last) - 1);
	if (r == 0)
		r = parse_target(p, base, space + 1, last);
	return r;
}

/* True when word is an element of the comma-separated list. */
static bool list_has(const char *text, size_t n, const char *word)
{
	const char *end = text + n;
	size_t len = strlen(word);

	for (const char *p = text; p <= end;) {
		const char *comma = memchr(p, ',', (size_t)(end - p));
		const char *stop = comma ? comma : end;
		const char *next = stop + 1;
		while (p < stop && is_blank(*p))
			p++;
		while (stop > p && is_blank(stop[-1]))
			stop--;
		if ((size_t)(stop - p) == len && !strncasecmp(p, word, len))
			return true;
		p = next;
	}
	return false;
}

static long take_host(struct parser *p, const char *base, struct parser_span value)
{
	if (p->has_host)
		return refuse(p, 400, "more than one Host header");
	if (!host_valid(base + value.at, value.len))
		return refuse(p, 400, "invalid Host header");
	p->has_host = true;
	/* The authority of an absolute target stands above Host (RFC 9112 3.2.2). */
	if (!p->absolute)
		p->request.host = value;
	return 0;
}

static long take_connection(struct parser *p, const char *base, struct parser_span value)
{
	const char *text = base + value.at;

	if (list_has(text, value.len, "close"))
		p->request.keep_alive = false;
	else if (p->request.minor == 0 && list_has(text, value.len, "keep-alive"))
		p->request.keep_alive = true;
	return 0;
}

static long take_content_length(struct parser *p, const char *base, struct parser_span value)
{
	int64_t n = 0;

	if (p->has_length)
		return refuse(p, 400, "more than one Content-Length header");
	p->has_length = true;
	if (value.len == 0 || value.len > 18)
		return refuse(p, 400, "invalid Content-Length header");
	for (uint32_t i = 0; i < value.len; i++) {
		if (!is_digit(base[value.at + i]))
			return refuse(p, 400, "invalid Content-Length header");
		n = n * 10 + (base[value.at + i] - '0');
	}
	p->request.content_length = n;
	return 0;
}

static long take_transfer_encoding(struct parser *p, const char *base, struct parser_span value)
{
	if (p->has_encoding)
		return refuse(p, 400, "more than one Transfer-Encoding header");
	p->has_encoding = true;
	if (p->request.minor == 0)
		return refuse(p, 400, "Transfer-Encoding in an HTTP/1.0 request");
	if (!span_is(base, value, "chunked"))
		return refuse(p, 501, "the only transfer encoding spoken here is chunked");
	p->request.chunked = true;
	return 0;
}

static long take_expect(struct parser *p, const char *base, struct parser_span value)
{
	if (!span_is(base, value, "100-continue"))
		return refuse(p, 417, "the only expectation met here is 100-continue");
	p->request.expect_continue = p->request.minor == 1;
	return 0;
}

static long take_upgrade(struct parser *p, const char *base, struct parser_span value)
{
	(void)base;
	(void)value;
	p->request.upgrade = p->request.minor == 1;
	return 0;
}

static long take_known_header(struct parser *p, const char *base, const struct parser_header *h)
{
	static const struct {
		const char *name;
		long (*take)(struct parser *, const char *, struct parser_span);
	} known[] = {
		{ "Host", take_host },
		{ "Connection", take_connection },
		{ "Content-Length", take_content_length },
		{ "Transfer-Encoding", take_transfer_encoding },
		{ "Expect", take_expect },
		{ "Upgrade", take_upgrade },
	};
	for (size_t i = 0; i < sizeof known / sizeof *known; i++)
		if (span_is(base, h->name, known[i].name))
			return known[i].take(p, base, h->value);
	return 0;
}

static long parse_header(struct parser *p, const char *base, const char *line, const char *end)
{
	const char *c = line;

	if (p->request.nheaders == PARSER_HEADERS_MAX)
		return refuse(p, 431, "too many headers");
	while (c < end && token_bytes[(unsigned char)*c])
		c++;
	if (c == line || c == end || *c != ':')
		return refuse(p, 400, "malformed header");
	struct parser_header *h = &p->request.headers[p->request.nheaders++];
	h->name = span(base, line, c++);
	while (c < end && is_blank(*c))
		c++;
	while (end > c && is_blank(end[-1]))
		end--;
	for (const char *v = c; v < end; v++)
		if (!parser_is_field_byte((unsigned char)*v))
			return refuse(p, 400, "invalid byte in a header");
	h->value = span(base, c, end);
	return take_known_header(p, base, h);
}

static long finish(struct parser *p, size_t head_len)
{
	struct parser_request *r = &p->request;

	if (p->has_encoding && p->has_length)
		return refuse(p, 400, "both Content-Length and Transfer-Encoding");
	if (!p->has_host && r->minor == 1)
		return refuse(p, 400, "no Host header");
	return (long)head_len;
}

/* One complete line, [line, end) without its CRLF.  next is the offset behind it. */
static long parse_line(struct parser *p, const char *base, const char *line, const char *end, size_t next)
{
	long r;

	if (p->phase == PHASE_HEADERS)
		return line == end ? finish(p, next) : parse_header(p, base, line, end);
	if (line == end && p->phase == PHASE_EMPTY_LINE) {
		p->phase = PHASE_REQUEST_LINE;
		return 0;
	}
	r = parse_request_line(p, base, line, end);
	p->phase = PHASE_HEADERS;
	return r;
}

void parser_init(struct parser *p)
{
	size_t head = offsetof(struct parser_request, headers);

	/* The table is written before it is read; clearing its 1.6 kB for each request is not needed. */
	memset(&p->request, 0, head);
	p->reason = NULL;
	p->line = p->searched = 0;
	p->phase = PHASE_EMPTY_LINE;
	p->absolute = p->has_host = p->has_length = p->has_encoding = false;
}

static long too_long(struct parser *p)
{
	return p->phase == PHASE_HEADERS ? refuse(p, 431, "the request head is too long")
					 : refuse(p, 414, "the request line is too long");
}

long parser_run(struct parser *p, const char *data, size_t n)
{
	bool full = n >= PARSER_HEAD_MAX;

	if (full)
		n = PARSER_HEAD_MAX;
	for (;;) {
		const char *line = data + p->line;
		const char *feed = memchr(data + p->searched, '\n', n - p->searched);
		if (!feed) {
			/* A CR may be the first half of a line's end: it is judged with the byte behind it.
			 */
			size_t seen = n - p->line;
			long r = 0;
			if (p->phase != PHASE_HEADERS && seen > 0 && line[0] != '\r')
				r = check_method(p, line, seen);
			p->searched = n;
			return r < 0 ? r : full ? too_long(p) : 0;
		}
		if (feed == line || feed[-1] != '\r')
			return refuse(p, 400, "a line does not end in CRLF");
		size_t next = (size_t)(feed - data) + 1;
		long r = parse_line(p, data, line, feed - 1, next);
		if (r != 0)
			return r;
		p->line = p->searched = next;
	}
}
