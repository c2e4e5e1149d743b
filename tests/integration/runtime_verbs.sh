#!/bin/bash
# SPDX-License-Identifier: Apache-2.0
#
# The verbs of gantry-runtime, in and out of order, and what they leave.
# shellcheck disable=SC2154 # what runtime_lib.bash sets
. "$(dirname "$0")/runtime_lib.bash"

status() {
	gr state "$1" 2>/dev/null | jq -r .status
}
is() {
	[ "$(status "$1")" = "$2" ]
}
fails() { # NAME WORDS COMMAND...
	local name=$1 words=$2 text
	shift 2
	text=$("$@" 2>&1 </dev/null)
	local c=$?
	[ $c -ne 0 ] && [[ $text == *"$words"* ]]
	point "$name" $? "exit $c: $text"
}
cgroups_of() {
	find /sys/fs/cgroup -type d -path "*/$world_cgroup/$1" | wc -l
}

mounts_before=$(wc -l </proc/self/mountinfo)

# ---- create, start, state, kill, delete ----
bundle c1 '.process.args = ["sleep", "1000"] | .annotations = {"a.b": "c"}'
gr create -b "$scratch/c1" --pid-file "$scratch/pid" c1 </dev/null >/dev/null 2>&1
same "create" created "$(status c1)"
pid=$(cat "$scratch/pid")
same "the pid file" "$(gr state c1 | jq .pid)" "$pid"
same "annotations are in the state" c "$(gr state c1 | jq -r '.annotations["a.b"]')"
same "asking for the state does not start it" created "$(status c1)"
fails "an id twice" "container with given ID already exists" gr create -b "$scratch/c1" c1
gr start c1
same "start" running "$(status c1)"
same "it is the program" sleep "$(cat "/proc/$pid/comm")"
fails "start twice" "cannot start a container that is running" gr start c1
fails "delete while it runs" "not stopped" gr delete c1
same "mounts of containers are not the host's" "$mounts_before" "$(wc -l </proc/self/mountinfo)"
same "list -q" c1 "$(gr list -q)"
has "list" "running" "$(gr list)"
same "list as JSON" "c1 running" "$(gr list -f json | jq -r '.[] | "\(.id) \(.status)"')"

# ---- exec ----
out=$(gr exec c1 sh -c 'echo in; exit 7' 2>&1 </dev/null)
same "exec's output and status" "in 7" "$out $?"
same "exec is in the container" "$(readlink "/proc/$pid/ns/mnt")" "$(gr exec c1 readlink /proc/self/ns/mnt)"
out=$(gr exec -u 1000:50 --cwd /tmp -e A=b c1 sh -c 'id -u; id -g; pwd; echo $A')
same "exec with user, directory, environment" $'1000\n50\n/tmp\nb' "$out"
jq -n '{args: ["sh", "-c", "echo from a file"], cwd: "/", user: {uid: 0, gid: 0}, env: ["PATH=/bin"]}' >"$scratch/p.json"
same "exec from a file" "from a file" "$(gr exec -p "$scratch/p.json" c1)"
same "exec reads its input" x "$(echo x | gr exec c1 cat)"
fails "exec of a program that is not there" 'executable file not found in $PATH' gr exec c1 nope
fails "exec of a folder" "is a directory" gr exec c1 /tmp
fails "exec of a file without a run bit" "permission denied" gr exec c1 /etc/passwd
out=$(script -qec "$bin --root $root exec -t c1 tty" /dev/null </dev/null | tr -d '\r')
has "exec with a terminal" /dev/pts/ "$out"
has "ps" "$pid" "$(gr ps c1)"
same "exec is in the cgroup" 0 "$(gr exec c1 sh -c 'cat /proc/self/cgroup' | grep -cv ':/$')"

# ---- pause ----
gr pause c1
same "pause" paused "$(status c1)"
fails "exec in a paused one" "paused" gr exec c1 true
gr resume c1
same "resume" running "$(status c1)"

fails "an unknown signal" "unknown signal" gr kill c1 NOPE
gr kill c1 KILL
wait_for 10 is c1 stopped
point "kill" $? "$(gr state c1)"
fails "kill of a stopped one" "container not running" gr kill c1
fails "exec in a stopped one" "stopped" gr exec c1 true
gr delete c1
point "delete" $?
same "its cgroups are gone" 0 "$(cgroups_of c1)"
[ ! -e "$root/c1" ]
point "its folder is gone" $?

