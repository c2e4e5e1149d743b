/* SPDX-License-Identifier: Apache-2.0 */
#include "runtime/compile/seccomp.h"

#include "runtime/compile/bpf.h"
#include "runtime/compile/context.h"
#include "runtime/compile/seccomp_cache.h"

#include "lib/base/cleanup.h"
#include "lib/base/fd.h"

#include <ctype.h>
#include <errno.h>
#include <linux/seccomp.h>
#include <seccomp.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/syscall.h>

/* Changes when the same profile is compiled to another filter. */
#define COMPILER_REVISION 1

#define ARCHS_MAX    16
#define SYSCALLS_MAX 4096 /* rules, and names in one */
#define ARGS_MAX     6
#define X32_BIT      0x40000000u
#define ERRNO_MAX    4095

/* One profile that is being compiled. */
struct profile {
	scmp_filter_ctx ctx;
	uint32_t default_action;    /* SCMP_ACT_* with data, which are the kernel's SECCOMP_RET_* */
	uint32_t archs[ARCHS_MAX];  /* SCMP_ARCH_* */
	uint32_t newest[ARCHS_MAX]; /* the largest number that the profile names in it */
	size_t n_archs;
};

void seccomp_filter_done(struct seccomp_filter *filter)
{
	free(filter->insns);
	*filter = (struct seccomp_filter){ 0 };
}

/* ---- actions, flags ------------------------------------------------------------- */
static const struct field_choice actions[] = {
	{ "SCMP_ACT_KILL", SCMP_ACT_KILL_THREAD },
	{ "SCMP_ACT_KILL_THREAD", SCMP_ACT_KILL_THREAD },
	{ "SCMP_ACT_KILL_PROCESS", SCMP_ACT_KILL_PROCESS },
	{ "SCMP_ACT_TRAP", SCMP_ACT_TRAP },
	{ "SCMP_ACT_ERRNO", SCMP_ACT_ERRNO(0) },
	{ "SCMP_ACT_TRACE", SCMP_ACT_TRACE(0) },
	{ "SCMP_ACT_ALLOW", SCMP_ACT_ALLOW },
	{ "SCMP_ACT_LOG", SCMP_ACT_LOG },
	{ "SCMP_ACT_NOTIFY", SCMP_ACT_NOTIFY },
	{ 0 },
};

static int read_action(const struct field *f, const char *action_name, const char *errno_name, uint32_t *ret)
{
	struct field action_at = field_any(f, action_name), errno_at = field_any(f, errno_name);
	const char *name = NULL;
	uint64_t action = 0, code = EPERM;
	bool given = false;
	int r;

	r = field_need_string(f, action_name, &name);
	if (r == 0)
		r = field_choose(&action_at, name, actions, "action", &action);
	if (r == 0)
		r = field_uint(f, errno_name, UINT32_MAX, &code, &given);
	if (r < 0)
		return r;
	if (action == SCMP_ACT_NOTIFY)
		return field_unsupported(
			&action_at, "a user-space listener (SCMP_ACT_NOTIFY) is not supported");
	if (action != SCMP_ACT_ERRNO(0) && action != SCMP_ACT_TRACE(0)) {
		if (given)
			return field_invalid(&errno_at, "action '%s' returns no errno", name);
		code = 0;
	}
	if (action == SCMP_ACT_ERRNO(0) && code > ERRNO_MAX)
		return field_invalid(&errno_at, "the largest errno is %d", ERRNO_MAX);
	if (code > UINT16_MAX)
		return field_invalid(&errno_at, "larger than %d", UINT16_MAX);
	*ret = (uint32_t)(action | code);
	return 0;
}

/* Known flags answer EFAULT to a NULL program. */
static bool kernel_has_flag(unsigned flag)
{
	return syscall(SYS_seccomp, SECCOMP_SET_MODE_FILTER, flag, NULL) < 0 && errno == EFAULT;
}

static const struct field_choice flag_names[] = {
	/* The filter is loaded while the process has a single thread. */
	{ "SECCOMP_FILTER_FLAG_TSYNC", 0 },
	{ "SECCOMP_FILTER_FLAG_LOG", SECCOMP_FILTER_FLAG_LOG },
	{ "SECCOMP_FILTER_FLAG_SPEC_ALLOW", SECCOMP_FILTER_FLAG_SPEC_ALLOW },
	{ 0 },
};

