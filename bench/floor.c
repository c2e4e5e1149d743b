/* SPDX-License-Identifier: Apache-2.0 */
/*
 * floor ROOTFS COMMAND [ARG...] - one container by bare system calls: the least that this kernel lets a
 * container cost. It has what a runtime gives: cgroups, all namespaces but the user's, the usual mounts and
 * devices, masked and read-only paths, dropped capabilities and a seccomp filter; there is no configuration,
 * no state and no error to explain.  GANTRY_WORLD_CGROUP names the folder in each hierarchy to work below.
 * The exit code is the command's.
 *
 * Each step is done in the cheapest way known: the child joins its cgroups by writing 0 to `tasks` (v1) or is
 * cloned into its cgroup (v2), since moving a process from outside waits for an RCU grace period.
 */
#include "lib/base/fd.h"
#include "lib/base/sys.h"

#include <dirent.h>
#include <errno.h>
#include <linux/filter.h>
#include <linux/seccomp.h>
#include <net/if.h>
#include <sched.h>
#include <stddef.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/ioctl.h>
#include <sys/prctl.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/sysmacros.h>
#include <sys/wait.h>

#define CGROUP_ROOT   "/sys/fs/cgroup"
#define CAPABILITIES  UINT64_C(0xa80425fb) /* Docker's default set */
#define NAMESPACES    (CLONE_NEWPID | CLONE_NEWNS | CLONE_NEWUTS | CLONE_NEWIPC | CLONE_NEWNET)
#define HIERARCHY_MAX 32

struct hierarchies {
	char folder[HIERARCHY_MAX][256]; /* the container's folder in each v1 hierarchy */
	char v2[256];                    /* and in v2; empty: not mounted */
	size_t n;
};

static void die(const char *what)
{
	fprintf(stderr, "floor: %s: %s\n", what, strerror(errno));
	_exit(125);
}

static void must(int r, const char *what)
{
	if (r < 0)
		die(what);
}

/* ---- cgroups ---- */

static void copy_setting(const char *parent, const char *folder, const char *file)
{
	char path[512], *value;

	snprintf(path, sizeof path, "%s/%s", parent, file);
	if (fd_read_file(AT_FDCWD, path, 4096, &value, NULL) < 0)
		return;
	snprintf(path, sizeof path, "%s/%s", folder, file);
	fd_write_file(AT_FDCWD, path, value);
	free(value);
}

static void add_hierarchy(struct hierarchies *h, const char *name, const char *world)
{
	char parent[200], probe[256];

	snprintf(parent, sizeof parent, CGROUP_ROOT "/%.60s/%.100s", name, world);
	if (access(parent, F_OK) < 0 || h->n == HIERARCHY_MAX)
		return;
	snprintf(probe, sizeof probe, "%s/cgroup.controllers", parent);
	char *folder = access(probe, F_OK) == 0 ? h->v2 : h->folder[h->n++];
	snprintf(folder, sizeof h->v2, "%s/floor", parent);
	must(mkdir(folder, 0755), folder);
	if (strcmp(name, "cpuset") == 0) {
		copy_setting(parent, folder, "cpuset.cpus");
		copy_setting(parent, folder, "cpuset.mems");
	}
}

static void make_cgroups(struct hierarchies *h)
{
	const char *world = getenv("GANTRY_WORLD_CGROUP");
	DIR *dir = opendir(CGROUP_ROOT);
	struct dirent *entry;

	if (!world || !dir) {
		errno = ENOENT;
		die("no cgroups to work in");
	}
	if (access(CGROUP_ROOT "/cgroup.controllers", F_OK) == 0)
		add_hierarchy(h, ".", world);
	else
		while ((entry = readdir(dir)))
			if (entry->d_type == DT_DIR && entry->d_name[0] != '.')
				add_hierarchy(h, entry->d_name, world);
	closedir(dir);
}

