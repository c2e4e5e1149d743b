/* SPDX-License-Identifier: Apache-2.0 */
#include "tests/support/driver_harness.h"

#include "lib/base/clock.h"
#include "lib/base/path.h"

#include <dirent.h>
#include <dlfcn.h>
#include <errno.h>
#include <fcntl.h>
#include <ftw.h>
#include <sched.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/mount.h>
#include <sys/stat.h>
#include <sys/vfs.h>
#include <unistd.h>

#define ARENA_MAX     (1 << 20)
#define OVERLAY_MAGIC 0x794c7630

struct block {
	struct block *next;
	size_t pad;
	char data[];
};

static void *arena_alloc(struct gty_call *call, size_t size)
{
	struct harness *h = (struct harness *)call;

	if (size > ARENA_MAX - h->arena_used)
		return NULL;
	struct block *b = calloc(1, sizeof *b + size);
	if (!b)
		return NULL;
	h->arena_used += size;
	b->next = h->blocks;
	h->blocks = b;
	return b->data;
}

static char *arena_strdup(struct gty_call *call, const char *text)
{
	size_t n = strlen(text) + 1;
	char *copy = arena_alloc(call, n);

	return copy ? memcpy(copy, text, n) : NULL;
}

static int arena_fail(struct gty_call *call, int32_t kind, int32_t sys_errno, const char *text)
{
	struct harness *h = (struct harness *)call;

	if (!h->failed) {
		h->failed = true;
		h->kind = kind;
		h->sys_errno = sys_errno;
		snprintf(h->text, sizeof h->text, "%s", text);
	}
	return sys_errno ? -sys_errno : -EIO;
}

static void count_log(const struct gty_host *host, int32_t level, const char *text)
{
	struct harness *h = (struct harness *)((char *)(uintptr_t)host - offsetof(struct harness, host));

	(void)level;
	(void)text;
	h->logged++;
}

static void ignore_event(const struct gty_host *host, const char *object, const char *what,
	const struct gty_kv *attrs, uint32_t n)
{
	(void)host;
	(void)object;
	(void)what;
	(void)attrs;
	(void)n;
}

static const struct gty_driver *find_driver(const char *plugin, const char *name)
{
	char path[512];

	snprintf(path, sizeof path, "%s/lib/gantry/plugins/%s.so", GANTRY_BUILD_DIR, plugin);
	void *so = dlopen(path, RTLD_NOW | RTLD_LOCAL);
	const struct gty_plugin *p = so ? dlsym(so, "gantry_plugin") : NULL;
	if (!p || p->magic != GTY_PLUGIN_MAGIC || p->sdk_major != GTY_SDK_MAJOR ||
		p->sdk_minor != GTY_SDK_MINOR) {
		fprintf(stderr, "# cannot load %s: %s\n", path, p ? "another SDK" : dlerror());
		return NULL;
	}
	for (size_t i = 0; p->drivers[i]; i++) {
		if (strcmp(p->drivers[i]->name, name) == 0)
			return p->drivers[i];
	}
	fprintf(stderr, "# %s has no driver '%s'\n", path, name);
	return NULL;
}

/* Where the temporary folder is itself an overlay, a tmpfs in it serves. */
static bool make_folder(struct harness *h, bool tmpfs)
{
	const char *tmp = getenv("TMPDIR");
	struct statfs fs;

	snprintf(h->top, sizeof h->top, "%.80s/gantry-driver-XXXXXX", tmp ? tmp : "/var/tmp");
	if (!mkdtemp(h->top) || statfs(h->top, &fs) < 0)
		return false;
	tmpfs = tmpfs || (uint32_t)fs.f_type == OVERLAY_MAGIC;
	if (tmpfs && mount("scratch", h->top, "tmpfs", 0, NULL) < 0)
		return false;
	snprintf(h->root, sizeof h->root, "%.110s/root", h->top);
	if (mkdir(h->root, 0700) < 0)
		return false;
	h->root_fd = open(h->root, O_PATH | O_DIRECTORY | O_CLOEXEC);
	return h->root_fd >= 0;
}

static void fill(struct harness *h)
{
	h->call.struct_size = sizeof h->call;
	h->call.cancel_fd = -1;
	h->call.trace = "test";
	h->call.alloc = arena_alloc;
	h->call.strdup = arena_strdup;
	h->call.fail = arena_fail;
	h->host.struct_size = sizeof h->host;
	h->host.sdk_major = GTY_SDK_MAJOR;
	h->host.sdk_minor = GTY_SDK_MINOR;
	h->host.instance = "0123456789ab";
	h->host.run_dir = h->top;
	h->host.log = count_log;
	h->host.event = ignore_event;
}

static struct harness *new_harness(const char *plugin, const char *driver, bool tmpfs)
{
	struct harness *h = calloc(1, sizeof *h);

	if (!h)
		return NULL;
	h->driver = find_driver(plugin, driver);
	if (!h->driver || !make_folder(h, tmpfs)) {
		free(h);
		return NULL;
	}
	fill(h);
	return h;
}

