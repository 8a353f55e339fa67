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

#define NETIF_IS_NO_NIC	"netdevsim cannot steer, so it is no NIC to test with"

/* -EOPNOTSUPP: the netdevsim of this kernel cannot do what the tests want. */
/* Both return 0 or a negative error. */
int netif_open(struct netif *dev);
int netif_close(struct netif *dev);

/* Whether there is no netdevsim. A device of it, whatever NETIF names. */
bool netif_no_netdevsim(void);
int netif_new(struct netif *dev);

/*
 * Wait until the device is in the namespace of the caller, whatever its name
 * is there. Returns 0 or a negative error.
 */
int netif_wait_for(struct netif *dev, int timeout_ms);

/* Put a wire between two netdevsims in their network namespaces. */
int netif_connect(const struct netif *a, int netns_a, const struct netif *b,
		  int netns_b);

/* Take the interface up or down. */
int netif_set_up(struct netif *dev, bool up);

/* The largest packet that the interface sends. */
int netif_set_mtu(const struct netif *dev, int mtu);

/* An ioctl on a socket of its own. Returns 0 or a negative error. */
int netif_ioctl(unsigned long request, struct ifreq *ifr);

/* Longer than it takes to remove a device that nobody holds. */
#define REMOVE_MS	5000

/*
 * Remove the netdevsim device. The kernel waits for the last reference to it;
 * -ETIMEDOUT when that takes longer than timeout_ms.
 */
int netif_remove(struct netif *dev, int timeout_ms);

/* Returns 0 or a negative error. */
int write_file(const char *path, const char *text);

#endif /* NETIF_H */
