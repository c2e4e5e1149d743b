/* SPDX-License-Identifier: Apache-2.0 */
#include "lib/base/options.h"

#include "lib/base/size.h"
#include "lib/base/timefmt.h"

#include <errno.h>
#include <float.h>
#include <stdlib.h>
#include <string.h>

static void *place(const struct options *o, const struct option *opt)
{
	return (char *)o->into + opt->offset;
}

static void mark_seen(struct options *o, const struct option *opt)
{
	size_t i = (size_t)(opt - o->table);

	if (i < OPTIONS_MAX)
		o->seen[i / 32] |= UINT32_C(1) << i % 32;
}

const struct option *options_find(const struct option *table, const char *name)
{
	for (const struct option *opt = table; opt && opt->name; opt++)
		if (strcmp(opt->name, name) == 0)
			return opt;
	return NULL;
}

static const struct option *find_n(const struct option *table, const char *name, size_t n)
{
	for (const struct option *opt = table; opt && opt->name; opt++)
		if (strlen(opt->name) == n && memcmp(opt->name, name, n) == 0)
			return opt;
	return NULL;
}

static const struct option *find_letter(const struct option *table, char letter)
{
	for (const struct option *opt = table; opt && opt->name; opt++)
		if (opt->letter == letter)
			return opt;
	return NULL;
}

bool options_seen(const struct options *o, const char *name)
{
	const struct option *opt = options_find(o->table, name);
	size_t i = (size_t)(opt - o->table);

	return opt && i < OPTIONS_MAX && (o->seen[i / 32] >> i % 32 & 1);
}

/* ---- values ---------------------------------------------------------------------- */
/* strconv.ParseBool. */
static int parse_bool(const char *value, bool *ret)
{
	static const char *const yes[] = { "1", "t", "T", "TRUE", "true", "True" };
	static const char *const no[] = { "0", "f", "F", "FALSE", "false", "False" };

	for (size_t i = 0; i < sizeof yes / sizeof *yes; i++) {
		if (strcmp(value, yes[i]) == 0 || strcmp(value, no[i]) == 0) {
			*ret = strcmp(value, yes[i]) == 0;
			return 0;
		}
	}
	return -EINVAL;
}

static int add_to_list(struct option_list *list, const char *value)
{
	/* The room is the next power of two. */
	if ((list->n & (list->n - 1)) == 0) {
		const char **bigger = reallocarray(list->v, list->n ? list->n * 2 : 1, sizeof *list->v);
		if (!bigger)
			return -ENOMEM;
		list->v = bigger;
	}
	list->v[list->n++] = value;
	return 0;
}

static int store(void *at, enum option_kind kind, const char *value)
{
	switch (kind) {
	case OPTION_BOOL: return parse_bool(value, at);
	case OPTION_STRING: *(const char **)at = value; return 0;
	case OPTION_LIST: return add_to_list(at, value);
	case OPTION_INT: return str_to_i64(value, INT64_MIN, INT64_MAX, at);
	case OPTION_UINT: return str_to_u64(value, 10, 0, UINT64_MAX, at);
	case OPTION_DOUBLE: return str_to_double(value, -DBL_MAX, DBL_MAX, at);
	case OPTION_SIZE: return size_parse(value, at);
	case OPTION_DURATION: return timefmt_parse_duration(value, at);
	}
	return -EINVAL;
}

static const char *expected(enum option_kind kind)
{
	switch (kind) {
	case OPTION_BOOL: return "must be true or false";
	case OPTION_INT: return "must be a whole number";
	case OPTION_UINT: return "must be a whole number, not negative";
	case OPTION_DOUBLE: return "must be a number";
	case OPTION_SIZE: return "must be a size such as 512m or 1.5g";
	case OPTION_DURATION: return "must be a duration such as 90s or 1h30m";
	case OPTION_STRING:
	case OPTION_LIST: break;
	}
	return "cannot be used";
}

static int set_value(struct options *o, const struct option *opt, const char *value, struct error *err)
{
	int r = store(place(o, opt), opt->kind, value);

	if (r == 0) {
		mark_seen(o, opt);
		return 0;
	}
	if (r == -ENOMEM)
		return error_sys(err, ENOMEM, "cannot read the command line");
	const char *why = r == -ERANGE ? "value out of range" : expected(opt->kind);
	if (opt->letter)
		return error_invalid(err, "invalid argument \"%.100s\" for \"-%c, --%s\" flag: %s", value,
			opt->letter, opt->name, why);
	return error_invalid(err, "invalid argument \"%.100s\" for \"--%s\" flag: %s", value, opt->name, why);
}

