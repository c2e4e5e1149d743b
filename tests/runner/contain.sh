#!/bin/bash
# SPDX-License-Identifier: Apache-2.0
#
# contain.sh COMMAND... - process 1 of a test's own pid namespace: runs the test, reaps what it orphaned, and
# adds a failed point if a process outlives it by more than two seconds. The namespace ends with this process.
"$@"
code=$?
for ((try = 0; try < 40; try++)); do
	left=()
	for p in /proc/[0-9]*; do
		[ "$p" = /proc/$$ ] || left+=("${p#/proc/}")
	done
	[ ${#left[@]} -gt 0 ] || exit $code
	sleep 0.05
done
for p in "${left[@]}"; do
	name=
	read -r name <"/proc/$p/comm" && echo "not ok - no process is left behind: $name ($p)"
done 2>/dev/null
exit $code
