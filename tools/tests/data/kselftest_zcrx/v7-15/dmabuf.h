/* SPDX-License-Identifier: GPL-2.0 */
/* Device memory TCP, with memory of user space that acts as a dma-buf. */
#ifndef DMABUF_H
#define DMABUF_H

#include <linux/types.h>
#include <stddef.h>
#include <sys/types.h>

#include "genl.h"

struct dmabuf {
	struct genl	genl;	/* as long as it is open, the queue is bound */
	char		*memory;
	size_t		size;
	__u32		id;
};

/* Why there can be none, or NULL. */
const char *dmabuf_missing(void);

/*
 * Let a queue receive into a dma-buf of that many bytes. Returns 0 or a
 * negative error, with nothing to undo.
 */
int dmabuf_bind(struct dmabuf *dmabuf, unsigned int ifindex, unsigned int queue,
		size_t size);
void dmabuf_unbind(struct dmabuf *dmabuf);

/*
 * Receive some bytes of a stream from that position on, and return the memory
 * that they are in. Returns how many they are, 0 at the end, or a negative
 * error: -EBADMSG if they are not in the dma-buf, or others than were sent.
 */
ssize_t dmabuf_receive(const struct dmabuf *dmabuf, int fd, __u64 position);

#endif /* DMABUF_H */
