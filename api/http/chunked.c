/* SPDX-License-Identifier: Apache-2.0 */
#include "api/http/chunked.h"

#include "api/http/parser.h"

enum state {
	STATE_SIZE_FIRST,
	STATE_SIZE,
	STATE_BLANK, /* behind the size: only an extension may follow */
	STATE_EXTENSION,
	STATE_SIZE_LF,
	STATE_DATA,
	STATE_DATA_CR,
	STATE_DATA_LF,
	STATE_TRAILER_FIRST,
	STATE_TRAILER_NAME,
	STATE_TRAILER_VALUE,
	STATE_TRAILER_LF,
	STATE_END_LF,
	STATE_END,
	STATE_BAD,
};

static int hex_value(char c)
{
	if (c >= '0' && c <= '9')
		return c - '0';
	c |= 0x20;
	return c >= 'a' && c <= 'f' ? c - 'a' + 10 : -1;
}

void chunked_init(struct chunked *c)
{
	*c = (struct chunked){ .state = STATE_SIZE_FIRST };
}

static int size_digit(struct chunked *c, char byte)
{
	int v = hex_value(byte);
	if (v < 0 || c->line > CHUNKED_DIGITS_MAX)
		return STATE_BAD;
	c->left = c->left << 4 | v;
	return STATE_SIZE;
}

static int on_size(struct chunked *c, char byte)
{
	switch (byte) {
	case '\r': return STATE_SIZE_LF;
	case ';': return STATE_EXTENSION;
	case ' ':
	case '\t': return STATE_BLANK;
	default: return size_digit(c, byte);
	}
}

static int on_blank(char byte)
{
	if (byte == ';')
		return STATE_EXTENSION;
	return byte == ' ' || byte == '\t' ? STATE_BLANK : STATE_BAD;
}

static int on_field(char byte, int same, int line_end)
{
	if (byte == '\r')
		return line_end;
	return parser_is_field_byte((unsigned char)byte) ? same : STATE_BAD;
}

static int on_trailer_name(char byte, int first)
{
	if (first && byte == '\r')
		return STATE_END_LF;
	if (!first && byte == ':')
		return STATE_TRAILER_VALUE;
	return parser_is_token_byte((unsigned char)byte) ? STATE_TRAILER_NAME : STATE_BAD;
}

static int next_state(struct chunked *c, char byte)
{
	switch (c->state) {
	case STATE_SIZE_FIRST: return size_digit(c, byte);
	case STATE_SIZE: return on_size(c, byte);
	case STATE_BLANK: return on_blank(byte);
	case STATE_EXTENSION: return on_field(byte, STATE_EXTENSION, STATE_SIZE_LF);
	case STATE_SIZE_LF:
		if (byte != '\n')
			return STATE_BAD;
		return c->left > 0 ? STATE_DATA : STATE_TRAILER_FIRST;
	case STATE_DATA_CR: return byte == '\r' ? STATE_DATA_LF : STATE_BAD;
	case STATE_DATA_LF: return byte == '\n' ? STATE_SIZE_FIRST : STATE_BAD;
	case STATE_TRAILER_FIRST: return on_trailer_name(byte, 1);
	case STATE_TRAILER_NAME: return on_trailer_name(byte, 0);
	case STATE_TRAILER_VALUE: return on_field(byte, STATE_TRAILER_VALUE, STATE_TRAILER_LF);
	case STATE_TRAILER_LF: return byte == '\n' ? STATE_TRAILER_FIRST : STATE_BAD;
	case STATE_END_LF: return byte == '\n' ? STATE_END : STATE_BAD;
	default: return STATE_BAD;
	}
}

/* Counts the byte against the limit of its kind of line. */
static int over_limit(struct chunked *c)
{
	if (c->state <= STATE_EXTENSION)
		return ++c->line > CHUNKED_LINE_MAX + 1; /* and its CR */
	if (c->state >= STATE_TRAILER_FIRST && c->state <= STATE_TRAILER_LF)
		return ++c->trailers > CHUNKED_TRAILERS_MAX;
	c->line = 0;
	return 0;
}

int chunked_feed(struct chunked *c, const char *in, size_t n, size_t *ret_used)
{
	size_t i = 0;

	while (i < n && c->state != STATE_DATA && c->state != STATE_END && c->state != STATE_BAD) {
		int over = over_limit(c);
		c->state = over ? STATE_BAD : next_state(c, in[i++]);
	}
	*ret_used = i;
	switch (c->state) {
	case STATE_DATA: return CHUNKED_DATA;
	case STATE_END: return CHUNKED_END;
	case STATE_BAD: return -400;
	default: return CHUNKED_MORE;
	}
}

void chunked_take(struct chunked *c, int64_t n)
{
	c->left -= n;
	if (c->left == 0)
		c->state = STATE_DATA_CR;
}
