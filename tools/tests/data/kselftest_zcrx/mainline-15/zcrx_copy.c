// SPDX-License-Identifier: GPL-2.0
/*
 * Zero copy receive of io_uring: copies, and which buffers are free.
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

TEST_HARNESS_MAIN
