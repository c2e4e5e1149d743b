/* SPDX-License-Identifier: Apache-2.0 */
#include "api/http/handover.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "api/http/body.h"
#include "api/http/exchange_state.h"
#include "api/http/hijack.h"
#include "api/http/status.h"

enum { LEFT_BODY_MAX = 64 << 10, PROTOCOL_MAX = 64 };

/* Bytes behind the request are the stream's only when the body was read to its end. */
static int finish_body(struct exchange *x, struct error *err)
{
	char waste[2048];
	ssize_t got = 1;

	if (x->replied)
		return error_set(err, ERROR_INTERNAL, EBUSY, "the request is answered already");
	for (size_t total = 0; got > 0; total += (size_t)got) {
		if (total > LEFT_BODY_MAX)
			return error_invalid(err, "a request for a stream has no body of this size");
		got = body_read(x, waste, sizeof waste, err);
	}
	return (int)got;
}

static int prepare(struct exchange *x, int status, const char *type, const char *framing, unsigned flags,
	struct handover *ret, struct error *err)
{
	char *head;
	size_t head_len;

	if (reply_format_head(x, status, type, framing, &head, &head_len) < 0)
		return error_sys(err, ENOMEM, "cannot pass the connection on");
	/* A passed descriptor would stay in our epoll even after we closed it. */
	conn_unwatch(x->server, x->conn);
	*ret = (struct handover){
		.fd = x->conn->source.fd,
		.head = head,
		.head_len = head_len,
		.early = x->in->data + x->in->off,
		.early_len = x->in->len - x->in->off,
		.flags = flags | (x->conn->listener->kind == LISTENER_INJECTED ? HANDOVER_TLS : 0u),
	};
	return 0;
}

int handover_prepare_raw(
	struct exchange *x, const char *type, const char *protocol, struct handover *ret, struct error *err)
{
	char framing[PROTOCOL_MAX + 48] = "";
	bool upgrade = x->request->upgrade;

	int r = finish_body(x, err);
	if (r < 0)
		return r;
	if (!protocol)
		protocol = "tcp";
	if (strlen(protocol) > PROTOCOL_MAX)
		return error_set(err, ERROR_INTERNAL, EINVAL, "the protocol's name is too long");
	if (upgrade)
		snprintf(framing, sizeof framing, "Connection: Upgrade\r\nUpgrade: %s\r\n", protocol);
	return prepare(
		x, upgrade ? 101 : 200, upgrade ? type : HIJACK_RAW_STREAM, framing, HANDOVER_RAW, ret, err);
}

int handover_prepare_body(
	struct exchange *x, int status, const char *type, struct handover *ret, struct error *err)
{
	int r = finish_body(x, err);
	if (r < 0)
		return r;
	if (!status_has_body(status) || !strcmp(x->method, "HEAD"))
		return error_set(err, ERROR_INTERNAL, EINVAL, "an answer without a body is not passed on");
	return prepare(x, status, type, "Connection: close\r\n", 0, ret, err);
}

void handover_commit(struct exchange *x, struct handover *h)
{
	close(exchange_release(x));
	free(h->head);
	*h = (struct handover){ .fd = -1 };
}

void handover_cancel(struct exchange *x, struct handover *h)
{
	(void)x; /* still watched by nobody: the next time it is idle adds it again */
	free(h->head);
	*h = (struct handover){ .fd = -1 };
}
