/* SPDX-License-Identifier: Apache-2.0 */
#include "programs/gantry/listing.h"

#include "lib/base/cleanup.h"
#include "lib/base/clock.h"
#include "lib/base/fd.h"
#include "lib/base/timefmt.h"
#include "lib/json/json.h"
#include "programs/gantry/template.h"

#include <errno.h>
#include <stdio.h>
#include <string.h>
#include <time.h>

#define OUTPUT_MAX ((size_t)256 << 20)

/* ---- columns --------------------------------------------------------------------------- */
enum { COLUMNS_MAX = 64, GAP = 3 };

static size_t runes(const char *text, size_t n)
{
	size_t count = 0;

	for (size_t i = 0; i < n; i++)
		count += ((unsigned char)text[i] & 0xc0) != 0x80;
	return count;
}

static void measure(const char *text, size_t narrowest, size_t width[COLUMNS_MAX])
{
	for (size_t i = 0; i < COLUMNS_MAX; i++)
		width[i] = narrowest;
	size_t column = 0;
	for (const char *p = text; *p;) {
		size_t n = strcspn(p, "\t\n");
		if (p[n] == '\t' && column < COLUMNS_MAX) {
			size_t w = runes(p, n) + GAP;
			width[column] = w > width[column] ? w : width[column];
		}
		column = p[n] == '\t' ? column + 1 : 0;
		p += n + (p[n] != '\0');
	}
}

void listing_columns(const char *text, size_t narrowest, struct str *out)
{
	size_t width[COLUMNS_MAX], column = 0;

	measure(text, narrowest, width);
	for (const char *p = text; *p;) {
		size_t n = strcspn(p, "\t\n");
		str_add_n(out, p, n);
		if (p[n] == '\t' && column < COLUMNS_MAX)
			str_addf(out, "%*s", (int)(width[column] - runes(p, n)), "");
		else if (p[n])
			str_add_char(out, p[n]);
		column = p[n] == '\t' ? column + 1 : 0;
		p += n + (p[n] != '\0');
	}
}

/* ---- rows ----------------------------------------------------------------------------------- */
static int add_row(const char *template, const struct json *row, struct str *out, struct error *err)
{
	int r = template_run(template, row, out, err);

	if (r < 0)
		return error_prefix(err, r, "failed to execute template");
	str_add_char(out, '\n');
	return 0;
}

static int fill(const char *template, bool table, const struct json *heads, const struct json *rows,
	struct str *out, struct error *err)
{
	auto_free char *plain = template_unescape(template);
	int r = plain ? 0 : error_sys(err, ENOMEM, "cannot print");

	if (r == 0 && table)
		r = add_row(plain, heads, out, err);
	for (size_t i = 0; i < json_count(rows) && r == 0; i++)
		r = add_row(plain, json_item(rows, i), out, err);
	return r;
}

int listing_write(const struct str *out, struct error *err)
{
	if (out->failed)
		return error_sys(err, -out->failed, "cannot print");
	int r = fd_write_all(STDOUT_FILENO, str_text(out), out->len);
	return r < 0 && r != -EPIPE ? error_sys(err, -r, "cannot write to standard output") : 0;
}

int listing_print(const char *format, const char *columns, const struct json *heads, const struct json *rows,
	struct error *err)
{
	auto_str struct str out = STR_INIT(OUTPUT_MAX), aligned = STR_INIT(OUTPUT_MAX);

	if (!format || !format[0] || strcmp(format, "table") == 0)
		format = columns;
	if (strcmp(format, "json") == 0)
		format = "{{json .}}";
	const char *rest = str_after(format, "table ");
	int r = fill(rest ? rest : format, rest != NULL, heads, rows, &out, err);
	if (r < 0)
		return r;
	if (!rest)
		return listing_write(&out, err);
	listing_columns(str_text(&out), LISTING_NARROWEST, &aligned);
	return listing_write(&aligned, err);
}

#define NEVER INT64_C(-62135596800) /* Go's zero time: 0001-01-01 */

/* ---- cells ------------------------------------------------------------------------------------ */
const char *listing_short_id(const char *id, char buf[16])
{
	const char *hex = str_after(id, "sha256:");

	snprintf(buf, 16, "%.12s", hex ? hex : id);
	return buf;
}

void listing_ago(int64_t seconds, char *buf, size_t size)
{
	char text[TIMEFMT_SIZE];

	if (seconds <= NEVER)
		snprintf(buf, size, "N/A");
	else
		snprintf(buf, size, "%s ago", timefmt_human(clock_real_ns() - seconds * CLOCK_S, text));
}

void listing_time(int64_t seconds, char *buf, size_t size)
{
	time_t t = seconds;
	struct tm tm;
	char zone[32] = "";

	buf[0] = '\0';
	if (!localtime_r(&t, &tm))
		return;
	strftime(zone, sizeof zone, "%z %Z", &tm);
	snprintf(buf, size, "%04d-%02d-%02d %02d:%02d:%02d %s", tm.tm_year + 1900, tm.tm_mon + 1, tm.tm_mday,
		tm.tm_hour, tm.tm_min, tm.tm_sec, zone);
}

const char *text_at(const struct json *object, const char *key)
{
	const char *text = json_string(json_at(object, key));

	return text ? text : "";
}

int64_t number_at(const struct json *object, const char *key)
{
	int64_t v = 0;

	json_opt_int(object, key, 0, INT64_MIN, INT64_MAX, &v, NULL);
	return v;
}

bool true_at(const struct json *object, const char *key)
{
	bool v = false;

	json_opt_bool(object, key, false, &v, NULL);
	return v;
}
