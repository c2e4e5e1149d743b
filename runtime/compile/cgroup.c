/* SPDX-License-Identifier: Apache-2.0 */
#include "runtime/compile/context.h"

#include "lib/base/path.h"
#include "lib/cgroup/resources.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

/* Elements of a list of linux.resources. */
#define ITEMS_MAX 1024

/* linux.resources and what its lists are kept in while they are translated. */
struct resources {
	struct cgroup_resources res;
	void *lists[16];
	size_t n_lists;
};

static void resources_done(struct resources *rs)
{
	for (size_t i = 0; i < rs->n_lists; i++)
		free(rs->lists[i]);
}

/* Zeroed room for the elements of f, freed with rs; NULL and an error when it cannot be had. */
static void *make_list(struct resources *rs, const struct field *f, size_t item_size)
{
	void *list = NULL;

	if (field_count(f) > ITEMS_MAX)
		field_invalid(f, "more than %d elements", ITEMS_MAX);
	else if (rs->n_lists == sizeof rs->lists / sizeof rs->lists[0] ||
		 !(list = calloc(field_count(f) + 1, item_size)))
		error_sys(f->err, ENOMEM, "cannot read limits");
	else
		rs->lists[rs->n_lists++] = list;
	return list;
}

static int read_number(
	const struct field *f, const char *name, int64_t min, int64_t max, struct cgroup_number *ret)
{
	return field_int(f, name, min, max, &ret->value, &ret->set);
}

/* ---- memory, cpu, pids ----------------------------------------------------------- */
static int read_memory(const struct field *resources, struct cgroup_resources *res)
{
	bool hierarchy = true, check = false;
	struct field f, at;
	int r;

	r = field_object(resources, "memory", &f);
	if (r == 0)
		r = field_int(&f, "limit", -1, INT64_MAX, &res->memory_limit, NULL);
	if (r == 0)
		r = field_int(&f, "reservation", -1, INT64_MAX, &res->memory_reservation, NULL);
	if (r == 0)
		r = field_int(&f, "swap", -1, INT64_MAX, &res->memory_swap, NULL);
	if (r == 0)
		r = field_int(&f, "kernel", -1, INT64_MAX, &res->kernel_memory, NULL);
	if (r == 0)
		r = field_int(&f, "kernelTCP", -1, INT64_MAX, &res->kernel_memory_tcp, NULL);
	if (r == 0)
		r = read_number(&f, "swappiness", 0, 100, &res->swappiness);
	if (r == 0)
		r = field_bool(&f, "disableOOMKiller", &res->oom_kill_disable);
	if (r == 0) /* guards a later update against too low a limit; a new cgroup uses nothing yet */
		r = field_bool(&f, "checkBeforeUpdate", &check);
	if (r == 0)
		r = field_bool(&f, "useHierarchy", &hierarchy);
	at = field_any(&f, "useHierarchy");
	if (r == 0 && !hierarchy)
		r = field_unsupported(&at, "memory is always accounted with what lies below");
	return r;
}

static int read_cpu(const struct field *resources, struct cgroup_resources *res)
{
	struct field f;
	int r;

	r = field_object(resources, "cpu", &f);
	if (r == 0)
		r = field_uint(&f, "shares", INT64_MAX, &res->cpu_shares, NULL);
	if (r == 0)
		r = field_int(&f, "quota", -1, INT64_MAX, &res->cpu_quota, NULL);
	if (r == 0)
		r = field_uint(&f, "period", INT64_MAX, &res->cpu_period, NULL);
	if (r == 0)
		r = read_number(&f, "burst", 0, INT64_MAX, &res->cpu_burst);
	if (r == 0)
		r = read_number(&f, "idle", 0, 1, &res->cpu_idle);
	if (r == 0)
		r = read_number(&f, "realtimeRuntime", -1, INT64_MAX, &res->cpu_rt_runtime);
	if (r == 0)
		r = field_uint(&f, "realtimePeriod", INT64_MAX, &res->cpu_rt_period, NULL);
	if (r == 0)
		r = field_string(&f, "cpus", &res->cpuset_cpus);
	return r < 0 ? r : field_string(&f, "mems", &res->cpuset_mems);
}

