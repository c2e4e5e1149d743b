/* SPDX-License-Identifier: Apache-2.0 */
#include "runtime/compile/context.h"

#include "lib/base/cleanup.h"

#include <errno.h>
#include <sched.h>
#include <stdlib.h>
#include <string.h>
#include <sys/resource.h>

#define GROUPS_MAX  1024
#define RLIMITS_MAX 32

/* ---- args, env, cwd ------------------------------------------------------------- */
struct variable {
	const char *text;
	size_t name_len, index;
	bool shadowed; /* a later one has the same name */
};

static int by_name(const void *a, const void *b)
{
	const struct variable *x = a, *y = b;
	size_t n = x->name_len < y->name_len ? x->name_len : y->name_len;
	int order = memcmp(x->text, y->text, n);

	if (order == 0 && x->name_len != y->name_len)
		return x->name_len < y->name_len ? -1 : 1;
	return order ? order : (x->index > y->index) - (x->index < y->index);
}

static int by_index(const void *a, const void *b)
{
	const struct variable *x = a, *y = b;

	return (x->index > y->index) - (x->index < y->index);
}

static int read_variable(const struct field *list, size_t i, struct variable *ret)
{
	struct field at = { .up = list, .index = i, .err = list->err };
	const char *text = NULL, *equals;
	int r = field_string_at(list, i, &text);

	if (r < 0)
		return r;
	equals = strchr(text, '=');
	if (!equals || equals == text)
		return field_invalid(&at, "'%.100s' is not of the form NAME=value", text);
	*ret = (struct variable){ .text = text, .name_len = (size_t)(equals - text), .index = i };
	return 0;
}

/* Of several values of one name the last counts; getenv(3) would find the first. */
static int compile_env(struct compile *c, const struct field *process)
{
	struct builder_list strings = BUILDER_LIST_INIT(struct launch_str);
	auto_free struct variable *vars = NULL;
	struct field list;
	size_t n;
	int r;

	r = field_array(process, "env", &list);
	if (r < 0)
		return r;
	n = field_count(&list);
	if (n > LAUNCH_ARGS_MAX)
		return field_invalid(&list, "more than %u variables", LAUNCH_ARGS_MAX);
	vars = calloc(n + 1, sizeof *vars);
	if (!vars)
		return error_sys(c->err, ENOMEM, "cannot read the environment");
	for (size_t i = 0; i < n; i++) {
		r = read_variable(&list, i, &vars[i]);
		if (r < 0)
			return r;
	}
	qsort(vars, n, sizeof *vars, by_name);
	for (size_t i = 0; i + 1 < n; i++)
		vars[i].shadowed = vars[i].name_len == vars[i + 1].name_len &&
				   memcmp(vars[i].text, vars[i + 1].text, vars[i].name_len) == 0;
	qsort(vars, n, sizeof *vars, by_index);
	for (size_t i = 0; i < n; i++) {
		struct launch_str str;

		if (vars[i].shadowed)
			continue;
		str = builder_str(&c->b, vars[i].text);
		builder_list_add(&c->b, &strings, &str);
	}
	c->b.rec.process.env = builder_take(&c->b, &strings, LAUNCH_ARGS_MAX, "process.env");
	return 0;
}

static int compile_command(struct compile *c, const struct field *process)
{
	struct launch_process *p = &c->b.rec.process;
	struct field args = field_any(process, "args"), at = field_any(process, "cwd");
	const char *cwd = NULL;
	int r;

	r = compile_strings(c, process, "args", LAUNCH_ARGS_MAX, &p->args);
	if (r < 0)
		return r;
	if (field_count(&args) == 0)
		return field_invalid(&args, "a program is needed");
	r = field_need_string(process, "cwd", &cwd);
	if (r < 0)
		return r;
	if (*cwd != '/')
		return field_invalid(&at, "'%s' is not an absolute path", cwd);
	p->cwd = builder_str(&c->b, cwd);
	if (c->opts->make_cwd)
		p->flags |= LAUNCH_PROC_OWN_CWD;
	return compile_env(c, process);
}

static int compile_terminal(struct compile *c, const struct field *process)
{
	struct launch_process *p = &c->b.rec.process;
	uint64_t height = 0, width = 0;
	bool terminal = false;
	struct field size;
	int r;

	r = field_bool(process, "terminal", &terminal);
	if (r == 0)
		r = field_object(process, "consoleSize", &size);
	if (r == 0)
		r = field_uint(&size, "height", UINT16_MAX, &height, NULL);
	if (r == 0)
		r = field_uint(&size, "width", UINT16_MAX, &width, NULL);
	if (r < 0 || !terminal)
		return r; /* without a terminal the specification wants the size ignored */
	p->flags |= LAUNCH_PROC_TTY;
	p->console_height = (uint16_t)height;
	p->console_width = (uint16_t)width;
	return 0;
}

