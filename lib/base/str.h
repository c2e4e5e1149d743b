/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Text: a growing buffer with a limit, lists of strings, strict numbers, UTF-8, quoting.
 * The buffer's errors stick: append without checking, ask once at the end (str_failed, str_take).
 * Threads: an object belongs to one thread at a time.
 */
#ifndef GANTRY_BASE_STR_H
#define GANTRY_BASE_STR_H

#include <stdarg.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

/* ---- buffer ----------------------------------------------------------------- */
struct str {
	char *data; /* NUL-ended as soon as anything was appended; NULL before */
	size_t len, size;
	size_t max; /* the text may have this many bytes; appending more fails with -E2BIG and appends nothing
		     */
	int failed; /* 0, or the first failure: -ENOMEM, -E2BIG */
};

#define STR_INIT(limit) ((struct str){ .max = (limit) })
#define auto_str        __attribute__((cleanup(str_done)))

/* Frees the memory; the buffer is then empty, with its limit.  NULL is allowed. */
void str_done(struct str *s);

/* All return 0 or s->failed.  The bytes may hold NUL. */
int str_add(struct str *s, const char *text);
int str_add_n(struct str *s, const void *bytes, size_t n);
int str_add_char(struct str *s, char c);
int str_addf(struct str *s, const char *fmt, ...) __attribute__((format(printf, 2, 3)));
int str_addv(struct str *s, const char *fmt, va_list ap) __attribute__((format(printf, 2, 0)));

/* Appends text as a JSON string, with its quotes.  Bytes that are no UTF-8 become U+FFFD, one each. */
int str_add_json(struct str *s, const char *text, size_t n);

/* Appends text as Go's strconv.Quote (%q) writes it: \xff for bytes that are no UTF-8, \u00a0 for what does
 * not print. */
int str_add_quoted(struct str *s, const char *text, size_t n);

/* The text so far, "" when empty; valid until the next change. */
const char *str_text(const struct str *s);

/* Empties the buffer, keeping its memory; clears the failure. */
void str_clear(struct str *s);

/* Hands the NUL-ended text over (caller frees) and empties the buffer.  NULL when something failed. */
char *str_take(struct str *s);

/* ---- lists: NULL-ended arrays of strings, both on the heap --------------------- */
#define auto_str_list __attribute__((cleanup(str_list_cleanup)))

/* NULL is allowed. */
void str_list_free(char **list);
void str_list_cleanup(char ***list);
size_t str_list_count(char *const *list);

/* Appends a copy of text to *list (NULL: an empty list).  O(1) amortised over the list's growth. -ENOMEM. */
int str_list_add(char ***list, const char *text);

/* The parts between separators, empty ones kept: "a,,b" has three, "" has one.  At most max parts: the last
 * one keeps the rest (0: no limit but SIZE_MAX).  -ENOMEM. */
int str_split(const char *text, char sep, size_t max, char ***ret);

/* "a", "b" -> "a<sep>b" (caller frees); "" for an empty list or NULL.  NULL: out of memory. */
char *str_join(char *const *list, const char *sep);

bool str_list_has(char *const *list, const char *text);

/* ---- parts of text ------------------------------------------------------------ */
/* What follows the prefix in text, or NULL when text does not begin so. */
const char *str_after(const char *text, const char *prefix);
bool str_ends_with(const char *text, const char *suffix);

/* ---- numbers: the whole text must be one; no blanks, no '+' ----------------------- */
/* base 8, 10 or 16 (no 0x).  -EINVAL: no number (or NULL); -ERANGE: outside min..max.  *ret is untouched on
 * failure. */
int str_to_u64(const char *text, int base, uint64_t min, uint64_t max, uint64_t *ret);
int str_to_i64(const char *text, int64_t min, int64_t max, int64_t *ret);
/* Decimal, as 0.5, -12, 1e3; no "inf", "nan" or hexadecimal.  -EINVAL, -ERANGE. */
int str_to_double(const char *text, double min, double max, double *ret);

/* ---- UTF-8 -------------------------------------------------------------------- */
/* Length in bytes (1-4) of the character that text begins with, 0 when that is no well-formed UTF-8
 * (overlong, surrogate, above U+10FFFF, cut).  n > 0.  *ret_rune may be NULL. */
size_t str_utf8_next(const char *text, size_t n, uint32_t *ret_rune);
bool str_is_utf8(const char *text, size_t n);
/* Writes 1-4 bytes; rune must be a valid character. */
size_t str_utf8_put(char buf[4], uint32_t rune);

#endif
