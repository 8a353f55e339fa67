// SPDX-License-Identifier: GPL-2.0
/*
 * Zero copy receive of io_uring: returning buffers.
 *
 * R50  entries of the refill ring are never trusted
 */
#include <assert.h>
#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <netinet/in.h>
#include <signal.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <sys/mman.h>
#include <sys/socket.h>
#include <sys/wait.h>
#include <unistd.h>

#include "kselftest_harness.h"
#include "ethtool.h"
#include "expect.h"
#include "link.h"
#include "netif.h"
#include "pools.h"
#include "receiver.h"
#include "stream.h"
#include "zcrx.h"

#define MESSAGE		100U
#define PAGES		64
#define MANY_PAGES	256U
#define HELD		8
#define BATCH		16
#define FEW_ENTRIES	4
#define SIZE		(1024 * 1024ULL)
#define MOMENT_MS	10

/* Receive one message, and hold it. Gives its offset. */
static __u64 hold_message(struct __test_metadata *_metadata,
			  struct receiver *receiver)
{
	struct piece piece = keep_piece(_metadata, receiver, 0);

	ASSERT_EQ(MESSAGE, piece.len);
	return piece.offset;
}

/* Hold that many buffers, each with a message that was copied there. */
static void hold(struct __test_metadata *_metadata, struct receiver *receiver,
		 int sending, __u64 *held, int count)
{
	while (count--) {
		ASSERT_EQ(0, stream_send(sending, MESSAGE));
		*held++ = hold_message(_metadata, receiver);
	}
}

/* A message finds no buffer. It waits for the next request. */
static void expect_none_free(struct __test_metadata *_metadata,
			     struct receiver *receiver, int sending)
{
	ASSERT_EQ(0, stream_send(sending, MESSAGE));
	expect_end(_metadata, receiver, -ENOMEM);
}

static void return_entry(struct receiver *receiver, __u64 off, __u32 len,
			 __u32 pad)
{
	__u32 mask = receiver->reg.rq_entries - 1;

	receiver_write(receiver, 0, off, len);
	receiver->rqes[*receiver->rq_tail & mask].pad = pad;
	receiver_publish(receiver, 1);
}

/* An area, a request, and a sender that waits. */
static void open_small(struct __test_metadata *_metadata,
		       struct receiver *receiver, struct stream *stream,
		       struct link *link, unsigned int pages, __u32 rq_entries)
{
	ASSERT_EQ(0, link_steer(link));
	ASSERT_EQ(0, stream_open(stream, link, AF_INET, LINK_PORT, SIZE));
	ASSERT_EQ(0, receiver_prepare(receiver, pages));
	receiver->reg.rq_entries = rq_entries;
	ASSERT_EQ(0, receiver_register(receiver, link->rx.ifindex, LINK_QUEUE));
	ASSERT_EQ(0, receiver_leave_buffers(receiver, stream->fd));
	receiver_request(receiver, stream->fd);
	ASSERT_EQ(0, uring_submit(&receiver->ring));
}

static void close_small(struct __test_metadata *_metadata,
			struct receiver *receiver, struct stream *stream)
{
	expect_end(_metadata, receiver, 0);
	EXPECT_EQ(0, stream_close(stream));
	receiver_close(receiver);
}

FIXTURE(returning)
{
	struct receiver receiver;
	struct netif dev;
	int receiving;
	int sending;
	int listening;
};

FIXTURE_SETUP(returning)
{
	const char *missing = netif_missing() ?: zcrx_missing();
	int ret;

	if (missing)
		SKIP(return, "%s", missing);
	ret = netif_open(&self->dev);
	if (ret == -EOPNOTSUPP)
		SKIP(return, NETIF_IS_NO_NIC);
	ASSERT_EQ(0, ret);
	ASSERT_EQ(0, receiver_open(&self->receiver, self->dev.ifindex, 0,
				   REQUEST_PAGES));
	ASSERT_EQ(0, stream_loopback(&self->listening, &self->receiving,
				     &self->sending));
}

FIXTURE_TEARDOWN_PARENT(returning)
{
	/* The process of the test is gone: nothing may hold the device. */
	EXPECT_EQ(0, netif_close(&self->dev));
}

/*
 * R50: An entry that makes no sense frees nothing: the area after this
 * one.
 */
