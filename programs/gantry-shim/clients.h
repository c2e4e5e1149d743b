/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Those who were handed over: attached clients, which get what the container says as it says it and may write
 * to its input, and followers of the log.  All sockets are used without blocking; each client has one buffer
 * of what it has not taken yet.
 */
#ifndef GANTRY_SHIM_CLIENTS_H
#define GANTRY_SHIM_CLIENTS_H

#include "lib/logfile/logfile.h"
#include "lib/logfile/reader.h"
#include "lib/proto/shim.h"

#include <poll.h>
#include <stdbool.h>
#include <stddef.h>

#define CLIENTS_MAX       2048
#define CLIENT_BUFFER_MAX (1u << 20) /* of an attached client: with more, the container has to wait */

struct client {
	struct client *next;
	int sock;
	uint32_t flags; /* PROTO_STREAM_* */
	bool input;     /* its input is still read */
	bool ending;    /* nothing more comes: closed when the buffer is empty */
	bool deaf;      /* takes no more output, while its input is still wanted */
	bool gone;      /* to be freed */
	char *buf;
	size_t at, n, room;            /* bytes at..n are to be sent */
	struct logfile_reader *reader; /* a follower's */
	bool wakes;                    /* the log may have more for it */
	int64_t until_ns;              /* it ends then, in real time; INT64_MAX: with the container */
	unsigned char keys[PROTO_KEYS_MAX];
	size_t keys_n, keys_held;
	int slot; /* in the poll set of this round */
};

struct clients {
	struct client *first;
	size_t n;
	int slot; /* where its process begins in the poll set of this round */
};

/* A client that takes sock; NULL without memory, or when there are too many (then sock is still the
 * caller's). */
struct client *clients_add(struct clients *all, int sock, uint32_t flags);

/* Puts bytes into the buffer, tries to send them.  Without memory the client is gone. */
void client_send(struct client *c, const void *data, size_t n);
/* What a stream has said, framed unless the client wants it raw. */
void client_say(struct client *c, enum logfile_stream stream, const void *data, size_t n);

/* Sends what the socket takes. */
void client_flush(struct client *c);
/* Its socket takes nothing any more. */
void client_fail(struct client *c);
/* Nothing more comes from it; failed says that it did not end as it should. */
void client_end_input(struct client *c, bool failed);

/* True when one of them has no room left: then the container's streams are not read. */
bool clients_are_full(const struct clients *all);

/* No more output comes: everybody is closed when its buffer, and a follower's log, is at the end. */
void clients_end(struct clients *all);

/* When the first follower's time is over, in monotonic time; INT64_MAX: never. */
int64_t clients_deadline(const struct clients *all);

/* A follower's next piece of the log, while its buffer is empty. */
void client_follow(struct client *c, struct logfile *log);

/* Closes and frees those that are gone or have all. */
void clients_sweep(struct clients *all);

/* What came from a client, without its detach keys: the number of bytes to be passed on, in place; -1 when it
 * has detached itself. */
long client_filter(struct client *c, char *data, size_t n, size_t room);

#endif
