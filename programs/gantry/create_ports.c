/* SPDX-License-Identifier: Apache-2.0 */
/* --publish and --expose, as docker/go-connections reads them. */
#include "lib/base/cleanup.h"
#include "lib/base/str.h"
#include "lib/json/json.h"
#include "programs/gantry/cli.h"
#include "programs/gantry/create_body.h"
#include "programs/gantry/members.h"

#include <arpa/inet.h>
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

struct range {
	uint64_t first, last;
};

static int parse_range(const char *text, struct range *ret)
{
	auto_free char *first = strndup(text, strcspn(text, "-"));
	const char *dash = strchr(text, '-');
	struct range r;

	if (!first || str_to_u64(first, 10, 0, 65535, &r.first) < 0)
		return -EINVAL;
	r.last = r.first;
	if (dash && str_to_u64(dash + 1, 10, r.first, 65535, &r.last) < 0)
		return -EINVAL;
	*ret = r;
	return 0;
}

static bool is_protocol(const char *text)
{
	return strcmp(text, "tcp") == 0 || strcmp(text, "udp") == 0 || strcmp(text, "sctp") == 0;
}

/* A spec in parts. Parts point into one copy. */
struct spec {
	char *copy;
	const char *ip, *host, *container, *protocol;
};

/* "[ip:][host:]container[/protocol]" */
static int split_spec(const char *text, struct spec *s)
{
	*s = (struct spec){ .copy = strdup(text), .ip = "", .host = "", .protocol = "tcp" };
	if (!s->copy)
		return -ENOMEM;
	char *slash = strchr(s->copy, '/');
	if (slash) {
		*slash = '\0';
		s->protocol = slash[1] ? slash + 1 : "tcp";
		for (char *p = slash + 1; *p; p++)
			*p = *p >= 'A' && *p <= 'Z' ? (char)(*p | 0x20) : *p;
	}
	char *colon = strrchr(s->copy, ':');
	s->container = s->copy;
	if (!colon)
		return 0;
	*colon = '\0';
	s->container = colon + 1;
	s->host = s->copy;
	colon = strrchr(s->copy, ':');
	if (!colon)
		return 0;
	*colon = '\0';
	s->host = colon + 1;
	s->ip = s->copy;
	return 0;
}

static int check_ip(const struct create_input *in, const char *ip, char buf[INET6_ADDRSTRLEN])
{
	size_t n = strlen(ip);
	struct in6_addr six;
	struct in_addr four;

	buf[0] = '\0';
	if (n == 0)
		return 0;
	if (ip[0] == '[' && ip[n - 1] == ']' && n < INET6_ADDRSTRLEN + 2) {
		memcpy(buf, ip + 1, n - 2);
		buf[n - 2] = '\0';
		if (inet_pton(AF_INET6, buf, &six) == 1)
			return 0;
	} else if (strchr(ip, ':')) {
		return error_invalid(
			in->err, "Invalid ip address %.100s: write an IPv6 address in brackets", ip);
	} else if (n < INET6_ADDRSTRLEN && inet_pton(AF_INET, ip, &four) == 1) {
		memcpy(buf, ip, n + 1);
		return 0;
	}
	return error_invalid(in->err, "Invalid ip address: %.100s", ip);
}

static void expose(struct json *config, const char *port)
{
	members_object(members_object(config, "ExposedPorts"), port);
}

static void bind_port(struct json *host, const char *port, const char *ip, const char *host_port)
{
	struct json *entry = json_add_object(members_array(members_object(host, "PortBindings"), port));

	json_set_string(entry, "HostIp", ip);
	json_set_string(entry, "HostPort", host_port);
}

static void publish_range(const struct spec *s, const char *ip, struct range inside,
	const struct range *outside, struct json *config, struct json *host)
{
	char port[32], host_port[16] = "";

	for (uint64_t i = 0; i <= inside.last - inside.first; i++) {
		snprintf(port, sizeof port, "%u/%s", (unsigned)(inside.first + i), s->protocol);
		/* one port inside takes any of a range outside */
		if (outside && inside.first == inside.last && outside->first != outside->last)
			snprintf(host_port, sizeof host_port, "%u-%u", (unsigned)outside->first,
				(unsigned)outside->last);
		else if (outside)
			snprintf(host_port, sizeof host_port, "%u", (unsigned)(outside->first + i));
		expose(config, port);
		bind_port(host, port, ip, host_port);
	}
}

