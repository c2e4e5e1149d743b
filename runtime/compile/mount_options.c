/* SPDX-License-Identifier: Apache-2.0 */
#include "runtime/compile/mount_options.h"

#include "lib/base/cleanup.h"
#include "lib/base/sys.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mount.h>

/* Attributes that are one bit, on or off. */
static const struct {
	const char *on, *off;
	uint64_t bit;
} bits[] = {
	{ "ro", "rw", MOUNT_ATTR_RDONLY },
	{ "nosuid", "suid", MOUNT_ATTR_NOSUID },
	{ "nodev", "dev", MOUNT_ATTR_NODEV },
	{ "noexec", "exec", MOUNT_ATTR_NOEXEC },
	{ "nodiratime", "diratime", MOUNT_ATTR_NODIRATIME },
	{ "nosymfollow", "symfollow", MOUNT_ATTR_NOSYMFOLLOW },
};

/* The access time rule is one value of three in a field of several bits; "off" takes its own value back only,
 * and what is left then is the kernel's default, relatime. */
static const struct {
	const char *on, *off;
	uint64_t value;
} atimes[] = {
	{ "relatime", "norelatime", MOUNT_ATTR_RELATIME },
	{ "noatime", "atime", MOUNT_ATTR_NOATIME },
	{ "strictatime", "nostrictatime", MOUNT_ATTR_STRICTATIME },
};

static const struct field_choice propagations[] = {
	{ "shared", MS_SHARED },
	{ "slave", MS_SLAVE },
	{ "private", MS_PRIVATE },
	{ "unbindable", MS_UNBINDABLE },
	{ 0 },
};

/* What is so without being said, or only changes what the kernel writes into its log. */
static const char *const no_effect[] = { "defaults", "loud", "silent", "noiversion" };
static const char *const unsupported[] = { "iversion", "copy-symlink", "dest-nofollow" };
#define COUNT(array) (sizeof(array) / sizeof(array)[0])

static bool is_one_of(const char *text, const char *const *list, size_t n)
{
	for (size_t i = 0; i < n; i++)
		if (strcmp(text, list[i]) == 0)
			return true;
	return false;
}

static bool set_bit(const char *name, uint64_t *set, uint64_t *clr)
{
	for (size_t i = 0; i < COUNT(bits); i++) {
		if (strcmp(name, bits[i].on) == 0) {
			*set |= bits[i].bit;
			*clr &= ~bits[i].bit;
			return true;
		}
		if (strcmp(name, bits[i].off) == 0) {
			*set &= ~bits[i].bit;
			*clr |= bits[i].bit;
			return true;
		}
	}
	return false;
}

/* mount_setattr(2) wants the whole field cleared whenever it is set. */
static bool set_atime(const char *name, uint64_t *set, uint64_t *clr)
{
	for (size_t i = 0; i < COUNT(atimes); i++) {
		if (strcmp(name, atimes[i].on) == 0)
			*set = (*set & ~(uint64_t)MOUNT_ATTR__ATIME) | atimes[i].value;
		else if (strcmp(name, atimes[i].off) == 0)
			*set = (*set & MOUNT_ATTR__ATIME) == atimes[i].value
				       ? *set & ~(uint64_t)MOUNT_ATTR__ATIME
				       : *set;
		else
			continue;
		*clr |= MOUNT_ATTR__ATIME;
		return true;
	}
	return false;
}

uint32_t mount_options_propagation(const char *name)
{
	uint32_t rec = *name == 'r' ? MS_REC : 0;

	for (const struct field_choice *p = propagations; p->name; p++)
		if (strcmp(name + (rec ? 1 : 0), p->name) == 0)
			return (uint32_t)p->value | rec;
	return 0;
}

static bool set_flag(struct mount_options *opts, const char *name)
{
	const struct {
		const char *name;
		bool *flag;
	} flags[] = {
		{ "bind", &opts->bind },
		{ "rbind", &opts->rbind },
		{ "remount", &opts->remount },
		{ "tmpcopyup", &opts->copy_up },
		{ "src-nofollow", &opts->no_follow },
		{ "idmap", &opts->idmap },
		{ "ridmap", &opts->ridmap },
	};

	for (size_t i = 0; i < COUNT(flags); i++)
		if (strcmp(name, flags[i].name) == 0)
			return *flags[i].flag = true;
	return false;
}

void mount_options_add(struct builder *b, struct mount_options *opts, const char *text)
{
	struct launch_str str = builder_str(b, text);

	builder_list_add(b, &opts->data, &str);
}

/* mount(2) takes all data as one text with commas, so callers write several options in one; a quoted or
 * escaped comma belongs to its value. */
static int add_data(
	const struct field *f, struct builder *b, struct mount_options *opts, const char *text, size_t index)
{
	auto_free char *copy = strdup(text);
	char *start = copy, *at = copy;

	if (!copy)
		return error_sys(f->err, ENOMEM, "cannot read mount options");
	if (!opts->first_data) {
		opts->first_data = text;
		opts->first_data_index = index;
	}
	for (; !strchr(text, '"') && (at = strchr(at, ',')); at++) {
		if (at > copy && at[-1] == '\\')
			continue;
		*at = '\0';
		if (*start)
			mount_options_add(b, opts, start);
		start = at + 1;
	}
	if (*start)
		mount_options_add(b, opts, start);
	return 0;
}

static int read_option(
	const struct field *f, struct builder *b, struct mount_options *opts, const char *text, size_t index)
{
	uint32_t propagation = mount_options_propagation(text);

	if (propagation & MS_REC) {
		opts->prop_rec = propagation;
		return 0;
	}
	if (propagation) {
		opts->propagation = propagation;
		return 0;
	}
	if (set_bit(text, &opts->attr_set, &opts->attr_clr)) {
		opts->read_only = opts->attr_set & MOUNT_ATTR_RDONLY;
		return 0;
	}
	if (set_atime(text, &opts->attr_set, &opts->attr_clr) || set_flag(opts, text))
		return 0;
	if (*text == 'r' && (set_bit(text + 1, &opts->rec_set, &opts->rec_clr) ||
				    set_atime(text + 1, &opts->rec_set, &opts->rec_clr)))
		return 0;
	if (is_one_of(text, no_effect, COUNT(no_effect)))
		return 0;
	if (is_one_of(text, unsupported, COUNT(unsupported)))
		return field_unsupported(f, "mount option '%s' is not supported", text);
	/* "sync", "dirsync", "lazytime", "mand" and their opposites too: fsconfig(2) takes them by name. */
	return add_data(f, b, opts, text, index);
}

int mount_options_read(const struct field *f, struct builder *b, struct mount_options *ret)
{
	struct field list;
	int r;

	*ret = (struct mount_options){ .data = BUILDER_LIST_INIT(struct launch_str) };
	r = field_array(f, "options", &list);
	for (size_t i = 0; r == 0 && i < field_count(&list); i++) {
		struct field at = { .up = &list, .index = i, .err = list.err };
		const char *text = NULL;

		r = field_string_at(&list, i, &text);
		if (r == 0)
			r = read_option(&at, b, ret, text, i);
	}
	return r;
}

void mount_options_done(struct mount_options *opts)
{
	builder_list_done(&opts->data);
}
