/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Looks at a plugin file before anything of it is loaded: who may have written it, and whether it is a shared
 * object for this machine.  Then at the exported object, as data, before anything of it runs.
 */
#ifndef GANTRY_CORE_VET_H
#define GANTRY_CORE_VET_H

#include "lib/base/error.h"

#include <gantry/plugin.h>
#include <stdbool.h>

/* Why a plugin is refused.  Each has its own text, which says what its author or administrator can do. */
enum plugin_reason {
	PLUGIN_OK,
	PLUGIN_PATH,    /* not absolute, or no .so */
	PLUGIN_MISSING, /* no such file */
	PLUGIN_SYMLINK, /* file or folder is a symbolic link */
	PLUGIN_NOT_A_FILE,
	PLUGIN_FILE_OWNER, /* not root's */
	PLUGIN_FILE_MODE,  /* writable by others */
	PLUGIN_FOLDER_OWNER,
	PLUGIN_FOLDER_MODE,
	PLUGIN_NOT_ELF,
	PLUGIN_WRONG_MACHINE, /* another architecture, word size or byte order */
	PLUGIN_NOT_SHARED,    /* an executable, an object file */
	PLUGIN_DEPENDENCY,    /* a library it needs is not there */
	PLUGIN_SYMBOL,        /* a symbol it needs is nowhere */
	PLUGIN_LOAD,          /* anything else the dynamic loader says */
	PLUGIN_NO_OBJECT,     /* gantry_plugin is not exported */
	PLUGIN_MAGIC,
	PLUGIN_SDK,       /* another SDK major */
	PLUGIN_OBJECT,    /* short, unnamed, or without drivers */
	PLUGIN_DRIVER,    /* a short driver struct, an unknown kind */
	PLUGIN_KIND_ABI,  /* another major or minor of the kind */
	PLUGIN_TABLE,     /* a short ops table */
	PLUGIN_ENTRY,     /* a needed entry is NULL */
	PLUGIN_NAME,      /* of a driver or alias */
	PLUGIN_OPTION,    /* a declared option is malformed */
	PLUGIN_CAP,       /* a capability without its entry */
	PLUGIN_DUPLICATE, /* a name or alias that another driver has */
	PLUGIN_INIT,      /* init() failed */
	PLUGIN_CRASH,     /* a constructor, init() or probe() crashed or ended the process */
	PLUGIN_HANG,      /* ... or did not return in time */
	PLUGIN_TRACE,     /* probe() left files behind */
};

/* A short word: "not-elf"; for `plugin ls` and tests. */
const char *plugin_reason_word(enum plugin_reason reason);

/* installed: the folder's ancestors are checked as well.  Returns PLUGIN_OK or why not, with the text in err.
 */
enum plugin_reason vet_file(const char *path, bool installed, struct error *err);

/* The object that the file exports: numbers, sizes, names, tables, options of all its drivers. */
enum plugin_reason vet_object(const struct gty_plugin *object, struct error *err);

#endif
