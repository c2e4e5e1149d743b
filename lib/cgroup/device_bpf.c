/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The v2 device controller: a program the kernel runs for each open and mknod of a device, with
 * struct bpf_cgroup_dev_ctx; 0 refuses.  No branch goes back, so its length bounds its time.
 *
 * Registers: r2 type, r3 what is asked for and not decided yet, r4 major, r5 minor.  Rules are tried last
 * first: an allow takes its access bits off r3 and answers 1 when none is left, a deny answers 0 when it
 * names one that is left.
 */
#include "lib/cgroup/device_bpf.h"

#include "lib/base/cleanup.h"

#include <errno.h>
#include <linux/bpf.h>
#include <stdint.h>
#include <string.h>
#include <sys/syscall.h>

#define PROLOGUE_LEN 7
#define RULE_LEN     8
#define EPILOGUE_LEN 2
#define ATTACHED_MAX 64 /* as many as the kernel lets one cgroup have */
#define PROGRAM_NAME "gantry_devices"

struct builder {
	struct bpf_insn *insns;
	size_t n;
};

static void emit(struct builder *b, uint8_t code, uint8_t dst, uint8_t src, int16_t off, int32_t imm)
{
	b->insns[b->n++] = (struct bpf_insn){
		.code = code, .dst_reg = dst & 15, .src_reg = src & 15, .off = off, .imm = imm
	};
}

static void emit_answer(struct builder *b, int32_t answer)
{
	emit(b, BPF_ALU64 | BPF_MOV | BPF_K, BPF_REG_0, 0, 0, answer);
	emit(b, BPF_JMP | BPF_EXIT, 0, 0, 0, 0);
}

static void emit_load(struct builder *b, uint8_t dst, size_t offset)
{
	emit(b, BPF_LDX | BPF_MEM | BPF_W, dst, BPF_REG_1, (int16_t)offset, 0);
}

static void emit_prologue(struct builder *b)
{
	emit_load(b, BPF_REG_2, offsetof(struct bpf_cgroup_dev_ctx, access_type));
	emit(b, BPF_ALU64 | BPF_MOV | BPF_X, BPF_REG_3, BPF_REG_2, 0, 0);
	emit(b, BPF_ALU64 | BPF_AND | BPF_K, BPF_REG_2, 0, 0, 0xffff);
	emit(b, BPF_ALU64 | BPF_RSH | BPF_K, BPF_REG_3, 0, 0, 16);
	emit_load(b, BPF_REG_4, offsetof(struct bpf_cgroup_dev_ctx, major));
	emit_load(b, BPF_REG_5, offsetof(struct bpf_cgroup_dev_ctx, minor));
	emit(b, BPF_ALU64 | BPF_MOV | BPF_K, BPF_REG_0, 0, 0, 0);
}

/* JMP32 compares 32 bits: a number above INT32_MAX would be sign-extended by the 64-bit form. */
static void emit_unless(struct builder *b, uint8_t reg, uint32_t value)
{
	emit(b, BPF_JMP32 | BPF_JNE | BPF_K, reg, 0, 0, (int32_t)value);
}

static void emit_rule(struct builder *b, const struct cgroup_device_rule *rule)
{
	size_t first = b->n, tests;

	if (rule->type != 'a')
		emit_unless(b, BPF_REG_2, rule->type == 'b' ? BPF_DEVCG_DEV_BLOCK : BPF_DEVCG_DEV_CHAR);
	if (rule->major >= 0)
		emit_unless(b, BPF_REG_4, (uint32_t)rule->major);
	if (rule->minor >= 0)
		emit_unless(b, BPF_REG_5, (uint32_t)rule->minor);
	tests = b->n;
	if (rule->allow) {
		emit(b, BPF_ALU64 | BPF_AND | BPF_K, BPF_REG_3, 0, 0, CGROUP_DEVICE_ALL & ~rule->access);
		emit(b, BPF_JMP | BPF_JNE | BPF_K, BPF_REG_3, 0, 2, 0);
		emit_answer(b, 1);
	} else {
		emit(b, BPF_JMP | BPF_JSET | BPF_K, BPF_REG_3, 0, 1, rule->access);
		emit(b, BPF_JMP | BPF_JA, 0, 0, 2, 0);
		emit_answer(b, 0);
	}
	for (size_t i = first; i < tests; i++)
		b->insns[i].off = (int16_t)(b->n - i - 1);
}

