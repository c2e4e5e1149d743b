/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Preloaded into User-Mode Linux, which sets its processes' vector registers with a block as large as AVX-512
 * needs. On a processor with AMX the kernel takes nothing but the whole, larger block (EFAULT), and the guest
 * panics before its first process runs.  The block is completed here with what the process has.
 */
#include <dlfcn.h>
#include <elf.h>
#include <stdarg.h>
#include <string.h>
#include <sys/ptrace.h>
#include <sys/types.h>
#include <sys/uio.h>

typedef long ptrace_fn(int request, pid_t pid, void *addr, void *data);

static ptrace_fn *real_ptrace;

/* Not on the stack: that of UML's kernel threads is 16 KiB.  Nothing runs in between, UML is single-threaded
 * here. */
static char block[65536] __attribute__((aligned(64)));

__attribute__((constructor)) static void find_ptrace(void)
{
	*(void **)&real_ptrace = dlsym(RTLD_NEXT, "ptrace");
}

static long set_xstate(pid_t pid, void *addr, const struct iovec *part)
{
	struct iovec whole = { block, sizeof block };

	if (real_ptrace(PTRACE_GETREGSET, pid, addr, &whole) < 0)
		return -1;
	if (part->iov_len < whole.iov_len)
		memcpy(block, part->iov_base, part->iov_len);
	else
		whole = *part;
	return real_ptrace(PTRACE_SETREGSET, pid, addr, &whole);
}

__attribute__((visibility("default"))) long ptrace(enum __ptrace_request request, ...)
{
	va_list ap;

	va_start(ap, request);
	pid_t pid = va_arg(ap, pid_t);
	void *addr = va_arg(ap, void *), *data = va_arg(ap, void *);
	va_end(ap);
	if (request == PTRACE_SETREGSET && addr == (void *)NT_X86_XSTATE)
		return set_xstate(pid, addr, data);
	return real_ptrace((int)request, pid, addr, data);
}
