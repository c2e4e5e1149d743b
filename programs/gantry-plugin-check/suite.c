/* SPDX-License-Identifier: Apache-2.0 */
#include "programs/gantry-plugin-check/suite.h"

#include "programs/gantry-plugin-check/check.h"

#include <dirent.h>
#include <stdio.h>

void suite_log(void *arg, const char *driver, int level, const char *text)
{
	(void)arg;
	if (level <= GTY_LOG_WARNING)
		check_note("%s: %s", driver, text);
}

struct driver_config suite_config(const struct suite *s, unsigned n)
{
	static const struct plugin_sink sink = { .log = suite_log };
	static char root[4096], run[4096];

	snprintf(root, sizeof root, "%s/%u", s->root, n);
	snprintf(run, sizeof run, "%s/%u.run", s->root, n);
	return (struct driver_config){ .root = root,
		.run_dir = run,
		.instance = "c0ffee123456",
		.opts = s->opts,
		.opts_n = s->opts_n,
		.sink = &sink,
		.remote = s->remote };
}

const char *suite_id(unsigned n, char buf[65])
{
	snprintf(buf, 65, "%08x%056x", n * 2654435761u, n);
	return buf;
}

const char *suite_id_tmp(unsigned n)
{
	static _Thread_local char ring[16][65];
	static _Thread_local unsigned at;

	return suite_id(n, ring[at++ % 16]);
}

unsigned suite_fds(void)
{
	DIR *d = opendir("/proc/self/fd");
	unsigned n = 0;

	while (d && readdir(d))
		n++;
	if (d)
		closedir(d);
	return n;
}
