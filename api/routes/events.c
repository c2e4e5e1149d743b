/* SPDX-License-Identifier: Apache-2.0 */
/* GET /events: what happens, as long as the client listens. */
#include "api/routes/routes.h"

#include "api/http/reply.h"
#include "api/routes/answer.h"
#include "engine/engine.h"
#include "engine/events/events.h"
#include "lib/base/clock.h"
#include "lib/base/timefmt.h"
#include "lib/model/filters.h"

#include <errno.h>
#include <string.h>

static int read_time(const struct exchange *x, const char *key, int64_t *ret, struct error *err)
{
	const char *text = exchange_query(x, key);

	*ret = 0;
	if (!text || !*text)
		return 0;
	return timefmt_parse_when(text, clock_real_ns(), ret) < 0
		       ? error_invalid(err, "invalid value for \"%s\": %s", key, text)
		       : 0;
}

static int read_range(
	struct exchange *x, struct events_range *range, struct filters **ret_filters, struct error *err)
{
	int r = read_time(x, "since", &range->since_ns, err);

	if (r == 0)
		r = read_time(x, "until", &range->until_ns, err);
	if (r == 0 && range->since_ns && range->until_ns && range->since_ns > range->until_ns)
		r = error_invalid(err, "`since` time (%s) cannot be after `until` time (%s)",
			exchange_query(x, "since"), exchange_query(x, "until"));
	return r == 0 ? answer_filters(x, FILTERS_EVENTS, ret_filters, err) : r;
}

/* The client reads in its own time: a thread waits for it and for events. */
static int tell(struct exchange *x, struct events_sub *sub)
{
	for (;;) {
		const char *line;
		size_t n;
		int r = events_next(sub, &line, &n);
		if (r == 1)
			r = reply_write(x, line, n);
		else if (r == 0)
			r = exchange_wait(x, events_fd(sub), -1);
		if (r == -EPIPE)
			return reply_end(x);
		if (r < 0)
			return r;
	}
}

static int events(struct exchange *x, void *user, struct error *err)
{
	struct routes *routes = user;
	struct events_range range = { 0 };
	struct filters *filters = NULL;
	struct events_sub *sub = NULL;
	int r = read_range(x, &range, &filters, err);

	range.filters = filters;
	if (r == 0)
		r = events_subscribe(routes->engine->events, &range, &sub, err);
	filters_free(filters);
	if (r < 0)
		return r;
	r = reply_begin(x, 200, "application/json");
	if (r == 0)
		r = tell(x, sub);
	events_unsubscribe(sub);
	return r;
}

static const struct route table[] = {
	{ "GET", "/events", events, 0, "system.events" },
};
const struct route_group event_routes = ROUTE_GROUP(table);
