/* SPDX-License-Identifier: Apache-2.0 */
#include "lib/rootfs/users.h"

#include "lib/base/cleanup.h"
#include "lib/rootfs/resolve.h"

#include <errno.h>
#include <stdbool.h>
#include <string.h>
#include <unistd.h>

#define ID_MAX INT32_MAX

enum file_kind { PASSWD, GROUP };
enum {
	FIELD_NAME = 0,
	FIELD_UID = 2,
	FIELD_GID = 3,
	FIELD_HOME = 5,
	GROUP_FIELD_GID = 2,
	GROUP_FIELD_MEMBERS = 3
};

static const char *const file_names[] = { [PASSWD] = "passwd", [GROUP] = "group" };

/* One line as far as it has been read.  Only the field at hand is kept, so lines may have any length. */
struct line {
	unsigned field;
	bool started, bad;
	bool cut; /* token did not fit */
	size_t token_n;
	char token[ROOTFS_USERS_HOME_MAX];
	char name[ROOTFS_USERS_NAME_MAX];
	char home[ROOTFS_USERS_HOME_MAX];
	uint32_t uid, gid;
	bool has_uid, has_gid, has_member;
};

/* A name or number of the request. */
struct want {
	const char *name; /* not NUL-ended */
	size_t n;
	bool numeric;
	uint32_t id;
};

struct lookup {
	enum file_kind kind;
	struct line line;
	struct want user, group;
	const char *const *extra;
	size_t n_extra;
	bool user_found, group_found;
	char user_name[ROOTFS_USERS_NAME_MAX]; /* of the passwd entry; "" without one */
	bool extra_found[ROOTFS_GROUPS_MAX];
	struct rootfs_user out;
	bool too_many;
};

/* ---- numbers ---------------------------------------------------------------------- */

/* 1: a number in range, 0: not a number, -ERANGE.  What has the form of a number is never a name, however
 * large: a lookup by name must not be reachable by an overflow. */
static int parse_id(const char *s, size_t n, uint32_t *ret)
{
	size_t i = n > 0 && (s[0] == '+' || s[0] == '-');
	uint64_t v = 0;

	if (i == n)
		return 0;
	for (size_t j = i; j < n; j++)
		if (s[j] < '0' || s[j] > '9')
			return 0;
	for (; i < n; i++) {
		v = v * 10 + (uint64_t)(s[i] - '0');
		if (v > ID_MAX)
			return -ERANGE;
	}
	if (s[0] == '-')
		return -ERANGE;
	*ret = (uint32_t)v;
	return 1;
}

static int range_error(struct error *err)
{
	return error_invalid(err, "uids and gids must be in range 0-%d", ID_MAX);
}

static int want_init(struct want *w, const char *s, size_t n, struct error *err)
{
	int r = parse_id(s, n, &w->id);

	w->name = s;
	w->n = n;
	w->numeric = r > 0;
	return r < 0 ? range_error(err) : 0;
}

/* ---- what an entry means ----------------------------------------------------------- */

/* groups[0] is kept for the primary group; the rest is sorted. */
static bool add_group(struct rootfs_user *u, uint32_t gid)
{
	uint32_t low = 1, high = u->ngroups;

	while (low < high) {
		uint32_t mid = low + (high - low) / 2;
		if (u->groups[mid] < gid)
			low = mid + 1;
		else
			high = mid;
	}
	if (low < u->ngroups && u->groups[low] == gid)
		return true;
	if (u->ngroups == ROOTFS_GROUPS_MAX)
		return false;
	memmove(u->groups + low + 1, u->groups + low, (u->ngroups - low) * sizeof u->groups[0]);
	u->groups[low] = gid;
	u->ngroups++;
	return true;
}

static bool is_wanted(const struct want *w, const char *name, uint32_t id)
{
	if (w->numeric)
		return w->id == id;
	return strlen(name) == w->n && memcmp(name, w->name, w->n) == 0;
}

/* The first entry that fits wins; returns true when no more need be read. */
static bool take_passwd(struct lookup *l)
{
	struct line *line = &l->line;

	if (!line->has_uid || !line->has_gid || !is_wanted(&l->user, line->name, line->uid))
		return false;
	l->user_found = true;
	l->out.uid = line->uid;
	l->out.gid = line->gid;
	memcpy(l->user_name, line->name, sizeof l->user_name);
	if (line->home[0])
		memcpy(l->out.home, line->home, sizeof l->out.home);
	return true;
}

static void take_extra(struct lookup *l, const char *name, uint32_t gid)
{
	for (size_t i = 0; i < l->n_extra; i++) {
		if (l->extra_found[i] || strcmp(l->extra[i], name) != 0)
			continue;
		l->extra_found[i] = true;
		l->too_many |= !add_group(&l->out, gid);
	}
}

