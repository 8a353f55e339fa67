/* SPDX-License-Identifier: GPL-2.0 */
/* XDP programs and AF_XDP sockets. Both return a descriptor or an error. */
#ifndef XDP_H
#define XDP_H

/*
 * A program that passes every packet, attached in front of the stack until the
 * descriptor is closed.
 */
int xdp_attach(unsigned int ifindex);

/* A socket on a queue, with memory of its own that packets are copied to. */
int xdp_socket(unsigned int ifindex, unsigned int queue);

#endif /* XDP_H */
