/* SPDX-License-Identifier: GPL-2.0 */
/* Device memory TCP, with memory of user space that acts as a dma-buf. */
#ifndef DMABUF_H
#define DMABUF_H

#include <stddef.h>

#include "genl.h"

/* Why there can be none, or NULL. */
const char *dmabuf_missing(void);

/*
 * Let a queue receive into a dma-buf of that many bytes, until genl_close().
 * Returns 0 or a negative error, with nothing to close.
 */
int dmabuf_bind(struct genl *genl, unsigned int ifindex, unsigned int queue,
		size_t size);

#endif /* DMABUF_H */
