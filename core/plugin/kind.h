/* SPDX-License-Identifier: Apache-2.0 */
/*
 * A driver kind as data: its number, the size of its ops table, its entries, the rules for capabilities.
 * core/{storage,network,volume,auth}/entries.c each define one; loader, calls and messages only read it.
 * The functions of an entry (`run`) are the only ones that touch an ops table.
 */
#ifndef GANTRY_CORE_KIND_H
#define GANTRY_CORE_KIND_H

#include "core/plugin/order.h"
#include "core/plugin/record.h"

/* What an entry runs on: an opened driver.  self is NULL before open. */
struct target {
	const void *ops;
	void *self;
	const struct gty_host *host;
};

/* Facts that a reply is checked against. */
struct facts {
	const char *root; /* the driver's folder */
	uint64_t caps;    /* as open answered */
};

enum entry_class {
	ENTRY_NEEDED,   /* NULL in the table: the driver is refused */
	ENTRY_OPTIONAL, /* NULL: ERROR_UNSUPPORTED */
	ENTRY_MADE,     /* the core's own, made of several entries: one hop for one job */
};

struct entry {
	const char *name;
	uint16_t slot; /* offset of the function in the ops table; MADE: of the first of them */
	uint8_t class; /* enum entry_class */
	uint8_t undo;  /* the entry that takes back a success which came too late, plus 1; 0: nothing to undo
			*/
	uint16_t timeout_s;             /* 0: that of the driver */
	uint16_t subject;               /* offset in the request of the string that texts name; 0: none */
	const struct record *req, *rep; /* NULL: none */
	int (*run)(struct target *t, struct gty_call *call, const void *req, void *rep);
	/* What the record's description cannot say.  err: ERROR_INTERNAL is made of it by the caller. */
	int (*check)(const struct facts *facts, const void *req, const void *rep, struct error *err);
	/* Which objects the call is alone with, or shares. NULL: beside anything. */
	void (*order)(const void *req, struct order_wants *ret);
	/* Fills the zeroed request of the undo entry, with pointers into req and rep; false: nothing to undo.
	 */
	bool (*fill_undo)(const void *req, const void *rep, void *ret);
};

/* The first three of every kind; `self` of probe is not used. */
enum { ENTRY_PROBE = 0, ENTRY_OPEN = 1, ENTRY_CLOSE = 2, ENTRY_FIRST = 3 };

/* A capability that needs an entry, and what it is called. */
struct cap_rule {
	uint64_t cap;
	const char *name;
	int entry; /* -1: needs no entry */
};

struct kind {
	uint32_t id; /* GTY_KIND_* */
	const char *name;
	uint16_t abi_major, abi_minor;
	uint32_t ops_size;
	unsigned entries_n;
	const struct entry *entries;
	const struct cap_rule *caps; /* every known one; ends with cap 0 */
	/* Rules between capabilities; NULL: none. */
	int (*check_caps)(uint64_t caps, struct error *err);
	size_t caps_offset; /* in the reply of open */
};

extern const struct kind storage_kind, network_kind, volume_kind, auth_kind;

/* NULL when there is no such kind. */
const struct kind *kind_find(uint32_t id);
const struct kind *kind_find_name(const char *name);

/* True when the table has the function. */
bool kind_has_entry(const struct kind *kind, const void *ops, unsigned entry);

/* Unknown bits, caps without their entry, the kind's own rules: ERROR_INVALID. */
int kind_check_caps(const struct kind *kind, const void *ops, uint64_t caps, struct error *err);

/* Checks that replies of several kinds share (reply.c): NULL text passes unless said otherwise. */
int reply_path(const char *name, const char *path, struct error *err); /* absolute, no "..", no "//" */
int reply_path_below(const char *name, const char *path, const char *root, struct error *err);
int reply_link_name(
	const char *name, const char *link, struct error *err); /* not NULL; IFNAMSIZ, no '/', no blank */
int reply_mac(const char *name, const char *mac, struct error *err);
int reply_ip(const char *name, const char *ip, struct error *err);     /* v4 or v6, no prefix */
int reply_cidr(const char *name, const char *cidr, struct error *err); /* with a prefix */
int reply_tree(const struct gty_tree *tree, const char *below, const struct gty_idmaps *maps, bool no_steps,
	bool block, struct error *err);
int reply_folder(const char *name, int fd, const char *below,
	struct error *err); /* a directory, below a path or NULL */

/* Boilerplate of entries.c: a typed call through the ops table. */
#define ENTRY_RUN(kind, entry, req_t, rep_t)                                                        \
	static int run_##entry(struct target *t, struct gty_call *call, const void *req, void *rep) \
	{                                                                                           \
		const struct gty_##kind##_ops *ops = t->ops;                                        \
		return ops->entry(t->self, call, (const req_t *)req, (rep_t *)rep);                 \
	}
#define ENTRY_RUN_REQ(kind, entry, req_t)                                                           \
	static int run_##entry(struct target *t, struct gty_call *call, const void *req, void *rep) \
	{                                                                                           \
		const struct gty_##kind##_ops *ops = t->ops;                                        \
		(void)rep;                                                                          \
		return ops->entry(t->self, call, (const req_t *)req);                               \
	}
#define ENTRY_RUN_REP(kind, entry, rep_t)                                                           \
	static int run_##entry(struct target *t, struct gty_call *call, const void *req, void *rep) \
	{                                                                                           \
		const struct gty_##kind##_ops *ops = t->ops;                                        \
		(void)req;                                                                          \
		return ops->entry(t->self, call, (rep_t *)rep);                                     \
	}
#define ENTRY_RUN_LIFE(kind)                                                                      \
	static int run_probe(struct target *t, struct gty_call *call, const void *req, void *rep) \
	{                                                                                         \
		const struct gty_##kind##_ops *ops = t->ops;                                      \
		(void)rep;                                                                        \
		return ops->probe(t->host, call, (const struct gty_open *)req);                   \
	}                                                                                         \
	static int run_open(struct target *t, struct gty_call *call, const void *req, void *rep)  \
	{                                                                                         \
		const struct gty_##kind##_ops *ops = t->ops;                                      \
		struct gty_##kind *self = NULL;                                                   \
		int r = ops->open(t->host, call, (const struct gty_open *)req, &self,             \
			(struct gty_##kind##_info *)rep);                                         \
		if (r == 0)                                                                       \
			t->self = self;                                                           \
		return r;                                                                         \
	}                                                                                         \
	static int run_close(struct target *t, struct gty_call *call, const void *req, void *rep) \
	{                                                                                         \
		const struct gty_##kind##_ops *ops = t->ops;                                      \
		(void)call;                                                                       \
		(void)req;                                                                        \
		(void)rep;                                                                        \
		ops->close(t->self);                                                              \
		t->self = NULL;                                                                   \
		return 0;                                                                         \
	}

#endif