static int publish_split(const struct create_input *in, const struct spec *s, const char *text,
	struct json *config, struct json *host)
{
	char ip[INET6_ADDRSTRLEN];
	struct range inside, outside;
	bool has_outside = s->host[0] != '\0';

	if (!s->container[0])
		return error_invalid(in->err, "No port specified: %.100s<empty>", text);
	if (check_ip(in, s->ip, ip) < 0)
		return -EINVAL;
	if (parse_range(s->container, &inside) < 0)
		return error_invalid(in->err, "Invalid containerPort: %.100s", s->container);
	if (has_outside && parse_range(s->host, &outside) < 0)
		return error_invalid(in->err, "Invalid hostPort: %.100s", s->host);
	if (has_outside && outside.last - outside.first != inside.last - inside.first &&
		inside.first != inside.last)
		return error_invalid(in->err,
			"Invalid ranges specified for container and host Ports: %.40s and %.40s",
			s->container, s->host);
	if (!is_protocol(s->protocol))
		return error_invalid(in->err, "Invalid proto: %.100s", s->protocol);
	publish_range(s, ip, inside, has_outside ? &outside : NULL, config, host);
	return 0;
}

/* "target=80,published=8080,protocol=udp" as a spec. */
static int long_spec(const struct create_input *in, const char *text, struct str *spec)
{
	char **fields = NULL;
	const char *target = "", *published = "", *protocol = "tcp";
	int r = create_csv(text, &fields);

	for (size_t i = 0; r == 0 && fields[i]; i++) {
		const char *v;
		if ((v = str_after(fields[i], "target=")))
			target = v;
		else if ((v = str_after(fields[i], "published=")))
			published = v;
		else if ((v = str_after(fields[i], "protocol=")))
			protocol = v;
		else if (!str_after(fields[i], "mode="))
			r = create_refuse(in, "publish", text, "invalid field %.100s", fields[i]);
	}
	if (r == 0 && !target[0])
		r = create_refuse(in, "publish", text, "target port is missing");
	if (r == 0)
		str_addf(spec, "%s%s%s/%s", published, published[0] ? ":" : "", target, protocol);
	str_list_free(fields);
	return r;
}

static int publish(const struct create_input *in, const char *text, struct json *config, struct json *host)
{
	auto_str struct str spec = STR_INIT(4096);
	struct spec s;

	if (strchr(text, '=')) {
		int r = long_spec(in, text, &spec);
		if (r < 0)
			return r;
		text = str_text(&spec);
	}
	if (split_spec(text, &s) < 0)
		return error_sys(in->err, ENOMEM, "cannot read --publish");
	int r = publish_split(in, &s, text, config, host);
	free(s.copy);
	return r;
}

static int expose_spec(const struct create_input *in, const char *text, struct json *config)
{
	struct spec s;
	struct range r;
	char port[32];
	int result = 0;

	if (strchr(text, ':'))
		return error_invalid(in->err, "invalid port format for --expose: %.100s", text);
	if (split_spec(text, &s) < 0)
		return error_sys(in->err, ENOMEM, "cannot read --expose");
	if (parse_range(s.container, &r) < 0 || !is_protocol(s.protocol))
		result = error_invalid(in->err, "invalid range format for --expose: %.100s", text);
	for (uint64_t i = r.first; result == 0 && i <= r.last; i++) {
		snprintf(port, sizeof port, "%u/%s", (unsigned)i, s.protocol);
		expose(config, port);
	}
	free(s.copy);
	return result;
}

int create_ports(const struct create_input *in, struct json *config, struct json *host)
{
	int r = 0;

	for (size_t i = 0; i < in->o->publish.n && r == 0; i++)
		r = publish(in, in->o->publish.v[i], config, host);
	for (size_t i = 0; i < in->o->expose.n && r == 0; i++)
		r = expose_spec(in, in->o->expose.v[i], config);
	return r;
}
