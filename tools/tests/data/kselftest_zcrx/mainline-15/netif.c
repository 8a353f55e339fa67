// SPDX-License-Identifier: GPL-2.0
#define _GNU_SOURCE
#include <errno.h>
#include <fcntl.h>
#include <linux/ethtool.h>
#include <linux/sockios.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/ioctl.h>
#include <sys/socket.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <unistd.h>

#include "ethtool.h"
#include "netif.h"

#define NSIM_BUS	"/sys/bus/netdevsim"
#define NSIM_IDS	16
#define NSIM_QUEUES	3
#define APPEAR_MS	5000
#define CLOSE_MS	10000

int write_file(const char *path, const char *text)
{
	int ret = 0;
	int fd;

	fd = open(path, O_WRONLY);
	if (fd < 0)
		return -errno;
	if (write(fd, text, strlen(text)) < 0)
		ret = -errno;
	close(fd);
	return ret;
}

int netif_ioctl(unsigned long request, struct ifreq *ifr)
{
	int ret = 0;
	int fd;

	fd = socket(AF_INET, SOCK_DGRAM, 0);
	if (fd < 0)
		return -errno;
	if (ioctl(fd, request, ifr) < 0)
		ret = -errno;
	close(fd);
	return ret;
}

static int netif_count_queues(struct netif *dev)
{
	struct ethtool_channels channels = { .cmd = ETHTOOL_GCHANNELS };
	struct ifreq ifr = { .ifr_data = (void *)&channels };
	int ret;

	memcpy(ifr.ifr_name, dev->name, sizeof(ifr.ifr_name));
	ret = netif_ioctl(SIOCETHTOOL, &ifr);
	if (ret && ret != -EOPNOTSUPP)
		return ret;
	/* A driver that cannot tell has a single queue. */
	dev->rx_queues = ret ? 1 : channels.rx_count + channels.combined_count;
	dev->two_queues = dev->rx_queues >= 2;
	return 0;
}

int netif_set_up(struct netif *dev, bool up)
{
	struct ifreq ifr = {};
	int ret;

	memcpy(ifr.ifr_name, dev->name, sizeof(ifr.ifr_name));
	ret = netif_ioctl(SIOCGIFFLAGS, &ifr);
	if (ret)
		return ret;
	if (up)
		ifr.ifr_flags |= IFF_UP;
	else
		ifr.ifr_flags &= ~IFF_UP;
	return netif_ioctl(SIOCSIFFLAGS, &ifr);
}

static int netif_set_name(struct netif *dev, const char *name)
{
	int size = snprintf(dev->name, sizeof(dev->name), "%s", name);

	return size < (int)sizeof(dev->name) ? 0 : -ENAMETOOLONG;
}

/* The interface that the kernel says is the bus device's, wherever it is. */
static bool nsim_find_name(struct netif *dev)
{
	struct ethtool_drvinfo info = { .cmd = ETHTOOL_GDRVINFO };
	struct if_nameindex *all, *one;
	char wanted[sizeof(info.bus_info)];
	bool found = false;

	snprintf(wanted, sizeof(wanted), "netdevsim%u", dev->nsim_id);
	all = if_nameindex();
	for (one = all; one && one->if_index && !found; one++) {
		struct ifreq ifr = { .ifr_data = (void *)&info };

		if (netif_set_name(dev, one->if_name))
			continue;
		memcpy(ifr.ifr_name, dev->name, sizeof(ifr.ifr_name));
		found = !netif_ioctl(SIOCETHTOOL, &ifr) &&
			!strcmp(info.bus_info, wanted);
	}
	if_freenameindex(all);
	return found;
}

/* A process has few devices at a time, and its number is its own. */
static unsigned int nsim_next_id(void)
{
	static unsigned int count;

	return getpid() * NSIM_IDS + count++ % NSIM_IDS;
}

