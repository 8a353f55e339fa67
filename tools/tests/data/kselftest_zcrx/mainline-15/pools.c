// SPDX-License-Identifier: GPL-2.0
#define _GNU_SOURCE
#include <arpa/inet.h>
#include <linux/netdev.h>
#include <sched.h>
#include <sys/socket.h>
#include <unistd.h>

#include "genl.h"
#include "netif.h"
#include "pools.h"

#define DISCARD_PORT	9
#define PAUSE_MS	10

int pools_count(void)
{
	return genl_list(NETDEV_FAMILY_NAME, NETDEV_CMD_PAGE_POOL_GET, NULL,
			 NULL);
}

/* The buffers of one interface. */
struct buffers {
	__u32	ifindex;
	__u64	count;
};

static void see(const struct nlmsghdr *nlh, void *data)
{
	struct buffers *buffers = data;
	__u32 ifindex = 0;
	__u64 count = 0;

	if (!genl_get(nlh, NETDEV_A_PAGE_POOL_IFINDEX, &ifindex,
		      sizeof(ifindex)) || ifindex != buffers->ifindex)
		return;
	if (genl_get(nlh, NETDEV_A_PAGE_POOL_INFLIGHT, &count, sizeof(count)))
		buffers->count += count;
}

long long pools_buffers(unsigned int ifindex)
{
	struct buffers buffers = { .ifindex = ifindex };
	int pools;

	pools = genl_list(NETDEV_FAMILY_NAME, NETDEV_CMD_PAGE_POOL_GET, see,
			  &buffers);
	return pools < 0 ? -1 : (long long)buffers.count;
}

/* A packet for each CPU, which frees what it has put off until the next one. */
static void make_cpus_free(void)
{
	struct sockaddr_in address = {
		.sin_family = AF_INET,
		.sin_port = htons(DISCARD_PORT),
		.sin_addr = { htonl(INADDR_LOOPBACK) },
	};
	struct netif loopback = { .name = "lo" };
	cpu_set_t all, one;
	int fd, cpu;

	fd = socket(AF_INET, SOCK_DGRAM, 0);
	if (fd < 0)
		return;
	netif_set_up(&loopback, true);
	sched_getaffinity(0, sizeof(all), &all);
	for (cpu = 0; cpu < CPU_SETSIZE; cpu++) {
		if (!CPU_ISSET(cpu, &all))
			continue;
		CPU_ZERO(&one);
		CPU_SET(cpu, &one);
		sched_setaffinity(0, sizeof(one), &one);
		sendto(fd, "", 1, 0, (void *)&address, sizeof(address));
	}
	sched_setaffinity(0, sizeof(all), &all);
	close(fd);
}

int pools_settle(int count, unsigned int timeout_ms)
{
	int now = pools_count();
	unsigned int ms;

	for (ms = 0; now > count && ms < timeout_ms; ms += PAUSE_MS) {
		make_cpus_free();
		usleep(PAUSE_MS * 1000);
		now = pools_count();
	}
	return now;
}
