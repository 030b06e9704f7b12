#include "sandbox/internal.h"
#include "sandbox/netlink.h"

#include <arpa/inet.h>
#include <linux/netfilter.h>
#include <linux/netfilter/nf_tables.h>
#include <linux/netfilter/nfnetlink.h>
#include <linux/netfilter_ipv4.h>
#include <netinet/in.h>
#include <string.h>
#include <sys/socket.h>

/*
 * Where more ports are allowed than get a socket each, one socket takes the connections to every
 * port. As `nft` would write it:
 *
 *   table inet parclose {
 *     chain prerouting {
 *       type filter hook prerouting priority mangle;
 *       ip daddr 127.0.0.0/8 accept
 *       ip6 daddr ::1 accept
 *       meta l4proto tcp tproxy to :SANDBOX_EVERY_PORT
 *     }
 *   }
 *
 * A transparent proxy's rule, not a redirection: no address is changed and no connection tracked,
 * and the accepted socket's own address is the one that was dialled.
 */

#define TABLE "parclose"
#define CHAIN "prerouting"

static void begin(struct netlink *netlink, unsigned int type, uint16_t flags) {
	const struct nfgenmsg fixed = {.nfgen_family = NFPROTO_INET, .version = NFNETLINK_V0};
	netlink_begin(netlink, (uint16_t)((NFNL_SUBSYS_NFTABLES << 8) | type),
		(uint16_t)(flags | NLM_F_ACK), &fixed, sizeof(fixed));
}

static void mark(struct netlink *netlink, uint16_t type) {
	const struct nfgenmsg fixed = {
		.nfgen_family = AF_UNSPEC,
		.version = NFNETLINK_V0,
		.res_id = htons(NFNL_SUBSYS_NFTABLES),
	};
	netlink_begin(netlink, type, 0, &fixed, sizeof(fixed));
}

// ---- expressions of a rule

struct expression {
	size_t element, data;
};

static struct expression begin_expression(struct netlink *netlink, const char *name) {
	struct expression expression = {.element = netlink_enter(netlink, NFTA_LIST_ELEM)};
	netlink_put_string(netlink, NFTA_EXPR_NAME, name);
	expression.data = netlink_enter(netlink, NFTA_EXPR_DATA);
	return expression;
}

static void end_expression(struct netlink *netlink, struct expression expression) {
	netlink_leave(netlink, expression.data);
	netlink_leave(netlink, expression.element);
}

static void put_value(
	struct netlink *netlink, uint16_t attribute, const void *value, size_t value_len) {
	size_t place = netlink_enter(netlink, attribute);
	netlink_put(netlink, NFTA_DATA_VALUE, value, value_len);
	netlink_leave(netlink, place);
}

static void load_meta(struct netlink *netlink, uint32_t key) {
	struct expression expression = begin_expression(netlink, "meta");
	netlink_put_be32(netlink, NFTA_META_KEY, key);
	netlink_put_be32(netlink, NFTA_META_DREG, NFT_REG_1);
	end_expression(netlink, expression);
}

static void load_header(struct netlink *netlink, uint32_t offset, uint32_t len) {
	struct expression expression = begin_expression(netlink, "payload");
	netlink_put_be32(netlink, NFTA_PAYLOAD_DREG, NFT_REG_1);
	netlink_put_be32(netlink, NFTA_PAYLOAD_BASE, NFT_PAYLOAD_NETWORK_HEADER);
	netlink_put_be32(netlink, NFTA_PAYLOAD_OFFSET, offset);
	netlink_put_be32(netlink, NFTA_PAYLOAD_LEN, len);
	end_expression(netlink, expression);
}

static void match(struct netlink *netlink, const void *value, size_t len) {
	struct expression expression = begin_expression(netlink, "cmp");
	netlink_put_be32(netlink, NFTA_CMP_SREG, NFT_REG_1);
	netlink_put_be32(netlink, NFTA_CMP_OP, NFT_CMP_EQ);
	put_value(netlink, NFTA_CMP_DATA, value, len);
	end_expression(netlink, expression);
}

