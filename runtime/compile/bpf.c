/* SPDX-License-Identifier: Apache-2.0 */
#include "runtime/compile/bpf.h"

#include "lib/base/cleanup.h"

#include <errno.h>
#include <stdbool.h>
#include <stdlib.h>
#include <string.h>

#define AT_NR   offsetof(struct seccomp_data, nr)
#define AT_ARCH offsetof(struct seccomp_data, arch)

/* ---- one instruction ---------------------------------------------------------- */
enum op { OP_LOAD, OP_AND, OP_JUMP, OP_BRANCH, OP_RETURN, OP_OTHER };

static enum op op_of(const struct sock_filter *insn)
{
	switch (insn->code) {
	case BPF_LD | BPF_W | BPF_ABS:
		return insn->k % 4 == 0 && insn->k < sizeof(struct seccomp_data) ? OP_LOAD : OP_OTHER;
	case BPF_ALU | BPF_AND | BPF_K: return OP_AND;
	case BPF_JMP | BPF_JA: return OP_JUMP;
	case BPF_JMP | BPF_JEQ | BPF_K:
	case BPF_JMP | BPF_JGT | BPF_K:
	case BPF_JMP | BPF_JGE | BPF_K:
	case BPF_JMP | BPF_JSET | BPF_K: return OP_BRANCH;
	case BPF_RET | BPF_K: return OP_RETURN;
	default: return OP_OTHER;
	}
}

static bool branch_taken(const struct sock_filter *insn, uint32_t a)
{
	switch (BPF_OP(insn->code)) {
	case BPF_JEQ: return a == insn->k;
	case BPF_JGT: return a > insn->k;
	case BPF_JGE: return a >= insn->k;
	default: return (a & insn->k) != 0;
	}
}

int bpf_run(const struct sock_filter *filter, size_t n, const struct seccomp_data *call, uint32_t *ret_action)
{
	uint32_t a = 0;

	for (size_t pc = 0; pc < n; pc++) {
		const struct sock_filter *insn = &filter[pc];

		switch (op_of(insn)) {
		case OP_LOAD: memcpy(&a, (const char *)call + insn->k, sizeof a); break;
		case OP_AND: a &= insn->k; break;
		case OP_JUMP: pc += insn->k; break;
		case OP_BRANCH: pc += branch_taken(insn, a) ? insn->jt : insn->jf; break;
		case OP_RETURN: *ret_action = insn->k; return 0;
		case OP_OTHER: return -EINVAL;
		}
	}
	return -EINVAL;
}

/* ---- what hangs on architecture and number alone --------------------------------- */
struct step;

struct source {
	const struct sock_filter *filter;
	size_t n;
	const struct bpf_override *overrides;
	size_t noverrides;
	uint32_t *cuts; /* numbers at which an answer may change, ascending, from 0 */
	size_t ncuts;
	uint8_t *seen; /* per instruction: a bit for each enum holds with which this round has been there */
	struct step *stack;
	uint8_t *live; /* per instruction: needed by calls whose arguments count */
};

/* A run of numbers with one answer. */
struct range {
	uint32_t first;
	bool decided;
	uint32_t answer; /* decided: SECCOMP_RET_*; else the instruction of the old filter that loads the
			    first argument */
};

/* True and the action when the filter answers without looking at an argument; false and where it looks at
 * one. */
static bool decide(const struct source *s, uint32_t arch, uint32_t nr, uint32_t *ret_answer)
{
	uint32_t a = 0;

	for (size_t pc = 0; pc < s->n; pc++) {
		const struct sock_filter *insn = &s->filter[pc];

		switch (op_of(insn)) {
		case OP_LOAD:
			if (insn->k != AT_NR && insn->k != AT_ARCH) {
				*ret_answer = (uint32_t)pc;
				return false;
			}
			a = insn->k == AT_NR ? nr : arch;
			break;
		case OP_JUMP: pc += insn->k; break;
		case OP_BRANCH: pc += branch_taken(insn, a) ? insn->jt : insn->jf; break;
		case OP_RETURN: *ret_answer = insn->k; return true;
		case OP_AND: /* is_understood(): only arguments are masked, and there is no other instruction
			      */
		case OP_OTHER: break;
		}
	}
	return true;
}

