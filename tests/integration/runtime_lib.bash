# SPDX-License-Identifier: Apache-2.0
# Sourced by the tests of gantry-runtime: a private world, bundles, and points that compare texts.
set -u
src=${GANTRY_SOURCE_DIR:-$(realpath "$(dirname "$0")/../..")}
build=${GANTRY_BUILD_DIR:-$src/build}
[ -n "${RUNTIME_WORLD:-}" ] || RUNTIME_WORLD=1 exec "$src/tests/support/world" bash "$0" "$@"

scratch=$GANTRY_WORLD_SCRATCH
root=$scratch/state
bin=$build/bin/gantry-runtime
world_cgroup=$GANTRY_WORLD_CGROUP # below it lie the containers' cgroups
number=0
failed=0

gr() {
	"$bin" --root "$root" "$@"
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

skip() {
	number=$((number + 1))
	echo "ok $number - $1 # SKIP $2"
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

# bundle NAME [JQ-FILTER]: $scratch/NAME, on the root file system that all bundles of this run share
bundle() {
	local dir=$scratch/$1
	mkdir -p "$dir"
	[ -d "$scratch/rootfs" ] || {
		"$src/tests/support/rootfs" bundle "$scratch/base" busybox >/dev/null
		mv "$scratch/base/rootfs" "$scratch/rootfs"
	}
	jq ".root.path = \"$scratch/rootfs\" | .linux.cgroupsPath = \"/$world_cgroup/$1\" | ${2:-.}" \
		"$src/tests/support/config.json" >"$dir/config.json"
}

# sh_bundle NAME SCRIPT [JQ-FILTER]
sh_bundle() {
	bundle "$1" ".process.args = [\"sh\", \"-c\", $(jq -n --arg s "$2" '$s')] | ${3:-.}"
}

# run NAME [OPTION...]: runs the bundle; $out is what it printed, $code its status
run() {
	local name=$1
	shift
	out=$(gr run -b "$scratch/$name" "$@" "$name" 2>&1 </dev/null)
	code=$?
}

# wait_for SECONDS COMMAND...: until it succeeds
wait_for() {
	local end=$((SECONDS + $1))
	shift
	until "$@"; do
		[ $SECONDS -lt $end ] || return 1
		sleep 0.02
	done
}

finish() {
	echo "1..$number"
	exit $failed
}
