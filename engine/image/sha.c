/* SPDX-License-Identifier: Apache-2.0 */
#include "engine/image/store.h"
#include "lib/base/path.h"

#include <sha256.h>
#include <string.h>

void sha_digest(const void *data, size_t n, char ret[DIGEST_SIZE])
{
	unsigned char hash[SHA256_DIGEST_LENGTH];
	SHA2_CTX ctx;

	SHA256Init(&ctx);
	SHA256Update(&ctx, data, n);
	SHA256Final(hash, &ctx);
	digest_format(hash, ret);
}

void sha_chain(const char *below, const char *diff_id, char ret[DIGEST_SIZE])
{
	char text[2 * DIGEST_SIZE];

	if (!below[0]) {
		memmove(ret, diff_id, DIGEST_SIZE);
		return;
	}
	path_format(text, sizeof text, "%s %s", below, diff_id);
	sha_digest(text, strlen(text), ret);
}
