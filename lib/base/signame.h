/* SPDX-License-Identifier: Apache-2.0 */
/* Signals by name and number, as Docker and runc take them. */
#ifndef GANTRY_BASE_SIGNAME_H
#define GANTRY_BASE_SIGNAME_H

/* "SIGTERM", "term", "15", "RTMIN+3", "SIGRTMAX-1": the number (1 to 64), or -EINVAL. */
int signame_parse(const char *text);

/* "TERM"; NULL for a number without a name (real-time signals among them). */
const char *signame_text(int sig);

#endif
