/* SPDX-License-Identifier: Apache-2.0 */
#include "plugins/kit/links.h"

#include <errno.h>
#include <stdint.h>
#include <string.h>
#include <sys/random.h>
#include <unistd.h>

static const char digits[] = "0123456789abcdefghijklmnopqrstuvwxyz";

/* 1.7 million names: even a store of 100,000 layers finds a free one in two tries. */
#define TRIES 256

bool kit_link_valid(const char *name)
{
	return strspn(name, digits) == KIT_LINK_LEN && name[KIT_LINK_LEN] == '\0';
}

static int random_name(char name[KIT_LINK_LEN + 1])
{
	uint32_t value;

	if (getrandom(&value, sizeof value, 0) != (ssize_t)sizeof value)
		return -errno;
	for (int i = 0; i < KIT_LINK_LEN; i++, value /= 36)
		name[i] = digits[value % 36];
	name[KIT_LINK_LEN] = '\0';
	return 0;
}

int kit_link_create(int dirfd, const char *target, char ret_name[KIT_LINK_LEN + 1], struct error *err)
{
	char name[KIT_LINK_LEN + 1];

	for (int i = 0; i < TRIES; i++) {
		int r = random_name(name);
		if (r < 0)
			return error_sys(err, -r, "cannot draw a random name");
		if (symlinkat(target, dirfd, name) == 0) {
			memcpy(ret_name, name, sizeof name);
			return 0;
		}
		if (errno != EEXIST)
			return error_sys(err, errno, "cannot make a short name for '%s'", target);
	}
	return error_set(err, ERROR_EXHAUSTED, ENOSPC, "no short name is left for '%s'", target);
}
