/* SPDX-License-Identifier: Apache-2.0 */
#include "programs/gantry-runtime/state.h"

#include "lib/base/cleanup.h"
#include "lib/base/fd.h"
#include "lib/base/path.h"
#include "lib/base/sys.h"
#include "lib/base/timefmt.h"
#include "lib/cgroup/cgroup.h"
#include "lib/json/json.h"
#include "lib/rootfs/remove.h"

#include <errno.h>
#include <limits.h>
#include <stdio.h>
#include <string.h>
#include <sys/file.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/un.h>

#define STATE_FILE     "state.json"
#define STATE_FILE_MAX (1 << 20)
#define SOCKET_NAME    "start.sock"
#define OCI_VERSION    "1.2.0"

void state_done(struct state *st)
{
	if (st->dir >= 0)
		close(st->dir);
	free(st->bundle);
	free(st->rootfs);
	free(st->cgroup_path);
	free(st->annotations);
	*st = STATE_INIT;
}

int state_check_id(const char *id, struct error *err)
{
	size_t n = strlen(id);

	if (n == 0)
		return error_invalid(err, "the container id is empty");
	if (n > STATE_ID_MAX)
		return error_invalid(err, "the container id has more than %d characters", STATE_ID_MAX);
	if (strcmp(id, ".") == 0 || strcmp(id, "..") == 0 ||
		strspn(id, "abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789_+-.") != n)
		return error_invalid(
			err, "container id '%s': use letters, digits and '_', '+', '-', '.'", id);
	return 0;
}

