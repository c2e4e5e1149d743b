/* SPDX-License-Identifier: Apache-2.0 */
#include "lib/archive/name.h"

#include <errno.h>
#include <string.h>

int name_clean(const char *name, char buf[PATH_MAX])
{
	size_t out = 0;

	for (const char *p = name + strspn(name, "/"); *p; p += strspn(p, "/")) {
		size_t n = strcspn(p, "/");
		if (n == 2 && memcmp(p, "..", 2) == 0) {
			if (out == 0)
				return -EXDEV;
			while (out > 0 && buf[--out] != '/')
				;
		} else if (!(n == 1 && p[0] == '.')) {
			if (n > NAME_MAX || out + 1 + n >= PATH_MAX)
				return -ENAMETOOLONG;
			if (out > 0)
				buf[out++] = '/';
			memcpy(buf + out, p, n);
			out += n;
		}
		p += n;
	}
	buf[out] = '\0';
	return 0;
}
