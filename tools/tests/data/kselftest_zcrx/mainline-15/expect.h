/* SPDX-License-Identifier: GPL-2.0 */
/* What tests expect of completions. */
#ifndef EXPECT_H
#define EXPECT_H

#include "kselftest_harness.h"

#include "pools.h"
#include "receiver.h"
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

#endif /* EXPECT_H */
