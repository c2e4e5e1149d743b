/* SPDX-License-Identifier: Apache-2.0 */
#include "engine/net/ports.h"

#include "engine/net/address.h"
#include "lib/base/cleanup.h"
#include "lib/base/fd.h"
#include "lib/base/path.h"
#include "lib/base/str.h"
#include "lib/json/json.h"

#include <arpa/inet.h>
#include <errno.h>
#include <fcntl.h>
#include <netinet/in.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>

/* ---- text ------------------------------------------------------------------------------ */
static const struct {
	const char *name;
	uint8_t proto;
} protos[] = { { "tcp", IPPROTO_TCP }, { "udp", IPPROTO_UDP }, { "sctp", IPPROTO_SCTP } };

const char *ports_proto_name(uint8_t proto)
{
	for (size_t i = 0; i < sizeof protos / sizeof protos[0]; i++)
		if (protos[i].proto == proto)
			return protos[i].name;
	return "";
}

static int parse_proto(const char *text, uint8_t *ret)
{
	for (size_t i = 0; i < sizeof protos / sizeof protos[0]; i++)
		if (strcasecmp(protos[i].name, text) == 0) {
			*ret = protos[i].proto;
			return 0;
		}
	return -EINVAL;
}

/* "80" or "80-90". */
static int parse_range(const char *text, uint16_t *low, uint16_t *high)
{
	char first[8];
	const char *dash = strchr(text, '-');
	size_t n = dash ? (size_t)(dash - text) : strlen(text);
	uint64_t a, b;

	if (n >= sizeof first)
		return -EINVAL;
	memcpy(first, text, n);
	first[n] = '\0';
	if (str_to_u64(first, 10, 0, 65535, &a) < 0)
		return -EINVAL;
	b = a;
	if (dash && (str_to_u64(dash + 1, 10, 1, 65535, &b) < 0 || b < a || a == 0))
		return -EINVAL;
	*low = (uint16_t)a;
	*high = (uint16_t)b;
	return 0;
}

int ports_parse(const char *text, uint8_t *ret_proto, uint16_t *ret_low, uint16_t *ret_high)
{
	char range[16];
	const char *slash = strchr(text, '/');
	size_t n = slash ? (size_t)(slash - text) : strlen(text);
	uint8_t proto = IPPROTO_TCP;

	if (n >= sizeof range || (slash && parse_proto(slash + 1, &proto) < 0))
		return -EINVAL;
	memcpy(range, text, n);
	range[n] = '\0';
	if (parse_range(range, ret_low, ret_high) < 0 || *ret_low == 0)
		return -EINVAL;
	*ret_proto = proto;
	return 0;
}

/* ---- asked for --------------------------------------------------------------------------- */
static int grow(void *list, size_t n, size_t size, struct error *err)
{
	void **v = list;

	if (n >= PORTS_MAX)
		return error_invalid(err, "more than %d ports", PORTS_MAX);
	if (n > 0 && (n & (n - 1)))
		return 0;
	void *more = reallocarray(*v, n ? n * 2 : 1, size);
	if (!more)
		return error_sys(err, ENOMEM, "cannot keep the ports");
	*v = more;
	return 0;
}

static bool is_exposed(const struct port_asks *a, uint8_t proto, uint16_t port)
{
	for (size_t i = 0; i < a->exposed_n; i++)
		if (a->exposed[i].proto == proto && a->exposed[i].port == port)
			return true;
	return false;
}

static int expose(struct port_asks *a, uint8_t proto, uint16_t port, struct error *err)
{
	if (is_exposed(a, proto, port))
		return 0;
	int r = grow(&a->exposed, a->exposed_n, sizeof *a->exposed, err);
	if (r == 0) {
		a->exposed[a->exposed_n].proto = proto;
		a->exposed[a->exposed_n++].port = port;
	}
	return r;
}

