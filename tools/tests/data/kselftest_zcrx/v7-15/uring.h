/* SPDX-License-Identifier: GPL-2.0 */
/* A ring that is mapped, so that requests can be made and completed. */
#ifndef URING_H
#define URING_H

#include <linux/io_uring.h>
#include <stddef.h>

struct uring {
	int			fd;
	void			*rings;
	size_t			rings_size;
	struct io_uring_sqe	*sqes;
	size_t			sqes_size;
	__u32			*sq_tail;
	__u32			sq_mask;
	__u32			next;		/* of them that is free */
	__u32			submitted;	/* how many were taken */
	__u32			*cq_head;
	__u32			*cq_tail;
	__u32			cq_mask;
	struct io_uring_cqe	*cqes;
};

/* Both return 0 or a negative error; completions are of 32 bytes. */
int uring_open(struct uring *ring, unsigned int flags, unsigned int cq_entries);
int uring_submit(struct uring *ring);
void uring_close(struct uring *ring);

/* An empty request, to be submitted with the next uring_submit() or wait. */
struct io_uring_sqe *uring_next(struct uring *ring);

/* The same without a look at what else there is to do, as most programs do. */
int uring_hand_in(struct uring *ring);

/* The oldest completion, or NULL when there is none, or none in time. */
struct io_uring_cqe *uring_peek(struct uring *ring);
struct io_uring_cqe *uring_wait(struct uring *ring, unsigned int timeout_ms);
/*
 * Wait until there are that many completions, and not for one after the other.
 * Returns 0 or a negative error, -ETIME when they do not come in time.
 */
int uring_wait_for(struct uring *ring, unsigned int count,
		   unsigned int timeout_ms);

/* The oldest completion is done with. */
void uring_seen(struct uring *ring);

#endif /* URING_H */
