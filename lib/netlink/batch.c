/* SPDX-License-Identifier: Apache-2.0 */
/* Messages in one buffer, as <linux/netlink.h> lays them out. */
#include "lib/netlink/netlink.h"

#include <arpa/inet.h>
#include <errno.h>
#include <linux/netlink.h>
#include <stdlib.h>
#include <string.h>

#define FIRST_SIZE 2048

static void *room(struct netlink_batch *b, size_t n)
{
	size_t aligned = NLMSG_ALIGN(n);

	if (b->failed)
		return NULL;
	if (b->len + aligned > b->size) {
		size_t size = b->size ? b->size : FIRST_SIZE;
		while (size < b->len + aligned)
			size *= 2;
		char *more = size <= NETLINK_BATCH_MAX ? realloc(b->data, size) : NULL;
		if (!more) {
			b->failed = size > NETLINK_BATCH_MAX ? -E2BIG : -ENOMEM;
			return NULL;
		}
		b->data = more;
		b->size = size;
	}
	void *at = b->data + b->len;
	memset(at, 0, aligned);
	b->len += aligned;
	return at;
}

static void grow_message(struct netlink_batch *b)
{
	if (!b->failed)
		((struct nlmsghdr *)(b->data + b->message))->nlmsg_len = (uint32_t)(b->len - b->message);
}

void netlink_add_silent(struct netlink_batch *b, int type, int flags, const void *header, size_t n)
{
	struct nlmsghdr *h = room(b, NLMSG_HDRLEN + n);

	if (!h)
		return;
	h->nlmsg_type = (uint16_t)type;
	h->nlmsg_flags = (uint16_t)(NLM_F_REQUEST | flags);
	if (n > 0)
		memcpy((char *)h + NLMSG_HDRLEN, header, n);
	b->message = (size_t)((char *)h - b->data);
	b->n++;
	grow_message(b);
}

void netlink_add(struct netlink_batch *b, int type, int flags, const void *header, size_t n)
{
	netlink_add_silent(b, type, flags, header, n);
	b->last = b->n - 1;
}

void netlink_put_raw(struct netlink_batch *b, const void *data, size_t n)
{
	void *at = room(b, n);

	if (at && n > 0)
		memcpy(at, data, n);
	grow_message(b);
}

void netlink_put(struct netlink_batch *b, int type, const void *data, size_t n)
{
	if (n > UINT16_MAX - NLA_HDRLEN && !b->failed)
		b->failed = -E2BIG;
	struct nlattr *a = room(b, NLA_HDRLEN + n);
	if (!a)
		return;
	a->nla_type = (uint16_t)type;
	a->nla_len = (uint16_t)(NLA_HDRLEN + n);
	if (n > 0)
		memcpy((char *)a + NLA_HDRLEN, data, n);
	grow_message(b);
}

void netlink_put_u8(struct netlink_batch *b, int type, uint8_t v)
{
	netlink_put(b, type, &v, sizeof v);
}

void netlink_put_u16(struct netlink_batch *b, int type, uint16_t v)
{
	netlink_put(b, type, &v, sizeof v);
}

void netlink_put_u32(struct netlink_batch *b, int type, uint32_t v)
{
	netlink_put(b, type, &v, sizeof v);
}

void netlink_put_be16(struct netlink_batch *b, int type, uint16_t v)
{
	netlink_put_u16(b, type, htons(v));
}

void netlink_put_be32(struct netlink_batch *b, int type, uint32_t v)
{
	netlink_put_u32(b, type, htonl(v));
}

void netlink_put_text(struct netlink_batch *b, int type, const char *text)
{
	netlink_put(b, type, text, strlen(text) + 1);
}

size_t netlink_nest(struct netlink_batch *b, int type)
{
	size_t at = b->len;

	netlink_put(b, type | NLA_F_NESTED, NULL, 0);
	return at;
}

void netlink_nest_end(struct netlink_batch *b, size_t nest)
{
	if (b->failed)
		return;
	if (b->len - nest > UINT16_MAX)
		b->failed = -E2BIG;
	else
		((struct nlattr *)(b->data + nest))->nla_len = (uint16_t)(b->len - nest);
}

void netlink_batch_done(struct netlink_batch *b)
{
	free(b->data);
	*b = (struct netlink_batch){ 0 };
}