TEST_F(returning, passed_over_wrong_area)
{
	struct receiver *receiver = &self->receiver;
	__u64 off, held[REQUEST_PAGES];

	receiver_request(receiver, self->receiving);
	hold(_metadata, receiver, self->sending, held, REQUEST_PAGES);
	off = held[0] + (1ULL << IORING_ZCRX_AREA_SHIFT);
	return_entry(receiver, off, MESSAGE, 0);
	expect_none_free(_metadata, receiver, self->sending);

	return_entry(receiver, held[1], MESSAGE, 0);
	receiver_request(receiver, self->receiving);
	EXPECT_EQ(held[1], hold_message(_metadata, receiver));
}

/*
 * R50: An entry that makes no sense frees nothing: the highest bit of the
 * token.
 */
TEST_F(returning, passed_over_wrong_area_top_bit)
{
	struct receiver *receiver = &self->receiver;
	__u64 off, held[REQUEST_PAGES];

	receiver_request(receiver, self->receiving);
	hold(_metadata, receiver, self->sending, held, REQUEST_PAGES);
	off = held[0] | 1ULL << 63;
	return_entry(receiver, off, MESSAGE, 0);
	expect_none_free(_metadata, receiver, self->sending);

	return_entry(receiver, held[1], MESSAGE, 0);
	receiver_request(receiver, self->receiving);
	EXPECT_EQ(held[1], hold_message(_metadata, receiver));
}

/*
 * R50: An entry that makes no sense frees nothing: the first byte behind
 * the area.
 */
TEST_F(returning, passed_over_first_behind_area)
{
	struct receiver *receiver = &self->receiver;
	__u64 off, held[REQUEST_PAGES];

	receiver_request(receiver, self->receiving);
	hold(_metadata, receiver, self->sending, held, REQUEST_PAGES);
	off = receiver->area.len;
	return_entry(receiver, off, MESSAGE, 0);
	expect_none_free(_metadata, receiver, self->sending);

	return_entry(receiver, held[1], MESSAGE, 0);
	receiver_request(receiver, self->receiving);
	EXPECT_EQ(held[1], hold_message(_metadata, receiver));
}

/*
 * R50: An entry that makes no sense frees nothing: the last byte that an
 * area could have.
 */
TEST_F(returning, passed_over_last_of_offsets)
{
	struct receiver *receiver = &self->receiver;
	__u64 off, held[REQUEST_PAGES];

	receiver_request(receiver, self->receiving);
	hold(_metadata, receiver, self->sending, held, REQUEST_PAGES);
	off = (1ULL << IORING_ZCRX_AREA_SHIFT) - 1;
	return_entry(receiver, off, MESSAGE, 0);
	expect_none_free(_metadata, receiver, self->sending);

	return_entry(receiver, held[1], MESSAGE, 0);
	receiver_request(receiver, self->receiving);
	EXPECT_EQ(held[1], hold_message(_metadata, receiver));
}

/* R50: An entry that makes no sense frees nothing: an offset of all ones. */
TEST_F(returning, passed_over_all_ones)
{
	struct receiver *receiver = &self->receiver;
	__u64 off, held[REQUEST_PAGES];

	receiver_request(receiver, self->receiving);
	hold(_metadata, receiver, self->sending, held, REQUEST_PAGES);
	off = UINT64_MAX;
	return_entry(receiver, off, MESSAGE, 0);
	expect_none_free(_metadata, receiver, self->sending);

	return_entry(receiver, held[1], MESSAGE, 0);
	receiver_request(receiver, self->receiving);
	EXPECT_EQ(held[1], hold_message(_metadata, receiver));
}

/* R50: The offset alone names a buffer: an entry with no length. */
TEST_F(returning, taken_with_len_0)
{
	struct receiver *receiver = &self->receiver;
	__u64 held[REQUEST_PAGES];

	receiver_request(receiver, self->receiving);
	hold(_metadata, receiver, self->sending, held, REQUEST_PAGES);
	return_entry(receiver, held[3], 0, 0);
	ASSERT_EQ(0, stream_send(self->sending, MESSAGE));
	EXPECT_EQ(held[3], hold_message(_metadata, receiver));
	expect_none_free(_metadata, receiver, self->sending);
}

/*
 * R50: The offset alone names a buffer: an entry with a length of all
 * ones.
 */
TEST_F(returning, taken_with_len_all_ones)
{
	struct receiver *receiver = &self->receiver;
	__u64 held[REQUEST_PAGES];

	receiver_request(receiver, self->receiving);
	hold(_metadata, receiver, self->sending, held, REQUEST_PAGES);
	return_entry(receiver, held[3], UINT_MAX, 0);
	ASSERT_EQ(0, stream_send(self->sending, MESSAGE));
	EXPECT_EQ(held[3], hold_message(_metadata, receiver));
	expect_none_free(_metadata, receiver, self->sending);
}

