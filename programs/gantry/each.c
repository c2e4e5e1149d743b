/* SPDX-License-Identifier: Apache-2.0 */
#include "programs/gantry/each.h"

#include "lib/base/cleanup.h"
#include "programs/gantry/cli.h"
#include "programs/gantry/client.h"

#include <pthread.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define WORKERS_MAX 50

struct outcome {
	struct error err;
	int result;
	bool done;
};

struct each {
	const struct command_call *call;
	each_verb *verb;
	const char *host;
	pthread_mutex_t lock;
	pthread_cond_t done;
	size_t next; /* the first name that nobody took */
	struct outcome *outcomes;
};

/* Takes names until there are none. */
static void work(struct each *e)
{
	struct client client;

	client_init(&client, e->host);
	pthread_mutex_lock(&e->lock);
	while (e->next < e->call->options.nargs) {
		size_t i = e->next++;
		struct outcome o = { .err = ERROR_INIT, .done = true };
		pthread_mutex_unlock(&e->lock);
		o.result = e->verb(e->call, &client, e->call->options.args[i], &o.err);
		pthread_mutex_lock(&e->lock);
		e->outcomes[i] = o;
		pthread_cond_broadcast(&e->done);
	}
	pthread_mutex_unlock(&e->lock);
	client_done(&client);
}

static void *worker(void *arg)
{
	work(arg);
	return NULL;
}

static int tell(struct each *e, bool missing_ok)
{
	int status = 0;

	for (size_t i = 0; i < e->call->options.nargs; i++) {
		pthread_mutex_lock(&e->lock);
		while (!e->outcomes[i].done)
			pthread_cond_wait(&e->done, &e->lock);
		pthread_mutex_unlock(&e->lock);
		const struct outcome *o = &e->outcomes[i];
		if (o->result >= 0) {
			puts(e->call->options.args[i]);
			fflush(stdout);
			continue;
		}
		cli_fail(&o->err);
		if (!missing_ok || o->err.kind != ERROR_NOT_FOUND)
			status = 1;
	}
	return status;
}

int each_run(const struct command_call *call, each_verb *verb, bool missing_ok)
{
	struct each e = { .call = call,
		.verb = verb,
		.host = cli_client(call)->host,
		.lock = PTHREAD_MUTEX_INITIALIZER,
		.done = PTHREAD_COND_INITIALIZER };
	pthread_t threads[WORKERS_MAX];
	size_t n = call->options.nargs, started = 0;

	e.outcomes = calloc(n, sizeof *e.outcomes);
	if (!e.outcomes) {
		fprintf(stderr, "out of memory\n");
		return 1;
	}
	while (n > 1 && started < n && started < WORKERS_MAX &&
		pthread_create(&threads[started], NULL, worker, &e) == 0)
		started++;
	if (started == 0)
		work(&e);
	int status = tell(&e, missing_ok);
	for (size_t i = 0; i < started; i++)
		pthread_join(threads[i], NULL);
	free(e.outcomes);
	return status;
}
