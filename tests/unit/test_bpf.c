/* SPDX-License-Identifier: Apache-2.0 */
/* The rewritten filter answers as the one that libseccomp made, but for the overrides. */
#include "runtime/compile/bpf.h"

#include <errno.h>
#include <linux/audit.h>
#include <seccomp.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <unistd.h>

#include <cmocka.h>

#define X32 0x40000000u

struct program {
	struct sock_filter *insns;
	size_t n;
};

static struct program export_filter(scmp_filter_ctx ctx)
{
	struct program p;
	int fd = memfd_create("filter", MFD_CLOEXEC);
	off_t size;

	assert_true(fd >= 0);
	assert_int_equal(seccomp_export_bpf(ctx, fd), 0);
	size = lseek(fd, 0, SEEK_END);
	p.insns = malloc((size_t)size);
	assert_non_null(p.insns);
	assert_int_equal(pread(fd, p.insns, (size_t)size, 0), size);
	p.n = (size_t)size / sizeof *p.insns;
	close(fd);
	return p;
}

static uint32_t answer(
	const struct sock_filter *insns, size_t n, uint32_t arch, uint32_t nr, const uint64_t *args)
{
	struct seccomp_data call = { .arch = arch, .nr = (int)nr };
	uint32_t action = 0x12345678;

	memcpy(call.args, args, sizeof call.args);
	assert_int_equal(bpf_run(insns, n, &call, &action), 0);
	return action;
}

/* Arguments that are worth a try: around what the rules test, and noise. */
static void pick_args(uint64_t *args)
{
	static const uint64_t values[] = { 0, 1, 7, 8, 37, 38, 39, 40, 41, 0x7e020000, 0x10000000, 0xffffffff,
		0x100000000, UINT64_MAX };

	for (int i = 0; i < 6; i++)
		args[i] = rand() % 3 ? values[(size_t)rand() % (sizeof values / sizeof values[0])]
				     : (uint64_t)rand() << (rand() % 33);
}

static const uint32_t all_archs[] = { AUDIT_ARCH_X86_64, AUDIT_ARCH_I386, AUDIT_ARCH_AARCH64, 0 };

static void compare_call(
	const struct program *a, const struct sock_filter *b, size_t n, uint32_t arch, uint32_t nr)
{
	uint64_t args[6];

	for (int i = 0; i < 6; i++) {
		pick_args(args);
		assert_int_equal(answer(a->insns, a->n, arch, nr, args), answer(b, n, arch, nr, args));
	}
}

static void compare(const struct program *a, const struct sock_filter *b, size_t n)
{
	for (size_t i = 0; i < sizeof all_archs / sizeof all_archs[0]; i++) {
		for (uint32_t nr = 0; nr < 600; nr++) {
			compare_call(a, b, n, all_archs[i], nr);
			compare_call(a, b, n, all_archs[i], nr + X32);
		}
		for (int k = 0; k < 200; k++)
			compare_call(a, b, n, all_archs[i], (uint32_t)rand() * 3u);
		compare_call(a, b, n, all_archs[i], UINT32_MAX);
	}
}

static scmp_filter_ctx random_filter(int optimize)
{
	static const uint32_t actions[] = { SCMP_ACT_ALLOW, SCMP_ACT_ERRNO(1), SCMP_ACT_ERRNO(38),
		SCMP_ACT_KILL_PROCESS, SCMP_ACT_LOG };
	uint32_t default_action = actions[rand() % 5];
	scmp_filter_ctx ctx = seccomp_init(default_action);
	int rules = rand() % 300;

	assert_non_null(ctx);
	if (rand() % 2)
		seccomp_arch_add(ctx, SCMP_ARCH_X86);
	if (rand() % 2)
		seccomp_arch_add(ctx, SCMP_ARCH_X32);
	seccomp_attr_set(ctx, SCMP_FLTATR_CTL_OPTIMIZE, (uint32_t)optimize);
	for (int i = 0; i < rules; i++) {
		struct scmp_arg_cmp cmp = { (unsigned)rand() % 6, (enum scmp_compare)(1 + rand() % 7), 0, 0 };
		uint64_t args[6];
		uint32_t action = actions[rand() % 5];

		pick_args(args);
		cmp.datum_a = args[0];
		cmp.datum_b = cmp.op == SCMP_CMP_MASKED_EQ ? args[1] & args[0] : 0;
		if (action != default_action)
			seccomp_rule_add_array(ctx, action, rand() % 440, rand() % 4 ? 0 : 1, &cmp);
	}
	return ctx;
}

static void test_bpf_flatten_random_profiles(void **state)
{
	static const uint32_t archs[] = { AUDIT_ARCH_X86_64, AUDIT_ARCH_I386 };

	(void)state;
	for (unsigned seed = 1; seed <= 24; seed++) {
		struct sock_filter *flat = NULL;
		struct program p;
		scmp_filter_ctx ctx;
		size_t n = 0;

		srand(seed);
		ctx = random_filter(1 + (int)seed % 2);
		p = export_filter(ctx);
		assert_int_equal(bpf_flatten(p.insns, p.n, archs, 2, NULL, 0, &flat, &n, NULL), 0);
		compare(&p, flat, n);
		free(flat);
		free(p.insns);
		seccomp_release(ctx);
	}
}

