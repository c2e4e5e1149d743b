/* SPDX-License-Identifier: Apache-2.0 */
#include "lib/base/timefmt.h"

#include "lib/base/clock.h"
#include "lib/base/str.h"

#include <errno.h>
#include <stdbool.h>
#include <stdio.h>
#include <string.h>
#include <time.h>

#define DAY_S INT64_C(86400)

struct civil {
	int64_t year;
	unsigned month, day; /* 1-12, 1-31 */
};

/* Proleptic Gregorian calendar counted in eras of 400 years that begin on 1 March. */
static struct civil civil_from_days(int64_t days)
{
	int64_t z = days + 719468;
	int64_t era = (z >= 0 ? z : z - 146096) / 146097;
	unsigned doe = (unsigned)(z - era * 146097);
	unsigned yoe = (doe - doe / 1460 + doe / 36524 - doe / 146096) / 365;
	unsigned doy = doe - (365 * yoe + yoe / 4 - yoe / 100);
	unsigned mp = (5 * doy + 2) / 153;
	struct civil c = { .month = mp < 10 ? mp + 3 : mp - 9, .day = doy - (153 * mp + 2) / 5 + 1 };

	c.year = (int64_t)yoe + era * 400 + (c.month <= 2);
	return c;
}

static int64_t days_from_civil(struct civil c)
{
	int64_t y = c.year - (c.month <= 2);
	int64_t era = (y >= 0 ? y : y - 399) / 400;
	unsigned yoe = (unsigned)(y - era * 400);
	unsigned doy = (153 * (c.month > 2 ? c.month - 3 : c.month + 9) + 2) / 5 + c.day - 1;
	unsigned doe = yoe * 365 + yoe / 4 - yoe / 100 + doy;

	return era * 146097 + (int64_t)doe - 719468;
}

static unsigned days_in_month(int64_t year, unsigned month)
{
	static const unsigned char days[] = { 31, 28, 31, 30, 31, 30, 31, 31, 30, 31, 30, 31 };
	bool leap = (year % 4 == 0 && year % 100 != 0) || year % 400 == 0;

	return month == 2 && leap ? 29 : days[month - 1];
}

/* ---- printing times ------------------------------------------------------------ */
static void cut_zeros(char *buf)
{
	size_t n = strlen(buf);

	while (n > 0 && buf[n - 1] == '0')
		n--;
	if (n > 0 && buf[n - 1] == '.')
		n--;
	buf[n] = '\0';
}

static char *print_zero(bool padded, char buf[TIMEFMT_SIZE])
{
	snprintf(buf, TIMEFMT_SIZE, "0001-01-01T00:00:00%sZ", padded ? ".000000000" : "");
	return buf;
}

static char *print(int64_t ns, int offset_s, bool padded, char buf[TIMEFMT_SIZE])
{
	int64_t s = ns / CLOCK_S, frac = ns % CLOCK_S;

	if (ns == TIMEFMT_ZERO)
		return print_zero(padded, buf);
	if (frac < 0) {
		frac += CLOCK_S;
		s--;
	}
	s += offset_s;
	int64_t days = s / DAY_S, left = s % DAY_S;
	if (left < 0) {
		left += DAY_S;
		days--;
	}
	struct civil c = civil_from_days(days);
	snprintf(buf, TIMEFMT_SIZE, "%04d-%02u-%02uT%02u:%02u:%02u.%09u", (int)c.year, c.month, c.day,
		(unsigned)(left / 3600), (unsigned)(left / 60 % 60), (unsigned)(left % 60), (unsigned)frac);
	if (!padded)
		cut_zeros(buf);
	size_t n = strlen(buf);
	int minutes = (offset_s < 0 ? -offset_s : offset_s) / 60;
	if (offset_s == 0)
		snprintf(buf + n, TIMEFMT_SIZE - n, "Z");
	else
		snprintf(buf + n, TIMEFMT_SIZE - n, "%c%02u:%02u", offset_s < 0 ? '-' : '+',
			(unsigned)minutes / 60 % 100, (unsigned)minutes % 60);
	return buf;
}

char *timefmt_rfc3339nano(int64_t ns, char buf[TIMEFMT_SIZE])
{
	return print(ns, 0, false, buf);
}

char *timefmt_rfc3339nano_padded(int64_t ns, char buf[TIMEFMT_SIZE])
{
	return print(ns, 0, true, buf);
}

