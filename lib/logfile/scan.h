/* SPDX-License-Identifier: Apache-2.0 */
/* One line of a json-file log -> an entry.  A bounded scanner of its own: the shim has no JSON library, and
 * no line of a foreign or damaged log may cost more than its length. */
#ifndef GANTRY_LOGFILE_SCAN_H
#define GANTRY_LOGFILE_SCAN_H

#include "lib/logfile/logfile.h"

#define LOGFILE_SCAN_DEPTH 32

struct logfile_entry {
	enum logfile_stream stream;
	int64_t time_ns;
	const char *text; /* decoded; may hold NUL */
	size_t text_n;
	const char *attrs; /* text of the JSON object as it stands, or NULL */
	size_t attrs_n;
};

/* Decodes in place: ret points into line, which is changed.  line has n bytes, without the newline.
 * Members in any order, unknown ones passed over; no time, another stream or bad JSON: -EBADMSG. */
int logfile_scan(char *line, size_t n, struct logfile_entry *ret);

/* The attributes as `docker logs --details` shows them: "k=v,k2=v2", both sides escaped as in a URL's query,
 * in the order of the file; cut where buf ends.  Returns the length. */
size_t logfile_details(const struct logfile_entry *entry, char *buf, size_t size);

#endif
