/* SPDX-License-Identifier: Apache-2.0 */
/* Text and control structures of templates. */
#include "programs/gantry/template.h"

#include "lib/base/cleanup.h"
#include "lib/json/json.h"
#include "programs/gantry/template_state.h"

#include <ctype.h>
#include <errno.h>
#include <string.h>

/* How a list of nodes ended. */
enum { AT_EOF = 1, AT_END, AT_ELSE };

static int run_list(struct templating *t, const struct json *dot, bool active);

/* Text up to the next action, without the blanks that "{{-" eats. */
static void take_text(struct templating *t, bool active)
{
	const char *open = strstr(t->p, "{{"), *end = open ? open : t->p + strlen(t->p);
	const char *stop = end;

	if (open && open[2] == '-' && isspace((unsigned char)open[3]))
		while (stop > t->p && isspace((unsigned char)stop[-1]))
			stop--;
	if (active)
		str_add_n(t->out, t->p, (size_t)(stop - t->p));
	t->p = end;
}

/* "}}" or "-}}" must stand here. */
static int close_action(struct templating *t)
{
	template_skip_blanks(t);
	bool trim = strncmp(t->p, "-}}", 3) == 0;

	if (!trim && strncmp(t->p, "}}", 2) != 0)
		return template_fail(t, *t->p ? "unexpected \"%.10s\"" : "unclosed action%s", t->p);
	t->p += trim ? 3 : 2;
	if (trim)
		template_skip_blanks(t);
	return 0;
}

/* Moves behind an action that does not count. */
static int skip_action(struct templating *t)
{
	char quote = 0;

	for (; *t->p; t->p++) {
		if (quote && *t->p == '\\' && quote == '"' && t->p[1])
			t->p++;
		else if (quote)
			quote = *t->p == quote ? 0 : quote;
		else if (*t->p == '"' || *t->p == '`')
			quote = *t->p;
		else if (strncmp(t->p, "}}", 2) == 0 || strncmp(t->p, "-}}", 3) == 0)
			return close_action(t);
	}
	return template_fail(t, "unclosed action");
}

static bool take_word(struct templating *t, const char *word)
{
	size_t n = strlen(word);

	if (strncmp(t->p, word, n) != 0 || isalnum((unsigned char)t->p[n]))
		return false;
	t->p += n;
	return true;
}

/* "$k, $v :=" at p.  The count of names stored. */
static unsigned declared(struct templating *t, struct template_var var[2])
{
	const char *start = t->p;
	unsigned n = 0;

	template_skip_blanks(t);
	while (*t->p == '$' && n < 2) {
		t->p++;
		if (!template_word(t, &var[n].name, &var[n].n))
			break;
		n++;
		template_skip_blanks(t);
		if (*t->p != ',')
			break;
		t->p++;
		template_skip_blanks(t);
	}
	if (n > 0 && strncmp(t->p, ":=", 2) == 0) {
		t->p += 2;
		return n;
	}
	t->p = start;
	return 0;
}

static int set_vars(struct templating *t, const struct template_var *var, unsigned n)
{
	if (t->nvars + n > TEMPLATE_VARS_MAX)
		return template_fail(t, "too many variables");
	for (unsigned i = 0; i < n; i++)
		t->vars[t->nvars++] = var[i];
	return 0;
}

/* The rest of a control structure whose body was run or not: an else branch when `otherwise`, up to end. */
static int run_branches(struct templating *t, const struct json *dot, bool taken, bool active, int end);

static int run_else(struct templating *t, const struct json *dot, bool taken, bool active)
{
	template_skip_blanks(t);
	if (take_word(t, "if")) {
		const struct json *value = NULL;
		bool look = active && !taken;
		int r = look ? template_pipeline(t, dot, &value) : 0;
		if (r == 0)
			r = look ? close_action(t) : skip_action(t);
		if (r < 0)
			return r;
		bool now = look && template_truth(value);
		return run_branches(t, dot, taken || now, active, run_list(t, dot, now));
	}
	int r = close_action(t);
	if (r < 0)
		return r;
	r = run_list(t, dot, active && !taken);
	return r == AT_END || r < 0 ? r : template_fail(t, "unexpected EOF: an {{end}} is missing");
}

static int run_branches(struct templating *t, const struct json *dot, bool taken, bool active, int end)
{
	if (end == AT_ELSE)
		return run_else(t, dot, taken, active);
	if (end == AT_EOF)
		return template_fail(t, "unexpected EOF: an {{end}} is missing");
	return end;
}