struct harness *harness_new(const char *plugin, const char *driver)
{
	return new_harness(plugin, driver, false);
}

struct harness *harness_new_tmpfs(const char *plugin, const char *driver)
{
	return new_harness(plugin, driver, true);
}

struct harness *harness_twin(const struct harness *h)
{
	struct harness *twin = calloc(1, sizeof *twin);

	if (!twin)
		return NULL;
	twin->driver = h->driver;
	memcpy(twin->root, h->root, sizeof twin->root);
	twin->root_fd = -1;
	fill(twin);
	return twin;
}

static void release(struct harness *h)
{
	size_t page = (size_t)sysconf(_SC_PAGESIZE);

	while (h->blocks) {
		struct block *b = h->blocks;
		h->blocks = b->next;
		free(b);
	}
	h->arena_used = 0;
	for (size_t i = 0; i < h->pages_n; i++)
		munmap(h->pages[i], 2 * page);
	h->pages_n = 0;
}

static int remove_one(const char *path, const struct stat *st, int type, struct FTW *ftw)
{
	(void)st;
	(void)type;
	(void)ftw;
	return remove(path);
}

void harness_free(struct harness *h)
{
	if (!h)
		return;
	release(h);
	if (h->root_fd >= 0)
		close(h->root_fd);
	if (h->top[0]) {
		nftw(h->top, remove_one, 32, FTW_DEPTH | FTW_PHYS);
		umount2(h->top, MNT_DETACH | UMOUNT_NOFOLLOW);
		rmdir(h->top);
	}
	free(h);
}

struct gty_call *harness_call(struct harness *h)
{
	release(h);
	h->failed = false;
	h->kind = h->sys_errno = 0;
	h->text[0] = '\0';
	h->call.cancel_fd = -1;
	h->call.deadline_ns = clock_mono_ns() + 30 * CLOCK_S;
	return &h->call;
}

void *harness_struct(struct harness *h, size_t size)
{
	size_t page = (size_t)sysconf(_SC_PAGESIZE);

	if (h->pages_n == HARNESS_PAGES || size > page)
		abort();
	char *p = mmap(NULL, 2 * page, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
	if (p == MAP_FAILED || mprotect(p + page, page, PROT_NONE) < 0)
		abort();
	h->pages[h->pages_n++] = p;
	uint32_t *made = (uint32_t *)(void *)(p + page - size);
	*made = (uint32_t)size;
	return made;
}

struct gty_open harness_open(const struct harness *h, const struct gty_kv *opts, uint32_t n)
{
	return (struct gty_open){ .struct_size = sizeof(struct gty_open),
		.root_fd = h->root_fd,
		.name = h->driver->name,
		.root = h->root,
		.opts = opts,
		.opts_n = n };
}

bool harness_private_mounts(void)
{
	return unshare(CLONE_NEWNS) == 0 && mount(NULL, "/", NULL, MS_REC | MS_PRIVATE, NULL) == 0;
}

bool harness_unmount_below(const char *dir)
{
	char line[4096], point[4096];
	FILE *f = fopen("/proc/self/mountinfo", "re");
	bool any = false;

	while (f && fgets(line, sizeof line, f)) {
		if (sscanf(line, "%*s %*s %*s %*s %4095s", point) != 1 || !path_is_below(point, dir))
			continue;
		any = any || umount2(point, MNT_DETACH | UMOUNT_NOFOLLOW) == 0;
	}
	if (f)
		fclose(f);
	return any;
}

int harness_mounts(void)
{
	FILE *f = fopen("/proc/self/mountinfo", "re");
	int lines = 0;

	if (!f)
		return -1;
	for (int c = getc(f); c != EOF; c = getc(f))
		lines += c == '\n';
	fclose(f);
	return lines;
}

int harness_entries(const char *dir, const char *name)
{
	char path[512];
	int n = 0;

	snprintf(path, sizeof path, "%s/%s", dir, name);
	DIR *d = opendir(path);
	if (!d)
		return -1;
	while (readdir(d))
		n++;
	closedir(d);
	return n - 2;
}

int harness_descriptors(void)
{
	return harness_entries("/proc/self", "fd");
}

const char *harness_id(unsigned n, char buf[65])
{
	snprintf(buf, 65, "%08x%056x", n, n * 2654435761u);
	return buf;
}

void harness_write(int dirfd, const char *name, const char *text)
{
	int fd = openat(dirfd, name, O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC, 0644);

	if (fd < 0 || write(fd, text, strlen(text)) != (ssize_t)strlen(text)) {
		fprintf(stderr, "# cannot write '%s': %s\n", name, strerror(errno));
		abort();
	}
	close(fd);
}

const char *harness_read(int dirfd, const char *name, char *buf, size_t size)
{
	int fd = openat(dirfd, name, O_RDONLY | O_CLOEXEC | O_NOFOLLOW);
	ssize_t n = fd < 0 ? 0 : read(fd, buf, size - 1);

	buf[n > 0 ? n : 0] = '\0';
	if (fd >= 0)
		close(fd);
	return buf;
}
