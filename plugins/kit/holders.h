/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Who has mounted what: a set of (object, holder) pairs, never a count, so that a repeated mount or
 * unmount changes nothing.  In memory only; recover fills it again.  Safe from any thread.
 */
#ifndef GANTRY_KIT_HOLDERS_H
#define GANTRY_KIT_HOLDERS_H

#include <pthread.h>
#include <stdbool.h>
#include <stddef.h>

enum kit_hold { KIT_HOLD_READ = 1, KIT_HOLD_WRITE = 2 };

#define KIT_HOLDERS_BUCKETS 1024

struct kit_holder;
struct kit_holders {
	pthread_mutex_t lock;
	struct kit_holder *buckets[KIT_HOLDERS_BUCKETS];
};

int kit_holders_init(struct kit_holders *h);
void kit_holders_done(struct kit_holders *h);

/* Adds the pair, or changes how it holds: 1 when it is new, 0 when it was there.  -ENOMEM.  -EBUSY when
 * somebody else has the object for writing and exclusive is set: other (of size) is filled with that holder
 * then. */
int kit_holders_add(struct kit_holders *h, const char *object, const char *holder, enum kit_hold how,
	bool exclusive, char *other, size_t size);

/* Takes the pair out.  True when that was the object's last holder or it had none. */
bool kit_holders_remove(struct kit_holders *h, const char *object, const char *holder);

/* Whether anybody holds the object; other is filled as above, may be NULL. */
bool kit_holders_any(struct kit_holders *h, const char *object, char *other, size_t size);

#endif
