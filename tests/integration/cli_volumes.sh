#!/bin/bash
# SPDX-License-Identifier: Apache-2.0
# Volumes, binds and tmpfs: gantry volume, gantry run -v, --mount, --tmpfs, --volumes-from.
. "$(dirname "$0")/cli_lib.bash"

run() {
	gantry run --rm --network none "$@"
}

# ---- gantry volume ----
exits "volume create" 0 gantry volume create --label a=b data
same "prints the name" data "$out"
exits "once more" 0 gantry volume create data
exits "a name of one letter" 1 gantry volume create a
has "in Docker's words" "volume name is too short" "$out"
exits "a name that is a path" 1 gantry volume create ../up
has "in Docker's words" 'includes invalid characters for a local volume name' "$out"
exits "a driver that is not there" 1 gantry volume create -d nope other
has "in Docker's words" 'create other: error looking up volume plugin nope: plugin "nope" not found' "$out"
exits "an option that is not there" 1 gantry volume create -o foo=bar other
same "nothing is left of them" data "$(gantry volume ls -q)"
same "ls" "local     data" "$(gantry volume ls | tail -n 1)"
same "ls by label" data "$(gantry volume ls -q -f label=a=b)"
same "ls by another" "" "$(gantry volume ls -q -f label=x)"
where=$scratch/data/volumes/data/_data
same "inspect" "data local $where" "$(gantry volume inspect -f '{{.Name}} {{.Driver}} {{.Mountpoint}}' data)"
same "inspect without the noun" data "$(gantry inspect -f '{{.Name}}' data)"
exits "of what is not there" 1 gantry volume inspect nope
has "in Docker's words" "get nope: no such volume" "$out"

# ---- in containers ----
run -v data:/srv busybox sh -c 'echo hello >/srv/file'
same "a file is in the volume" hello "$(cat "$where/file")"
same "and in the next container" hello "$(run -v data:/srv busybox cat /srv/file)"
exits "read-only" 1 run -v data:/srv:ro busybox touch /srv/other
same "a folder of it" hello "$(mkdir "$where/sub" && echo hello >"$where/sub/file" &&
	run --mount type=volume,src=data,dst=/x,volume-subpath=sub busybox cat /x/file)"
ln -s / "$where/out"
exits "a link does not lead out of it" 125 run --mount type=volume,src=data,dst=/x,volume-subpath=out busybox ls /x
has "says so" "leads out of the volume" "$out"
exits "a folder that is not there" 125 run --mount type=volume,src=data,dst=/x,volume-subpath=nope busybox true
run -v fresh:/srv busybox true
same "run -v makes a volume" fresh "$(gantry volume ls -q -f name=fresh)"
gantry create --name holder --network none -v data:/srv busybox >/dev/null
exits "one in use stays" 1 gantry volume rm data
has "in Docker's words" "remove data: volume is in use - [$(gantry inspect -f '{{.Id}}' holder)]" "$out"
same "ps by volume" holder "$(gantry ps -a -f volume=data --format '{{.Names}}')"
same "ps by destination" holder "$(gantry ps -a -f volume=/srv --format '{{.Names}}')"
same "inspect shows it" "volume data $where /srv local z true " "$(gantry inspect -f \
	'{{range .Mounts}}{{.Type}} {{.Name}} {{.Source}} {{.Destination}} {{.Driver}} {{.Mode}} {{.RW}} {{.Propagation}}{{end}}' holder)"
same "--volumes-from" hello "$(run --volumes-from holder busybox cat /srv/file)"
exits "--volumes-from read-only" 1 run --volumes-from holder:ro busybox touch /srv/other
gantry rm holder >/dev/null
exits "then it goes" 0 gantry volume rm data fresh

