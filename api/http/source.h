/* SPDX-License-Identifier: Apache-2.0 */
/* What stands behind an event of the server's epoll: the first member of each such object. */
#ifndef GANTRY_HTTP_SOURCE_H
#define GANTRY_HTTP_SOURCE_H

enum source_kind { SOURCE_LISTENER, SOURCE_CONN, SOURCE_TIMER, SOURCE_QUIT };

struct source {
	enum source_kind kind;
	int fd;
};

#endif
