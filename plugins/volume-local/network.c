/* SPDX-License-Identifier: Apache-2.0 */
#include "plugins/volume-local/network.h"

#include <arpa/inet.h>
#include <stdio.h>
#include <string.h>

static const struct network {
	const char *type, *key; /* of the address among the options; NULL: the kernel needs none */
} types[] = {
	{ "nfs", "addr" },
	{ "nfs4", "addr" },
	{ "cifs", "ip" },
	{ "smb3", "ip" },
	{ "ceph", NULL },
	{ "9p", NULL },
};

static const struct network *find(const char *type)
{
	for (size_t i = 0; i < sizeof types / sizeof types[0]; i++) {
		if (strcmp(types[i].type, type) == 0)
			return &types[i];
	}
	return NULL;
}

bool network_is_type(const char *type)
{
	return find(type) != NULL;
}

static bool is_address(const char *text)
{
	unsigned char bin[16];

	return inet_pton(AF_INET, text, bin) == 1 || inet_pton(AF_INET6, text, bin) == 1;
}

/* The value of key or of "addr" in the data.  False when there is none. */
static bool given_address(const char *data, const char *key, char buf[64])
{
	for (const char *p = data; *p;) {
		size_t n = strcspn(p, ","), k = strcspn(p, "=,");
		bool ours = (k == strlen(key) && strncmp(p, key, k) == 0) ||
			    (k == 4 && strncmp(p, "addr", 4) == 0);
		if (ours && p[k] == '=') {
			snprintf(buf, 64, "%.*s", (int)(n - k - 1), p + k + 1);
			return true;
		}
		p += n + (p[n] == ',');
	}
	return false;
}

/* "192.0.2.1:/path", "[2001:db8::1]:/path", "//192.0.2.1/share": the part that names the server. */
static void server_of(const char *device, char buf[64])
{
	if (device[0] == '/' && device[1] == '/')
		snprintf(buf, 64, "%.*s", (int)strcspn(device + 2, "/"), device + 2);
	else if (device[0] == '[')
		snprintf(buf, 64, "%.*s", (int)strcspn(device + 1, "]"), device + 1);
	else
		snprintf(buf, 64, "%.*s", (int)strcspn(device, ":"), device);
}

int network_complete(struct spec *spec, struct error *err)
{
	const struct network *net = find(spec->type);
	char address[64];

	if (!net->key)
		return 0;
	bool given = given_address(spec->data, net->key, address);
	if (!given)
		server_of(spec->device, address);
	if (!is_address(address))
		return error_invalid(err,
			"the address of server '%s' must be a number: names are not resolved for volumes; "
			"write %s=<address> into option 'o'",
			address, net->key);
	return given ? 0 : spec_add_data(spec, net->key, address, err);
}
