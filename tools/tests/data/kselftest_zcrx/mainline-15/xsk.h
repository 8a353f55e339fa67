/* SPDX-License-Identifier: GPL-2.0 */
/* A socket of the family AF_XDP, for which a queue has a pool of its own. */
#ifndef XSK_H
#define XSK_H

/*
 * Bind a socket to a queue, whose packets are copied, so that any driver will
 * do. Returns the socket or a negative error.
 */
int xsk_open(unsigned int ifindex, unsigned int queue);

#endif /* XSK_H */
