/* SPDX-License-Identifier: Apache-2.0 */
/* Private to api/http: the inside of an exchange, shared by what a handler may call. */
#ifndef GANTRY_HTTP_EXCHANGE_STATE_H
#define GANTRY_HTTP_EXCHANGE_STATE_H

#include <sys/uio.h>

#include "api/http/chunked.h"
#include "api/http/exchange.h"
#include "api/http/inbox.h"
#include "api/http/parser.h"
#include "api/http/server_state.h"
#include "api/http/uri.h"

struct exchange {
	struct server *server;
	struct conn *conn; /* NULL once it was given away */
	struct inbox *in;  /* the head stays where it is; the body passes through what is behind it */
	const struct parser_request *request;
	size_t head_end;
	char *head; /* its parts NUL-ended in place */
	const char *method, *target;
	struct router_match match;

	char *query_text;
	struct uri_pair *query;
	size_t nquery;

	/* body */
	struct chunked chunked;
	int64_t body_left;
	bool body_ended;
	bool continue_sent;
	int body_status; /* what a body error is answered with, or 0 */
	char *whole;
	size_t whole_len;
	/* answer */
	bool replied; /* its head is out */
	bool ended;
	bool chunk_out; /* by chunks */
	bool mute;      /* no body: HEAD, 204, 304 */
	bool keep_alive;
	bool gone;     /* the connection is of no more use */
	char *headers; /* of the handler */
	size_t headers_len;

	char path[PARSER_PATH_MAX + 1]; /* decoded segments; last: not cleared for each request */
};

enum exchange_end {
	EXCHANGE_NEXT,   /* the connection serves on */
	EXCHANGE_LINGER, /* answered, to be closed when the client has read */
	EXCHANGE_CLOSE,
	EXCHANGE_TAKEN,
};

/* Runs the request whose head is in->data[in->off .. + head_len). */
enum exchange_end exchange_run(struct exchange *x, struct server *s, struct conn *c, struct inbox *in,
	const struct parser_request *request, size_t head_len);

/* Answers a request that could not be parsed. */
void exchange_refuse(struct exchange *x, struct server *s, struct conn *c, struct inbox *in, int status,
	const char *reason);

/* Sends all; waits for room.  -EPIPE, -ETIMEDOUT: the exchange is then `gone`. */
int exchange_send(struct exchange *x, struct iovec *parts, int n);

/* The answer is out and the handler through with its connection: the record goes, the socket is returned. */
int exchange_release(struct exchange *x);

/* Throws away what has come of the body, without waiting.  True when that was all. */
bool body_discard(struct exchange *x);

/* Formats the head of an answer into *ret (caller frees).  framing: the lines about length or upgrade. */
int reply_format_head(
	struct exchange *x, int status, const char *type, const char *framing, char **ret, size_t *ret_len);

#endif
