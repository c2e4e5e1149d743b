/* SPDX-License-Identifier: Apache-2.0 */
/*
 * api - times an engine by its API, two or more of them side by side: one run of each after the other.
 *
 *	api [-n RUNS] cycle IMAGE NETWORK NAME=SOCKET...	create, start, wait, delete of a container of
 * /bin/true
 *	api [-n RUNS] exec CONTAINER NAME=SOCKET...		exec of /bin/true: create, start attached,
 *inspect api [-n RUNS] get PATH NAME=SOCKET...			a GET api [-n RUNS] -c CLIENTS cycle|get ...
 *RUNS of them by CLIENTS at a time, engine after engine: per second
 *
 * Prints a Markdown table: minimum, median, 90th percentile in milliseconds, and the median of the ratios to
 *the first engine's run of the same round.
 */
#include "lib/base/clock.h"

#include <errno.h>
#include <getopt.h>
#include <pthread.h>
#include <stdarg.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/un.h>
#include <unistd.h>

#define ENGINES_MAX 8
#define BUFFER      (8u << 20)
#define VERSION     "/v1.41"

struct engine {
	const char *name, *socket;
	double *ms;
};

struct client {
	const char *socket;
	int fd; /* -1: not connected */
	char *buffer, *body;
};

static const char *what, *arg1, *arg2;
static long runs = 50, clients = 1;

__attribute__((noreturn, format(printf, 1, 2))) static void die(const char *fmt, ...)
{
	va_list ap;

	va_start(ap, fmt);
	fputs("api: ", stderr);
	vfprintf(stderr, fmt, ap);
	fputc('\n', stderr);
	exit(1);
}

/* ---- HTTP --------------------------------------------------------------------------------- */
static void dial(struct client *c)
{
	struct sockaddr_un at = { .sun_family = AF_UNIX };

	snprintf(at.sun_path, sizeof at.sun_path, "%s", c->socket);
	c->fd = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0);
	if (c->fd < 0 || connect(c->fd, (const struct sockaddr *)&at, sizeof at) < 0)
		die("%s: %s", c->socket, strerror(errno));
}

static void hang_up(struct client *c)
{
	if (c->fd >= 0)
		close(c->fd);
	c->fd = -1;
}

static size_t read_more(struct client *c, size_t n)
{
	if (n + 1 >= BUFFER)
		die("the answer is too large");
	ssize_t r = read(c->fd, c->buffer + n, BUFFER - 1 - n);
	if (r < 0)
		die("%s: %s", c->socket, strerror(errno));
	c->buffer[n + (size_t)r] = '\0';
	return (size_t)r;
}

/* All chunks are there. */
static bool chunks_end(const char *p)
{
	for (;;) {
		char *end;
		unsigned long size = strtoul(p, &end, 16);
		const char *data = strstr(end, "\r\n");
		if (end == p || !data)
			return false;
		if (size == 0)
			return strncmp(data, "\r\n\r\n", 4) == 0;
		if (strlen(data + 2) < size + 2)
			return false;
		p = data + 2 + size + 2;
	}
}

static bool is_whole(const char *head, const char *body, size_t n, int status)
{
	const char *length = strcasestr(head, "content-length:");

	if (status == 204 || status == 304)
		return true;
	if (strcasestr(head, "transfer-encoding: chunked"))
		return chunks_end(body);
	return length && n >= strtoul(length + 15, NULL, 10);
}

/* The status; the body is in c->body. */
static int request(struct client *c, const char *method, const char *path, const char *json)
{
	char head[4096];
	size_t n = 0, got;
	char *end;

	if (c->fd < 0)
		dial(c);
	int len = snprintf(head, sizeof head,
		"%s " VERSION "%s HTTP/1.1\r\nHost: d\r\n%sContent-Length: %zu\r\n\r\n%s", method, path,
		json ? "Content-Type: application/json\r\n" : "", json ? strlen(json) : 0, json ? json : "");
	if (write(c->fd, head, (size_t)len) != len)
		die("%s: %s", c->socket, strerror(errno));
	while (n == 0 || !(end = strstr(c->buffer, "\r\n\r\n"))) {
		got = read_more(c, n);
		if (got == 0)
			die("%s %s: no answer", method, path);
		n += got;
	}
	*end = '\0';
	c->body = end + 4;
	int status = (int)strtol(c->buffer + 9, NULL, 10);
	while (!is_whole(c->buffer, c->body, n - (size_t)(c->body - c->buffer), status)) {
		got = read_more(c, n);
		n += got;
		if (got == 0) { /* a stream ends with its connection */
			hang_up(c);
			break;
		}
	}
	if (strcasestr(c->buffer, "connection: close"))
		hang_up(c);
	if (status >= 400)
		die("%s %s: %d %s", method, path, status, c->body);
	return status;
}

static void take_id(const struct client *c, char id[65])
{
	const char *p = strstr(c->body, "\"Id\":\"");

	if (!p || sscanf(p + 6, "%64[0-9a-f]", id) != 1)
		die("no id in the answer: %s", c->body);
}

/* ---- what is measured ------------------------------------------------------------------------ */
static void cycle(struct client *c)
{
	char body[512], path[128], id[65];

	snprintf(body, sizeof body,
		"{\"Image\":\"%s\",\"Cmd\":[\"/bin/true\"],\"HostConfig\":{\"NetworkMode\":\"%s\"}}", arg1,
		arg2);
	request(c, "POST", "/containers/create", body);
	take_id(c, id);
	snprintf(path, sizeof path, "/containers/%s/start", id);
	request(c, "POST", path, NULL);
	snprintf(path, sizeof path, "/containers/%s/wait", id);
	request(c, "POST", path, NULL);
	snprintf(path, sizeof path, "/containers/%s", id);
	request(c, "DELETE", path, NULL);
}