static int read_flags(const struct field *profile, uint32_t *ret)
{
	struct field list;
	int r = field_array(profile, "flags", &list);

	if (r == 0 && !list.json && kernel_has_flag(SECCOMP_FILTER_FLAG_SPEC_ALLOW))
		*ret = SECCOMP_FILTER_FLAG_SPEC_ALLOW;
	for (size_t i = 0; r == 0 && i < field_count(&list); i++) {
		struct field at = { .up = &list, .index = i, .err = list.err };
		const char *name = NULL;
		uint64_t flag = 0;

		r = field_string_at(&list, i, &name);
		if (r == 0 && strcmp(name, "SECCOMP_FILTER_FLAG_WAIT_KILLABLE_RECV") == 0)
			return field_unsupported(
				&at, "'%s' goes with a user-space listener, which is not supported", name);
		if (r == 0)
			r = field_choose(&at, name, flag_names, "flag", &flag);
		*ret |= (uint32_t)flag;
	}
	return r;
}

/* ---- architectures ----------------------------------------------------------------- */
static int add_arch(struct profile *p, const struct field *at, uint32_t token)
{
	int r;

	for (size_t i = 0; i < p->n_archs; i++)
		if (p->archs[i] == token)
			return 0;
	if (p->n_archs == ARCHS_MAX)
		return field_invalid(at, "more than %d architectures", ARCHS_MAX);
	r = seccomp_arch_add(p->ctx, token);
	if (r < 0 && r != -EEXIST)
		return field_invalid(at, "cannot be filtered together with this machine's own architecture");
	p->archs[p->n_archs++] = token;
	return 0;
}

/* SCMP_ARCH_X86_64 -> the token of "x86_64"; 0 when libseccomp has none. */
static uint32_t token_of(const char *name)
{
	char lower[32];
	size_t n = 0;

	if (strncmp(name, "SCMP_ARCH_", 10) != 0)
		return 0;
	for (name += 10; name[n] && n < sizeof lower - 1; n++)
		lower[n] = (char)tolower((unsigned char)name[n]);
	lower[n] = '\0';
	return name[n] ? 0 : seccomp_arch_resolve_name(lower);
}

static int read_archs(struct profile *p, const struct field *profile)
{
	struct field list;
	int r;

	r = field_array(profile, "architectures", &list);
	if (r == 0)
		r = add_arch(p, &list, seccomp_arch_native());
	for (size_t i = 0; r == 0 && i < field_count(&list); i++) {
		struct field at = { .up = &list, .index = i, .err = list.err };
		const char *name = NULL;
		uint32_t token;

		r = field_string_at(&list, i, &name);
		if (r < 0)
			break;
		token = token_of(name);
		r = token ? add_arch(p, &at, token) : field_invalid(&at, "unknown architecture '%s'", name);
	}
	return r;
}

/* ---- rules ----------------------------------------------------------------------------- */
static const struct field_choice operators[] = {
	{ "SCMP_CMP_NE", SCMP_CMP_NE },
	{ "SCMP_CMP_LT", SCMP_CMP_LT },
	{ "SCMP_CMP_LE", SCMP_CMP_LE },
	{ "SCMP_CMP_EQ", SCMP_CMP_EQ },
	{ "SCMP_CMP_GE", SCMP_CMP_GE },
	{ "SCMP_CMP_GT", SCMP_CMP_GT },
	{ "SCMP_CMP_MASKED_EQ", SCMP_CMP_MASKED_EQ },
	{ 0 },
};

struct rule {
	uint32_t action;
	struct scmp_arg_cmp args[ARGS_MAX];
	unsigned n_args;
	bool any; /* one fitting argument is enough */
};

static int read_arg(const struct field *f, struct scmp_arg_cmp *ret)
{
	struct field op_at = field_any(f, "op");
	bool has_index = false, has_value = false;
	uint64_t index = 0, value = 0, value_two = 0, op = 0;
	const char *name = NULL;
	int r;

	r = field_uint(f, "index", 5, &index, &has_index);
	if (r == 0)
		r = field_uint(f, "value", UINT64_MAX, &value, &has_value);
	if (r == 0)
		r = field_uint(f, "valueTwo", UINT64_MAX, &value_two, NULL);
	if (r == 0)
		r = field_need_string(f, "op", &name);
	if (r == 0)
		r = field_choose(&op_at, name, operators, "operator", &op);
	if (r == 0 && (!has_index || !has_value))
		r = field_invalid(f, "index, value and op are needed");
	/* With a mask, `value` is the mask and `valueTwo` what is left under it. */
	*ret = (struct scmp_arg_cmp){ (unsigned)index, (enum scmp_compare)op, value,
		op == SCMP_CMP_MASKED_EQ ? value_two : 0 };
	return r;
}