static int open_root(const char *root, bool make, struct error *err)
{
	if (make && mkdir(root, 0711) < 0 && errno != EEXIST)
		return error_sys(err, errno, "cannot make the state folder '%s'", root);
	int fd = open(root, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
	return fd < 0 ? -errno : fd;
}

static int lock(int dir, const char *id, struct error *err)
{
	while (flock(dir, LOCK_EX) < 0)
		if (errno != EINTR)
			return error_sys(err, errno, "cannot lock container '%s'", id);
	return 0;
}

void state_unlock(struct state *st)
{
	flock(st->dir, LOCK_UN);
}

int state_create(const char *root, const char *id, struct state *ret, struct error *err)
{
	int r = state_check_id(id, err);

	if (r < 0)
		return r;
	auto_close int dir = open_root(root, true, err);
	if (dir < 0)
		return error_sys(err, -dir, "cannot open the state folder '%s'", root);
	if (mkdirat(dir, id, 0700) < 0)
		return errno == EEXIST ? error_set(err, ERROR_CONFLICT, EEXIST,
						 "container with given ID already exists: '%s'", id)
				       : error_sys(err, errno, "cannot make '%s/%s'", root, id);
	struct state st = STATE_INIT;
	st.dir = openat(dir, id, O_RDONLY | O_DIRECTORY | O_NOFOLLOW | O_CLOEXEC);
	if (st.dir < 0)
		return error_sys(err, errno, "cannot open '%s/%s'", root, id);
	memcpy(st.id, id, strlen(id) + 1);
	r = lock(st.dir, id, err);
	if (r < 0) {
		state_done(&st);
		return r;
	}
	*ret = st;
	return 0;
}

static int copy_text(const struct json *doc, const char *name, char **ret, struct error *err)
{
	const char *text = NULL;
	int r = json_opt_string(doc, name, NULL, &text, err);

	if (r == 0 && text && !(*ret = strdup(text)))
		r = error_sys(err, ENOMEM, "cannot keep '%s'", name);
	return r;
}

static int parse(const struct json *doc, struct state *st, struct error *err)
{
	uint64_t pid = 0, uid = 0, start = 0;
	int64_t created = 0;
	int r = json_opt_uint(doc, "pid", 0, INT32_MAX, &pid, err);

	if (r == 0)
		r = json_opt_uint(doc, "pidStartTime", 0, INT64_MAX, &start, err);
	if (r == 0)
		r = json_opt_uint(doc, "uid", 0, UINT32_MAX, &uid, err);
	if (r == 0)
		r = json_opt_int(doc, "createdNs", 0, 0, INT64_MAX, &created, err);
	if (r == 0)
		r = copy_text(doc, "bundle", &st->bundle, err);
	if (r == 0)
		r = copy_text(doc, "rootfs", &st->rootfs, err);
	if (r == 0)
		r = copy_text(doc, "cgroupPath", &st->cgroup_path, err);
	st->pid = (pid_t)pid;
	st->start_time = start;
	st->uid = (uint32_t)uid;
	st->created = created;
	const struct json *annotations = json_at(doc, "annotations");
	if (r == 0 && annotations && !(st->annotations = json_text(annotations)))
		r = error_sys(err, ENOMEM, "cannot keep the annotations");
	return r;
}

/* A folder without state.json is a create that is under way, or was cut off: still a container, to be
 * deleted. */
static int load(struct state *st, struct error *err)
{
	auto_json struct json *doc = NULL;
	int r = json_load(st->dir, STATE_FILE, STATE_FILE_MAX, 0, &doc, err);

	if (r == -ENOENT)
		return 0;
	if (r == 0)
		r = parse(doc, st, err);
	return r < 0 ? error_prefix(err, r, "state of container '%s'", st->id) : 0;
}

static int open_folder(const char *root, const char *id, bool locked, struct state *st, struct error *err)
{
	auto_close int dir = open_root(root, false, err);
	struct stat mine, now;

	if (dir < 0 && dir != -ENOENT)
		return error_sys(err, -dir, "cannot open the state folder '%s'", root);
	st->dir = dir < 0 ? -1 : openat(dir, id, O_RDONLY | O_DIRECTORY | O_NOFOLLOW | O_CLOEXEC);
	if (st->dir < 0)
		return dir < 0 || errno == ENOENT
			       ? error_set(err, ERROR_NOT_FOUND, ENOENT, "container does not exist: '%s'", id)
			       : error_sys(err, errno, "cannot open '%s/%s'", root, id);
	int r = locked ? lock(st->dir, id, err) : 0;
	if (r < 0)
		return r;
	/* It may have been deleted, and made again, while we waited. */
	if (locked && (fstat(st->dir, &mine) < 0 || fstatat(dir, id, &now, AT_SYMLINK_NOFOLLOW) < 0 ||
			      mine.st_ino != now.st_ino || mine.st_dev != now.st_dev))
		return error_set(err, ERROR_NOT_FOUND, ENOENT, "container does not exist: '%s'", id);
	return 0;
}

int state_open(const char *root, const char *id, bool locked, struct state *ret, struct error *err)
{
	struct state st = STATE_INIT;
	int r = state_check_id(id, err);

	if (r == 0)
		r = open_folder(root, id, locked, &st, err);
	if (r == 0) {
		memcpy(st.id, id, strlen(id) + 1);
		r = load(&st, err);
	}
	if (r < 0)
		state_done(&st);
	else
		*ret = st;
	return r;
}

static void add_text(struct str *out, const char *name, const char *text)
{
	if (!text)
		return;
	str_addf(out, ",\"%s\":", name);
	str_add_json(out, text, strlen(text));
}

int state_json(const struct state *st, enum state_status status, bool listing, struct str *ret)
{
	char time[TIMEFMT_SIZE];
	bool alive = status != STATE_STOPPED;

	str_add(ret, "{\"ociVersion\":\"" OCI_VERSION "\"");
	add_text(ret, "id", st->id);
	str_addf(ret, ",\"pid\":%d", alive ? (int)st->pid : 0);
	add_text(ret, "status", state_status_text(status));
	add_text(ret, "bundle", st->bundle ? st->bundle : "");
	if (listing) {
		add_text(ret, "rootfs", st->rootfs ? st->rootfs : "");
		add_text(ret, "created", timefmt_rfc3339nano(st->created, time));
		add_text(ret, "owner", "");
	}
	if (st->annotations)
		str_addf(ret, ",\"annotations\":%s", st->annotations);
	return str_add(ret, "}");
}

int state_save(const struct state *st, struct error *err)
{
	auto_str struct str out = STR_INIT(STATE_FILE_MAX);

	str_addf(&out, "{\"pid\":%d,\"pidStartTime\":%llu,\"createdNs\":%lld,\"uid\":%u", (int)st->pid,
		(unsigned long long)st->start_time, (long long)st->created, st->uid);
	add_text(&out, "bundle", st->bundle);
	add_text(&out, "rootfs", st->rootfs);
	add_text(&out, "cgroupPath", st->cgroup_path);
	if (st->annotations)
		str_addf(&out, ",\"annotations\":%s", st->annotations);
	str_add(&out, "}\n");
	int r = out.failed ? out.failed
			   : fd_replace_file(st->dir, STATE_FILE, out.data, out.len, 0600, false);
	return r < 0 ? error_sys(err, -r, "cannot write the state of container '%s'", st->id) : 0;
}

int state_remove(const char *root, struct state *st, struct error *err)
{
	auto_close int dir = open_root(root, false, err);

	if (dir < 0)
		return error_sys(err, -dir, "cannot open the state folder '%s'", root);
	return rootfs_remove_tree(dir, st->id, NULL, err);
}

/* "PID (comm) S ...": comm may hold anything, so the fields are counted from the last ')'. */
static int read_stat(pid_t pid, char *ret_state, uint64_t *ret_start)
{
	char path[64];
	auto_free char *text = NULL;
	int r = path_format(path, sizeof path, "/proc/%d/stat", (int)pid);

	if (r == 0)
		r = fd_read_file(AT_FDCWD, path, 4096, &text, NULL);
	if (r < 0)
		return r;
	char *p = strrchr(text, ')');
	if (!p || p[1] != ' ')
		return -EBADMSG;
	*ret_state = p[2];
	p++; /* the blank before field 3 */
	for (int field = 3; p && field < 22; field++)
		p = strchr(p + 1, ' ');
	if (!p)
		return -EBADMSG;
	char *end = strchr(p + 1, ' ');
	if (end)
		*end = '\0';
	return str_to_u64(p + 1, 10, 0, UINT64_MAX, ret_start);
}

uint64_t state_start_time(pid_t pid)
{
	uint64_t start = 0;
	char state;

	return read_stat(pid, &state, &start) == 0 ? start : 0;
}

bool state_alive(const struct state *st)
{
	uint64_t start = 0;
	char state = 0;

	if (st->pid <= 0 || read_stat(st->pid, &state, &start) < 0)
		return false;
	return start == st->start_time && state != 'Z' && state != 'X';
}

int state_pidfd(const struct state *st)
{
	if (st->pid <= 0)
		return -ESRCH;
	int fd = sys_pidfd_open(st->pid, 0);
	if (fd < 0)
		return -errno;
	/* Alive with the descriptor open: the descriptor is the right process's. */
	if (state_alive(st))
		return fd;
	close(fd);
	return -ESRCH;
}

static bool is_frozen(const struct state *st)
{
	struct cgroup_layout layout;
	struct cgroup cg;

	if (!st->cgroup_path || cgroup_layout_discover(&layout, NULL) < 0 ||
		cgroup_open(&layout, st->cgroup_path, &cg, NULL) < 0)
		return false;
	bool frozen = cgroup_frozen(&cg) > 0;
	cgroup_close(&cg);
	return frozen;
}

enum state_status state_status(const struct state *st)
{
	if (st->pid == 0)
		return STATE_CREATING;
	if (!state_alive(st))
		return STATE_STOPPED;
	if (is_frozen(st))
		return STATE_PAUSED;
	/* A parked process takes the connection, sees that nobody says start, and goes on waiting. */
	auto_close int sock = state_connect(st);
	return sock >= 0 ? STATE_CREATED : STATE_RUNNING;
}

const char *state_status_text(enum state_status status)
{
	static const char *const texts[] = { "creating", "created", "running", "paused", "stopped" };

	return texts[status];
}

/* The folder's own path may be too long for a socket's. */
static int socket_address(const struct state *st, struct sockaddr_un *ret)
{
	*ret = (struct sockaddr_un){ .sun_family = AF_UNIX };
	return path_format(ret->sun_path, sizeof ret->sun_path, "/proc/self/fd/%d/" SOCKET_NAME, st->dir);
}

int state_listen(const struct state *st, struct error *err)
{
	struct sockaddr_un at;
	auto_close int sock = socket(AF_UNIX, SOCK_SEQPACKET | SOCK_CLOEXEC, 0);

	if (sock < 0 || socket_address(st, &at) < 0 || bind(sock, (struct sockaddr *)&at, sizeof at) < 0 ||
		listen(sock, 8) < 0)
		return error_sys(err, errno, "cannot listen on '%s' of container '%s'", SOCKET_NAME, st->id);
	return take_fd(sock);
}

int state_connect(const struct state *st)
{
	struct sockaddr_un at;
	auto_close int sock = socket(AF_UNIX, SOCK_SEQPACKET | SOCK_CLOEXEC, 0);

	if (sock < 0 || socket_address(st, &at) < 0)
		return -errno;
	if (connect(sock, (struct sockaddr *)&at, sizeof at) < 0)
		return errno == ENOENT ? -ECONNREFUSED : -errno;
	return take_fd(sock);
}
