/* SPDX-License-Identifier: Apache-2.0 */
#include "programs/gantry-dns/wire.h"

#include <arpa/inet.h>
#include <errno.h>
#include <stdio.h>
#include <string.h>

#define TTL           600
#define NAME_MAX_TEXT 253 /* 255 bytes as a message has it */
#define FLAG_QR       0x8000
#define FLAG_TC       0x0200
#define FLAG_RD       0x0100
#define FLAG_RA       0x0080
#define OPCODE(f)     ((f) >> 11 & 15)
#define POINTER       0xc00c /* to the question's name, behind the header */
#define TYPE_OPT      41
#define OPT_SIZE      11
#define RECORDS_MAX   16 /* looked at in a query */

static uint16_t get16(const uint8_t *p)
{
	return (uint16_t)(p[0] << 8 | p[1]);
}

static void set16(uint8_t *p, uint16_t v)
{
	p[0] = (uint8_t)(v >> 8);
	p[1] = (uint8_t)v;
}

static uint8_t lower(uint8_t c)
{
	return c >= 'A' && c <= 'Z' ? (uint8_t)(c + 32) : c;
}

/* Labels without compression, as a question has them.  A dot or a NUL in a label would make two names one:
 * such a name is no container's, and "". */
static int read_name(const uint8_t *m, size_t n, size_t *at, char name[WIRE_NAME_SIZE])
{
	size_t out = 0;
	bool odd = false;

	for (;;) {
		if (*at >= n)
			return -1;
		size_t len = m[(*at)++];
		if (len == 0)
			break;
		if (len > 63 || len > n - *at || out + (out > 0) + len > NAME_MAX_TEXT)
			return -1;
		if (out)
			name[out++] = '.';
		for (size_t i = 0; i < len; i++) {
			uint8_t c = m[*at + i];
			odd |= c == '.' || c == '\0';
			name[out++] = (char)lower(c);
		}
		*at += len;
	}
	name[odd ? 0 : out] = '\0';
	return 0;
}

/* Behind a name that may end in a pointer. */
static int skip_name(const uint8_t *m, size_t n, size_t *at)
{
	while (*at < n) {
		size_t len = m[(*at)++];
		if (len == 0)
			return 0;
		if (len >= 0xc0) {
			(*at)++;
			return 0;
		}
		if (len > 63)
			return -1;
		*at += len;
	}
	return -1;
}

/* What the client says of itself; a message that is broken behind its question says nothing. */
static void read_edns(const uint8_t *m, size_t n, struct wire_question *q)
{
	size_t at = q->end;
	unsigned records = get16(m + 6) + get16(m + 8) + get16(m + 10);

	q->udp_size = WIRE_UDP_MIN;
	for (unsigned i = 0; i < records && i < RECORDS_MAX && !q->edns; i++) {
		if (skip_name(m, n, &at) < 0 || at + 10 > n)
			return;
		if (get16(m + at) == TYPE_OPT) {
			uint16_t size = get16(m + at + 2);
			q->edns = true;
			q->udp_size = size < WIRE_UDP_MIN ? WIRE_UDP_MIN : size;
		}
		at += 10 + (size_t)get16(m + at + 8);
	}
}

int wire_read(const uint8_t *m, size_t n, struct wire_question *q)
{
	size_t at = WIRE_HEADER;

	*q = (struct wire_question){ .udp_size = WIRE_UDP_MIN };
	if (n < WIRE_HEADER)
		return -EBADMSG;
	q->id = get16(m);
	q->flags = get16(m + 2);
	if (q->flags & FLAG_QR)
		return -EBADMSG; /* an answer: to answer it would make a loop */
	if (OPCODE(q->flags) != 0)
		return WIRE_NOT_IMPLEMENTED;
	if (get16(m + 4) != 1 || read_name(m, n, &at, q->name) < 0 || n - at < 4)
		return WIRE_FORMAT;
	q->type = get16(m + at);
	q->class = get16(m + at + 2);
	q->end = at + 4;
	read_edns(m, n, q);
	return 0;
}

/* Lengths of labels are no letters. */
static bool same_question(const uint8_t *a, size_t an, const uint8_t *b, size_t end)
{
	if (an < end || memcmp(a + end - 4, b + end - 4, 4) != 0)
		return false;
	for (size_t i = WIRE_HEADER; i < end - 4; i++)
		if (lower(a[i]) != lower(b[i]))
			return false;
	return true;
}

