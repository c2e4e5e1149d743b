/* SPDX-License-Identifier: Apache-2.0 */
#include "core/plugin/checking.h"

#include "core/plugin/block.h"
#include "core/plugin/options.h"
#include "lib/base/cleanup.h"
#include "lib/base/clock.h"
#include "lib/base/fd.h"
#include "lib/base/path.h"

#include <dlfcn.h>
#include <errno.h>
#include <fcntl.h>
#include <ftw.h>
#include <poll.h>
#include <signal.h>
#include <stdio.h>
#include <string.h>
#include <sys/prctl.h>
#include <sys/resource.h>
#include <sys/stat.h>
#include <sys/wait.h>

enum step { STEP_LOAD, STEP_INIT, STEP_PROBE, STEP_PROBED, STEP_DONE };

/* What the child says: which step it is about to take, or how one ended. */
struct report {
	uint32_t item, step, driver;
	int32_t reason; /* of DONE; of PROBED: 0 or not usable */
	struct error err;
};
_Static_assert(sizeof(struct report) <= 4096, "one write is one report: PIPE_BUF");

static const struct entry init_entry;
static int run_init(struct target *t, struct gty_call *call, const void *req, void *rep)
{
	const struct gty_plugin *object = t->ops;

	(void)req;
	(void)rep;
	return object->init(call);
}
static const struct entry init_entry = { .name = "init", .run = run_init };
static const struct kind init_kind = { .name = "plugin", .entries_n = 1, .entries = &init_entry };

enum plugin_reason checking_init(const struct gty_plugin *object, int64_t deadline_ns, struct error *err)
{
	struct target t = { .ops = object };
	const struct facts facts = { 0 };
	struct call *call = NULL;

	if (!object->init)
		return PLUGIN_OK;
	if (block_new(&init_kind, 0, NULL, deadline_ns, &call, err) < 0)
		return PLUGIN_INIT;
	block_run(call, &t, &facts, object->name);
	int r = call->result;
	if (r < 0) {
		*err = call->err;
		error_prefix(err, r, "its init() failed");
	}
	block_unref(call);
	return r < 0 ? PLUGIN_INIT : PLUGIN_OK;
}

static void cut_word(char *to, size_t size, const char *from, const char *end)
{
	size_t n = (size_t)(end - from);

	snprintf(to, size, "%.*s", (int)(n < size ? n : size - 1), from);
}

enum plugin_reason checking_load_reason(const char *path, const char *message, struct error *err)
{
	static const char missing[] = ": cannot open shared object file: No such file";
	static const char symbol[] = "undefined symbol: ";
	char word[200];

	if (!message)
		message = "the dynamic loader gives no reason";
	const char *at = strstr(message, symbol);
	if (at) {
		at += sizeof symbol - 1;
		cut_word(word, sizeof word, at, at + strcspn(at, " \t,("));
		error_invalid(err,
			"the symbol '%s' is in no library it is linked with; link with -Wl,-z,defs to see "
			"this when building",
			word);
		return PLUGIN_SYMBOL;
	}
	at = strstr(message, missing);
	if (at) {
		cut_word(word, sizeof word, message, at);
		if (strcmp(word, path) != 0) {
			error_invalid(err, "it needs the library '%s', which is not installed", word);
			return PLUGIN_DEPENDENCY;
		}
	}
	error_invalid(err, "it cannot be loaded: %.400s", message);
	return PLUGIN_LOAD;
}

/* ---- in the child --------------------------------------------------------------------- */

struct child {
	const struct checking *c;
	const char *folder;
	int pipe;
	struct report report;
};

static void say(struct child *ch, enum step step)
{
	ch->report.step = step;
	if (write(ch->pipe, &ch->report, sizeof ch->report) != sizeof ch->report)
		_exit(2);
}

static const struct driver_options *options_of(const struct checking *c, const struct gty_driver *d)
{
	for (size_t i = 0; i < c->options_n; i++) {
		if (strcmp(c->options[i].driver, d->name) == 0)
			return &c->options[i];
		for (unsigned a = 0; d->aliases && d->aliases[a]; a++)
			if (strcmp(c->options[i].driver, d->aliases[a]) == 0)
				return &c->options[i];
	}
	return NULL;
}

