/* SPDX-License-Identifier: Apache-2.0 */
#include "lib/cgroup/file.h"

#include "lib/base/cleanup.h"
#include "lib/base/fd.h"

#include <ctype.h>
#include <errno.h>
#include <fcntl.h>
#include <string.h>

/* v1 shows "no limit" as the greatest multiple of the page size, whatever the page size is. */
#define V1_NO_LIMIT (INT64_MAX - 65535)

ssize_t cgroup_file_read(int dir, const char *name, char *buf, size_t size)
{
	auto_close int fd = openat(dir, name, O_RDONLY | O_CLOEXEC | O_NOFOLLOW);

	if (fd < 0)
		return -errno;
	ssize_t n = fd_read_full(fd, buf, size);
	if (n < 0)
		return n;
	if ((size_t)n == size)
		return -EFBIG;
	if (n > 0 && buf[n - 1] == '\n')
		n--;
	buf[n] = '\0';
	return n;
}

int cgroup_file_write(int dir, const char *name, const char *value)
{
	int fd = openat(dir, name, O_WRONLY | O_CLOEXEC | O_NOFOLLOW);
	size_t n = strlen(value);
	ssize_t w;
	int r = 0;

	if (fd < 0)
		return -errno;
	do
		w = write(fd, value, n);
	while (w < 0 && errno == EINTR);
	if (w < 0)
		r = -errno;
	else if ((size_t)w != n)
		r = -EIO;
	close(fd);
	return r;
}

int cgroup_text_digits(const char **text, uint64_t *ret)
{
	const char *p = *text;
	uint64_t value = 0;

	if (!isdigit((unsigned char)*p))
		return -EINVAL;
	for (; isdigit((unsigned char)*p); p++) {
		uint64_t digit = (uint64_t)(*p - '0');
		if (value > (UINT64_MAX - digit) / 10)
			return -ERANGE;
		value = value * 10 + digit;
	}
	*text = p;
	*ret = value;
	return 0;
}

int cgroup_file_number(int dir, const char *name, uint64_t *ret)
{
	char buf[64];
	const char *p = buf;
	uint64_t value;

	ssize_t n = cgroup_file_read(dir, name, buf, sizeof buf);
	if (n < 0)
		return (int)n;
	if (strcmp(buf, "max") == 0) {
		*ret = UINT64_MAX;
		return 0;
	}
	int r = cgroup_text_digits(&p, &value);
	if (r < 0)
		return r;
	if (*p)
		return -EINVAL;
	*ret = value >= (uint64_t)V1_NO_LIMIT ? UINT64_MAX : value;
	return 0;
}

int cgroup_text_number(const char *text, const char *key, uint64_t *ret)
{
	size_t n = strlen(key);

	for (const char *line = text; *line;) {
		const char *end = strchrnul(line, '\n');
		if (strncmp(line, key, n) == 0 && line[n] == ' ') {
			const char *p = line + n + 1;
			uint64_t value;
			int r = cgroup_text_digits(&p, &value);
			if (r < 0)
				return r;
			if (p != end)
				return -EINVAL;
			*ret = value;
			return 0;
		}
		line = *end ? end + 1 : end;
	}
	return -ENOENT;
}

int cgroup_file_key(int dir, const char *name, const char *key, uint64_t *ret)
{
	char buf[8192];
	ssize_t n = cgroup_file_read(dir, name, buf, sizeof buf);

	return n < 0 ? (int)n : cgroup_text_number(buf, key, ret);
}
