/* SPDX-License-Identifier: Apache-2.0 */
#include "api/http/status.h"

#include <stddef.h>

#include "lib/base/error.h"

static const struct {
	int status;
	const char *reason;
} reasons[] = {
	{ 100, "Continue" },
	{ 101, "UPGRADED" },
	{ 200, "OK" },
	{ 201, "Created" },
	{ 202, "Accepted" },
	{ 204, "No Content" },
	{ 301, "Moved Permanently" },
	{ 304, "Not Modified" },
	{ 400, "Bad Request" },
	{ 401, "Unauthorized" },
	{ 403, "Forbidden" },
	{ 404, "Not Found" },
	{ 405, "Method Not Allowed" },
	{ 406, "Not Acceptable" },
	{ 408, "Request Timeout" },
	{ 409, "Conflict" },
	{ 413, "Content Too Large" },
	{ 414, "URI Too Long" },
	{ 415, "Unsupported Media Type" },
	{ 417, "Expectation Failed" },
	{ 422, "Unprocessable Content" },
	{ 426, "Upgrade Required" },
	{ 429, "Too Many Requests" },
	{ 431, "Request Header Fields Too Large" },
	{ 500, "Internal Server Error" },
	{ 501, "Not Implemented" },
	{ 503, "Service Unavailable" },
	{ 504, "Gateway Timeout" },
	{ 505, "HTTP Version Not Supported" },
	{ 507, "Insufficient Storage" },
};

const char *status_reason(int status)
{
	for (size_t i = 0; i < sizeof reasons / sizeof *reasons; i++)
		if (reasons[i].status == status)
			return reasons[i].reason;
	return "Status";
}

int status_of_error(int kind)
{
	switch (kind) {
	case ERROR_NOT_FOUND: return 404;
	case ERROR_CONFLICT: return 409;
	case ERROR_INVALID: return 400;
	case ERROR_DENIED: return 403;
	case ERROR_UNSUPPORTED: return 501;
	case ERROR_UNAVAILABLE: return 503;
	case ERROR_TIMEOUT: return 504;
	default: return 500;
	}
}

bool status_has_body(int status)
{
	return status >= 200 && status != 204 && status != 304;
}
