/* SPDX-License-Identifier: GPL-2.0 */
/* What tests expect of completions. */
#ifndef EXPECT_H
#define EXPECT_H

#include "kselftest_harness.h"

#include "receiver.h"
#include "stream.h"

/* Longer than anything takes, be it emulated, with all checkers. */
#define WAIT_MS		30000

/* An area for requests that are not about much data. */
#define REQUEST_PAGES	16

/* The next completion is the request's last, with this result. */
static inline void expect_end(struct __test_metadata *_metadata,
			      struct receiver *receiver, int res)
{
	struct io_uring_cqe *cqe = uring_wait(&receiver->ring, WAIT_MS);

	ASSERT_NE(NULL, cqe);
	EXPECT_EQ(res, cqe->res);
	EXPECT_EQ(0U, cqe->flags & IORING_CQE_F_MORE);
	uring_seen(&receiver->ring);
}

/*
 * Check the next completion, which has to be a piece of a stream, and return
 * the piece. Gives its length.
 */
static inline __u64 expect_piece(struct __test_metadata *_metadata,
				 struct receiver *receiver, __u64 position)
{
	struct io_uring_cqe *cqe = uring_wait(&receiver->ring, WAIT_MS);
	void *data;
	__u64 len;

	ASSERT_NE(NULL, cqe)
		TH_LOG("nothing comes after %llu bytes", position);
	data = receiver_data(receiver, cqe);
	ASSERT_NE(NULL, data)
		TH_LOG("result %d at offset 0x%llx after %llu bytes", cqe->res,
		       receiver_offset(cqe), position);
	ASSERT_EQ(IORING_CQE_F_MORE, cqe->flags);
	len = cqe->res;
	ASSERT_TRUE(stream_matches(data, position, len))
		TH_LOG("wrong data in %llu bytes after %llu", len, position);
	ASSERT_TRUE(receiver_return(receiver, receiver_offset(cqe), len));
	uring_seen(&receiver->ring);
	return len;
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

#endif /* EXPECT_H */
