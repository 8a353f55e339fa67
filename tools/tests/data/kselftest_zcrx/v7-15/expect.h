/* SPDX-License-Identifier: GPL-2.0 */
/* What tests expect of completions. */
#ifndef EXPECT_H
#define EXPECT_H

#include "kselftest_harness.h"

#include "link.h"
#include "pools.h"
#include "receiver.h"
#include "segment.h"
#include "stream.h"
#include "zcrx.h"

/* What user space has until it returns it. */
struct piece {
	void	*data;
	__u64	offset;
	__u64	len;
};

/* Longer than anything takes, be it emulated, with all checkers. */
#define WAIT_MS		30000

/* Longer than what is on its way takes, and long enough to send it again. */
#define STARVE_MS	300

/* An area for requests that are not about much data. */
#define REQUEST_PAGES	16

/* An area for streams that show that all is well. */
#define WORKING_PAGES	256

/* An area for streams that do not end, and pieces of it to hold. */
#define ENDLESS_PAGES	64
#define IN_FLIGHT	24

/* What waits in a socket, all of it placed. */
#define WAITING		20000

/* Several times what can be on its way, so that a change meets the sender. */
#define CHANGING_SIZE	(32ULL << 20)

/* The payload of a packet that is no larger than the wire's. */
#define PACKET_BYTES	1448

/* The next completion is the request's last, with this result. */
static inline void expect_end(struct __test_metadata *_metadata,
			      struct receiver *receiver, int res)
{
	struct io_uring_cqe *cqe = uring_wait(&receiver->ring, WAIT_MS);

	ASSERT_NE(NULL, cqe)
		TH_LOG("the request does not end");
	EXPECT_EQ(res, cqe->res);
	EXPECT_EQ(0U, cqe->flags & IORING_CQE_F_MORE);
	uring_seen(&receiver->ring);
}

/* Check the next completion, which has to be a piece of a stream. */
static inline struct piece keep_piece(struct __test_metadata *_metadata,
				      struct receiver *receiver, __u64 position)
{
	struct io_uring_cqe *cqe = uring_wait(&receiver->ring, WAIT_MS);
	struct piece piece = {};

	ASSERT_NE(NULL, cqe)
		TH_LOG("nothing comes after %llu bytes", position);
	piece.data = receiver_data(receiver, cqe);
	piece.offset = receiver_offset(cqe);
	piece.len = cqe->res;
	ASSERT_NE(NULL, piece.data)
		TH_LOG("result %d at offset 0x%llx after %llu bytes", cqe->res,
		       piece.offset, position);
	ASSERT_EQ(IORING_CQE_F_MORE, cqe->flags);
	ASSERT_EQ(0ULL, receiver_pad(cqe));
	ASSERT_TRUE(stream_matches(piece.data, position, piece.len))
		TH_LOG("wrong data in %llu bytes after %llu", piece.len,
		       position);
	uring_seen(&receiver->ring);
	return piece;
}

/* The same for a piece that is returned. Gives its length. */
static inline __u64 expect_piece(struct __test_metadata *_metadata,
				 struct receiver *receiver, __u64 position)
{
	struct piece piece = keep_piece(_metadata, receiver, position);

	ASSERT_TRUE(receiver_return(receiver, piece.offset, piece.len));
	return piece.len;
}

/* Keep that many pieces of a stream. Gives the position after them. */
static inline __u64 keep_pieces(struct __test_metadata *_metadata,
				struct receiver *receiver, __u64 position,
				struct piece *kept, unsigned int count)
{
	for (; count; count--, kept++) {
		*kept = keep_piece(_metadata, receiver, position);
		position += kept->len;
	}
	return position;
}

static inline void return_pieces(struct __test_metadata *_metadata,
				 struct receiver *receiver,
				 const struct piece *kept, unsigned int count)
{
	for (; count; count--, kept++)
		ASSERT_TRUE(receiver_return(receiver, kept->offset, kept->len));
}

