/* SPDX-License-Identifier: Apache-2.0 */
/* Input: the number of descriptors, the type, and the rest of a message between gantryd and a shim.  What the
 * check lets through is used as both sides use it. */
#include "lib/proto/shim.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static void check(int cond)
{
	if (!cond)
		abort();
}

/* Reads every byte, and what it says. */
static unsigned sum(const void *data, size_t n)
{
	unsigned s = 0;

	for (size_t i = 0; i < n; i++)
		s += ((const unsigned char *)data)[i];
	return s;
}

#ifdef GANTRY_PLANTED_BUG
static void plant(const struct proto_shim_attach *m)
{
	uint8_t *four = calloc(1, 4);

	check(four != NULL);
	if (m->head_size > 2 && m->keys_size == 2)
		four[m->head_size + 8] = 1;
	free(four);
}
#else
static void plant(const struct proto_shim_attach *m)
{
	(void)m;
}
#endif

static unsigned use_attach(const struct proto_shim_attach *m, size_t nfds)
{
	const char *p = (const char *)(m + 1);

	check(nfds == 1);
	plant(m);
	return sum(p, m->head_size) + sum(p + m->head_size, m->pending_size) +
	       sum(p + m->head_size + m->pending_size, m->keys_size);
}

static unsigned use(const void *message, size_t nfds)
{
	const struct proto_shim_head *head = message;
	const struct proto_shim_event *event = message;
	const struct proto_shim_facts *facts = message;
	const struct proto_shim_logs *logs = message;

	switch (head->type) {
	case PROTO_SHIM_ATTACH: return use_attach(message, nfds);
	case PROTO_SHIM_LOGS: check(nfds == 1); return sum(logs + 1, logs->head_size);
	case PROTO_SHIM_EVENT: return (unsigned)strlen(event->failed.detail);
	case PROTO_SHIM_KEEP: check(nfds >= 1 && nfds <= PROTO_SHIM_FDS_MAX); return 0;
	case PROTO_SHIM_SIGNAL: check(((const struct proto_shim_signal *)message)->signal >= 0); return 0;
	case PROTO_SHIM_CREATED:
	case PROTO_SHIM_WELCOME:
		check(nfds >= 1 && nfds <= 2 && id_is_valid(facts->id));
		return (unsigned)strlen(facts->boot_id);
	default: return sum(message, head->size);
	}
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	static volatile unsigned sink;
	const size_t header = sizeof(struct proto_shim_head);

	if (size < 2)
		return 0;
	size_t n = header + size - 2;
	char *message = malloc(n); /* aligned, and of just its size */
	check(message != NULL);
	struct proto_shim_head head = proto_shim_head((enum proto_shim_type)(data[1] % 32), n);
	memcpy(message, &head, header);
	memcpy(message + header, data + 2, size - 2);
	int r = proto_shim_check(message, n, data[0]);
	check(r == 0 || r == -EBADMSG || r == -ENOTSUP);
	if (r == 0)
		sink += use(message, data[0]);
	free(message);
	return 0;
}