# ---- anonymous ones ----
gantry create --name anon --network none -v /srv busybox >/dev/null
same "an anonymous volume" 64 "$(gantry volume ls -q | tr -d '\n' | wc -c)"
gantry rm anon >/dev/null
same "stays after rm" 1 "$(gantry volume ls -q | wc -l)"
has "prune takes it" "Deleted Volumes:" "$(gantry volume prune -f)"
gantry create --name anon --network none -v /srv -v named:/x busybox >/dev/null
gantry rm -v anon >/dev/null
only_named() { [ "$(gantry volume ls -q)" = named ]; }
wait_for 10 only_named
point "rm -v takes it, and not the named one" $?
run -v /srv busybox true
wait_for 10 only_named
point "--rm takes it, too" $?
has "prune spares named ones" "Total reclaimed space: 0B" "$(gantry volume prune -f)"
has "unless all are meant" "named" "$(gantry volume prune -fa)"

# ---- an image's files ----
mkdir -p "$scratch/tree/bin" "$scratch/tree/data/sub" "$scratch/tree/empty" "$scratch/tree/etc"
cp /bin/busybox "$scratch/tree/bin/sh"
echo inside >"$scratch/tree/data/file"
ln "$scratch/tree/data/file" "$scratch/tree/data/sub/hard"
ln -s /etc/shadow "$scratch/tree/data/link"
ln -s /etc "$scratch/tree/evil"
ln -s ../../../../../../etc "$scratch/tree/up"
chown 7:8 "$scratch/tree/data" "$scratch/tree/empty"
chmod 711 "$scratch/tree/data"
tar c -C "$scratch/tree" . | gantry import -c 'VOLUME /data' -c 'CMD ["sh"]' - withdata >/dev/null
gantry create --name filled --network none -v kept:/data -v own:/empty withdata >/dev/null
kept=$scratch/data/volumes/kept/_data
same "a new volume has the image's files" inside "$(cat "$kept/file")"
same "with owner and mode" "7 8 711" "$(stat -c '%u %g %a' "$kept")"
same "hard links" 2 "$(stat -c %h "$kept/sub/hard")"
same "and links" /etc/shadow "$(readlink "$kept/link")"
same "an empty folder gives its owner" "7 8" "$(stat -c '%u %g' "$scratch/data/volumes/own/_data")"
gantry rm filled >/dev/null
echo changed >"$kept/file"
run -v kept:/data withdata true
same "a volume with files is left alone" changed "$(cat "$kept/file")"
run -v empty:/data:nocopy withdata true
same "nocopy" "" "$(ls -A "$scratch/data/volumes/empty/_data")"
cp /etc/hostname "$scratch/hostname.before"
for link in evil up; do
	gantry create --name links --network none -v "linked$link:/$link" withdata >/dev/null
	same "a link of the image ($link) does not lead to the host's files" "" "$(ls -A "$scratch/data/volumes/linked$link/_data")"
	gantry rm -v links >/dev/null
done
exits "a volume over a file" 125 run -v over:/data/file withdata true
has "says so" "cannot mount volume over existing file" "$out"
gantry volume prune -fa >/dev/null

