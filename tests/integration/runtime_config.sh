#!/bin/bash
# SPDX-License-Identifier: Apache-2.0
#
# What a configuration asks for is what a program inside the container sees.
# shellcheck disable=SC2154 # what runtime_lib.bash sets
. "$(dirname "$0")/runtime_lib.bash"

# ---- the process ----
sh_bundle plain 'echo out; echo err >&2; exit 3'
run plain
same "run passes both outputs on" $'out\nerr' "$out"
same "run answers the program's exit status" 3 $code
[ ! -e "$root/plain" ]
point "run leaves no state folder" $?

bundle signal '.process.args = ["sleep", "1000"]'
gr run -b "$scratch/signal" signal </dev/null >/dev/null 2>&1 &
wait_for 10 gr kill signal KILL 2>/dev/null
wait $!
same "a signal is 128 and its number" 137 $?

sh_bundle user 'id -u; id -g; id -G; umask; echo $HOME $X; pwd' \
	'.process.user = {uid: 1234, gid: 50, additionalGids: [7, 8], umask: 63} | .process.env += ["X=y"] | .process.cwd = "/tmp"
	| .process.env -= ["HOME=/root"]'
run user
same "user, groups, umask, environment, directory" $'1234\n50\n50 7 8\n0077\n/ y\n/tmp' "$out"

sh_bundle cwd 'pwd' '.process.cwd = "/not/there/yet"'
run cwd
same "a missing working directory is made" /not/there/yet "$out"
rmdir -p --ignore-fail-on-non-empty "$scratch/rootfs/not/there/yet"

sh_bundle caps 'grep -E "^(Cap|NoNewPrivs)" /proc/self/status'
run caps
same "Docker's capabilities, inheritable and ambient empty" "$(printf 'CapInh:\t%016x\nCapPrm:\t%016x\nCapEff:\t%016x\nCapBnd:\t%016x\nCapAmb:\t%016x\nNoNewPrivs:\t1' \
	0 0xa80425fb 0xa80425fb 0xa80425fb 0)" "$out"
sh_bundle nonroot 'grep -E "^Cap(Prm|Eff)" /proc/self/status' '.process.user.uid = 1000'
run nonroot
same "who is not root has none" "$(printf 'CapPrm:\t%016x\nCapEff:\t%016x' 0 0)" "$out"

sh_bundle limits 'ulimit -n; cat /proc/self/oom_score_adj' \
	'.process.rlimits = [{type: "RLIMIT_NOFILE", soft: 77, hard: 88}] | .process.oomScoreAdj = 321'
run limits
same "limits and OOM score" $'77\n321' "$out"
sh_bundle lowoom 'cat /proc/self/oom_score_adj >/dev/null && echo runs' '.process.oomScoreAdj = -999'
run lowoom
same "a lower OOM score that is refused is no reason to fail" runs "$out"

sh_bundle seccomp 'mkdir /tmp/no-dir 2>&1; echo $?' '.linux.seccomp = {defaultAction: "SCMP_ACT_ALLOW", architectures: ["SCMP_ARCH_X86_64"],
	syscalls: [{names: ["mkdir", "mkdirat"], action: "SCMP_ACT_ERRNO", errnoRet: 95}]}'
run seccomp
has "a seccomp filter refuses with its errno" "not supported" "$out"
[ -n "$(ls -A "$root/seccomp-cache")" ]
point "the compiled filter is kept" $?
run seccomp
has "and is the same the second time" "not supported" "$out"
jq '.process.noNewPrivileges = false' "$scratch/seccomp/config.json" >"$scratch/c" && mv "$scratch/c" "$scratch/seccomp/config.json"
run seccomp
has "also without no_new_privs and CAP_SYS_ADMIN" "not supported" "$out"

if [ "$(cat /sys/module/apparmor/parameters/enabled 2>/dev/null)" = Y ]; then
	mount -t securityfs securityfs /sys/kernel/security
	cat >"$scratch/profile" <<'PROFILE'
profile gantry-test-profile flags=(attach_disconnected,mediate_deleted) {
	file,
	deny /tmp/secret rw,
}
PROFILE
	apparmor_parser -Kr "$scratch/profile"
	sh_bundle apparmor 'cat /proc/self/attr/current; echo x 2>&1 >/tmp/secret' '.process.apparmorProfile = "gantry-test-profile"'
	run apparmor
	same "an AppArmor profile confines" $'gantry-test-profile (enforce)\nsh: can\'t create /tmp/secret: Permission denied' "$out"
	bundle noprofile '.process.apparmorProfile = "not-loaded"'
	run noprofile
	has "one that is not loaded is named" not-loaded "$out"
else
	skip "an AppArmor profile confines" "this kernel has no AppArmor"
	skip "one that is not loaded is named" "this kernel has no AppArmor"
