/* SPDX-License-Identifier: GPL-2.0 */
/*
 * What ethtool does, without the program. Functions that return int return 0
 * or a negative error.
 */
#ifndef ETHTOOL_H
#define ETHTOOL_H

#include <linux/types.h>
#include <stdbool.h>

#include "netif.h"

/* Split headers from payload: -G DEV tcp-data-split on. */
int ethtool_split(const struct netif *dev);
int ethtool_no_split(const struct netif *dev);

/* Spread what is not steered over the first queues: -X DEV equal N. */
int ethtool_spread(const struct netif *dev, unsigned int queues);

/* -N DEV flow-type tcp4 (or tcp6) dst-port PORT action QUEUE loc PLACE */
int ethtool_steer(const struct netif *dev, int family, __u16 port,
		  unsigned int queue, unsigned int place);

/* -N DEV delete PLACE */
int ethtool_unsteer(const struct netif *dev, unsigned int place);

/* Whether there can be such rules. */
bool ethtool_can_steer(const struct netif *dev);

/* Use that many queues: -L DEV combined N. */
int ethtool_channels(const struct netif *dev, unsigned int queues);

/* One of the statistics of the driver, or -1: -S DEV. */
long long ethtool_counter(const struct netif *dev, const char *name);

#endif /* ETHTOOL_H */