/* ---- user ---------------------------------------------------------------------- */
/* The primary group is one of the supplementary ones, so that no file can shut out a process by its group
 * alone (CVE-2022-36109). */
static int compile_groups(struct compile *c, const struct field *user)
{
	struct launch_process *p = &c->b.rec.process;
	uint32_t groups[GROUPS_MAX];
	struct field list;
	size_t n = 0, count;
	int r;

	r = field_array(user, "additionalGids", &list);
	if (r < 0)
		return r;
	count = field_count(&list);
	if (count >= GROUPS_MAX)
		return field_invalid(&list, "more than %d groups", GROUPS_MAX - 1);
	groups[n++] = p->gid;
	for (size_t i = 0; i < count; i++) {
		uint32_t gid = 0;

		r = field_u32_at(&list, i, &gid);
		if (r < 0)
			return r;
		if (gid != p->gid)
			groups[n++] = gid;
	}
	p->groups = builder_vec(
		&c->b, groups, n, sizeof groups[0], GROUPS_MAX, "process.user.additionalGids");
	return 0;
}

static void compile_user_text(struct compile *c)
{
	struct builder_list names = BUILDER_LIST_INIT(struct launch_str);
	struct launch_process *p = &c->b.rec.process;

	if (!c->opts->user)
		return;
	p->user = builder_str(&c->b, c->opts->user);
	for (size_t i = 0; i < c->opts->n_user_groups; i++) {
		struct launch_str name = builder_str(&c->b, c->opts->user_groups[i]);

		builder_list_add(&c->b, &names, &name);
	}
	p->user_groups = builder_take(&c->b, &names, LAUNCH_LIST_MAX, "groups");
}

static int check_id(const struct field *user, const char *name, uint32_t id)
{
	struct field at = field_any(user, name);

	return id == UINT32_MAX ? field_invalid(&at, "%u is no id", id) : 0;
}

static int compile_user(struct compile *c, const struct field *process)
{
	struct launch_process *p = &c->b.rec.process;
	uint64_t umask = LAUNCH_UNSET;
	struct field user;
	int r;

	r = field_object(process, "user", &user);
	if (r == 0)
		r = field_refuse(&user, "username", "user names are for Windows; uid and gid are used here");
	if (r == 0)
		r = field_u32(&user, "uid", &p->uid, NULL);
	if (r == 0)
		r = field_u32(&user, "gid", &p->gid, NULL);
	if (r == 0)
		r = field_uint(&user, "umask", 0777, &umask, NULL);
	if (r == 0)
		r = check_id(&user, "uid", p->uid);
	if (r == 0)
		r = check_id(&user, "gid", p->gid);
	if (r < 0)
		return r;
	p->umask = (uint32_t)umask;
	compile_user_text(c);
	return compile_groups(c, &user);
}

/* ---- limits ----------------------------------------------------------------------- */
static const struct field_choice limits[] = {
	{ "RLIMIT_AS", RLIMIT_AS },
	{ "RLIMIT_CORE", RLIMIT_CORE },
	{ "RLIMIT_CPU", RLIMIT_CPU },
	{ "RLIMIT_DATA", RLIMIT_DATA },
	{ "RLIMIT_FSIZE", RLIMIT_FSIZE },
	{ "RLIMIT_LOCKS", RLIMIT_LOCKS },
	{ "RLIMIT_MEMLOCK", RLIMIT_MEMLOCK },
	{ "RLIMIT_MSGQUEUE", RLIMIT_MSGQUEUE },
	{ "RLIMIT_NICE", RLIMIT_NICE },
	{ "RLIMIT_NOFILE", RLIMIT_NOFILE },
	{ "RLIMIT_NPROC", RLIMIT_NPROC },
	{ "RLIMIT_RSS", RLIMIT_RSS },
	{ "RLIMIT_RTPRIO", RLIMIT_RTPRIO },
	{ "RLIMIT_RTTIME", RLIMIT_RTTIME },
	{ "RLIMIT_SIGPENDING", RLIMIT_SIGPENDING },
	{ "RLIMIT_STACK", RLIMIT_STACK },
	{ 0 },
};