static void test_bpf_flatten_lays_overrides_over(void **state)
{
	static const uint32_t archs[] = { AUDIT_ARCH_X86_64 };
	const struct bpf_override overrides[] = {
		{ AUDIT_ARCH_X86_64, 40, X32 - 1, SCMP_ACT_ERRNO(1), SCMP_ACT_ERRNO(38) },
	};
	static const uint64_t none[6];
	struct sock_filter *flat = NULL;
	struct program p;
	scmp_filter_ctx ctx = seccomp_init(SCMP_ACT_ERRNO(1));
	size_t n = 0;

	(void)state;
	assert_int_equal(seccomp_rule_add(ctx, SCMP_ACT_ALLOW, 3, 0), 0);
	assert_int_equal(seccomp_rule_add(ctx, SCMP_ACT_ALLOW, 60, 0), 0);
	p = export_filter(ctx);
	assert_int_equal(bpf_flatten(p.insns, p.n, archs, 1, overrides, 1, &flat, &n, NULL), 0);
	assert_int_equal(answer(flat, n, AUDIT_ARCH_X86_64, 3, none), SCMP_ACT_ALLOW);
	assert_int_equal(answer(flat, n, AUDIT_ARCH_X86_64, 4, none), SCMP_ACT_ERRNO(1));
	assert_int_equal(answer(flat, n, AUDIT_ARCH_X86_64, 39, none), SCMP_ACT_ERRNO(1));
	assert_int_equal(answer(flat, n, AUDIT_ARCH_X86_64, 40, none), SCMP_ACT_ERRNO(38));
	assert_int_equal(answer(flat, n, AUDIT_ARCH_X86_64, 60, none), SCMP_ACT_ALLOW);
	assert_int_equal(answer(flat, n, AUDIT_ARCH_X86_64, 61, none), SCMP_ACT_ERRNO(38));
	assert_int_equal(answer(flat, n, AUDIT_ARCH_X86_64, X32, none), SCMP_ACT_KILL_THREAD);
	assert_int_equal(answer(flat, n, AUDIT_ARCH_I386, 3, none), SCMP_ACT_KILL_THREAD);
	free(flat);
	free(p.insns);
	seccomp_release(ctx);
}

static void test_bpf_flatten_refuses_what_it_does_not_understand(void **state)
{
	static const uint32_t archs[] = { AUDIT_ARCH_X86_64 };
	const struct {
		const char *what;
		struct sock_filter insns[3];
		size_t n;
	} cases[] = {
		{ "empty", { { 0 } }, 0 },
		{ "no return at the end", { { BPF_LD | BPF_W | BPF_ABS, 0, 0, 0 } }, 1 },
		{ "an odd offset", { { BPF_LD | BPF_W | BPF_ABS, 0, 0, 2 }, { BPF_RET | BPF_K, 0, 0, 0 } },
			2 },
		{ "an offset behind the data",
			{ { BPF_LD | BPF_W | BPF_ABS, 0, 0, 64 }, { BPF_RET | BPF_K, 0, 0, 0 } }, 2 },
		{ "a jump out", { { BPF_JMP | BPF_JA, 0, 0, 1 }, { BPF_RET | BPF_K, 0, 0, 0 } }, 2 },
		{ "a branch out", { { BPF_JMP | BPF_JEQ | BPF_K, 0, 1, 1 }, { BPF_RET | BPF_K, 0, 0, 0 } },
			2 },
		{ "a bit test", { { BPF_JMP | BPF_JSET | BPF_K, 0, 0, 1 }, { BPF_RET | BPF_K, 0, 0, 0 } },
			2 },
		{ "a mask over the number",
			{ { BPF_LD | BPF_W | BPF_ABS, 0, 0, 0 }, { BPF_ALU | BPF_AND | BPF_K, 0, 0, 1 },
				{ BPF_RET | BPF_K, 0, 0, 0 } },
			3 },
	};

	(void)state;
	for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++) {
		struct sock_filter *flat = NULL;
		size_t n = 0;

		if (bpf_flatten(cases[i].insns, cases[i].n, archs, 1, NULL, 0, &flat, &n, NULL) != -ENOTSUP)
			fail_msg("%s was taken", cases[i].what);
	}
}

static void test_bpf_run_bounds(void **state)
{
	const struct sock_filter runs_out[] = { { BPF_LD | BPF_W | BPF_ABS, 0, 0, 0 } };
	const struct sock_filter jumps_out[] = { { BPF_JMP | BPF_JA, 0, 0, UINT32_MAX },
		{ BPF_RET | BPF_K, 0, 0, 0 } };
	struct seccomp_data call = { 0 };
	uint32_t action;

	(void)state;
	assert_int_equal(bpf_run(runs_out, 1, &call, &action), -EINVAL);
	assert_int_equal(bpf_run(jumps_out, 2, &call, &action), -EINVAL);
	assert_int_equal(bpf_run(NULL, 0, &call, &action), -EINVAL);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_bpf_flatten_random_profiles),
		cmocka_unit_test(test_bpf_flatten_lays_overrides_over),
		cmocka_unit_test(test_bpf_flatten_refuses_what_it_does_not_understand),
		cmocka_unit_test(test_bpf_run_bounds),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
