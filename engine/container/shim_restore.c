/* SPDX-License-Identifier: Apache-2.0 */
/* Shims that an earlier gantryd left, and the folders of those that are gone. */
#include "engine/container/shim_handle.h"

#include "lib/base/cleanup.h"
#include "lib/base/clock.h"
#include "lib/base/fd.h"
#include "lib/base/path.h"

#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/un.h>

#define JOURNAL_MAX (256 * sizeof(struct proto_shim_event))
#define PER_SHIM_NS (5 * CLOCK_S)

int shim_remove_folder(struct shim_hub *hub, const char *short_id, struct error *err)
{
	static const char *const files[] = { "sock", "journal" };
	auto_close int dir = openat(hub->folder, short_id, O_RDONLY | O_DIRECTORY | O_CLOEXEC | O_NOFOLLOW);

	for (size_t i = 0; dir >= 0 && i < 2; i++)
		unlinkat(dir, files[i], 0);
	if (unlinkat(hub->folder, short_id, AT_REMOVEDIR) < 0 && errno != ENOENT)
		return error_sys(err, errno, "cannot remove the supervisor's folder '%s'", short_id);
	return 0;
}

static int connect_shim(int folder, const char *short_id)
{
	struct sockaddr_un a = { .sun_family = AF_UNIX };
	int fd = socket(AF_UNIX, SOCK_SEQPACKET | SOCK_CLOEXEC, 0);

	if (fd < 0)
		return -errno;
	path_format(a.sun_path, sizeof a.sun_path, "/proc/self/fd/%d/%s/sock", folder, short_id);
	if (connect(fd, (void *)&a, sizeof a) < 0) {
		int r = -errno;
		close(fd);
		return r;
	}
	return fd;
}

static int greet(struct shim *s, uint64_t acked, struct error *err)
{
	struct proto_shim_hello hello = { .head = proto_shim_head(PROTO_SHIM_HELLO, sizeof hello),
		.acked = acked };
	union shim_message m;
	int fds[2];
	size_t nfds = 2;
	int64_t deadline = clock_mono_ns() + PER_SHIM_NS;
	int r = proto_shim_send_until(s->sock, deadline, &hello, sizeof hello, NULL, 0, NULL, 0);

	if (r < 0)
		return error_sys(err, -r, "cannot write to shim %s", s->short_id);
	int type = shim_read(s->sock, deadline, &m, sizeof m, fds, &nfds, err);
	if (type < 0)
		return error_prefix(err, type, "shim %s", s->short_id);
	if (type != PROTO_SHIM_WELCOME || strncmp(m.facts.id, s->short_id, ID_SHORT_LEN) != 0)
		return error_set(err, ERROR_INTERNAL, EPROTO, "shim %s sent something else", s->short_id);
	shim_take_facts(s, &m.facts, fds, nfds);
	return 0;
}

/* Half an event at the end is a crash's: it was told to nobody. */
static struct proto_shim_event *read_journal(struct shim_hub *hub, const char *short_id, size_t *ret_n)
{
	char path[ID_SHORT_SIZE + 16];
	char *data = NULL;
	size_t n = 0;

	*ret_n = 0;
	path_format(path, sizeof path, "%s/journal", short_id);
	if (fd_read_file(hub->folder, path, JOURNAL_MAX, &data, &n) < 0)
		return NULL;
	struct proto_shim_event *events = (void *)data;
	for (n /= sizeof *events; *ret_n < n; (*ret_n)++) {
		const struct proto_shim_event *e = &events[*ret_n];
		if (e->head.magic != PROTO_SHIM_MAGIC || e->head.type != PROTO_SHIM_EVENT ||
			proto_shim_check(e, sizeof *e, 0) < 0)
			break;
	}
	return events;
}

static void tell_remains(struct shim_hub *hub, const struct shim_restore *restore, const char *short_id)
{
	struct shim_found f = { 0 };
	auto_free struct proto_shim_event *events = read_journal(hub, short_id, &f.n);

	path_format(f.short_id, sizeof f.short_id, "%s", short_id);
	f.events = events;
	restore->found(restore->arg, &f);
}

struct waiting {
	struct shim *shim;
	struct waiting *next;
};

static int restore_one(struct shim_hub *hub, const struct shim_restore *restore, const char *short_id,
	struct waiting **list, struct error *err)
{
	int sock = connect_shim(hub->folder, short_id);

	if (sock == -ECONNREFUSED || sock == -ENOENT) {
		tell_remains(hub, restore, short_id);
		return 0;
	}
	if (sock < 0)
		return error_sys(err, -sock, "cannot connect to shim %s", short_id);
	struct shim *s = shim_new(hub, short_id, NULL);
	struct waiting *w = s ? malloc(sizeof *w) : NULL;
	if (!w) {
		close(sock);
		shim_unref(s);
		return error_sys(err, ENOMEM, "cannot keep shim %s", short_id);
	}
	s->sock = sock;
	int r = greet(s, restore->acked(restore->arg, short_id), err);
	if (r < 0) {
		shim_unref(s);
		free(w);
		/* Never committed, it is just about to end: what it leaves is treated as remains. */
		if (r == -ECONNRESET || r == -EPIPE) {
			tell_remains(hub, restore, short_id);
			return 0;
		}
		return r;
	}
	shim_ref(s); /* until it is registered */
	*w = (struct waiting){ s, *list };
	*list = w;
	struct shim_found f = { .shim = s };
	path_format(f.short_id, sizeof f.short_id, "%s", short_id);
	restore->found(restore->arg, &f);
	return 0;
}

/* The callee may have ended some. */
static void register_all(struct waiting *list)
{
	for (struct waiting *w = list, *next; w; w = next) {
		next = w->next;
		if (!w->shim->finished)
			hub_register(w->shim);
		shim_unref(w->shim);
		free(w);
	}
}

static int is_short_id(const struct dirent *d)
{
	return strlen(d->d_name) == ID_SHORT_LEN && id_is_prefix(d->d_name);
}

int shim_restore(struct shim_hub *hub, const struct shim_restore *restore, struct error *err)
{
	struct waiting *list = NULL;
	struct dirent **entries;
	int r = 0, n = scandirat(hub->folder, ".", &entries, is_short_id, NULL);

	if (n < 0)
		return error_sys(err, errno, "cannot read the supervisors' folder");
	for (int i = 0; i < n; i++) {
		struct error one = ERROR_INIT;
		int r1 = restore_one(hub, restore, entries[i]->d_name, &list, &one);
		if (r1 < 0 && r == 0) {
			r = r1;
			if (err)
				*err = one;
		}
		free(entries[i]);
	}
	free(entries);
	register_all(list);
	return r;
}
