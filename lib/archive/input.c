/* SPDX-License-Identifier: Apache-2.0 */
#include "lib/archive/input.h"

#include "lib/base/cleanup.h"
#include "lib/base/fd.h"

#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <pthread.h>
#include <signal.h>
#include <string.h>
#include <sys/eventfd.h>

#define BLOCK_SIZE (256 * 1024)
#define BLOCKS     8

struct block {
	char *data;
	size_t n;
};

struct archive_input {
	int fd, stop; /* stop: an eventfd, readable when the reader shall end */
	struct archive_input_options options;
	pthread_t thread;
	bool started;

	pthread_mutex_t lock;
	pthread_cond_t changed;
	struct block ring[BLOCKS];
	unsigned made, taken; /* blocks; made - taken of them are in the ring */
	bool holding;         /* the caller still looks at block `taken` */
	bool ended, stopping; /* no more blocks come; the caller is gone */
	int result;           /* of the reader, when ended */
	struct error err;

	/* the reader's own until ended */
	struct archive_input_totals totals;
	struct archive_hash *blob_hash, *plain_hash;
	char *in;
	size_t in_n; /* bytes that were read to know the compression */
};

/* ---- the reader's thread --------------------------------------------------------------- */

/* read(2) that ends when the caller is gone, also on a pipe that nobody writes to. */
static ssize_t read_or_stop(struct archive_input *in, void *buf, size_t n)
{
	struct pollfd p[2] = { { .fd = in->fd, .events = POLLIN }, { .fd = in->stop, .events = POLLIN } };

	for (;;) {
		if (poll(p, 2, -1) < 0) {
			if (errno == EINTR)
				continue;
			return -errno;
		}
		if (p[1].revents)
			return -ECANCELED;
		ssize_t r = read(in->fd, buf, n);
		if (r >= 0)
			return r;
		if (errno != EINTR && errno != EAGAIN)
			return -errno;
	}
}

/* Reads n bytes or up to the end, and counts and digests them as they came. */
static ssize_t read_blob(struct archive_input *in, char *buf, size_t n, struct error *err)
{
	size_t at = 0;

	while (at < n) {
		ssize_t r = read_or_stop(in, buf + at, n - at);
		if (r < 0)
			return error_sys(err, (int)-r, "cannot read the archive");
		if (r == 0)
			break;
		at += (size_t)r;
	}
	in->totals.blob_size += at;
	if (in->blob_hash)
		archive_hash_add(in->blob_hash, buf, at);
	return (ssize_t)at;
}

/* archive_source_fn */
static ssize_t source(void *arg, const void **ret, struct error *err)
{
	struct archive_input *in = arg;
	ssize_t n = (ssize_t)in->in_n;

	in->in_n = 0;
	if (n == 0)
		n = read_blob(in, in->in, BLOCK_SIZE, err);
	*ret = in->in;
	return n;
}

static int check_limits(const struct archive_input *in, struct error *err)
{
	const struct archive_limits *l = &in->options.limits;
	uint64_t plain = in->totals.plain_size;

	if (plain > l->plain_bytes)
		return error_set(err, ERROR_EXHAUSTED, EFBIG, "the archive is larger than %llu bytes",
			(unsigned long long)l->plain_bytes);
	if (plain > l->ratio_from && in->totals.compression != ARCHIVE_PLAIN &&
		plain / l->ratio > in->totals.blob_size)
		return error_set(err, ERROR_EXHAUSTED, EFBIG,
			"the archive grows more than %u times when decompressed: refused as a bomb",
			l->ratio);
	return 0;
}

/* Waits for a free block; NULL when the caller is gone. */
static struct block *free_block(struct archive_input *in)
{
	struct block *b = NULL;

	pthread_mutex_lock(&in->lock);
	while (in->made - in->taken == BLOCKS && !in->stopping)
		pthread_cond_wait(&in->changed, &in->lock);
	if (!in->stopping)
		b = &in->ring[in->made % BLOCKS];
	pthread_mutex_unlock(&in->lock);
	return b;
}

static void publish(struct archive_input *in)
{
	pthread_mutex_lock(&in->lock);
	in->made++;
	pthread_cond_broadcast(&in->changed);
	pthread_mutex_unlock(&in->lock);
}

static ssize_t fill(struct archive_input *in, struct archive_decoder *d, struct block *b, struct error *err)
{
	if (d)
		return archive_decoder_read(d, b->data, BLOCK_SIZE, err);
	size_t have = in->in_n;
	memcpy(b->data, in->in, have);
	in->in_n = 0;
	ssize_t n = read_blob(in, b->data + have, BLOCK_SIZE - have, err);
	return n < 0 ? n : n + (ssize_t)have;
}

static int read_blocks(struct archive_input *in, struct archive_decoder *d, struct error *err)
{
	for (;;) {
		struct block *b = free_block(in);
		if (!b)
			return -ECANCELED;
		ssize_t n = fill(in, d, b, err);
		if (n <= 0)
			return (int)n;
		b->n = (size_t)n;
		in->totals.plain_size += b->n;
		int r = check_limits(in, err);
		if (r < 0)
			return r;
		if (d && in->plain_hash)
			archive_hash_add(in->plain_hash, b->data, b->n);
		publish(in);
	}
}