static int ask(struct port_asks *a, const struct port_ask *one, struct error *err)
{
	int r = grow(&a->v, a->n, sizeof *a->v, err);

	if (r == 0)
		a->v[a->n++] = *one;
	return r;
}

static bool is_asked(const struct port_asks *a, uint8_t proto, uint16_t port)
{
	for (size_t i = 0; i < a->n; i++)
		if (a->v[i].proto == proto && a->v[i].container == port)
			return true;
	return false;
}

/* An address of IPv6 publishes nothing here: networks have none. */
static int read_host_ip(const char *text, struct port_ask *p, bool *ret_six, struct error *err)
{
	struct in6_addr six;

	*ret_six = false;
	if (!text || !*text)
		return 0;
	if (address_parse(text, &p->host_ip) == 0) {
		p->has_ip = true;
		return 0;
	}
	if (inet_pton(AF_INET6, text, &six) != 1)
		return error_invalid(err, "invalid IP address '%s' in a port binding", text);
	*ret_six = true;
	return 0;
}

static int read_binding(struct port_asks *a, struct port_ask p, const struct json *binding,
	struct json *warnings, struct error *err)
{
	const char *ip = "", *port = "";
	bool six;
	int r = json_opt_string(binding, "HostIp", "", &ip, err);

	if (r == 0)
		r = json_opt_string(binding, "HostPort", "", &port, err);
	if (r == 0)
		r = read_host_ip(ip, &p, &six, err);
	if (r < 0)
		return r;
	if (*port && parse_range(port, &p.low, &p.high) < 0)
		return error_invalid(err, "invalid port specification: \"%s\"", port);
	if (!six)
		return ask(a, &p, err);
	char text[160];
	snprintf(text, sizeof text, "port %u is not published on %s: networks have no IPv6", p.container, ip);
	if (warnings)
		json_add_string(warnings, text);
	return 0;
}

static int read_bindings(struct port_asks *a, const char *key, const struct json *list, struct json *warnings,
	struct error *err)
{
	struct port_ask p = { 0 };
	uint16_t high;

	if (ports_parse(key, &p.proto, &p.container, &high) < 0 || p.container != high)
		return error_invalid(err, "invalid port specification: \"%s\"", key);
	int r = expose(a, p.proto, p.container, err);
	if (r < 0 || !list)
		return r < 0 ? r : ask(a, &p, err);
	r = json_expect(list, JSON_ARRAY, key, err);
	if (r == 0 && json_count(list) == 0)
		return ask(a, &p, err); /* as Docker: any port */
	for (size_t i = 0; r == 0 && i < json_count(list); i++) {
		const struct json *binding;
		r = json_item_object(list, i, &binding, err);
		if (r == 0)
			r = read_binding(a, p, binding, warnings, err);
	}
	return r;
}

static int read_exposed(struct port_asks *a, const char *key, struct error *err)
{
	uint8_t proto;
	uint16_t low, high;
	int r = 0;

	if (ports_parse(key, &proto, &low, &high) < 0)
		return error_invalid(err, "invalid port specification: \"%s\"", key);
	for (unsigned port = low; r == 0 && port <= high; port++)
		r = expose(a, proto, (uint16_t)port, err);
	return r;
}

static int publish_all(struct port_asks *a, struct error *err)
{
	int r = 0;

	for (size_t i = 0; r == 0 && i < a->exposed_n; i++) {
		const struct port_ask p = { .proto = a->exposed[i].proto, .container = a->exposed[i].port };
		if (!is_asked(a, p.proto, p.container))
			r = ask(a, &p, err);
	}
	return r;
}

int ports_read(const struct json *bindings, const struct json *exposed, bool all, struct json *warnings,
	struct port_asks *ret, struct error *err)
{
	struct port_asks a = { 0 };
	int r = bindings ? json_expect(bindings, JSON_OBJECT, "PortBindings", err) : 0;