static int read_pids(const struct field *resources, struct cgroup_resources *res)
{
	struct field f, at;
	bool given = false;
	int r;

	r = field_object(resources, "pids", &f);
	at = field_any(&f, "limit");
	if (r == 0)
		r = field_int(&f, "limit", -1, INT64_MAX, &res->pids_limit, &given);
	if (r == 0 && f.json && !given)
		r = field_invalid(&at, "is needed");
	return r;
}

/* ---- block devices -------------------------------------------------------------------- */
static int read_device(const struct field *f, const char *name, uint64_t max,
	struct cgroup_device_number *ret, bool *ret_given)
{
	bool has_major = false, has_minor = false;
	int r;

	r = field_u32(f, "major", &ret->major, &has_major);
	if (r == 0)
		r = field_u32(f, "minor", &ret->minor, &has_minor);
	if (r == 0)
		r = field_uint(f, name, max, &ret->value, ret_given);
	if (r == 0 && (!has_major || !has_minor))
		r = field_invalid(f, "major and minor are needed");
	return r;
}

static int read_throttle(struct resources *rs, const struct field *block, const char *name,
	const struct cgroup_device_number **ret, size_t *ret_n)
{
	struct cgroup_device_number *items;
	struct field list, item;
	int r;

	r = field_array(block, name, &list);
	if (r < 0 || field_count(&list) == 0)
		return r;
	items = make_list(rs, &list, sizeof *items);
	if (!items)
		return -ENOMEM;
	*ret = items;
	for (size_t i = 0; i < field_count(&list); i++) {
		bool given;

		r = field_object_at(&list, i, &item);
		if (r == 0)
			r = read_device(&item, "rate", UINT64_MAX, &items[i], &given);
		if (r < 0)
			return r;
	}
	*ret_n = field_count(&list);
	return 0;
}

static int read_weights(struct resources *rs, const struct field *block)
{
	struct cgroup_device_number *weights, *leaves;
	struct field list, item;
	int r;

	r = field_array(block, "weightDevice", &list);
	if (r < 0 || field_count(&list) == 0)
		return r;
	weights = make_list(rs, &list, sizeof *weights);
	leaves = make_list(rs, &list, sizeof *leaves);
	if (!weights || !leaves)
		return -ENOMEM;
	rs->res.weight_devices = weights;
	rs->res.leaf_weight_devices = leaves;
	for (size_t i = 0; i < field_count(&list); i++) {
		bool weight = false, leaf = false;

		r = field_object_at(&list, i, &item);
		if (r == 0)
			r = read_device(&item, "weight", 1000, &weights[rs->res.n_weight_devices], &weight);
		if (r == 0)
			r = read_device(
				&item, "leafWeight", 1000, &leaves[rs->res.n_leaf_weight_devices], &leaf);
		if (r < 0)
			return r;
		rs->res.n_weight_devices += weight;
		rs->res.n_leaf_weight_devices += leaf;
	}
	return 0;
}

static int read_block_io(struct resources *rs, const struct field *resources)
{
	struct cgroup_resources *res = &rs->res;
	uint64_t weight = 0, leaf = 0;
	struct field f;
	int r;

	r = field_object(resources, "blockIO", &f);
	if (r == 0)
		r = field_uint(&f, "weight", 1000, &weight, NULL);
	if (r == 0)
		r = field_uint(&f, "leafWeight", 1000, &leaf, NULL);
	if (r == 0)
		r = read_weights(rs, &f);
	if (r == 0)
		r = read_throttle(rs, &f, "throttleReadBpsDevice", &res->read_bps, &res->n_read_bps);
	if (r == 0)
		r = read_throttle(rs, &f, "throttleWriteBpsDevice", &res->write_bps, &res->n_write_bps);
	if (r == 0)
		r = read_throttle(rs, &f, "throttleReadIOPSDevice", &res->read_iops, &res->n_read_iops);
	if (r == 0)
		r = read_throttle(rs, &f, "throttleWriteIOPSDevice", &res->write_iops, &res->n_write_iops);
	res->blkio_weight = (uint16_t)weight;
	res->blkio_leaf_weight = (uint16_t)leaf;
	return r;
}

