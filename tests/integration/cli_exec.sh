#!/bin/bash
# SPDX-License-Identifier: Apache-2.0
# gantry exec, pause, restart and rename.
. "$(dirname "$0")/cli_lib.bash"

gantry run -d --name box --network none busybox sh -c 'trap exit TERM; while :; do sleep 0.1; done' >/dev/null

[[ $(gantry exec box true 2>&1) != *"is not built into gantry"* ]] || {
	point "exec, pause, restart and rename # SKIP gantryd has no exec" 0
	finish
}

# ---- exec ----
exits "exec" 0 gantry exec box echo hello
same "prints what the program prints" hello "$out"
pid=$(gantry inspect -f '{{.State.Pid}}' box)
kinds="mnt pid net ipc uts cgroup user"
# shellcheck disable=SC2016
inside=$(gantry exec box sh -c 'for k in '"$kinds"'; do readlink /proc/self/ns/$k; done')
of_init=$(for k in $kinds; do readlink "/proc/$pid/ns/$k"; done)
same "is in every namespace of the container" "$of_init" "$inside"
exits "its exit code is the program's" 9 gantry exec box sh -c 'exit 9'
same "standard error apart" err "$(gantry exec box sh -c 'echo out; echo err >&2' 2>&1 >/dev/null)"
same "input to its end" hello "$(echo hello | gantry exec -i box cat)"
same "without -i there is none" "" "$(echo hello | gantry exec box cat)"
head -c 1000000 /dev/urandom >"$scratch/bytes"
printf '\20\21' >>"$scratch/bytes" # ctrl-p ctrl-q, which detach from a terminal alone
echo more >>"$scratch/bytes"
same "every byte, there and back" "$(md5sum <"$scratch/bytes")" "$(gantry exec -i box cat <"$scratch/bytes" | md5sum)"
same "environment, folder and user" "1 /tmp 5" "$(gantry exec -e X=1 -w /tmp -u 5 box sh -c 'echo $X $PWD $(id -u)')"
exits "127 for a program that is not there" 127 gantry exec box nosuch
has "says so" "executable file not found" "$out"
exits "126 for one that cannot be run" 126 gantry exec box /etc
exits "exec -d" 0 gantry exec -d box touch /tmp/made
made() { gantry exec box test -e /tmp/made; }
wait_for 10 made
point "runs in the background" $?
exits "exec in what is not there" 1 gantry exec nothing true
has "in Docker's words" "Error response from daemon: No such container: nothing" "$out"
exits "one argument is too few" 1 gantry exec box
has "in Docker's words" "'gantry exec' requires at least 2 arguments" "$out"

# ---- a terminal ----
# person 'EXPECTED<TAB>TYPED'... -- ARG...: gantry ARG... at a terminal; what it showed is in $out
person() {
	local steps=()
	while [ "$1" != -- ]; do
		steps+=("$1")
		shift
	done
	shift
	out=$(printf '%s\n' "${steps[@]}" | timeout 40 /usr/bin/python3 "$src/tests/integration/cli_terminal.py" "$build/bin/gantry" "$@" 2>&1)
}
person '# \tstty size\n' '33 77\texit 4\n' -- exec -it box sh
has "exec -it has the terminal's size" "33 77" "$out"
has "and the exit code" "exit 4" "$out"
has "and leaves the terminal as it was" "terminal restored" "$out"
person '# \t\x10\x11' -- exec -it box sh
has "ctrl-p ctrl-q leaves" "read escape sequence" "$out"

# ---- pause, restart, rename ----
exits "pause" 0 gantry pause box
same "prints the name" box "$out"
has "ps says so" "(Paused)" "$(gantry ps --format '{{.Status}}')"
exits "exec in a paused one" 1 gantry exec box true
has "in Docker's words" "is paused, unpause the container before exec" "$out"
exits "unpause" 0 gantry unpause box
exits "exec goes on" 0 gantry exec box true
before=$(gantry inspect -f '{{.State.Pid}}' box)
exits "restart" 0 gantry restart -t 5 box
same "prints the name" box "$out"
[ "$before" != "$(gantry inspect -f '{{.State.Pid}}' box)" ]
point "another process runs" $?
exits "rename" 0 gantry rename box crate
same "the new name is there" crate "$(gantry ps --format '{{.Names}}')"
exits "the old one is not" 1 gantry rename box other
has "in Docker's words" "Error: failed to rename container named box" "$out"

finish