/* ---- what is left for calls whose arguments count --------------------------------- */
/* What the accumulator holds: within one round the first two are one value each. */
enum holds { HOLDS_ARCH, HOLDS_NR, HOLDS_ARGUMENT };

struct step {
	size_t pc;
	enum holds holds;
};

/* Marks in s->live all that a call of this architecture and number can reach from an instruction that loads
 * an argument, whatever the arguments.  s->stack has room for 6 * n + 1 steps: each instruction is passed
 * three times at most and pushes two. */
static void mark_live(struct source *s, size_t from, uint32_t arch, uint32_t nr)
{
	struct step *stack = s->stack;
	size_t depth = 0;

	memset(s->seen, 0, s->n);
	stack[depth++] = (struct step){ from, HOLDS_ARGUMENT };
	while (depth > 0) {
		struct step at = stack[--depth];
		const struct sock_filter *insn = &s->filter[at.pc];
		bool taken = branch_taken(insn, at.holds == HOLDS_NR ? nr : arch);

		if (s->seen[at.pc] & 1u << at.holds)
			continue;
		s->seen[at.pc] |= (uint8_t)(1u << at.holds);
		s->live[at.pc] = 1;
		switch (op_of(insn)) {
		case OP_LOAD:
			at.holds = insn->k == AT_NR     ? HOLDS_NR
				   : insn->k == AT_ARCH ? HOLDS_ARCH
							: HOLDS_ARGUMENT;
			stack[depth++] = (struct step){ at.pc + 1, at.holds };
			break;
		case OP_AND: stack[depth++] = (struct step){ at.pc + 1, at.holds }; break;
		case OP_JUMP: stack[depth++] = (struct step){ at.pc + insn->k + 1, at.holds }; break;
		case OP_BRANCH:
			if (at.holds == HOLDS_ARGUMENT || taken)
				stack[depth++] = (struct step){ at.pc + insn->jt + 1, at.holds };
			if (at.holds == HOLDS_ARGUMENT || !taken)
				stack[depth++] = (struct step){ at.pc + insn->jf + 1, at.holds };
			break;
		case OP_RETURN:
		case OP_OTHER: break;
		}
	}
}

/* ---- ranges --------------------------------------------------------------------------- */
static void override(const struct source *s, uint32_t arch, struct range *range)
{
	for (size_t i = 0; range->decided && i < s->noverrides; i++) {
		const struct bpf_override *o = &s->overrides[i];

		if (o->arch == arch && range->first >= o->first && range->first <= o->last &&
			range->answer == o->from) {
			range->answer = o->to;
			return;
		}
	}
}

/* Fills ranges (room for ncuts) for one architecture; returns how many. */
static size_t ranges_of(struct source *s, uint32_t arch, struct range *ranges)
{
	size_t n = 0;

	for (size_t i = 0; i < s->ncuts; i++) {
		struct range range = { .first = s->cuts[i] };

		range.decided = decide(s, arch, range.first, &range.answer);
		if (!range.decided)
			mark_live(s, range.answer, arch, range.first);
		override(s, arch, &range);
		if (n > 0 && ranges[n - 1].decided == range.decided && ranges[n - 1].answer == range.answer)
			continue;
		ranges[n++] = range;
	}
	return n;
}

static int compare_numbers(const void *a, const void *b)
{
	uint32_t x = *(const uint32_t *)a, y = *(const uint32_t *)b;

	return (x > y) - (x < y);
}

/* Every number that the filter compares something with, and the one behind it. */
static int find_cuts(struct source *s)
{
	size_t n = 0, kept = 0;

	s->cuts = calloc(2 * (s->n + s->noverrides) + 1, sizeof *s->cuts);
	if (!s->cuts)
		return -ENOMEM;
	s->cuts[n++] = 0;
	for (size_t i = 0; i < s->n; i++) {
		if (op_of(&s->filter[i]) != OP_BRANCH)
			continue;
		s->cuts[n++] = s->filter[i].k;
		s->cuts[n++] = s->filter[i].k + 1;
	}
	for (size_t i = 0; i < s->noverrides; i++) {
		s->cuts[n++] = s->overrides[i].first;
		s->cuts[n++] = s->overrides[i].last + 1;
	}
	qsort(s->cuts, n, sizeof *s->cuts, compare_numbers);
	for (size_t i = 0; i < n; i++)
		if (kept == 0 || s->cuts[kept - 1] != s->cuts[i])
			s->cuts[kept++] = s->cuts[i];
	s->ncuts = kept;
	return 0;
}

