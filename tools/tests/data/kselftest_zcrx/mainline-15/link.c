// SPDX-License-Identifier: GPL-2.0
#define _GNU_SOURCE
#include <arpa/inet.h>
#include <errno.h>
#include <fcntl.h>
#include <linux/ipv6.h>
#include <net/if_arp.h>
#include <sched.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/ioctl.h>
#include <unistd.h>

#include "ethtool.h"
#include "link.h"

#define TX_ADDRESS_4	"10.0.0.1"
#define RX_ADDRESS_4	"10.0.0.2"
#define NETMASK_4	"255.255.255.0"
#define TX_ADDRESS_6	"fd00::1"
#define RX_ADDRESS_6	"fd00::2"
#define PREFIX_LEN_6	64

static int set_address(int fd, const struct netif *dev, unsigned long request,
		       const char *text)
{
	struct sockaddr_in address = { .sin_family = AF_INET };
	struct ifreq ifr = {};

	inet_pton(AF_INET, text, &address.sin_addr);
	memcpy(ifr.ifr_name, dev->name, sizeof(ifr.ifr_name));
	memcpy(&ifr.ifr_addr, &address, sizeof(address));
	return ioctl(fd, request, &ifr) ? -errno : 0;
}

static int add_address_4(const struct netif *dev, const char *text)
{
	int fd, ret;

	fd = socket(AF_INET, SOCK_DGRAM, 0);
	if (fd < 0)
		return -errno;
	ret = set_address(fd, dev, SIOCSIFADDR, text) ?:
	      set_address(fd, dev, SIOCSIFNETMASK, NETMASK_4);
	close(fd);
	return ret;
}

static int add_address_6(const struct netif *dev, const char *text)
{
	struct in6_ifreq ifr = {
		.ifr6_prefixlen = PREFIX_LEN_6,
		.ifr6_ifindex = dev->ifindex,
	};
	int fd, ret;

	inet_pton(AF_INET6, text, &ifr.ifr6_addr);
	fd = socket(AF_INET6, SOCK_DGRAM, 0);
	if (fd < 0)
		return -errno;
	ret = ioctl(fd, SIOCSIFADDR, &ifr) ? -errno : 0;
	close(fd);
	return ret;
}

static int netns_open(int *netns)
{
	char room[64];

	if (unshare(CLONE_NEWNET))
		return -errno;
	*netns = open("/proc/self/ns/net", O_RDONLY | O_CLOEXEC);
	if (*netns < 0)
		return -errno;
	snprintf(room, sizeof(room), "4096 131072 %d", LINK_SOCKET_ROOM);
	/* Nobody else is there: an address can be used at once. */
	return write_file("/proc/sys/net/ipv6/conf/default/accept_dad", "0") ?:
	       write_file("/proc/sys/net/ipv4/tcp_rmem", room);
}

/* A device in its namespace, a new one if need be, which the caller enters. */
static int end_open(struct netif *dev, int *netns)
{
	int ret = *netns < 0 ? netns_open(netns) : 0;

	return ret ?: netif_new(dev);
}

static int end_set_addresses(const struct netif *dev, const char *address_4,
			     const char *address_6)
{
	return add_address_4(dev, address_4) ?: add_address_6(dev, address_6);
}

const char *link_missing(void)
{
	return netif_no_netdevsim() ? "no netdevsim" : NULL;
}

/* Always the same, so that the sender need not learn it again. */
static int set_mac_address(struct netif *dev)
{
	struct ifreq ifr = {
		.ifr_hwaddr = {
			.sa_family = ARPHRD_ETHER,
			.sa_data = { 0x02, 0, 0, 0, 0, 0x02 },
		},
	};

	memcpy(ifr.ifr_name, dev->name, sizeof(ifr.ifr_name));
	return netif_set_up(dev, false) ?: netif_ioctl(SIOCSIFHWADDR, &ifr) ?:
	       netif_set_up(dev, true);
}

/* The receiving end, and the wire to the other one that is there. */
static int open_rx(struct link *link)
{
	int ret;

	ret = end_open(&link->rx, &link->rx_netns);
	if (ret)
		return ret;
	ret = set_mac_address(&link->rx);
	if (ret)
		return ret;
	ret = end_set_addresses(&link->rx, RX_ADDRESS_4, RX_ADDRESS_6);
	if (ret)
		return ret;
	ret = netif_connect(&link->tx, link->tx_netns, &link->rx,
			    link->rx_netns);
	if (ret)
		return ret;
	/* What is not steered keeps to the queues below. */
	return ethtool_spread(&link->rx, 1);
}

