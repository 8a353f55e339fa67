// SPDX-License-Identifier: GPL-2.0
/*
 * Zero copy receive of io_uring: copies, and which buffers are free.
 *
 * R46  what is not in the area is copied there
 * R50  entries of the refill ring are never trusted
 * R61  the device may go down or away with data on its way
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

#define ROUNDS		3
#define TURNS		50
#define POOL_PAGES	32
#define OWNER_PAGES	512
#define READER_PAGES	256

/* More than a packet carries that is not larger than the wire's. */
#define PACKET		1500

/* A packet of this size is not cut into smaller ones. */
#define LARGE_MTU	65000
#define HALF_PACKET	4

/* Every buffer can be copied to while all others are kept, and no other. */
static void expect_copies(struct __test_metadata *_metadata,
			  struct receiver *receiver, int receiving, int sending)
{
	const __u64 size = REQUEST_PAGES * PAGE + 100;
	struct piece kept[REQUEST_PAGES];
	__u64 position;

	ASSERT_EQ(0, stream_send(sending, size));
	position = keep_pieces(_metadata, receiver, 0, kept, REQUEST_PAGES);
	expect_end(_metadata, receiver, -ENOMEM);
	return_pieces(_metadata, receiver, kept, REQUEST_PAGES);
	receiver_request(receiver, receiving);
	while (position < size)
		position += expect_piece(_metadata, receiver, position);
	EXPECT_EQ(size, position);
}

/* The device can place something in every buffer while all others are kept. */
static void expect_placed(struct __test_metadata *_metadata,
			  const struct link *link, struct receiver *receiver)
{
	const unsigned int pages = receiver->area.len / PAGE;
	struct piece *kept = calloc(pages, sizeof(*kept));
	struct stream stream;
	__u64 position = 0;

	ASSERT_NE(NULL, kept);
	ASSERT_EQ(0, link_send_small(link));
	ASSERT_EQ(0, stream_open(&stream, link, AF_INET, LINK_PORT,
				 pages * PACKET));
	receiver_request(receiver, stream.fd);
	ASSERT_EQ(0, stream_start(&stream));
	position = keep_pieces(_metadata, receiver, position, kept, pages);
	return_pieces(_metadata, receiver, kept, pages);
	position = receive_rest(_metadata, receiver, position);
	EXPECT_EQ(pages * PACKET, position);
	EXPECT_EQ(0, stream_close(&stream));
	free(kept);
}

/*
 * A packet waits in a socket, and user space keeps the first half of it: then
 * there was no more room for completions. The socket is in *fd.
 */
static void keep_half_packet(struct __test_metadata *_metadata,
			     struct link *link, struct receiver *receiver,
			     int *fd, struct piece *kept)
{
	const __u64 size = 2 * HALF_PACKET * PAGE;
	int i, others, sending;

	/* Where it was received it is freed, at once. */
	ASSERT_EQ(0, run_on_cpu(0));
	ASSERT_EQ(0, link_steer(link));
	ASSERT_EQ(0, link_set_mtu(link, LARGE_MTU));
	ASSERT_EQ(0, stream_pair(link, LINK_PORT, fd, &sending));
	ASSERT_EQ(0, receiver_open(receiver, link->rx.ifindex, LINK_QUEUE,
				   REQUEST_PAGES));
	others = receiver->ring.cq_mask + 1 - HALF_PACKET;
	for (i = 0; i < others; i++) {
		uring_next(&receiver->ring);
		ASSERT_EQ(0, uring_submit(&receiver->ring));
	}
	ASSERT_EQ(0, stream_send(sending, size));
	ASSERT_EQ(0, stream_wait(*fd, size));
	receiver_request(receiver, *fd);
	ASSERT_EQ(0, uring_submit(&receiver->ring));
	for (i = 0; i < others; i++)
		expect_end(_metadata, receiver, 0);
	EXPECT_EQ(size / 2,
		  keep_pieces(_metadata, receiver, 0, kept, HALF_PACKET));
	expect_end(_metadata, receiver, -ENOSPC);
}

