// SPDX-License-Identifier: GPL-2.0
#include <arpa/inet.h>
#include <errno.h>
#include <linux/ethtool.h>
#include <linux/ethtool_netlink.h>
#include <linux/sockios.h>
#include <net/if.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>

#include "ethtool.h"
#include "genl.h"

static int ethtool_ioctl(const struct netif *dev, void *request)
{
	struct ifreq ifr = { .ifr_data = request };

	memcpy(ifr.ifr_name, dev->name, sizeof(ifr.ifr_name));
	return netif_ioctl(SIOCETHTOOL, &ifr);
}

static int set_split(const struct netif *dev, __u8 value)
{
	struct genl_request request;
	struct nlattr *header;
	struct genl genl;
	int ret;

	if (genl_open(&genl, ETHTOOL_GENL_NAME))
		return -EOPNOTSUPP;
	genl_begin(&request, ETHTOOL_MSG_RINGS_SET);
	header = genl_nest(&request, ETHTOOL_A_RINGS_HEADER);
	genl_put(&request, ETHTOOL_A_HEADER_DEV_INDEX, &dev->ifindex,
		 sizeof(dev->ifindex));
	genl_nest_end(&request, header);
	genl_put(&request, ETHTOOL_A_RINGS_TCP_DATA_SPLIT, &value,
		 sizeof(value));
	ret = genl_do(&genl, &request);
	genl_close(&genl);
	return ret;
}

int ethtool_split(const struct netif *dev)
{
	return set_split(dev, ETHTOOL_TCP_DATA_SPLIT_ENABLED);
}

int ethtool_no_split(const struct netif *dev)
{
	return set_split(dev, ETHTOOL_TCP_DATA_SPLIT_DISABLED);
}

int ethtool_descriptors(const struct netif *dev)
{
	struct ethtool_ringparam ring = { .cmd = ETHTOOL_GRINGPARAM };

	return ethtool_ioctl(dev, &ring) ?: (int)ring.rx_pending;
}

int ethtool_set_descriptors(const struct netif *dev, unsigned int count)
{
	struct ethtool_ringparam ring = { .cmd = ETHTOOL_GRINGPARAM };
	int ret;

	ret = ethtool_ioctl(dev, &ring);
	if (ret)
		return ret;
	ring.cmd = ETHTOOL_SRINGPARAM;
	ring.rx_pending = count;
	return ethtool_ioctl(dev, &ring);
}

/*
 * Write the table by which RSS chooses queues, and nothing else, for the device
 * itself or for a context. Returns the context or a negative error.
 */
static int set_table(const struct netif *dev, __u32 context, unsigned int first,
		     unsigned int count)
{
	struct ethtool_rxfh asked = { .cmd = ETHTOOL_GRSSH };
	struct ethtool_rxfh *table;
	__u32 i;
	int ret;

	ret = ethtool_ioctl(dev, &asked);
	if (ret)
		return ret;
	table = calloc(1, sizeof(*table) +
			  asked.indir_size * sizeof(table->rss_config[0]));
	if (!table)
		return -ENOMEM;
	table->cmd = ETHTOOL_SRSSH;
	table->rss_context = context;
	table->indir_size = asked.indir_size;
	for (i = 0; i < asked.indir_size; i++)
		table->rss_config[i] = first + i % count;
	ret = ethtool_ioctl(dev, table) ?: (int)table->rss_context;
	free(table);
	return ret;
}

int ethtool_spread(const struct netif *dev, unsigned int queues)
{
	return set_table(dev, ETHTOOL_NO_CONTEXT, 0, queues);
}

int ethtool_new_context(const struct netif *dev, unsigned int first,
			unsigned int count)
{
	return set_table(dev, ETH_RXFH_CONTEXT_ALLOC, first, count);
}

int ethtool_set_context(const struct netif *dev, unsigned int context,
			unsigned int first, unsigned int count)
{
	int ret = set_table(dev, context, first, count);

	return ret < 0 ? ret : 0;
}