/*
 * R50: The offset alone names a buffer: an entry with something in the
 * padding.
 */
TEST_F(returning, taken_with_pad_set)
{
	struct receiver *receiver = &self->receiver;
	__u64 held[REQUEST_PAGES];

	receiver_request(receiver, self->receiving);
	hold(_metadata, receiver, self->sending, held, REQUEST_PAGES);
	return_entry(receiver, held[3], MESSAGE, UINT_MAX);
	ASSERT_EQ(0, stream_send(self->sending, MESSAGE));
	EXPECT_EQ(held[3], hold_message(_metadata, receiver));
	expect_none_free(_metadata, receiver, self->sending);
}

/*
 * R50: The offset alone names a buffer: an entry with an offset inside of
 * the buffer.
 */
TEST_F(returning, taken_with_inside_of_buffer)
{
	struct receiver *receiver = &self->receiver;
	__u64 held[REQUEST_PAGES];

	receiver_request(receiver, self->receiving);
	hold(_metadata, receiver, self->sending, held, REQUEST_PAGES);
	return_entry(receiver, held[3] + 1, MESSAGE, 0);
	ASSERT_EQ(0, stream_send(self->sending, MESSAGE));
	EXPECT_EQ(held[3], hold_message(_metadata, receiver));
	expect_none_free(_metadata, receiver, self->sending);
}

/*
 * R50: The offset alone names a buffer: an entry with the last offset of
 * the buffer.
 */
TEST_F(returning, taken_with_end_of_buffer)
{
	struct receiver *receiver = &self->receiver;
	__u64 held[REQUEST_PAGES];

	receiver_request(receiver, self->receiving);
	hold(_metadata, receiver, self->sending, held, REQUEST_PAGES);
	return_entry(receiver, held[3] + PAGE - 1, MESSAGE, 0);
	ASSERT_EQ(0, stream_send(self->sending, MESSAGE));
	EXPECT_EQ(held[3], hold_message(_metadata, receiver));
	expect_none_free(_metadata, receiver, self->sending);
}

/* R50: Two entries for one piece free one buffer. */
TEST_F(returning, twice_at_once)
{
	struct receiver *receiver = &self->receiver;
	__u64 held[REQUEST_PAGES];

	receiver_request(receiver, self->receiving);
	hold(_metadata, receiver, self->sending, held, REQUEST_PAGES);
	receiver_write(receiver, 0, held[0], MESSAGE);
	receiver_write(receiver, 1, held[0], MESSAGE);
	receiver_publish(receiver, 2);
	ASSERT_EQ(0, stream_send(self->sending, MESSAGE));
	EXPECT_EQ(held[0], hold_message(_metadata, receiver));
	expect_none_free(_metadata, receiver, self->sending);
}

/* R50: The kernel knows its end of the ring by itself. */
TEST_F(returning, head_overwritten)
{
	struct receiver *receiver = &self->receiver;
	__u64 held[REQUEST_PAGES];
	__u32 tail;

	receiver_request(receiver, self->receiving);
	hold(_metadata, receiver, self->sending, held, REQUEST_PAGES);
	return_entry(receiver, held[0], MESSAGE, 0);
	tail = *receiver->rq_tail;
	*receiver->rq_head = 0x5a5a5a5a;
	ASSERT_EQ(0, stream_send(self->sending, MESSAGE));
	EXPECT_EQ(held[0], hold_message(_metadata, receiver));
	EXPECT_EQ(tail, *receiver->rq_head);
	expect_none_free(_metadata, receiver, self->sending);
}

/* R50: As many entries as the ring has are all taken. */
TEST_F(returning, ring_filled_up)
{
	struct receiver *receiver = &self->receiver;
	__u64 held[REQUEST_PAGES];
	int i;

	receiver_close(receiver);
	ASSERT_EQ(0, receiver_prepare(receiver, REQUEST_PAGES));
	receiver->reg.rq_entries = REQUEST_PAGES;
	ASSERT_EQ(0, receiver_register(receiver, self->dev.ifindex, 0));
	receiver_request(receiver, self->receiving);
	hold(_metadata, receiver, self->sending, held, REQUEST_PAGES);

	for (i = 0; i < REQUEST_PAGES; i++)
		EXPECT_TRUE(receiver_return(receiver, held[i], MESSAGE));
	EXPECT_FALSE(receiver_return(receiver, held[0], MESSAGE));
	hold(_metadata, receiver, self->sending, held, REQUEST_PAGES);
	expect_none_free(_metadata, receiver, self->sending);
}