/* The digest is of all that came, also of what stands behind the compressed stream. */
static int drain(struct archive_input *in, struct error *err)
{
	ssize_t n;

	do
		n = read_blob(in, in->in, BLOCK_SIZE, err);
	while (n > 0);
	return (int)n;
}

static int read_all(struct archive_input *in, struct error *err)
{
	struct archive_decoder *d = NULL;

	ssize_t n = read_blob(in, in->in, ARCHIVE_MAGIC_SIZE, err);
	if (n < 0)
		return (int)n;
	in->in_n = (size_t)n;
	if (!in->options.raw)
		in->totals.compression = archive_decoder_detect(in->in, in->in_n);
	int r = 0;
	if (in->totals.compression != ARCHIVE_PLAIN)
		r = archive_decoder_new(in->totals.compression, source, in, &d, err);
	if (r == 0)
		r = read_blocks(in, d, err);
	if (r == 0)
		r = drain(in, err);
	archive_decoder_free(d);
	return r;
}

static void *run(void *arg)
{
	struct archive_input *in = arg;
	struct error err = ERROR_INIT;
	int r = read_all(in, &err);

	if (in->blob_hash) {
		archive_hash_end(in->blob_hash, in->totals.blob_digest);
		if (in->totals.compression == ARCHIVE_PLAIN)
			memcpy(in->totals.plain_digest, in->totals.blob_digest, DIGEST_SIZE);
		else
			archive_hash_end(in->plain_hash, in->totals.plain_digest);
	}
	pthread_mutex_lock(&in->lock);
	in->result = r;
	in->err = err;
	in->ended = true;
	pthread_cond_broadcast(&in->changed);
	pthread_mutex_unlock(&in->lock);
	return NULL;
}

/* ---- the caller's side --------------------------------------------------------------------- */

static int allocate(struct archive_input *in)
{
	in->in = malloc(BLOCK_SIZE);
	if (!in->in)
		return -ENOMEM;
	for (int i = 0; i < BLOCKS; i++) {
		in->ring[i].data = malloc(BLOCK_SIZE);
		if (!in->ring[i].data)
			return -ENOMEM;
	}
	if (in->options.digests) {
		in->blob_hash = archive_hash_new();
		in->plain_hash = archive_hash_new();
		if (!in->blob_hash || !in->plain_hash)
			return -ENOMEM;
	}
	in->stop = eventfd(0, EFD_CLOEXEC);
	return in->stop < 0 ? -errno : 0;
}

/* Signals are for the threads that the program made for them. */
static int start_thread(struct archive_input *in)
{
	sigset_t all, old;

	sigfillset(&all);
	pthread_sigmask(SIG_SETMASK, &all, &old);
	int r = pthread_create(&in->thread, NULL, run, in);
	pthread_sigmask(SIG_SETMASK, &old, NULL);
	in->started = r == 0;
	return -r;
}

int archive_input_new(
	int fd, const struct archive_input_options *options, struct archive_input **ret, struct error *err)
{
	struct archive_input *in = calloc(1, sizeof *in);

	if (!in)
		return error_sys(err, ENOMEM, "cannot read the archive");
	in->fd = fd;
	in->stop = -1;
	in->options = *options;
	pthread_mutex_init(&in->lock, NULL);
	pthread_cond_init(&in->changed, NULL);
	int r = allocate(in);
	if (r == 0)
		r = start_thread(in);
	if (r < 0) {
		archive_input_free(in);
		return error_sys(err, -r, "cannot read the archive");
	}
	*ret = in;
	return 0;
}

void archive_input_free(struct archive_input *in)
{
	if (!in)
		return;
	if (in->started) {
		pthread_mutex_lock(&in->lock);
		in->stopping = true;
		pthread_cond_broadcast(&in->changed);
		pthread_mutex_unlock(&in->lock);
		fd_write_all(in->stop, &(uint64_t){ 1 }, sizeof(uint64_t));
		pthread_join(in->thread, NULL);
	}
	for (int i = 0; i < BLOCKS; i++)
		free(in->ring[i].data);
	free(in->in);
	archive_hash_free(in->blob_hash);
	archive_hash_free(in->plain_hash);
	if (in->stop >= 0)
		close(in->stop);
	pthread_cond_destroy(&in->changed);
	pthread_mutex_destroy(&in->lock);
	free(in);
}

ssize_t archive_input_next(struct archive_input *in, const void **ret, struct error *err)
{
	ssize_t n = 0;

	pthread_mutex_lock(&in->lock);
	if (in->holding) {
		in->holding = false;
		in->taken++;
		pthread_cond_broadcast(&in->changed);
	}
	while (in->made == in->taken && !in->ended)
		pthread_cond_wait(&in->changed, &in->lock);
	if (in->made != in->taken) {
		struct block *b = &in->ring[in->taken % BLOCKS];
		*ret = b->data;
		n = (ssize_t)b->n;
		in->holding = true;
	} else if (in->result < 0) {
		n = in->result;
		if (err)
			*err = in->err;
	}
	pthread_mutex_unlock(&in->lock);
	return n;
}

int archive_input_finish(struct archive_input *in, struct archive_input_totals *ret, struct error *err)
{
	const void *data;
	ssize_t n;

	do
		n = archive_input_next(in, &data, err);
	while (n > 0);
	if (n == 0)
		*ret = in->totals;
	return (int)n;
}
