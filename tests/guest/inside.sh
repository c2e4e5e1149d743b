#!/bin/bash
# SPDX-License-Identifier: Apache-2.0
#
# inside.sh SECONDS NAME=EXECUTABLE... - in a guest: runs tests one after another, each between two lines by which
# tests/runner tells them apart.
limit=$1
shift
for pair; do
	printf '=== begin %s\n' "${pair%%=*}"
	command=("${pair#*=}")
	case ${command[0]} in *.sh) command=(bash "${command[@]}") ;; esac
	timeout -k 5 "$limit" "${command[@]}" </dev/null 2>&1
	printf '\n=== end %s %d\n' "${pair%%=*}" $?
done
