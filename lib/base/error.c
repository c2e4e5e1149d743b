/* SPDX-License-Identifier: Apache-2.0 */
#include "lib/base/error.h"

#include <errno.h>
#include <stdarg.h>
#include <stdio.h>
#include <string.h>

static void fill(struct error *err, int kind, int sys_errno, const char *fmt, va_list ap)
{
	if (!err)
		return;
	err->kind = kind;
	err->sys_errno = sys_errno;
	vsnprintf(err->text, sizeof err->text, fmt, ap);
}

int error_set(struct error *err, int kind, int sys_errno, const char *fmt, ...)
{
	va_list ap;

	va_start(ap, fmt);
	fill(err, kind, sys_errno, fmt, ap);
	va_end(ap);
	return sys_errno ? -sys_errno : -EIO;
}

int error_sys(struct error *err, int sys_errno, const char *fmt, ...)
{
	va_list ap;

	va_start(ap, fmt);
	fill(err, ERROR_INTERNAL, sys_errno, fmt, ap);
	va_end(ap);
	if (err) {
		size_t n = strlen(err->text);
		snprintf(err->text + n, sizeof err->text - n, ": %s", strerror(sys_errno));
	}
	return sys_errno ? -sys_errno : -EIO;
}

int error_invalid(struct error *err, const char *fmt, ...)
{
	va_list ap;

	va_start(ap, fmt);
	fill(err, ERROR_INVALID, EINVAL, fmt, ap);
	va_end(ap);
	return -EINVAL;
}

int error_prefix(struct error *err, int ret, const char *fmt, ...)
{
	char old[sizeof err->text];
	va_list ap;

	if (!err)
		return ret;
	memcpy(old, err->text, sizeof old);
	va_start(ap, fmt);
	int n = vsnprintf(err->text, sizeof err->text, fmt, ap);
	va_end(ap);
	if (n >= 0 && (size_t)n < sizeof err->text)
		snprintf(err->text + n, sizeof err->text - (size_t)n, ": %s", old);
	return ret;
}