fi

# ---- namespaces ----
sh_bundle spaces 'for n in cgroup ipc mnt net pid uts; do readlink /proc/self/ns/$n; done; hostname; ip -o link | wc -l; ip link show lo | grep -c UP' \
	'.linux.namespaces = [{type: "pid"}, {type: "network"}, {type: "ipc"}, {type: "uts"}, {type: "mount"}, {type: "cgroup"}] | .hostname = "box"'
run spaces
shared=0
for n in cgroup ipc mnt net pid uts; do [[ $out != *"$(readlink /proc/self/ns/$n)"* ]] || shared=1; done
point "every namespace is the container's own" $shared "$out"
has "with its host name and a loopback that is up" $'\nbox\n' "$out"

sh_bundle hostns 'readlink /proc/self/ns/net; readlink /proc/self/ns/ipc' \
	'.linux.namespaces = [{type: "pid"}, {type: "mount"}, {type: "uts"}]'
run hostns
same "what is not asked for stays the caller's" "$(readlink /proc/self/ns/net)"$'\n'"$(readlink /proc/self/ns/ipc)" "$out"

bundle first '.process.args = ["sleep", "1000"]'
gr create -b "$scratch/first" first </dev/null >/dev/null 2>&1
pid=$(gr state first | jq .pid)
sh_bundle second 'readlink /proc/self/ns/net; readlink /proc/self/ns/pid' "(.linux.namespaces[] | select(.type == \"network\")) += {path: \"/proc/$pid/ns/net\"}
	| (.linux.namespaces[] | select(.type == \"pid\")) += {path: \"/proc/$pid/ns/pid\"}"
run second
same "namespaces joined by path" "$(readlink "/proc/$pid/ns/net")"$'\n'"$(readlink "/proc/$pid/ns/pid")" "$out"
gr delete --force first

mkdir -p "$scratch/ro"
map='[{containerID: 0, hostID: 100000, size: 65536}]'
userns=".linux.namespaces += [{type: \"user\"}] | .linux.uidMappings = $map | .linux.gidMappings = $map
	| .mounts += [{destination: \"/ro\", type: \"bind\", source: \"$scratch/ro\", options: [\"rbind\", \"ro\", \"nosuid\"]}]
	| (.process.capabilities[]) += [\"CAP_SYS_ADMIN\", \"CAP_NET_ADMIN\"]"
sh_bundle userns 'id -u; cat /proc/self/uid_map | tr -s " "; ip link set lo down && echo netadmin; mount -o remount,bind,rw /ro 2>&1; touch /ro/x 2>&1; echo hi >/dev/null && echo null; touch /dev/shm/f && stat -c %u /dev/shm/f' "$userns"
run userns
has "root of a user namespace" $'0\n 0 100000 65536' "$out"
has "its network namespace is its own to administer" netadmin "$out"
has "a read-only bind cannot be made writable" "Read-only file system" "$out"
[ ! -e "$scratch/ro/x" ]
point "and is not written" $?
has "devices work, tmpfs belongs to the root inside" $'null\n0' "$out"

sh_bundle time 'cat /proc/uptime | cut -d. -f1' \
	'.linux.namespaces += [{type: "time"}] | .linux.timeOffsets = {boottime: {secs: 1000000}}'
if [ -e /proc/self/ns/time ]; then
	run time
	[ "$out" -ge 1000000 ]
	point "a time namespace has its offset" $? "$out"
else
	skip "a time namespace has its offset" "this kernel has no time namespaces"
fi

# ---- file systems ----
sh_bundle mounts 'cat /tmp/in/file; touch /tmp/in/x 2>&1; df -k /tmp/t | tail -1 | tr -s " " | cut -d" " -f2; stat -c %a /tmp/t; grep -c " /dev/shm .*size=1024k" /proc/mounts; cat /tmp/one' \
	".mounts += [{destination: \"/tmp/in\", type: \"bind\", source: \"$scratch/src\", options: [\"bind\", \"ro\"]},
	{destination: \"/tmp/t\", type: \"tmpfs\", source: \"tmpfs\", options: [\"size=64k\", \"mode=1770\"]},
	{destination: \"/tmp/one\", type: \"bind\", source: \"$scratch/src/file\", options: [\"bind\"]}]
	| (.mounts[] | select(.destination == \"/dev/shm\") | .options) = [\"nosuid\", \"noexec\", \"nodev\", \"mode=1777\", \"size=1024k\"]"
mkdir -p "$scratch/src"
echo content >"$scratch/src/file"
run mounts
same "binds, tmpfs with size and mode, /dev/shm's size, a single file" \
	$'content\ntouch: /tmp/in/x: Read-only file system\n64\n1770\n1\ncontent' "$out"

sh_bundle rro 'touch /tmp/in/sub/x 2>&1' ".mounts += [{destination: \"/tmp/in\", type: \"bind\", source: \"$scratch/src\", options: [\"rbind\", \"rro\"]}]"
mkdir -p "$scratch/src/sub"
mount -t tmpfs sub "$scratch/src/sub"
run rro
has "rro reaches the mounts below" "Read-only" "$out"
sh_bundle ronly 'touch /tmp/in/sub/x 2>&1 && echo written' ".mounts += [{destination: \"/tmp/in\", type: \"bind\", source: \"$scratch/src\", options: [\"rbind\", \"ro\"]}]"
run ronly
same "ro does not" written "$out"
umount "$scratch/src/sub"

sh_bundle prop "mount -t tmpfs x /tmp/in/sub 2>&1; grep -c ' /tmp/in/sub ' /proc/mounts" ".mounts += [{destination: \"/tmp/in\", type: \"bind\", source: \"$scratch/src\", options: [\"rbind\"]}]
	| (.process.capabilities[]) += [\"CAP_SYS_ADMIN\"]"
run prop
same "a mount made inside" 1 "$out"
grep -q " $scratch/src/sub " /proc/mounts
point "does not appear outside" $((!$?))

sh_bundle roroot 'touch /x 2>&1; touch /tmp/in/y && echo y' ".root.readonly = true | .mounts += [{destination: \"/tmp/in\", type: \"bind\", source: \"$scratch/src\", options: [\"bind\"]}]"
run roroot
same "a read-only root, a writable bind" $'touch: /x: Read-only file system\ny' "$out"

sh_bundle masks 'head -c1 /proc/keys | wc -c; ls /proc/acpi /sys/firmware 2>/dev/null | wc -w; echo 1 2>&1 >/proc/sys/kernel/panic; touch /proc/sysrq-trigger 2>&1' \
	'.linux.maskedPaths = ["/proc/keys", "/proc/acpi", "/sys/firmware", "/not/there"] | .linux.readonlyPaths = ["/proc/sys", "/proc/sysrq-trigger"]'
run masks
has "masked files are empty" 0 "${out%%$'\n'*}"
has "read-only paths refuse" "Read-only file system" "$out"

sh_bundle devices 'stat -c "%t %T %a %F" /dev/null /dev/extra /dev/deep/er; echo x >/dev/null; head -c2 /dev/zero | wc -c; readlink /dev/stdout; readlink /dev/ptmx' \
	'.linux.devices = [{path: "/dev/extra", type: "c", major: 1, minor: 5, fileMode: 432, uid: 3}, {path: "/dev/deep/er", type: "p", fileMode: 420}]'
run devices
same "devices and links of /dev" $'1 3 666 character special file\n1 5 660 character special file\n0 0 644 fifo\n2\n/proc/self/fd/1\npts/ptmx' "$out"

# ---- kernel parameters, cgroup ----
sh_bundle sysctl 'cat /proc/sys/net/ipv4/ip_unprivileged_port_start /proc/sys/kernel/shmmni' \
	'.linux.sysctl = {"net.ipv4.ip_unprivileged_port_start": "7", "kernel.shmmni": "1234"}'
run sysctl
same "sysctls of the container's namespaces" $'7\n1234' "$out"
sh_bundle badctl true '.linux.sysctl = {"kernel.core_pattern": "|/x"}'
run badctl
[ $code -ne 0 ] && [[ $out == *kernel.core_pattern* ]]
point "others are refused by name" $? "$out"

sh_bundle cgroup 'cat /sys/fs/cgroup/pids/pids.max /sys/fs/cgroup/pids.max 2>/dev/null; cat /sys/fs/cgroup/memory/memory.limit_in_bytes /sys/fs/cgroup/memory.max 2>/dev/null; n=0; while [ $n -lt 40 ]; do sleep 5 & n=$((n+1)); done; echo forked' \
	'.linux.resources.pids.limit = 20 | .linux.resources.memory.limit = 33554432'
run cgroup
has "pids and memory limits are set" $'20\n33554432' "$out"
has "and hold" "an't fork" "$out"

# ---- terminals ----
sh_bundle tty 'tty; stat -c %F /dev/console; stty size; echo done' '.process.terminal = true | .process.consoleSize = {height: 33, width: 101}'
out=$(script -qec "$bin --root $root run -b $scratch/tty tty" /dev/null </dev/null | tr -d '\r\0' | sed 's/\^@//')
has "a terminal of its own, with the size asked for" $'/dev/pts/0\ncharacter special file\n33 101' "$out"
run tty --detach
has "create without a console socket says what to do" "--console-socket" "$out"

finish
