/* SPDX-License-Identifier: GPL-2.0 */
/* TCP segments that no TCP sends: in another order, with other contents. */
#ifndef SEGMENT_H
#define SEGMENT_H

#include <linux/types.h>
#include <stdbool.h>
#include <stddef.h>

#include "link.h"

struct segment {
	__u32	position;	/* from the first byte that is not sent yet */
	size_t	len;
	__u16	urgent;		/* bytes up to its end, 0: none is */
	bool	spoiled;	/* other bytes, and a checksum that is wrong */
};

/*
 * Send part of a stream beside a connection over a link by IPv4, whose sending
 * end is given and does not notice. Returns 0 or a negative error.
 */
int segment_send(const struct link *link, int sending,
		 const struct segment *segment);

#endif /* SEGMENT_H */
