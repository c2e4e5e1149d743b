/* SPDX-License-Identifier: Apache-2.0 */
#include "api/http/inbox.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

int inbox_init(struct inbox *in)
{
	*in = (struct inbox){ .data = malloc(INBOX_FIRST), .cap = INBOX_FIRST };
	return in->data ? 0 : -ENOMEM;
}

void inbox_done(struct inbox *in)
{
	free(in->data);
	in->data = NULL;
}

void inbox_clear(struct inbox *in)
{
	in->off = in->len = 0;
	if (in->cap == INBOX_FIRST)
		return;
	char *small = realloc(in->data, INBOX_FIRST);
	if (small) {
		in->data = small;
		in->cap = INBOX_FIRST;
	}
}

int inbox_reserve(struct inbox *in, size_t n)
{
	if (in->off == in->len)
		in->off = in->len = 0;
	if (in->cap - in->len >= n)
		return 0;
	if (in->off > 0) {
		memmove(in->data, in->data + in->off, in->len - in->off);
		in->len -= in->off;
		in->off = 0;
	}
	size_t cap = in->cap;
	while (cap - in->len < n)
		cap *= 2;
	if (cap == in->cap)
		return 0;
	char *data = realloc(in->data, cap);
	if (!data)
		return -ENOMEM;
	in->data = data;
	in->cap = cap;
	return 0;
}

int inbox_put(struct inbox *in, const void *data, size_t n)
{
	int r = inbox_reserve(in, n);
	if (r < 0)
		return r;
	memcpy(in->data + in->len, data, n);
	in->len += n;
	return 0;
}
