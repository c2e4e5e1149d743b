#!/bin/bash
# SPDX-License-Identifier: Apache-2.0
#
# The runner behind scripts/test counts every way in which a test can go wrong. It is run here on a small tree
# of its own whose tests misbehave on purpose.
set -u
tree=$TMPDIR/tree
mkdir -p "$tree/tests/lint" "$tree/build"
cp -r "$GANTRY_SOURCE_DIR/tests/runner" "$tree/tests/"
printf 'build 1\nlint 1 # minutes\n' >"$tree/tests/BUDGET"
number=0

# run NAME EXPECTED-LAST-LINE EXPECTED-TEXT: the script on stdin becomes the only test
run() {
	local text last code=0 want=1
	number=$((number + 1))
	cat >"$tree/tests/lint/case.sh"
	text=$(PYTHONDONTWRITEBYTECODE=1 /usr/bin/python3 "$tree/tests/runner" lint 2>&1) || code=$?
	last=${text##*$'\n'}
	case $2 in
	"0 passed"*) ;;
	*" 0 failed"*) want=0 ;;
	esac
	if [ "$last" = "$2" ] && [ $code -eq $want ] && [[ $text == *"$3"* ]]; then
		echo "ok $number - $1"
	else
		echo "$text" | sed 's/^/# /'
		echo "# exit $code, wanted $want, '$2' and '$3'"
		echo "not ok $number - $1"
	fi
}

echo "1..13"
run "points are counted" "2 passed, 0 failed, 0 skipped" "ok   lint_case" <<<'echo 1..2; echo ok 1 - a; echo ok 2 - b'
run "a failed point fails the run" "1 passed, 1 failed, 0 skipped" "FAILED lint_case: b" <<<'echo 1..2; echo ok 1 - a; echo not ok 2 - b; exit 1'
run "a skip is counted with its reason" "1 passed, 0 failed, 1 skipped" "skipped lint_case: b: no such device" \
	<<<'echo 1..2; echo ok 1 - a; echo "ok 2 - b # SKIP no such device"'
run "a skip as cmocka writes it" "1 passed, 0 failed, 1 skipped" "no such device" \
	<<<'echo 1..2; echo ok 1 - a; echo no such device; echo "not ok 2 # SKIP b"'
run "nothing but skips is no success" "0 passed, 0 failed, 1 skipped" "why not" <<<'echo "1..0 # SKIP why not"'
run "a signal is a failure" "1 passed, 1 failed, 0 skipped" "killed by signal 11" <<<'echo 1..1; echo ok 1 - a; bash -c "kill -SEGV \$\$"; exit $?'
run "a test that prints nothing is a failure" "0 passed, 1 failed, 0 skipped" "printed no test point" <<<'true'
run "a missing plan is a failure" "1 passed, 1 failed, 0 skipped" "printed no plan" <<<'echo ok 1 - a'
run "missing points are a failure" "1 passed, 1 failed, 0 skipped" "1 points of 3 planned" <<<'echo 1..3; echo ok 1 - a'
run "an exit code alone is a failure" "1 passed, 1 failed, 0 skipped" "exit 3 although no point failed" <<<'echo 1..1; echo ok 1 - a; exit 3'
run "a time limit is a failure" "1 passed, 1 failed, 0 skipped" "timed out after 1 s" <<'CASE'
# timeout: 1
echo 1..1; echo ok 1 - a; setsid sleep 1234567 & sleep 1000
CASE
run "a process left behind is a failure" "1 passed, 1 failed, 0 skipped" "no process is left behind: sleep" \
	<<<'echo 1..1; echo ok 1 - a; setsid sleep 1234567 &'
sleeping=$(grep -lzx 1234567 /proc/[0-9]*/cmdline 2>/dev/null)
number=$((number + 1))
[ -z "$sleeping" ] && echo "ok $number - and it is ended" || echo "not ok $number - and it is ended"