int cgroup_device_program(const struct cgroup_device_rule *rules, size_t n, struct bpf_insn **ret,
	size_t *ret_n, struct error *err)
{
	auto_free struct bpf_insn *insns = NULL;
	struct builder b = { .n = 0 };
	size_t i = n;

	int r = cgroup_device_check(rules, n, err);
	if (r < 0)
		return r;
	insns = calloc(PROLOGUE_LEN + RULE_LEN * n + EPILOGUE_LEN, sizeof *insns);
	if (!insns)
		return error_sys(err, ENOMEM, "cannot build a program of %zu device rules", n);
	b.insns = insns;
	emit_prologue(&b);
	/* Nothing before a total rule has effect, and the verifier takes no code that cannot be reached. */
	while (i > 0 && !cgroup_device_is_total(&rules[i - 1]))
		emit_rule(&b, &rules[--i]);
	emit_answer(&b, i > 0 && rules[i - 1].allow ? 1 : 0);
	*ret = take_ptr(insns);
	*ret_n = b.n;
	return 0;
}

static long bpf(int cmd, union bpf_attr *attr)
{
	return syscall(SYS_bpf, cmd, attr, sizeof *attr);
}

int cgroup_device_load(const struct bpf_insn *insns, size_t n, struct error *err)
{
	union bpf_attr attr = { .prog_type = BPF_PROG_TYPE_CGROUP_DEVICE };

	attr.insns = (uintptr_t)insns;
	attr.insn_cnt = (uint32_t)n;
	attr.license = (uintptr_t) "Apache-2.0";
	memcpy(attr.prog_name, PROGRAM_NAME, sizeof PROGRAM_NAME);
	long fd = bpf(BPF_PROG_LOAD, &attr);
	if (fd >= 0)
		return (int)fd;
	if (errno == ENOSYS)
		return error_set(
			err, ERROR_UNSUPPORTED, ENOSYS, "cannot limit devices: this kernel has no bpf(2)");
	return error_sys(err, errno, "cannot load the device program of %zu instructions", n);
}

/* The programs on this directory itself, newest kernels last. */
static int query(int dir, uint32_t ids[ATTACHED_MAX], uint32_t *ret_n)
{
	union bpf_attr attr = { .query.attach_type = BPF_CGROUP_DEVICE };

	attr.query.target_fd = (uint32_t)dir;
	attr.query.prog_ids = (uintptr_t)ids;
	attr.query.prog_cnt = ATTACHED_MAX;
	if (bpf(BPF_PROG_QUERY, &attr) < 0)
		return -errno;
	*ret_n = attr.query.prog_cnt;
	return 0;
}

static int open_program(uint32_t id)
{
	union bpf_attr attr = { .prog_id = id };
	long fd = bpf(BPF_PROG_GET_FD_BY_ID, &attr);

	return fd < 0 ? -errno : (int)fd;
}

static int attach(int dir, int program, int replaced)
{
	union bpf_attr attr = { .attach_type = BPF_CGROUP_DEVICE };

	attr.target_fd = (uint32_t)dir;
	attr.attach_bpf_fd = (uint32_t)program;
	attr.attach_flags = BPF_F_ALLOW_MULTI;
	if (replaced >= 0) {
		attr.attach_flags |= BPF_F_REPLACE;
		attr.replace_bpf_fd = (uint32_t)replaced;
	}
	return bpf(BPF_PROG_ATTACH, &attr) < 0 ? -errno : 0;
}

static int detach(int dir, int program)
{
	union bpf_attr attr = { .attach_type = BPF_CGROUP_DEVICE };

	attr.target_fd = (uint32_t)dir;
	attr.attach_bpf_fd = (uint32_t)program;
	return bpf(BPF_PROG_DETACH, &attr) < 0 ? -errno : 0;
}

/* The new program is in force before an old one goes: all attached programs must agree, so nothing is open
 * between. */
static int exchange(int dir, int program)
{
	uint32_t ids[ATTACHED_MAX], n = 0;

	int r = query(dir, ids, &n);
	if (r < 0)
		return r;
	auto_close int old = n > 0 ? open_program(ids[0]) : -1;
	if (n > 0 && old < 0 && old != -ENOENT)
		return old;
	r = attach(dir, program, old >= 0 ? old : -1);
	for (uint32_t i = 1; i < n && r == 0; i++) {
		auto_close int other = open_program(ids[i]);
		r = other < 0 ? other : detach(dir, other);
		r = r == -ENOENT ? 0 : r;
	}
	return r;
}

int cgroup_device_attach(int dir, const struct cgroup_device_rule *rules, size_t n, struct error *err)
{
	auto_free struct bpf_insn *insns = NULL;
	size_t n_insns;

	int r = cgroup_device_program(rules, n, &insns, &n_insns, err);
	if (r < 0)
		return r;
	auto_close int program = cgroup_device_load(insns, n_insns, err);
	if (program < 0)
		return program;
	r = exchange(dir, program);
	return r < 0 ? error_sys(err, -r, "cannot attach the device program to the cgroup") : 0;
}
