/* SPDX-License-Identifier: Apache-2.0 */
#include "lib/model/reference.h"

#include "lib/base/id.h"
#include "lib/base/path.h"

#include <errno.h>
#include <string.h>

#define DOMAIN  "docker.io"
#define LIBRARY "library/"

/* ---- grammar ---------------------------------------------------------------------- */
static bool is_lower(char c)
{
	return (c >= 'a' && c <= 'z') || (c >= '0' && c <= '9');
}

static bool is_upper(char c)
{
	return c >= 'A' && c <= 'Z';
}

/* One separator: ".", "_", "__" or any number of "-". */
static size_t separator(const char *p, size_t n)
{
	size_t dashes = 0;

	if (n && p[0] == '.')
		return 1;
	if (n && p[0] == '_')
		return n > 1 && p[1] == '_' ? 2 : 1;
	while (dashes < n && p[dashes] == '-')
		dashes++;
	return dashes;
}

/* Words of lower-case letters and digits between separators. */
static bool is_component(const char *p, size_t n)
{
	size_t i = 0;

	if (n == 0 || !is_lower(p[0]))
		return false;
	while (i < n) {
		while (i < n && is_lower(p[i]))
			i++;
		if (i == n)
			return true;
		size_t s = separator(p + i, n - i);
		if (s == 0 || i + s >= n || !is_lower(p[i + s]))
			return false;
		i += s;
	}
	return true;
}

static bool is_path(const char *p, size_t n)
{
	while (n) {
		const char *slash = memchr(p, '/', n);
		size_t part = slash ? (size_t)(slash - p) : n;
		if (!is_component(p, part))
			return false;
		if (!slash)
			return true;
		p += part + 1;
		n -= part + 1;
	}
	return false;
}

static bool is_domain_char(char c)
{
	return is_lower(c) || is_upper(c) || c == '-' || c == '.';
}

static bool is_port(const char *p, size_t n)
{
	for (size_t i = 0; i < n; i++)
		if (p[i] < '0' || p[i] > '9')
			return false;
	return n > 0;
}

static bool is_host(const char *p, size_t n)
{
	if (n > 2 && p[0] == '[' && p[n - 1] == ']') {
		for (size_t i = 1; i < n - 1; i++)
			if (!strchr("0123456789abcdefABCDEF:", p[i]))
				return false;
		return true;
	}
	/* Labels between dots neither begin nor end with a dash, and none is empty. */
	for (size_t i = 0; i < n; i++) {
		bool first = i == 0 || p[i - 1] == '.', last = i == n - 1 || p[i + 1] == '.';
		if (!is_domain_char(p[i]) || (p[i] == '-' && (first || last)) ||
			(p[i] == '.' && (first || i == n - 1)))
			return false;
	}
	return n > 0;
}

static bool is_domain(const char *p, size_t n)
{
	const char *from = n && p[0] == '[' ? memchr(p, ']', n) : p;
	const char *colon = from ? memchr(from, ':', n - (size_t)(from - p)) : NULL;
	size_t host = colon ? (size_t)(colon - p) : n;

	return is_host(p, host) && (!colon || is_port(colon + 1, n - host - 1));
}

static bool is_tag(const char *p)
{
	size_t n = strlen(p);

	if (n == 0 || n >= REFERENCE_TAG_SIZE || p[0] == '.' || p[0] == '-')
		return false;
	for (size_t i = 0; i < n; i++)
		if (!is_lower(p[i]) && !is_upper(p[i]) && !strchr("_.-", p[i]))
			return false;
	return true;
}

/* ---- parsing ------------------------------------------------------------------------ */
/* What stands before the first '/' is a domain when it could be no folder: it has '.', ':' or an upper-case
 * letter, or is "localhost". */
static size_t domain_length(const char *name, size_t n)
{
	const char *slash = memchr(name, '/', n);
	size_t len = slash ? (size_t)(slash - name) : 0;
	bool named = len == 9 && memcmp(name, "localhost", 9) == 0;

	for (size_t i = 0; i < len && !named; i++)
		named = name[i] == '.' || name[i] == ':' || is_upper(name[i]);
	return named ? len : 0;
}

