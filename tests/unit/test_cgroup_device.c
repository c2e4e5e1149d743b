/* SPDX-License-Identifier: Apache-2.0 */
/* The device program is run by a small interpreter, so no privilege is needed; where bpf(2) works it is
 * loaded too. */
#include "lib/cgroup/device.h"

#include "lib/base/cleanup.h"

#include <errno.h>
#include <linux/bpf.h>
#include <linux/bpf_common.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <string.h>

#include <cmocka.h>

#define ANY (-1)
#define R   CGROUP_DEVICE_READ
#define W   CGROUP_DEVICE_WRITE
#define M   CGROUP_DEVICE_MKNOD

/* Just the instructions that the generator uses; anything else fails the test. */
static uint64_t run_alu(uint8_t code, uint64_t dst, uint64_t operand)
{
	switch (BPF_OP(code)) {
	case BPF_MOV: return operand;
	case BPF_AND: return dst & operand;
	case BPF_RSH: return dst >> operand;
	}
	fail_msg("unknown arithmetic %#x", code);
	return 0;
}

static bool is_taken(uint8_t code, uint64_t dst, uint64_t operand)
{
	if (BPF_CLASS(code) == BPF_JMP32) {
		dst = (uint32_t)dst;
		operand = (uint32_t)operand;
	}
	switch (BPF_OP(code)) {
	case BPF_JA: return true;
	case BPF_JNE: return dst != operand;
	case BPF_JSET: return (dst & operand) != 0;
	}
	fail_msg("unknown jump %#x", code);
	return false;
}

static uint64_t interpret(const struct bpf_insn *insns, size_t n, const struct bpf_cgroup_dev_ctx *ctx)
{
	uint64_t reg[11] = { 0 };

	for (size_t pc = 0; pc < n; pc++) {
		const struct bpf_insn *i = &insns[pc];
		uint64_t operand = BPF_SRC(i->code) == BPF_X ? reg[i->src_reg] : (uint64_t)(int64_t)i->imm;
		uint32_t word;
		switch (BPF_CLASS(i->code)) {
		case BPF_LDX:
			assert_int_equal(i->src_reg, BPF_REG_1);
			memcpy(&word, (const char *)ctx + i->off, sizeof word);
			reg[i->dst_reg] = word;
			break;
		case BPF_ALU64: reg[i->dst_reg] = run_alu(i->code, reg[i->dst_reg], operand); break;
		default:
			if (i->code == (BPF_JMP | BPF_EXIT))
				return reg[0];
			if (is_taken(i->code, reg[i->dst_reg], operand))
				pc += (size_t)i->off;
		}
	}
	fail_msg("the program runs past its end");
	return 0;
}

static bool allows(const struct cgroup_device_rule *rules, size_t n, char type, uint32_t major,
	uint32_t minor, uint8_t access)
{
	auto_free struct bpf_insn *insns = NULL;
	size_t n_insns;
	struct bpf_cgroup_dev_ctx ctx = { .access_type = (uint32_t)access << 16 |
							 (type == 'b' ? BPF_DEVCG_DEV_BLOCK
								      : BPF_DEVCG_DEV_CHAR),
		.major = major,
		.minor = minor };

	assert_int_equal(cgroup_device_program(rules, n, &insns, &n_insns, NULL), 0);
	return interpret(insns, n_insns, &ctx) != 0;
}

static const struct cgroup_device_rule docker[] = {
	{ 0, 'a', R | W | M, ANY, ANY },
	{ 1, 'c', M, ANY, ANY },
	{ 1, 'b', M, ANY, ANY },
	{ 1, 'c', R | W | M, 1, 3 },
	{ 1, 'u', R | W | M, 136, ANY },
	{ 1, 'b', R, 8, 0 },
	{ 1, 'b', W, 8, 0 },
	{ 1, 'c', R | W, 10, ANY },
	{ 0, 'c', W, 10, 200 },
	{ 1, 'c', R, UINT32_MAX, 4000000000 },
};
#define DOCKER (sizeof docker / sizeof *docker)

static void test_program_decides(void **state)
{
	(void)state;
	static const struct {
		char type;
		uint32_t major, minor;
		uint8_t access;
		bool want;
	} cases[] = {
		{ 'c', 1, 3, R | W, true },
		{ 'c', 1, 3, R | W | M, true },
		{ 'c', 1, 5, R, false },
		{ 'c', 1, 5, M, true },
		{ 'c', 1, 5, R | M, false },
		{ 'b', 1, 3, R, false },
		{ 'b', 7, 7, M, true },
		{ 'c', 136, 4, R | W, true },
		/* Two rules make up what is asked for. */
		{ 'b', 8, 0, R | W, true },
		{ 'b', 8, 0, R | W | M, true },
		{ 'b', 8, 1, R, false },
		/* A later rule takes a part back. */
		{ 'c', 10, 200, R, true },
		{ 'c', 10, 200, W, false },
		{ 'c', 10, 200, R | W, false },
		{ 'c', 10, 201, R | W, true },
		{ 'c', UINT32_MAX, 4000000000, R, true },
		{ 'c', UINT32_MAX, 4000000001, R, false },
	};

	for (size_t i = 0; i < sizeof cases / sizeof *cases; i++)
		if (allows(docker, DOCKER, cases[i].type, cases[i].major, cases[i].minor, cases[i].access) !=
			cases[i].want)
			fail_msg("case %zu", i);
}

