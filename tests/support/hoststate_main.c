/* SPDX-License-Identifier: Apache-2.0 */
/*
 * hoststate take FILE [ROOT...]      write the host's state (tests/support/hoststate.h), with the files under
 * the roots hoststate check FILE [ROOT...]     compare with it now, for five seconds if need be; prints the
 * differences, exit 1 hoststate compare BEFORE AFTER     compare two files
 */
#include "tests/support/hoststate.h"

#include <stdlib.h>
#include <string.h>

#define SETTLE_SECONDS 5

static int fail(const struct error *err)
{
	fprintf(stderr, "hoststate: %s\n", err->text);
	return 2;
}

static struct hoststate_scope scope_of(char **roots)
{
	return (struct hoststate_scope){ (const char *const *)roots, getenv("GANTRY_WORLD_CGROUP") };
}

static int take(char **argv, struct error *err)
{
	struct hoststate_scope scope = scope_of(argv + 1);
	struct hoststate *state;

	if (hoststate_take(&scope, &state, err) < 0 || hoststate_save(state, argv[0], err) < 0)
		return fail(err);
	hoststate_free(state);
	return 0;
}

static int check(char **argv, struct error *err)
{
	struct hoststate_scope scope = scope_of(argv + 1);
	struct hoststate *before;
	size_t differences;

	if (hoststate_load(argv[0], &before, err) < 0 ||
		hoststate_check(before, &scope, SETTLE_SECONDS, stdout, &differences, err) < 0)
		return fail(err);
	hoststate_free(before);
	return differences > 0;
}

static int compare(char **argv, struct error *err)
{
	struct hoststate *before, *after;

	if (hoststate_load(argv[0], &before, err) < 0 || hoststate_load(argv[1], &after, err) < 0)
		return fail(err);
	size_t differences = hoststate_compare(before, after, stdout);
	hoststate_free(before);
	hoststate_free(after);
	return differences > 0;
}

int main(int argc, char **argv)
{
	struct error err = ERROR_INIT;

	if (argc >= 3 && strcmp(argv[1], "take") == 0)
		return take(argv + 2, &err);
	if (argc >= 3 && strcmp(argv[1], "check") == 0)
		return check(argv + 2, &err);
	if (argc == 4 && strcmp(argv[1], "compare") == 0)
		return compare(argv + 2, &err);
	fprintf(stderr,
		"usage: hoststate take FILE [ROOT...] | check FILE [ROOT...] | compare BEFORE AFTER\n");
	return 2;
}