static int invalid(struct error *err)
{
	return error_invalid(err, "invalid reference format");
}

static int set_name(const char *name, size_t n, struct reference *ret, struct error *err)
{
	size_t domain = domain_length(name, n);
	const char *path = domain ? name + domain + 1 : name;
	size_t path_n = n - (size_t)(path - name);
	bool hub = !domain || (domain == 9 && memcmp(name, DOMAIN, 9) == 0) ||
		   (domain == 15 && memcmp(name, "index.docker.io", 15) == 0);
	const char *library = hub && !memchr(path, '/', path_n) ? LIBRARY : "";

	for (size_t i = 0; i < path_n; i++)
		if (is_upper(path[i]))
			return error_invalid(err,
				"invalid reference format: repository name (%s%.*s) must be lowercase",
				library, (int)path_n, path);
	if ((domain && !is_domain(name, domain)) || !is_path(path, path_n))
		return invalid(err);
	int r = hub ? path_format(ret->name, sizeof ret->name, DOMAIN "/%s%.*s", library, (int)path_n, path)
		    : path_format(ret->name, sizeof ret->name, "%.*s", (int)n, name);
	return r < 0 ? error_invalid(err, "repository name must not be more than %d characters",
			       REFERENCE_NAME_SIZE - 1)
		     : 0;
}

int reference_parse(const char *text, struct reference *ret, struct error *err)
{
	struct reference ref = { 0 };
	size_t n = strlen(text);
	const char *at = strchr(text, '@');

	if (n == 0)
		return invalid(err);
	if (reference_is_id(text))
		return error_invalid(err,
			"invalid repository name (%s), cannot specify 64-byte hexadecimal strings", text);
	if (at) {
		if (digest_parse(at + 1, ref.digest, err) < 0)
			return invalid(err);
		n = (size_t)(at - text);
	}
	size_t slash = 0;
	for (size_t i = 0; i < n; i++)
		if (text[i] == '/')
			slash = i;
	const char *colon = memchr(text + slash, ':', n - slash);
	if (colon) {
		int len = (int)(n - (size_t)(colon + 1 - text));
		if (path_format(ref.tag, sizeof ref.tag, "%.*s", len, colon + 1) < 0 || !is_tag(ref.tag))
			return invalid(err);
		n = (size_t)(colon - text);
	}
	int r = set_name(text, n, &ref, err);
	if (r == 0)
		*ret = ref;
	return r;
}

void reference_default_tag(struct reference *ref)
{
	if (!ref->tag[0] && !ref->digest[0])
		memcpy(ref->tag, "latest", 7);
}

/* ---- forms ----------------------------------------------------------------------------- */
static const char *familiar(const char *name)
{
	static const char hub[] = DOMAIN "/", library[] = DOMAIN "/" LIBRARY;

	if (strncmp(name, library, sizeof library - 1) == 0 && !strchr(name + sizeof library - 1, '/'))
		return name + sizeof library - 1;
	return strncmp(name, hub, sizeof hub - 1) == 0 ? name + sizeof hub - 1 : name;
}

static char *form(const char *name, const struct reference *ref, char buf[REFERENCE_SIZE])
{
	path_format(buf, REFERENCE_SIZE, "%s%s%s%s%s", name, ref->tag[0] ? ":" : "", ref->tag,
		ref->digest[0] ? "@" : "", ref->digest);
	return buf;
}

char *reference_familiar(const struct reference *ref, char buf[REFERENCE_SIZE])
{
	return form(familiar(ref->name), ref, buf);
}

char *reference_whole(const struct reference *ref, char buf[REFERENCE_SIZE])
{
	return form(ref->name, ref, buf);
}

char *reference_familiar_name(const struct reference *ref, char buf[REFERENCE_NAME_SIZE])
{
	path_format(buf, REFERENCE_NAME_SIZE, "%s", familiar(ref->name));
	return buf;
}

bool reference_is_id(const char *text)
{
	return id_is_valid(text);
}