int ethtool_delete_context(const struct netif *dev, unsigned int context)
{
	/* A table of no size means this. */
	struct ethtool_rxfh request = {
		.cmd = ETHTOOL_SRSSH,
		.rss_context = context,
	};

	return ethtool_ioctl(dev, &request);
}

/* A rule for TCP to a port, which does not say yet where it goes. */
static struct ethtool_rxnfc rule_for_port(int family, __u16 port,
					  unsigned int place)
{
	struct ethtool_rxnfc rule = {
		.cmd = ETHTOOL_SRXCLSRLINS,
		.fs.location = place,
	};

	if (family == AF_INET) {
		rule.fs.flow_type = TCP_V4_FLOW;
		rule.fs.h_u.tcp_ip4_spec.pdst = htons(port);
		rule.fs.m_u.tcp_ip4_spec.pdst = 0xffff;
	} else {
		rule.fs.flow_type = TCP_V6_FLOW;
		rule.fs.h_u.tcp_ip6_spec.pdst = htons(port);
		rule.fs.m_u.tcp_ip6_spec.pdst = 0xffff;
	}
	return rule;
}

int ethtool_steer(const struct netif *dev, int family, __u16 port,
		  unsigned int queue, unsigned int place)
{
	struct ethtool_rxnfc rule = rule_for_port(family, port, place);

	rule.fs.ring_cookie = queue;
	return ethtool_ioctl(dev, &rule);
}

int ethtool_steer_to_context(const struct netif *dev, int family, __u16 port,
			     unsigned int context, unsigned int place)
{
	struct ethtool_rxnfc rule = rule_for_port(family, port, place);

	rule.fs.flow_type |= FLOW_RSS;
	rule.rss_context = context;
	return ethtool_ioctl(dev, &rule);
}

int ethtool_unsteer(const struct netif *dev, unsigned int place)
{
	struct ethtool_rxnfc rule = {
		.cmd = ETHTOOL_SRXCLSRLDEL,
		.fs.location = place,
	};

	return ethtool_ioctl(dev, &rule);
}

bool ethtool_can_steer(const struct netif *dev)
{
	struct ethtool_rxnfc rules = { .cmd = ETHTOOL_GRXCLSRLCNT };

	return !ethtool_ioctl(dev, &rules);
}

int ethtool_channels(const struct netif *dev, unsigned int queues)
{
	struct ethtool_channels channels = { .cmd = ETHTOOL_GCHANNELS };
	int ret;

	ret = ethtool_ioctl(dev, &channels);
	if (ret)
		return ret;
	channels.cmd = ETHTOOL_SCHANNELS;
	channels.combined_count = queues;
	return ethtool_ioctl(dev, &channels);
}

static int count_statistics(const struct netif *dev)
{
	struct ethtool_drvinfo info = { .cmd = ETHTOOL_GDRVINFO };

	return ethtool_ioctl(dev, &info) ?: (int)info.n_stats;
}

long long ethtool_counter(const struct netif *dev, const char *name)
{
	struct ethtool_gstrings *names = NULL;
	struct ethtool_stats *values = NULL;
	long long value = -1;
	int i, count;

	count = count_statistics(dev);
	if (count <= 0)
		return -1;
	names = calloc(1, sizeof(*names) + count * ETH_GSTRING_LEN);
	values = calloc(1, sizeof(*values) + count * sizeof(values->data[0]));
	if (!names || !values)
		goto out;

	names->cmd = ETHTOOL_GSTRINGS;
	names->string_set = ETH_SS_STATS;
	names->len = count;
	values->cmd = ETHTOOL_GSTATS;
	values->n_stats = count;
	if (ethtool_ioctl(dev, names) || ethtool_ioctl(dev, values))
		goto out;
	for (i = 0; i < count; i++)
		if (!strncmp((char *)names->data + i * ETH_GSTRING_LEN, name,
			     ETH_GSTRING_LEN))
			value = values->data[i];
out:
	free(values);
	free(names);
	return value;
}