static int compile_rlimit(const struct field *f, uint32_t *seen, struct launch_rlimit *ret)
{
	struct field at = field_any(f, "type");
	bool has_soft = false, has_hard = false;
	const char *type = NULL;
	uint64_t resource = 0;
	int r;

	r = field_need_string(f, "type", &type);
	if (r == 0)
		r = field_choose(&at, type, limits, "limit", &resource);
	if (r == 0)
		r = field_uint(f, "soft", UINT64_MAX, &ret->soft, &has_soft);
	if (r == 0)
		r = field_uint(f, "hard", UINT64_MAX, &ret->hard, &has_hard);
	if (r < 0)
		return r;
	if (*seen & UINT32_C(1) << resource)
		return field_invalid(&at, "a second '%s'", type);
	if (!has_soft || !has_hard)
		return field_invalid(f, "soft and hard are needed");
	if (ret->soft > ret->hard)
		return field_invalid(f, "the soft limit is above the hard one");
	*seen |= UINT32_C(1) << resource;
	ret->resource = (uint32_t)resource;
	return 0;
}

static int compile_rlimits(struct compile *c, const struct field *process)
{
	struct launch_rlimit items[RLIMITS_MAX] = { 0 };
	struct field list, item;
	uint32_t seen = 0;
	size_t n;
	int r;

	r = field_array(process, "rlimits", &list);
	if (r < 0)
		return r;
	n = field_count(&list);
	if (n > RLIMITS_MAX)
		return field_invalid(&list, "more than %d limits", RLIMITS_MAX);
	for (size_t i = 0; i < n; i++) {
		r = field_object_at(&list, i, &item);
		if (r == 0)
			r = compile_rlimit(&item, &seen, &items[i]);
		if (r < 0)
			return r;
	}
	c->b.rec.process.rlimits = builder_vec(
		&c->b, items, n, sizeof items[0], RLIMITS_MAX, "process.rlimits");
	return 0;
}

/* ---- scheduling ----------------------------------------------------------------------- */
static const struct field_choice io_classes[] = {
	{ "IOPRIO_CLASS_RT", 1 },
	{ "IOPRIO_CLASS_BE", 2 },
	{ "IOPRIO_CLASS_IDLE", 3 },
	{ 0 },
};

static int compile_io_priority(struct compile *c, const struct field *process)
{
	struct field io, at;
	const char *name = NULL;
	uint64_t class = 0, priority = 0;
	int r;

	r = field_object(process, "ioPriority", &io);
	if (r < 0 || !io.json)
		return r;
	at = field_any(&io, "class");
	r = field_need_string(&io, "class", &name);
	if (r == 0)
		r = field_choose(&at, name, io_classes, "class", &class);
	if (r == 0)
		r = field_uint(&io, "priority", 7, &priority, NULL);
	if (r < 0)
		return r;
	c->b.rec.process.flags |= LAUNCH_PROC_IOPRIO;
	c->b.rec.process.ioprio = (uint32_t)(class << 13 | priority);
	return 0;
}

/* The numbers of <linux/sched.h> and <linux/sched/types.h>, which cannot stand beside <sched.h>. */
static const struct field_choice policies[] = {
	{ "SCHED_OTHER", 0 },
	{ "SCHED_FIFO", 1 },
	{ "SCHED_RR", 2 },
	{ "SCHED_BATCH", 3 },
	{ "SCHED_ISO", 4 },
	{ "SCHED_IDLE", 5 },
	{ "SCHED_DEADLINE", 6 },
	{ 0 },
};
static const struct field_choice scheduler_flags[] = {
	{ "SCHED_FLAG_RESET_ON_FORK", 0x01 },
	{ "SCHED_FLAG_RECLAIM", 0x02 },
	{ "SCHED_FLAG_DL_OVERRUN", 0x04 },
	{ "SCHED_FLAG_KEEP_POLICY", 0x08 },
	{ "SCHED_FLAG_KEEP_PARAMS", 0x10 },
	{ "SCHED_FLAG_UTIL_CLAMP_MIN", 0x20 },
	{ "SCHED_FLAG_UTIL_CLAMP_MAX", 0x40 },
	{ 0 },
};

static int compile_scheduler_flags(const struct field *scheduler, uint32_t *ret)
{
	struct field list;
	int r = field_array(scheduler, "flags", &list);

	for (size_t i = 0; r == 0 && i < field_count(&list); i++) {
		struct field at = { .up = &list, .index = i, .err = list.err };
		const char *name = NULL;
		uint64_t flag = 0;

		r = field_string_at(&list, i, &name);
		if (r == 0)
			r = field_choose(&at, name, scheduler_flags, "flag", &flag);
		*ret |= (uint32_t)flag;
	}
	return r;
}

