/* SPDX-License-Identifier: Apache-2.0 */
#include "plugins/volume-local/flags.h"

#include "lib/base/sys.h"

#include <string.h>

bool flags_take(struct flags *flags, const char *word)
{
	static const struct {
		const char *word;
		uint32_t set, clear;
	} words[] = {
		{ "defaults", 0, 0 },
		{ "ro", MS_RDONLY, 0 },
		{ "rw", 0, MS_RDONLY },
		{ "nosuid", MS_NOSUID, 0 },
		{ "suid", 0, MS_NOSUID },
		{ "nodev", MS_NODEV, 0 },
		{ "dev", 0, MS_NODEV },
		{ "noexec", MS_NOEXEC, 0 },
		{ "exec", 0, MS_NOEXEC },
		{ "sync", MS_SYNCHRONOUS, 0 },
		{ "async", 0, MS_SYNCHRONOUS },
		{ "dirsync", MS_DIRSYNC, 0 },
		{ "noatime", MS_NOATIME, MS_STRICTATIME | MS_RELATIME },
		{ "atime", 0, MS_NOATIME },
		{ "nodiratime", MS_NODIRATIME, 0 },
		{ "diratime", 0, MS_NODIRATIME },
		{ "relatime", MS_RELATIME, MS_STRICTATIME | MS_NOATIME },
		{ "norelatime", 0, MS_RELATIME },
		{ "strictatime", MS_STRICTATIME, MS_RELATIME | MS_NOATIME },
		{ "lazytime", MS_LAZYTIME, 0 },
	};

	if (strcmp(word, "bind") == 0 || strcmp(word, "rbind") == 0) {
		flags->bind = true;
		flags->recursive = flags->recursive || word[0] == 'r';
		return true;
	}
	for (size_t i = 0; i < sizeof words / sizeof words[0]; i++) {
		if (strcmp(word, words[i].word) == 0) {
			flags->ms = (flags->ms & ~words[i].clear) | words[i].set;
			return true;
		}
	}
	return false;
}

uint64_t flags_attrs(const struct flags *flags)
{
	static const struct {
		uint32_t ms;
		uint64_t attr;
	} pairs[] = {
		{ MS_RDONLY, MOUNT_ATTR_RDONLY },
		{ MS_NOSUID, MOUNT_ATTR_NOSUID },
		{ MS_NODEV, MOUNT_ATTR_NODEV },
		{ MS_NOEXEC, MOUNT_ATTR_NOEXEC },
		{ MS_NOATIME, MOUNT_ATTR_NOATIME },
		{ MS_STRICTATIME, MOUNT_ATTR_STRICTATIME },
		{ MS_NODIRATIME, MOUNT_ATTR_NODIRATIME },
	};
	uint64_t attrs = 0;

	for (size_t i = 0; i < sizeof pairs / sizeof pairs[0]; i++) {
		if (flags->ms & pairs[i].ms)
			attrs |= pairs[i].attr;
	}
	return attrs;
}
