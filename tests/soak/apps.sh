#!/bin/bash
# SPDX-License-Identifier: Apache-2.0
# timeout: 900
#
# nginx, redis and postgresql from Debian's packages, by the docker CLI: they serve through published ports, find each other by name,
# survive docker restart, and keep their connections when gantryd is killed.
if [ -z "${CLI_WORLD:-}" ]; then
	tree=$("$GANTRY_SOURCE_DIR/tests/support/rootfs" debian) || {
		echo "1..0 # SKIP no Debian tree could be made here"
		exit 0
	}
	export APPS=$TMPDIR/apps
	cp -a "$tree" "$APPS"
	cp /etc/resolv.conf "$APPS/etc/"
	cp /etc/apt/apt.conf.d/* "$APPS/etc/apt/apt.conf.d/" 2>/dev/null
	mirror=$(apt-get indextargets --format '$(REPO_URI)' 'Created-By: Packages' 'Component: main' | grep -m1 '/debian/$')
	echo "deb ${mirror:-http://deb.debian.org/debian/} bookworm main" >"$APPS/etc/apt/sources.list"
	printf '#!/bin/sh\nexit 101\n' >"$APPS/usr/sbin/policy-rc.d"
	chmod +x "$APPS/usr/sbin/policy-rc.d"
	unshare --mount sh -c 'mount -t proc proc "$APPS/proc"; mount --bind /dev "$APPS/dev"; chroot "$APPS" sh -c "apt-get -qq update &&
		DEBIAN_FRONTEND=noninteractive apt-get -qq install -y --no-install-recommends nginx-light redis-server postgresql curl"' >"$TMPDIR/apt" 2>&1 || {
		sed 's/^/# /' "$TMPDIR/apt" | tail -n 5
		echo "1..0 # SKIP the packages could not be had"
		exit 0
	}
	PATH=$("$GANTRY_SOURCE_DIR/scripts/peers" path)
	export PATH
fi
. "$GANTRY_SOURCE_DIR/tests/integration/cli_lib.bash"
export DOCKER_HOST=$GANTRY_HOST
d() {
	timeout 60 docker "$@"
}
tar c -C "$APPS" . | d import - apps >/dev/null
d network create apps >/dev/null
d volume create pg >/dev/null

exits "nginx" 0 d run -d --name web --network apps -p 8080:80 apps nginx -g 'daemon off;'
exits "redis" 0 d run -d --name cache --network apps -p 6379:6379 -v redis:/var/lib/redis apps redis-server --protected-mode no --bind 0.0.0.0 --appendonly yes --dir /var/lib/redis
exits "postgresql" 0 d run -d --name db --network apps -p 5432:5432 --user postgres -v pg:/var/lib/postgresql --shm-size 128m apps \
	/usr/lib/postgresql/15/bin/postgres -D /var/lib/postgresql/15/main -c config_file=/etc/postgresql/15/main/postgresql.conf -c listen_addresses='*'
serves_web() { curl -sf -m 3 -o /dev/null http://127.0.0.1:8080/; }
redis() { # COMMAND by the published port
	exec 7<>/dev/tcp/127.0.0.1/6379 && printf '%s\r\n' "$1" >&7 && timeout 3 head -n "${2:-1}" <&7 | tr -d '\r' | tail -n 1
	exec 7>&-
}
serves_redis() { [ "$(redis PING 2>/dev/null)" = +PONG ]; }
sql() { d exec -u postgres db psql -At -c "$1"; }
serves_db() { [ "$(sql 'select 1' 2>/dev/null)" = 1 ]; }
for what in web redis db; do
	wait_for 30 serves_$what
	point "$what serves" $? "$(d logs "${what/redis/cache}" 2>&1 | tail -n 5)"
done
exits "nginx is found by its name" 0 d exec cache curl -sf -o /dev/null http://web/
exits "redis is found by its name" 0 d exec web bash -c 'exec 3<>/dev/tcp/cache/6379'
exits "postgresql is found by its name" 0 d exec web bash -c 'exec 3<>/dev/tcp/db/5432'
same "redis keeps" "+OK" "$(redis 'SET key value')"
exits "postgresql keeps" 0 sql 'create table t (n int); insert into t values (7)'

exec 8<>/dev/tcp/127.0.0.1/6379
pids=$(d inspect -f '{{.State.Pid}}' web cache db)
kill -9 "$daemon"
wait "$daemon" 2>/dev/null
serves_web
point "nginx serves while gantryd is dead" $?
printf 'PING\r\n' >&8
same "an open connection goes on" +PONG "$(timeout 3 head -n 1 <&8 | tr -d '\r')"
start_daemon
printf 'PING\r\n' >&8
same "and with the next gantryd" +PONG "$(timeout 3 head -n 1 <&8 | tr -d '\r')"
exec 8>&-
same "the same processes run" "$pids" "$(d inspect -f '{{.State.Pid}}' web cache db)"

exits "docker restart" 0 d restart -t 20 web cache db
for what in web redis db; do
	wait_for 30 serves_$what
	point "$what serves again" $? "$(d logs "${what/redis/cache}" 2>&1 | tail -n 5)"
done
same "redis has kept" value "$(redis 'GET key' 2)"
same "postgresql has kept" 7 "$(sql 'select n from t')"
exits "names are still found" 0 d exec cache curl -sf -o /dev/null http://web/
d rm -fv web cache db >/dev/null
d network rm apps >/dev/null
d volume prune -fa >/dev/null
finish