static bool take_group(struct lookup *l)
{
	struct line *line = &l->line;

	if (!line->has_gid)
		return false;
	take_extra(l, line->name, line->gid);
	if (l->group.n == 0 && line->has_member)
		l->too_many |= !add_group(&l->out, line->gid);
	if (l->group.n > 0 && !l->group_found && is_wanted(&l->group, line->name, line->gid)) {
		l->group_found = true;
		l->out.gid = line->gid;
	}
	return l->too_many || (l->group_found && l->n_extra == 0);
}

/* ---- lines -------------------------------------------------------------------------- */

static bool is_space(char c)
{
	return c == ' ' || c == '\t' || c == '\r' || c == '\v' || c == '\f';
}

static void keep_text(struct line *line, char *to, size_t size)
{
	if (line->cut || line->token_n >= size) {
		line->bad = true;
		return;
	}
	memcpy(to, line->token, line->token_n);
	to[line->token_n] = '\0';
}

static void keep_id(struct line *line, uint32_t *id, bool *has)
{
	*has = !line->cut && parse_id(line->token, line->token_n, id) > 0;
}

static void end_token(struct lookup *l)
{
	struct line *line = &l->line;

	if (line->field == FIELD_NAME)
		keep_text(line, line->name, sizeof line->name);
	else if (l->kind == PASSWD && line->field == FIELD_UID)
		keep_id(line, &line->uid, &line->has_uid);
	else if (l->kind == PASSWD && line->field == FIELD_GID)
		keep_id(line, &line->gid, &line->has_gid);
	else if (l->kind == PASSWD && line->field == FIELD_HOME)
		keep_text(line, line->home, sizeof line->home);
	else if (l->kind == GROUP && line->field == GROUP_FIELD_GID)
		keep_id(line, &line->gid, &line->has_gid);
	else if (l->kind == GROUP && line->field == GROUP_FIELD_MEMBERS && line->token_n > 0 && !line->cut)
		line->has_member |= strlen(l->user_name) == line->token_n &&
				    memcmp(l->user_name, line->token, line->token_n) == 0;
	line->token_n = 0;
	line->cut = false;
}

static bool end_line(struct lookup *l)
{
	struct line *line = &l->line;
	bool done = false;

	while (line->token_n > 0 && is_space(line->token[line->token_n - 1]))
		line->token_n--;
	end_token(l);
	if (!line->bad && line->name[0] && line->name[0] != '#')
		done = l->kind == PASSWD ? take_passwd(l) : take_group(l);
	memset(line, 0, offsetof(struct line, token));
	line->name[0] = line->home[0] = '\0';
	line->has_uid = line->has_gid = line->has_member = false;
	return done;
}

static void add_char(struct line *line, char c)
{
	line->started = true;
	if (c == '\0')
		line->bad = true;
	if (line->token_n < sizeof line->token - 1)
		line->token[line->token_n++] = c;
	else
		line->cut = true;
}

/* Returns true when no more need be read. */
static bool feed(struct lookup *l, const char *data, size_t n)
{
	struct line *line = &l->line;

	for (size_t i = 0; i < n; i++) {
		char c = data[i];
		if (c == '\n') {
			if (end_line(l))
				return true;
		} else if (c == ':') {
			line->started = true;
			end_token(l);
			if (line->field < 100)
				line->field++;
		} else if (c == ',' && l->kind == GROUP && line->field == GROUP_FIELD_MEMBERS) {
			end_token(l);
		} else if (line->started || !is_space(c)) {
			add_char(line, c);
		}
	}
	return false;
}

/* ---- the two files ---------------------------------------------------------------------- */

static void begin(struct lookup *l, enum file_kind kind)
{
	l->kind = kind;
	memset(&l->line, 0, sizeof l->line);
}

static int scan_fd(struct lookup *l, int fd, struct error *err)
{
	uint64_t total = 0;
	char buf[4096];

	for (;;) {
		ssize_t n = read(fd, buf, sizeof buf);
		if (n < 0 && errno == EINTR)
			continue;
		if (n < 0)
			return error_sys(
				err, errno, "cannot read /etc/%s of the container", file_names[l->kind]);
		if (n == 0)
			break;
		if (feed(l, buf, (size_t)n))
			return 0;
		total += (uint64_t)n;
		if (total >= ROOTFS_USERS_SCAN_MAX)
			return error_invalid(err, "/etc/%s of the container is larger than %d MiB",
				file_names[l->kind], (int)(ROOTFS_USERS_SCAN_MAX >> 20));
	}
	end_line(l);
	return 0;
}

static int scan_file(struct lookup *l, enum file_kind kind, int rootfd, struct error *err)
{
	begin(l, kind);
	auto_close int fd = rootfs_open_file(rootfd, kind == PASSWD ? "etc/passwd" : "etc/group");
	if (fd == -ENOENT || fd == -ENOTDIR)
		return 0;
	if (fd == -EISDIR || fd == -EINVAL)
		return error_invalid(err, "/etc/%s of the container is not a regular file", file_names[kind]);
	if (fd < 0)
		return error_sys(err, -fd, "cannot open /etc/%s of the container", file_names[kind]);
	return scan_fd(l, fd, err);
}

