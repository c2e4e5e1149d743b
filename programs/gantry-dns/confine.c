/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The walls: an empty root, nobody's user, no capability, and system calls for what is open already.  Without
 * socket(2) and open(2) nothing of the host can be reached but gantryd's own connection.
 */
#include "programs/gantry-dns/confine.h"

#include <errno.h>
#include <grp.h>
#include <linux/audit.h>
#include <linux/capability.h>
#include <linux/filter.h>
#include <linux/seccomp.h>
#include <sched.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <sys/mman.h>
#include <sys/mount.h>
#include <sys/prctl.h>
#include <sys/resource.h>
#include <sys/syscall.h>
#include <unistd.h>

#define MEMORY_MAX (UINT64_C(512) << 20)
#define FILES_MAX  (1u << 18) /* eight for each sandbox */
#define NOBODY     65534

#ifdef GANTRY_SANITIZED
/* A sanitizer needs memory without limit and calls of its own; its search for leaks traces other processes.
 */
#define SANITIZED true
__attribute__((visibility("default"))) const char *__asan_default_options(void); /* NOLINT: its name */
const char *__asan_default_options(void)
{
	return "detect_leaks=0";
}
#else
#define SANITIZED false
#endif

#if defined(__x86_64__)
#define ARCH AUDIT_ARCH_X86_64
#elif defined(__aarch64__)
#define ARCH AUDIT_ARCH_AARCH64
#else
#error "the audit number of this architecture is not known here"
#endif

/* ---- root and user ---------------------------------------------------------------------- */
static int enter_empty_root(void)
{
	if (unshare(CLONE_NEWNS | CLONE_NEWIPC | CLONE_NEWUTS) < 0 ||
		mount(NULL, "/", NULL, MS_REC | MS_PRIVATE, NULL) < 0 ||
		mount("none", "/tmp", "tmpfs", MS_RDONLY | MS_NOSUID | MS_NODEV | MS_NOEXEC,
			"size=4k,mode=555") < 0 ||
		chdir("/tmp") < 0 || syscall(SYS_pivot_root, ".", ".") < 0 || umount2(".", MNT_DETACH) < 0 ||
		chdir("/") < 0)
		return -errno;
	return 0;
}

/* As many descriptors as wanted, or as allowed. */
static int raise_files(void)
{
	struct rlimit files = { FILES_MAX, FILES_MAX };

	if (setrlimit(RLIMIT_NOFILE, &files) == 0)
		return 0;
	if (getrlimit(RLIMIT_NOFILE, &files) < 0)
		return -errno;
	files.rlim_cur = files.rlim_max;
	return setrlimit(RLIMIT_NOFILE, &files) < 0 ? -errno : 0;
}

static int set_limits(void)
{
	const struct rlimit memory = { MEMORY_MAX, MEMORY_MAX }, none = { 0, 0 };

	if ((!SANITIZED && setrlimit(RLIMIT_AS, &memory) < 0) || setrlimit(RLIMIT_CORE, &none) < 0)
		return -errno;
	return raise_files();
}

static int drop_privileges(void)
{
	struct __user_cap_header_struct head = { .version = _LINUX_CAPABILITY_VERSION_3 };
	const struct __user_cap_data_struct none[2] = { { 0, 0, 0 }, { 0, 0, 0 } };

	for (unsigned c = 0; prctl(PR_CAPBSET_READ, (unsigned long)c, 0, 0, 0) >= 0; c++)
		if (prctl(PR_CAPBSET_DROP, (unsigned long)c, 0, 0, 0) < 0)
			return -errno;
	if (setgroups(0, NULL) < 0 || setresgid(NOBODY, NOBODY, NOBODY) < 0 ||
		setresuid(NOBODY, NOBODY, NOBODY) < 0 || syscall(SYS_capset, &head, none) < 0 ||
		prctl(PR_SET_DUMPABLE, 0, 0, 0, 0) < 0 || prctl(PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0) < 0)
		return -errno;
	return 0;
}

/* ---- system calls --------------------------------------------------------------------------- */
static const int allowed[] = {
	SYS_epoll_pwait,
	SYS_epoll_ctl,
	SYS_recvmsg,
	SYS_sendmsg,
	SYS_recvfrom,
	SYS_sendto,
	SYS_accept4,
	SYS_connect,
	SYS_getsockopt,
	SYS_close,
	SYS_write,
	SYS_ppoll,
	SYS_getrandom,
	SYS_clock_gettime,
	SYS_munmap,
	SYS_mremap,
	SYS_madvise,
	SYS_brk,
	SYS_rt_sigreturn,
	SYS_restart_syscall,
	SYS_exit_group,
#ifdef SYS_epoll_wait
	SYS_epoll_wait,
#endif
#ifdef SYS_poll
	SYS_poll,
#endif
};
static const int without_code[] = { SYS_mmap, SYS_mprotect }; /* no memory that can be executed */

#define LOAD(member)         \
	(struct sock_filter) \
		BPF_STMT(BPF_LD | BPF_W | BPF_ABS, (uint32_t)offsetof(struct seccomp_data, member))
#define IF_EQUAL(value, skip) \
	(struct sock_filter) BPF_JUMP(BPF_JMP | BPF_JEQ | BPF_K, (uint32_t)(value), 0, skip)
#define RETURN(action) (struct sock_filter) BPF_STMT(BPF_RET | BPF_K, action)
#define REFUSE         (SECCOMP_RET_ERRNO | ENOSYS)

#define N_ALLOWED (sizeof allowed / sizeof allowed[0])
#define N_CODE    (sizeof without_code / sizeof without_code[0])

/* The argument is an int, in the lower half, which comes first on these machines. */
static int filter_calls(void)
{
	struct sock_filter code[4 + 2 * N_ALLOWED + 5 * N_CODE + 1];
	unsigned short n = 0;

	code[n++] = LOAD(arch);
	code[n++] = (struct sock_filter)BPF_JUMP(BPF_JMP | BPF_JEQ | BPF_K, ARCH, 1, 0);
	code[n++] = RETURN(SECCOMP_RET_KILL_PROCESS);
	code[n++] = LOAD(nr);
	for (size_t i = 0; i < N_ALLOWED; i++) {
		code[n++] = IF_EQUAL(allowed[i], 1);
		code[n++] = RETURN(SECCOMP_RET_ALLOW);
	}
	for (size_t i = 0; i < N_CODE; i++) {
		code[n++] = IF_EQUAL(without_code[i], 4);
		code[n++] = LOAD(args[2]);
		code[n++] = (struct sock_filter)BPF_JUMP(BPF_JMP | BPF_JSET | BPF_K, PROT_EXEC, 1, 0);
		code[n++] = RETURN(SECCOMP_RET_ALLOW);
		code[n++] = RETURN(REFUSE);
	}
	code[n++] = RETURN(REFUSE);
	const struct sock_fprog program = { .len = n, .filter = code };
	return prctl(PR_SET_SECCOMP, SECCOMP_MODE_FILTER, &program, 0, 0) < 0 ? -errno : 0;
}

int confine(void)
{
	int r = enter_empty_root();

	if (r == 0)
		r = set_limits();
	if (r == 0)
		r = drop_privileges();
	return r < 0 || SANITIZED ? r : filter_calls();
}