static int probe(
	struct child *ch, const struct gty_driver *d, const char *root, int root_fd, struct error *err)
{
	static const struct driver_options none;
	const struct driver_options *given = options_of(ch->c, d);
	struct option_set set = { 0 };
	struct host *host = NULL;
	struct call *call = NULL;
	int r;

	given = given ? given : &none;
	r = options_check(d, GTY_OPT_DRIVER, given->opts, given->opts_n, &set, err);
	if (r == 0)
		r = host_new(ch->c->sink, d->name, ch->c->instance, root, &host, err);
	struct gty_open req = {
		.root_fd = root_fd, .name = d->name, .root = root, .opts = set.v, .opts_n = set.n
	};
	if (r == 0)
		r = block_new(
			kind_find(d->kind), ENTRY_PROBE, &req, clock_mono_ns() + ch->c->step_ns, &call, err);
	if (r == 0) {
		struct target t = { .ops = d->ops, .host = host_table(host) };
		const struct facts facts = { .root = root };
		block_run(call, &t, &facts, d->name);
		r = call->result;
		if (r < 0)
			*err = call->err;
	}
	block_unref(call);
	host_free(host);
	option_set_done(&set);
	return r;
}

/* A folder of its own, which must be empty again afterwards. */
static enum plugin_reason probe_in_folder(struct child *ch, const struct gty_driver *d)
{
	char root[4096];

	if (path_format(root, sizeof root, "%s/%u-%u", ch->folder, ch->report.item, ch->report.driver) < 0 ||
		mkdir(root, 0700) < 0)
		return error_sys(&ch->report.err, errno, "cannot make a folder to probe in") < 0 ? PLUGIN_LOAD
												 : PLUGIN_OK;
	auto_close int fd = open(root, O_PATH | O_DIRECTORY | O_CLOEXEC);
	ch->report.err = ERROR_INIT;
	say(ch, STEP_PROBE);
	ch->report.reason = probe(ch, d, root, fd, &ch->report.err) < 0;
	if (rmdir(root) < 0) {
		error_invalid(&ch->report.err,
			"probe() of driver '%s' left something in its folder; it must leave no trace",
			d->name);
		return PLUGIN_TRACE;
	}
	say(ch, STEP_PROBED);
	ch->report.reason = 0;
	return PLUGIN_OK;
}

static enum plugin_reason check_one(struct child *ch, const char *path)
{
	struct error *err = &ch->report.err;
	enum plugin_reason r;

	*err = ERROR_INIT;
	say(ch, STEP_LOAD);
	void *so = dlopen(path, RTLD_NOW | RTLD_LOCAL);
	if (!so)
		return checking_load_reason(path, dlerror(), err);
	const struct gty_plugin *object = dlsym(so, "gantry_plugin");
	if (!object) {
		error_invalid(err, "it exports no object gantry_plugin; use the macro GTY_PLUGIN");
		return PLUGIN_NO_OBJECT;
	}
	r = vet_object(object, err);
	if (r != PLUGIN_OK)
		return r;
	say(ch, STEP_INIT);
	r = checking_init(object, clock_mono_ns() + ch->c->step_ns, err);
	for (unsigned i = 0; r == PLUGIN_OK && object->drivers[i]; i++) {
		ch->report.driver = i;
		r = probe_in_folder(ch, object->drivers[i]);
	}
	return r;
}

static void run_child(struct child *ch, const struct checking_item *items, size_t first, size_t n)
{
	const struct rlimit none = { 0, 0 };
	sigset_t empty;

	/* A crash must end the child, not run a handler of the caller's. */
	for (int sig = 1; sig < NSIG; sig++)
		signal(sig, SIG_DFL);
	sigemptyset(&empty);
	sigprocmask(SIG_SETMASK, &empty, NULL);
	prctl(PR_SET_PDEATHSIG, SIGKILL);
	setrlimit(RLIMIT_CORE, &none);
	for (size_t i = first; i < n; i++) {
		if (!items[i].path || items[i].reason != PLUGIN_OK)
			continue;
		ch->report = (struct report){ .item = (uint32_t)i };
		enum plugin_reason r = check_one(ch, items[i].path);
		ch->report.reason = (int32_t)r;
		say(ch, STEP_DONE);
	}
	_exit(0);
}

/* ---- in the parent -------------------------------------------------------------------- */

static const char *const step_words[] = { "while it was loaded (a constructor, or its exported object)",
	"in init()", "in probe()", "after probe()", "afterwards" };

