/* SPDX-License-Identifier: Apache-2.0 */
/*
 * gantry-dns: answers for the names of containers on user networks, on sockets that gantryd has opened in
 * their sandboxes.  It is started by gantryd with a listening socket, outlives it, and is taken over by the
 * next one.
 */
#include "programs/gantry-dns/confine.h"
#include "programs/gantry-dns/dns.h"

#include "lib/base/fd.h"

#include <signal.h>
#include <stdlib.h>
#include <string.h>
#include <sys/epoll.h>
#include <sys/prctl.h>
#include <sys/random.h>

/* No stdio: it is small. */
static int fail(const char *what, int r)
{
	const char *parts[] = { "gantry-dns: ", what, ": ", strerror(-r), "\n" };

	for (size_t i = 0; i < sizeof parts / sizeof parts[0]; i++)
		fd_write_all(2, parts[i], strlen(parts[i]));
	return 1;
}

int main(void)
{
	static struct dns d;
	unsigned seed = 1;

	prctl(PR_SET_NAME, "gantry-dns");
	signal(SIGPIPE, SIG_IGN);
	signal(SIGHUP, SIG_IGN);
	if (getrandom(&seed, sizeof seed, GRND_NONBLOCK) == sizeof seed)
		srand(seed); /* the order of several addresses; ids have their own randomness */
	int r = loop_open(&d);
	if (r == 0)
		r = control_open(&d);
	if (r < 0)
		return fail("cannot begin", r);
	d.listener.ready = control_accept;
	r = source_add(&d, &d.listener, PROTO_DNS_LISTEN_FD, EPOLLIN);
	if (r < 0)
		return fail("it is started by gantryd, with a socket", r);
	r = confine();
	if (r < 0)
		return fail("cannot give up privileges", r);
	r = loop_run(&d);
	return r < 0 ? fail("cannot go on", r) : 0;
}
