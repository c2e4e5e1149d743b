#!/bin/bash
# SPDX-License-Identifier: Apache-2.0
# timeout: 400
#
# gantryd is killed at each of its fault points. Each time: what runs goes on (same pid, its port answers), what was half made is
# finished or undone, the same operation works afterwards, and in the end nothing is left. Needs a build with fault points.
export ASAN_OPTIONS=detect_leaks=0 # what is killed frees nothing; in the world nothing can be traced
. "$(dirname "$0")/../integration/cli_lib.bash"

# Points of gantry-shim: tests/integration/test_shim_faults.c walks them.
elsewhere="shim.acknowledged shim.created shim.journaled shim.reaped shim.released shim.spawned shim.started"

quietly() {
	"$@" >/dev/null 2>&1
}
daemon_with() { # FAULT
	GANTRY_FAULT=$1 "$build/bin/gantryd" --data-root "$scratch/data" --exec-root "$scratch/run" --pidfile "$scratch/pid" \
		-H "$GANTRY_HOST" -G root >>"$scratch/log" 2>&1 &
	daemon=$!
	wait_for 20 "$build/bin/gantry" version >/dev/null 2>&1
}
stop_daemon() {
	kill "$daemon" 2>/dev/null
	wait "$daemon" 2>/dev/null
}
has_died() {
	! kill -0 "$daemon" 2>/dev/null
}

# All that an operation may leave, as text. Sandboxes made ahead come and go: links of the host are counted by network.
state() {
	gantry ps -a --format '{{.Names}} {{.State}}' | sort
	gantry volume ls -q | sort
	gantry network ls --format '{{.Name}}' | sort
	gantry images -q --no-trunc | sort
	ls "$scratch/data/containers" "$scratch/run/shim"
	find "$scratch/data/overlay2" "$scratch/data/volumes" -maxdepth 1 -mindepth 1 ! -name '.*' ! -name l | sort
	grep -c "$scratch" /proc/self/mountinfo
	find /sys/fs/cgroup -type d -regextype posix-extended -regex '.*/docker/[0-9a-f]{64}' | sort
	nft list ruleset | grep -o 'comment "[0-9a-f]*"' | sort
	ip -br link | grep -c '^gantry\|^br-'
}
same_state() {
	[ "$(state)" = "$1" ]
}

# ---- operations: prepare_X, do_X; again_X must work afterwards; clean_X takes everything away ----
prepare_create() { :; }
do_create() { gantry create --name victim -v kept:/kept -v /data -p 127.0.0.1:9090:80 withdata; }
again_create() { quietly gantry rm -v victim; gantry create --name victim -v kept:/kept -v /data withdata && gantry rm -v victim; }
clean_create() { quietly gantry rm -fv victim; quietly gantry volume rm kept; }

prepare_start() { gantry create --name victim -v kept:/kept -p 127.0.0.1:9090:80 busybox httpd -f -p 80 -h /bin; }
do_start() { gantry start victim; }
again_start() { gantry start victim && gantry exec victim true && curl -sf -m 5 -o /dev/null http://127.0.0.1:9090/busybox; }
clean_start() { quietly gantry rm -fv victim; quietly gantry volume rm kept; }

prepare_exit() { gantry run -d --name victim -p 127.0.0.1:9090:80 busybox sleep 1000; }
do_exit() { gantry kill victim; }
again_exit() { [ "$(gantry inspect -f '{{.State.Status}} {{.State.ExitCode}}' victim)" = "exited 137" ] && gantry start victim && gantry exec victim true; }
clean_exit() { quietly gantry rm -f victim; }

prepare_remove() { gantry create --name victim -v /data withdata; }
do_remove() { gantry rm -v victim; }
again_remove() { quietly gantry rm -v victim; gantry create --name victim busybox && gantry rm victim; }
clean_remove() { :; }

prepare_connect() { gantry network create plug && gantry run -d --name victim busybox sleep 1000; }
do_connect() { gantry network connect plug victim; }
again_connect() { quietly gantry network disconnect -f plug victim; gantry network connect plug victim && gantry exec victim true; }
clean_connect() { quietly gantry rm -f victim; quietly gantry network rm plug; }

prepare_network() { :; }
do_network() { gantry network create wire; }
again_network() { quietly gantry network rm wire; gantry network create wire; }
clean_network() { quietly gantry network rm wire; }

prepare_unnetwork() { gantry network create wire; }
do_unnetwork() { gantry network rm wire; }
again_unnetwork() { quietly gantry network rm wire; gantry network create wire && gantry network rm wire; }
clean_unnetwork() { quietly gantry network rm wire; }

prepare_volume() { :; }
do_volume() { gantry volume create vault; }
again_volume() { gantry volume create vault && gantry run --rm --network none -v vault:/v busybox touch /v/file; }
clean_volume() { quietly gantry volume rm vault; }

prepare_unvolume() { gantry volume create vault; }
do_unvolume() { gantry volume rm vault; }
again_unvolume() { quietly gantry volume rm vault; gantry volume create vault && gantry volume rm vault; }
clean_unvolume() { :; }

prepare_fill() { :; }
do_fill() { gantry create --name victim -v full:/data withdata; }
again_fill() { gantry run --rm --network none -v full:/data withdata cat /data/file && [ "$(gantry run --rm --network none -v full:/data withdata ls /data | wc -l)" = 2 ]; }
clean_fill() { quietly gantry rm -fv victim; quietly gantry volume rm full; }

prepare_load() { :; }
do_load() { gantry load -i "$scratch/archive.tar"; }
again_load() { gantry load -i "$scratch/archive.tar" && gantry run --rm --network none loaded /bin/sh -c true; }
clean_load() { quietly gantry rmi loaded; }

prepare_image() { :; }
do_image() { gantry import "$scratch/other.tar" other; }
again_image() { gantry import "$scratch/other.tar" other && gantry run --rm --network none other /bin/sh -c true; }
# An import whose answer was lost may be whole: then its tag has gone to the second one.
clean_image() { quietly gantry rmi other; gantry images -q -f dangling=true | while read -r id; do quietly gantry rmi "$id"; done; }

operation_of() {
	case $1 in
	create.*) echo create ;;
	start.* | net.rows | net.joined | net.published) echo start ;;
	exit.* | net.withdrawn) echo exit ;;
	remove.*) echo remove ;;
	net.plugged) echo connect ;;
	network.row) echo network ;;
	network.removed) echo unnetwork ;;
	volume.row | volume.created) echo volume ;;
	volume.removing | volume.removed) echo unvolume ;;
	volume.filled) echo fill ;;
	image.unpacked) echo load ;;
	image.* | layer.*) echo image ;;
	esac
}

