/* SPDX-License-Identifier: Apache-2.0 */
#include "api/http/hijack.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "api/http/exchange_state.h"
#include "api/http/handover.h"

int hijack_take(
	struct exchange *x, const char *type, const char *protocol, struct hijacked *ret, struct error *err)
{
	struct handover h;
	char *early = NULL;
	size_t early_len;

	int r = handover_prepare_raw(x, type, protocol, &h, err);
	if (r < 0)
		return r;
	early_len = h.early_len;
	if (early_len > 0) {
		early = malloc(early_len);
		if (!early) {
			handover_cancel(x, &h);
			return error_sys(err, ENOMEM, "cannot take the connection");
		}
		memcpy(early, h.early, early_len);
	}
	struct iovec part = { .iov_base = h.head, .iov_len = h.head_len };
	r = exchange_send(x, &part, 1);
	handover_cancel(x, &h);
	if (r < 0) {
		free(early);
		return error_sys(err, -r, "the client has gone");
	}
	*ret = (struct hijacked){ .fd = exchange_release(x), .early = early, .early_len = early_len };
	return 0;
}

void hijack_drop(struct hijacked *h)
{
	if (h->fd >= 0)
		close(h->fd);
	h->fd = -1;
	free(h->early);
	h->early = NULL;
}