/*
 * Packets that were read are freed by the CPU that received them, when it next
 * polls: a small area may wait for its buffers for ever. The switch is the
 * host's, not the namespace's.
 */
static void free_packets_at_once(void)
{
	write_file("/proc/sys/net/core/skb_defer_max", "0");
}

int link_open(struct link *link)
{
	int ret;

	memset(link, 0, sizeof(*link));
	link->rx_netns = -1;
	link->tx_netns = -1;
	free_packets_at_once();
	ret = end_open(&link->tx, &link->tx_netns);
	if (ret)
		return ret;
	ret = end_set_addresses(&link->tx, TX_ADDRESS_4, TX_ADDRESS_6);
	if (ret)
		return ret;
	return open_rx(link);
}

int link_close(struct link *link)
{
	int tx = netif_close(&link->tx);

	return netif_close(&link->rx) ?: tx;
}

int link_renew(struct link *link)
{
	int ret;

	ret = netif_close(&link->rx);
	return ret ?: open_rx(link);
}

int link_leave(struct link *link)
{
	char path[64];
	int fd, ret;

	snprintf(path, sizeof(path), "/proc/%d/ns/net", getppid());
	fd = open(path, O_RDONLY | O_CLOEXEC);
	if (fd < 0)
		return -errno;
	ret = setns(fd, CLONE_NEWNET) ? -errno : 0;
	close(fd);
	close(link->rx_netns);
	link->rx_netns = -1;
	return ret;
}

int link_steer(struct link *link)
{
	return ethtool_steer(&link->rx, AF_INET, LINK_PORT, LINK_QUEUE, 0) ?:
	       ethtool_steer(&link->rx, AF_INET6, LINK_PORT, LINK_QUEUE, 1);
}

int link_steer_to_context(struct link *link, unsigned int context)
{
	return ethtool_steer_to_context(&link->rx, AF_INET, LINK_PORT, context,
					0) ?:
	       ethtool_steer_to_context(&link->rx, AF_INET6, LINK_PORT, context,
					1);
}

int link_unsteer(struct link *link)
{
	return ethtool_unsteer(&link->rx, 0) ?: ethtool_unsteer(&link->rx, 1);
}

int link_enter_sender(const struct link *link)
{
	return setns(link->tx_netns, CLONE_NEWNET) ? -errno : 0;
}

int link_enter_receiver(const struct link *link)
{
	return setns(link->rx_netns, CLONE_NEWNET) ? -errno : 0;
}

int link_send_small(const struct link *link)
{
	char command[64];
	int ret;

	/* TCP makes large packets, whatever the device does with them. */
	snprintf(command, sizeof(command), "ip link set %s gso_max_segs 1",
		 link->tx.name);
	ret = link_enter_sender(link);
	if (!ret && system(command))
		ret = -EOPNOTSUPP;
	return link_enter_receiver(link) ?: ret;
}

int link_set_mtu(const struct link *link, int mtu)
{
	int ret = link_enter_sender(link) ?: netif_set_mtu(&link->tx, mtu);

	return link_enter_receiver(link) ?: ret ?:
	       netif_set_mtu(&link->rx, mtu);
}

socklen_t link_address(int family, int port, struct sockaddr_storage *address)
{
	struct sockaddr_in6 *in6 = (void *)address;
	struct sockaddr_in *in4 = (void *)address;

	memset(address, 0, sizeof(*address));
	address->ss_family = family;
	if (family == AF_INET) {
		in4->sin_port = htons(port);
		inet_pton(family, RX_ADDRESS_4, &in4->sin_addr);
		return sizeof(*in4);
	}
	in6->sin6_port = htons(port);
	inet_pton(family, RX_ADDRESS_6, &in6->sin6_addr);
	return sizeof(*in6);
}

long long link_counter(const struct link *link, int queue, const char *name)
{
	char full[64];

	snprintf(full, sizeof(full), "rx_queue_%d_%s", queue, name);
	return ethtool_counter(&link->rx, full);
}
