/* SPDX-License-Identifier: Apache-2.0 */
/* For the tests of core/plugin: a scratch folder and the fake plugins. */
#ifndef GANTRY_TESTS_PLUGIN_FIXTURE_H
#define GANTRY_TESTS_PLUGIN_FIXTURE_H

#include "core/plugin/registry.h"
#include "lib/base/clock.h"

#include <ftw.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#define FAKES GANTRY_BUILD_DIR "/tests/fake-plugins"

static inline void quiet_log(void *arg, const char *driver, int level, const char *text)
{
	(void)arg;
	(void)driver;
	(void)level;
	(void)text;
}

static inline int remove_one(const char *path, const struct stat *st, int type, struct FTW *ftw)
{
	(void)st;
	(void)type;
	(void)ftw;
	return remove(path);
}

static inline void scratch_remove(const char *path)
{
	nftw(path, remove_one, 16, FTW_DEPTH | FTW_PHYS);
}

static inline void scratch_make(char path[64])
{
	snprintf(path, 64, "/tmp/gantry-test-XXXXXX");
	if (!mkdtemp(path))
		abort();
}

/* Loads these files, absolute or names of fakes. */
static inline struct registry *load_files(const char *const *names, size_t n, const char *scratch)
{
	char paths[16][512];
	const char *files[16];
	struct registry *reg = NULL;
	struct error err = ERROR_INIT;

	for (size_t i = 0; i < n; i++) {
		snprintf(paths[i], sizeof paths[i], names[i][0] == '/' ? "%s" : FAKES "/%s.so", names[i]);
		files[i] = paths[i];
	}
	const struct registry_config config = { .files = files,
		.files_n = n,
		.instance = "0123456789ab",
		.scratch = scratch,
		.sink = { .log = quiet_log },
		.check_ns = 2 * CLOCK_S };
	if (registry_load(&config, &reg, &err) < 0) {
		fprintf(stderr, "registry_load: %s\n", err.text);
		abort();
	}
	return reg;
}

#endif