char *timefmt_rfc3339nano_offset(int64_t ns, int offset_s, char buf[TIMEFMT_SIZE])
{
	return print(ns, offset_s, false, buf);
}

/* ---- parsing times --------------------------------------------------------------- */
/* Takes exactly n digits and then, unless it is NUL, the character `behind`. */
static bool take_digits(const char **p, unsigned n, char behind, unsigned *ret)
{
	unsigned v = 0;

	for (; n > 0; n--, (*p)++) {
		if (**p < '0' || **p > '9')
			return false;
		v = v * 10 + (unsigned)(**p - '0');
	}
	if (behind && *(*p)++ != behind)
		return false;
	*ret = v;
	return true;
}

/* Digits of a decimal fraction as nanoseconds; at least one must be there. */
static bool take_fraction(const char **p, unsigned *ret)
{
	unsigned v = 0, scale = 100000000;
	const char *start = *p;

	for (; **p >= '0' && **p <= '9'; (*p)++, scale /= 10)
		v += (unsigned)(**p - '0') * scale;
	*ret = v;
	return *p > start;
}

struct stamp {
	struct civil date;
	unsigned hour, minute, second, nanos;
};

static bool take_date(const char **p, struct stamp *t)
{
	unsigned year;

	if (!take_digits(p, 4, '-', &year) || !take_digits(p, 2, '-', &t->date.month) ||
		!take_digits(p, 2, 0, &t->date.day))
		return false;
	t->date.year = year;
	return t->date.month >= 1 && t->date.month <= 12 && t->date.day >= 1 &&
	       t->date.day <= days_in_month(year, t->date.month);
}

/* hh:mm, and :ss with a fraction unless `loose` and it is not there. */
static bool take_time(const char **p, bool loose, struct stamp *t)
{
	if (!take_digits(p, 2, ':', &t->hour) || !take_digits(p, 2, 0, &t->minute))
		return false;
	if (**p == ':') {
		(*p)++;
		if (!take_digits(p, 2, 0, &t->second))
			return false;
		if (**p == '.' && ((*p)++, !take_fraction(p, &t->nanos)))
			return false;
	} else if (!loose) {
		return false;
	}
	return t->hour < 24 && t->minute < 60 && t->second < 60;
}

static bool take_zone(const char **p, int *ret_offset_s)
{
	unsigned hour, minute;

	if (**p == 'Z') {
		(*p)++;
		*ret_offset_s = 0;
		return true;
	}
	int sign = **p == '+' ? 1 : **p == '-' ? -1 : 0;
	if (sign == 0)
		return false;
	(*p)++;
	if (!take_digits(p, 2, ':', &hour) || !take_digits(p, 2, 0, &minute) || hour > 23 || minute > 59)
		return false;
	*ret_offset_s = sign * (int)(hour * 3600 + minute * 60);
	return true;
}

static int join_ns(int64_t s, unsigned nanos, int64_t *ret)
{
	int64_t ns;

	/* Of the earliest second only a part is representable: count from its end. */
	if (s < 0 && nanos > 0) {
		s++;
		if (__builtin_mul_overflow(s, CLOCK_S, &ns) ||
			__builtin_add_overflow(ns, (int64_t)nanos - CLOCK_S, &ns))
			return -ERANGE;
	} else if (__builtin_mul_overflow(s, CLOCK_S, &ns) ||
		   __builtin_add_overflow(ns, (int64_t)nanos, &ns)) {
		return -ERANGE;
	}
	if (ns == TIMEFMT_ZERO)
		return -ERANGE;
	*ret = ns;
	return 0;
}

static int64_t stamp_seconds(const struct stamp *t)
{
	return days_from_civil(t->date) * DAY_S + (int64_t)t->hour * 3600 + t->minute * 60 + t->second;
}

static int stamp_ns(const struct stamp *t, int offset_s, int64_t *ret)
{
	int64_t s = stamp_seconds(t) - offset_s;

	if (s == INT64_C(-62135596800) && t->nanos == 0) {
		*ret = TIMEFMT_ZERO;
		return 0;
	}
	return join_ns(s, t->nanos, ret);
}

int timefmt_parse_rfc3339(const char *text, int64_t *ret_ns)
{
	struct stamp t = { .second = 0 };
	int offset = 0;

	if (!take_date(&text, &t) || *text++ != 'T' || !take_time(&text, false, &t) ||
		!take_zone(&text, &offset) || *text)
		return -EINVAL;
	return stamp_ns(&t, offset, ret_ns);
}

