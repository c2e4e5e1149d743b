/* SPDX-License-Identifier: Apache-2.0 */
#include "programs/gantry-dns/names.h"

#include <arpa/inet.h>
#include <stdlib.h>
#include <string.h>

struct entry {
	const char *name; /* in the text */
	uint32_t address;
	uint32_t next_name, next_address; /* index + 1; 0: the last */
};

struct names {
	char *text;
	struct entry *v;
	size_t n;
	uint32_t *by_name, *by_address; /* first of each bucket, index + 1 */
	size_t buckets;                 /* a power of two */
};

/* FNV-1a */
static uint32_t hash(const void *data, size_t n)
{
	const unsigned char *p = data;
	uint32_t h = 2166136261u;

	for (size_t i = 0; i < n; i++)
		h = (h ^ p[i]) * 16777619u;
	return h;
}

static size_t name_bucket(const struct names *t, const char *name)
{
	return hash(name, strlen(name)) & (t->buckets - 1);
}

static size_t address_bucket(const struct names *t, uint32_t address)
{
	return hash(&address, sizeof address) & (t->buckets - 1);
}

/* To the end of the chain, so that what was told first is found first. */
static void append(struct names *t, uint32_t *slot, uint32_t index, bool by_name)
{
	while (*slot)
		slot = by_name ? &t->v[*slot - 1].next_name : &t->v[*slot - 1].next_address;
	*slot = index + 1;
}

static void add_line(struct names *t, char *line)
{
	char *space = strrchr(line, ' ');
	struct in_addr address;

	if (!space || space == line)
		return;
	*space = '\0';
	if (inet_pton(AF_INET, space + 1, &address) != 1)
		return;
	for (char *p = line; *p; p++)
		if (*p >= 'A' && *p <= 'Z')
			*p = (char)(*p + 32);
	struct entry *e = &t->v[t->n];
	*e = (struct entry){ .name = line, .address = address.s_addr };
	append(t, &t->by_name[name_bucket(t, line)], (uint32_t)t->n, true);
	append(t, &t->by_address[address_bucket(t, e->address)], (uint32_t)t->n, false);
	t->n++;
}

static int make_room(struct names *t, size_t lines)
{
	for (t->buckets = 16; t->buckets < lines; t->buckets *= 2)
		;
	t->v = calloc(lines + 1, sizeof *t->v);
	t->by_name = calloc(t->buckets, sizeof *t->by_name);
	t->by_address = calloc(t->buckets, sizeof *t->by_address);
	return t->v && t->by_name && t->by_address ? 0 : -1;
}

struct names *names_read(const char *text, size_t n)
{
	struct names *t = calloc(1, sizeof *t);
	size_t lines = 1;
	char *save = NULL;

	if (!t || !(t->text = malloc(n + 1))) {
		free(t);
		return NULL;
	}
	memcpy(t->text, text, n);
	t->text[n] = '\0';
	for (size_t i = 0; i < n; i++)
		lines += text[i] == '\n';
	if (make_room(t, lines) < 0) {
		names_free(t);
		return NULL;
	}
	for (char *line = strtok_r(t->text, "\n", &save); line; line = strtok_r(NULL, "\n", &save))
		add_line(t, line);
	return t;
}

void names_free(struct names *t)
{
	if (!t)
		return;
	free(t->text);
	free(t->v);
	free(t->by_name);
	free(t->by_address);
	free(t);
}

size_t names_find(const struct names *t, const char *name, uint32_t *ret, size_t max)
{
	size_t n = 0;

	for (uint32_t i = t->by_name[name_bucket(t, name)]; i; i = t->v[i - 1].next_name)
		if (strcmp(t->v[i - 1].name, name) == 0) {
			if (n < max)
				ret[n] = t->v[i - 1].address;
			n++;
		}
	return n;
}

const char *names_reverse(const struct names *t, uint32_t address)
{
	for (uint32_t i = t->by_address[address_bucket(t, address)]; i; i = t->v[i - 1].next_address)
		if (t->v[i - 1].address == address)
			return t->v[i - 1].name;
	return NULL;
}