static int read_args(const struct field *f, struct rule *rule)
{
	unsigned seen = 0;
	struct field list, item;
	int r;

	r = field_array(f, "args", &list);
	if (r == 0 && field_count(&list) > ARGS_MAX)
		r = field_invalid(&list, "more than %d conditions", ARGS_MAX);
	for (size_t i = 0; r == 0 && i < field_count(&list); i++) {
		r = field_object_at(&list, i, &item);
		if (r == 0)
			r = read_arg(&item, &rule->args[i]);
		if (r < 0)
			break;
		rule->any |= seen >> rule->args[i].arg & 1;
		seen |= 1u << rule->args[i].arg;
		rule->n_args++;
	}
	return r;
}

static void note_newest(struct profile *p, const char *name)
{
	for (size_t i = 0; i < p->n_archs; i++) {
		int nr = seccomp_syscall_resolve_name_arch(p->archs[i], name);
		uint32_t number;

		if (nr < 0)
			continue;
		number = (uint32_t)nr | (p->archs[i] == SCMP_ARCH_X32 ? X32_BIT : 0);
		if (number > p->newest[i])
			p->newest[i] = number;
	}
}

static int add_rule(struct profile *p, const struct field *at, const struct rule *rule, const char *name)
{
	int nr = seccomp_syscall_resolve_name(name), r = 0;

	if (nr == __NR_SCMP_ERROR)
		return 0;
	note_newest(p, name);
	if (rule->action == p->default_action)
		return 0;
	if (!rule->any)
		r = seccomp_rule_add_array(p->ctx, rule->action, nr, rule->n_args, rule->args);
	for (unsigned i = 0; r == 0 && rule->any && i < rule->n_args; i++)
		r = seccomp_rule_add_array(p->ctx, rule->action, nr, 1, &rule->args[i]);
	if (r == -ENOMEM)
		return error_sys(at->err, ENOMEM, "cannot compile a seccomp profile");
	return r < 0 ? field_invalid(at, "libseccomp refuses the rule for '%s': %s", name, strerror(-r)) : 0;
}

static int read_rule(struct profile *p, const struct field *f)
{
	struct rule rule = { 0 };
	struct field names;
	int r;

	r = read_action(f, "action", "errnoRet", &rule.action);
	if (r == 0)
		r = read_args(f, &rule);
	if (r == 0)
		r = field_array(f, "names", &names);
	if (r < 0)
		return r;
	if (field_count(&names) == 0 || field_count(&names) > SYSCALLS_MAX)
		return field_invalid(&names, "1 to %d names are needed", SYSCALLS_MAX);
	for (size_t i = 0; r == 0 && i < field_count(&names); i++) {
		struct field at = { .up = &names, .index = i, .err = names.err };
		const char *name = NULL;

		r = field_string_at(&names, i, &name);
		if (r == 0)
			r = add_rule(p, &at, &rule, name);
	}
	return r;
}

static int read_rules(struct profile *p, const struct field *profile)
{
	struct field list, item;
	int r;

	r = field_array(profile, "syscalls", &list);
	if (r == 0 && field_count(&list) > SYSCALLS_MAX)
		r = field_invalid(&list, "more than %d rules", SYSCALLS_MAX);
	for (size_t i = 0; r == 0 && i < field_count(&list); i++) {
		r = field_object_at(&list, i, &item);
		if (r == 0)
			r = read_rule(p, &item);
	}
	return r;
}

/* ---- BPF --------------------------------------------------------------------------------- */
static int export(const struct profile *p, struct seccomp_filter *ret, struct error *err)
{
	auto_close int fd = memfd_create("seccomp", MFD_CLOEXEC);
	off_t size;
	int r;

	if (fd < 0)
		return error_sys(err, errno, "cannot compile a seccomp profile");
	r = seccomp_export_bpf(p->ctx, fd);
	if (r < 0)
		return error_sys(err, -r, "cannot compile a seccomp profile");
	size = lseek(fd, 0, SEEK_END);
	if (size <= 0 || lseek(fd, 0, SEEK_SET) < 0)
		return error_sys(err, EIO, "cannot read a compiled seccomp profile");
	ret->insns = malloc((size_t)size);
	if (!ret->insns)
		return error_sys(err, ENOMEM, "cannot compile a seccomp profile");
	if (fd_read_full(fd, ret->insns, (size_t)size) != size)
		return error_sys(err, EIO, "cannot read a compiled seccomp profile");
	ret->n = (size_t)size / sizeof *ret->insns;
	return 0;
}

/* A refusing default action turns to ENOSYS behind the newest call that the profile names; those of x32 are
 * the same architecture with a bit in the number. */
