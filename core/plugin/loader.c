/* SPDX-License-Identifier: Apache-2.0 */
#include "core/plugin/loader.h"

#include "core/plugin/checking.h"

#include <dlfcn.h>
#include <errno.h>
#include <ltdl.h>

/* libltdl says "file not found" for nearly everything: the dynamic loader is asked again for the reason. */
static enum plugin_reason reason_of(const char *path, const char *ltdl_says, struct error *err)
{
	void *so = dlopen(path, RTLD_NOW | RTLD_LOCAL);

	if (so) {
		error_invalid(err, "libltdl cannot load it: %s", ltdl_says ? ltdl_says : "no reason given");
		return PLUGIN_LOAD;
	}
	return checking_load_reason(path, dlerror(), err);
}

static lt_dlhandle open_local(const char *path)
{
	lt_dladvise advise;
	lt_dlhandle so = NULL;

	if (lt_dladvise_init(&advise) != 0)
		return NULL;
	if (lt_dladvise_local(&advise) == 0 && lt_dladvise_resident(&advise) == 0)
		so = lt_dlopenadvise(path, advise);
	lt_dladvise_destroy(&advise);
	return so;
}

enum plugin_reason loader_load(const char *path, const struct gty_plugin **ret, struct error *err)
{
	if (lt_dlinit() != 0) {
		error_set(err, ERROR_INTERNAL, ENOMEM, "libltdl cannot be initialised: %s", lt_dlerror());
		return PLUGIN_LOAD;
	}
	lt_dlhandle so = open_local(path);
	if (!so)
		return reason_of(path, lt_dlerror(), err);
	const struct gty_plugin *object = lt_dlsym(so, "gantry_plugin");
	if (!object) {
		error_invalid(err, "it exports no object gantry_plugin; use the macro GTY_PLUGIN");
		return PLUGIN_NO_OBJECT;
	}
	enum plugin_reason r = vet_object(object, err);
	if (r == PLUGIN_OK)
		*ret = object;
	return r;
}
