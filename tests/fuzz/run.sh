#!/bin/bash
# SPDX-License-Identifier: Apache-2.0
#
# Runs every fuzz target of the build on its corpus and then on new inputs, for GANTRY_FUZZ_SECONDS (10) each.
# timeout: 3600
set -u
targets=("$GANTRY_BUILD_DIR"/fuzz/fuzz_*)
shopt -s extglob
list=()
for t in "${targets[@]}"; do
	case $t in
	*_planted | *'*') ;;
	*) list+=("$t") ;;
	esac
done
if [ ${#list[@]} -eq 0 ]; then
	echo "1..0 # SKIP there is no fuzz target"
	exit 0
fi
echo "1..${#list[@]}"
number=0
export ASAN_OPTIONS=detect_leaks=1:allocator_may_return_null=1 UBSAN_OPTIONS=print_stacktrace=1
for t in "${list[@]}"; do
	number=$((number + 1))
	name=${t##*/fuzz_}
	mkdir -p "$TMPDIR/$name"
	seeds=()
	[ ! -d "tests/fuzz/corpus/$name" ] || seeds=("tests/fuzz/corpus/$name")
	"$t" -max_total_time="${GANTRY_FUZZ_SECONDS:-10}" -timeout=5 -rss_limit_mb=1024 -print_final_stats=1 \
		-verbosity=1 -artifact_prefix="$TMPDIR/$name/crash-" "$TMPDIR/$name" "${seeds[@]}" >"$TMPDIR/log" 2>&1
	code=$?
	if [ $code -eq 0 ]; then
		sed -n 's/.*\(cov: [0-9]* ft: [0-9]*\).*/\1/p' "$TMPDIR/log" | tail -n 1 | sed "s/^/# $name /"
		sed -n 's/^stat::number_of_executed_units: */# executions /p' "$TMPDIR/log"
		echo "ok $number - $name"
		continue
	fi
	sed 's/^/# /' "$TMPDIR/log" | tail -n 60
	for f in "$TMPDIR/$name"/crash-*; do
		[ ! -f "$f" ] || { echo "# the input, in base64:"; base64 "$f" | head -n 40 | sed 's/^/#   /'; }
	done
	echo "not ok $number - $name (exit $code)"
done
