/* SPDX-License-Identifier: Apache-2.0 */
/* Folders of jobs in data-root/tmp. */
#include "engine/image/store.h"

#include "lib/base/log.h"
#include "lib/rootfs/remove.h"

#include <errno.h>
#include <fcntl.h>
#include <sys/stat.h>

int job_folder_make(struct images *all, char name[ID_SHORT_SIZE], struct error *err)
{
	id_random(name, ID_SHORT_LEN);
	if (mkdirat(all->tmp, name, 0700) < 0)
		return error_sys(err, errno, "cannot make a folder for a job");
	int fd = openat(all->tmp, name, O_RDONLY | O_DIRECTORY | O_CLOEXEC | O_NOFOLLOW);
	return fd < 0 ? error_sys(err, errno, "cannot open the folder of a job") : fd;
}

void job_folder_remove(struct images *all, const char *name)
{
	struct error err = ERROR_INIT;

	if (rootfs_remove_tree(all->tmp, name, NULL, &err) < 0)
		log_warning("%s: the next start of gantryd removes it", err.text);
}
