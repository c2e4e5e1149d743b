/* SPDX-License-Identifier: Apache-2.0 */
#include "lib/base/digest.h"

#include "lib/base/id.h"
#include "lib/base/str.h"

#include <errno.h>
#include <string.h>

_Static_assert(sizeof DIGEST_PREFIX - 1 + DIGEST_HEX_LEN == DIGEST_LEN, "length of a digest");
_Static_assert(DIGEST_HEX_LEN == ID_LEN, "id_is_valid checks the digits");

bool digest_is_valid(const char *text)
{
	return text && id_is_valid(str_after(text, DIGEST_PREFIX));
}

int digest_parse(const char *text, char buf[DIGEST_SIZE], struct error *err)
{
	if (digest_is_valid(text)) {
		memcpy(buf, text, DIGEST_SIZE);
		return 0;
	}
	if (str_after(text, "sha384:") || str_after(text, "sha512:"))
		return error_set(err, ERROR_UNSUPPORTED, EOPNOTSUPP,
			"unsupported digest algorithm in '%.150s'; use sha256", text);
	return error_invalid(
		err, "invalid digest '%.150s': must be sha256: and 64 lower-case hexadecimal digits", text);
}

const char *digest_hex(const char *digest)
{
	return digest + sizeof DIGEST_PREFIX - 1;
}

void digest_format(const unsigned char hash[32], char buf[DIGEST_SIZE])
{
	static const char hex[] = "0123456789abcdef";
	char *p = buf + sizeof DIGEST_PREFIX - 1;

	memcpy(buf, DIGEST_PREFIX, sizeof DIGEST_PREFIX - 1);
	for (int i = 0; i < 32; i++) {
		*p++ = hex[hash[i] >> 4];
		*p++ = hex[hash[i] & 15];
	}
	*p = '\0';
}
