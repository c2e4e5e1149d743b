/* SPDX-License-Identifier: Apache-2.0 */
#include "programs/gantry-dns/confine.h"

#include <errno.h>
#include <linux/capability.h>
#include <seccomp.h>
#include <sys/prctl.h>
#include <sys/resource.h>
#include <sys/syscall.h>
#include <unistd.h>

#define MEMORY_MAX (UINT64_C(512) << 20)

#ifdef GANTRY_SANITIZED
/* A sanitizer's shadow is larger than any limit, and its search for leaks traces other processes. */
#undef MEMORY_MAX
#define MEMORY_MAX RLIM_INFINITY
const char *__asan_default_options(void); /* NOLINT: the sanitizer's name */
const char *__asan_default_options(void)
{
	return "detect_leaks=0";
}
#endif

static const int allowed[] = { SCMP_SYS(epoll_wait), SCMP_SYS(epoll_pwait), SCMP_SYS(epoll_ctl),
	SCMP_SYS(recvmsg), SCMP_SYS(sendmsg), SCMP_SYS(recvfrom), SCMP_SYS(sendto), SCMP_SYS(accept4),
	SCMP_SYS(socket), SCMP_SYS(connect), SCMP_SYS(close), SCMP_SYS(read), SCMP_SYS(write),
	SCMP_SYS(pread64), SCMP_SYS(poll), SCMP_SYS(ppoll), SCMP_SYS(getsockopt), SCMP_SYS(getrandom),
	SCMP_SYS(clock_gettime), SCMP_SYS(geteuid), SCMP_SYS(mmap), SCMP_SYS(munmap), SCMP_SYS(mremap),
	SCMP_SYS(madvise), SCMP_SYS(brk), SCMP_SYS(mprotect), SCMP_SYS(futex), SCMP_SYS(rt_sigreturn),
	SCMP_SYS(rt_sigprocmask), SCMP_SYS(restart_syscall), SCMP_SYS(exit), SCMP_SYS(exit_group),
	SCMP_SYS(fcntl) };

static int drop_caps(void)
{
	struct __user_cap_header_struct head = { .version = _LINUX_CAPABILITY_VERSION_3 };
	struct __user_cap_data_struct none[2] = { 0 };

	for (unsigned c = 0; prctl(PR_CAPBSET_READ, (unsigned long)c, 0, 0, 0) >= 0; c++)
		if (prctl(PR_CAPBSET_DROP, (unsigned long)c, 0, 0, 0) < 0)
			return -errno;
	return syscall(SYS_capset, &head, none) < 0 ? -errno : 0;
}

static int filter_calls(void)
{
	scmp_filter_ctx ctx = seccomp_init(SCMP_ACT_ERRNO(ENOSYS));
	int r = ctx ? 0 : -ENOMEM;

	for (size_t i = 0; r == 0 && i < sizeof allowed / sizeof allowed[0]; i++)
		if (allowed[i] >= 0)
			r = seccomp_rule_add(ctx, SCMP_ACT_ALLOW, allowed[i], 0);
	if (r == 0)
		r = seccomp_load(ctx);
	seccomp_release(ctx);
	return r;
}

int confine(void)
{
	struct rlimit memory = { MEMORY_MAX, MEMORY_MAX }, core = { 0, 0 };

	if (setrlimit(RLIMIT_AS, &memory) < 0 || setrlimit(RLIMIT_CORE, &core) < 0 || chdir("/") < 0)
		return -errno;
	int r = drop_caps();
	if (r == 0 && prctl(PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0) < 0)
		r = -errno;
	return r == 0 ? filter_calls() : r;
}