static void exec_once(struct client *c)
{
	char path[512], id[65];

	snprintf(path, sizeof path, "/containers/%s/exec", arg1);
	request(c, "POST", path, "{\"AttachStdout\":true,\"AttachStderr\":true,\"Cmd\":[\"/bin/true\"]}");
	take_id(c, id);
	snprintf(path, sizeof path, "/exec/%s/start", id);
	request(c, "POST", path, "{\"Detach\":false,\"Tty\":false}");
	hang_up(c);
	snprintf(path, sizeof path, "/exec/%s/json", id);
	request(c, "GET", path, NULL);
}

static void once(struct client *c)
{
	if (strcmp(what, "cycle") == 0)
		cycle(c);
	else if (strcmp(what, "exec") == 0)
		exec_once(c);
	else
		request(c, "GET", arg1, NULL);
}

static struct client *new_client(const char *socket)
{
	struct client *c = calloc(1, sizeof *c);

	if (!c || !(c->buffer = calloc(1, BUFFER)))
		die("no memory");
	c->socket = socket;
	c->fd = -1;
	return c;
}

static double now_ms(void)
{
	return (double)clock_mono_ns() / 1e6;
}

/* ---- one after the other ------------------------------------------------------------------------ */
static int by_size(const void *a, const void *b)
{
	double x = *(const double *)a, y = *(const double *)b;

	return x < y ? -1 : x > y;
}

static void print_row(const struct engine *e, const struct engine *first)
{
	double *ratios = calloc((size_t)runs, sizeof *ratios), *ms = calloc((size_t)runs, sizeof *ms);

	if (!ratios || !ms)
		die("no memory");
	for (long i = 0; i < runs; i++) {
		ratios[i] = e->ms[i] / first->ms[i];
		ms[i] = e->ms[i];
	}
	qsort(ratios, (size_t)runs, sizeof *ratios, by_size);
	qsort(ms, (size_t)runs, sizeof *ms, by_size);
	printf("| %s | %.2f | %.2f | %.2f | %.2f |\n", e->name, ms[0], ms[runs / 2], ms[runs * 9 / 10],
		ratios[runs / 2]);
	free(ratios);
	free(ms);
}

static void interleaved(struct engine *engines, int n)
{
	struct client *c[ENGINES_MAX];

	for (int e = 0; e < n; e++) {
		c[e] = new_client(engines[e].socket);
		engines[e].ms = calloc((size_t)runs, sizeof(double));
		for (int warm = 0; warm < 3; warm++)
			once(c[e]);
	}
	for (long i = 0; i < runs; i++)
		for (int e = 0; e < n; e++) {
			double start = now_ms();
			once(c[e]);
			engines[e].ms[i] = now_ms() - start;
		}
	printf("| %s %s %s | min ms | median ms | p90 ms | ratio |\n|---|---|---|---|---|\n", what, arg1,
		arg2);
	for (int e = 0; e < n; e++)
		print_row(&engines[e], &engines[0]);
	printf("\n");
}

/* ---- many at a time ------------------------------------------------------------------------------- */
static pthread_mutex_t lock = PTHREAD_MUTEX_INITIALIZER;
static long left;

static void *work(void *arg)
{
	struct client *c = new_client(arg);

	for (;;) {
		pthread_mutex_lock(&lock);
		bool more = left-- > 0;
		pthread_mutex_unlock(&lock);
		if (!more)
			break;
		once(c);
	}
	hang_up(c);
	return NULL;
}

static void crowded(struct engine *engines, int n)
{
	double first = 0;

	printf("| %s %s %s, %ld at a time | a second | ratio |\n|---|---|---|\n", what, arg1, arg2, clients);
	for (int e = 0; e < n; e++) {
		pthread_t threads[256];
		left = runs;
		double start = now_ms();
		for (long i = 0; i < clients && i < 256; i++)
			pthread_create(&threads[i], NULL, work, (void *)(uintptr_t)engines[e].socket);
		for (long i = 0; i < clients && i < 256; i++)
			pthread_join(threads[i], NULL);
		double rate = (double)runs / (now_ms() - start) * 1000;
		first = e ? first : rate;
		printf("| %s | %.1f | %.2f |\n", engines[e].name, rate, first / rate);
	}
	printf("\n");
}

int main(int argc, char **argv)
{
	struct engine engines[ENGINES_MAX] = { 0 };
	int n = 0, option;

	while ((option = getopt(argc, argv, "+n:c:")) > 0)
		if (option == 'n')
			runs = strtol(optarg, NULL, 10);
		else if (option == 'c')
			clients = strtol(optarg, NULL, 10);
		else
			return 2;
	if (argc - optind < 2 || runs < 1)
		die("see the top of bench/api.c");
	what = argv[optind++];
	arg1 = argv[optind++];
	arg2 = strcmp(what, "cycle") == 0 && optind < argc ? argv[optind++] : "";
	for (; optind < argc && n < ENGINES_MAX; optind++) {
		char *eq = strchr(argv[optind], '=');
		if (!eq)
			die("'%s': NAME=SOCKET", argv[optind]);
		*eq = '\0';
		engines[n++] = (struct engine){ .name = argv[optind], .socket = eq + 1 };
	}
	if (clients > 1)
		crowded(engines, n);
	else
		interleaved(engines, n);
	return 0;
}
