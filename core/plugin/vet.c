/* SPDX-License-Identifier: Apache-2.0 */
#include "core/plugin/vet.h"

#include "lib/base/cleanup.h"
#include "lib/base/fd.h"
#include "lib/base/path.h"

#include <elf.h>
#include <endian.h>
#include <errno.h>
#include <fcntl.h>
#include <string.h>
#include <sys/stat.h>

#if defined(__x86_64__)
#define MACHINE      EM_X86_64
#define MACHINE_NAME "x86-64"
#elif defined(__aarch64__)
#define MACHINE      EM_AARCH64
#define MACHINE_NAME "aarch64"
#elif defined(__riscv)
#define MACHINE      EM_RISCV
#define MACHINE_NAME "riscv64"
#else
#error "name this machine's ELF number here"
#endif

static const char *const words[] = {
	[PLUGIN_OK] = "ok",
	[PLUGIN_PATH] = "path",
	[PLUGIN_MISSING] = "missing",
	[PLUGIN_SYMLINK] = "symlink",
	[PLUGIN_NOT_A_FILE] = "not-a-file",
	[PLUGIN_FILE_OWNER] = "file-owner",
	[PLUGIN_FILE_MODE] = "file-mode",
	[PLUGIN_FOLDER_OWNER] = "folder-owner",
	[PLUGIN_FOLDER_MODE] = "folder-mode",
	[PLUGIN_NOT_ELF] = "not-elf",
	[PLUGIN_WRONG_MACHINE] = "wrong-machine",
	[PLUGIN_NOT_SHARED] = "not-shared",
	[PLUGIN_DEPENDENCY] = "dependency",
	[PLUGIN_SYMBOL] = "symbol",
	[PLUGIN_LOAD] = "load",
	[PLUGIN_NO_OBJECT] = "no-object",
	[PLUGIN_MAGIC] = "magic",
	[PLUGIN_SDK] = "sdk",
	[PLUGIN_OBJECT] = "object",
	[PLUGIN_DRIVER] = "driver",
	[PLUGIN_KIND_ABI] = "kind-abi",
	[PLUGIN_TABLE] = "table",
	[PLUGIN_ENTRY] = "entry",
	[PLUGIN_NAME] = "name",
	[PLUGIN_OPTION] = "option",
	[PLUGIN_CAP] = "cap",
	[PLUGIN_DUPLICATE] = "duplicate",
	[PLUGIN_INIT] = "init",
	[PLUGIN_CRASH] = "crash",
	[PLUGIN_HANG] = "hang",
	[PLUGIN_TRACE] = "trace",
};

const char *plugin_reason_word(enum plugin_reason reason)
{
	return (size_t)reason < sizeof words / sizeof words[0] ? words[reason] : "unknown";
}

static enum plugin_reason why(enum plugin_reason reason, int ret)
{
	(void)ret;
	return reason;
}
#define REFUSE(reason, ...) why(reason, error_set(err, ERROR_INVALID, ENOEXEC, __VA_ARGS__))

static enum plugin_reason vet_folder_stat(const char *path, const struct stat *st, struct error *err)
{
	if (S_ISLNK(st->st_mode))
		return REFUSE(
			PLUGIN_SYMLINK, "its folder '%s' is a symbolic link; name the real folder", path);
	if (st->st_uid != 0)
		return REFUSE(PLUGIN_FOLDER_OWNER, "its folder '%s' belongs to uid %u; it must be root's",
			path, st->st_uid);
	if (st->st_mode & 022)
		return REFUSE(PLUGIN_FOLDER_MODE,
			"its folder '%s' is writable by group or others (mode %04o); chmod go-w", path,
			st->st_mode & 07777);
	return PLUGIN_OK;
}

/* Folders above an installed one; a sticky one is safe for what root owns in it. */
static enum plugin_reason vet_ancestors(const char *folder, struct error *err)
{
	char path[4096];
	struct stat st;

	if (path_format(path, sizeof path, "%s", folder) < 0)
		return REFUSE(PLUGIN_PATH, "its path is too long");
	for (char *slash = strrchr(path, '/'); slash && slash != path; slash = strrchr(path, '/')) {
		*slash = '\0';
		if (stat(path, &st) < 0)
			return REFUSE(PLUGIN_MISSING, "cannot look at '%s': %s", path, strerror(errno));
		if (st.st_uid != 0)
			return REFUSE(PLUGIN_FOLDER_OWNER,
				"'%s' above it belongs to uid %u; it must be root's", path, st.st_uid);
		if ((st.st_mode & 022) && !(st.st_mode & S_ISVTX))
			return REFUSE(PLUGIN_FOLDER_MODE,
				"'%s' above it is writable by group or others (mode %04o)", path,
				st.st_mode & 07777);
	}
	return PLUGIN_OK;
}

