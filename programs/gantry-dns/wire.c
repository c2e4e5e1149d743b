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

static uint16_t get16(const uint8_t *p)
{
	return (uint16_t)(p[0] << 8 | p[1]);
}

static void set16(uint8_t *p, uint16_t v)
{
	p[0] = (uint8_t)(v >> 8);
	p[1] = (uint8_t)v;
}

/* Labels without compression, as a question has them.  A dot or a NUL in a label would make two names one. */
static int read_name(const uint8_t *m, size_t n, size_t *at, char name[WIRE_NAME_SIZE])
{
	size_t out = 0;

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
			if (c == '.' || c == '\0')
				return -1;
			name[out++] = (char)(c >= 'A' && c <= 'Z' ? c + 32 : c);
		}
		*at += len;
	}
	name[out] = '\0';
	return 0;
}

int wire_read(const uint8_t *m, size_t n, struct wire_question *q)
{
	size_t at = WIRE_HEADER;

	*q = (struct wire_question){ 0 };
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
	return 0;
}

bool wire_is_answer(const uint8_t *answer, size_t n, const uint8_t *query, size_t query_n, unsigned *ret_code)
{
	struct wire_question asked, got;
	size_t at = WIRE_HEADER;

	if (n < WIRE_HEADER || !(get16(answer + 2) & FLAG_QR) || wire_read(query, query_n, &asked) != 0)
		return false;
	*ret_code = answer[3] & 15;
	if (get16(answer) != asked.id)
		return false;
	if (get16(answer + 4) == 0)
		return *ret_code != WIRE_OK; /* some servers leave the question out of an error */
	return get16(answer + 4) == 1 && read_name(answer, n, &at, got.name) == 0 && n - at >= 4 &&
	       strcmp(got.name, asked.name) == 0 && get16(answer + at) == asked.type &&
	       get16(answer + at + 2) == asked.class;
}

void wire_begin(struct wire_answer *a, uint8_t *data, size_t max, const uint8_t *query,
	const struct wire_question *q, unsigned code)
{
	size_t n = q->end > WIRE_HEADER && q->end <= max ? q->end : WIRE_HEADER;

	*a = (struct wire_answer){ .data = data, .n = n, .max = max };
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