/* R50: A refill ring of one entry does its work. */
TEST_F(returning, ring_of_one_entry)
{
	struct receiver *receiver = &self->receiver;
	__u64 held[REQUEST_PAGES];
	int i;

	receiver_close(receiver);
	ASSERT_EQ(0, receiver_prepare(receiver, REQUEST_PAGES));
	receiver->reg.rq_entries = 1;
	ASSERT_EQ(0, receiver_register(receiver, self->dev.ifindex, 0));
	receiver_request(receiver, self->receiving);
	hold(_metadata, receiver, self->sending, held, REQUEST_PAGES);

	for (i = 0; i < REQUEST_PAGES; i++) {
		EXPECT_TRUE(receiver_return(receiver, held[i], MESSAGE));
		EXPECT_FALSE(receiver_return(receiver, held[i], MESSAGE));
		ASSERT_EQ(0, stream_send(self->sending, MESSAGE));
		EXPECT_EQ(held[i], hold_message(_metadata, receiver));
	}
	expect_none_free(_metadata, receiver, self->sending);
}

/* R50: A buffer that is returned is the next to be filled. */
TEST_F(returning, one_at_a_time)
{
	struct receiver *receiver = &self->receiver;
	__u64 held[REQUEST_PAGES];
	int i, j;

	receiver_request(receiver, self->receiving);
	hold(_metadata, receiver, self->sending, held, REQUEST_PAGES);
	/* More often than the refill ring has entries. */
	for (i = 0; i < 20 * REQUEST_PAGES; i++) {
		j = i * 7 % REQUEST_PAGES;
		return_entry(receiver, held[j], MESSAGE, 0);
		ASSERT_EQ(0, stream_send(self->sending, MESSAGE));
		ASSERT_EQ(held[j], hold_message(_metadata, receiver));
	}
	EXPECT_LT(receiver->reg.rq_entries, *receiver->rq_tail);
	expect_none_free(_metadata, receiver, self->sending);
}

/*
 * R50: An entry is about the area of its own ring, whatever another one
 * has handed out.
 */
TEST_F(returning, to_another_ring)
{
	__u64 held[REQUEST_PAGES], others[REQUEST_PAGES];
	struct receiver *receiver = &self->receiver;
	struct receiver other;

	if (!self->dev.two_queues)
		SKIP(return, "the device has fewer than two rx queues");

	ASSERT_EQ(0, receiver_open(&other, self->dev.ifindex, 1,
				   REQUEST_PAGES));
	receiver_request(receiver, self->receiving);
	hold(_metadata, receiver, self->sending, held, REQUEST_PAGES);
	return_entry(&other, held[3], MESSAGE, 0);
	expect_none_free(_metadata, receiver, self->sending);

	/* By then it has all of its own, and gets that one of them back. */
	receiver_request(&other, self->receiving);
	others[0] = hold_message(_metadata, &other);
	hold(_metadata, &other, self->sending, others + 1, REQUEST_PAGES - 1);
	ASSERT_EQ(0, stream_send(self->sending, MESSAGE));
	EXPECT_EQ(held[3], hold_message(_metadata, &other));
	expect_none_free(_metadata, &other, self->sending);
}

FIXTURE(returning_stream)
{
	struct link link;
};

FIXTURE_SETUP(returning_stream)
{
	const char *missing = link_missing() ?: zcrx_missing();
	int ret;

	if (missing)
		SKIP(return, "%s", missing);
	ret = link_open(&self->link);
	if (ret == -EOPNOTSUPP)
		SKIP(return, NETIF_IS_NO_NIC);
	ASSERT_EQ(0, ret);
}

FIXTURE_TEARDOWN_PARENT(returning_stream)
{
	/* The process of the test is gone: nothing may hold the devices. */
	EXPECT_EQ(0, link_close(&self->link));
}

/* R50: A buffer that user space does not hold cannot be returned. */
TEST_F_TIMEOUT(returning_stream, never_given, 180)
{
	struct piece kept[PAGES / 2];
	bool seen[MANY_PAGES] = {};
	struct receiver receiver;
	struct stream stream;
	__u64 position;
	int i;

	open_small(_metadata, &receiver, &stream, &self->link, MANY_PAGES,
		   MANY_PAGES);
	for (i = 0; i < (int)MANY_PAGES; i++)
		receiver_write(&receiver, i, i * PAGE, PAGE);
	receiver_publish(&receiver, MANY_PAGES);
	ASSERT_EQ(0, stream_start(&stream));
	position = keep_pieces(_metadata, &receiver, 0, kept, PAGES / 2);
	for (i = 0; i < PAGES / 2; i++) {
		EXPECT_FALSE(seen[kept[i].offset / PAGE]);
		seen[kept[i].offset / PAGE] = true;
	}
	/* The device had looked at all of them before it had a buffer. */
	EXPECT_EQ(MANY_PAGES, *receiver.rq_head);
	return_pieces(_metadata, &receiver, kept, PAGES / 2);
	EXPECT_EQ(SIZE, receive_pieces(_metadata, &receiver, position));
	close_small(_metadata, &receiver, &stream);
}

