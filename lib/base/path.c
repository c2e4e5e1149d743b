/* SPDX-License-Identifier: Apache-2.0 */
#include "lib/base/path.h"

#include <errno.h>
#include <stdarg.h>
#include <stdio.h>
#include <string.h>

int path_format(char *buf, size_t size, const char *fmt, ...)
{
	va_list ap;

	va_start(ap, fmt);
	int n = vsnprintf(buf, size, fmt, ap);
	va_end(ap);
	return n < 0 || (size_t)n >= size ? -ENAMETOOLONG : 0;
}

/* For an absolute path the output never overtakes the input, so both may be one buffer. */
int path_clean(const char *path, char *buf, size_t size)
{
	size_t out = 0;
	const char *p = path;

	while (*p) {
		while (*p == '/')
			p++;
		size_t n = strcspn(p, "/");
		if (n == 0)
			break;
		if (n == 2 && p[0] == '.' && p[1] == '.') {
			while (out > 0 && buf[--out] != '/')
				;
		} else if (!(n == 1 && p[0] == '.')) {
			if (out + 1 + n + 1 > size)
				return -ENAMETOOLONG;
			memmove(buf + out + 1, p, n);
			buf[out] = '/';
			out += 1 + n;
		}
		p += n;
	}
	if (out == 0) {
		if (size < 2)
			return -ENAMETOOLONG;
		buf[out++] = '/';
	}
	buf[out] = '\0';
	return 0;
}

bool path_is_below(const char *path, const char *prefix)
{
	size_t n = strlen(prefix);

	if (n == 1 && prefix[0] == '/')
		return path[0] == '/';
	return strncmp(path, prefix, n) == 0 && (path[n] == '\0' || path[n] == '/');
}

const char *path_base(const char *path)
{
	const char *slash = strrchr(path, '/');

	return slash ? slash + 1 : path;
}