static int run_if(struct templating *t, const struct json *dot, bool active, bool with)
{
	const struct json *value = NULL;
	struct template_var var[2];
	unsigned n = declared(t, var), before = t->nvars;
	int r = active ? template_pipeline(t, dot, &value) : 0;

	if (r == 0)
		r = active ? close_action(t) : skip_action(t);
	for (unsigned i = 0; i < n; i++)
		var[i].value = value;
	if (r == 0)
		r = set_vars(t, var, n);
	if (r < 0)
		return r;
	bool taken = active && template_truth(value);
	r = run_list(t, with ? value : dot, taken);
	t->nvars = before;
	return run_branches(t, dot, taken, active, r);
}

/* One round of range. */
static int run_round(struct templating *t, struct template_var var[2], unsigned n, const struct json *key,
	const struct json *value)
{
	unsigned before = t->nvars;

	if (n == 2) {
		var[0].value = key;
		var[1].value = value;
	} else if (n == 1) {
		var[0].value = value;
	}
	int r = set_vars(t, var, n);
	if (r == 0)
		r = run_list(t, value, true);
	t->nvars = before;
	return r;
}

static int run_range(struct templating *t, const struct json *dot, bool active)
{
	const struct json *value = NULL;
	struct template_var var[2];
	unsigned n = declared(t, var);
	int r = active ? template_pipeline(t, dot, &value) : 0, end = 0;

	if (r == 0)
		r = active ? close_action(t) : skip_action(t);
	if (r < 0)
		return r;
	const char *body = t->p;
	for (size_t i = 0; json_kind(value) == JSON_ARRAY && i < json_count(value) && end >= 0; i++) {
		t->p = body;
		end = run_round(t, var, n, template_number(t, (long long)i), json_item(value, i));
	}
	json_each (json_kind(value) == JSON_OBJECT ? value : NULL, it) {
		if (end < 0)
			break;
		t->p = body;
		json_add_string(t->pool, it.key);
		end = run_round(t, var, n, json_item(t->pool, json_count(t->pool) - 1), it.value);
	}
	bool taken = end != 0;
	if (!taken)
		end = run_list(t, dot, false);
	return run_branches(t, dot, taken, active, end);
}

static int print_value(struct templating *t, const struct json *dot, bool active)
{
	const struct json *value;
	struct template_var var[2];

	if (!active)
		return skip_action(t);
	unsigned n = declared(t, var);
	int r = template_pipeline(t, dot, &value);
	if (r < 0)
		return r;
	if (n == 0)
		template_print(value, t->out);
	var[0].value = value;
	if (n > 0)
		r = set_vars(t, var, 1);
	return r < 0 ? r : close_action(t);
}

/* The action behind "{{".  0, or how the list ends. */
static int run_action(struct templating *t, const struct json *dot, bool active)
{
	t->p += 2;
	if (t->p[0] == '-' && isspace((unsigned char)t->p[1]))
		t->p++;
	template_skip_blanks(t);
	if (strncmp(t->p, "/*", 2) == 0)
		return skip_action(t);
	if (take_word(t, "end")) {
		int r = close_action(t);
		return r < 0 ? r : AT_END;
	}
	if (take_word(t, "else"))
		return AT_ELSE;
	int r;
	if (take_word(t, "range"))
		r = run_range(t, dot, active);
	else if (take_word(t, "if"))
		r = run_if(t, dot, active, false);
	else if (take_word(t, "with"))
		r = run_if(t, dot, active, true);
	else
		return print_value(t, dot, active);
	return r == AT_END ? 0 : r;
}

static int run_list(struct templating *t, const struct json *dot, bool active)
{
	int r = 0;

	if (t->depth >= TEMPLATE_DEPTH_MAX)
		return template_fail(t, "nested too deeply");
	t->depth++;
	while (r == 0) {
		take_text(t, active);
		r = *t->p ? run_action(t, dot, active) : AT_EOF;
	}
	t->depth--;
	return r;
}

int template_run(const char *text, const struct json *dot, struct str *out, struct error *err)
{
	auto_json struct json *pool = json_new_array();
	struct templating t = { .start = text, .p = text, .root = dot, .pool = pool, .out = out, .err = err };
	int r = run_list(&t, dot, true);

	if (r == AT_END || r == AT_ELSE)
		return template_fail(&t, "unexpected {{%s}}", r == AT_END ? "end" : "else");
	if (r == AT_EOF && (out->failed || !pool))
		return error_sys(err, out->failed ? -out->failed : ENOMEM, "cannot run the template");
	return r < 0 ? r : 0;
}

char *template_unescape(const char *text)
{
	char *copy = strdup(text), *to = copy;

	for (const char *p = text; copy && *p; p++) {
		if (p[0] == '\\' && (p[1] == 't' || p[1] == 'n'))
			*to++ = *++p == 't' ? '\t' : '\n';
		else
			*to++ = *p;
	}
	if (copy)
		*to = '\0';
	return copy;
}