static enum plugin_reason vet_file_stat(const struct stat *st, struct error *err)
{
	if (S_ISLNK(st->st_mode))
		return REFUSE(PLUGIN_SYMLINK, "it is a symbolic link; name the file itself");
	if (!S_ISREG(st->st_mode))
		return REFUSE(PLUGIN_NOT_A_FILE, "it is not a regular file");
	if (st->st_uid != 0)
		return REFUSE(PLUGIN_FILE_OWNER, "it belongs to uid %u; it must be root's", st->st_uid);
	if (st->st_mode & 022)
		return REFUSE(PLUGIN_FILE_MODE, "it is writable by group or others (mode %04o); chmod go-w",
			st->st_mode & 07777);
	return PLUGIN_OK;
}

/* Program headers tell a shared object from a position-independent program. */
static enum plugin_reason vet_segments(int fd, const Elf64_Ehdr *eh, struct error *err)
{
	struct stat st;

	if (eh->e_phentsize != sizeof(Elf64_Phdr) || eh->e_phnum == 0 || eh->e_phnum > 128)
		return REFUSE(PLUGIN_NOT_SHARED, "it has no program headers that can be loaded");
	if (fstat(fd, &st) < 0)
		return REFUSE(PLUGIN_NOT_ELF, "cannot look at it: %s", strerror(errno));
	for (unsigned i = 0; i < eh->e_phnum; i++) {
		Elf64_Phdr ph;
		if (pread(fd, &ph, sizeof ph, (off_t)(eh->e_phoff + i * sizeof ph)) != sizeof ph)
			return REFUSE(PLUGIN_NOT_ELF, "it is cut: program header %u lies behind its end", i);
		if (ph.p_type == PT_LOAD && (ph.p_filesz > (uint64_t)st.st_size ||
						    ph.p_offset > (uint64_t)st.st_size - ph.p_filesz))
			return REFUSE(PLUGIN_NOT_ELF, "it is cut: segment %u lies behind its end", i);
		if (ph.p_type == PT_INTERP)
			return REFUSE(PLUGIN_NOT_SHARED,
				"it is a program, not a shared object (link with -shared)");
	}
	return PLUGIN_OK;
}

static enum plugin_reason vet_elf(int fd, struct error *err)
{
	Elf64_Ehdr eh;
	ssize_t n = pread(fd, &eh, sizeof eh, 0);

	if (n < SELFMAG || memcmp(eh.e_ident, ELFMAG, SELFMAG) != 0)
		return REFUSE(PLUGIN_NOT_ELF, "it is not an ELF file");
	if (n < (ssize_t)sizeof eh)
		return REFUSE(PLUGIN_NOT_ELF, "it is cut: shorter than an ELF header");
	if (eh.e_ident[EI_CLASS] != ELFCLASS64 ||
		eh.e_ident[EI_DATA] != (__BYTE_ORDER == __LITTLE_ENDIAN ? ELFDATA2LSB : ELFDATA2MSB) ||
		eh.e_machine != MACHINE)
		return REFUSE(PLUGIN_WRONG_MACHINE,
			"it is for another machine (ELF machine %u, class %u), not for " MACHINE_NAME,
			eh.e_machine, eh.e_ident[EI_CLASS]);
	if (eh.e_ident[EI_VERSION] != EV_CURRENT || eh.e_type != ET_DYN)
		return REFUSE(PLUGIN_NOT_SHARED, "it is not a shared object (ELF type %u; link with -shared)",
			eh.e_type);
	return vet_segments(fd, &eh, err);
}

enum plugin_reason vet_file(const char *path, bool installed, struct error *err)
{
	char folder[4096], clean[4096];
	struct stat st;
	size_t n = strlen(path);

	if (path[0] != '/' || path_clean(path, clean, sizeof clean) < 0 || strcmp(path, clean) != 0)
		return REFUSE(PLUGIN_PATH, "its path is not a clean absolute one");
	if (n < 4 || strcmp(path + n - 3, ".so") != 0)
		return REFUSE(PLUGIN_PATH, "its name does not end in .so");
	memcpy(folder, path, n + 1);
	*strrchr(folder, '/') = '\0';
	if (!folder[0])
		return REFUSE(PLUGIN_PATH, "it lies in the root folder");

	auto_close int dir = open(folder, O_PATH | O_NOFOLLOW | O_CLOEXEC);
	if (dir < 0 || fstat(dir, &st) < 0)
		return REFUSE(PLUGIN_MISSING, "cannot open its folder '%s': %s", folder, strerror(errno));
	enum plugin_reason r = vet_folder_stat(folder, &st, err);
	if (r == PLUGIN_OK && installed)
		r = vet_ancestors(folder, err);
	if (r != PLUGIN_OK)
		return r;
	auto_close int fd = openat(dir, path_base(path), O_PATH | O_NOFOLLOW | O_CLOEXEC);
	if (fd < 0 || fstat(fd, &st) < 0)
		return REFUSE(PLUGIN_MISSING, "cannot open it: %s", strerror(errno));
	r = vet_file_stat(&st, err);
	if (r != PLUGIN_OK)
		return r;
	auto_close int data = fd_reopen(fd, O_RDONLY);
	if (data < 0)
		return REFUSE(PLUGIN_MISSING, "cannot read it: %s", strerror(-data));
	return vet_elf(data, err);
}
