#!/bin/bash
# SPDX-License-Identifier: Apache-2.0
# gantry run, and what belongs to it: exit codes, streams, signals, what is left.
. "$(dirname "$0")/cli_lib.bash"

run() {
	gantry run --rm --network none "$@"
}

# ---- exit codes ----
exits "the exit code is the container's" 7 run busybox sh -c 'exit 7'
exits "127 for a program that is not there" 127 run busybox nosuch
has "in Docker's words" 'gantry: Error response from daemon: ' "$out"
has "and how to get help" "Run 'gantry run --help' for more information" "$out"
exits "126 for one that cannot be run" 126 run busybox /etc
exits "125 for an image that is not there" 125 run --pull never nosuch
has "with the daemon's words" "No such image: nosuch" "$out"
exits "125 for an option that is not there" 125 gantry run --nosuch busybox
has "with the usage" "Usage:  gantry run [OPTIONS] IMAGE [COMMAND] [ARG...]" "$out"
same "nothing is left of any of them" "" "$(gantry ps -aq)"

# ---- streams ----
same "standard output" "out" "$(run busybox sh -c 'echo out; echo err >&2' 2>/dev/null)"
same "standard error" "err" "$(run busybox sh -c 'echo out; echo err >&2' 2>&1 >/dev/null)"
same "input to its end" "hello" "$(echo hello | run -i busybox cat)"
same "without -i there is no input" "" "$(echo hello | run busybox cat)"
head -c 3000000 /dev/urandom >"$scratch/bytes"
printf '\20\21' >>"$scratch/bytes"
head -c 1000000 /dev/urandom >>"$scratch/bytes"
same "every byte, there and back" "$(md5sum <"$scratch/bytes")" "$(run -i busybox cat <"$scratch/bytes" | md5sum)"
same "one stream of two" "out" "$(run -a stdout busybox sh -c 'echo out; echo err >&2' 2>&1)"

# ---- detached ----
id=$(gantry run -d --name back --cidfile "$scratch/cid" --network none busybox sh -c 'echo one; echo two >&2; exit 3')
same "run -d prints the id" 64 ${#id}
same "and --cidfile has it" "$id" "$(cat "$scratch/cid")"
same "wait prints the exit code" 3 "$(gantry wait back)"
same "logs prints standard output" "one" "$(gantry logs back 2>/dev/null)"
same "and standard error" "two" "$(gantry logs back 2>&1 >/dev/null)"
same "the last line alone" 1 "$(gantry logs --tail 1 back 2>&1 | wc -l)"
exits "start -a gives the exit code" 3 gantry start -a back
exits "--cidfile does not replace a file" 125 gantry run --cidfile "$scratch/cid" busybox true
exits "a name is taken" 125 gantry run --name back --network none busybox true
has "in Docker's words" 'Conflict. The container name "/back" is already in use by container' "$out"
exits "inspect -f" 0 gantry inspect -f '{{.State.Status}} {{.State.ExitCode}} {{json .Config.Cmd}}' back
has "gives what the template asks for" 'exited 3 ["sh","-c"' "$out"
exits "rm" 0 gantry rm back
same "prints the name" "back" "$out"
exits "rm of what is not there" 1 gantry rm back
has "in Docker's words" "Error response from daemon: No such container: back" "$out"
exits "with -f no failure" 0 gantry rm -f back

# ---- signals ----
"$build/bin/gantry" run --rm --network none --name catcher busybox \
	sh -c 'trap "echo usr; exit 9" USR1; echo ready; while :; do sleep 0.1; done' >"$scratch/caught" </dev/null &
runner=$!
wait_for 10 grep -q ready "$scratch/caught"
kill -USR1 $runner
wait $runner
same "a signal to run is the container's" 9 $?
same "which sees it" "ready usr" "$(paste -sd' ' "$scratch/caught")"

"$build/bin/gantry" run --rm --network none --name killed busybox sleep 1000 </dev/null &
runner=$!
wait_for 10 gantry kill killed >/dev/null 2>&1
wait $runner
same "one that a signal ended has 128 and the signal" 137 $?

gantry run -d --name stopped --network none busybox sleep 1000 >/dev/null
exits "stop" 0 gantry stop -t 0 stopped
has "has its words in ps" "Exited (137)" "$(gantry ps -a --format '{{.Status}}')"
exits "kill of one that does not run" 1 gantry kill stopped
has "in Docker's words" "cannot kill container: " "$out"
has "with the reason" " is not running" "$out"

# ---- lists ----
same "the columns of ps" "CONTAINER ID IMAGE COMMAND CREATED STATUS PORTS NAMES" "$(gantry ps | tr -s ' ' | sed 's/ $//')"
same "ps shows what runs" 1 "$(gantry ps | wc -l)"
same "ps -a all" 2 "$(gantry ps -a | wc -l)"
same "a template" "stopped busybox" "$(gantry ps -a --format '{{.Names}} {{.Image}}')"
same "a filter" "" "$(gantry ps -aq --filter name=other)"
exits "a filter that is none" 1 gantry ps --filter x=y
same "the columns of images" "REPOSITORY TAG IMAGE ID CREATED SIZE" "$(gantry images | head -n 1 | tr -s ' ' | sed 's/ $//')"
exits "tag" 0 gantry tag busybox other:1
same "two names" "busybox:latest other:1" "$(gantry images --format '{{.Repository}}:{{.Tag}}' | sort | paste -sd' ')"
exits "rmi" 0 gantry rmi other:1
same "takes the name" "Untagged: other:1" "$out"
same "events" "create start" \
	"$(gantry events --since 1h --until 0s --filter container=stopped --format '{{.Action}}' | head -n 2 | paste -sd' ')"

# ---- what is not here ----
exits "a command of Docker's that is not here" 1 gantry pull busybox
has "says what to do" "'gantry pull' is not built into gantry" "$out"
exits "an option of Docker's that is not here" 125 gantry run --gpus all busybox
has "says so by its name" "--gpus is not supported" "$out"
exits "no daemon" 1 gantry -H unix:///nonexistent ps
has "is said with its address" "Cannot connect to the gantry daemon at unix:///nonexistent" "$out"

finish