static int compile_scheduler(struct compile *c, const struct field *process)
{
	struct launch_process *p = &c->b.rec.process;
	struct field scheduler, at;
	const char *name = NULL;
	uint64_t policy = 0;
	int64_t nice = 0, priority = 0;
	int r;

	r = field_object(process, "scheduler", &scheduler);
	if (r < 0 || !scheduler.json)
		return r;
	at = field_any(&scheduler, "policy");
	r = field_need_string(&scheduler, "policy", &name);
	if (r == 0)
		r = field_choose(&at, name, policies, "policy", &policy);
	if (r == 0)
		r = field_int(&scheduler, "nice", -20, 19, &nice, NULL);
	if (r == 0)
		r = field_int(&scheduler, "priority", 0, 99, &priority, NULL);
	if (r == 0)
		r = compile_scheduler_flags(&scheduler, &p->sched_flags);
	if (r == 0)
		r = field_uint(&scheduler, "runtime", UINT64_MAX, &p->sched_runtime, NULL);
	if (r == 0)
		r = field_uint(&scheduler, "deadline", UINT64_MAX, &p->sched_deadline, NULL);
	if (r == 0)
		r = field_uint(&scheduler, "period", UINT64_MAX, &p->sched_period, NULL);
	p->flags |= LAUNCH_PROC_SCHEDULER;
	p->sched_policy = (uint32_t)policy;
	p->sched_nice = (int32_t)nice;
	p->sched_priority = (uint32_t)priority;
	return r;
}

/* ---- privileges -------------------------------------------------------------------------- */
static int compile_labels(struct compile *c, const struct field *apparmor, const struct field *selinux)
{
	struct launch_process *p = &c->b.rec.process;
	struct field at = field_any(apparmor, "apparmorProfile");
	const char *profile = NULL, *label = NULL;
	int r;

	r = field_string(apparmor, "apparmorProfile", &profile);
	if (r == 0)
		r = field_string(selinux, "selinuxLabel", &label);
	if (r < 0)
		return r;
	if (profile && *profile) {
		if (c->opts->apparmor)
			p->apparmor = builder_str(&c->b, profile);
		else if (strcmp(profile, "unconfined") != 0)
			return field_unsupported(
				&at, "profile '%s' is asked for, but AppArmor is not enabled here", profile);
	}
	at = field_any(selinux, "selinuxLabel");
	if (label && *label) {
		if (!c->opts->selinux)
			return field_unsupported(
				&at, "label '%s' is asked for, but SELinux is not enabled here", label);
		p->selinux = builder_str(&c->b, label);
	}
	return 0;
}

static int compile_oom_score(struct compile *c, const struct field *process)
{
	int64_t score = 0;
	bool given = false;
	int r = field_int(process, "oomScoreAdj", -1000, 1000, &score, &given);

	if (r < 0 || !given)
		return r;
	c->b.rec.process.flags |= LAUNCH_PROC_OOM_SCORE;
	c->b.rec.process.oom_score_adj = (int32_t)score;
	return 0;
}

/* The object that a member is read from: the process, or what it inherits from when it leaves the member out.
 */
static const struct field *holder(
	const struct field *process, const struct field *inherited, const char *name)
{
	return field_any(process, name).json ? process : inherited;
}

static int compile_privileges(struct compile *c, const struct field *process, const struct field *inherited)
{
	bool no_new_privs = false;
	struct field caps;
	int r;

	r = field_bool(holder(process, inherited, "noNewPrivileges"), "noNewPrivileges", &no_new_privs);
	if (r == 0)
		r = field_object(holder(process, inherited, "capabilities"), "capabilities", &caps);
	if (r == 0)
		r = caps_compile(c, &caps);
	if (r == 0)
		r = compile_labels(c, holder(process, inherited, "apparmorProfile"),
			holder(process, inherited, "selinuxLabel"));
	if (no_new_privs)
		c->b.rec.process.flags |= LAUNCH_PROC_NO_NEW_PRIVS;
	return r;
}

int process_compile(struct compile *c, const struct field *process, const struct field *inherited)
{
	int r;

	c->b.rec.process.preserve_fds = c->opts->preserve_fds;
	r = field_refuse(process, "commandLine", "command lines are for Windows; args are used here");
	if (r == 0)
		r = field_refuse(process, "execCPUAffinity", "CPU affinity of exec is not supported");
	if (r == 0)
		r = compile_command(c, process);
	if (r == 0)
		r = compile_terminal(c, process);
	if (r == 0)
		r = compile_user(c, process);
	if (r == 0)
		r = compile_privileges(c, process, inherited);
	if (r == 0)
		r = compile_rlimits(c, holder(process, inherited, "rlimits"));
	if (r == 0)
		r = compile_oom_score(c, holder(process, inherited, "oomScoreAdj"));
	if (r == 0)
		r = compile_io_priority(c, holder(process, inherited, "ioPriority"));
	return r < 0 ? r : compile_scheduler(c, holder(process, inherited, "scheduler"));
}
