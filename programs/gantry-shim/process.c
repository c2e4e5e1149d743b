/* SPDX-License-Identifier: Apache-2.0 */
#include "programs/gantry-shim/process.h"

#include "lib/base/cleanup.h"
#include "lib/base/sys.h"

#include <errno.h>
#include <fcntl.h>
#include <stdlib.h>
#include <string.h>
#include <sys/ioctl.h>
#include <sys/socket.h>
#include <sys/wait.h>

#define READ_SIZE   65536
#define INPUT_PIECE 4096
#define INPUT_ROOM  (INPUT_MAX + PROTO_KEYS_MAX)

/* ---- making ------------------------------------------------------------------------------ */
/* Our end does not block; the container's is another description of the same pipe. */
static int make_pipe(int *ret_ours, int *ret_theirs, bool we_read)
{
	int ends[2];

	if (pipe2(ends, O_CLOEXEC) < 0)
		return -errno;
	*ret_ours = ends[we_read ? 0 : 1];
	*ret_theirs = ends[we_read ? 1 : 0];
	return fcntl(*ret_ours, F_SETFL, O_NONBLOCK) < 0 ? -errno : 0;
}

int process_make_pipes(struct process *p, bool with_tty, bool with_stdin, int stdio[3])
{
	int r = 0;

	stdio[0] = stdio[1] = stdio[2] = -1;
	if (with_tty)
		return 0;
	if (with_stdin)
		r = make_pipe(&p->in, &stdio[0], false);
	if (r == 0)
		r = make_pipe(&p->out[0], &stdio[1], true);
	return r == 0 ? make_pipe(&p->out[1], &stdio[2], true) : r;
}

void process_close_stdio(int stdio[3])
{
	for (unsigned i = 0; i < 3; i++)
		if (stdio[i] >= 0)
			close(take_fd(stdio[i]));
}

void process_take_console(struct process *p, int console)
{
	if (console < 0)
		return;
	fcntl(console, F_SETFL, fcntl(console, F_GETFL) | O_NONBLOCK);
	p->console = p->out[0] = p->in = console;
}

/* ---- output ------------------------------------------------------------------------------- */
bool process_read(struct process *p, unsigned stream)
{
	static char buf[READ_SIZE];
	enum logfile_stream name = stream == 0 ? LOGFILE_STDOUT : LOGFILE_STDERR;
	ssize_t n = p->out[stream] < 0 ? 0 : read(p->out[stream], buf, sizeof buf);

	if (n < 0 && (errno == EAGAIN || errno == EINTR))
		return errno == EINTR;
	if (n <= 0) { /* the end; of a terminal EIO */
		if (p->out[stream] >= 0 && p->out[stream] != p->console)
			close(p->out[stream]);
		p->out[stream] = -1;
		return false;
	}
	if (p->log && p->log->fd >= 0)
		logfile_write(p->log, name, buf, (size_t)n);
	for (struct client *c = p->clients.first; c; c = c->next) {
		client_say(c, name, buf, (size_t)n);
		c->wakes = c->reader != NULL;
	}
	return true;
}

void process_drain(struct process *p)
{
	for (unsigned stream = 0; stream < 2; stream++)
		while (process_read(p, stream))
			;
}

/* ---- input ---------------------------------------------------------------------------------- */
void process_write(struct process *p)
{
	while (p->in >= 0 && p->input_at < p->input_n) {
		ssize_t n = write(p->in, p->input + p->input_at, p->input_n - p->input_at);
		if (n < 0 && errno == EINTR)
			continue;
		if (n < 0 && errno == EAGAIN)
			return;
		if (n < 0) /* nobody reads any more: the rest is for nobody */
			p->input_ends = true;
		p->input_at = n < 0 ? p->input_n : p->input_at + (size_t)n;
	}
	p->input_at = p->input_n = 0;
	if (p->input_ends && p->in >= 0 && p->in != p->console)
		close(take_fd(p->in));
}

static bool have_buffer(struct process *p)
{
	if (!p->input)
		p->input = malloc(INPUT_ROOM);
	return p->input != NULL;
}

bool process_put_input(struct process *p, const void *data, size_t n)
{
	if (n == 0 || p->in < 0)
		return true;
	if (!have_buffer(p) || p->input_at > 0 || n > INPUT_ROOM - p->input_n)
		return false;
	memcpy(p->input + p->input_n, data, n);
	p->input_n += n;
	return true;
}

/* The end of a client's input is the process's when it was asked to be. */
static void end_input(struct process *p, struct client *client, bool failed)
{
	client_end_input(client, failed);
	if (!(client->flags & PROTO_STREAM_STDIN) || p->console >= 0 || !p->ends_with_client)
		return;
	p->input_ends = true;
	process_write(p);
}

void process_take_input(struct process *p, struct client *client, bool *ret_detached)
{
	if (!have_buffer(p) || p->input_at > 0 || INPUT_ROOM - p->input_n < INPUT_PIECE + PROTO_KEYS_MAX)
		return; /* when that is taken */
	ssize_t n = recv(client->sock, p->input + p->input_n, INPUT_PIECE, MSG_DONTWAIT);
	if (n < 0 && (errno == EAGAIN || errno == EINTR))
		return;
	if (n <= 0) {
		end_input(p, client, n < 0);
		return;
	}
	if (!(client->flags & PROTO_STREAM_STDIN) || p->in < 0)
		return; /* for nobody */
	long kept = client_filter(client, p->input + p->input_n, (size_t)n, INPUT_ROOM - p->input_n);
	if (kept < 0) {
		client->ending = true;
		client->input = false;
		*ret_detached = true;
		return;
	}
	p->input_n += (size_t)kept;
	process_write(p);
}

/* ---- the process -------------------------------------------------------------------------------- */
int process_signal(const struct process *p, int sig)
{
	if (p->pidfd < 0)
		return -ESRCH;
	return sys_pidfd_send_signal(p->pidfd, sig, NULL, 0) < 0 ? -errno : 0;
}

int process_resize(const struct process *p, unsigned rows, unsigned cols)
{
	struct winsize size = { .ws_row = (unsigned short)rows, .ws_col = (unsigned short)cols };

	if (p->console < 0)
		return -ENOTTY;
	return ioctl(p->console, TIOCSWINSZ, &size) < 0 ? -errno : 0;
}

int process_reap(struct process *p)
{
	int status = 0;

	while (waitpid(p->pid, &status, __WALL) < 0 && errno == EINTR)
		;
	close(take_fd(p->pidfd));
	return status;
}

void process_close(struct process *p)
{
	if (p->in >= 0 && p->in != p->console)
		close(p->in);
	for (unsigned i = 0; i < 2; i++)
		if (p->out[i] >= 0 && p->out[i] != p->console)
			close(p->out[i]);
	p->in = p->out[0] = p->out[1] = -1;
	if (p->console >= 0)
		close(take_fd(p->console));
	free(take_ptr(p->input));
	p->input_at = p->input_n = 0;
	clients_end(&p->clients);
}
