#!/bin/bash
# SPDX-License-Identifier: Apache-2.0
#
# Images and containers that attack the runtime: what they reach for is the host's, and must be as it was.
# Each point names the row of tests/threats.tsv that it stands for.
# shellcheck disable=SC2154 # what runtime_lib.bash sets
. "$(dirname "$0")/runtime_lib.bash"

shim=$build/bin/gantry-shim
shim_before=$(sha256sum <"$shim")
mkdir -p "$scratch/canary"
echo canary >"$scratch/canary/file"
canary_before=$(find "$scratch/canary" -printf '%p %m %s\n' | sort)
core_pattern=$(cat /proc/sys/kernel/core_pattern)

# own_root NAME SCRIPT: a root of its own for bundle NAME, changed by the script (in that folder)
own_root() {
	cp -a "$scratch/rootfs" "$scratch/root-$1"
	(cd "$scratch/root-$1" && eval "$2")
	jq ".root.path = \"$scratch/root-$1\"" "$scratch/$1/config.json" >"$scratch/c" && mv "$scratch/c" "$scratch/$1/config.json"
}
refused() {
	[ $code -ne 0 ]
	point "$1" $? "exit $code: $out"
}

# ---- CVE-2019-5736: overwriting the runtime's own program ----
bundle selfexe '.process.args = ["/proc/self/exe"]'
run selfexe
bundle script '.process.args = ["/evil"]'
own_root script 'printf "#!/proc/self/exe\n" >evil; chmod 755 evil'
run script
cat >"$scratch/rootfs/overwrite" <<'ATTACK'
#!/bin/sh
while :; do
	for p in /proc/[0-9]*; do
		case $p in /proc/1 | /proc/$$) continue ;; esac
		exec 9<"$p/exe" && echo evil >/proc/$$/fd/9
		echo evil >"$p/exe"
	done 2>/dev/null
done
ATTACK
chmod 755 "$scratch/rootfs/overwrite"
bundle overwrite '.process.args = ["/overwrite"] | (.process.capabilities[]) += ["CAP_SYS_PTRACE", "CAP_SYS_ADMIN", "CAP_DAC_READ_SEARCH"]
	| .process.noNewPrivileges = false'
gr create -b "$scratch/overwrite" overwrite </dev/null >/dev/null 2>&1
gr start overwrite
for _ in $(seq 40); do gr exec overwrite true </dev/null >/dev/null 2>&1; done
gr delete --force overwrite
same "CVE-2019-5736: the shim is what it was" "$shim_before" "$(sha256sum <"$shim")"

# ---- CVE-2024-21626: a directory of the host through a leaked descriptor ----
leaked=0
for n in $(seq 3 40); do
	sh_bundle cwd 'pwd; ls ../../../../..' ".process.cwd = \"/proc/self/fd/$n\""
	run cwd
	[ $code -ne 0 ] || leaked=1
done
point "CVE-2024-21626: no descriptor serves as working directory" $leaked "$out"
sh_bundle fds 'ls /proc/self/fd | tr "\n" " "; ls -l /proc/1/fd | grep -vc -e total -e pipe: -e /dev/null -e socket:'
run fds
has "a container has three descriptors" "0 1 2 3" "$out"
bundle target '.process.args = ["sleep", "1000"]'
gr create -b "$scratch/target" target </dev/null >/dev/null 2>&1
gr start target
leaked=0
for n in $(seq 3 40); do
	gr exec --cwd "/proc/self/fd/$n" target true </dev/null >/dev/null 2>&1 && leaked=1
done
point "CVE-2024-21626: nor with exec" $leaked
same "exec leaks no descriptor" "0 1 2 3 " "$(gr exec target sh -c 'ls /proc/self/fd | tr "\n" " "' </dev/null)"

# ---- CVE-2016-9962: looking into a process that is on its way in ----
cat >"$scratch/rootfs/watch" <<'ATTACK'
#!/bin/sh
while :; do
	for p in /proc/[0-9]*; do
		case $p in /proc/1 | /proc/$$) continue ;; esac
		ls -l "$p/fd" "$p/cwd" "$p/root"
	done 2>/dev/null | grep -e '-> .*/canary' -e start.sock >>/tmp/seen
done
ATTACK
chmod 755 "$scratch/rootfs/watch"
bundle watch '.process.args = ["/watch"] | (.process.capabilities[]) += ["CAP_SYS_PTRACE"]'
gr create -b "$scratch/watch" watch </dev/null >/dev/null 2>&1
gr start watch
(cd "$scratch/canary" && for _ in $(seq 40); do gr exec watch true </dev/null 2>&1; done)
[ ! -s "$scratch/rootfs/tmp/seen" ]
point "CVE-2016-9962: a process on its way in shows nothing of the host" $? "$(head -3 "$scratch/rootfs/tmp/seen" 2>/dev/null)"
gr delete --force watch
gr delete --force target

