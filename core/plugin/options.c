/* SPDX-License-Identifier: Apache-2.0 */
#include "core/plugin/options.h"

#include "core/plugin/kind.h"
#include "lib/base/clock.h"
#include "lib/base/size.h"
#include "lib/base/str.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

#define TIMEOUT_MAX_S 3600
#define ALL_PLACES    (GTY_OPT_DRIVER | GTY_OPT_OBJECT | GTY_OPT_ATTACH)

static bool is_one_of(const char *choices, const char *value)
{
	size_t n = strlen(value);

	for (const char *p = choices; p; p = strchr(p, '|') ? strchr(p, '|') + 1 : NULL)
		if (strcspn(p, "|") == n && strncmp(p, value, n) == 0)
			return true;
	return false;
}

static bool is_bool(const char *v)
{
	return is_one_of("true|false|1|0|yes|no|on|off", v);
}

/* "10mbit", "500kbit", "1gbit", or bits a second. */
static bool is_rate(const char *v)
{
	size_t digits = strspn(v, "0123456789");

	return digits > 0 && digits < 16 &&
	       (!v[digits] || is_one_of("bit|kbit|mbit|gbit|bps|kbps|mbps|gbps", v + digits));
}

bool options_is(const char *type, const char *value)
{
	const char *choices = str_after(type, "enum:");
	int64_t number;

	if (choices)
		return is_one_of(choices, value);
	if (strcmp(type, "bool") == 0)
		return is_bool(value);
	if (strcmp(type, "int") == 0)
		return str_to_i64(value, INT64_MIN, INT64_MAX, &number) == 0;
	if (strcmp(type, "size") == 0)
		return size_parse(value, &number) == 0 && number >= 0;
	if (strcmp(type, "path") == 0)
		return value[0] == '/';
	if (strcmp(type, "cidr") == 0)
		return reply_cidr("value", value, NULL) == 0;
	if (strcmp(type, "rate") == 0)
		return is_rate(value);
	return strcmp(type, "string") == 0;
}

static bool is_type(const char *type)
{
	const char *choices = str_after(type, "enum:");

	return choices ? choices[0] && choices[0] != '|'
		       : is_one_of("string|bool|int|size|path|cidr|rate", type);
}

static int vet_one(const struct gty_option *o, struct error *err)
{
	size_t n = strnlen(o->key, 65);

	if (n == 0 || n > 64 || strpbrk(o->key, " \t\n=,"))
		return error_invalid(err, "an option is called '%.64s'", o->key);
	if (strcmp(o->key, OPTIONS_TIMEOUT) == 0 && (o->where & GTY_OPT_DRIVER))
		return error_invalid(err, "option '%s' is the core's own", o->key);
	if (!o->type || !is_type(o->type))
		return error_invalid(err,
			"option '%s' has the type '%.64s'; known are string bool int size path cidr enum:a|b "
			"rate",
			o->key, o->type ? o->type : "");
	if (!o->where || (o->where & ~(uint32_t)ALL_PLACES))
		return error_invalid(err, "option '%s' says 0x%x for where it is given", o->key, o->where);
	if (o->fallback && o->fallback[0] && !options_is(o->type, o->fallback))
		return error_invalid(err, "option '%s' has the fallback '%.64s', which is no %s", o->key,
			o->fallback, o->type);
	return 0;
}

int options_vet(const struct gty_option *declared, struct error *err)
{
	for (unsigned i = 0; declared && declared[i].key; i++) {
		if (i == OPTIONS_DECLARED_MAX)
			return error_invalid(
				err, "more than %d options, or their list has no end", OPTIONS_DECLARED_MAX);
		int r = vet_one(&declared[i], err);
		if (r < 0)
			return r;
		for (unsigned j = 0; j < i; j++)
			if (strcmp(declared[j].key, declared[i].key) == 0 &&
				(declared[j].where & declared[i].where))
				return error_invalid(err, "option '%s' is declared twice", declared[i].key);
	}
	return 0;
}

void option_set_done(struct option_set *set)
{
	free(set->v);
	*set = (struct option_set){ 0 };
}

static const struct gty_option *find(const struct gty_driver *d, uint32_t where, const char *key)
{
	for (const struct gty_option *o = d->options; o && o->key; o++)
		if ((o->where & where) && strcmp(o->key, key) == 0)
			return o;
	return NULL;
}

static int unknown(const struct gty_driver *d, uint32_t where, const char *key, struct error *err)
{
	auto_str struct str known = STR_INIT(300);

	for (const struct gty_option *o = d->options; o && o->key; o++)
		if (o->where & where)
			str_addf(&known, "%s%s", known.len ? ", " : "", o->key);
	if (where & GTY_OPT_DRIVER)
		str_addf(&known, "%s" OPTIONS_TIMEOUT, known.len ? ", " : "");
	return error_invalid(err, "driver '%s' has no option '%.64s' here; %s%s", d->name, key,
		known.len ? "it has: " : "it has none", str_text(&known));
}

static int check_one(const struct gty_driver *d, uint32_t where, const struct gty_kv *kv,
	struct option_set *set, struct error *err)
{
	const struct gty_option *o = find(d, where, kv->key);
	uint64_t seconds;

	if (!o && (where & GTY_OPT_DRIVER) && strcmp(kv->key, OPTIONS_TIMEOUT) == 0) {
		if (str_to_u64(kv->value, 10, 1, TIMEOUT_MAX_S, &seconds) < 0)
			return error_invalid(err,
				"option 'timeout' of driver '%s' takes 1 to %d seconds, not '%.64s'", d->name,
				TIMEOUT_MAX_S, kv->value ? kv->value : "");
		set->timeout_ns = (int64_t)seconds * CLOCK_S;
		return 0;
	}
	if (!o && !(d->flags & GTY_DRIVER_ANY_OPTIONS))
		return unknown(d, where, kv->key, err);
	if (o && (!kv->value || !options_is(o->type, kv->value)))
		return error_invalid(err, "option '%s' of driver '%s' takes a %s, not '%.64s'", kv->key,
			d->name, o->type, kv->value ? kv->value : "");
	set->v[set->n++] = *kv;
	return 0;
}

static bool is_given(const struct option_set *set, const char *key)
{
	for (uint32_t i = 0; i < set->n; i++)
		if (strcmp(set->v[i].key, key) == 0)
			return true;
	return false;
}

int options_check(const struct gty_driver *driver, uint32_t where, const struct gty_kv *given, uint32_t n,
	struct option_set *ret, struct error *err)
{
	struct option_set set = { .v = calloc(n + OPTIONS_DECLARED_MAX + 1, sizeof *set.v) };
	int r = 0;

	if (!set.v)
		return error_sys(err, ENOMEM, "cannot check options of driver '%s'", driver->name);
	for (uint32_t i = 0; i < n && r == 0; i++)
		r = check_one(driver, where, &given[i], &set, err);
	if (r < 0) {
		option_set_done(&set);
		return r;
	}
	for (const struct gty_option *o = driver->options; o && o->key; o++)
		if ((o->where & where) && o->fallback && !is_given(&set, o->key))
			set.v[set.n++] = (struct gty_kv){ o->key, o->fallback };
	*ret = set;
	return 0;
}
