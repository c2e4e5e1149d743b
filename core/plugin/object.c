/* SPDX-License-Identifier: Apache-2.0 */
/* vet_object: the exported object as data.  Every pointer in it is the plugin's word; that it can be read at
 * all is tried in the checking child first. */
#include "core/plugin/kind.h"
#include "core/plugin/options.h"
#include "core/plugin/vet.h"

#include <errno.h>
#include <string.h>

#define DRIVERS_MAX 16
#define ALIASES_MAX 8

static enum plugin_reason why(enum plugin_reason reason, int ret)
{
	(void)ret;
	return reason;
}
#define REFUSE(reason, ...) why(reason, error_set(err, ERROR_INVALID, ENOEXEC, __VA_ARGS__))

static bool is_name(const char *name)
{
	size_t n = strnlen(name, 65);

	return n > 0 && n < 65 && strspn(name, "abcdefghijklmnopqrstuvwxyz0123456789-") == n;
}

static enum plugin_reason vet_names(const struct gty_driver *d, struct error *err)
{
	if (!d->name || !is_name(d->name))
		return REFUSE(PLUGIN_NAME, "a driver is called '%.64s'; names are made of a-z, 0-9 and '-'",
			d->name ? d->name : "");
	for (unsigned i = 0; d->aliases && d->aliases[i]; i++) {
		if (i == ALIASES_MAX)
			return REFUSE(PLUGIN_NAME,
				"driver '%s' has more than %d aliases, or their list has no end", d->name,
				ALIASES_MAX);
		if (!is_name(d->aliases[i]))
			return REFUSE(PLUGIN_NAME,
				"driver '%s' has the alias '%.64s'; names are made of a-z, 0-9 and '-'",
				d->name, d->aliases[i]);
	}
	return PLUGIN_OK;
}

static enum plugin_reason vet_table(const struct gty_driver *d, const struct kind *kind, struct error *err)
{
	uint32_t size;

	if (!d->ops)
		return REFUSE(PLUGIN_TABLE, "driver '%s' has no ops table", d->name);
	memcpy(&size, d->ops, sizeof size);
	if (size != kind->ops_size)
		return REFUSE(PLUGIN_TABLE,
			"driver '%s': its ops table has %u bytes, %s ABI %u.%u has %u; build it against this "
			"SDK",
			d->name, size, kind->name, kind->abi_major, kind->abi_minor, kind->ops_size);
	for (unsigned i = 0; i < kind->entries_n; i++)
		if (kind->entries[i].class == ENTRY_NEEDED && !kind_has_entry(kind, d->ops, i))
			return REFUSE(PLUGIN_ENTRY,
				"driver '%s': the entry %s is NULL; every %s driver needs it", d->name,
				kind->entries[i].name, kind->name);
	return PLUGIN_OK;
}

static enum plugin_reason vet_driver(const struct gty_driver *d, struct error *err)
{
	enum plugin_reason r;

	if (d->struct_size < sizeof *d)
		return REFUSE(PLUGIN_DRIVER, "a driver's struct has %u bytes, SDK %d.%d has %zu",
			d->struct_size, GTY_SDK_MAJOR, GTY_SDK_MINOR, sizeof *d);
	r = vet_names(d, err);
	if (r != PLUGIN_OK)
		return r;
	const struct kind *kind = kind_find(d->kind);
	if (!kind)
		return REFUSE(PLUGIN_DRIVER, "driver '%s' is of kind %u, which this gantry does not know",
			d->name, d->kind);
	if (d->abi_major != kind->abi_major || (kind->abi_major == 0 && d->abi_minor != kind->abi_minor))
		return REFUSE(PLUGIN_KIND_ABI,
			"driver '%s' is made for %s ABI %u.%u, this gantry has %u.%u; build it against this "
			"SDK",
			d->name, kind->name, d->abi_major, d->abi_minor, kind->abi_major, kind->abi_minor);
	r = vet_table(d, kind, err);
	if (r == PLUGIN_OK && options_vet(d->options, err) < 0) {
		error_prefix(err, 0, "driver '%s'", d->name);
		r = PLUGIN_OPTION;
	}
	return r;
}

enum plugin_reason vet_object(const struct gty_plugin *o, struct error *err)
{
	if (o->magic != GTY_PLUGIN_MAGIC)
		return REFUSE(PLUGIN_MAGIC,
			"gantry_plugin begins with 0x%08x, not with GTY_PLUGIN_MAGIC; use the macro "
			"GTY_PLUGIN",
			o->magic);
	if (o->sdk_major != GTY_SDK_MAJOR)
		return REFUSE(PLUGIN_SDK,
			"it is made with SDK %u.%u, this gantry has %d.%d; build it against this SDK",
			o->sdk_major, o->sdk_minor, GTY_SDK_MAJOR, GTY_SDK_MINOR);
	if (o->struct_size < sizeof *o)
		return REFUSE(PLUGIN_OBJECT, "gantry_plugin has %u bytes, SDK %d.%d has %zu", o->struct_size,
			GTY_SDK_MAJOR, GTY_SDK_MINOR, sizeof *o);
	if (!o->name || !is_name(o->name) || !o->version || !o->license)
		return REFUSE(PLUGIN_OBJECT,
			"gantry_plugin lacks a name of a-z, 0-9 and '-', a version or a license");
	if (!o->drivers || !o->drivers[0])
		return REFUSE(PLUGIN_OBJECT, "plugin '%s' has no drivers", o->name);
	for (unsigned i = 0; o->drivers[i]; i++) {
		if (i == DRIVERS_MAX)
			return REFUSE(PLUGIN_OBJECT,
				"plugin '%s' has more than %d drivers, or their list has no end", o->name,
				DRIVERS_MAX);
		enum plugin_reason r = vet_driver(o->drivers[i], err);
		if (r != PLUGIN_OK)
			return r;
	}
	return PLUGIN_OK;
}
