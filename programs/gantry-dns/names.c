/* SPDX-License-Identifier: Apache-2.0 */
#include "programs/gantry-dns/names.h"

#include "lib/base/path.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>

#define BUCKETS_MIN 64
#define ADDRESS_KEY (1 + sizeof(uint32_t))

struct network {
	char id[PROTO_DNS_ID];
	char *name;
	size_t places;
	struct network *next;
};

/* A name, or an address, of a place. */
struct entry {
	struct place *place;
	struct entry *next;     /* in the bucket */
	struct entry *of_place; /* the next one of the place */
	uint32_t hash, n;
	char key[];
};

struct link { /* a name that only the sandbox itself knows */
	struct link *next;
	const char *target; /* behind the name */
	char name[];
};

struct place {
	struct network *network;
	uint32_t address;
	struct entry *entries;
	struct link *links;
	struct place *next;
	char name[PROTO_DNS_NAME_MAX + 1]; /* the address's */
};

struct names {
	struct network *networks;
	struct entry **buckets;
	size_t n_buckets, n; /* a power of two; entries */
};

/* ---- the table ----------------------------------------------------------------------------- */
/* FNV-1a, begun with the network, so that those of one name on many networks are apart. */
static uint32_t hash(const struct network *network, const void *key, size_t n)
{
	uint32_t h = 2166136261u ^ (uint32_t)((uintptr_t)network >> 4);
	const unsigned char *p = key;

	for (size_t i = 0; i < n; i++)
		h = (h ^ p[i]) * 16777619u;
	return h ^ h >> 15;
}

static int grow(struct names *t)
{
	size_t size = t->n_buckets ? t->n_buckets * 2 : BUCKETS_MIN;
	struct entry **fresh = calloc(size, sizeof *fresh);

	if (!fresh)
		return -ENOMEM;
	for (size_t i = 0; i < t->n_buckets; i++)
		while (t->buckets[i]) {
			struct entry *e = t->buckets[i];
			t->buckets[i] = e->next;
			e->next = fresh[e->hash & (size - 1)];
			fresh[e->hash & (size - 1)] = e;
		}
	free(t->buckets);
	t->buckets = fresh;
	t->n_buckets = size;
	return 0;
}

static int add_entry(struct names *t, struct place *p, const void *key, size_t n)
{
	if (t->n >= t->n_buckets && grow(t) < 0)
		return -ENOMEM;
	struct entry *e = malloc(sizeof *e + n);
	if (!e)
		return -ENOMEM;
	*e = (struct entry){ .place = p, .hash = hash(p->network, key, n), .n = (uint32_t)n };
	memcpy(e->key, key, n);
	struct entry **slot = &t->buckets[e->hash & (t->n_buckets - 1)];
	e->next = *slot;
	*slot = e;
	e->of_place = p->entries;
	p->entries = e;
	t->n++;
	return 0;
}

static void drop_entry(struct names *t, struct entry *e)
{
	struct entry **p = &t->buckets[e->hash & (t->n_buckets - 1)];

	while (*p != e)
		p = &(*p)->next;
	*p = e->next;
	t->n--;
	free(e);
}

static const struct entry *first_entry(
	const struct names *t, const struct network *network, const void *key, size_t n, uint32_t *ret_hash)
{
	*ret_hash = hash(network, key, n);
	return t->n_buckets ? t->buckets[*ret_hash & (t->n_buckets - 1)] : NULL;
}

static bool is_entry(
	const struct entry *e, const struct network *network, uint32_t h, const void *key, size_t n)
{
	return e->hash == h && e->n == n && e->place->network == network && memcmp(e->key, key, n) == 0;
}

static size_t lookup(const struct names *t, const struct network *network, const char *name, size_t n,
	uint32_t *ret, size_t max)
{
	size_t found = 0;
	uint32_t h;

	for (const struct entry *e = first_entry(t, network, name, n, &h); e; e = e->next)
		if (is_entry(e, network, h, name, n)) {
			if (found < max)
				ret[found] = e->place->address;
			found++;
		}
	return found;
}

/* ---- networks ---------------------------------------------------------------------------------- */
static struct network *join(struct names *t, const char *id, const char *name)
{
	struct network *n = t->networks;

	while (n && strcmp(n->id, id) != 0)
		n = n->next;
	if (!n) {
		n = calloc(1, sizeof *n);
		if (!n || !(n->name = strdup(name))) {
			free(n);
			return NULL;
		}
		path_format(n->id, sizeof n->id, "%s", id);
		n->next = t->networks;
		t->networks = n;
	}
	n->places++;
	return n;
}

static void leave(struct names *t, struct network *n)
{
	struct network **p = &t->networks;

	if (--n->places > 0)
		return;
	while (*p != n)
		p = &(*p)->next;
	*p = n->next;
	free(n->name);
	free(n);
}

/* ---- places --------------------------------------------------------------------------------------- */
static void to_lower(char *to, const char *from)
{
	for (; *from; from++)
		*to++ = (char)(*from >= 'A' && *from <= 'Z' ? *from + 32 : *from);
	*to = '\0';
}

