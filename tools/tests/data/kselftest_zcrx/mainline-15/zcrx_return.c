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
