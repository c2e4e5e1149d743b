/* SPDX-License-Identifier: Apache-2.0 */
/*
 * gantry-plugin-check: does a plugin keep the contract of its kinds?  Vets and loads the files as gantryd
 * does, then runs the suite of each driver's kind; TAP on stdout; 0 when all is well, 1 when not, 2 for a
 * wrong command line.
 */
#include "core/plugin/registry.h"
#include "lib/base/cleanup.h"
#include "lib/base/clock.h"
#include "lib/base/options.h"
#include "lib/base/sys.h"
#include "programs/gantry-plugin-check/check.h"
#include "programs/gantry-plugin-check/suite.h"

#include <errno.h>
#include <ftw.h>
#include <poll.h>
#include <sched.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mount.h>
#include <sys/prctl.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <unistd.h>

#define SUITE_S   300
#define OPTS_MAX  32
#define FILES_MAX 64

struct arguments {
	const char *kind, *root;
	struct option_list opts;
};

static const struct option table[] = {
	{ .name = "kind",
		.kind = OPTION_STRING,
		.offset = offsetof(struct arguments, kind),
		.arg = "KIND",
		.help = "Only drivers of this kind: storage, network, volume, auth" },
	{ .name = "root",
		.kind = OPTION_STRING,
		.offset = offsetof(struct arguments, root),
		.arg = "DIR",
		.help = "An existing folder to work in; drivers get folders of their own below it (default: "
			"a new one in /tmp)" },
	{ .name = "option",
		.letter = 'o',
		.kind = OPTION_LIST,
		.offset = offsetof(struct arguments, opts),
		.arg = "KEY=VALUE",
		.help = "An option for the drivers, as in the engine's configuration" },
	{ 0 },
};

static void (*suite_of(const struct kind *kind))(struct suite *)
{
	if (kind == &storage_kind)
		return suite_storage;
	if (kind == &network_kind)
		return suite_network;
	return kind == &volume_kind ? suite_volume : suite_auth;
}

static int remove_one(const char *path, const struct stat *st, int type, struct FTW *ftw)
{
	(void)st;
	(void)type;
	(void)ftw;
	remove(path);
	return 0;
}

static void judge_end(bool in_time, int status)
{
	if (!in_time)
		check(false, "the suite ends within %d s", SUITE_S);
	else if (WIFSIGNALED(status))
		check(false, "nothing crashes (%s)", strsignal(WTERMSIG(status)));
	else if (WEXITSTATUS(status) != 0)
		check(false, "nothing ends the process (exit status %d)", WEXITSTATUS(status));
}

/* Its mounts vanish with its namespace. */
static void enter_world(void)
{
	if (unshare(CLONE_NEWNS) == 0)
		mount(NULL, "/", NULL, MS_REC | MS_PRIVATE, NULL);
	prctl(PR_SET_PDEATHSIG, SIGKILL);
}

static void run_suite(void (*run)(struct suite *), struct suite *s)
{
	fflush(stdout);
	pid_t pid = fork();
	if (pid < 0) {
		check(false, "a process for the suite: %s", strerror(errno));
		return;
	}
	if (pid == 0) {
		enter_world();
		run(s);
		fflush(stdout);
		_exit(0);
	}
	int status = 0, pidfd = sys_pidfd_open(pid, 0);
	struct pollfd p = { .fd = pidfd, .events = POLLIN };
	int64_t end = clock_mono_ns() + SUITE_S * CLOCK_S;
	int r;
	while ((r = poll(&p, 1, clock_poll_ms(end))) < 0 && errno == EINTR)
		;
	if (r == 0)
		kill(pid, SIGKILL);
	while (waitpid(pid, &status, 0) < 0 && errno == EINTR)
		;
	close(pidfd);
	judge_end(r != 0, status);
}

static void check_driver(const struct driver *d, const char *root, const struct gty_kv *opts, uint32_t opts_n)
{
	static const char *const how[] = { "in process", "by messages", "guarded" };
	char folder[3][4096];

	for (int i = 0; i < 3; i++) {
		struct suite s = {
			.driver = d, .root = folder[i], .opts = opts, .opts_n = opts_n, .remote = i == 1
		};
		if (i == 1 && d->kind != &storage_kind)
			continue;
		check_scope("%s %s %s", d->kind->name, d->decl->name, how[i]);
		if (!d->usable) {
			check_skip(d->err.text, "the suite");
			return;
		}
		snprintf(folder[i], sizeof folder[i], "%s/%s-%s-%d", root, d->kind->name, d->decl->name, i);
		if (mkdir(folder[i], 0700) < 0) {
			check(false, "an empty folder '%s': %s", folder[i], strerror(errno));
			return;
		}
		run_suite(i == 2 ? suite_guard : suite_of(d->kind), &s);
		nftw(folder[i], remove_one, 32, FTW_DEPTH | FTW_PHYS | FTW_MOUNT);
	}
}

