/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Times and durations as text: RFC 3339 as Go's time package writes it, Go durations, Docker's words for
 * people, and what Docker's since/until parameters accept.  A time is nanoseconds since the epoch
 * (1677 to 2262), a duration nanoseconds.  Nothing here takes a lock but timefmt_parse_when (local time).
 */
#ifndef GANTRY_BASE_TIMEFMT_H
#define GANTRY_BASE_TIMEFMT_H

#include <stdint.h>

/* Go's zero time, "0001-01-01T00:00:00Z", which Docker reports for "never". */
#define TIMEFMT_ZERO INT64_MIN

/* Holds any text of this module. */
#define TIMEFMT_SIZE 48

/* "2006-01-02T15:04:05.999999999Z", as time.RFC3339Nano: trailing zeros of the fraction are cut, as is an
 * empty one. All printing functions return buf. */
char *timefmt_rfc3339nano(int64_t ns, char buf[TIMEFMT_SIZE]);
/* The same with all nine digits: "2006-01-02T15:04:05.000000000Z". */
char *timefmt_rfc3339nano_padded(int64_t ns, char buf[TIMEFMT_SIZE]);
/* Local to an offset from UTC in seconds (a multiple of 60, within a day): "...+02:00"; 0 prints "Z". */
char *timefmt_rfc3339nano_offset(int64_t ns, int offset_s, char buf[TIMEFMT_SIZE]);

/* A date, 'T', a time, an optional fraction (digits beyond nine are dropped), "Z" or "+hh:mm".
 * -EINVAL: not of that form or no such day; -ERANGE: not representable.  "0001-01-01T00:00:00Z" is
 * TIMEFMT_ZERO. */
int timefmt_parse_rfc3339(const char *text, int64_t *ret_ns);

/* "1h2m3.5s", "300ms", "-1.5h", "0": as time.ParseDuration.  -EINVAL, -ERANGE. */
int timefmt_parse_duration(const char *text, int64_t *ret_ns);
/* "1h2m3.5s", "1.5µs", "0s": as time.Duration.String. */
char *timefmt_duration(int64_t ns, char buf[TIMEFMT_SIZE]);

/* "Less than a second", "About a minute", "3 weeks": docker/go-units HumanDuration. */
char *timefmt_human(int64_t ns, char buf[TIMEFMT_SIZE]);

/* A point in time as Docker's since/until: a Go duration before now; seconds since the epoch with an optional
 * fraction
 * ("1136073600.000000001"); RFC 3339; the same without zone, without seconds or without time (local time
 * then). -EINVAL, -ERANGE. */
int timefmt_parse_when(const char *text, int64_t now_ns, int64_t *ret_ns);

#endif