/* Whether the next completion is a piece and not the end of the request. */
static inline bool is_piece_next(struct __test_metadata *_metadata,
				 struct receiver *receiver)
{
	struct io_uring_cqe *cqe = uring_wait(&receiver->ring, WAIT_MS);

	ASSERT_NE(NULL, cqe)
		TH_LOG("nothing comes");
	return cqe->flags & IORING_CQE_F_MORE;
}

/*
 * Receive a piece of a stream, each time that there is no buffer for it by
 * another request. Gives its length.
 */
static inline __u64 receive_piece(struct __test_metadata *_metadata,
				  struct receiver *receiver, int fd,
				  __u64 position)
{
	while (!is_piece_next(_metadata, receiver)) {
		expect_end(_metadata, receiver, -ENOMEM);
		receiver_request(receiver, fd);
	}
	return expect_piece(_metadata, receiver, position);
}

/* The same up to that position, or a bit further. Gives where that is. */
static inline __u64 receive_up_to(struct __test_metadata *_metadata,
				  struct receiver *receiver, int fd,
				  __u64 position, __u64 end)
{
	while (position < end)
		position += receive_piece(_metadata, receiver, fd, position);
	return position;
}

/* How often the device has found no buffer. */
static inline long long times_starved(const struct link *link)
{
	return link_counter(link, LINK_QUEUE, "no_buffer");
}

/*
 * Keep what comes until the device has found no buffer and nothing more comes,
 * or the request ends. Gives how many pieces there were.
 */
static inline unsigned int keep_until_starved(struct __test_metadata *_metadata,
					      struct receiver *receiver,
					      const struct link *link,
					      __u64 *position,
					      struct piece *kept,
					      unsigned int most)
{
	const long long before = times_starved(link);
	unsigned int count = 0, silent_ms = 0;
	struct io_uring_cqe *cqe;

	while (silent_ms < WAIT_MS) {
		cqe = uring_wait(&receiver->ring, STARVE_MS);
		if (!cqe) {
			if (times_starved(link) > before)
				break;
			silent_ms += STARVE_MS;
			continue;
		}
		if (!(cqe->flags & IORING_CQE_F_MORE))
			break;
		ASSERT_LT(count, most);
		kept[count] = keep_piece(_metadata, receiver, *position);
		*position += kept[count++].len;
		silent_ms = 0;
	}
	return count;
}

/* Receive from that position on until the request ends. Gives where that is. */
static inline __u64 receive_pieces(struct __test_metadata *_metadata,
				   struct receiver *receiver, __u64 position)
{
	while (is_piece_next(_metadata, receiver))
		position += expect_piece(_metadata, receiver, position);
	return position;
}

/* Receive the rest of a stream with the request that is there. */
static inline __u64 receive_rest(struct __test_metadata *_metadata,
				 struct receiver *receiver, __u64 position)
{
	position = receive_pieces(_metadata, receiver, position);
	expect_end(_metadata, receiver, 0);
	return position;
}

/* The request that is there receives the start of a stream, sent now. */
static inline void expect_bytes(struct __test_metadata *_metadata,
				struct receiver *receiver, int sending,
				__u64 size)
{
	__u64 position = 0;

	ASSERT_EQ(0, stream_send(sending, size));
	while (position < size)
		position += expect_piece(_metadata, receiver, position);
	EXPECT_EQ(size, position);
}

/* Return the next piece without a look at it. Gives its length. */
static inline __u64 expect_unread(struct __test_metadata *_metadata,
				  struct receiver *receiver)
{
	struct io_uring_cqe *cqe = uring_wait(&receiver->ring, WAIT_MS);
	__u64 len;

	ASSERT_NE(NULL, cqe);
	ASSERT_NE(NULL, receiver_data(receiver, cqe))
		TH_LOG("result %d at offset 0x%llx", cqe->res,
		       receiver_offset(cqe));
	len = cqe->res;
	ASSERT_TRUE(receiver_return(receiver, receiver_offset(cqe), len));
	uring_seen(&receiver->ring);
	return len;
}

