/* SPDX-License-Identifier: Apache-2.0 */
/* The log of a container, for who reads it here and for who follows it in the shim. */
#include "engine/container/object.h"
#include "engine/container/stop.h"

#include "engine/container/log_config.h"
#include "engine/container/shim_client.h"
#include "lib/base/path.h"
#include "lib/json/json.h"

#include <errno.h>

bool container_is_running(struct container *c)
{
	return container_life(c).phase == CONTAINER_RUNNING;
}

bool container_is_paused(struct container *c)
{
	struct container_life life = container_life(c);

	return life.phase == CONTAINER_RUNNING && life.paused;
}

bool container_tty(const struct container *c)
{
	return c->tty;
}

bool container_reads_stdin(const struct container *c)
{
	bool open = false;

	json_opt_bool(c->config, "OpenStdin", false, &open, NULL);
	return open;
}

int container_log(
	struct container *c, int *ret_folder, char ret_name[CONTAINER_ID_LEN + 16], struct error *err)
{
	struct log_config log;
	int r = log_config_read(json_at(c->host_config, "LogConfig"), &log, err);

	if (r == 0 && log.none)
		r = error_set(err, ERROR_UNSUPPORTED, ENOTSUP,
			"configured logging driver does not support reading");
	if (r < 0)
		return r;
	r = container_files_open(c, err);
	if (r < 0)
		return r;
	*ret_folder = r;
	path_format(ret_name, CONTAINER_ID_LEN + 16, "%s-json.log", c->id);
	return 0;
}

int container_logs_follow(struct container *c, const struct container_logs *what, int sock, struct error *err)
{
	struct shim *shim = container_shim(c);
	struct shim_logs logs = { .flags = what->flags,
		.since_ns = what->since_ns,
		.until_ns = what->until_ns,
		.tail = what->tail,
		.head = what->head,
		.head_n = what->head_n };

	if (!shim)
		return error_set(err, ERROR_CONFLICT, ESRCH, "container %s is not running", c->id);
	int r = shim_logs(shim, &logs, sock, err);
	shim_unref(shim);
	return r;
}