/* Receive the other half of it, and let the packet go. */
static void receive_half_packet(struct __test_metadata *_metadata,
				struct receiver *receiver, int fd)
{
	__u64 position = HALF_PACKET * PAGE;

	receiver_request(receiver, fd);
	while (position < 2 * HALF_PACKET * PAGE)
		position += expect_piece(_metadata, receiver, position);
}

FIXTURE(copy)
{
	struct link link;
};

FIXTURE_SETUP(copy)
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

FIXTURE_TEARDOWN_PARENT(copy)
{
	/* The process of the test is gone: nothing may hold the devices. */
	EXPECT_EQ(0, link_close(&self->link));
}

/* R46: A buffer that is idle in the pool of the device is free to copy to. */
TEST_F_TIMEOUT(copy, copied_while_pool_has_all, 180)
{
	int i, pools, placed, placing, copied, copying;
	const struct link *link = &self->link;
	struct receiver receiver;

	ASSERT_EQ(0, link_steer(&self->link));
	pools = pools_count();
	ASSERT_EQ(0, stream_pair(link, LINK_PORT, &placed, &placing));
	ASSERT_EQ(0, stream_pair(link, LINK_OTHER_PORT, &copied, &copying));
	ASSERT_EQ(0, receiver_open(&receiver, link->rx.ifindex, LINK_QUEUE,
				   POOL_PAGES));
	receiver_request(&receiver, placed);
	receiver_request(&receiver, copied);
	for (i = 0; i < TURNS; i++) {
		/* The device takes all buffers for a single byte. */
		expect_bytes(_metadata, &receiver, placing, 1);
		expect_bytes(_metadata, &receiver, copying, POOL_PAGES / 8 *
							    PAGE);
	}
	receiver_close(&receiver);
	ASSERT_EQ(0, close(placed));
	ASSERT_EQ(0, close(copied));
	expect_nothing_left(_metadata, pools);
}

/*
 * R61: All buffers are free to copy to while the interface is down, and
 * placed in after.
 */
TEST_F_TIMEOUT(copy, copied_after_down, 180)
{
	const __u64 size = 3 * PAGE;
	struct link *link = &self->link;
	int i, fd, listening, receiving, sending;
	struct receiver receiver;
	struct piece kept;
	__u64 position;

	ASSERT_EQ(0, link_steer(link));
	ASSERT_EQ(0, stream_pair(link, LINK_PORT, &fd, &sending));
	ASSERT_EQ(0, receiver_open(&receiver, link->rx.ifindex, LINK_QUEUE,
				   REQUEST_PAGES));
	receiver_request(&receiver, fd);
	ASSERT_EQ(0, stream_send(sending, size));
	kept = keep_piece(_metadata, &receiver, 0);
	for (position = kept.len; position < size;)
		position += expect_piece(_metadata, &receiver, position);
	ASSERT_EQ(0, receiver_cancel_now(&receiver, fd));
	expect_end(_metadata, &receiver, -ECANCELED);

	ASSERT_EQ(0, netif_set_up(&link->rx, false));
	/* The pool does not wait for what user space has. */
	ASSERT_EQ(0, pools_settle(0, WAIT_MS));
	return_pieces(_metadata, &receiver, &kept, 1);
	ASSERT_EQ(0, stream_loopback(&listening, &receiving, &sending));
	receiver_request(&receiver, receiving);
	for (i = 0; i < ROUNDS; i++)
		expect_copies(_metadata, &receiver, receiving, sending);
	ASSERT_EQ(0, receiver_cancel_now(&receiver, receiving));
	expect_end(_metadata, &receiver, -ECANCELED);

	ASSERT_EQ(0, netif_set_up(&link->rx, true));
	expect_placed(_metadata, link, &receiver);
	receiver_close(&receiver);
}