static void join_cgroups(const struct hierarchies *h)
{
	char path[300];

	for (size_t i = 0; i < h->n; i++) {
		snprintf(path, sizeof path, "%s/tasks", h->folder[i]);
		must(fd_write_file(AT_FDCWD, path, "0"), path);
	}
	must(unshare(CLONE_NEWCGROUP), "unshare cgroup");
}

static void remove_cgroups(const struct hierarchies *h)
{
	for (size_t i = 0; i < h->n; i++)
		rmdir(h->folder[i]);
	if (h->v2[0])
		rmdir(h->v2);
}

/* ---- the root file system ---- */

static void make_devices(void)
{
	static const struct {
		const char *path;
		unsigned major, minor;
	} nodes[] = { { "dev/null", 1, 3 }, { "dev/zero", 1, 5 }, { "dev/full", 1, 7 },
		{ "dev/random", 1, 8 }, { "dev/urandom", 1, 9 }, { "dev/tty", 5, 0 } };
	static const char *const links[][2] = { { "/proc/self/fd", "dev/fd" },
		{ "/proc/self/fd/0", "dev/stdin" }, { "/proc/self/fd/1", "dev/stdout" },
		{ "/proc/self/fd/2", "dev/stderr" }, { "pts/ptmx", "dev/ptmx" } };

	must(mount("tmpfs", "dev", "tmpfs", MS_NOSUID | MS_STRICTATIME, "mode=755,size=65536k"), "dev");
	must(mkdir("dev/pts", 0755) | mkdir("dev/shm", 0755) | mkdir("dev/mqueue", 0755), "folders of dev");
	must(mount("devpts", "dev/pts", "devpts", MS_NOSUID | MS_NOEXEC,
		     "newinstance,ptmxmode=0666,mode=0620,gid=5"),
		"devpts");
	must(mount("shm", "dev/shm", "tmpfs", MS_NOSUID | MS_NODEV | MS_NOEXEC, "mode=1777,size=65536k"),
		"shm");
	must(mount("mqueue", "dev/mqueue", "mqueue", MS_NOSUID | MS_NODEV | MS_NOEXEC, NULL), "mqueue");
	for (size_t i = 0; i < sizeof nodes / sizeof *nodes; i++)
		must(mknod(nodes[i].path, S_IFCHR | 0666, makedev(nodes[i].major, nodes[i].minor)),
			nodes[i].path);
	for (size_t i = 0; i < sizeof links / sizeof *links; i++)
		must(symlink(links[i][0], links[i][1]), links[i][1]);
}

static void hide_paths(void)
{
	static const char *const readonly[] = { "/proc/bus", "/proc/fs", "/proc/irq", "/proc/sys",
		"/proc/sysrq-trigger" };
	static const char *const masked[] = { "/proc/kcore", "/proc/keys", "/proc/timer_list" };
	static const char *const emptied[] = { "/proc/acpi", "/proc/scsi", "/sys/firmware" };
	const unsigned long flags = MS_BIND | MS_REMOUNT | MS_RDONLY | MS_NOSUID | MS_NODEV | MS_NOEXEC;

	for (size_t i = 0; i < sizeof readonly / sizeof *readonly; i++)
		if (mount(readonly[i], readonly[i], NULL, MS_BIND | MS_REC, NULL) == 0)
			must(mount(NULL, readonly[i], NULL, flags, NULL), readonly[i]);
	/* a path that this kernel does not have needs no mask */
	for (size_t i = 0; i < sizeof masked / sizeof *masked; i++)
		mount("/dev/null", masked[i], NULL, MS_BIND, NULL);
	for (size_t i = 0; i < sizeof emptied / sizeof *emptied; i++)
		mount("tmpfs", emptied[i], "tmpfs", MS_RDONLY, "size=0");
}

