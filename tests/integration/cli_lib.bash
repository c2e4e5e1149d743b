# SPDX-License-Identifier: Apache-2.0
# Sourced by the tests of gantry: a private world with a gantryd and the image "busybox", and points that compare texts.
set -u
src=${GANTRY_SOURCE_DIR:-$(realpath "$(dirname "$0")/../..")}
build=${GANTRY_BUILD_DIR:-$src/build}
[ -n "${CLI_WORLD:-}" ] || CLI_WORLD=1 exec "$src/tests/support/world" bash "$0" "$@"

scratch=$GANTRY_WORLD_SCRATCH
export GANTRY_HOST=unix://$scratch/gantry.sock
unset DOCKER_HOST
number=0
failed=0

gantry() {
	timeout 30 "$build/bin/gantry" "$@"
}

# point NAME RESULT-OF-A-TEST [DETAIL]
point() {
	number=$((number + 1))
	if [ "$2" -eq 0 ]; then
		echo "ok $number - $1"
	else
		failed=1
		[ -z "${3:-}" ] || sed 's/^/# /' <<<"$3"
		echo "not ok $number - $1"
	fi
}

# same NAME WANTED GOT
same() {
	[ "$2" = "$3" ]
	point "$1" $? "wanted: $2
got:    $3"
}

# has NAME PART TEXT
has() {
	[[ $3 == *"$2"* ]]
	point "$1" $? "wanted a text with: $2
got: $3"
}

# exits NAME CODE COMMAND...: its output, both streams, is in $out
exits() {
	local name=$1 code=$2 got
	shift 2
	out=$("$@" 2>&1 </dev/null)
	got=$?
	[ "$got" -eq "$code" ]
	point "$name" $? "wanted: exit code $code
got:    $got, $out"
}

# wait_for SECONDS COMMAND...: until it succeeds
wait_for() {
	local end=$((SECONDS + $1))
	shift
	until "$@"; do
		[ $SECONDS -lt $end ] || return 1
		sleep 0.05
	done
}

start_daemon() {
	"$build/bin/gantryd" --data-root "$scratch/data" --exec-root "$scratch/run" --pidfile "$scratch/pid" \
		-H "$GANTRY_HOST" -G root >>"$scratch/log" 2>&1 &
	daemon=$!
	wait_for 10 "$build/bin/gantry" version >/dev/null 2>&1
}

make_image() {
	tar c -C "$("$src/tests/support/rootfs" busybox)" . |
		gantry import -c 'ENV PATH=/bin' -c 'CMD ["sh"]' - busybox >/dev/null
}

# The last line of a test.
finish() {
	local left
	left=$(gantry ps -aq)
	[ -z "$left" ] || gantry rm -f $left >/dev/null
	kill "$daemon"
	wait "$daemon"
	[ $failed -eq 0 ] || tail -n 20 "$scratch/log" | sed 's/^/# gantryd: /'
	echo "1..$number"
	exit $failed
}

start_daemon || {
	echo "Bail out! gantryd does not answer: $(tail -n 3 "$scratch/log")"
	exit 1
}
make_image || {
	echo "Bail out! there is no image"
	exit 1
}
