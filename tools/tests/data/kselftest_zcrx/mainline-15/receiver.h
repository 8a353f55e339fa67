/* SPDX-License-Identifier: GPL-2.0 */
/* A ring with an interface queue, and an area to receive into. */
#ifndef RECEIVER_H
#define RECEIVER_H

#include <stdbool.h>

#include "stream.h"
#include "uring.h"

struct receiver {
	struct uring			ring;
	struct io_uring_zcrx_ifq_reg	reg;
	struct io_uring_zcrx_area_reg	area;
	struct io_uring_region_desc	region;
	unsigned int			returned;	/* since a flush */
	char				*memory;
	void				*refill;
	struct io_uring_zcrx_rqe	*rqes;
	__u32				*rq_head;
	__u32				*rq_tail;
};

/*
 * Register a queue, as soon as it is free, with an area of that many pages.
 * Returns 0 or a negative error.
 */
int receiver_open(struct receiver *receiver, unsigned int ifindex,
		  unsigned int queue, unsigned int pages);

/* The same without a device: all that is received is copied. */
int receiver_open_nodev(struct receiver *receiver, unsigned int pages);

/*
 * The same in two steps, between which the request may be changed. Both return
 * 0 or a negative error.
 */
int receiver_prepare(struct receiver *receiver, unsigned int pages);
int receiver_register(struct receiver *receiver, unsigned int ifindex,
		      unsigned int queue);

/* In between: memory of the caller's for the area, which becomes ours. */
void receiver_use(struct receiver *receiver, void *memory, size_t len);

/*
 * Connect a sender of size bytes over a link, and receive in LINK_QUEUE. It
 * waits for stream_start(). Returns 0 or a negative error.
 */
int receiver_open_stream(struct receiver *receiver, struct stream *stream,
			 const struct link *link, int family, __u64 size,
			 unsigned int pages);

/*
 * A packet that got lost can be sent again only into a free buffer: see that
 * what waits behind it in the socket does not hold them all. A stream that is
 * opened as above has that. Returns 0 or a negative error.
 */
int receiver_leave_buffers(const struct receiver *receiver, int fd);

/* The ring goes first, then the area. */
void receiver_close(struct receiver *receiver);

/* A valid request, to be submitted. */
struct io_uring_sqe *receiver_request(struct receiver *receiver, int fd);

/* Cancel the request for that socket, with what is submitted next. */
void receiver_cancel(struct receiver *receiver, int fd);

/*
 * The same at once. Returns 0, or -ENOENT if it has ended, and a completion
 * that says how is there.
 */
int receiver_cancel_now(struct receiver *receiver, int fd);

/* Where the data of a completion is, or NULL if that is not in the area. */
void *receiver_data(const struct receiver *receiver,
		    const struct io_uring_cqe *cqe);

/* The offset that a completion tells, and the word after it. */
__u64 receiver_offset(const struct io_uring_cqe *cqe);
__u64 receiver_pad(const struct io_uring_cqe *cqe);

/*
 * Write an entry into the refill ring, and another time let the kernel see
 * all that have been written. The ring must have room.
 */
bool receiver_has_room(const struct receiver *receiver, __u32 written);
void receiver_write(struct receiver *receiver, __u32 place, __u64 offset,
		    __u32 len);
void receiver_publish(struct receiver *receiver, __u32 written);

/* Return one piece. Returns false when the refill ring is full. */
bool receiver_return(struct receiver *receiver, __u64 offset, __u32 len);

#endif /* RECEIVER_H */