/* R50: A buffer is not used again as long as its packet waits in a socket. */
TEST_F_TIMEOUT(copy, held_by_packet, 180)
{
	const __u64 left = (REQUEST_PAGES - 2 * HALF_PACKET) * PAGE;
	const struct link *link = &self->link;
	struct piece kept[HALF_PACKET];
	int fd, receiving, sending;
	struct receiver receiver;

	keep_half_packet(_metadata, &self->link, &receiver, &fd, kept);
	return_pieces(_metadata, &receiver, kept, HALF_PACKET);
	/* The device has one buffer too few for another packet. */
	ASSERT_EQ(0, stream_pair(link, LINK_PORT, &receiving, &sending));
	ASSERT_EQ(0, stream_send(sending, left + PAGE));
	receiver_request(&receiver, receiving);
	EXPECT_EQ(NULL, uring_wait(&receiver.ring, STARVE_MS));
	EXPECT_LT(0, times_starved(link));

	receive_half_packet(_metadata, &receiver, fd);
	EXPECT_LT(0ULL, expect_piece(_metadata, &receiver, 0));
	receiver_close(&receiver);
}

/* R61: It is not lost either when the interface is taken down meanwhile. */
TEST_F_TIMEOUT(copy, held_by_packet_when_down, 180)
{
	int fd, listening, receiving, sending;
	struct piece kept[HALF_PACKET];
	struct receiver receiver;

	keep_half_packet(_metadata, &self->link, &receiver, &fd, kept);
	ASSERT_EQ(0, netif_set_up(&self->link.rx, false));
	receive_half_packet(_metadata, &receiver, fd);
	ASSERT_EQ(0, receiver_cancel_now(&receiver, fd));
	expect_end(_metadata, &receiver, -ECANCELED);
	return_pieces(_metadata, &receiver, kept, HALF_PACKET);
	ASSERT_EQ(0, pools_settle(0, WAIT_MS));

	ASSERT_EQ(0, stream_loopback(&listening, &receiving, &sending));
	receiver_request(&receiver, receiving);
	expect_copies(_metadata, &receiver, receiving, sending);
	receiver_close(&receiver);
}

/*
 * R46: What the device has placed for another ring is copied, and its
 * buffers come back.
 */
TEST_F_TIMEOUT(copy, placed_in_other_ring, 180)
{
	const struct link *link = &self->link;
	struct receiver owner, reader;
	const __u64 size = 1 << 20;
	struct stream stream;

	ASSERT_EQ(0, link_steer(&self->link));
	ASSERT_EQ(0, receiver_open_stream(&owner, &stream, link, AF_INET, size,
					  OWNER_PAGES));
	ASSERT_EQ(0, receiver_open(&reader, link->rx.ifindex, 0, READER_PAGES));
	ASSERT_EQ(0, stream_start(&stream));
	receiver_request(&reader, stream.fd);
	EXPECT_EQ(size, receive_rest(_metadata, &reader, 0));
	EXPECT_EQ(0, stream_close(&stream));
	EXPECT_LE((long long)size,
		  link_counter(link, LINK_QUEUE, "provider_bytes"));
	EXPECT_EQ(NULL, uring_peek(&owner.ring));
	expect_placed(_metadata, link, &owner);
	receiver_close(&reader);
	receiver_close(&owner);
}

/* R46: The same from the middle of a page on. */
TEST_F_TIMEOUT(copy, part_placed_in_other_ring, 180)
{
	const struct link *link = &self->link;
	struct receiver owner, reader;
	const __u64 size = 1 << 20;
	struct stream stream;

	ASSERT_EQ(0, link_steer(&self->link));
	ASSERT_EQ(0, receiver_open_stream(&owner, &stream, link, AF_INET, size,
					  OWNER_PAGES));
	ASSERT_EQ(0, receiver_open(&reader, link->rx.ifindex, 0, READER_PAGES));
	ASSERT_EQ(0, stream_start(&stream));
	ASSERT_EQ(0, stream_skip(&stream, 100));
	receiver_request(&reader, stream.fd);
	EXPECT_EQ(size, receive_rest(_metadata, &reader, 100));
	EXPECT_EQ(0, stream_close(&stream));
	EXPECT_LE((long long)size,
		  link_counter(link, LINK_QUEUE, "provider_bytes"));
	EXPECT_EQ(NULL, uring_peek(&owner.ring));
	expect_placed(_metadata, link, &owner);
	receiver_close(&reader);
	receiver_close(&owner);
}

TEST_HARNESS_MAIN
