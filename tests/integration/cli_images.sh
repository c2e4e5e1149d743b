#!/bin/bash
# SPDX-License-Identifier: Apache-2.0
# gantry load, import, tag, rmi, images and inspect.
. "$(dirname "$0")/cli_lib.bash"

# archive FILE NAME: what `docker save` makes of an image with one layer
archive() {
	local dir=$scratch/archive layer
	mkdir -p "$dir/layer/etc"
	echo "from $2" >"$dir/layer/etc/origin"
	tar cf "$dir/layer.tar" -C "$dir/layer" etc
	layer=sha256:$(sha256sum "$dir/layer.tar" | cut -d' ' -f1)
	printf '{"architecture":"amd64","os":"linux","config":{"Cmd":["sh"],"Labels":{"origin":"%s"}},"rootfs":{"type":"layers","diff_ids":["%s"]},"history":[{"created":"2020-01-01T00:00:00Z"}],"created":"2020-01-01T00:00:00Z"}' \
		"$2" "$layer" >"$dir/config.json"
	printf '[{"Config":"config.json","RepoTags":["%s"],"Layers":["layer.tar"]}]' "$2" >"$dir/manifest.json"
	tar cf "$1" -C "$dir" config.json layer.tar manifest.json
}

archive "$scratch/image.tar" loaded:1
exits "load -i" 0 gantry load -i "$scratch/image.tar"
same "tells the name" "Loaded image: loaded:1" "$out"
same "load from standard input" "Loaded image: loaded:1" "$(gantry load <"$scratch/image.tar")"
exits "load of a file that is not there" 1 gantry load -i /nonexistent
same "in Docker's words" "open /nonexistent: no such file or directory" "$out"
printf 'no archive' >"$scratch/bad.tar"
exits "load of what is no archive" 1 gantry load -i "$scratch/bad.tar"

same "images NAME" "loaded 1" "$(gantry images --format '{{.Repository}} {{.Tag}}' loaded)"
same "a label as a filter" "loaded:1" "$(gantry images -f label=origin=loaded:1 --format '{{.Repository}}:{{.Tag}}')"
id=$(gantry images -q --no-trunc loaded)
has "-q --no-trunc is the whole id" "sha256:" "$id"
same "without, twelve digits" "${id:7:12}" "$(gantry images -q loaded)"
same "json has a line each" "loaded" "$(gantry images --format json loaded | jq -r .Repository)"
same "inspect" "[\"sh\"] $id" "$(gantry inspect -f '{{json .Config.Cmd}} {{.Id}}' loaded:1)"
same "image inspect prints an array" "$id" "$(gantry image inspect loaded:1 | jq -r '.[0].Id')"
exits "inspect of what is not there" 1 gantry inspect nothing
same "in Docker's words" "[]
Error: No such object: nothing" "$out"
exits "a template that does not fit" 1 gantry inspect -f '{{.Nope}}' loaded:1
has "says which field" 'map has no entry for key "Nope"' "$out"

exits "tag" 0 gantry tag loaded:1 registry.example:5000/a/b:c
same "a name with a port and slashes" "registry.example:5000/a/b c" \
	"$(gantry images --format '{{.Repository}} {{.Tag}}' registry.example:5000/a/b)"
exits "rmi of one name" 0 gantry rmi registry.example:5000/a/b:c
same "only takes that" "Untagged: registry.example:5000/a/b:c" "$out"
exits "rmi of the last name" 0 gantry rmi loaded:1
has "deletes the image" "Deleted: $id" "$out"
exits "rmi of what is not there" 1 gantry rmi loaded:1
has "in Docker's words" "Error response from daemon: No such image: loaded:1" "$out"
exits "with -f no failure" 0 gantry rmi -f loaded:1

same "import from standard input" "sha256:" "$(gantry import -m words -c 'CMD ["x"]' - made:2 <"$scratch/archive/layer.tar" | cut -c1-7)"
same "keeps what was said" 'words ["x"]' "$(gantry inspect -f '{{.Comment}} {{json .Config.Cmd}}' made:2)"
exits "import from a file" 0 gantry import "$scratch/archive/layer.tar"
same "without a name" "<none>" "$(gantry images --format '{{.Repository}}' -f dangling=true | head -n 1)"

finish