# ---- errors ----
fails "a container that is not there" "container does not exist" gr state nope
fails "delete of it" "container does not exist" gr delete nope
gr delete --force nope
same "delete --force of it is fine" 0 $?
fails "an id that is a path" "use letters" gr run -b "$scratch/c1" ../x
fails "a bundle that is not there" "cannot find the bundle" gr run -b "$scratch/nope" x
mkdir -p "$scratch/empty"
fails "a bundle without config.json" "config.json" gr run -b "$scratch/empty" x
echo '{"ociVersion": "1.0.2", "process": ' >"$scratch/empty/config.json"
fails "a config.json that is cut" "config.json" gr run -b "$scratch/empty" x
bundle badns '.linux.namespaces += [{type: "wormhole"}]'
fails "an unknown namespace is named with its place" "linux.namespaces[" gr run -b "$scratch/badns" badns
bundle nobind '.mounts += [{destination: "/x", type: "bind", source: "/not/there", options: ["bind"]}]'
fails "a mount source that is not there" "/not/there" gr run -b "$scratch/nobind" nobind
same "a failed create leaves no cgroup" 0 "$(cgroups_of nobind)"
same "and no container" "" "$(gr list -q)"
bundle noprog '.process.args = ["nope"]'
fails "a program that is not there" 'executable file not found in $PATH' gr run -b "$scratch/noprog" noprog
fails "an unknown option" "unknown flag: --wrong" gr run --wrong x
fails "an unknown verb" "unknown command" gr conjure
(cd "$scratch/empty" && rm config.json && gr spec && jq -e .ociVersion config.json >/dev/null)
point "spec writes a config.json" $?
fails "but not over one" "remove it first" gr spec --bundle "$scratch/empty"

# ---- hooks ----
cat >"$scratch/hook" <<HOOK
#!/bin/sh
read state
echo "\$1 \$(echo "\$state" | jq -r '.status + " " + .id + " " + (.pid > 0 | tostring)')" >>$scratch/hooks.log
HOOK
cat >"$scratch/rootfs/inner" <<'HOOK'
#!/bin/sh
cat >/tmp/state
echo $1 >>/tmp/inner.log
HOOK
chmod 755 "$scratch/hook" "$scratch/rootfs/inner"
hook() { echo "[{path: \"$scratch/hook\", args: [\"hook\", \"$1\"], env: [\"PATH=$PATH\"]}]"; }
sh_bundle hooks 'cat /tmp/inner.log; rm /tmp/inner.log /tmp/state' ".hooks = {prestart: $(hook prestart), createRuntime: $(hook createRuntime),
	createContainer: $(hook createContainer), poststart: $(hook poststart), poststop: $(hook poststop),
	startContainer: [{path: \"/inner\", args: [\"inner\", \"startContainer\"], env: [\"PATH=/bin\"]}]}"
run hooks
same "startContainer runs inside" startContainer "$out"
same "all others run outside, in order, with the state" "prestart creating hooks true
createRuntime creating hooks true
createContainer creating hooks true
poststart running hooks true
poststop stopped hooks false" "$(cat "$scratch/hooks.log")"
bundle badhook '.hooks = {createRuntime: [{path: "/bin/false"}]}'
fails "a failing createRuntime ends the create" "/bin/false" gr create -b "$scratch/badhook" badhook
bundle badinner '.hooks = {createContainer: [{path: "/bin/false"}]}'
fails "so does a createContainer" "/bin/false" gr create -b "$scratch/badinner" badinner
bundle slowhook '.hooks = {createRuntime: [{path: "/bin/sleep", args: ["sleep", "100"], timeout: 1}]}'
fails "a hook has its timeout" "timeout" gr create -b "$scratch/slowhook" slowhook
same "nothing of them is left" "" "$(gr list -q)$(find /sys/fs/cgroup -type d -path "*/$world_cgroup/*hook*")"

# ---- the runtime is killed ----
bundle orphan '.process.args = ["sleep", "1000"] | .hooks = {createRuntime: [{path: "/bin/sleep", args: ["sleep", "100"]}]}'
"$bin" --root "$root" create -b "$scratch/orphan" orphan </dev/null >/dev/null 2>&1 & # no function: a shell would be in between
creator=$!
half_made() { [ "$(cgroups_of orphan)" -gt 0 ] && pgrep -P $creator >/dev/null; }
wait_for 10 half_made
kill -9 $creator
wait $creator 2>/dev/null
gone() { [ "$(find /sys/fs/cgroup -path "*/$world_cgroup/orphan/cgroup.procs" -exec cat {} + 2>/dev/null | wc -l)" -eq 0 ]; }
wait_for 10 gone
point "a create that is killed takes its process along" $?
gr delete --force orphan
point "delete --force removes what it left" $?
same "its cgroups, too" 0 "$(cgroups_of orphan)"

bundle parked '.process.args = ["sleep", "1000"]'
gr create -b "$scratch/parked" parked </dev/null >/dev/null 2>&1
gr delete parked
point "a container that was never started can be deleted" $?
same "and its process is gone" 0 "$(cgroups_of parked)"

finish
