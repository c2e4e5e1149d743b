/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Templates for --format: the part of Go's text/template that people use with Docker, over JSON.
 *     {{.State.Pid}}  {{json .Config}}  {{index .Ports "80/tcp" 0}}  {{range $k, $v :=
 * .Mounts}}..{{else}}..{{end}}
 *     {{if .A}}..{{else if eq .B "x"}}..{{end}}  {{with .A}}..{{end}}  {{.A | upper}}  {{- trimmed -}}
 * Functions: json, index, len, join, split, lower, upper, print, println, eq, ne, not, and, or.
 */
#ifndef GANTRY_PROGRAMS_GANTRY_TEMPLATE_H
#define GANTRY_PROGRAMS_GANTRY_TEMPLATE_H

#include "lib/base/error.h"
#include "lib/base/str.h"

struct json;

/* Appends the text for the value.  A field that is not there is an error.  Errors: INVALID. */
int template_run(const char *text, const struct json *dot, struct str *out, struct error *err);

/* Appends a value as Go prints it: "text", 1, true, [a b], map[k:v], <no value>. */
void template_print(const struct json *value, struct str *out);

/* "\t" and "\n" written with a backslash become the characters (caller frees). NULL: no memory. */
char *template_unescape(const char *text);

#endif