/* Only what libseccomp emits, jumps inside the program, and no bit tests of the number or the architecture:
 * the cuts would not be all places where an answer changes. */
static bool is_understood(const struct sock_filter *filter, size_t n)
{
	for (size_t i = 0; i < n; i++) {
		const struct sock_filter *insn = &filter[i];
		enum op op = op_of(insn);

		if (op == OP_OTHER || (op == OP_BRANCH && BPF_OP(insn->code) == BPF_JSET))
			return false;
		if (op == OP_JUMP && insn->k >= n - i - 1)
			return false;
		if (op == OP_BRANCH && (insn->jt >= n - i - 1 || insn->jf >= n - i - 1))
			return false;
		if (op == OP_AND && (i == 0 || op_of(&filter[i - 1]) != OP_LOAD ||
					    filter[i - 1].k < offsetof(struct seccomp_data, args)))
			return false;
	}
	return n > 0 && op_of(&filter[n - 1]) == OP_RETURN;
}

/* ---- writing the new filter --------------------------------------------------------- */
/* Marks, in the unused jt of a jump, that k is an instruction of the old filter, whose new place is not known
 * yet. */
#define TO_OLD 1

struct target {
	struct sock_filter *filter; /* room for BPF_MAXINSNS */
	size_t n;
	bool full;
};

static void emit(struct target *t, uint16_t code, uint8_t jt, uint8_t jf, uint32_t k)
{
	if (t->n == BPF_MAXINSNS) {
		t->full = true;
		return;
	}
	t->filter[t->n++] = (struct sock_filter){ code, jt, jf, k };
}

/* Writes the search of a number among ranges[lo..hi]; the accumulator holds it.  Depth is log2 of the count.
 */
static void emit_search(struct target *t, const struct range *ranges, size_t lo, size_t hi)
{
	size_t mid = (lo + hi + 1) / 2, branch = t->n, left;

	if (t->full)
		return;
	if (lo == hi) {
		if (ranges[lo].decided)
			emit(t, BPF_RET | BPF_K, 0, 0, ranges[lo].answer);
		else
			emit(t, BPF_JMP | BPF_JA, TO_OLD, 0, ranges[lo].answer);
		return;
	}
	emit(t, BPF_JMP | BPF_JGE | BPF_K, 0, 0, ranges[mid].first);
	emit_search(t, ranges, lo, mid - 1);
	left = t->n - branch - 1;
	if (left > UINT8_MAX && !t->full) { /* too far for a branch: a jump behind it */
		t->n = branch + 1;
		emit(t, BPF_JMP | BPF_JA, 0, 0, 0);
		emit_search(t, ranges, lo, mid - 1);
		t->filter[branch].jf = 1;
		t->filter[branch + 1].k = (uint32_t)(t->n - branch - 2);
	} else {
		t->filter[branch].jt = (uint8_t)left;
	}
	emit_search(t, ranges, mid, hi);
}

/* Writes the part of one architecture; the accumulator holds the architecture before and, for another one,
 * after it. */
static void emit_arch(struct target *t, uint32_t arch, const struct range *ranges, size_t n)
{
	size_t over;

	emit(t, BPF_JMP | BPF_JEQ | BPF_K, 1, 0, arch);
	over = t->n;
	emit(t, BPF_JMP | BPF_JA, 0, 0, 0);
	emit(t, BPF_LD | BPF_W | BPF_ABS, 0, 0, AT_NR);
	emit_search(t, ranges, 0, n - 1);
	if (!t->full)
		t->filter[over].k = (uint32_t)(t->n - over - 1);
}