/* ---- huge pages, network, rdma, unified -------------------------------------------------- */
static int read_hugepages(struct resources *rs, const struct field *resources)
{
	struct cgroup_hugepage_limit *items;
	struct field list, item;
	int r;

	r = field_array(resources, "hugepageLimits", &list);
	if (r < 0 || field_count(&list) == 0)
		return r;
	items = make_list(rs, &list, sizeof *items);
	if (!items)
		return -ENOMEM;
	for (size_t i = 0; i < field_count(&list); i++) {
		bool given = false;

		r = field_object_at(&list, i, &item);
		if (r == 0)
			r = field_need_string(&item, "pageSize", &items[i].page_size);
		if (r == 0)
			r = field_uint(&item, "limit", UINT64_MAX, &items[i].limit, &given);
		if (r == 0 && !given)
			r = field_invalid(&item, "pageSize and limit are needed");
		if (r < 0)
			return r;
	}
	rs->res.hugepages = items;
	rs->res.n_hugepages = field_count(&list);
	return 0;
}

static int read_network(struct resources *rs, const struct field *resources)
{
	struct cgroup_named_number *items;
	struct field f, list, item;
	int r;

	r = field_object(resources, "network", &f);
	if (r == 0)
		r = read_number(&f, "classID", 0, UINT32_MAX, &rs->res.classid);
	if (r == 0)
		r = field_array(&f, "priorities", &list);
	if (r < 0 || field_count(&list) == 0)
		return r;
	items = make_list(rs, &list, sizeof *items);
	if (!items)
		return -ENOMEM;
	for (size_t i = 0; i < field_count(&list); i++) {
		r = field_object_at(&list, i, &item);
		if (r == 0)
			r = field_need_string(&item, "name", &items[i].name);
		if (r == 0)
			r = field_u32(&item, "priority", &items[i].value, NULL);
		if (r < 0)
			return r;
	}
	rs->res.net_priorities = items;
	rs->res.n_net_priorities = field_count(&list);
	return 0;
}

static int read_rdma(struct resources *rs, const struct field *resources)
{
	struct cgroup_rdma_limit *items;
	struct field map, item;
	size_t i = 0;
	int r;

	r = field_object(resources, "rdma", &map);
	if (r < 0 || field_count(&map) == 0)
		return r;
	items = make_list(rs, &map, sizeof *items);
	if (!items)
		return -ENOMEM;
	json_each (map.json, it) {
		item = field_member(&map, it.key, it.value);
		items[i].device = it.key;
		r = field_expect(&item, JSON_OBJECT);
		if (r == 0)
			r = read_number(&item, "hcaHandles", 0, UINT32_MAX, &items[i].hca_handles);
		if (r == 0)
			r = read_number(&item, "hcaObjects", 0, UINT32_MAX, &items[i].hca_objects);
		if (r < 0)
			return r;
		i++;
	}
	rs->res.rdma = items;
	rs->res.n_rdma = field_count(&map);
	return 0;
}

static int read_unified(struct resources *rs, const struct field *resources)
{
	struct cgroup_pair *items;
	struct field map, item;
	size_t i = 0;
	int r;

	r = field_object(resources, "unified", &map);
	if (r < 0 || field_count(&map) == 0)
		return r;
	items = make_list(rs, &map, sizeof *items);
	if (!items)
		return -ENOMEM;
	json_each (map.json, it) {
		item = field_member(&map, it.key, it.value);
		items[i].file = it.key;
		r = field_text(&item, &items[i++].value);
		if (r < 0)
			return r;
	}
	rs->res.unified = items;
	rs->res.n_unified = field_count(&map);
	return 0;
}

static int read_resources(struct resources *rs, const struct field *resources)
{
	int r;

	r = read_memory(resources, &rs->res);
	if (r == 0)
		r = read_cpu(resources, &rs->res);
	if (r == 0)
		r = read_pids(resources, &rs->res);
	if (r == 0)
		r = read_block_io(rs, resources);
	if (r == 0)
		r = read_hugepages(rs, resources);
	if (r == 0)
		r = read_network(rs, resources);
	if (r == 0)
		r = read_rdma(rs, resources);
	return r < 0 ? r : read_unified(rs, resources);
}

