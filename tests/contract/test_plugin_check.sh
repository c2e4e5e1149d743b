#!/bin/sh
# SPDX-License-Identifier: Apache-2.0
# gantry-plugin-check finds each driver that is broken on purpose, and for its own reason.
fakes=$GANTRY_BUILD_DIR/tests/fake-plugins
check=$GANTRY_BUILD_DIR/bin/gantry-plugin-check
n=0
failed=0

point() { # STATUS TEXT
	n=$((n + 1))
	[ "$1" = 0 ] && echo "ok $n - $2" || { echo "not ok $n - $2"; failed=1; }
}

finds() { # FAKE TEXT...
	fake=$1
	shift
	out=$("$check" "$fakes/$fake.so" 2>&1)
	status=$?
	for text; do
		printf '%s\n' "$out" | grep -E '^(not ok|#)' | grep -qF -- "$text"
		found=$?
		[ $status = 1 ] && [ $found = 0 ]
		point $? "$fake: $text"
		[ $status = 1 ] && [ $found = 0 ] || printf '%s\n' "$out" | grep '^not ok' | sed 's/^/# /'
	done
}

out=$("$check" "$fakes/good.so" 2>&1)
point $? "good: nothing is found"

finds bad-storage-parent "in process: the tree shows the base layer's file" "by messages: the tree shows the base layer's file"
finds bad-storage-commit-twice "in process: commit is repeatable"
finds bad-storage-create-twice "in process: create is repeatable"
finds bad-storage-whiteout "in process: the tree honours the whiteout in the declared style"
finds bad-storage-remove-unknown "in process: remove of the unknown succeeds"
finds bad-storage-remove-leaves "in process: nothing is listed after the last remove"
finds bad-storage-holder-count "in process: mount with an equal holder is repeatable"
finds bad-storage-unmount-unknown "in process: unmount of the unknown succeeds"
finds bad-storage-list-order "is not greater than the one before it" "by messages: pages of one layer"
finds bad-storage-list-max "in process: pages of one layer show each layer once"
finds bad-storage-recover-lost "in process: it says that a known layer is lost"
finds bad-storage-recover-keeps "in process: what the engine does not know is removed"
finds bad-storage-usage "in process: usage counts what was written"
finds bad-storage-guard "guarded: nothing crashes (Segmentation fault)"
finds bad-volume-remove "in process: remove of the unknown succeeds"
finds bad-volume-cloexec "is not close-on-exec"
finds bad-network-leave "in process: leave is repeatable"
finds bad-network-link "the link 'ghost0' is in the sandbox"
finds bad-auth-unknown "an unknown trait is not allowed where privileged is not"
finds cap-without-entry "CAP_REPLY but the entry authorize_reply is NULL"
finds constructor-crash "constructor-crash.so: is loaded" "crash: it crashed (Killed)"
finds undefined-symbol "symbol: the symbol 'gantry_test_nowhere'"
finds bad-option "furlongs"

"$check" >/dev/null 2>&1
[ $? = 2 ]
point $? "no file named: exit status 2"
"$check" --kind sculpture "$fakes/good.so" >/dev/null 2>&1
[ $? = 2 ]
point $? "unknown kind: exit status 2"
"$check" --kind auth "$fakes/good.so" | grep -q 'storage tiny'
[ $? = 1 ]
point $? "--kind auth checks no storage driver"
"$check" --kind storage -o size=nonsense "$fakes/good.so" 2>&1 | grep -q "takes a size, not 'nonsense'"
point $? "a wrong option is told"
echo "1..$n"
exit $failed
