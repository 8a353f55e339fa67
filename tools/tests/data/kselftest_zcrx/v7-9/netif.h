/* SPDX-License-Identifier: GPL-2.0 */
/*
 * The network interface under test: the one that the environment names in
 * NETIF, or a netdevsim device that lives as long as the test.
 */
#ifndef NETIF_H
#define NETIF_H

#include <net/if.h>
#include <stdbool.h>

struct netif {
	char		name[IF_NAMESIZE];
	unsigned int	ifindex;
	unsigned int	rx_queues;
	unsigned int	nsim_id;
	bool		simulated;
	bool		two_queues;
};

/* Why there can be no interface, or NULL. */
const char *netif_missing(void);

/* Both return 0 or a negative error. */
int netif_open(struct netif *dev);
int netif_close(struct netif *dev);

/* Longer than it takes to remove a device that nobody holds. */
#define REMOVE_MS	5000

/*
 * Remove the netdevsim device. The kernel waits for the last reference to it;
 * -ETIMEDOUT when that takes longer than timeout_ms.
 */
int netif_remove(struct netif *dev, int timeout_ms);

#endif /* NETIF_H */