static void check_plugin(const struct plugin *p, const struct kind *only, const char *root,
	const struct gty_kv *opts, uint32_t opts_n)
{
	check_scope("%s", strrchr(p->path, '/') ? strrchr(p->path, '/') + 1 : p->path);
	check(p->reason == PLUGIN_OK, "is loaded");
	if (p->reason != PLUGIN_OK)
		check_note("%s: %s", plugin_reason_word(p->reason), p->err.text);
	for (unsigned i = 0; p->object && i < p->drivers_n; i++)
		if (!only || p->drivers[i].kind == only)
			check_driver(&p->drivers[i], root, opts, opts_n);
}

/* "key=value" texts of the command line; the '=' becomes their end. */
static int split_options(const struct option_list *list, struct gty_kv kv[OPTS_MAX])
{
	if (list->n > OPTS_MAX)
		return -1;
	for (size_t i = 0; i < list->n; i++) {
		char *eq = strchr(list->v[i], '=');
		if (!eq)
			return -1;
		*eq = '\0';
		kv[i] = (struct gty_kv){ list->v[i], eq + 1 };
	}
	return 0;
}

static int usage(const char *complaint)
{
	auto_str struct str text = STR_INIT(4096);

	options_help(table, 80, &text);
	fprintf(complaint ? stderr : stdout,
		"%s%sUsage:  gantry-plugin-check [OPTIONS] FILE.so...\n\n"
		"Checks plugins against the contracts of their kinds.  Needs root.\n\nOptions:\n%s",
		complaint ? complaint : "", complaint ? "\n\n" : "", str_text(&text));
	return complaint ? 2 : 0;
}

static bool check_files(char **args, size_t n, const struct kind *only, const char *root,
	const struct gty_kv *opts, uint32_t opts_n)
{
	const char *files[FILES_MAX];
	struct registry *reg = NULL;
	struct error err = ERROR_INIT;

	for (size_t i = 0; i < n; i++) {
		files[i] = realpath(args[i], NULL);
		files[i] = files[i] ? files[i] : strdup(args[i]);
	}
	const struct registry_config config = { .files = files,
		.files_n = n,
		.instance = "c0ffee123456",
		.scratch = root,
		.sink = { .log = suite_log } };
	check_begin();
	if (registry_load(&config, &reg, &err) < 0) {
		check_scope("plugins");
		check(false, "are loaded: %s", err.text);
	}
	for (size_t i = 0; reg && i < registry_count(reg); i++)
		check_plugin(registry_plugin(reg, i), only, root, opts, opts_n);
	registry_free(reg);
	for (size_t i = 0; i < n; i++)
		free((char *)(uintptr_t)files[i]);
	return check_end();
}

int main(int argc, char **argv)
{
	struct arguments a = { 0 };
	struct options o = { .table = table, .into = &a };
	struct gty_kv kv[OPTS_MAX];
	struct error err = ERROR_INIT;
	char made[] = "/tmp/gantry-plugin-check-XXXXXX";
	const struct kind *only = NULL;
	int r = options_parse(&o, argc, argv, &err);
	int status;

	if (r == OPTIONS_HELP)
		status = usage(NULL);
	else if (r < 0)
		status = usage(err.text);
	else if (o.nargs == 0 || o.nargs > FILES_MAX)
		status = usage("gantry-plugin-check: name 1 to 64 files");
	else if (a.kind && !(only = kind_find_name(a.kind)))
		status = usage("gantry-plugin-check: --kind is one of storage, network, volume, auth");
	else if (split_options(&a.opts, kv) < 0)
		status = usage("gantry-plugin-check: an option is written KEY=VALUE");
	else if (!a.root && !mkdtemp(made))
		status = usage("gantry-plugin-check: cannot make a folder in /tmp");
	else {
		status = check_files(o.args, o.nargs, only, a.root ? a.root : made, kv, (uint32_t)a.opts.n)
				 ? 0
				 : 1;
		if (!a.root)
			nftw(made, remove_one, 32, FTW_DEPTH | FTW_PHYS | FTW_MOUNT);
	}
	options_done(&o);
	return status;
}