int options_set(struct options *o, const char *name, const char *value, struct error *err)
{
	const struct option *opt = options_find(o->table, name);

	return opt ? set_value(o, opt, value, err) : error_invalid(err, "unknown flag: --%.100s", name);
}

/* ---- the command line --------------------------------------------------------------- */
struct scan {
	struct options *o;
	int argc, next; /* next: the argument to look at */
	char **argv;
	struct error *err;
};

/* The value an option has when none is given, or NULL: it needs one. */
static const char *implied(const struct option *opt)
{
	if (opt->kind == OPTION_BOOL)
		return "true";
	return opt->flags & OPTION_OPTIONAL ? "" : NULL;
}

static int take_long(struct scan *s, const char *name)
{
	size_t n = strcspn(name, "=");
	const struct option *opt = find_n(s->o->table, name, n);
	const char *value = name[n] ? name + n + 1 : NULL;

	if (n == 0 || name[0] == '-')
		return error_invalid(s->err, "bad flag syntax: --%.100s", name);
	if (!opt && n == 4 && memcmp(name, "help", 4) == 0)
		return OPTIONS_HELP;
	if (!opt)
		return error_invalid(s->err, "unknown flag: --%.*s", n < 100 ? (int)n : 100, name);
	if (!value)
		value = implied(opt);
	if (!value && s->next < s->argc)
		value = s->argv[s->next++];
	if (!value)
		return error_invalid(s->err, "flag needs an argument: --%s", opt->name);
	return set_value(s->o, opt, value, s->err);
}

static int take_letters(struct scan *s, const char *letters)
{
	for (const char *p = letters; *p; p++) {
		const struct option *opt = find_letter(s->o->table, *p);
		if (!opt && *p == 'h')
			return OPTIONS_HELP;
		if (!opt)
			return error_invalid(s->err, "unknown shorthand flag: '%c' in -%.100s", *p, letters);
		const char *value = implied(opt);
		bool rest = true; /* the value is what follows in this argument */
		if (p[1] == '=')
			value = p + 2;
		else if (!value && p[1])
			value = p + 1;
		else
			rest = false;
		if (!value && s->next < s->argc)
			value = s->argv[s->next++];
		if (!value)
			return error_invalid(s->err, "flag needs an argument: '%c' in -%.100s", *p, letters);
		int r = set_value(s->o, opt, value, s->err);
		if (r < 0 || rest)
			return r;
	}
	return 0;
}

static int take_option(struct scan *s, const char *arg)
{
	if (arg[1] == '-')
		return take_long(s, arg + 2);
	if ((s->o->flags & OPTIONS_SINGLE_DASH) && arg[2] &&
		find_n(s->o->table, arg + 1, strcspn(arg + 1, "=")))
		return take_long(s, arg + 1);
	return take_letters(s, arg + 1);
}

int options_parse(struct options *o, int argc, char **argv, struct error *err)
{
	struct scan s = { .o = o, .argc = argc, .next = argc > 0, .argv = argv, .err = err };

	o->args = argv + s.next;
	o->nargs = 0;
	while (s.next < argc) {
		char *arg = argv[s.next++];
		bool option = arg[0] == '-' && arg[1];
		if (option && strcmp(arg, "--") == 0)
			break;
		if (option) {
			int r = take_option(&s, arg);
			if (r != 0)
				return r;
			continue;
		}
		/* Never overtakes the reading position. */
		o->args[o->nargs++] = arg;
		if (o->flags & OPTIONS_STOP)
			break;
	}
	while (s.next < argc)
		o->args[o->nargs++] = argv[s.next++];
	o->args[o->nargs] = NULL;
	return 0;
}

void options_done(struct options *o)
{
	for (const struct option *opt = o->table; opt && opt->name; opt++) {
		if (opt->kind == OPTION_LIST) {
			struct option_list *list = place(o, opt);
			free(list->v);
			*list = (struct option_list){ NULL, 0 };
		}
	}
}