/* ---- into the record ---------------------------------------------------------------------- */
/* Kernel memory is accounted with all memory since long, and the kernel has dropped its own limit (5.16): a
 * warning is what other runtimes make of it.  Every other limit that cannot be kept is refused. */
static int check_unsupported(struct compile *c, const struct field *resources, uint64_t unsupported)
{
	for (int i = 0; i < CGROUP_RESOURCES; i++) {
		const char *name = cgroup_resource_name((enum cgroup_resource)i);

		if (!(unsupported >> i & 1))
			continue;
		if (i != CGROUP_R_KERNEL_MEMORY && i != CGROUP_R_KERNEL_MEMORY_TCP) {
			struct field at = field_any(resources, name);

			return field_unsupported(&at, "the cgroups of this system have no such limit");
		}
		compile_warn(c, "linux.resources.%s: the kernel has no such limit any more: left out", name);
	}
	return 0;
}

static int compile_settings(
	struct compile *c, const struct field *resources, const struct cgroup_resources *res)
{
	struct builder_list list = BUILDER_LIST_INIT(struct launch_cgroup_setting);
	struct cgroup_settings settings = { 0 };
	uint64_t unsupported = 0;
	int r;

	r = cgroup_resources_translate(c->opts->cgroups, res, &settings, &unsupported, c->err);
	if (r < 0)
		return error_prefix(c->err, r, "linux.resources");
	r = check_unsupported(c, resources, unsupported);
	for (size_t i = 0; r == 0 && i < settings.n; i++) {
		struct launch_cgroup_setting setting = {
			.controller = settings.items[i].controller,
			.flags = settings.items[i].flags,
			.file = builder_str(&c->b, settings.items[i].file),
			.value = builder_str(&c->b, settings.items[i].value),
		};

		builder_list_add(&c->b, &list, &setting);
	}
	cgroup_settings_done(&settings);
	c->b.rec.cgroup_settings = builder_take(&c->b, &list, LAUNCH_LIST_MAX, "linux.resources");
	return r;
}

int compile_cgroup_path(const struct json *config, const struct compile_options *opts, char *buf, size_t size,
	struct error *err)
{
	struct field root = field_root(config, NULL, err), linux_, at;
	const char *path = opts->cgroup_path;
	char raw[CGROUP_PATH_MAX];
	int r;

	r = field_object(&root, "linux", &linux_);
	if (r == 0 && !path)
		r = field_string(&linux_, "cgroupsPath", &path);
	if (r < 0)
		return r;
	at = field_any(&linux_, "cgroupsPath");
	if (!path || !*path)
		path = opts->id ? opts->id : "";
	/* The launcher makes what is named, so what is named is only cleaned of what changes nothing. */
	if (path_format(raw, sizeof raw, "/%s/", path) < 0 || strstr(raw, "/../") ||
		path_clean(raw, buf, size) < 0)
		return field_invalid(&at, "'%.200s' is no path of a cgroup", path);
	return error_prefix(err, cgroup_path_check(buf, err), "linux.cgroupsPath");
}

int cgroup_compile(struct compile *c, const struct field *config)
{
	struct resources rs = { 0 };
	struct field linux_, resources;
	char path[CGROUP_PATH_MAX];
	int r;

	r = field_object(config, "linux", &linux_);
	if (r == 0)
		r = field_object(&linux_, "resources", &resources);
	if (r < 0)
		return r;
	if (!c->opts->cgroups)
		return field_count(&resources) ? field_unsupported(&resources, "there are no cgroups here")
					       : 0;
	r = compile_cgroup_path(config->json, c->opts, path, sizeof path, c->err);
	if (r < 0)
		return r;
	c->b.rec.cgroup_path = builder_str(&c->b, path);
	c->b.rec.cgroup_mark = builder_str(&c->b, c->opts->cgroup_mark);
	r = read_resources(&rs, &resources);
	if (r == 0)
		r = compile_settings(c, &resources, &rs.res);
	resources_done(&rs);
	return r < 0 ? r : devices_compile_rules(c, &resources);
}
