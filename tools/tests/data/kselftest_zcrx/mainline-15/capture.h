/* SPDX-License-Identifier: GPL-2.0 */
/* What somebody sees who looks at the packets of an interface. */
#ifndef CAPTURE_H
#define CAPTURE_H

#include <stddef.h>
#include <sys/types.h>

struct captured {
	unsigned char	bytes[2048];	/* from the Ethernet header on */
	size_t		len;		/* how many of them there are */
	size_t		wire_len;	/* how many the packet has */
};

/* Look at what arrives at any address. Returns a socket or an error. */
int capture_open(unsigned int ifindex);

/* The next packet that arrived. Returns 1, or 0 when there is none. */
int capture_next(int fd, struct captured *packet);

#endif /* CAPTURE_H */
