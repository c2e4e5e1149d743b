/* SPDX-License-Identifier: Apache-2.0 */
#include "lib/base/fault.h"

#include <stddef.h>

#ifndef FAULT_POINTS_DEF
#define FAULT_POINTS_DEF "lib/base/fault-points.def"
#endif

const char *const fault_names[] = {
#define FAULT_POINT(name) name,
#include FAULT_POINTS_DEF
#undef FAULT_POINT
	NULL
};

#ifdef GANTRY_FAULT_POINTS

#include "lib/base/str.h"

#include <pthread.h>
#include <signal.h>
#include <stdatomic.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

enum action { NOTHING, KILL, EXIT, STOP, FAIL };

static struct {
	char name[64];
	uint64_t pass;
	enum action action;
	int error;
} plan;
static _Atomic uint64_t passes;
static pthread_once_t once = PTHREAD_ONCE_INIT;

static _Noreturn void refuse(const char *text, const char *why)
{
	fprintf(stderr, "GANTRY_FAULT='%s': %s\n", text, why);
	_exit(98);
}

static void take_word(const char *text, const char *word)
{
	const char *error = str_after(word, "errno=");
	uint64_t number;

	if (strcmp(word, "kill") == 0) {
		plan.action = KILL;
	} else if (strcmp(word, "exit") == 0) {
		plan.action = EXIT;
	} else if (strcmp(word, "stop") == 0) {
		plan.action = STOP;
	} else if (error && str_to_u64(error, 10, 1, 4095, &number) == 0) {
		plan.action = FAIL;
		plan.error = (int)number;
	} else if (str_to_u64(word, 10, 1, UINT64_MAX, &number) == 0) {
		plan.pass = number;
	} else {
		refuse(text, "must be NAME[:N][:kill|exit|stop|errno=E]");
	}
}

static void read_plan(void)
{
	const char *text = getenv("GANTRY_FAULT");
	char copy[128], *rest = copy;
	size_t i = 0;

	if (!text || !*text)
		return;
	if (strlen(text) >= sizeof copy)
		refuse(text, "too long");
	memcpy(copy, text, strlen(text) + 1);
	const char *name = strsep(&rest, ":");
	while (fault_names[i] && strcmp(fault_names[i], name) != 0)
		i++;
	if (!fault_names[i] || strlen(name) >= sizeof plan.name)
		refuse(text, "no such fault point in lib/base/fault-points.def");
	memcpy(plan.name, name, strlen(name) + 1);
	plan.pass = 1;
	plan.action = KILL;
	while (rest)
		take_word(text, strsep(&rest, ":"));
}

int fault_point(const char *name)
{
	pthread_once(&once, read_plan);
	if (plan.action == NOTHING || strcmp(name, plan.name) != 0 ||
		atomic_fetch_add(&passes, 1) + 1 != plan.pass)
		return 0;
	switch (plan.action) {
	case KILL: kill(getpid(), SIGKILL); break;
	case EXIT: _exit(99);
	case STOP: kill(getpid(), SIGSTOP); break;
	case FAIL: return plan.error;
	case NOTHING: break;
	}
	return 0;
}

#endif
