/* SPDX-License-Identifier: Apache-2.0 */
/* gantryd: options, one engine, one server, and an orderly end.  Containers run on without it. */
#include "api/http/server.h"
#include "api/routes/routes.h"
#include "engine/container/container.h"
#include "engine/engine.h"
#include "engine/net/net.h"
#include "lib/base/cleanup.h"
#include "lib/base/fd.h"
#include "lib/base/log.h"
#include "programs/gantryd/config.h"
#include "programs/gantryd/listen.h"

#include <errno.h>
#include <fcntl.h>
#include <malloc.h>
#include <signal.h>
#include <stdio.h>
#include <string.h>
#include <sys/file.h>
#include <sys/prctl.h>
#include <sys/resource.h>
#include <sys/stat.h>

#define STOP_MS 10000

static int fail(const struct error *err)
{
	log_error("%s", err->text);
	return 1;
}

static void report(void *user, const char *text)
{
	(void)user;
	log_warning("%s", text);
}

/* Held and locked for the daemon's life: a second daemon says who is there. */
static int take_pidfile(const char *path, struct error *err)
{
	char text[16];
	auto_close int fd = open(path, O_RDWR | O_CREAT | O_CLOEXEC | O_NOFOLLOW, 0644);

	if (fd < 0)
		return error_sys(err, errno, "cannot open the pid file '%s'", path);
	if (flock(fd, LOCK_EX | LOCK_NB) < 0)
		return error_set(err, ERROR_CONFLICT, EEXIST,
			"pid file '%s' is locked: is another gantryd running? (--pidfile, --data-root and "
			"--exec-root keep two apart)",
			path);
	int n = snprintf(text, sizeof text, "%d\n", (int)getpid());
	if (ftruncate(fd, 0) < 0 || fd_write_all(fd, text, (size_t)n) < 0)
		return error_sys(err, errno, "cannot write the pid file '%s'", path);
	return take_fd(fd);
}

static void set_up_process(const struct config *c)
{
	enum log_level level = LOG_INFO;
	enum log_format format = LOG_TEXT;
	struct rlimit files;

	log_parse_level(c->log_level, &level);
	log_parse_format(c->log_format, &format);
	log_set_level(c->debug ? LOG_DEBUG : level);
	log_set_format(format);
	umask(0022);
	prctl(PR_SET_DUMPABLE, 0);
	mallopt(M_ARENA_MAX, 2);
	if (getrlimit(RLIMIT_NOFILE, &files) == 0 && files.rlim_cur < files.rlim_max) {
		files.rlim_cur = files.rlim_max;
		setrlimit(RLIMIT_NOFILE, &files);
	}
}

static void block_signals(sigset_t *ret)
{
	sigemptyset(ret);
	sigaddset(ret, SIGTERM);
	sigaddset(ret, SIGINT);
	sigaddset(ret, SIGQUIT);
	sigprocmask(SIG_BLOCK, ret, NULL);
	signal(SIGPIPE, SIG_IGN);
	signal(SIGHUP, SIG_IGN);
}

static struct net_config net_config(const struct config *c)
{
	return (struct net_config){ .bridge = c->bridge,
		.bip = c->bip,
		.fixed_cidr = c->fixed_cidr,
		.default_gateway = c->default_gateway,
		.ip = c->ip,
		.host_gateway_ip = c->host_gateway_ip,
		.pools = c->pools.v,
		.n_pools = c->pools.n,
		.dns = c->dns.v,
		.n_dns = c->dns.n,
		.dns_search = c->dns_search.v,
		.n_dns_search = c->dns_search.n,
		.dns_opt = c->dns_opts.v,
		.n_dns_opt = c->dns_opts.n,
		.mtu = (uint32_t)c->mtu,
		.no_icc = !c->icc,
		.no_firewall = !c->iptables,
		.no_forward = !c->ip_forward,
		.no_masquerade = !c->ip_masq };
}

static struct engine_config engine_config(const struct config *c, const struct net_config *net)
{
	static const char *const peercred[] = { "peercred" };

	return (struct engine_config){ .data_root = c->data_root,
		.exec_root = c->exec_root,
		.plugin_dirs = c->plugin_dirs.v,
		.n_plugin_dirs = c->plugin_dirs.n,
		.storage_driver = c->storage_driver,
		.storage_opts = c->storage_opts.v,
		.n_storage_opts = c->storage_opts.n,
		.labels = c->labels.v,
		.n_labels = c->labels.n,
		.auth = c->auth.n ? c->auth.v : peercred,
		.n_auth = c->auth.n ? c->auth.n : 1,
		.auth_group = c->group,
		.net = net,
		.debug = c->debug };
}

static int serve(const struct config *c, struct engine *engine, int inherited, const sigset_t *signals,
	struct error *err)
{
	struct routes routes = { .engine = engine };
	struct server_config config = { .user = &routes,
		.headers = routes_headers(),
		.admit = routes_admit,
		.report = report,
		.limits = { .stack_size = 256u << 10 } };
	struct server *server;
	int sig;

	config.routes = routes_table(&config.nroutes);
	int r = server_new(&config, &server, err);
	if (r < 0)
		return r;
	r = listen_all(c, inherited, server, err);
	if (r == 0)
		r = server_start(server, err);
	if (r < 0) {
		server_free(server);
		return r;
	}
	log_info("Daemon has completed initialization");
	sigwait(signals, &sig);
	log_info("Processing signal '%s'", strsignal(sig));
	if (c->shutdown_containers)
		containers_stop_all(engine->containers, (int64_t)c->shutdown_timeout);
	if (server_stop(server, STOP_MS) < 0) {
		log_warning("a request did not end in time: it is cut off");
		return 0; /* its handler still uses the server and the engine */
	}
	server_free(server);
	return 0;
}

static int run(const struct config *c)
{
	struct error err = ERROR_INIT;
	struct engine *engine = NULL;
	sigset_t signals;
	int inherited = listener_inherited();

	set_up_process(c);
	block_signals(&signals);
	auto_close int pidfile = take_pidfile(c->pidfile, &err);
	if (pidfile < 0)
		return fail(&err);
	struct net_config net = net_config(c);
	struct engine_config config = engine_config(c, &net);
	int r = engine_open(&config, &engine, &err);
	if (r == 0)
		r = serve(c, engine, inherited, &signals, &err);
	engine_close(engine);
	unlink(c->pidfile);
	return r < 0 ? fail(&err) : 0;
}

static int start(const struct command_call *call)
{
	struct config *c = call->options.into;
	struct options options = call->options;
	struct error err = ERROR_INIT;
	int status;

	if (c->version) {
		puts("gantryd version " GANTRY_VERSION);
		return 0;
	}
	if (config_load(c, &options, &err) < 0)
		status = fail(&err);
	else if (c->validate)
		status = puts("configuration OK") == EOF;
	else
		status = run(c);
	config_done(c);
	return status;
}

static const struct command root = { .name = "gantryd",
	.usage = "[OPTIONS]",
	.help = "A self-sufficient runtime for containers.",
	.options = config_options,
	.size = sizeof(struct config),
	.defaults = &config_defaults,
	.run = start };

int main(int argc, char **argv)
{
	return command_main(&root, NULL, argc, argv);
}
