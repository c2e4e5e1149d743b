/* SPDX-License-Identifier: Apache-2.0 */
#include "programs/gantry-plugin-check/check.h"

#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/mman.h>

static struct {
	unsigned points, failed;
} * shared;
static char scope[128];

void check_begin(void)
{
	shared = mmap(NULL, sizeof *shared, PROT_READ | PROT_WRITE, MAP_SHARED | MAP_ANONYMOUS, -1, 0);
	if (shared == MAP_FAILED)
		abort();
}

void check_scope(const char *fmt, ...)
{
	va_list ap;

	va_start(ap, fmt);
	vsnprintf(scope, sizeof scope, fmt, ap);
	va_end(ap);
}

static void point(bool ok, const char *fmt, va_list ap)
{
	char text[400];

	vsnprintf(text, sizeof text, fmt, ap);
	shared->points++;
	shared->failed += !ok;
	printf("%s %u - %s: %s\n", ok ? "ok" : "not ok", shared->points, scope, text);
}

bool check(bool ok, const char *fmt, ...)
{
	va_list ap;

	va_start(ap, fmt);
	point(ok, fmt, ap);
	va_end(ap);
	fflush(stdout);
	return ok;
}

bool check_call(int r, const struct error *err, const char *fmt, ...)
{
	va_list ap;

	va_start(ap, fmt);
	point(r == 0, fmt, ap);
	va_end(ap);
	if (r < 0)
		printf("# %s\n", err->text);
	fflush(stdout);
	return r == 0;
}

bool check_refused(int r, const struct error *err, int kind, const char *fmt, ...)
{
	bool ok = r < 0 && err->kind == kind;
	va_list ap;

	va_start(ap, fmt);
	point(ok, fmt, ap);
	va_end(ap);
	if (r == 0)
		printf("# it succeeded\n");
	else if (!ok)
		printf("# error kind %d instead of %d: %s\n", err->kind, kind, err->text);
	fflush(stdout);
	return ok;
}

void check_skip(const char *reason, const char *fmt, ...)
{
	char text[300];
	va_list ap;

	va_start(ap, fmt);
	vsnprintf(text, sizeof text, fmt, ap);
	va_end(ap);
	shared->points++;
	printf("ok %u - %s: %s # SKIP %s\n", shared->points, scope, text, reason);
	fflush(stdout);
}

void check_note(const char *fmt, ...)
{
	va_list ap;

	printf("# ");
	va_start(ap, fmt);
	vprintf(fmt, ap);
	va_end(ap);
	printf("\n");
	fflush(stdout);
}

bool check_end(void)
{
	printf("1..%u\n", shared->points);
	if (shared->failed)
		printf("# %u of %u failed\n", shared->failed, shared->points);
	fflush(stdout);
	return shared->points > 0 && shared->failed == 0;
}
