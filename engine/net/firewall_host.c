/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Beside another firewall: dockerd and others set iptables' FORWARD to drop what nobody accepted.  An accept
 * in a table of our own does not help against that, so each of our links gets two rules at the end of that
 * chain, after what others decide for links of theirs, with our comment and in the form that iptables prints.
 */
#include "engine/net/firewall_state.h"

#include "lib/base/cleanup.h"
#include "lib/base/fd.h"
#include "lib/base/log.h"

#include <endian.h>
#include <errno.h>
#include <fcntl.h>
#include <linux/netfilter/nfnetlink.h>
#include <linux/netlink.h>
#include <netlink/attr.h>
#include <netlink/msg.h>
#include <stdlib.h>
#include <string.h>

#define CHAIN "FORWARD"

static const struct nft_table filter = { NFPROTO_IPV4, "filter" };

static void ask(struct netlink_batch *b, int message, int flags)
{
	const struct nfgenmsg g = { .nfgen_family = NFPROTO_IPV4, .version = NFNETLINK_V0 };

	netlink_add(b, NFNL_SUBSYS_NFTABLES << 8 | message, flags, &g, sizeof g);
}

static int take_policy(void *ctx, const struct nlmsghdr *h)
{
	struct nlattr *a = nlmsg_find_attr(
		(struct nlmsghdr *)(uintptr_t)h, sizeof(struct nfgenmsg), NFTA_CHAIN_POLICY);

	*(bool *)ctx = a && be32toh(nla_get_u32(a)) == NF_DROP;
	return 0;
}

static bool drops(struct firewall *fw)
{
	struct netlink_batch b = { 0 };
	bool r = false;

	ask(&b, NFT_MSG_GETCHAIN, 0);
	netlink_put_text(&b, NFTA_CHAIN_TABLE, filter.name);
	netlink_put_text(&b, NFTA_CHAIN_NAME, CHAIN);
	return netlink_query(fw->nl, &b, take_policy, &r) == 0 && r;
}

/* What iptables-legacy has is in no table of nftables: it is only known to be there. */
static bool legacy_is_loaded(void)
{
	auto_free char *text = NULL;

	return fd_read_file(AT_FDCWD, "/proc/net/ip_tables_names", 4096, &text, NULL) == 0 &&
	       strstr(text, "filter");
}

/* ---- our rules there ------------------------------------------------------------------------ */
struct found {
	const struct firewall *fw;
	uint64_t *handles;
	size_t n, room;
	bool others_behind; /* a rule of another's stands behind ours */
	bool failed;
};

static bool is_ours(const struct firewall *fw, const struct nlattr *userdata)
{
	size_t n = strlen(fw->comment);

	return userdata && (size_t)nla_len(userdata) >= n + 2 &&
	       memcmp((const char *)nla_data(userdata) + 2, fw->comment, n) == 0;
}

static int take_rule(void *ctx, const struct nlmsghdr *h)
{
	struct found *f = ctx;
	struct nlattr *tb[NFTA_RULE_MAX + 1];

	if (NFNL_MSG_TYPE(h->nlmsg_type) != NFT_MSG_NEWRULE ||
		nlmsg_parse((struct nlmsghdr *)(uintptr_t)h, sizeof(struct nfgenmsg), tb, NFTA_RULE_MAX,
			NULL) < 0 ||
		!tb[NFTA_RULE_CHAIN] || strcmp(nla_data(tb[NFTA_RULE_CHAIN]), CHAIN) != 0)
		return 0;
	if (!is_ours(f->fw, tb[NFTA_RULE_USERDATA])) {
		f->others_behind |= f->n > 0;
		return 0;
	}
	if (f->n == f->room) {
		size_t room = f->room ? f->room * 2 : 16;
		uint64_t *more = reallocarray(f->handles, room, sizeof *more);
		if (!more) {
			f->failed = true;
			return 0;
		}
		f->handles = more;
		f->room = room;
	}
	if (tb[NFTA_RULE_HANDLE])
		f->handles[f->n++] = be64toh(nla_get_u64(tb[NFTA_RULE_HANDLE]));
	return 0;
}

static int find(struct firewall *fw, struct found *f)
{
	struct netlink_batch b = { 0 };

	ask(&b, NFT_MSG_GETRULE, NLM_F_DUMP);
	netlink_put_text(&b, NFTA_RULE_TABLE, filter.name);
	netlink_put_text(&b, NFTA_RULE_CHAIN, CHAIN);
	int r = netlink_query(fw->nl, &b, take_rule, f);
	return r == 0 && f->failed ? -ENOMEM : r;
}

static void put_accept(struct firewall *fw, struct netlink_batch *b, uint32_t key, const char *link)
{
	struct nft_rule r;

	nft_rule_begin(b, filter, CHAIN, fw->comment, &r);
	nft_meta(b, key, NFT_REG_1);
	nft_cmp_link(b, NFT_CMP_EQ, NFT_REG_1, link);
	nft_counter(b);
	nft_verdict(b, NF_ACCEPT, NULL);
	nft_rule_end(b, &r);
}

static int rewrite(struct firewall *fw, const struct found *f, bool wanted)
{
	struct netlink_batch b = { 0 };

	nft_begin(&b);
	for (size_t i = 0; i < f->n; i++)
		nft_delete_rule(&b, filter, CHAIN, f->handles[i]);
	for (const struct fw_network *n = fw->networks; wanted && n; n = n->next) {
		put_accept(fw, &b, NFT_META_IIFNAME, n->link);
		put_accept(fw, &b, NFT_META_OIFNAME, n->link);
	}
	bool nothing = b.n == 1;
	nft_end(&b);
	if (nothing) {
		netlink_batch_done(&b);
		return 0;
	}
	return netlink_commit(fw->nl, &b, NULL);
}

void fw_mend_forward(struct firewall *fw)
{
	struct found f = { .fw = fw };
	size_t wanted = 0;
	bool drop = drops(fw), blocked = false;

	if (drop)
		for (const struct fw_network *n = fw->networks; n; n = n->next)
			wanted += 2;
	int r = find(fw, &f);
	if (r == 0 && (f.n != wanted || f.others_behind))
		r = rewrite(fw, &f, drop);
	if (r == -ENOENT) /* no such table: nobody uses iptables */
		r = 0;
	free(f.handles);
	if (r < 0) {
		blocked = drop;
		log_warning("cannot accept gantry's networks in iptables' " CHAIN ": %s", strerror(-r));
	} else if (!drop && legacy_is_loaded() && fw->networks) {
		blocked = true;
	}
	if (blocked && !fw->blocked)
		log_warning("another firewall (iptables) may drop what is forwarded to and from containers");
	fw->blocked = blocked;
}