static void scan_text(struct lookup *l, enum file_kind kind, const char *text, size_t n)
{
	begin(l, kind);
	if (text && !feed(l, text, n))
		end_line(l);
}

/* ---- the request ---------------------------------------------------------------------------- */

static int init_extra(struct lookup *l, const char *const *extra, size_t n_extra, struct error *err)
{
	if (n_extra >= ROOTFS_GROUPS_MAX)
		return error_invalid(err, "too many additional groups: at most %d", ROOTFS_GROUPS_MAX - 1);
	l->extra = extra;
	l->n_extra = n_extra;
	for (size_t i = 0; i < n_extra; i++) {
		uint32_t gid;
		int r = parse_id(extra[i], strlen(extra[i]), &gid);
		if (r < 0)
			return range_error(err);
		if (r > 0)
			l->extra_found[i] = add_group(&l->out, gid);
	}
	return 0;
}

static int lookup_init(
	struct lookup *l, const char *spec, const char *const *extra, size_t n_extra, struct error *err)
{
	const char *colon = strchr(spec, ':');
	size_t user_n = colon ? (size_t)(colon - spec) : strlen(spec);
	const char *group = colon ? colon + 1 : "";

	memset(l, 0, sizeof *l);
	memcpy(l->out.home, "/", 2);
	l->out.ngroups = 1;
	int r = user_n > 0 ? want_init(&l->user, spec, user_n, err) : want_init(&l->user, "0", 1, err);
	if (r == 0)
		r = want_init(&l->group, group, strcspn(group, ":"), err);
	return r == 0 ? init_extra(l, extra, n_extra, err) : r;
}

static int finish_user(struct lookup *l, struct error *err)
{
	if (l->user_found)
		return 0;
	if (!l->user.numeric)
		return error_invalid(err, "unable to find user %.*s: no matching entries in passwd file",
			(int)l->user.n, l->user.name);
	l->out.uid = l->user.id;
	return 0;
}

static int finish_group(struct lookup *l, struct error *err)
{
	if (l->group.n == 0 || l->group_found)
		return 0;
	if (!l->group.numeric)
		return error_invalid(err, "unable to find group %.*s: no matching entries in group file",
			(int)l->group.n, l->group.name);
	l->out.gid = l->group.id;
	return 0;
}

static int finish_extra(const struct lookup *l, struct error *err)
{
	if (l->too_many)
		return error_invalid(err, "user is in more than %d groups", ROOTFS_GROUPS_MAX);
	for (size_t i = 0; i < l->n_extra; i++)
		if (!l->extra_found[i])
			return error_invalid(err,
				"unable to find group %s: no matching entries in group file", l->extra[i]);
	return 0;
}

/* The primary group goes first and is not named twice. */
static void finish_primary(struct rootfs_user *u)
{
	u->groups[0] = u->gid;
	for (uint32_t i = 1; i < u->ngroups; i++) {
		if (u->groups[i] != u->gid)
			continue;
		memmove(u->groups + i, u->groups + i + 1, (u->ngroups - i - 1) * sizeof u->groups[0]);
		u->ngroups--;
		return;
	}
}

static bool needs_groups(const struct lookup *l)
{
	return l->group.n > 0 || l->user_name[0] || l->n_extra > 0;
}

static int finish(struct lookup *l, struct rootfs_user *ret, struct error *err)
{
	int r = finish_group(l, err);

	if (r == 0)
		r = finish_extra(l, err);
	if (r < 0)
		return r;
	finish_primary(&l->out);
	*ret = l->out;
	return 0;
}

int rootfs_user_resolve(int rootfd, const char *spec, const char *const *extra, size_t n_extra,
	struct rootfs_user *ret, struct error *err)
{
	struct lookup l;

	int r = lookup_init(&l, spec, extra, n_extra, err);
	if (r == 0)
		r = scan_file(&l, PASSWD, rootfd, err);
	if (r == 0)
		r = finish_user(&l, err);
	if (r == 0 && needs_groups(&l))
		r = scan_file(&l, GROUP, rootfd, err);
	return r < 0 ? r : finish(&l, ret, err);
}

int rootfs_user_resolve_text(const char *passwd, size_t passwd_n, const char *group, size_t group_n,
	const char *spec, const char *const *extra, size_t n_extra, struct rootfs_user *ret,
	struct error *err)
{
	struct lookup l;

	int r = lookup_init(&l, spec, extra, n_extra, err);
	if (r < 0)
		return r;
	scan_text(&l, PASSWD, passwd, passwd_n);
	r = finish_user(&l, err);
	if (r < 0)
		return r;
	if (needs_groups(&l))
		scan_text(&l, GROUP, group, group_n);
	return finish(&l, ret, err);
}