/* Receive a stream to its end without a look at it. Gives its length. */
static inline __u64 receive_unread(struct __test_metadata *_metadata,
				   struct receiver *receiver)
{
	__u64 size = 0;

	while (is_piece_next(_metadata, receiver))
		size += expect_unread(_metadata, receiver);
	expect_end(_metadata, receiver, 0);
	return size;
}

/* Whatever happened before, the queue works: a stream, each byte checked. */
static inline void expect_stream(struct __test_metadata *_metadata,
				 const struct link *link, __u64 size)
{
	struct receiver receiver;
	struct stream stream;

	ASSERT_EQ(0, receiver_open_stream(&receiver, &stream, link, AF_INET,
					  size, WORKING_PAGES));
	receiver_request(&receiver, stream.fd);
	ASSERT_EQ(0, uring_submit(&receiver.ring));
	ASSERT_EQ(0, stream_start(&stream));
	EXPECT_EQ(size, receive_rest(_metadata, &receiver, 0));
	EXPECT_EQ(0, stream_close(&stream));
	receiver_close(&receiver);
}

/*
 * What is over leaves nothing behind: each pool is gone that was not there
 * before, and so is the memory that was pinned.
 */
static inline void expect_nothing_left(struct __test_metadata *_metadata,
				       int pools)
{
	EXPECT_EQ(0, pinned_settle(WAIT_MS));
	EXPECT_EQ(pools, pools_settle(pools, WAIT_MS));
}

/* Try to register LINK_QUEUE, once, and let go of it. */
static inline int try_queue(const struct link *link)
{
	struct io_uring_zcrx_ifq_reg reg;
	int fd = ring_open(RING_FLAGS);
	int ret;

	zcrx_default(&reg, link->rx.ifindex);
	reg.if_rxq = LINK_QUEUE;
	ret = zcrx_register(fd, &reg);
	close(fd);
	return ret;
}

/* A receiver, and a socket in which what the device placed waits for it. */
static inline void open_waiting(struct __test_metadata *_metadata,
				struct receiver *receiver,
				struct stream *stream, struct link *link)
{
	ASSERT_EQ(0, link_steer(link));
	ASSERT_EQ(0, receiver_open_stream(receiver, stream, link, AF_INET,
					  WAITING, ENDLESS_PAGES));
	ASSERT_EQ(0, stream_start(stream));
	ASSERT_EQ(0, stream_wait(stream->fd, WAITING));
	EXPECT_LE(WAITING, link_counter(link, LINK_QUEUE, "provider_bytes"));
}

/* Receive from a sender that does not stop. Returns 0 or a negative error. */
static inline int endless_open(struct receiver *receiver, struct stream *stream,
			       const struct link *link)
{
	int ret;

	ret = receiver_open_stream(receiver, stream, link, AF_INET,
				   STREAM_ENDLESS, ENDLESS_PAGES);
	if (ret)
		return ret;
	receiver_request(receiver, stream->fd);
	return uring_submit(&receiver->ring) ?: stream_start(stream);
}

/*
 * Take pieces that are left unread, and return them all or only every second
 * one. Returns how many there were before the time was up or the request ended.
 */
static inline int take(struct receiver *receiver, int count, bool keep,
		       unsigned int timeout_ms)
{
	struct io_uring_cqe *cqe;
	bool more = true;
	int i;

	for (i = 0; i < count && more; i++) {
		cqe = uring_wait(&receiver->ring, timeout_ms);
		if (!cqe)
			break;
		more = cqe->flags & IORING_CQE_F_MORE;
		if (!keep || i % 2)
			receiver_return(receiver, receiver_offset(cqe),
					cqe->res);
		uring_seen(&receiver->ring);
	}
	return i;
}

/*
 * A connection that has come to nothing. Without a route to the sender the
 * socket would linger, with what has arrived out of order.
 */
static inline void endless_close(struct stream *stream)
{
	kill(stream->sender, SIGKILL);
	stream_reset(stream->fd);
	stream->fd = -1;
	stream_close(stream);
}

#endif /* EXPECT_H */
