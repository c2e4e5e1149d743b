/* SPDX-License-Identifier: Apache-2.0 */
/* What the parts of the storage suite share. */
#ifndef GANTRY_PLUGIN_CHECK_STORAGE_H
#define GANTRY_PLUGIN_CHECK_STORAGE_H

#include "core/storage/storage.h"
#include "programs/gantry-plugin-check/check.h"
#include "programs/gantry-plugin-check/suite.h"

struct store {
	struct suite *suite;
	struct storage *st;
	unsigned folder; /* its number: opened again it is the same */
};

bool store_open(struct store *s);
void store_close(struct store *s);

/* Layer numbers; 0: none. */
enum { LAYER_BASE = 1, LAYER_TOP = 2, LAYER_RW = 3, LAYER_NEVER = 900 };

/* Stages a layer; its folder, or -1 (said so). */
int store_stage(struct store *s, unsigned n, unsigned parent, uint32_t *ret_whiteout);
int store_commit(struct store *s, unsigned n, struct error *err);
int store_create(struct store *s, unsigned n, unsigned parent, struct error *err);
int store_remove(struct store *s, unsigned n, struct error *err);
int store_unmount(struct store *s, unsigned n, const char *holder, struct error *err);
/* The tree as a folder that can be read and written, or a negative errno. */
int store_mount(struct store *s, unsigned n, const char *holder, uint32_t flags, struct error *err);

/* Small files below a folder. */
bool tree_write(int dir, const char *name, const char *text);
bool tree_reads(int dir, const char *name, const char *text);
bool tree_has(int dir, const char *name);

/* The parts.  Each leaves the store as it found it, but the first, which makes the three layers. */
void storage_check_layers(struct store *s);
void storage_check_mounts(struct store *s);
void storage_check_unknown(struct store *s);
void storage_check_list(struct store *s);
void storage_check_depth(struct store *s);
void storage_check_parallel(struct store *s);
void storage_check_recover(struct store *s);

#endif