static void take_report(struct checking_item *items, size_t n, const struct report *rep)
{
	if (rep->item >= n || rep->driver >= CHECKING_DRIVERS)
		return;
	struct checking_item *it = &items[rep->item];
	if (rep->step == STEP_PROBED)
		it->drivers[rep->driver] = (struct checking_driver){ true, rep->reason == 0, rep->err };
	if (rep->step == STEP_DONE) {
		it->reason = (enum plugin_reason)rep->reason;
		it->err = rep->err;
	}
}

/* Reads until the child ends or is silent too long; 1 in the latter case. */
static int follow(
	const struct checking *c, int pipe, struct checking_item *items, size_t n, struct report *last)
{
	for (;;) {
		struct report rep;
		struct pollfd p = { .fd = pipe, .events = POLLIN };
		int r = poll(&p, 1, clock_poll_ms(clock_mono_ns() + c->step_ns));
		if (r == 0)
			return 1;
		if (r < 0 && errno == EINTR)
			continue;
		if (fd_read_full(pipe, &rep, sizeof rep) != sizeof rep)
			return 0;
		rep.err.text[sizeof rep.err.text - 1] = '\0';
		take_report(items, n, &rep);
		*last = rep;
	}
}

static void blame(struct checking_item *it, const struct report *last, bool hung, int status, int64_t step_ns)
{
	const char *where = step_words[last->step <= STEP_DONE ? last->step : STEP_DONE];

	if (hung) {
		it->reason = PLUGIN_HANG;
		error_invalid(
			&it->err, "it did not return within %.1f s %s", (double)step_ns / CLOCK_S, where);
	} else if (WIFSIGNALED(status)) {
		it->reason = PLUGIN_CRASH;
		error_invalid(&it->err, "it crashed (%s) %s", strsignal(WTERMSIG(status)), where);
	} else {
		it->reason = PLUGIN_CRASH;
		error_invalid(
			&it->err, "it ended the process (exit status %d) %s", WEXITSTATUS(status), where);
	}
}

/* One child, from `first` on.  *ret_next: where the next one has to begin, n when all is done. */
static int check_from(const struct checking *c, const char *folder, struct checking_item *items, size_t first,
	size_t n, size_t *ret_next, struct error *err)
{
	struct report last = { .step = STEP_DONE };
	int p[2], status = 0;

	if (pipe2(p, O_CLOEXEC) < 0)
		return error_sys(err, errno, "cannot check plugins");
	pid_t pid = fork();
	if (pid < 0) {
		int e = errno;
		close(p[0]);
		close(p[1]);
		return error_sys(err, e, "cannot check plugins");
	}
	if (pid == 0) {
		struct child ch = { .c = c, .folder = folder, .pipe = p[1] };
		close(p[0]);
		run_child(&ch, items, first, n);
	}
	close(p[1]);
	int hung = follow(c, p[0], items, n, &last);
	close(p[0]);
	if (hung)
		kill(pid, SIGKILL);
	while (waitpid(pid, &status, 0) < 0 && errno == EINTR)
		;
	*ret_next = n;
	if (last.step != STEP_DONE || hung || status != 0) {
		size_t guilty = last.item < n ? last.item : n - 1;
		if (items[guilty].reason == PLUGIN_OK)
			blame(&items[guilty], &last, hung, status, c->step_ns);
		*ret_next = guilty + 1;
	}
	return 0;
}

static int remove_one(const char *path, const struct stat *st, int type, struct FTW *ftw)
{
	(void)st;
	(void)type;
	(void)ftw;
	return remove(path) < 0 && errno != ENOENT;
}

int checking_run(const struct checking *c, struct checking_item *items, size_t n, struct error *err)
{
	char folder[4096];
	int r = path_format(folder, sizeof folder, "%s/probe-XXXXXX", c->scratch);

	if (r < 0 || !mkdtemp(folder))
		return error_sys(
			err, r < 0 ? -r : errno, "cannot make a folder to probe drivers in '%s'", c->scratch);
	fflush(NULL);
	for (size_t next = 0; next < n && r == 0;)
		r = check_from(c, folder, items, next, n, &next, err);
	nftw(folder, remove_one, 16, FTW_DEPTH | FTW_PHYS | FTW_MOUNT);
	return r;
}
