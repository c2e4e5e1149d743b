#!/bin/sh
# SPDX-License-Identifier: Apache-2.0
# Drivers of all four kinds are built outside of the tree against the installed SDK, by find_package and by
# pkg-config, and keep the contract.  The headers compile alone, as C11 and as C++17.
build=$GANTRY_BUILD_DIR
source=$GANTRY_SOURCE_DIR
n=0
failed=0
work=$(mktemp -d /tmp/gantry-sdk-XXXXXX) || exit 1
trap 'rm -rf "$work"' EXIT

point() { # STATUS TEXT
	n=$((n + 1))
	[ "$1" = 0 ] && echo "ok $n - $2" || {
		echo "not ok $n - $2"
		sed 's/^/# /' "$work/log" | tail -20
		failed=1
	}
}

# The prefix is written into pkg-config's and CMake's files, so it is given at install time by a staging folder.
DESTDIR=$work/stage cmake --install "$build" --component sdk >"$work/log" 2>&1
point $? "cmake --install"
prefix=$(sed -n 's/^CMAKE_INSTALL_PREFIX:[A-Z]*=//p' "$build/CMakeCache.txt")
sdk=$work/stage$prefix
find "$work/stage" \( -name '*.pc' -o -name '*.cmake' \) -exec sed -i "s|$prefix|$sdk|g" {} +

mkdir "$work/project"
cp "$source"/tests/contract/out-of-tree/* "$source"/tests/fake-plugins/tiny_*.h "$work/project"
cmake -S "$work/project" -B "$work/cmake" -DCMAKE_PREFIX_PATH="$sdk" >"$work/log" 2>&1 &&
	cmake --build "$work/cmake" >>"$work/log" 2>&1
point $? "four drivers are built with find_package"

export PKG_CONFIG_PATH
PKG_CONFIG_PATH=$(dirname "$(find "$sdk" -name gantry-plugin.pc)")
mkdir "$work/pkg"
for kind in storage network volume auth; do
	# shellcheck disable=SC2046 # several flags
	cc -std=gnu11 -Wall -Wextra -Werror -fPIC -shared -fvisibility=hidden -D_GNU_SOURCE $(pkg-config --cflags gantry-plugin) \
		-o "$work/pkg/$kind.so" "$work/project/my-$kind.c" -Wl,-z,defs -Wl,-z,now >"$work/log" 2>&1
	point $? "$kind driver is built with pkg-config"
done
for folder in cmake pkg; do
	chmod go-w "$work/$folder" "$work/$folder"/*.so
	# one at a time: they have the same driver names
	for so in "$work/$folder"/*.so; do
		"$build/bin/gantry-plugin-check" "$so" >"$work/log" 2>&1
		point $? "$folder/$(basename "$so") keeps the contract"
	done
done

for compiler in "gcc -std=c11 -xc" "clang -std=c11 -xc" "g++ -std=c++17 -xc++"; do
	command -v "${compiler%% *}" >/dev/null || continue
	for header in plugin storage network volume auth; do
		# shellcheck disable=SC2046,SC2086 # several flags
		echo "#include <gantry/$header.h>" |
			$compiler -Wall -Wextra -Werror -fsyntax-only $(pkg-config --cflags gantry-plugin) - >"$work/log" 2>&1
		point $? "$header.h alone, by $compiler"
	done
done
echo "1..$n"
exit $failed
