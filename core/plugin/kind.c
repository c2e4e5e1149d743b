/* SPDX-License-Identifier: Apache-2.0 */
#include "core/plugin/kind.h"

#include "lib/base/error.h"

#include <inttypes.h>
#include <string.h>

/* A driver's error kind passes unchanged. */
_Static_assert((int)ERROR_INTERNAL == (int)GTY_E_INTERNAL, "error kinds");
_Static_assert((int)ERROR_NOT_FOUND == (int)GTY_E_NOT_FOUND, "error kinds");
_Static_assert((int)ERROR_CONFLICT == (int)GTY_E_CONFLICT, "error kinds");
_Static_assert((int)ERROR_INVALID == (int)GTY_E_INVALID, "error kinds");
_Static_assert((int)ERROR_DENIED == (int)GTY_E_DENIED, "error kinds");
_Static_assert((int)ERROR_UNSUPPORTED == (int)GTY_E_UNSUPPORTED, "error kinds");
_Static_assert((int)ERROR_UNAVAILABLE == (int)GTY_E_UNAVAILABLE, "error kinds");
_Static_assert((int)ERROR_EXHAUSTED == (int)GTY_E_EXHAUSTED, "error kinds");
_Static_assert((int)ERROR_TIMEOUT == (int)GTY_E_TIMEOUT, "error kinds");
_Static_assert((int)ERROR_CANCELLED == (int)GTY_E_CANCELLED, "error kinds");

static const struct kind *const kinds[] = { &storage_kind, &network_kind, &volume_kind, &auth_kind };
#define KINDS (sizeof kinds / sizeof kinds[0])

const struct kind *kind_find(uint32_t id)
{
	for (size_t i = 0; i < KINDS; i++)
		if (kinds[i]->id == id)
			return kinds[i];
	return NULL;
}

const struct kind *kind_find_name(const char *name)
{
	for (size_t i = 0; i < KINDS; i++)
		if (strcmp(kinds[i]->name, name) == 0)
			return kinds[i];
	return NULL;
}

bool kind_has_entry(const struct kind *kind, const void *ops, unsigned entry)
{
	void (*fn)(void);

	memcpy(&fn, (const char *)ops + kind->entries[entry].slot, sizeof fn);
	return fn != NULL;
}

int kind_check_caps(const struct kind *kind, const void *ops, uint64_t caps, struct error *err)
{
	uint64_t known = 0;

	for (const struct cap_rule *c = kind->caps; c->cap; c++) {
		known |= c->cap;
		if (!(caps & c->cap) || c->entry < 0 || kind_has_entry(kind, ops, (unsigned)c->entry))
			continue;
		return error_invalid(err, "open() answered %s but the entry %s is NULL", c->name,
			kind->entries[c->entry].name);
	}
	if (caps & ~known)
		return error_invalid(err,
			"open() answered capabilities that %s ABI %u.%u does not know: 0x%" PRIx64,
			kind->name, kind->abi_major, kind->abi_minor, caps & ~known);
	return kind->check_caps ? kind->check_caps(caps, err) : 0;
}
