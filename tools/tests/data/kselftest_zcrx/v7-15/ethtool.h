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

/* How many buffers each queue keeps posted: -g DEV, and -G DEV rx N. */
int ethtool_descriptors(const struct netif *dev);
int ethtool_set_descriptors(const struct netif *dev, unsigned int count);

/* Spread what is not steered over the first queues: -X DEV equal N. */
int ethtool_spread(const struct netif *dev, unsigned int queues);

/* Stands for the table of the device itself, for what no rule steers. */
#define ETHTOOL_NO_CONTEXT	0

/*
 * Spread what is steered to an RSS context over count queues from the first one
 * on: -X DEV context CONTEXT start FIRST equal COUNT.
 */
int ethtool_set_context(const struct netif *dev, unsigned int context,
			unsigned int first, unsigned int count);

/*
 * Make a context: -X DEV context new start FIRST equal COUNT. Returns its
 * number, or -EOPNOTSUPP if the device can have none.
 */
int ethtool_new_context(const struct netif *dev, unsigned int first,
			unsigned int count);

/* -X DEV context CONTEXT delete */
int ethtool_delete_context(const struct netif *dev, unsigned int context);

/* -N DEV flow-type tcp4 (or tcp6) dst-port PORT action QUEUE loc PLACE */
int ethtool_steer(const struct netif *dev, int family, __u16 port,
		  unsigned int queue, unsigned int place);

/* -N DEV flow-type tcp4 (or tcp6) dst-port PORT context CONTEXT loc PLACE */
int ethtool_steer_to_context(const struct netif *dev, int family, __u16 port,
			     unsigned int context, unsigned int place);

/* -N DEV delete PLACE */
int ethtool_unsteer(const struct netif *dev, unsigned int place);

/* Whether there can be such rules. */
bool ethtool_can_steer(const struct netif *dev);

/* Use that many queues: -L DEV combined N. */
int ethtool_channels(const struct netif *dev, unsigned int queues);

/* One of the statistics of the driver, or -1: -S DEV. */
long long ethtool_counter(const struct netif *dev, const char *name);

#endif /* ETHTOOL_H */
