#!/bin/bash
# SPDX-License-Identifier: Apache-2.0
#
# target.sh NAME SECONDS - one fuzz target of the build in GANTRY_BUILD_DIR: runs it on its corpus and then on new inputs
# for SECONDS, and proves that it would see a bug: the copy with the planted bug must fail within 30 seconds.
set -u
name=$1
seconds=$2
work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT
export ASAN_OPTIONS=detect_leaks=1:allocator_may_return_null=1 UBSAN_OPTIONS=print_stacktrace=1
seeds=()
[ ! -d "tests/fuzz/corpus/$name" ] || seeds=("tests/fuzz/corpus/$name")

# fuzz EXECUTABLE SECONDS: new inputs of interest go to $work/new, what the target prints to $work/log
fuzz() {
	rm -rf "$work/new"
	mkdir -p "$work/new"
	"$1" -max_total_time="$2" -timeout=10 -rss_limit_mb=2048 -print_final_stats=1 -artifact_prefix="$work/crash-" \
		"$work/new" "${seeds[@]}" >"$work/log" 2>&1
}

report_coverage() {
	sed -n 's/.*\(cov: [0-9]* ft: [0-9]*\).*/# \1/p' "$work/log" | tail -n 1
	sed -n 's/^stat::number_of_executed_units: */# executions: /p' "$work/log"
}

# What libFuzzer says when the target, not the fuzzer or the machine, went wrong.
found_a_bug() {
	grep -qE '^SUMMARY: (AddressSanitizer|UndefinedBehaviorSanitizer|libFuzzer)|ERROR: (AddressSanitizer|libFuzzer)' "$work/log"
}

echo "1..2"
if fuzz "$GANTRY_BUILD_DIR/fuzz/fuzz_$name" "$seconds"; then
	report_coverage
	echo "ok 1 - no input breaks it"
else
	for input in "$work"/crash-*; do
		[ ! -f "$input" ] || { echo "# the input, in base64:" && base64 -w 0 "$input" | head -c 100000 && echo; }
	done | sed 's/^/# /'
	# what went wrong comes last, where the runner shows it; not libFuzzer's dump of the input
	grep -vE '^(#[0-9]|0x|artifact_prefix|Base64: |stat::)|^\\[0-9]' "$work/log" | tail -n 40 | cut -c1-200 | sed 's/^/# /'
	echo "not ok 1 - no input breaks it"
fi
if ! grep -q GANTRY_PLANTED_BUG "tests/fuzz/fuzz_$name.c"; then
	echo "not ok 2 - the planted bug is found (fuzz_$name.c has none)"
elif fuzz "$GANTRY_BUILD_DIR/fuzz/fuzz_${name}_planted" 30 || ! found_a_bug; then
	tail -n 20 "$work/log" | sed 's/^/# /'
	echo "not ok 2 - the planted bug is found"
else
	echo "ok 2 - the planted bug is found"
fi