/* Appends the live instructions of the old filter and points the jumps to them. */
static int emit_rest(struct target *t, const struct source *s)
{
	auto_free uint32_t *place = calloc(s->n, sizeof *place);
	size_t start = t->n;

	if (!place)
		return -ENOMEM;
	for (size_t i = 0, at = start; i < s->n; i++) {
		place[i] = (uint32_t)at;
		at += s->live[i];
	}
	for (size_t i = 0; i < start && !t->full; i++)
		if (t->filter[i].code == (BPF_JMP | BPF_JA) && t->filter[i].jt == TO_OLD)
			t->filter[i] = (struct sock_filter){ BPF_JMP | BPF_JA, 0, 0,
				(uint32_t)(place[t->filter[i].k] - i - 1) };
	for (size_t i = 0; i < s->n; i++) {
		struct sock_filter insn = s->filter[i];

		if (!s->live[i])
			continue;
		/* Distances only shrink; an arm that no such call takes may point anywhere ahead. */
		if (op_of(&insn) == OP_JUMP)
			insn.k = place[i + insn.k + 1] - place[i] - 1;
		if (op_of(&insn) == OP_BRANCH) {
			insn.jt = s->live[i + insn.jt + 1] ? (uint8_t)(place[i + insn.jt + 1] - place[i] - 1)
							   : 0;
			insn.jf = s->live[i + insn.jf + 1] ? (uint8_t)(place[i + insn.jf + 1] - place[i] - 1)
							   : 0;
		}
		emit(t, insn.code, insn.jt, insn.jf, insn.k);
	}
	return 0;
}

/* An architecture that the filter does not name: the complement of what it is compared with. */
static uint32_t foreign_arch(const uint32_t *archs, size_t narchs)
{
	uint32_t arch = 0;

	for (size_t i = 0; i < narchs; i++)
		if (archs[i] == arch) {
			arch++;
			i = (size_t)-1;
		}
	return arch;
}

static int flatten(
	struct source *s, const uint32_t *archs, size_t narchs, struct range *ranges, struct target *t)
{
	uint32_t foreign = foreign_arch(archs, narchs);
	size_t n;

	emit(t, BPF_LD | BPF_W | BPF_ABS, 0, 0, AT_ARCH);
	for (size_t i = 0; i <= narchs; i++) {
		uint32_t arch = i < narchs ? archs[i] : foreign;

		n = ranges_of(s, arch, ranges);
		if (i < narchs) {
			emit_arch(t, arch, ranges, n);
			continue;
		}
		if (n > 1)
			emit(t, BPF_LD | BPF_W | BPF_ABS, 0, 0, AT_NR);
		emit_search(t, ranges, 0, n - 1);
	}
	return emit_rest(t, s);
}

int bpf_flatten(const struct sock_filter *filter, size_t n, const uint32_t *archs, size_t narchs,
	const struct bpf_override *overrides, size_t noverrides, struct sock_filter **ret, size_t *ret_n,
	struct error *err)
{
	struct source s = { .filter = filter, .n = n, .overrides = overrides, .noverrides = noverrides };
	auto_free struct sock_filter *out = calloc(BPF_MAXINSNS, sizeof *out);
	auto_free uint8_t *seen = calloc(n + 1, 1), *live = calloc(n + 1, 1);
	auto_free struct step *stack = calloc(6 * n + 1, sizeof *stack);
	struct target t = { .filter = out };
	auto_free struct range *ranges = NULL;
	auto_free uint32_t *cuts = NULL;

	if (!is_understood(filter, n))
		return error_set(err, ERROR_UNSUPPORTED, ENOTSUP,
			"the filter has instructions that cannot be rewritten");
	if (!out || !seen || !live || !stack || find_cuts(&s) < 0)
		return error_sys(err, ENOMEM, "cannot rewrite a seccomp filter");
	cuts = s.cuts;
	ranges = calloc(s.ncuts, sizeof *ranges);
	s.seen = seen;
	s.live = live;
	s.stack = stack;
	if (!ranges || flatten(&s, archs, narchs, ranges, &t) < 0)
		return error_sys(err, ENOMEM, "cannot rewrite a seccomp filter");
	if (t.full)
		return error_set(
			err, ERROR_INVALID, E2BIG, "the filter has more than %d instructions", BPF_MAXINSNS);
	*ret = take_ptr(out);
	*ret_n = t.n;
	return 0;
}
