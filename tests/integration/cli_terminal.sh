#!/bin/bash
# SPDX-License-Identifier: Apache-2.0
# gantry run -it and attach at a terminal: typing, detaching, and the terminal as it was.
. "$(dirname "$0")/cli_lib.bash"

# a new line brings the prompt of a shell that was left
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

person '# \techo one$((1+1))\n' 'one2\texit 5\n' -- run --rm -it --network none busybox sh
has "what is typed arrives" "one2" "$out"
has "the exit code is the shell's" "exit 5" "$out"
has "the terminal is as it was" "terminal restored" "$out"

person '# \techo begun$((1+1))\n' 'begun2\t\x10\x11' -- run -it --name left --network none busybox sh
has "ctrl-p ctrl-q leaves" "exit 0" "$out"
has "with the terminal as it was" "terminal restored" "$out"
same "and the container runs" "running" "$(gantry inspect -f '{{.State.Status}}' left)"

person '\t\n' '# \techo again$((1+1))\n' 'again2\t\x10\x11' -- attach left
has "attach comes back" "again2" "$out"
has "and leaves, in Docker's words" "read escape sequence" "$out"
person '\t\n' '# \t\x10\x11\x15echo more$((1+1))\n' 'more2\t\x01' -- attach --detach-keys ctrl-a left
has "other keys, when asked for" "read escape sequence" "$out"
has "and the usual ones are typed" "more2" "$out"

person '\t\n' '# \tSIGTERM' -- attach --sig-proxy=false left
has "a signal ends it" "exit -15" "$out"
has "with the terminal as it was" "terminal restored" "$out"

person '\t\n' '# \texit 6\n' -- attach left
has "attach ends with the exit code" "exit 6" "$out"
exits "attach to one that does not run" 1 gantry attach left
same "in Docker's words" "You cannot attach to a stopped container, start it first" "$out"

person '# \texit 7\n' -- start -ai left
has "start -ai is a terminal, too" "exit 7" "$out"
exits "-it without a terminal" 1 gantry run --rm -it --network none busybox sh
same "in Docker's words" "the input device is not a TTY" "$out"
exits "-t alone does without" 0 gantry run --rm -t --network none busybox echo hi
same "and its lines end as a terminal's" $'hi\r' "$out"

finish