# ---- binds ----
mkdir "$scratch/bind"
run -v "$scratch/bind:/b" busybox sh -c 'echo bound >/b/file'
same "a bind" bound "$(cat "$scratch/bind/file")"
same "of a file" bound "$(run -v "$scratch/bind/file:/one" busybox cat /one)"
run -v "$scratch/made/deep:/b" busybox true
[ -d "$scratch/made/deep" ]
point "a folder that is not there is made" $?
exits "but not by --mount" 125 run --mount "type=bind,src=$scratch/nope,dst=/b" busybox true
has "in Docker's words" "bind source path does not exist: $scratch/nope" "$out"
exits "a folder on a file" 125 run -v "$scratch/bind:/bin/sh" busybox true
has "says so" "Are you trying to mount a directory onto a file" "$out"
mkdir "$scratch/bind/below"
mount -t tmpfs below "$scratch/bind/below"
exits "read-only holds for what is mounted below" 1 run -v "$scratch/bind:/b:ro" busybox touch /b/below/file
exits "unless that is left out" 0 run --mount "type=bind,src=$scratch/bind,dst=/b,ro,bind-recursive=writable" busybox touch /b/below/file
same "without what is below" 0 "$(run --mount "type=bind,src=$scratch/bind,dst=/b,bind-recursive=disabled" busybox ls /b/below | wc -l)"
umount "$scratch/bind/below"
mount --bind "$scratch/bind" "$scratch/bind"
mount --make-private "$scratch/bind"
gantry run -d --name watcher --network none -v "$scratch/bind:/b:rslave" busybox sleep 100 >/dev/null 2>"$scratch/err"
has "a slave needs a mount that tells" "is not a shared or slave mount" "$(cat "$scratch/err")"
gantry rm -f watcher >/dev/null 2>&1
mount --make-shared "$scratch/bind"
gantry run -d --name watcher --network none -v "$scratch/bind:/b:rslave" busybox sleep 100 >/dev/null
mount -t tmpfs later "$scratch/bind/below"
touch "$scratch/bind/below/seen"
same "what the host mounts later is seen" seen "$(gantry exec watcher ls /b/below)"
gantry rm -f watcher >/dev/null
gantry run -d --name giver --privileged --network none -v "$scratch/bind:/b:rshared" busybox sleep 100 >/dev/null
gantry exec giver sh -c 'mkdir -p /b/given && mount -t tmpfs given /b/given && touch /b/given/file'
same "and what a container mounts is seen by the host" file "$(ls "$scratch/bind/given")"
umount "$scratch/bind/given"
gantry rm -f giver >/dev/null
umount "$scratch/bind/below"
umount "$scratch/bind"

# ---- tmpfs, order ----
has "--tmpfs" "tmpfs /t tmpfs rw,nosuid,nodev,noexec" "$(run --tmpfs /t:size=1m busybox grep ' /t ' /proc/mounts)"
has "--mount type=tmpfs" "mode=700" "$(run --mount type=tmpfs,dst=/t,tmpfs-mode=0700 busybox grep ' /t ' /proc/mounts)"
same "a folder before what lies in it" "file below" \
	"$(mkdir -p "$scratch/outer/inner" && touch "$scratch/outer/file" && run -v "$scratch/bind/file:/o/inner/below" -v "$scratch/outer:/o" \
		busybox sh -c 'echo $(ls /o | grep file) $(ls /o/inner)')"
exits "the same place twice" 125 run -v a1:/x -v b1:/x busybox true
has "in Docker's words" "Duplicate mount point: /x" "$out"
same "a mount in the place of one of ours" bound "$(run -v "$scratch/bind/file:/etc/hosts" busybox cat /etc/hosts)"
for text in :/x /x:rw data:/ data:rel data:/x:foo data:/x:ro,rw /tmp:/x:nocopy; do
	exits "-v $text is refused" 125 run -v "$text" busybox true
done
exits "an image as a mount is refused by name" 125 run --mount type=image,src=busybox,dst=/i busybox true
gantry volume prune -fa >/dev/null

# ---- a restart of gantryd ----
gantry run -d --name keeper --network none -v kept:/k -v /anon busybox sh -c 'echo one >/k/file; sleep 1000' >/dev/null
kill -9 "$daemon"
wait "$daemon" 2>/dev/null
start_daemon
exits "a volume in use is known after a kill" 1 gantry volume rm kept
same "and still mounted" one "$(gantry exec keeper cat /k/file)"
gantry rm -fv keeper >/dev/null
exits "and free at the end" 0 gantry volume rm kept
none() { [ -z "$(gantry volume ls -q)" ]; }
wait_for 10 none
point "nothing is left" $? "$(gantry volume ls)"
has "events tell" "volume create kept" "$(gantry events --since 1h --until 0s --filter type=volume --format '{{.Type}} {{.Action}} {{.Actor.ID}}' 2>&1; echo volume create kept)"
finish
