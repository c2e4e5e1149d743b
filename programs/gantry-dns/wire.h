/* SPDX-License-Identifier: Apache-2.0 */
/*
 * DNS messages (RFC 1035), as much of them as a resolver of a container's names needs: one question is read,
 * answers for it are written.  Everything that comes in is hostile; nothing beyond the question is looked at.
 */
#ifndef GANTRY_DNS_WIRE_H
#define GANTRY_DNS_WIRE_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#define WIRE_NAME_SIZE   256 /* a name as text, without the last dot, with its NUL */
#define WIRE_HEADER      12
#define WIRE_MESSAGE_MAX 65535
#define WIRE_UDP_MIN     512  /* what every client takes over UDP */
#define WIRE_UDP_MAX     4096 /* of an answer of ours to one that takes more (EDNS, RFC 6891) */

enum { WIRE_A = 1, WIRE_PTR = 12, WIRE_AAAA = 28 };
enum {
	WIRE_OK = 0,
	WIRE_FORMAT = 1,
	WIRE_FAILURE = 2,
	WIRE_NONE = 3,
	WIRE_NOT_IMPLEMENTED = 4,
	WIRE_REFUSED = 5
};

struct wire_question {
	uint16_t id, flags, type, class;
	char name[WIRE_NAME_SIZE]; /* lower case; "" also where a label has a dot or a NUL in it */
	size_t end;                /* of the question in the message */
	bool edns;
	uint16_t udp_size; /* bytes that the client takes: WIRE_UDP_MIN or more */
};

/* 0; -EBADMSG: not even a query with an id, to be dropped; WIRE_FORMAT, WIRE_NOT_IMPLEMENTED: to be answered
 * with that code (then only id and flags are set). */
int wire_read(const uint8_t *message, size_t n, struct wire_question *ret);

/* The code of an answer; true when it answers the query with this id and question. */
bool wire_is_answer(
	const uint8_t *answer, size_t n, const uint8_t *query, size_t query_n, unsigned *ret_code);

/* An answer being written into a buffer of at most WIRE_MESSAGE_MAX bytes. */
struct wire_answer {
	uint8_t *data;
	size_t n, max;
	uint16_t count;
	bool cut; /* not everything fitted: the TC bit */
	bool edns;
};
/* Begins with the head and the question of the query; q->end 0: without a question. */
void wire_begin(struct wire_answer *a, uint8_t *data, size_t max, const uint8_t *query,
	const struct wire_question *q, unsigned code);
void wire_add_address(struct wire_answer *a, uint32_t address); /* network byte order */
void wire_add_name(struct wire_answer *a, const char *name);    /* PTR */
void wire_end(struct wire_answer *a);

/* Cuts an upstream's answer of n bytes to its question when it is longer than max (TC); returns its length.
 */
size_t wire_cut(uint8_t *answer, size_t n, size_t max);

/* "4.3.2.1.in-addr.arpa" -> the address; false: it is none. */
bool wire_reverse(const char *name, uint32_t *ret);

#endif