keeper_is_well() {
	[ "$(gantry inspect -f '{{.State.Status}} {{.State.Pid}}' keeper)" = "running $keeper" ] &&
		curl -sf -m 5 -o /dev/null http://127.0.0.1:9191/busybox
}

walk() { # POINT
	local point=$1 op before
	op=$(operation_of "$point")
	before=$(state)
	"prepare_$op" >/dev/null
	stop_daemon
	daemon_with "$point"
	"do_$op" >/dev/null 2>&1
	wait_for 10 has_died
	point "$point: gantryd dies there" $?
	wait "$daemon" 2>/dev/null
	curl -sf -m 5 -o /dev/null http://127.0.0.1:9191/busybox
	point "$point: a published port answers without it" $?
	start_daemon
	keeper_is_well
	point "$point: what runs goes on" $? "$(gantry ps -a)"
	out=$("again_$op" 2>&1)
	point "$point: the same works afterwards" $? "$out"
	"clean_$op"
	wait_for 5 same_state "$before"
	point "$point: nothing is left" $? "$(diff <(echo "$before") <(state))"
}

# ---- what all of them need ----
mkdir -p "$scratch/tree/bin" "$scratch/tree/data/sub" "$scratch/tree/etc"
cp /bin/busybox "$scratch/tree/bin/sh"
ln "$scratch/tree/bin/sh" "$scratch/tree/bin/busybox"
for name in cat ls touch; do ln -s busybox "$scratch/tree/bin/$name"; done
echo inside >"$scratch/tree/data/file"
tar c -C "$scratch/tree" . | gantry import -c 'ENV PATH=/bin' -c 'CMD ["sh"]' - withdata >/dev/null
echo other >"$scratch/tree/data/file"
tar cf "$scratch/other.tar" -C "$scratch/tree" .
# The same as docker save writes it.
mkdir "$scratch/archive"
echo loaded >"$scratch/tree/data/file"
tar cf "$scratch/archive/layer.tar" -C "$scratch/tree" .
echo "{\"architecture\":\"amd64\",\"os\":\"linux\",\"config\":{\"Cmd\":[\"sh\"]},\"rootfs\":{\"type\":\"layers\",\"diff_ids\":[\"sha256:$(
	sha256sum <"$scratch/archive/layer.tar" | cut -d' ' -f1)\"]}}" >"$scratch/archive/config.json"
echo '[{"Config":"config.json","RepoTags":["loaded:latest"],"Layers":["layer.tar"]}]' >"$scratch/archive/manifest.json"
tar cf "$scratch/archive.tar" -C "$scratch/archive" manifest.json config.json layer.tar
gantry run -d --name keeper -p 127.0.0.1:9191:80 busybox httpd -f -p 80 -h /bin >/dev/null
keeper=$(gantry inspect -f '{{.State.Pid}}' keeper)

for point in $(grep -o '^FAULT_POINT("[^"]*"' "$src/lib/base/fault-points.def" | cut -d'"' -f2); do
	case " $elsewhere " in *" $point "*) continue ;; esac
	# shellcheck disable=SC2053 # a pattern: the points wanted, for whoever looks into one
	[[ $point == ${GANTRY_POINTS:-*} ]] || continue
	if [ -z "$(operation_of "$point")" ]; then
		point "$point: an operation walks it" 1
		continue
	fi
	walk "$point"
done

# ---- an end that nobody saw ----
gantry run -d --name seven busybox sh -c 'sleep 1; exit 7' >/dev/null
kill -9 "$daemon"
wait "$daemon" 2>/dev/null
sleep 1.5
start_daemon
same "an exit while gantryd was dead is known with its code" "exited 7" "$(gantry inspect -f '{{.State.Status}} {{.State.ExitCode}}' seven)"
gantry rm seven >/dev/null
finish