	if (r == 0 && exposed)
		r = json_expect(exposed, JSON_OBJECT, "ExposedPorts", err);
	if (r == 0)
		json_each (bindings, it) {
			r = read_bindings(&a, it.key, it.value, warnings, err);
			if (r < 0)
				break;
		}
	if (r == 0)
		json_each (exposed, it) {
			r = read_exposed(&a, it.key, err);
			if (r < 0)
				break;
		}
	if (r == 0 && all)
		r = publish_all(&a, err);
	if (r < 0)
		ports_done(&a);
	else
		*ret = a;
	return r;
}

void ports_done(struct port_asks *a)
{
	free(a->v);
	free(a->exposed);
	*a = (struct port_asks){ 0 };
}

/* ---- reserved ----------------------------------------------------------------------------- */
static int open_socket(uint8_t proto)
{
	int type = proto == IPPROTO_UDP ? SOCK_DGRAM : SOCK_STREAM;
	int fd = socket(AF_INET, type | SOCK_CLOEXEC, proto);

	return fd < 0 ? -errno : fd;
}

/* On TCP the option is on for the bind alone: it passes connections that linger (TIME_WAIT), and off again it
 * keeps everyone else out.  On UDP it would let others in. */
static int bind_socket(int fd, uint8_t proto, uint32_t ip, uint16_t port)
{
	struct sockaddr_in a = {
		.sin_family = AF_INET, .sin_port = htons(port), .sin_addr.s_addr = htonl(ip)
	};
	const int on = 1, off = 0;

	if (proto == IPPROTO_TCP && setsockopt(fd, SOL_SOCKET, SO_REUSEADDR, &on, sizeof on) < 0)
		return -errno;
	if (bind(fd, (const struct sockaddr *)&a, sizeof a) < 0)
		return -errno;
	if (proto == IPPROTO_TCP && setsockopt(fd, SOL_SOCKET, SO_REUSEADDR, &off, sizeof off) < 0)
		return -errno;
	return 0;
}

static int try_port(const struct port_ask *ask, uint32_t ip, uint16_t port, struct port_held *ret)
{
	auto_close int fd = open_socket(ask->proto);

	if (fd < 0 && !(fd == -EPROTONOSUPPORT && ask->proto == IPPROTO_SCTP))
		return fd;
	int r = fd < 0 ? 0 : bind_socket(fd, ask->proto, ip, port);
	if (r == 0)
		*ret = (struct port_held){ .proto = ask->proto,
			.container = ask->container,
			.host = port,
			.host_ip = ip,
			.fd = fd < 0 ? -1 : take_fd(fd) };
	return r;
}

static void ephemeral_range(uint16_t *low, uint16_t *high)
{
	auto_free char *text = NULL;
	unsigned a, b;

	*low = 32768;
	*high = 60999;
	if (fd_read_file(AT_FDCWD, "/proc/sys/net/ipv4/ip_local_port_range", 64, &text, NULL) == 0 &&
		sscanf(text, "%u %u", &a, &b) == 2 && a > 0 && a <= b && b <= 65535) {
		*low = (uint16_t)a;
		*high = (uint16_t)b;
	}
}

int ports_bind(const struct port_ask *ask, uint32_t host_ip, uint16_t *next, struct port_held *ret)
{
	uint16_t low = ask->low, high = ask->high;
	bool any = low == 0;

	if (any)
		ephemeral_range(&low, &high);
	unsigned n = (unsigned)high - low + 1;
	unsigned start = any && *next >= low && *next <= high ? (unsigned)(*next - low) : 0;
	int r = -EADDRINUSE;
	for (unsigned i = 0; i < n && r == -EADDRINUSE; i++) {
		uint16_t port = (uint16_t)(low + (start + i) % n);
		r = try_port(ask, host_ip, port, ret);
		if (r == 0 && any)
			*next = (uint16_t)(port + 1);
	}
	return r;
}
