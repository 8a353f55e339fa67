/* SPDX-License-Identifier: GPL-2.0 */
/*
 * Two netdevsim devices with a wire between them, each in a network namespace
 * of its own. Queue 1 of the receiving one is kept for what is steered there.
 */
#ifndef LINK_H
#define LINK_H

#include <stdbool.h>
#include <sys/socket.h>

#include "netif.h"

#define LINK_PORT	5201
#define LINK_OTHER_PORT	5202
#define LINK_QUEUE	1

/*
 * The most bytes that TCP lets a socket hold, however fast it is read: larger
 * areas have buffers left.
 */
#define LINK_SOCKET_ROOM	(512 << 10)

struct link {
	struct netif	rx;
	struct netif	tx;
	int		rx_netns;
	int		tx_netns;
};

/* Why there can be no devices, or NULL. */
const char *link_missing(void);

/*
 * Make the devices. The caller is in the receiving namespace afterwards. Both
 * return 0 or a negative error.
 */
int link_open(struct link *link);
int link_close(struct link *link);

/*
 * Another receiving end, in the namespace of the one before, or in a new one
 * if that was left. Returns 0 or a negative error.
 */
int link_renew(struct link *link);

/*
 * Go to the namespace of the parent, and let go of that of the receiving end.
 * Returns 0 or a negative error.
 */
int link_leave(struct link *link);

/* Send TCP to LINK_PORT to LINK_QUEUE, instead of to the other queue. */
int link_steer(struct link *link);

/* Send it to the queues of an RSS context. */
int link_steer_to_context(struct link *link, unsigned int context);

/* And back: send it to the other queue again. */
int link_unsteer(struct link *link);

/* Send packets no larger than the wire's, one buffer each. */
int link_send_small(const struct link *link);

/* The largest packet that either end sends. */
int link_set_mtu(const struct link *link, int mtu);

/* Enter the namespace of either end. Both return 0 or a negative error. */
int link_enter_sender(const struct link *link);
int link_enter_receiver(const struct link *link);

/* The receiver's address as its peer sees it. Returns its length. */
socklen_t link_address(int family, int port, struct sockaddr_storage *address);

/* One of the driver's statistics of a queue of the receiver, or -1. */
long long link_counter(const struct link *link, int queue, const char *name);

#endif /* LINK_H */