/* ---- durations -------------------------------------------------------------------- */
static const struct unit {
	const char *name;
	int64_t ns;
} units[] = {
	{ "ns", 1 },
	{ "us", 1000 },
	{ "\xc2\xb5s", 1000 }, /* U+00B5 */
	{ "\xce\xbcs", 1000 }, /* U+03BC */
	{ "ms", CLOCK_MS },
	{ "s", CLOCK_S },
	{ "m", 60 * CLOCK_S },
	{ "h", 3600 * CLOCK_S },
};

static int64_t take_unit(const char **p)
{
	size_t n = strcspn(*p, ".0123456789");

	for (size_t i = 0; i < sizeof units / sizeof *units; i++) {
		if (strlen(units[i].name) == n && memcmp(*p, units[i].name, n) == 0) {
			*p += n;
			return units[i].ns;
		}
	}
	return 0;
}

/* One "12.5h".  The fraction is cut to 18 digits, which no unit can tell apart. */
static int take_part(const char **p, uint64_t *sum)
{
	uint64_t whole = 0, frac = 0, scale = 1, v;
	bool any = false, over = false;

	for (; **p >= '0' && **p <= '9'; (*p)++, any = true) {
		over |= __builtin_mul_overflow(whole, (uint64_t)10, &whole);
		over |= __builtin_add_overflow(whole, (uint64_t)(**p - '0'), &whole);
	}
	if (**p == '.') {
		for ((*p)++; **p >= '0' && **p <= '9'; (*p)++, any = true) {
			if (scale < UINT64_C(1000000000000000000)) {
				frac = frac * 10 + (uint64_t)(**p - '0');
				scale *= 10;
			}
		}
	}
	int64_t unit = any ? take_unit(p) : 0;
	if (unit == 0)
		return -EINVAL;
	over |= __builtin_mul_overflow(whole, (uint64_t)unit, &v);
	over |= __builtin_add_overflow(v, (uint64_t)((double)frac * ((double)unit / (double)scale)), &v);
	over |= __builtin_add_overflow(*sum, v, sum);
	return over || *sum > (uint64_t)INT64_MAX + 1 ? -ERANGE : 0;
}

int timefmt_parse_duration(const char *text, int64_t *ret_ns)
{
	bool minus = *text == '-';
	uint64_t sum = 0;

	if (*text == '-' || *text == '+')
		text++;
	if (strcmp(text, "0") == 0) {
		*ret_ns = 0;
		return 0;
	}
	if (!*text)
		return -EINVAL;
	while (*text) {
		int r = take_part(&text, &sum);
		if (r < 0)
			return r;
	}
	if (!minus && sum > INT64_MAX)
		return -ERANGE;
	*ret_ns = minus ? (int64_t)(0 - sum) : (int64_t)sum;
	return 0;
}

/* v / scale (a power of ten up to 10^9) with as many decimals as it needs. */
static void print_scaled(char *buf, size_t size, uint64_t v, uint64_t scale)
{
	unsigned nanos = (unsigned)(v % scale * ((uint64_t)CLOCK_S / scale));

	snprintf(buf, size, "%llu.%09u", (unsigned long long)(v / scale), nanos);
	cut_zeros(buf);
}

char *timefmt_duration(int64_t ns, char buf[TIMEFMT_SIZE])
{
	uint64_t u = ns < 0 ? 0 - (uint64_t)ns : (uint64_t)ns;
	const char *sign = ns < 0 ? "-" : "";
	char part[32];

	if (u == 0) {
		snprintf(buf, TIMEFMT_SIZE, "0s");
	} else if (u < (uint64_t)CLOCK_S) {
		uint64_t scale = u < 1000 ? 1 : u < 1000000 ? 1000 : 1000000;
		print_scaled(part, sizeof part, u, scale);
		snprintf(buf, TIMEFMT_SIZE, "%s%s%s", sign, part,
			scale == 1      ? "ns"
			: scale == 1000 ? "\xc2\xb5s"
					: "ms");
	} else {
		uint64_t minutes = u / (60 * (uint64_t)CLOCK_S), hours = minutes / 60;
		print_scaled(part, sizeof part, u % (60 * (uint64_t)CLOCK_S), (uint64_t)CLOCK_S);
		if (hours > 0)
			snprintf(buf, TIMEFMT_SIZE, "%s%lluh%llum%ss", sign, (unsigned long long)hours,
				(unsigned long long)(minutes % 60), part);
		else if (minutes > 0)
			snprintf(buf, TIMEFMT_SIZE, "%s%llum%ss", sign, (unsigned long long)minutes, part);
		else
			snprintf(buf, TIMEFMT_SIZE, "%s%ss", sign, part);
	}
	return buf;
}

