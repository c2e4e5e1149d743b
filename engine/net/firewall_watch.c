/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Hears what others do to rules.  A change of our tables that is not ours has the whole written again, a
 * tenth of a second after the last (who flushes flushes several things); a change of what iptables writes has
 * FORWARD looked at.
 */
#include "engine/net/firewall_state.h"

#include "lib/base/clock.h"
#include "lib/base/log.h"

#include <errno.h>
#include <linux/netfilter/nfnetlink.h>
#include <linux/netlink.h>
#include <netlink/attr.h>
#include <netlink/msg.h>
#include <poll.h>
#include <signal.h>
#include <string.h>
#include <sys/eventfd.h>
#include <unistd.h>

#define QUIET_MS   100
#define PATIENCE_S 1 /* at most from the first change to the mending */

struct heard {
	const struct firewall *fw;
	bool ours, host;
};

/* In every message of the group the first attribute is the table's name. */
static int hear(void *ctx, const struct nlmsghdr *h)
{
	struct heard *heard = ctx;
	struct nlattr *a;

	if (NFNL_SUBSYS_ID(h->nlmsg_type) != NFNL_SUBSYS_NFTABLES ||
		h->nlmsg_pid == netlink_port(heard->fw->nl) || NFNL_MSG_TYPE(h->nlmsg_type) == NFT_MSG_NEWGEN)
		return 0;
	a = nlmsg_find_attr((struct nlmsghdr *)(uintptr_t)h, sizeof(struct nfgenmsg), 1);
	if (!a || nla_len(a) < 1)
		return 0;
	if (strncmp(nla_data(a), heard->fw->table, (size_t)nla_len(a)) == 0)
		heard->ours = true;
	else if (strncmp(nla_data(a), "filter", (size_t)nla_len(a)) == 0)
		heard->host = true;
	return 0;
}

static void mend(struct firewall *fw, const struct heard *heard)
{
	struct error err = ERROR_INIT;

	pthread_mutex_lock(&fw->lock);
	if (heard->ours) {
		log_warning("the firewall was changed by another program: gantry's rules are written again");
		if (fw_write_all(fw, &err) < 0)
			log_error("%s", err.text);
	} else if (fw->settled) {
		fw_mend_forward(fw);
	}
	pthread_mutex_unlock(&fw->lock);
}

static void *watch(void *arg)
{
	struct firewall *fw = arg;
	struct pollfd fds[2] = { { .fd = netlink_fd(fw->events), .events = POLLIN },
		{ .fd = fw->stop, .events = POLLIN } };
	struct heard heard = { .fw = fw };
	int64_t deadline = 0;

	for (;;) {
		bool pending = heard.ours || heard.host;
		int n = poll(fds, 2, pending ? QUIET_MS : -1);
		if (fds[1].revents)
			return NULL;
		if (n > 0 && netlink_drain(fw->events, hear, &heard) == -ENOBUFS)
			heard.ours = true; /* what was lost may have been ours */
		if (!pending && (heard.ours || heard.host))
			deadline = clock_mono_ns() + PATIENCE_S * CLOCK_S / 2;
		if (pending && (n == 0 || clock_mono_ns() >= deadline)) {
			mend(fw, &heard);
			heard.ours = heard.host = false;
		}
	}
}

int fw_watch(struct firewall *fw, struct error *err)
{
	sigset_t all, old;
	int r = netlink_open(NETLINK_NETFILTER, &fw->events, err);

	if (r < 0)
		return r;
	r = netlink_join(fw->events, NFNLGRP_NFTABLES);
	fw->stop = r == 0 ? eventfd(0, EFD_CLOEXEC) : -1;
	if (r == 0 && fw->stop < 0)
		r = -errno;
	if (r == 0) {
		sigfillset(&all);
		pthread_sigmask(SIG_SETMASK, &all, &old);
		r = -pthread_create(&fw->thread, NULL, watch, fw);
		pthread_sigmask(SIG_SETMASK, &old, NULL);
		fw->watching = r == 0;
	}
	if (r < 0)
		fw_unwatch(fw);
	return r < 0 ? error_sys(err, -r, "cannot watch the firewall") : 0;
}

void fw_unwatch(struct firewall *fw)
{
	if (fw->watching) {
		eventfd_write(fw->stop, 1);
		pthread_join(fw->thread, NULL);
		fw->watching = false;
	}
	netlink_close(fw->events);
	fw->events = NULL;
	if (fw->stop >= 0)
		close(fw->stop);
	fw->stop = -1;
}