static void test_program_without_rules_denies_and_a_total_rule_ends(void **state)
{
	(void)state;
	const struct cgroup_device_rule open_all[] = { docker[0], { 1, 'a', R | W | M, ANY, ANY } };
	const struct cgroup_device_rule all_but[] = { open_all[1], { 0, 'a', W, 5, ANY } };

	assert_false(allows(docker, 0, 'c', 1, 3, R));
	assert_true(allows(open_all, 2, 'b', 9, 9, R | W | M));
	assert_false(allows(open_all, 1, 'b', 9, 9, M));
	assert_false(allows(all_but, 2, 'b', 5, 1, W));
	assert_true(allows(all_but, 2, 'c', 5, 1, R));
}

static void test_program_is_bounded_and_checked(void **state)
{
	(void)state;
	static struct cgroup_device_rule many[CGROUP_DEVICE_RULES_MAX + 1];
	const struct cgroup_device_rule bad[] = { { 1, 'p', R, 1, 1 }, { 1, '\0', R, 1, 1 },
		{ 1, 'c', 0, 1, 1 }, { 1, 'c', 8, 1, 1 }, { 1, 'c', R, -2, 1 },
		{ 1, 'c', R, 1, INT64_C(1) << 32 } };
	auto_free struct bpf_insn *insns = NULL;
	size_t n;

	for (size_t i = 0; i < sizeof bad / sizeof *bad; i++)
		assert_int_equal(cgroup_device_program(&bad[i], 1, &insns, &n, NULL), -EINVAL);
	for (size_t i = 0; i < sizeof many / sizeof *many; i++)
		many[i] = (struct cgroup_device_rule){ i % 2 == 0, 'c', R, (int64_t)i, 1 };
	assert_int_equal(cgroup_device_program(many, CGROUP_DEVICE_RULES_MAX + 1, &insns, &n, NULL), -E2BIG);
	assert_int_equal(cgroup_device_program(many, CGROUP_DEVICE_RULES_MAX, &insns, &n, NULL), 0);
	assert_true(n <= BPF_MAXINSNS);
}

static void load(const struct cgroup_device_rule *rules, size_t n)
{
	auto_free struct bpf_insn *insns = NULL;
	struct error err;
	size_t n_insns;

	assert_int_equal(cgroup_device_program(rules, n, &insns, &n_insns, &err), 0);
	int fd = cgroup_device_load(insns, n_insns, &err);
	if (fd == -EPERM || fd == -ENOSYS) {
		print_message("skipped: %s\n", err.text);
		skip();
	}
	if (fd < 0)
		fail_msg("%s", err.text);
	close(fd);
}

static void test_program_passes_the_verifier(void **state)
{
	(void)state;
	static struct cgroup_device_rule many[CGROUP_DEVICE_RULES_MAX];

	load(docker, DOCKER);
	load(docker, 1);
	load(docker, 0);
	for (size_t i = 0; i < CGROUP_DEVICE_RULES_MAX; i++)
		many[i] = (struct cgroup_device_rule){ i % 2 == 0, 'c', R, (int64_t)i, 1 };
	load(many, CGROUP_DEVICE_RULES_MAX);
}

static void test_line_and_access(void **state)
{
	(void)state;
	char line[64];
	uint8_t access;

	assert_int_equal(cgroup_device_line(&docker[0], line, sizeof line), 0);
	assert_string_equal(line, "a *:* rwm");
	assert_int_equal(cgroup_device_line(&docker[4], line, sizeof line), 0);
	assert_string_equal(line, "c 136:* rwm");
	assert_int_equal(cgroup_device_access("mr", &access), 0);
	assert_int_equal(access, R | M);
	assert_int_equal(cgroup_device_access("", &access), -EINVAL);
	assert_int_equal(cgroup_device_access("rx", &access), -EINVAL);
	assert_int_equal(cgroup_device_access("rwmr", &access), -EINVAL);
}

static void test_check_v1_refuses_what_the_kernel_would_pass_over(void **state)
{
	(void)state;
	const struct cgroup_device_rule part[] = { docker[0], { 1, 'c', R | W, 10, ANY },
		{ 0, 'c', W, 10, 200 } };
	const struct cgroup_device_rule same[] = { docker[0], { 1, 'c', R | W, 10, 200 },
		{ 0, 'c', W, 10, 200 } };
	const struct cgroup_device_rule other[] = { docker[0], { 1, 'b', R | W, 10, ANY },
		{ 0, 'c', W, 10, 200 } };
	const struct cgroup_device_rule reset[] = { part[1], { 0, 'a', R | W | M, ANY, ANY },
		{ 1, 'c', R, 1, 1 } };
	struct error err;

	assert_int_equal(cgroup_device_check_v1(part, 3, &err), -ENOTSUP);
	assert_int_equal(err.kind, ERROR_UNSUPPORTED);
	assert_int_equal(cgroup_device_check_v1(same, 3, &err), 0);
	assert_int_equal(cgroup_device_check_v1(other, 3, &err), 0);
	assert_int_equal(cgroup_device_check_v1(reset, 3, &err), 0);
	assert_int_equal(cgroup_device_check_v1(docker, 7, &err), 0);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_program_decides),
		cmocka_unit_test(test_program_without_rules_denies_and_a_total_rule_ends),
		cmocka_unit_test(test_program_is_bounded_and_checked),
		cmocka_unit_test(test_program_passes_the_verifier),
		cmocka_unit_test(test_line_and_access),
		cmocka_unit_test(test_check_v1_refuses_what_the_kernel_would_pass_over),
	};

	return cmocka_run_group_tests_name("cgroup device", tests, NULL, NULL);
}
