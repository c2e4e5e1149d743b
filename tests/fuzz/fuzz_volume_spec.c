/* SPDX-License-Identifier: Apache-2.0 */
/* The options of a local volume, one of type, device, o and size a line: what is accepted must be sound. */
#include "plugins/volume-local/network.h"
#include "plugins/volume-local/spec.h"

#include <stdint.h>
#include <stdlib.h>
#include <string.h>

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static void require(int holds)
{
	if (!holds)
		abort();
}

static uint32_t split(char *text, struct gty_kv opts[4])
{
	static const char *const keys[] = { "type", "device", "o", "size" };
	uint32_t n = 0;

	for (char *line = text; line && n < 4; n++) {
		char *end = strchr(line, '\n');
		if (end)
			*end++ = '\0';
		opts[n] = (struct gty_kv){ keys[n], line };
		line = end;
	}
	return n;
}

static void check(const struct spec *spec)
{
	require(strlen(spec->data) <= SPEC_DATA_MAX);
	require((spec->form == SPEC_PLAIN) == (spec->type == NULL));
	require(spec->form == SPEC_PLAIN || spec->size == 0);
	if (spec->form == SPEC_BIND)
		require(spec->device[0] == '/' && spec->data[0] == '\0');
	if (spec->form == SPEC_STEPS && spec->type[0] == 'n')
		require(strstr(spec->data, "addr=") != NULL);
	for (const char *p = spec->data; *p; p++)
		require((unsigned char)*p >= ' ');
#ifdef GANTRY_PLANTED_BUG
	if (spec->form == SPEC_STEPS && strlen(spec->data) > 48)
		require(0);
#endif
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	char *text = malloc(size + 1), all[SPEC_TEXT_MAX];
	struct gty_kv opts[4];
	struct spec spec;
	struct error err = ERROR_INIT;

	if (!text)
		return 0;
	memcpy(text, data, size);
	text[size] = '\0';
	uint32_t n = split(text, opts);
	if (spec_read(&spec, opts, n, 0, &err) == 0) {
		check(&spec);
		if (spec_text(opts, n, all, &err) == 0)
			require(strlen(all) < sizeof all);
	} else {
		require(err.text[0] != '\0');
	}
	free(text);
	return 0;
}