static void accept_packet(struct netlink *netlink) {
	struct expression expression = begin_expression(netlink, "immediate");
	netlink_put_be32(netlink, NFTA_IMMEDIATE_DREG, NFT_REG_VERDICT);
	size_t data = netlink_enter(netlink, NFTA_IMMEDIATE_DATA);
	size_t verdict = netlink_enter(netlink, NFTA_DATA_VERDICT);
	netlink_put_be32(netlink, NFTA_VERDICT_CODE, NF_ACCEPT);
	netlink_leave(netlink, verdict);
	netlink_leave(netlink, data);
	end_expression(netlink, expression);
}

static void lead_to(struct netlink *netlink, uint16_t port) {
	const uint16_t wire = htons(port);
	struct expression expression = begin_expression(netlink, "immediate");
	netlink_put_be32(netlink, NFTA_IMMEDIATE_DREG, NFT_REG_1);
	put_value(netlink, NFTA_IMMEDIATE_DATA, &wire, sizeof(wire));
	end_expression(netlink, expression);
	expression = begin_expression(netlink, "tproxy");
	netlink_put_be32(netlink, NFTA_TPROXY_FAMILY, NFPROTO_UNSPEC);
	netlink_put_be32(netlink, NFTA_TPROXY_REG_PORT, NFT_REG_1);
	end_expression(netlink, expression);
}

// ---- the rules

static size_t begin_rule(struct netlink *netlink) {
	begin(netlink, NFT_MSG_NEWRULE, NLM_F_CREATE | NLM_F_APPEND);
	netlink_put_string(netlink, NFTA_RULE_TABLE, TABLE);
	netlink_put_string(netlink, NFTA_RULE_CHAIN, CHAIN);
	return netlink_enter(netlink, NFTA_RULE_EXPRESSIONS);
}

static void put_chain(struct netlink *netlink) {
	begin(netlink, NFT_MSG_NEWTABLE, NLM_F_CREATE | NLM_F_EXCL);
	netlink_put_string(netlink, NFTA_TABLE_NAME, TABLE);
	begin(netlink, NFT_MSG_NEWCHAIN, NLM_F_CREATE | NLM_F_EXCL);
	netlink_put_string(netlink, NFTA_CHAIN_TABLE, TABLE);
	netlink_put_string(netlink, NFTA_CHAIN_NAME, CHAIN);
	size_t hook = netlink_enter(netlink, NFTA_CHAIN_HOOK);
	netlink_put_be32(netlink, NFTA_HOOK_HOOKNUM, NF_INET_PRE_ROUTING);
	netlink_put_be32(netlink, NFTA_HOOK_PRIORITY, (uint32_t)NF_IP_PRI_MANGLE);
	netlink_leave(netlink, hook);
	netlink_put_string(netlink, NFTA_CHAIN_TYPE, "filter");
}

static void put_rules(struct netlink *netlink) {
	const uint8_t v4 = NFPROTO_IPV4, v6 = NFPROTO_IPV6, tcp = IPPROTO_TCP, first = 127;
	const struct in6_addr loopback = IN6ADDR_LOOPBACK_INIT;
	size_t rule = begin_rule(netlink);
	load_meta(netlink, NFT_META_NFPROTO);
	match(netlink, &v4, sizeof(v4));
	load_header(netlink, 16, 1); // the first byte of the destination (RFC 791 section 3.1)
	match(netlink, &first, sizeof(first));
	accept_packet(netlink);
	netlink_leave(netlink, rule);

	rule = begin_rule(netlink);
	load_meta(netlink, NFT_META_NFPROTO);
	match(netlink, &v6, sizeof(v6));
	load_header(netlink, 24, 16); // the destination (RFC 8200 section 3)
	match(netlink, &loopback, sizeof(loopback));
	accept_packet(netlink);
	netlink_leave(netlink, rule);

	rule = begin_rule(netlink);
	load_meta(netlink, NFT_META_L4PROTO);
	match(netlink, &tcp, sizeof(tcp));
	lead_to(netlink, SANDBOX_EVERY_PORT);
	netlink_leave(netlink, rule);
}

int redirect_every_port(void) {
	struct netlink netlink;
	int ret = netlink_open(&netlink, NETLINK_NETFILTER);
	if (ret < 0) {
		return ret;
	}
	mark(&netlink, NFNL_MSG_BATCH_BEGIN);
	put_chain(&netlink);
	put_rules(&netlink);
	mark(&netlink, NFNL_MSG_BATCH_END);
	ret = netlink_send(&netlink);
	netlink_close(&netlink);
	return ret;
}
