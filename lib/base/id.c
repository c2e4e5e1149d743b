/* SPDX-License-Identifier: Apache-2.0 */
#include "lib/base/id.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <sys/random.h>

#define HEX "0123456789abcdef"

static void random_bytes(unsigned char *buf, size_t n)
{
	while (n > 0) {
		ssize_t r = getrandom(buf, n, 0);
		if (r < 0) {
			if (errno != EINTR)
				abort();
			continue;
		}
		buf += r;
		n -= (size_t)r;
	}
}

void id_random(char *buf, size_t n)
{
	unsigned char bytes[ID_LEN / 2];

	while (n > 0) {
		size_t k = n < ID_LEN ? n / 2 : sizeof bytes;
		random_bytes(bytes, k);
		for (size_t i = 0; i < k; i++) {
			*buf++ = HEX[bytes[i] >> 4];
			*buf++ = HEX[bytes[i] & 15];
		}
		n -= 2 * k;
	}
	*buf = '\0';
}

void id_new(char buf[ID_SIZE])
{
	do
		id_random(buf, ID_LEN);
	while (strspn(buf, "0123456789") >= ID_SHORT_LEN);
}

bool id_is_prefix(const char *text)
{
	if (!text || !*text)
		return false;
	size_t n = strspn(text, HEX);
	return n <= ID_LEN && text[n] == '\0';
}

bool id_is_valid(const char *text)
{
	return id_is_prefix(text) && strlen(text) == ID_LEN;
}

void id_short(const char *id, char buf[ID_SHORT_SIZE])
{
	size_t n = strnlen(id, ID_SHORT_LEN);

	memcpy(buf, id, n);
	buf[n] = '\0';
}
