#!/bin/bash
# SPDX-License-Identifier: Apache-2.0
#
# scripts/quickstart on a machine that has nothing: Debian 12 as debootstrap leaves it, in an overlay. It has this machine's
# network, from which the bridge, the tables and the cgroups of gantryd are removed at the end. It must end within three
# minutes, run a second time, leave no policy-rc.d and nothing but the gantryd that it names.
# timeout: 900
set -u
tree=$("$GANTRY_SOURCE_DIR/tests/support/rootfs" debian) || {
	echo "1..0 # SKIP no Debian tree could be made here"
	exit 0
}
mirror=$(apt-get indextargets --format '$(REPO_URI)' 'Created-By: Packages' 'Component: main' | grep -m1 '/debian/$')
machine=$TMPDIR/machine
mkdir "$machine"
export tree mirror machine

# In a mount namespace of its own, with a root of its own (pivot_root: a container's process must not reach this one's).
inside() {
	local fresh=(env -i "PATH=$PATH" HOME=/root)
	mount -t tmpfs -o size=6G tmpfs "$machine"
	mkdir "$machine"/{upper,work,root}
	mount -t overlay -o "lowerdir=$tree,upperdir=$machine/upper,workdir=$machine/work" overlay "$machine/root"
	cd "$machine/root" || exit 1
	mount --rbind /dev dev
	mount --rbind /sys sys
	mount -t proc proc proc
	cp /etc/resolv.conf etc/resolv.conf
	cp /etc/apt/apt.conf.d/* etc/apt/apt.conf.d/ 2>/dev/null
	echo "deb ${mirror:-http://deb.debian.org/debian/} bookworm main" >etc/apt/sources.list
	mkdir src old
	tar -C "$GANTRY_SOURCE_DIR" --exclude='./build*' -c . | tar -C src -x
	pivot_root . old
	cd /src || exit 1
	umount -l /old
	echo "== first"
	time "${fresh[@]}" scripts/quickstart
	echo "exit $?"
	echo "== second"
	"${fresh[@]}" scripts/quickstart
	echo "exit $?"
	[ -e /usr/sbin/policy-rc.d ] && echo "policy left"
	pid=$(cat build/quickstart/gantry.pid)
	kill "$pid"
	for _ in {1..300}; do
		[ -e "/proc/$pid" ] || break
		sleep 0.1
	done
	[ -e "/proc/$pid" ] && echo "gantryd left"
	echo "== end"
}
export -f inside
forwarding=$(cat /proc/sys/net/ipv4/ip_forward)
started=$SECONDS
unshare --mount --propagation private bash -c inside >"$TMPDIR/log" 2>&1
took=$((SECONDS - started))
ip link del gantry0 2>/dev/null
nft list tables | grep ' gantry-' | sed 's/^/delete /' | nft -f -
rmdir /sys/fs/cgroup/*/gantry/shims /sys/fs/cgroup/*/gantry /sys/fs/cgroup/*/docker 2>/dev/null
echo "$forwarding" >/proc/sys/net/ipv4/ip_forward
sed 's/^/# /' "$TMPDIR/log"

number=0
point() {
	number=$((number + 1))
	if eval "$2"; then echo "ok $number - $1"; else echo "not ok $number - $1"; fi
}
# shellcheck disable=SC2034 # the points use it
log=$TMPDIR/log
echo "1..4"
point "a container speaks, twice" '[ "$(grep -c "^hello from a container$" "$log")" = 2 ]'
point "both runs succeed" '[ "$(grep -c "^exit 0$" "$log")" = 2 ]'
point "both together take less than three minutes ($took s)" '[ $took -lt 180 ]'
point "no policy-rc.d is left" 'grep -qx "== end" "$log" && ! grep -qx "policy left" "$log"'