char *timefmt_human(int64_t ns, char buf[TIMEFMT_SIZE])
{
	int64_t s = ns / CLOCK_S, minutes = s / 60;
	/* Hours are rounded, but for years. */
	int64_t hours = ns > INT64_MAX - 1800 * CLOCK_S ? ns / (3600 * CLOCK_S)
							: (ns + 1800 * CLOCK_S) / (3600 * CLOCK_S);

	if (s < 1)
		snprintf(buf, TIMEFMT_SIZE, "Less than a second");
	else if (s == 1)
		snprintf(buf, TIMEFMT_SIZE, "1 second");
	else if (s < 60)
		snprintf(buf, TIMEFMT_SIZE, "%d seconds", (int)s);
	else if (minutes == 1)
		snprintf(buf, TIMEFMT_SIZE, "About a minute");
	else if (minutes < 60)
		snprintf(buf, TIMEFMT_SIZE, "%d minutes", (int)minutes);
	else if (hours == 1)
		snprintf(buf, TIMEFMT_SIZE, "About an hour");
	else if (hours < 48)
		snprintf(buf, TIMEFMT_SIZE, "%d hours", (int)hours);
	else if (hours < 24 * 7 * 2)
		snprintf(buf, TIMEFMT_SIZE, "%d days", (int)(hours / 24));
	else if (hours < 24 * 30 * 2)
		snprintf(buf, TIMEFMT_SIZE, "%d weeks", (int)(hours / 24 / 7));
	else if (hours < 24 * 365 * 2)
		snprintf(buf, TIMEFMT_SIZE, "%d months", (int)(hours / 24 / 30));
	else
		snprintf(buf, TIMEFMT_SIZE, "%d years", (int)(ns / (3600 * CLOCK_S) / 24 / 365));
	return buf;
}

/* ---- since and until ---------------------------------------------------------------- */
static int parse_unix(const char *text, int64_t *ret)
{
	const char *dot = strchr(text, '.');
	char whole[24];
	unsigned nanos = 0;
	int64_t s;

	size_t n = dot ? (size_t)(dot - text) : strlen(text);
	if (n >= sizeof whole)
		return -EINVAL;
	memcpy(whole, text, n);
	whole[n] = '\0';
	if (dot && (dot++, !take_fraction(&dot, &nanos) || *dot))
		return -EINVAL;
	int r = str_to_i64(whole, INT64_MIN, INT64_MAX, &s);
	/* The fraction counts upwards from the second, also before the epoch. */
	return r < 0 ? r : join_ns(s, nanos, ret);
}

static int local_ns(const struct stamp *t, int64_t *ret)
{
	struct tm tm = { .tm_year = (int)t->date.year - 1900,
		.tm_mon = (int)t->date.month - 1,
		.tm_mday = (int)t->date.day,
		.tm_hour = (int)t->hour,
		.tm_min = (int)t->minute,
		.tm_sec = (int)t->second,
		.tm_isdst = -1 };

	return join_ns((int64_t)mktime(&tm), t->nanos, ret);
}

/* A date with, each optional, a time, its seconds and a zone. */
static int parse_loose(const char *text, int64_t *ret)
{
	struct stamp t = { .second = 0 };
	int offset = 0;

	if (!take_date(&text, &t))
		return -EINVAL;
	if (*text == 'T' && (text++, !take_time(&text, true, &t)))
		return -EINVAL;
	if (!*text)
		return local_ns(&t, ret);
	if (!take_zone(&text, &offset) || *text)
		return -EINVAL;
	return stamp_ns(&t, offset, ret);
}

int timefmt_parse_when(const char *text, int64_t now_ns, int64_t *ret_ns)
{
	int64_t ago;

	if (strcmp(text, "0") != 0 && timefmt_parse_duration(text, &ago) == 0) {
		if (__builtin_sub_overflow(now_ns, ago, &ago) || ago == TIMEFMT_ZERO)
			return -ERANGE;
		*ret_ns = ago;
		return 0;
	}
	return strchr(text + (*text == '-'), '-') ? parse_loose(text, ret_ns) : parse_unix(text, ret_ns);
}