/* R50: What is held stays as it is while the others are filled again. */
TEST_F_TIMEOUT(returning_stream, held_stays, 180)
{
	struct receiver receiver;
	struct piece kept[HELD];
	struct stream stream;
	__u64 position;
	int i;

	open_small(_metadata, &receiver, &stream, &self->link, PAGES,
		   8 * PAGES);
	ASSERT_EQ(0, stream_start(&stream));
	position = keep_pieces(_metadata, &receiver, 0, kept, HELD);
	EXPECT_EQ(SIZE, receive_pieces(_metadata, &receiver, position));
	for (i = 0, position = 0; i < HELD; position += kept[i++].len)
		EXPECT_TRUE(stream_matches(kept[i].data, position,
					   kept[i].len));
	return_pieces(_metadata, &receiver, kept, HELD);
	close_small(_metadata, &receiver, &stream);
}

/* R50: Pieces are returned in the reverse of the order they came in. */
TEST_F_TIMEOUT(returning_stream, in_reverse, 180)
{
	struct piece kept[BATCH];
	struct receiver receiver;
	struct stream stream;
	__u64 position = 0;
	int i;

	open_small(_metadata, &receiver, &stream, &self->link, PAGES,
		   8 * PAGES);
	ASSERT_EQ(0, stream_start(&stream));
	while (is_piece_next(_metadata, &receiver)) {
		for (i = 0; i < BATCH &&
		     is_piece_next(_metadata, &receiver); i++)
			position = keep_pieces(_metadata, &receiver, position,
					       &kept[i], 1);
		while (i--)
			return_pieces(_metadata, &receiver, &kept[i], 1);
	}
	EXPECT_EQ(SIZE, position);
	close_small(_metadata, &receiver, &stream);
}

/* R50: The whole area is returned with one step of the tail. */
TEST_F_TIMEOUT(returning_stream, all_at_once, 180)
{
	struct piece kept[PAGES];
	struct receiver receiver;
	unsigned int i, count;
	struct stream stream;
	__u64 position = 0;

	open_small(_metadata, &receiver, &stream, &self->link, PAGES,
		   8 * PAGES);
	ASSERT_EQ(0, stream_start(&stream));
	count = keep_until_starved(_metadata, &receiver, &self->link,
				   &position, kept, PAGES);
	EXPECT_LT(PAGES / 2U, count);
	EXPECT_LT(0, times_starved(&self->link));
	for (i = 0; i < count; i++)
		receiver_write(&receiver, i, kept[i].offset, PAGE);
	receiver_publish(&receiver, count);
	EXPECT_EQ(SIZE, receive_pieces(_metadata, &receiver, position));
	close_small(_metadata, &receiver, &stream);
}

/* R50: A ring smaller than the area is gone through many times. */
TEST_F_TIMEOUT(returning_stream, ring_wraps, 180)
{
	unsigned int first = 0, next = 0, idle_ms = 0;
	struct piece kept[4 * PAGES];
	struct io_uring_cqe *cqe;
	struct receiver receiver;
	struct stream stream;
	__u64 position = 0;

	open_small(_metadata, &receiver, &stream, &self->link, 3 * PAGES,
		   FEW_ENTRIES);
	ASSERT_EQ(0, stream_start(&stream));
	/* What does not fit into the refill ring waits for the kernel. */
	while (position < SIZE && idle_ms < WAIT_MS) {
		while (first != next &&
		       receiver_return(&receiver,
				       kept[first % (4 * PAGES)].offset, PAGE))
			first++;
		cqe = uring_wait(&receiver.ring, MOMENT_MS);
		idle_ms = cqe ? 0 : idle_ms + MOMENT_MS;
		if (cqe)
			position = keep_pieces(_metadata, &receiver, position,
					       &kept[next++ % (4 * PAGES)], 1);
	}
	EXPECT_EQ(SIZE, position);
	EXPECT_LT(10U * FEW_ENTRIES, *receiver.rq_tail);
	close_small(_metadata, &receiver, &stream);
}

TEST_HARNESS_MAIN