static bool has_name(const struct place *p, const char *name, size_t n)
{
	const struct entry *e = p->entries;

	while (e && (e->n != n || memcmp(e->key, name, n) != 0))
		e = e->of_place;
	return e != NULL;
}

static int add_name(struct names *t, struct place *p, const char *text)
{
	char name[PROTO_DNS_NAME_MAX + 1];

	to_lower(name, text);
	if (!name[0] || !p->address || has_name(p, name, strlen(name)))
		return 0;
	return add_entry(t, p, name, strlen(name));
}

static int add_link(struct place *p, const char *name, const char *target)
{
	size_t n = strlen(name) + 1;
	struct link *l = malloc(sizeof *l + n + strlen(target) + 1);

	if (!l)
		return -ENOMEM;
	to_lower(l->name, name);
	to_lower(l->name + n, target);
	l->target = l->name + n;
	l->next = p->links;
	p->links = l;
	return 0;
}

static void free_place(struct names *t, struct place *p)
{
	while (p->entries) {
		struct entry *e = p->entries;
		p->entries = e->of_place;
		drop_entry(t, e);
	}
	while (p->links) {
		struct link *l = p->links;
		p->links = l->next;
		free(l);
	}
	leave(t, p->network);
	free(p);
}

/* Begins as no name does. */
static void address_key(uint32_t address, char key[ADDRESS_KEY])
{
	key[0] = '\0';
	memcpy(key + 1, &address, sizeof address);
}

static int add_address(struct names *t, struct place *p)
{
	char key[ADDRESS_KEY];

	address_key(p->address, key);
	return p->address ? add_entry(t, p, key, sizeof key) : 0;
}

static int fill(struct names *t, struct place *p, const struct proto_dns_place *what, const char *texts)
{
	int r = add_address(t, p);

	if (what->n_names)
		path_format(p->name, sizeof p->name, "%s", texts);
	for (unsigned i = 0; r == 0 && i < what->n_names; i++, texts += strlen(texts) + 1)
		r = add_name(t, p, texts);
	for (unsigned i = 0; r == 0 && i < what->n_links; i++) {
		const char *target = texts + strlen(texts) + 1;
		r = add_link(p, texts, target);
		texts = target + strlen(target) + 1;
	}
	return r;
}

int names_add(struct names *t, const struct proto_dns_place *what, const char *texts, struct place **list)
{
	struct place *p = calloc(1, sizeof *p);

	if (!p || !(p->network = join(t, what->network, texts))) {
		free(p);
		return -ENOMEM;
	}
	p->address = what->address;
	if (fill(t, p, what, texts + strlen(texts) + 1) < 0) {
		free_place(t, p);
		return -ENOMEM;
	}
	while (*list)
		list = &(*list)->next;
	*list = p;
	return 0;
}

void names_drop(struct names *t, struct place **list)
{
	while (*list) {
		struct place *p = *list;
		*list = p->next;
		free_place(t, p);
	}
}

struct names *names_new(void)
{
	return calloc(1, sizeof(struct names));
}

void names_free(struct names *t)
{
	if (t)
		free(t->buckets);
	free(t);
}

/* ---- looking up --------------------------------------------------------------------------------------- */
static const struct link *link_of(const struct place *p, const char *name, size_t n)
{
	const struct link *l = p->links;

	while (l && (strncmp(l->name, name, n) != 0 || l->name[n]))
		l = l->next;
	return l;
}

/* The first n bytes of name, on the networks of this name (NULL: on all). */
static size_t find_part(const struct names *t, const struct place *places, const char *name, size_t n,
	const char *network, uint32_t *ret, size_t max)
{
	size_t found = 0;

	for (int own = 1; own >= 0 && !found; own--)
		for (const struct place *p = places; p && !found; p = p->next) {
			if (network && strcasecmp(p->network->name, network) != 0)
				continue;
			const struct link *l = link_of(p, name, n);
			if (own && l)
				found = lookup(t, p->network, l->target, strlen(l->target), ret, max);
			else if (!own && !l)
				found = lookup(t, p->network, name, n, ret, max);
		}
	return found;
}

size_t names_find(
	const struct names *t, const struct place *places, const char *name, uint32_t *ret, size_t max)
{
	size_t n = strlen(name);
	size_t found = n ? find_part(t, places, name, n, NULL, ret, max) : 0;

	while (!found && n > 1) { /* "a.b.c": "a.b" on "c", "a" on "b.c" */
		n--;
		if (name[n] == '.')
			found = find_part(t, places, name, n, name + n + 1, ret, max);
	}
	return found;
}

bool names_reverse(
	const struct names *t, const struct place *places, uint32_t address, char *buf, size_t size)
{
	char key[ADDRESS_KEY];
	uint32_t h;

	address_key(address, key);
	for (const struct place *p = places; p; p = p->next)
		for (const struct entry *e = first_entry(t, p->network, key, sizeof key, &h); e; e = e->next)
			if (is_entry(e, p->network, h, key, sizeof key))
				return path_format(buf, size, "%s.%s", e->place->name, p->network->name) == 0;
	return false;
}