static size_t find_overrides(const struct profile *p, struct bpf_override *overrides)
{
	uint32_t action = p->default_action & SECCOMP_RET_ACTION_FULL, enosys = SCMP_ACT_ERRNO(ENOSYS);
	size_t n = 0;

	if (action == SCMP_ACT_ALLOW || action == SCMP_ACT_LOG || action == SCMP_ACT_TRACE(0) ||
		p->default_action == enosys)
		return 0;
	for (size_t i = 0; i < p->n_archs; i++) {
		bool x32 = p->archs[i] == SCMP_ARCH_X32, x86_64 = p->archs[i] == SCMP_ARCH_X86_64;

		overrides[n++] = (struct bpf_override){
			.arch = x32 ? SCMP_ARCH_X86_64 : p->archs[i],
			.first = p->newest[i] + 1,
			.last = x86_64 ? X32_BIT - 1 : UINT32_MAX,
			.from = p->default_action,
			.to = enosys,
		};
		if (p->newest[i] == 0)
			n--; /* nothing of this architecture is named: nothing is newer */
	}
	return n;
}

/* The filter as ranges.  One that cannot be rewritten works as well as it is, only slower. */
static int shorten(const struct profile *p, struct seccomp_filter *filter)
{
	struct bpf_override overrides[ARCHS_MAX];
	struct sock_filter *insns;
	uint32_t archs[ARCHS_MAX];
	size_t n_archs = 0, n;
	int r;

	for (size_t i = 0; i < p->n_archs; i++)
		if (p->archs[i] != SCMP_ARCH_X32)
			archs[n_archs++] = p->archs[i];
	r = bpf_flatten(filter->insns, filter->n, archs, n_archs, overrides, find_overrides(p, overrides),
		&insns, &n, NULL);
	if (r == 0) {
		free(filter->insns);
		filter->insns = insns;
		filter->n = n;
	}
	return r == -ENOMEM ? r : 0;
}

static int compile_with(struct profile *p, const struct field *profile, struct seccomp_filter *out)
{
	int r;

	r = read_archs(p, profile);
	if (r == 0)
		r = read_rules(p, profile);
	if (r == 0)
		r = export(p, out, profile->err);
	if (r == 0 && shorten(p, out) < 0)
		r = error_sys(profile->err, ENOMEM, "cannot compile a seccomp profile");
	if (r == 0 && out->n > BPF_MAXINSNS)
		r = field_invalid(profile, "the filter has more than %d instructions", BPF_MAXINSNS);
	return r;
}

int seccomp_compile(const struct field *profile, struct seccomp_filter *ret)
{
	struct seccomp_filter out = { 0 };
	struct profile p = { 0 };
	int r;

	r = field_refuse(profile, "listenerPath", "a user-space listener is not supported");
	if (r == 0)
		r = field_refuse(profile, "listenerMetadata", "a user-space listener is not supported");
	if (r == 0)
		r = read_action(profile, "defaultAction", "defaultErrnoRet", &p.default_action);
	if (r == 0)
		r = read_flags(profile, &out.flags);
	if (r < 0)
		return r;
	p.ctx = seccomp_init(p.default_action);
	if (!p.ctx)
		return error_sys(profile->err, ENOMEM, "cannot compile a seccomp profile");
	r = compile_with(&p, profile, &out);
	seccomp_release(p.ctx);
	if (r < 0)
		seccomp_filter_done(&out);
	else
		*ret = out;
	return r;
}

/* ---- through the cache --------------------------------------------------------------------- */
/* All that a filter follows from, as one text; NULL without memory. */
static char *key_of(const struct field *profile)
{
	const struct scmp_version *version = seccomp_version();
	auto_free char *text = json_text(profile->json);
	char *key = NULL;

	if (!text || asprintf(&key, "%d libseccomp %u.%u.%u arch %x spec-allow %d\n%s", COMPILER_REVISION,
			     version->major, version->minor, version->micro, seccomp_arch_native(),
			     kernel_has_flag(SECCOMP_FILTER_FLAG_SPEC_ALLOW), text) < 0)
		return NULL;
	return key;
}

int seccomp_compile_config(struct compile *c, const struct field *config)
{
	struct launch_process *p = &c->b.rec.process;
	struct field linux_ = field_any(config, "linux"), profile;
	struct seccomp_filter filter = { 0 };
	auto_free char *key = NULL;
	int r;

	r = field_object(&linux_, "seccomp", &profile);
	if (r < 0 || !profile.json)
		return r;
	key = c->opts->seccomp_cache ? key_of(&profile) : NULL;
	if (!key || seccomp_cache_get(c->opts->seccomp_cache, key, &filter) < 0) {
		r = seccomp_compile(&profile, &filter);
		if (r < 0)
			return r;
		if (key)
			seccomp_cache_put(c->opts->seccomp_cache, key, &filter);
	}
	p->seccomp = builder_vec(
		&c->b, filter.insns, filter.n, sizeof filter.insns[0], LAUNCH_FILTER_MAX, "linux.seccomp");
	p->seccomp_flags = filter.flags;
	seccomp_filter_done(&filter);
	return 0;
}
