#!/bin/bash
# SPDX-License-Identifier: Apache-2.0
# Names of containers on user networks.
. "$(dirname "$0")/cli_lib.bash"

servers=()
# upstream ADDRESS MODE: a name server of the host
upstream() {
	ip addr add "$1/32" dev lo 2>/dev/null
	coproc UPSTREAM { exec /usr/bin/python3 "$src/tests/integration/dns_server.py" "$1" "$2" "$scratch/log.$1"; }
	servers+=("$UPSTREAM_PID")
	read -r -t 10 <&"${UPSTREAM[0]}"
}
# ask CONTAINER [-t] NAME [TYPE]
ask() {
	local name=$1 tcp=()
	shift
	[ "$1" != -t ] || { tcp=(-t) && shift; }
	nsenter -t "$(gantry inspect -f '{{.State.Pid}}' "$name")" -n timeout 20 /usr/bin/python3 "$src/tests/integration/dns_ask.py" \
		"${tcp[@]}" 127.0.0.11 "$@" 2>&1
}
address() { # CONTAINER NETWORK
	gantry inspect -f "{{.NetworkSettings.Networks.$2.IPAddress}}" "$1"
}

gantry network create blue >/dev/null
gantry network create green >/dev/null
gantry run -d --name web --network blue --network-alias www -h webhost busybox httpd -f -p 80 -h /etc >/dev/null
gantry run -d --name app --network blue busybox sleep 1000 >/dev/null
web=$(address web blue)
id=$(gantry inspect -f '{{.Id}}' web)

# ---- what they are called ----
has "resolv.conf asks gantry-dns" "nameserver 127.0.0.11" "$(gantry exec app cat /etc/resolv.conf)"
has "with names without a dot first" "ndots:0" "$(gantry exec app cat /etc/resolv.conf)"
same "a container's name" "NOERROR $web" "$(ask app web)"
same "in capitals" "NOERROR $web" "$(ask app WEB)"
same "with the network's name" "NOERROR $web" "$(ask app web.blue)"
same "an alias" "NOERROR $web" "$(ask app www)"
same "the short id" "NOERROR $web" "$(ask app "${id:0:12}")"
same "the host name" "NOERROR $web" "$(ask app webhost)"
same "its own name" "NOERROR $(address app blue)" "$(ask app app)"
same "over TCP" "NOERROR $web" "$(ask app -t web)"
same "of IPv6 there is nothing, but the name is known" "NOERROR" "$(ask app web AAAA)"
same "nor mail" "NOERROR" "$(ask app web MX)"
reverse=$(awk -F. '{ print $4 "." $3 "." $2 "." $1 ".in-addr.arpa" }' <<<"$web")
same "the name of an address" "NOERROR web.blue" "$(ask app "$reverse" PTR)"
same "by the C library of the container" "$(gantry exec web cat /etc/hostname)" "$(gantry exec app wget -qO- http://web/hostname)"
same "inspect tells the names" "[web www ${id:0:12} webhost]" "$(gantry inspect -f '{{.NetworkSettings.Networks.blue.DNSNames}}' web)"
gantry run -d --name twin --network blue --network-alias www busybox sleep 1000 >/dev/null
same "an alias of two" 3 "$(ask app www | wc -w)"
gantry rm -f twin >/dev/null

# ---- as they come and go ----
gantry rename web shop
same "after a rename" "NOERROR $web" "$(ask app shop)"
same "the old name is gone" SERVFAIL "$(ask app web | cut -d' ' -f1 | sed 's/NXDOMAIN/SERVFAIL/')"
gantry rename shop web
gantry run -d --name far --network green busybox sleep 1000 >/dev/null
same "another network's names are not known" 1 "$(ask app far | wc -w)"
gantry network connect --alias near green app
same "after a connect they are" "NOERROR $(address far green)" "$(ask app far)"
same "and it is known there" "NOERROR $(address app green)" "$(ask far near)"
gantry network disconnect green app
same "after a disconnect they are not" 1 "$(ask app far | wc -w)"
gantry stop -t 0 web >/dev/null
same "who has stopped is not known" 1 "$(ask app web | wc -w)"
gantry start web >/dev/null
web=$(address web blue)
same "who starts again is" "NOERROR $web" "$(ask app web)"
gantry run -d --name plain busybox sleep 1000 >/dev/null
same "on the default network there are no names" 0 "$(gantry exec plain grep -c 127.0.0.11 /etc/resolv.conf)"
gantry network connect blue plain
has "until it is connected to another" "nameserver 127.0.0.11" "$(gantry exec plain cat /etc/resolv.conf)"
same "which has" "NOERROR $web" "$(ask plain web)"
gantry rm -f plain >/dev/null

