/* SPDX-License-Identifier: Apache-2.0 */
/* What a volume is made of, read strictly from the options type, device, o and size of Docker's local driver.
 */
#ifndef GANTRY_LOCAL_SPEC_H
#define GANTRY_LOCAL_SPEC_H

#include "lib/base/error.h"
#include "plugins/volume-local/flags.h"

#include <gantry/volume.h>

#define SPEC_DATA_MAX 4095 /* what mount(2) takes */
#define SPEC_TEXT_MAX 8192

enum spec_form {
	SPEC_PLAIN, /* the folder _data */
	SPEC_BIND,  /* another folder of the host */
	SPEC_HOST,  /* a file system mounted on _data while somebody uses it */
	SPEC_STEPS, /* a network file system, mounted where it is used */
};

struct spec {
	enum spec_form form;
	const char *type, *device; /* of the options read; NULL for a plain volume */
	struct flags flags;
	uint64_t size; /* plain: limit in bytes, 0: none */
	char data[SPEC_DATA_MAX + 1];
};

/* The options' strings are borrowed. */
int spec_read(
	struct spec *spec, const struct gty_kv *opts, uint32_t n, uint64_t size_limit, struct error *err);

/* The options as text, to tell whether two creates are equal. */
int spec_text(const struct gty_kv *opts, uint32_t n, char buf[SPEC_TEXT_MAX], struct error *err);

/* Adds ",key=value" or "key=value" to the data for mount(2). */
int spec_add_data(struct spec *spec, const char *key, const char *value, struct error *err);

#endif
