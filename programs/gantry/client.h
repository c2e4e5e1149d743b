/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The daemon's API as the verbs use it: versions are agreed on first, what the daemon refuses becomes an
 * error with sys_errno REMOTE_ERROR, in its own words.
 */
#ifndef GANTRY_PROGRAMS_GANTRY_CLIENT_H
#define GANTRY_PROGRAMS_GANTRY_CLIENT_H

#include "lib/base/error.h"
#include "lib/base/str.h"
#include "programs/gantry/http.h"

#include <stdbool.h>

struct json;

#define API_VERSION  "1.51"
#define REMOTE_ERROR EREMOTEIO /* sys_errno: the text is the daemon's */

struct client {
	const char *host;
	char version[16]; /* agreed on; "" before */
	struct http *idle;
};

void client_init(struct client *c, const char *host);
void client_done(struct client *c);

/* Agrees on the version; called by all others. */
int client_ping(struct client *c, struct error *err);
/* Whether the agreed version is at least 1.minor. */
bool client_at_least(const struct client *c, unsigned minor);

/* Sends a request, whose target has no version, and gives the connection with the head of the response read.
 * A status of 400 and above is an error.  Give it back with client_end, or close it. */
int client_send(struct client *c, const struct http_request *r, struct http **ret, struct error *err);
/* Keeps a connection that can take another request, and closes every other. */
void client_end(struct client *c, struct http *h);

/* A request with a JSON body (NULL: none) whose answer is JSON (ret NULL: whatever it is; *ret NULL: the
 * answer was empty). Returns the status. */
int client_call(struct client *c, const char *method, const char *target, const struct json *body,
	struct json **ret, struct error *err);
int client_get(struct client *c, const char *target, struct json **ret, struct error *err);

/* Reads a whole JSON body of a response. */
int client_read_json(struct http *h, struct json **ret, struct error *err);

/* Appends text with everything but letters, digits and "-_.~" as %XX. */
void query_escape(struct str *s, const char *text);
/* The same but for '/', ':' and '@', which paths may have. */
void path_escape(struct str *s, const char *text);
/* Appends ?name=value or &name=value. */
void query_add(struct str *s, const char *name, const char *value);
void query_add_int(struct str *s, const char *name, long long value);

#endif