bool wire_is_answer(const uint8_t *answer, size_t n, const uint8_t *query, size_t query_n, unsigned *ret_code)
{
	struct wire_question asked;

	if (n < WIRE_HEADER || !(get16(answer + 2) & FLAG_QR) || wire_read(query, query_n, &asked) != 0 ||
		get16(answer) != asked.id)
		return false;
	*ret_code = answer[3] & 15;
	if (get16(answer + 4) == 0)
		return *ret_code != WIRE_OK; /* some servers leave the question out of an error */
	return get16(answer + 4) == 1 && same_question(answer, n, query, asked.end);
}

size_t wire_cut(uint8_t *answer, size_t n, size_t max)
{
	size_t at = WIRE_HEADER;
	char name[WIRE_NAME_SIZE];

	if (n <= max || n < WIRE_HEADER)
		return n;
	answer[2] |= FLAG_TC >> 8;
	memset(answer + 6, 0, 6);
	if (get16(answer + 4) == 1 && read_name(answer, n, &at, name) == 0 && n - at >= 4)
		return at + 4;
	set16(answer + 4, 0);
	return WIRE_HEADER;
}

void wire_begin(struct wire_answer *a, uint8_t *data, size_t max, const uint8_t *query,
	const struct wire_question *q, unsigned code)
{
	size_t n = q->end > WIRE_HEADER && q->end <= max ? q->end : WIRE_HEADER;

	*a = (struct wire_answer){ .data = data, .n = n, .max = max };
	if (q->edns && max - n >= OPT_SIZE) { /* who asks with it is answered with it */
		a->edns = true;
		a->max -= OPT_SIZE;
	}
	memset(data, 0, WIRE_HEADER);
	set16(data, q->id);
	set16(data + 2, (uint16_t)(FLAG_QR | FLAG_RA | (q->flags & FLAG_RD) | (q->flags & 0x7800) | code));
	if (n > WIRE_HEADER) {
		memcpy(data + WIRE_HEADER, query + WIRE_HEADER, n - WIRE_HEADER);
		set16(data + 4, 1);
	}
}

/* Name, type, class, TTL and length; NULL: it does not fit. */
static uint8_t *add(struct wire_answer *a, uint16_t type, size_t n)
{
	if (a->cut || a->max - a->n < 12 + n || a->count == UINT16_MAX) {
		a->cut = true;
		return NULL;
	}
	uint8_t *p = a->data + a->n;
	set16(p, POINTER);
	set16(p + 2, type);
	set16(p + 4, 1);
	set16(p + 6, 0);
	set16(p + 8, TTL);
	set16(p + 10, (uint16_t)n);
	a->n += 12 + n;
	a->count++;
	return p + 12;
}

void wire_add_address(struct wire_answer *a, uint32_t address)
{
	uint8_t *p = add(a, WIRE_A, 4);

	if (p)
		memcpy(p, &address, 4);
}

void wire_add_name(struct wire_answer *a, const char *name)
{
	uint8_t text[WIRE_NAME_SIZE + 2];
	size_t n = 0;

	for (const char *p = name; *p;) {
		size_t len = strcspn(p, ".");
		if (len == 0 || len > 63 || n + len + 2 > sizeof text)
			return;
		text[n++] = (uint8_t)len;
		memcpy(text + n, p, len);
		n += len;
		p += len + (p[len] == '.');
	}
	text[n++] = 0;
	uint8_t *to = add(a, WIRE_PTR, n);
	if (to)
		memcpy(to, text, n);
}

void wire_end(struct wire_answer *a)
{
	static const uint8_t opt[OPT_SIZE] = { 0, 0, TYPE_OPT, WIRE_UDP_MAX >> 8, WIRE_UDP_MAX & 255 };

	if (a->edns) {
		memcpy(a->data + a->n, opt, sizeof opt);
		a->n += sizeof opt;
		set16(a->data + 10, 1);
	}
	set16(a->data + 6, a->count);
	if (a->cut)
		a->data[2] |= FLAG_TC >> 8;
}

bool wire_reverse(const char *name, uint32_t *ret)
{
	unsigned v[4];
	int n = 0;

	if (sscanf(name, "%3u.%3u.%3u.%3u.in-addr.arpa%n", &v[0], &v[1], &v[2], &v[3], &n) != 4 || n == 0 ||
		name[n] || v[0] > 255 || v[1] > 255 || v[2] > 255 || v[3] > 255)
		return false;
	*ret = htonl(v[3] << 24 | v[2] << 16 | v[1] << 8 | v[0]);
	return true;
}
