/* SPDX-License-Identifier: Apache-2.0 */
#include "engine/container/pool.h"

#include <errno.h>
#include <pthread.h>
#include <stdbool.h>
#include <stdlib.h>
#include <time.h>

#define IDLE_S     2
#define STACK_SIZE (256u << 10)

struct job {
	void (*run)(void *arg);
	void *arg;
	struct job *next;
};

struct pool {
	pthread_mutex_t lock;
	pthread_cond_t work, ended;
	pthread_attr_t attr;
	struct job *first, **last;
	unsigned max, threads, idle, queued;
	bool closing;
};

int pool_new(unsigned max_threads, struct pool **ret, struct error *err)
{
	struct pool *p = calloc(1, sizeof *p);
	pthread_condattr_t mono;

	if (!p)
		return error_sys(err, ENOMEM, "cannot make a pool of threads");
	p->max = max_threads;
	p->last = &p->first;
	pthread_mutex_init(&p->lock, NULL);
	pthread_condattr_init(&mono);
	pthread_condattr_setclock(&mono, CLOCK_MONOTONIC);
	pthread_cond_init(&p->work, &mono);
	pthread_cond_init(&p->ended, &mono);
	pthread_condattr_destroy(&mono);
	pthread_attr_init(&p->attr);
	pthread_attr_setdetachstate(&p->attr, PTHREAD_CREATE_DETACHED);
	pthread_attr_setstacksize(&p->attr, STACK_SIZE);
	*ret = p;
	return 0;
}

/* With the lock; false: nothing came for a while, or no more will. */
static bool wait_for_job(struct pool *p)
{
	struct timespec until;
	int r = 0;

	clock_gettime(CLOCK_MONOTONIC, &until);
	until.tv_sec += IDLE_S;
	p->idle++;
	while (!p->first && !p->closing && r == 0)
		r = pthread_cond_timedwait(&p->work, &p->lock, &until);
	p->idle--;
	return p->first != NULL;
}

/* With the lock. */
static void run_first(struct pool *p)
{
	struct job *job = p->first;

	p->first = job->next;
	p->queued--;
	if (!p->first)
		p->last = &p->first;
	pthread_mutex_unlock(&p->lock);
	job->run(job->arg);
	free(job);
	pthread_mutex_lock(&p->lock);
}

static void *serve(void *arg)
{
	struct pool *p = arg;

	pthread_mutex_lock(&p->lock);
	while (p->first || wait_for_job(p))
		run_first(p);
	p->threads--;
	pthread_cond_broadcast(&p->ended);
	pthread_mutex_unlock(&p->lock);
	return NULL;
}

/* With the lock. */
static void add_thread(struct pool *p)
{
	pthread_t thread;

	if (p->threads < p->max && pthread_create(&thread, &p->attr, serve, p) == 0)
		p->threads++;
}

bool pool_post(struct pool *p, void (*run)(void *arg), void *arg)
{
	struct job *job = malloc(sizeof *job);

	pthread_mutex_lock(&p->lock);
	if (!job || p->closing) {
		bool closing = p->closing;
		pthread_mutex_unlock(&p->lock);
		free(job);
		if (!closing)
			run(arg);
		return !closing;
	}
	*job = (struct job){ .run = run, .arg = arg };
	*p->last = job;
	p->last = &job->next;
	p->queued++;
	if (p->queued <= p->idle)
		pthread_cond_signal(&p->work);
	else
		add_thread(p);
	if (p->threads == 0)
		run_first(p);
	pthread_mutex_unlock(&p->lock);
	return true;
}

void pool_close(struct pool *p)
{
	pthread_mutex_lock(&p->lock);
	p->closing = true;
	pthread_cond_broadcast(&p->work);
	while (p->first && p->threads == 0)
		run_first(p);
	while (p->threads > 0)
		pthread_cond_wait(&p->ended, &p->lock);
	pthread_mutex_unlock(&p->lock);
}

void pool_free(struct pool *p)
{
	if (!p)
		return;
	pool_close(p);
	pthread_attr_destroy(&p->attr);
	pthread_cond_destroy(&p->work);
	pthread_cond_destroy(&p->ended);
	pthread_mutex_destroy(&p->lock);
	free(p);
}
