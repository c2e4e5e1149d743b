#!/bin/bash
# SPDX-License-Identifier: Apache-2.0
# gantryd's options of networks, its configuration file, and two gantryds beside each other.
. "$(dirname "$0")/cli_lib.bash"

stop_daemon() {
	kill "$daemon"
	wait "$daemon" 2>/dev/null
}
# with OPTION...: the daemon of cli_lib.bash once more, with options
with() {
	stop_daemon
	"$build/bin/gantryd" --data-root "$scratch/data" --exec-root "$scratch/run" --pidfile "$scratch/pid" \
		-H "$GANTRY_HOST" -G root "$@" >>"$scratch/log" 2>&1 &
	daemon=$!
	wait_for 10 "$build/bin/gantry" version >/dev/null 2>&1
}
address() {
	gantry run --rm busybox ip -4 -o addr show eth0 | awk '{ print $4 }'
}

# ---- the default bridge ----
with --bip 10.9.0.1/24 --mtu 1400 --dns 10.9.9.9 --dns-search example.test --dns-opt ndots:3
same "--bip" 10.9.0.1/24 "$(ip -4 -o addr show gantry0 | awk '{ print $4 }')"
has "addresses are of it" 10.9.0. "$(address)"
has "--mtu" "mtu 1400" "$(gantry run --rm busybox ip link show eth0)"
same "--dns, --dns-search and --dns-opt" "nameserver 10.9.9.9 search example.test options ndots:3" \
	"$(gantry run --rm busybox cat /etc/resolv.conf | grep -v '^#' | grep . | xargs)"
with --bip 10.9.0.1/24 --fixed-cidr 10.9.0.128/25 --default-gateway 10.9.0.2
first=$(address)
[ "${first%/*}" != "" ] && [ "$(cut -d. -f4 <<<"${first%/*}")" -ge 128 ]
point "--fixed-cidr" $? "$first"
has "--default-gateway" "default via 10.9.0.2" "$(gantry run --rm busybox ip route)"
with --icc=false
gantry run -d --name server busybox httpd -f -p 80 -h /etc >/dev/null
ip=$(gantry inspect -f '{{.NetworkSettings.IPAddress}}' server)
exits "--icc=false keeps containers apart" 1 gantry run --rm busybox nc -w 2 "$ip" 80
gantry rm -f server >/dev/null
with --default-address-pool base=10.20.0.0/16,size=24 --default-address-pool base=10.21.0.0/16,size=28
gantry network create one >/dev/null
same "--default-address-pool: the default network has the first" 10.20.1.0/24 "$(gantry network inspect -f '{{(index .IPAM.Config 0).Subnet}}' one)"
gantry network rm one >/dev/null
with --iptables=false
gantry run --rm -p 8080:80 busybox true
same "--iptables=false sets no rule, and removes those that were" "" "$(nft list ruleset | grep gantry-)"
with
point "without it they are back" "$(nft list ruleset | grep -c 'table.*gantry-' | grep -qx 2; echo $?)"
with --bridge none
exits "--bridge none: no default network" 125 gantry run --rm busybox true
same "but others" 0 "$(gantry network create two >/dev/null; gantry run --rm --network two busybox true; echo $?)"
gantry network rm two >/dev/null
same "and none" 0 "$(gantry run --rm --network none busybox true; echo $?)"
stop_daemon

# ---- the configuration file ----
refused() { # NAME WORDS OPTION...
	local name=$1 words=$2
	shift 2
	exits "$name" 1 timeout 20 "$build/bin/gantryd" --data-root "$scratch/other" --exec-root "$scratch/orun" --pidfile "$scratch/opid" \
		-H "unix://$scratch/osock" -G root "$@"
	has "says so" "$words" "$out"
}
refused "a bad --bip" "bip" --bip foo
refused "a bad pool" "pool" --default-address-pool base=foo
refused "an unknown option" "unknown flag: --nosuch" --nosuch
echo '{"nosuch": 1}' >"$scratch/daemon.json"
refused "an unknown key" "the following directives don't match any configuration option: nosuch" --config-file "$scratch/daemon.json"
echo '{"debug": "yes"}' >"$scratch/daemon.json"
refused "a value of another type" "debug" --config-file "$scratch/daemon.json"
echo '{"mtu": 1300}' >"$scratch/daemon.json"
refused "twice" "specified both as a flag and in the configuration file: mtu" --config-file "$scratch/daemon.json" --mtu 1200
cat >"$scratch/daemon.json" <<'END'
{"default-address-pools": [{"base": "10.30.0.0/16", "size": 26}], "dns": ["10.3.3.3"], "icc": true, "labels": ["a=b"], "mtu": 1350}
END
exits "--validate" 0 "$build/bin/gantryd" --validate --config-file "$scratch/daemon.json"
same "says that it is right" "configuration OK" "$out"
start_daemon
with --config-file "$scratch/daemon.json"
gantry network create three >/dev/null
same "pools of the file" 10.30.0.64/26 "$(gantry network inspect -f '{{(index .IPAM.Config 0).Subnet}}' three)"
gantry network rm three >/dev/null
has "a list of the file" "nameserver 10.3.3.3" "$(gantry run --rm busybox cat /etc/resolv.conf)"

# ---- two of them ----
second() { # COMMAND...: gantry, of the second daemon
	GANTRY_HOST=unix://$scratch/two/sock timeout 30 "$build/bin/gantry" "$@"
}
mkdir "$scratch/two"
"$build/bin/gantryd" --data-root "$scratch/two/data" --exec-root "$scratch/two/run" --pidfile "$scratch/two/pid" \
	-H "unix://$scratch/two/sock" -G root >"$scratch/two/log" 2>&1 &
two=$!
wait_for 10 second version >/dev/null 2>&1
tar c -C "$("$src/tests/support/rootfs" busybox)" . | second import -c 'ENV PATH=/bin' - busybox >/dev/null
gantry run -d --name web -p 127.0.0.1:8081:80 busybox httpd -f -p 80 -h /bin >/dev/null
second run -d --name web -p 127.0.0.1:8082:80 busybox httpd -f -p 80 -h /bin >/dev/null
fetch() { curl -sf -m 3 -o /dev/null "http://127.0.0.1:$1/busybox"; }
exits "two gantryds: the first one's port" 0 fetch 8081
exits "the second one's" 0 fetch 8082
exits "the same data-root is refused" 1 timeout 10 "$build/bin/gantryd" --data-root "$scratch/two/data" --exec-root "$scratch/two/run2" \
	--pidfile "$scratch/two/pid2" -H "unix://$scratch/two/sock2" -G root
has "says so" "another engine uses" "$out"
second rm -f web >/dev/null
exits "what the second one removes is not the first one's" 0 fetch 8081
same "its bridge is another" gantry1 "$(second network inspect -f '{{index .Options "com.docker.network.bridge.name"}}' bridge)"
kill -9 $two
wait $two 2>/dev/null
exits "nor is its death" 0 fetch 8081
gantry rm -f web >/dev/null
"$build/bin/gantryd" --data-root "$scratch/two/data" --exec-root "$scratch/two/run" --pidfile "$scratch/two/pid" \
	-H "unix://$scratch/two/sock" -G root >>"$scratch/two/log" 2>&1 &
two=$!
wait_for 10 second version >/dev/null 2>&1
kill $two # what was killed has left a cgroup: the next one takes it along
wait $two
finish
