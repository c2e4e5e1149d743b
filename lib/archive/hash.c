/* SPDX-License-Identifier: Apache-2.0 */
#include "lib/archive/hash.h"

#include <openssl/evp.h>

/* OpenSSL's names are not the tree's: the opaque type is its context. */
static EVP_MD_CTX *ctx(struct archive_hash *h)
{
	return (EVP_MD_CTX *)h;
}

struct archive_hash *archive_hash_new(void)
{
	EVP_MD_CTX *c = EVP_MD_CTX_new();

	if (c && !EVP_DigestInit_ex(c, EVP_sha256(), NULL)) {
		EVP_MD_CTX_free(c);
		return NULL;
	}
	return (struct archive_hash *)c;
}

void archive_hash_free(struct archive_hash *h)
{
	EVP_MD_CTX_free(ctx(h));
}

void archive_hash_add(struct archive_hash *h, const void *data, size_t n)
{
	EVP_DigestUpdate(ctx(h), data, n);
}

void archive_hash_end(struct archive_hash *h, char ret[DIGEST_SIZE])
{
	unsigned char md[EVP_MAX_MD_SIZE] = { 0 };

	EVP_DigestFinal_ex(ctx(h), md, NULL);
	digest_format(md, ret);
}