int netif_wait_for(struct netif *dev, int timeout_ms)
{
	for (; timeout_ms > 0; timeout_ms--) {
		if (nsim_find_name(dev))
			return 0;
		usleep(1000);
	}
	return -ETIMEDOUT;
}

static int nsim_new(struct netif *dev)
{
	int ret = -ENOSPC, tries;
	char text[64];

	for (tries = 0; ret == -ENOSPC && tries < NSIM_IDS; tries++) {
		dev->nsim_id = nsim_next_id();
		snprintf(text, sizeof(text), "%u 1 %u", dev->nsim_id,
			 NSIM_QUEUES);
		ret = write_file(NSIM_BUS "/new_device", text);
	}
	if (ret)
		return ret;
	dev->simulated = true;

	/* The device may be probed from a workqueue. */
	return netif_wait_for(dev, APPEAR_MS);
}

bool netif_no_netdevsim(void)
{
	return access(NSIM_BUS, F_OK) && system("modprobe -q netdevsim");
}

const char *netif_missing(void)
{
	const char *name = getenv("NETIF");

	if (name && !if_nametoindex(name))
		return "there is no interface as NETIF names it";
	if (name || !netif_no_netdevsim())
		return NULL;
	return "no netdevsim, and NETIF names no interface";
}

static int netif_setup(struct netif *dev)
{
	int ret;

	dev->ifindex = if_nametoindex(dev->name);
	if (!dev->ifindex)
		return -ENODEV;
	ret = netif_count_queues(dev);
	if (ret)
		return ret;
	ret = netif_set_up(dev, true);
	if (ret || !dev->simulated)
		return ret;
	if (!ethtool_can_steer(dev))
		return -EOPNOTSUPP;
	/* Only payload may be where the kernel cannot read it. */
	return ethtool_split(dev);
}

static int netif_open_as(struct netif *dev, const char *name)
{
	int ret;

	memset(dev, 0, sizeof(*dev));
	ret = name ? netif_set_name(dev, name) : nsim_new(dev);
	if (!ret)
		ret = netif_setup(dev);
	if (ret)
		netif_close(dev);
	return ret;
}

int netif_open(struct netif *dev)
{
	return netif_open_as(dev, getenv("NETIF"));
}

int netif_new(struct netif *dev)
{
	return netif_open_as(dev, NULL);
}

int netif_set_mtu(const struct netif *dev, int mtu)
{
	struct ifreq ifr = { .ifr_mtu = mtu };

	memcpy(ifr.ifr_name, dev->name, sizeof(ifr.ifr_name));
	return netif_ioctl(SIOCSIFMTU, &ifr);
}

int netif_connect(const struct netif *a, int netns_a, const struct netif *b,
		  int netns_b)
{
	char text[64];

	snprintf(text, sizeof(text), "%d:%u %d:%u", netns_a, a->ifindex,
		 netns_b, b->ifindex);
	return write_file(NSIM_BUS "/link_device", text);
}

int netif_remove(struct netif *dev, int timeout_ms)
{
	char text[16];
	int status;
	pid_t pid;

	dev->simulated = false;
	snprintf(text, sizeof(text), "%u", dev->nsim_id);

	/*
	 * Nothing can interrupt the write while somebody holds the device.
	 * A child can be left behind with it; it must not keep alive what the
	 * caller has open.
	 */
	pid = fork();
	if (pid < 0)
		return -errno;
	if (!pid) {
		syscall(__NR_close_range, 0, ~0U, 0);
		_exit(-write_file(NSIM_BUS "/del_device", text));
	}
	for (; timeout_ms > 0; timeout_ms--) {
		if (waitpid(pid, &status, WNOHANG) == pid)
			return -WEXITSTATUS(status);
		usleep(1000);
	}
	return -ETIMEDOUT;
}

int netif_close(struct netif *dev)
{
	return dev->simulated ? netif_remove(dev, CLOSE_MS) : 0;
}
