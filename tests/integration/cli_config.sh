#!/bin/bash
# SPDX-License-Identifier: Apache-2.0
# What the configuration of a container does inside of it: limits, devices, namespaces, init, security.
. "$(dirname "$0")/cli_lib.bash"

run() {
	gantry run --rm --network none "$@"
}
group() { # FILE of the container's cgroup as it sees it
	run "${@:2}" busybox sh -c "cat /sys/fs/cgroup/*/$1 /sys/fs/cgroup/$1 2>/dev/null | head -n 1"
}

# ---- limits ----
same "memory" 67108864 "$(group memory.limit_in_bytes -m 64m)"
same "processors" 50000 "$(group cpu.cfs_quota_us --cpus .5)"
same "shares" 512 "$(group cpu.shares --cpu-shares 512)"
same "a set of processors" 1 "$(group cpuset.cpus --cpuset-cpus 1)"
same "processes" 50 "$(group pids.max --pids-limit 50)"
exits "too many processes" 2 run --pids-limit 5 busybox sh -c 'for i in 1 2 3 4 5 6 7 8; do sleep 1 & done; wait'
same "swappiness" 0 "$(group memory.swappiness -m 64m --memory-swappiness 0)"
gantry run --name eater --network none -m 32m busybox sh -c 'x=a; while :; do x=$x$x; done' >/dev/null 2>&1
same "what eats its memory is killed, and known for it" "true 137" "$(gantry inspect -f '{{.State.OOMKilled}} {{.State.ExitCode}}' eater)"
gantry rm eater >/dev/null
same "open files" "99 99" "$(run --ulimit nofile=99 busybox sh -c 'echo $(ulimit -Sn) $(ulimit -Hn)')"
same "the size of /dev/shm" 1024 "$(run --shm-size 1m busybox df -k /dev/shm | tail -n 1 | awk '{ print $2 }')"
same "the OOM score" 77 "$(run --oom-score-adj 77 busybox cat /proc/self/oom_score_adj)"
has "the cgroup's parent" "/docker/mine/" "$(run --cgroup-parent docker/mine busybox cat /proc/self/cgroup)"
rmdir /sys/fs/cgroup/*/docker/mine # a parent of the user's own is the user's to remove
while IFS='|' read -r words options; do
	# shellcheck disable=SC2086 # several options
	exits "$options" 125 run $options busybox true
	has "in Docker's words" "$words" "$out"
done <<'END'
Minimum memory limit allowed is 6MB|-m 1m
Minimum memoryswap limit should be larger than memory limit, see usage|-m 100m --memory-swap 50m
You should always set the Memory limit when using Memoryswap limit, see usage|--memory-swap 50m
Minimum memory limit can not be less than memory reservation limit, see usage|-m 100m --memory-reservation 200m
range of CPUs is from 0.01 to|--cpus 1000
Requested CPUs are not available - requested 700|--cpuset-cpus 700
Invalid value foo for cpuset cpus: invalid format: foo|--cpuset-cpus foo
CPU cfs period can not be less than 1ms|--cpu-period 10
invalid CPU shares (-1): value must be a positive integer|--cpu-shares -1
Invalid value 2000, range for oom score adj is [-1000, 1000]|--oom-score-adj 2000
unknown capability: "CAP_FOO"|--cap-add foo
unknown or invalid runtime name: foo|--runtime foo
error looking up logging plugin nope: plugin "nope" not found|--log-driver nope
--gpus is not supported: give the devices with --device|--gpus all
END

# ---- devices ----
has "a device" "1,   3" "$(run --device /dev/null:/dev/foo busybox ls -l /dev/foo)"
exits "one that is not there" 127 run --device /dev/nope busybox true
has "in Docker's words" 'error gathering device information while adding custom device "/dev/nope": no such file or directory' "$out"
exits "what is not given cannot be opened" 1 run --cap-add MKNOD busybox sh -c 'mknod /k c 1 11 && head -c 1 /k'
exits "unless a rule allows it" 0 run --cap-add MKNOD --device-cgroup-rule 'c 1:11 r' busybox sh -c 'mknod /k c 1 5 && head -c 1 /k'
has "all of them for a privileged one" "kmsg" "$(run --privileged busybox ls /dev)"

# ---- namespaces ----
gantry run -d --name donor --network none --ipc shareable -h donor busybox sh -c 'echo shared >/dev/shm/file; sleep 1000' >/dev/null
ready() { gantry exec donor test -e /dev/shm/file; }
wait_for 10 ready
same "--ipc container shares /dev/shm" shared "$(run --ipc container:donor busybox cat /dev/shm/file)"
same "--pid container" "sleep 1000" "$(run --pid container:donor busybox ps -o args | grep '^sleep' | sort -u)"
same "the host's processes" "$(readlink /proc/self/ns/pid)" "$(run --pid host busybox readlink /proc/self/ns/pid)"
same "the host's IPC" "$(readlink /proc/self/ns/ipc)" "$(run --ipc host busybox readlink /proc/self/ns/ipc)"
same "the host's name" "$(hostname)" "$(run --uts host busybox hostname)"
gantry rm -f donor >/dev/null
gantry create --name idle --network none busybox >/dev/null
exits "a container that does not run" 125 run --pid container:idle busybox true
has "in Docker's words" "failed to join PID namespace: container $(gantry inspect -f '{{.Id}}' idle) is not running" "$out"
gantry start idle >/dev/null 2>&1
gantry rm -f idle >/dev/null
gantry run -d --name private --network none busybox sleep 1000 >/dev/null
exits "one that keeps its IPC to itself" 125 run --ipc container:private busybox true
has "in Docker's words" "non-shareable IPC (hint: use IpcMode:shareable for the donor container)" "$out"
exits "one that is not there" 125 run --pid container:nope busybox true
exits "a mode that is not there" 125 run --ipc foo busybox true
has "in Docker's words" "invalid IPC mode: foo" "$out"

# ---- top ----
has "top" "sleep 1000" "$(gantry top private)"
same "top with options of ps" "PID                 ARGS" "$(gantry top private -o pid,args | sed -n '1s/COMMAND/ARGS/p')"
exits "top with others" 1 gantry top private --nosuch
has "in the words of ps" "ps: error: unknown gnu long option" "$out"
gantry rm -f private >/dev/null
exits "top of what is not there" 1 gantry top private

# ---- init ----
has "--init is process 1" "/sbin/docker-init -- ps -o pid,args" "$(run --init busybox ps -o pid,args)"
exits "and hands on the exit code" 7 run --init busybox sh -c 'exit 7'
exits "and the death by a signal" 143 run --init busybox sh -c 'kill -TERM $$'
exits "127 for a program that is not there" 127 run --init busybox nosuch
gantry run -d --name waiter --network none --init busybox sh -c 'trap "exit 9" TERM; while :; do sleep 0.1; done' >/dev/null
gantry stop waiter >/dev/null
same "signals come through" 9 "$(gantry inspect -f '{{.State.ExitCode}}' waiter)"
gantry rm waiter >/dev/null
same "orphans are reaped" 0 "$(run --init busybox sh -c '(sleep 0.1 &) ; (sleep 0.1 &); sleep 0.5; ps -o stat,args | grep -c "^Z"')"
same "inspect shows the program alone" "sh [-c true]" "$(gantry create --name shown --init --network none busybox sh -c true >/dev/null
	gantry inspect -f '{{.Path}} {{.Args}}' shown)"
gantry rm shown >/dev/null

# ---- the rest ----
same "sysctls" 0 "$(run --sysctl net.ipv4.ip_unprivileged_port_start=0 busybox cat /proc/sys/net/ipv4/ip_unprivileged_port_start)"
same "user and groups" "5 6 7" "$(run -u 5:6 --group-add 7 busybox sh -c 'echo $(id -u) $(id -g) $(id -G | tr " " "\n" | grep 7)')"
same "no capabilities" 0000000000000000 "$(run --cap-drop ALL busybox sh -c 'grep CapEff /proc/self/status | cut -f2')"
exits "a root that is read-only" 1 run --read-only busybox touch /file
exits "with a place to write" 0 run --read-only --tmpfs /tmp busybox touch /tmp/file
same "no new privileges" "NoNewPrivs:	1" "$(run --security-opt no-new-privileges busybox grep NoNewPrivs /proc/self/status)"
same "a working folder is made" /new/dir "$(run -w /new/dir busybox pwd)"
same "a stop signal" 10 "$(gantry run -d --name sig --network none --stop-signal USR1 busybox sh -c 'trap "exit 10" USR1; while :; do sleep 0.1; done' >/dev/null
	sleep 0.3; gantry stop sig >/dev/null; gantry inspect -f '{{.State.ExitCode}}' sig)"
gantry rm sig >/dev/null
same "the whole line of the book" "1000 b 99" "$(gantry run --rm --network none -v data:/srv -e A=b -m 64m --cpus .5 --pids-limit 50 --read-only \
	--tmpfs /tmp --cap-drop ALL --user 1000:1000 --init --ulimit nofile=99 --sysctl net.ipv4.ip_unprivileged_port_start=0 busybox \
	sh -c 'echo $(id -u) $A $(ulimit -n)')"
gantry volume prune -fa >/dev/null
finish