static void enter_root(const char *rootfs)
{
	const unsigned long flags = MS_NOSUID | MS_NODEV | MS_NOEXEC;

	must(mount(NULL, "/", NULL, MS_REC | MS_PRIVATE, NULL), "private mounts");
	must(mount(rootfs, rootfs, NULL, MS_BIND, NULL), rootfs);
	must(chdir(rootfs), rootfs);
	must(mount("proc", "proc", "proc", flags, NULL), "proc");
	must(mount("sysfs", "sys", "sysfs", flags | MS_RDONLY, NULL), "sysfs");
	make_devices();
	must(sys_pivot_root(".", "."), "pivot_root");
	must(umount2(".", MNT_DETACH), "old root");
	must(chdir("/"), "/");
	hide_paths();
}

/* ---- rights ---- */

/* Ranges of allowed system calls between the forbidden ones, as a compiled profile has: about forty steps. */
static void install_filter(void)
{
	enum { RANGES = 40, STEP = 9, FORBIDDEN = 165 };
	struct sock_filter code[RANGES * 4 + 3];
	unsigned short n = 0;

	code[n++] = (struct sock_filter)BPF_STMT(BPF_LD | BPF_W | BPF_ABS, offsetof(struct seccomp_data, nr));
	for (unsigned i = 0; i < RANGES; i++) {
		code[n++] = (struct sock_filter)BPF_JUMP(BPF_JMP | BPF_JGE | BPF_K, (i + 1) * STEP, 3, 0);
		code[n++] = (struct sock_filter)BPF_JUMP(BPF_JMP | BPF_JEQ | BPF_K, FORBIDDEN, 0, 1);
		code[n++] = (struct sock_filter)BPF_STMT(BPF_RET | BPF_K, SECCOMP_RET_ERRNO | EPERM);
		code[n++] = (struct sock_filter)BPF_STMT(BPF_RET | BPF_K, SECCOMP_RET_ALLOW);
	}
	code[n++] = (struct sock_filter)BPF_STMT(BPF_RET | BPF_K, SECCOMP_RET_ALLOW);
	struct sock_fprog program = { .len = n, .filter = code };
	must(prctl(PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0), "no_new_privs");
	must((int)syscall(SYS_seccomp, SECCOMP_SET_MODE_FILTER, 0, &program), "seccomp");
}

static void drop_capabilities(void)
{
	for (int cap = 0; cap <= 40; cap++)
		if (!(CAPABILITIES >> cap & 1))
			prctl(PR_CAPBSET_DROP, cap, 0, 0, 0);
}

static void raise_loopback(void)
{
	struct ifreq request = { .ifr_name = "lo", .ifr_flags = IFF_UP };
	int sock = socket(AF_INET, SOCK_DGRAM | SOCK_CLOEXEC, 0);

	must(ioctl(sock, SIOCSIFFLAGS, &request), "lo");
	close(sock);
}

static void run_container(const struct hierarchies *h, const char *rootfs, char **argv)
{
	static char path[] = "PATH=/bin:/usr/bin", *const environment[] = { path, NULL };

	join_cgroups(h);
	enter_root(rootfs);
	must(sethostname("floor", 5), "host name");
	raise_loopback();
	drop_capabilities();
	install_filter();
	execve(argv[0], argv, environment);
	die(argv[0]);
}

int main(int argc, char **argv)
{
	struct hierarchies h = { 0 };
	struct sys_clone_args args = { .flags = NAMESPACES, .exit_signal = SIGCHLD };
	int status;

	if (argc < 3) {
		fprintf(stderr, "usage: floor ROOTFS COMMAND [ARG...]\n");
		return 125;
	}
	make_cgroups(&h);
	if (h.v2[0]) {
		args.flags |= SYS_CLONE_INTO_CGROUP;
		args.cgroup = (uint64_t)open(h.v2, O_PATH | O_DIRECTORY | O_CLOEXEC);
	}
	pid_t pid = sys_clone3(&args);
	if (pid == 0)
		run_container(&h, argv[1], argv + 2);
	must(pid, "clone3");
	must(waitpid(pid, &status, 0), "waitpid");
	remove_cgroups(&h);
	return WIFEXITED(status) ? WEXITSTATUS(status) : 128 + WTERMSIG(status);
}