# ---- a container that serves names itself ----
gantry run -d --name own --network blue busybox sleep 1000 >/dev/null
pid=$(gantry inspect -f '{{.State.Pid}}' own)
nsenter -t "$pid" -n timeout 60 /usr/bin/python3 "$src/tests/integration/dns_server.py" "$(address own blue)" answer "$scratch/own" >"$scratch/own.out" &
servers+=($!)
ready() { grep -q ready "$scratch/own.out"; }
wait_for 10 ready
same "port 53 is the container's to serve" "NOERROR 192.0.2.$(address own blue | cut -d. -f4)" \
	"$(nsenter -t "$(gantry inspect -f '{{.State.Pid}}' app)" -n timeout 20 /usr/bin/python3 "$src/tests/integration/dns_ask.py" "$(address own blue)" anything)"
same "and it still finds others" "NOERROR $web" "$(ask own web)"
gantry rm -f own >/dev/null

# ---- upstreams ----
upstream 10.77.0.1 answer
upstream 10.77.0.2 fail
upstream 10.77.0.3 silent
gantry run -d --name up --network blue --dns 10.77.0.1 busybox sleep 1000 >/dev/null
same "what is not known is asked of the upstream" "NOERROR 192.0.2.1" "$(ask up example.test)"
same "over TCP, too" "NOERROR 192.0.2.1" "$(ask up -t example.test)"
ask up web >/dev/null
same "containers' names never leave" 0 "$(grep -c '^web$' "$scratch/log.10.77.0.1")"
gantry rm -f up >/dev/null
gantry run -d --name up --network blue --dns 10.77.0.2 --dns 10.77.0.1 busybox sleep 1000 >/dev/null
same "one that fails is followed by the next" "NOERROR 192.0.2.1" "$(ask up example.test)"
gantry rm -f up >/dev/null
gantry run -d --name up --network blue --dns 10.77.0.3 --dns 10.77.0.1 busybox sleep 1000 >/dev/null
same "so is one that is silent" "NOERROR 192.0.2.1" "$(ask up example.test)"
gantry rm -f up >/dev/null
gantry run -d --name up --network blue --dns 10.77.0.2 busybox sleep 1000 >/dev/null
same "a failure of all is told" SERVFAIL "$(ask up example.test)"
gantry rm -f up >/dev/null
gantry network create --internal inner >/dev/null
gantry run -d --name up --network inner --dns 10.77.0.1 busybox sleep 1000 >/dev/null
: >"$scratch/log.10.77.0.1"
same "an internal network asks nobody" SERVFAIL "$(ask up example.test)"
same "over TCP neither" SERVFAIL "$(ask up -t example.test)"
same "indeed" "" "$(cat "$scratch/log.10.77.0.1")"
same "but knows its own" "NOERROR $(address up inner)" "$(ask up up)"
gantry rm -f up >/dev/null
gantry network rm inner >/dev/null

# ---- deaths ----
kill -9 "$daemon"
wait "$daemon" 2>/dev/null
pid=$(pgrep -P 1 -x gantry-dns || pgrep -x gantry-dns)
app_pid=$(pgrep -f '^sleep 1000' | head -n 1)
same "it goes on without gantryd" "NOERROR $web" "$(nsenter -t "$app_pid" -n timeout 20 /usr/bin/python3 "$src/tests/integration/dns_ask.py" 127.0.0.11 web)"
start_daemon
same "and with the next one" "NOERROR $web" "$(ask app web)"
same "which has taken it over" "$pid" "$(pgrep -x gantry-dns)"
gantry run -d --name late --network blue busybox sleep 1000 >/dev/null
same "with new names" "NOERROR $(address late blue)" "$(ask app late)"
kill -9 "$pid"
back() { [ "$(ask app web)" = "NOERROR $web" ]; }
wait_for 10 back
point "killed, it is started again and knows everything" $?
same "about all" "NOERROR $(address late blue)" "$(ask app late)"
same "it has no privileges" "CapEff:	0000000000000000" "$(grep CapEff "/proc/$(pgrep -x gantry-dns)/status")"
gantry rm -f web app far late >/dev/null
gantry network rm blue green >/dev/null
kill "${servers[@]}" 2>/dev/null
kill "$daemon"
wait "$daemon"
gone() { ! pgrep -x gantry-dns >/dev/null; }
wait_for 5 gone
point "with nobody to serve it ends" $?
start_daemon
finish
