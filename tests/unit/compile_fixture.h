/* SPDX-License-Identifier: Apache-2.0 */
/* For the tests of runtime/compile: a small configuration with members put into it, compiled and checked. */
#ifndef GANTRY_TESTS_COMPILE_FIXTURE_H
#define GANTRY_TESTS_COMPILE_FIXTURE_H

#include "lib/cgroup/layout.h"
#include "lib/json/json.h"
#include "runtime/compile/compile.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

/* Where members go; of equal keys the last one counts. */
enum place { TOP, PROCESS, LINUX };

struct fixture {
	struct compile_options opts;
	struct cgroup_layout layout;
	struct error err;
	struct launch_block block;
	uint32_t nfds;
	char warnings[4096];
};

static inline void fixture_warn(void *context, const char *text)
{
	struct fixture *fx = context;
	size_t n = strlen(fx->warnings);

	snprintf(fx->warnings + n, sizeof fx->warnings - n, "%s\n", text);
}

static const char fixture_v1[] =
	"31 23 0:26 / /sys/fs/cgroup/cpu,cpuacct rw - cgroup cgroup rw,cpu,cpuacct\n"
	"32 23 0:27 / /sys/fs/cgroup/memory rw - cgroup cgroup rw,memory\n"
	"33 23 0:28 / /sys/fs/cgroup/pids rw - cgroup cgroup rw,pids\n"
	"34 23 0:29 / /sys/fs/cgroup/devices rw - cgroup cgroup rw,devices\n"
	"35 23 0:30 / /sys/fs/cgroup/blkio rw - cgroup cgroup rw,blkio\n"
	"36 23 0:31 / /sys/fs/cgroup/cpuset rw - cgroup cgroup rw,cpuset\n"
	"37 23 0:32 / /sys/fs/cgroup/net_cls,net_prio rw - cgroup cgroup rw,net_cls,net_prio\n"
	"38 23 0:33 / /sys/fs/cgroup/hugetlb rw - cgroup cgroup rw,hugetlb\n";
static const char fixture_v2[] = "31 23 0:26 / /sys/fs/cgroup rw - cgroup2 cgroup2 rw\n";

static inline void fixture_init(struct fixture *fx)
{
	memset(fx, 0, sizeof *fx);
	fx->opts = COMPILE_OPTIONS_INIT;
	fx->opts.bundle = "/bundle";
	fx->opts.id = "c1";
	fx->opts.cgroups = &fx->layout;
	fx->opts.warn = fixture_warn;
	fx->opts.warn_context = fx;
	assert_int_equal(cgroup_layout_parse(fixture_v1, NULL, &fx->layout, NULL), 0);
}

static inline void fixture_done(struct fixture *fx)
{
	launch_block_done(&fx->block);
}

static inline char *fixture_text(enum place place, const char *members)
{
	const char *extra[3] = { "", "", "" };
	char *text = NULL;

	extra[place] = members;
	assert_true(asprintf(&text,
			    "{\"ociVersion\":\"1.2.0\",\"root\":{\"path\":\"rootfs\"},\"process\":{\"args\":["
			    "\"sh\"],\"cwd\":\"/\"%s%s},"
			    "\"linux\":{\"namespaces\":[{\"type\":\"mount\"},{\"type\":\"pid\"},{\"type\":"
			    "\"ipc\"},{\"type\":\"uts\"},"
			    "{\"type\":\"network\"}]%s%s}%s%s}",
			    *extra[PROCESS] ? "," : "", extra[PROCESS], *extra[LINUX] ? "," : "",
			    extra[LINUX], *extra[TOP] ? "," : "", extra[TOP]) > 0);
	return text;
}

/* Compiles the text; a block that comes out must pass the gate. */
static inline int fixture_compile_text(struct fixture *fx, const char *text)
{
	struct json *config = NULL;
	const char *why = NULL;
	int r;

	launch_block_done(&fx->block);
	fx->err = ERROR_INIT;
	fx->warnings[0] = '\0';
	if (json_parse(text, strlen(text), 0, &config, &fx->err) < 0)
		fail_msg("the test's own text: %s: %s", fx->err.text, text);
	r = compile_container(config, &fx->opts, &fx->block, &fx->err);
	json_free(config);
	if (r == 0 && launch_record_check(fx->block.data, fx->block.size, fx->nfds, &why) < 0)
		fail_msg("the record is refused for '%s': %s", why, text);
	return r;
}

static inline int fixture_try(struct fixture *fx, enum place place, const char *members)
{
	char *text = fixture_text(place, members);
	int r = fixture_compile_text(fx, text);

	free(text);
	return r;
}

/* The record, which must come out. */
static inline const struct launch_record *fixture_compile(
	struct fixture *fx, enum place place, const char *members)
{
	if (fixture_try(fx, place, members) < 0)
		fail_msg("%s: refused: %s", members, fx->err.text);
	return fx->block.data;
}

struct refusal {
	enum place place;
	const char *members, *text;
	int kind; /* ERROR_INVALID or ERROR_UNSUPPORTED */
};

static inline void fixture_refuse(struct fixture *fx, const struct refusal *cases, size_t n)
{
	for (size_t i = 0; i < n; i++) {
		if (fixture_try(fx, cases[i].place, cases[i].members) == 0)
			fail_msg("%s: taken", cases[i].members);
		assert_string_equal(fx->err.text, cases[i].text);
		assert_int_equal(fx->err.kind, cases[i].kind);
	}
}

static inline const char *fixture_str(const struct launch_record *rec, struct launch_vec vec, size_t i)
{
	return i < vec.n ? launch_text(rec, launch_items(rec, vec, struct launch_str)[i]) : NULL;
}

#endif
