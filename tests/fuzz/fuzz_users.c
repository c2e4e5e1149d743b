/* SPDX-License-Identifier: Apache-2.0 */
/* Input: "SPEC\nEXTRA\nPASSWD%GROUP", the two files as the container has them. */
#include "lib/rootfs/users.h"

#include <errno.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static void check(int cond)
{
	if (!cond)
		abort();
}

static void check_user(const struct rootfs_user *u)
{
	check(u->uid <= INT32_MAX && u->gid <= INT32_MAX);
	check(u->ngroups >= 1 && u->ngroups <= ROOTFS_GROUPS_MAX && u->groups[0] == u->gid);
	for (uint32_t i = 1; i < u->ngroups; i++) {
		check(u->groups[i] <= INT32_MAX && u->groups[i] != u->gid);
		check(i == 1 || u->groups[i] > u->groups[i - 1]);
	}
	check(u->home[0] && memchr(u->home, '\0', sizeof u->home) && !strchr(u->home, '\n'));
}

#ifdef GANTRY_PLANTED_BUG
static void plant(const struct rootfs_user *u)
{
	uint8_t *four = calloc(1, 4);

	check(four != NULL);
	if (u->ngroups > 2)
		four[u->uid % 64] = 1;
	free(four);
}
#else
static void plant(const struct rootfs_user *u)
{
	(void)u;
}
#endif

/* Takes up to the byte `end` out of the input, as a new string. */
static char *cut(const char **p, size_t *n, char end)
{
	const char *stop = memchr(*p, end, *n);
	size_t len = stop ? (size_t)(stop - *p) : *n;
	char *s = malloc(len + 1);

	check(s != NULL);
	memcpy(s, *p, len);
	s[len] = '\0';
	*p += len + (stop != NULL);
	*n -= len + (stop != NULL);
	return s;
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	static struct rootfs_user u;
	struct error err = ERROR_INIT;
	const char *p = (const char *)data;
	size_t n = size;
	char *spec = cut(&p, &n, '\n');
	char *extra = cut(&p, &n, '\n');
	const char *extras[] = { extra };
	const char *percent = n > 0 ? memchr(p, '%', n) : NULL;
	size_t passwd_n = percent ? (size_t)(percent - p) : n;
	size_t group_n = percent ? n - passwd_n - 1 : 0;

	int r = rootfs_user_resolve_text(
		p, passwd_n, percent ? percent + 1 : NULL, group_n, spec, extras, extra[0] != '\0', &u, &err);
	check(r == 0 || (r == -EINVAL && err.text[0]));
	if (r == 0) {
		check_user(&u);
		plant(&u);
	}
	free(spec);
	free(extra);
	return 0;
}
