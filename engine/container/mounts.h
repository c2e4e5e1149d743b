/* SPDX-License-Identifier: Apache-2.0 */
/*
 * What a container mounts besides its root: binds, volumes, tmpfs; from Binds, Mounts, VolumesFrom of
 * HostConfig and Volumes of Config (docker 28.5: volume/mounts/linux_parser.go).  HostConfig.Tmpfs is
 * spec.c's. Read once at create, kept in the container's row.  Fixed then, so that any thread may read.
 */
#ifndef GANTRY_ENGINE_CONTAINER_MOUNTS_H
#define GANTRY_ENGINE_CONTAINER_MOUNTS_H

#include "lib/base/error.h"

#include <stdbool.h>
#include <stddef.h>

struct container;
struct engine;
struct gty_tree;
struct json;
struct volume;

#define MOUNTS_MAX 200

enum mount_type { MOUNT_BIND, MOUNT_VOLUME, MOUNT_TMPFS };

struct mount_point {
	enum mount_type type;
	char *destination;   /* clean, absolute */
	char *source;        /* bind: path on the host */
	char *name, *driver; /* volume; driver "": the default */
	char *mode;          /* as inspect shows it */
	char *propagation;   /* bind: "rprivate", ... */
	char *subpath;       /* volume; "": all of it */
	char *tmpfs;         /* tmpfs: options, with commas */
	bool read_only;
	bool named;                        /* volume: the user gave the name, so that `rm -v` spares it */
	bool copy;                         /* volume: gets the image's files while it is empty */
	bool make_source;                  /* bind: a missing source becomes a folder */
	bool defaulted;                    /* bind: nobody asked for the propagation */
	bool non_recursive, read_only_top; /* bind: without what is mounted below; that stays writable */
	struct json *options, *labels;     /* volume: until it is made; NULL */
	struct volume *volume;             /* held; NULL: not made yet, or lost */
};

struct mount_points {
	struct mount_point *v;
	size_t n;
};

/* ---- mount_parse.c, mount_read.c ---- */
/* "SOURCE:DESTINATION[:MODE]" or "DESTINATION" of Binds; an entry of Mounts.  *ret is filled from zero, and
 * mount_point_done() also after a failure.  driver: HostConfig.VolumeDriver. */
int mount_parse_bind(const char *text, const char *driver, struct mount_point *ret, struct error *err);
int mount_parse_object(const struct json *o, struct mount_point *ret, struct error *err);
/* "ro", "rw", "" ...: a mode that VolumesFrom may have. */
bool mount_mode_is_valid(const char *mode);
bool mount_mode_is_read_only(const char *mode);
void mount_point_done(struct mount_point *m);

/* All of a create request's; config with the image's. */
int mounts_read(struct engine *engine, const struct json *config, const struct json *host_config,
	struct mount_points *ret, struct error *err);
void mounts_done(struct mount_points *all);
const struct mount_point *mounts_at(const struct mount_points *all, const char *destination);

/* ---- mount_row.c ---- */
/* Of the row, as an array, and back. */
struct json *mounts_save(const struct mount_points *all);
int mounts_load(const struct json *list, struct mount_points *ret, struct error *err);
/* As inspect and list show them. */
void mounts_show(const struct mount_points *all, struct json *list);

/* ---- mount_volumes.c ---- */
/* Volumes found or made, and held; then filled from the container's layer.  What fails is undone by
 * mounts_release. */
int mounts_make(struct container *c, struct error *err);
int mounts_fill(struct container *c, struct json *warnings, struct error *err);
/* After a start of gantryd. */
void mounts_hold(struct container *c);
/* The container goes; anonymous: its anonymous volumes, too. */
void mounts_release(struct container *c);
void mounts_remove_anonymous(struct container *c);

/* ---- mount_start.c ---- */
/* What a start hands to the launcher: descriptors of volumes' trees, by index of the mount point. */
struct mounts_open {
	struct gty_tree *trees[MOUNTS_MAX];
	size_t n;
};
int mounts_open(struct container *c, struct mounts_open *ret, struct error *err);
/* Closes the descriptors; the volumes stay in use. */
void mounts_open_done(struct mounts_open *o);
/* The container has ended. */
void mounts_unuse(struct container *c);

#endif