# ---- CVE-2025-31133, 2025-52565, 2026-41579: devices and their folder as links ----
bundle devnull '.mounts |= map(select(.destination | startswith("/dev") | not)) | .linux.maskedPaths = ["/proc/keys"]'
own_root devnull 'rm -rf dev; mkdir dev; ln -s /proc/sys/kernel/core_pattern dev/null'
run devnull
refused "CVE-2025-31133: /dev/null as a link is refused"
for target in /tmp ../../../../../tmp ../tmp "$scratch/canary"; do
	bundle devlink
	own_root devlink "rm -rf dev; ln -s '$target' dev"
	run devlink
	rm -rf "$scratch/root-devlink"
done
bundle shm
own_root shm "mkdir -p x; rm -rf etc; ln -s ../../../../..$scratch/canary etc; ln -s $scratch/canary mnt-link"
jq ".mounts += [{destination: \"/etc/made\", type: \"bind\", source: \"$scratch/canary/file\", options: [\"bind\"]},
	{destination: \"/mnt-link/deep/er\", type: \"tmpfs\", source: \"tmpfs\"}]" "$scratch/shm/config.json" >"$scratch/c" && mv "$scratch/c" "$scratch/shm/config.json"
run shm
same "CVE-2026-41579, 2024-45310: links of the image end inside it" "$canary_before" "$(find "$scratch/canary" -printf '%p %m %s\n' | sort)"

bundle console '.process.terminal = true | .mounts |= map(select(.destination != "/dev"))'
own_root console "rm -rf dev; mkdir -p dev/pts dev/shm dev/mqueue; ln -s $scratch/canary/file dev/console"
script -qec "$bin --root $root run -b $scratch/console console" /dev/null </dev/null >/dev/null 2>&1
same "CVE-2025-52565: /dev/console as a link is not followed out of the root" canary "$(cat "$scratch/canary/file")"

# ---- CVE-2019-19921, 2023-27561, 2019-16884: /proc and /sys elsewhere ----
bundle proclink
own_root proclink 'rmdir proc; mkdir -p tmp/p; ln -s /tmp/p proc'
run proclink
refused "CVE-2019-19921: /proc as a link is refused"
bundle syslink
own_root syslink 'rmdir sys; ln -s tmp sys'
run syslink
refused "and /sys"
bundle overproc ".mounts += [{destination: \"/proc/self/attr\", type: \"tmpfs\", source: \"tmpfs\"}]"
run overproc
refused "CVE-2019-16884: mounting over a part of /proc is refused"
bundle intoproc ".mounts += [{destination: \"/innocent/attr\", type: \"tmpfs\", source: \"tmpfs\"}]"
own_root intoproc 'ln -s /proc/self innocent'
run intoproc
refused "also through a link of the image"

# ---- CVE-2021-30465: a target that is swapped for a link while it is mounted ----
cat >"$scratch/swap.py" <<'SWAP'
import ctypes, os, sys
libc = ctypes.CDLL(None, use_errno=True)
a, b = (p.encode() for p in sys.argv[1:3])
while True:
    libc.renameat2(-100, a, -100, b, 2)
SWAP
bundle race ".mounts += [{destination: \"/vol\", type: \"bind\", source: \"$scratch/vol\", options: [\"rbind\"]},
	{destination: \"/vol/a/target\", type: \"tmpfs\", source: \"tmpfs\"}]"
mkdir -p "$scratch/vol/a/target" "$scratch/canary/target"
canary_before=$(find "$scratch/canary" -printf '%p %m %s\n' | sort)
ln -s "../../../../../../../..$scratch/canary" "$scratch/vol/b"
python3 "$scratch/swap.py" "$scratch/vol/a" "$scratch/vol/b" &
swapper=$!
for _ in $(seq 60); do run race; done
kill $swapper
wait $swapper 2>/dev/null
same "CVE-2021-30465: nothing is mounted or made outside" "$canary_before 0" \
	"$(find "$scratch/canary" -printf '%p %m %s\n' | sort) $(grep -c "$scratch/canary" /proc/mounts)"

# ---- CVE-2025-52881: writes to /proc are led elsewhere ----
bundle sysctlproc '.linux.sysctl = {"net.ipv4.ip_forward": "1"} | .process.args = ["cat", "/proc/sys/net/ipv4/ip_forward"]
	| .mounts |= map(select(.destination != "/proc"))'
own_root sysctlproc 'mkdir -p proc/sys/net/ipv4; echo fake >proc/sys/net/ipv4/ip_forward'
run sysctlproc
same "CVE-2025-52881: a sysctl is written to the kernel, not to a file of the image" fake "$out"

# ---- CVE-2022-0492, 2020-15257 ----
sh_bundle release 'mkdir /tmp/cg; mount -t cgroup -o memory x /tmp/cg 2>&1; echo /x 2>&1 >/sys/fs/cgroup/memory/release_agent'
run release
refused "CVE-2022-0492: no cgroup can be mounted, no release_agent written"
same "CVE-2020-15257: no abstract socket is gantry's" 0 "$(grep -c '@.*gantry' /proc/net/unix)"

same "the host's core_pattern is what it was" "$core_pattern" "$(cat /proc/sys/kernel/core_pattern)"
same "no container is left" "" "$(gr list -q)"
finish
