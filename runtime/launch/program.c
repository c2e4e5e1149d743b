/* SPDX-License-Identifier: Apache-2.0 */
/* The program: vectors, look-up in $PATH, and the execve(2) with all that must be the last before it. */
#include "runtime/launch/run.h"

#include "lib/base/cleanup.h"
#include "lib/base/sys.h"

#include <errno.h>
#include <limits.h>
#include <linux/seccomp.h>
#include <signal.h>
#include <string.h>
#include <sys/stat.h>

static char **make_vector(const struct run *run, struct launch_vec v, const char *more, size_t *ret_n)
{
	const struct launch_str *s = launch_items(run->rec, v, struct launch_str);
	char **out = malloc(((size_t)v.n + 2) * sizeof *out);
	size_t n = 0;

	if (!out)
		return NULL;
	for (; n < v.n; n++)
		out[n] = (char *)(uintptr_t)launch_text(run->rec, s[n]);
	if (more)
		out[n++] = (char *)(uintptr_t)more;
	out[n] = NULL;
	*ret_n = n;
	return out;
}

static int check_program(const char *path)
{
	struct stat st;

	if (stat(path, &st) < 0)
		return -errno;
	if (S_ISDIR(st.st_mode))
		return -EISDIR;
	return access(path, X_OK) < 0 ? -errno : 0;
}

/* As execvp(3) and Go's LookPath: the first candidate that can be executed; an empty element is the working
 * directory. */
static int search(const char *list, const char *name, char *buf, size_t size)
{
	size_t len = strlen(name);

	for (const char *p = list; p;) {
		size_t n = strcspn(p, ":");
		if (n + 1 + len + 1 <= size) {
			memcpy(buf, p, n);
			if (n)
				buf[n] = '/';
			memcpy(buf + n + (n ? 1 : 0), name, len + 1);
			if (check_program(buf) == 0)
				return 0;
		}
		p = p[n] ? p + n + 1 : NULL;
	}
	return -ENOENT;
}

static const char *path_variable(char *const envp[])
{
	const char *found = NULL;

	for (; *envp; envp++)
		if (strncmp(*envp, "PATH=", 5) == 0)
			found = *envp + 5;
	return found;
}

static int find_path(struct run *run, struct program *p)
{
	const char *name = p->argv[0], *list = path_variable(p->envp);
	char buf[PATH_MAX];
	int r;

	if (strchr(name, '/')) {
		r = check_program(name);
		if (r < 0)
			return phase_fail(run->err, LAUNCH_PHASE_EXEC, -r, name);
		p->path = strdup(name);
	} else {
		r = name[0] && list ? search(list, name, buf, sizeof buf) : -ENOENT;
		if (r < 0)
			return phase_fail(run->err, LAUNCH_PHASE_LOOKUP, -r, name);
		p->path = strdup(buf);
	}
	return p->path ? 0 : phase_fail(run->err, LAUNCH_PHASE_LOOKUP, ENOMEM, name);
}

bool program_has_env(const struct run *run, const char *name)
{
	const struct launch_str *env = launch_items(run->rec, run->proc->env, struct launch_str);
	size_t n = strlen(name);

	for (uint32_t i = 0; i < run->proc->env.n; i++) {
		const char *text = launch_text(run->rec, env[i]);
		if (strncmp(text, name, n) == 0 && text[n] == '=')
			return true;
	}
	return false;
}

static char *home_variable(const char *home)
{
	size_t n = strlen(home);
	char *text = malloc(5 + n + 1);

	if (text) {
		memcpy(text, "HOME=", 5);
		memcpy(text + 5, home, n + 1);
	}
	return text;
}

int program_find(struct run *run, struct program *ret)
{
	size_t n;
	char *home = NULL;

	if (run->home && !program_has_env(run, "HOME"))
		home = home_variable(run->home);
	ret->argv = make_vector(run, run->proc->args, NULL, &n);
	ret->envp = make_vector(run, run->proc->env, home, &n);
	if (!ret->argv || !ret->envp)
		return phase_fail(run->err, LAUNCH_PHASE_EXEC, ENOMEM, NULL);
	return find_path(run, ret);
}

static int load_seccomp(struct run *run)
{
	const struct launch_process *p = run->proc;
	struct sock_fprog prog = { .len = (unsigned short)p->seccomp.n,
		.filter = (struct sock_filter *)(uintptr_t)launch_items(
			run->rec, p->seccomp, struct sock_filter) };

	if (p->seccomp.n == 0)
		return 0;
	if (syscall(SYS_seccomp, SECCOMP_SET_MODE_FILTER, p->seccomp_flags, &prog) < 0)
		return phase_errno(run->err, LAUNCH_PHASE_SECCOMP, NULL);
	return 0;
}

/* The descriptors to keep become 3, 4, ...; whatever is in their way moves up first.  All others close at the
 * exec. */
static int place_fds(struct run *run, int *sock)
{
	int n = (int)run->proc->preserve_fds, first = (int)run->args->nfds - n;
	int moved[LAUNCH_FDS_MAX];

	if (n == 0)
		return 0;
	*sock = fcntl(*sock, F_DUPFD_CLOEXEC, 3 + n);
	if (*sock < 0)
		return -errno;
	for (int i = 0; i < n; i++) {
		moved[i] = fcntl(run->args->fds[first + i], F_DUPFD_CLOEXEC, 3 + n);
		if (moved[i] < 0)
			return -errno;
	}
	for (int i = 0; i < n; i++)
		if (dup2(moved[i], 3 + i) < 0)
			return -errno;
	return 0;
}

int program_exec(struct run *run, const struct program *program, int *sock)
{
	sigset_t none;
	int r = place_fds(run, sock);

	if (r < 0)
		return phase_fail(run->err, LAUNCH_PHASE_EXEC, -r, "descriptors");
	if (sys_close_range(3 + run->proc->preserve_fds, ~0u, CLOSE_RANGE_CLOEXEC) < 0)
		return phase_errno(run->err, LAUNCH_PHASE_EXEC, "descriptors");
	sigemptyset(&none);
	sigprocmask(SIG_SETMASK, &none, NULL);
	r = load_seccomp(run);
	if (r == 0)
		r = user_drop_rest(run);
	if (r < 0)
		return r;
	execve(program->path, program->argv, program->envp);
	return phase_errno(run->err, LAUNCH_PHASE_EXEC, program->argv[0]);
}
