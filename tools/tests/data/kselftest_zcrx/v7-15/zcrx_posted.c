// SPDX-License-Identifier: GPL-2.0
/*
 * Zero copy receive of io_uring: buffers that a device has posted.
 *
 * R32  a registration does not keep the device
 * R33  the queue is an ordinary one without the ring
 * R34  a registration outlasts that the interface is down
 * R39  what the device has posted is free for nothing else
 * R44  a completion for each piece, in the area, in order
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

/*
 * Descriptors of each queue, as many as two allocations of a pool give, and
 * pages that an area has beyond them.
 */
#define DESCRIPTORS	128
#define SPARE		4
#define PAGES		(DESCRIPTORS + SPARE)

#define ROUNDS		4
#define SIZE		(8ULL << 20)
#define CHANGING_PAGES	2048
#define STEP		(1ULL << 20)
#define CHUNK		65536

/* The ring can hold what waits in a socket with that much room. */
#define ROOM		65536

/* A queue is registered after the device was told to post buffers. */
static void open_posted(struct __test_metadata *_metadata,
			struct receiver *receiver, struct link *link,
			unsigned int pages)
{
	ASSERT_EQ(0, link_steer(link));
	ASSERT_EQ(0, ethtool_set_descriptors(&link->rx, DESCRIPTORS));
	ASSERT_EQ(0, receiver_open(receiver, link->rx.ifindex, LINK_QUEUE,
				   pages));
}

/* What all queues together have posted when none of them is in use. */
static long long all_posted(const struct link *link)
{
	return (long long)link->rx.rx_queues * DESCRIPTORS;
}

/*
 * Copy as much as there are pages for. They are kept, and there is more of the
 * stream. Gives the position in it.
 */
static __u64 keep_copies(struct __test_metadata *_metadata,
			 struct receiver *receiver, int receiving, int sending,
			 struct piece *kept, unsigned int pages)
{
	unsigned int i, j;
	__u64 position;

	ASSERT_EQ(0, stream_send(sending, pages * PAGE + 1));
	receiver_request(receiver, receiving);
	position = keep_pieces(_metadata, receiver, 0, kept, pages);
	expect_end(_metadata, receiver, -ENOMEM);
	for (i = 0; i < pages; i++)
		for (j = 0; j < i; j++)
			EXPECT_NE(kept[i].offset / PAGE, kept[j].offset / PAGE);
	return position;
}

/* The same, and user space has all the pages that are not posted. */
static void open_without_rest(struct __test_metadata *_metadata,
			      struct receiver *receiver, struct link *link)
{
	struct piece rest[SPARE];
	int receiving, sending;

	open_posted(_metadata, receiver, link, PAGES);
	ASSERT_EQ(0, stream_pair(link, LINK_OTHER_PORT, &receiving, &sending));
	keep_copies(_metadata, receiver, receiving, sending, rest, SPARE);
}

/* That many pages can be copied to, and no more, over and over again. */
static void expect_copies(struct __test_metadata *_metadata,
			  struct receiver *receiver, const struct link *link,
			  unsigned int pages)
{
	struct piece kept[PAGES];
	int i, receiving, sending;
	__u64 position;

	for (i = 0; i < ROUNDS; i++) {
		ASSERT_EQ(0, stream_pair(link, LINK_OTHER_PORT, &receiving,
					 &sending));
		position = keep_copies(_metadata, receiver, receiving, sending,
				       kept, pages);
		return_pieces(_metadata, receiver, kept, pages);
		receiver_request(receiver, receiving);
		while (position < pages * PAGE + 1)
			position += receive_piece(_metadata, receiver,
						  receiving, position);
		EXPECT_EQ(pages * PAGE + 1, position);
		ASSERT_EQ(0, receiver_cancel_now(receiver, receiving));
		expect_end(_metadata, receiver, -ECANCELED);
		close(sending);
		close(receiving);
	}
}

/* One change after the other of what an ordinary queue has posted. */
static int change(const struct netif *dev, int i)
{
	switch (i % 4) {
	case 0:
		return ethtool_set_descriptors(dev, i);
	case 1:
		return ethtool_no_split(dev);
	case 2:
		return ethtool_set_descriptors(dev, DESCRIPTORS);
	default:
		return ethtool_split(dev);
	}
}

FIXTURE(posted)
{
	struct link link;
};

FIXTURE_SETUP(posted)
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

FIXTURE_TEARDOWN_PARENT(posted)
{
	/* The process of the test is gone: nothing may hold the devices. */
	EXPECT_EQ(0, link_close(&self->link));
}

/* R39: A device that is not told to posts nothing. */
TEST_F_TIMEOUT(posted, none_unless_told, 180)
{
	const struct netif *dev = &self->link.rx;
	struct receiver receiver;

	EXPECT_EQ(0, ethtool_descriptors(dev));
	EXPECT_EQ(0, pools_buffers(dev->ifindex));
	ASSERT_EQ(0, ethtool_set_descriptors(dev, DESCRIPTORS));
	ASSERT_EQ(0, ethtool_set_descriptors(dev, 0));
	EXPECT_EQ(0, ethtool_descriptors(dev));
	ASSERT_EQ(0, receiver_open(&receiver, dev->ifindex, LINK_QUEUE,
				   REQUEST_PAGES));
	expect_copies(_metadata, &receiver, &self->link, REQUEST_PAGES);
	receiver_close(&receiver);
}

/* R39: Buffers are posted as soon as there is a number. */
TEST_F_TIMEOUT(posted, before_anything_arrives, 180)
{
	const struct netif *dev = &self->link.rx;
	const int pools = pools_count();
	struct receiver receiver;

	ASSERT_EQ(0, ethtool_set_descriptors(dev, DESCRIPTORS));
	EXPECT_EQ(DESCRIPTORS, ethtool_descriptors(dev));
	EXPECT_EQ(all_posted(&self->link), pools_buffers(dev->ifindex));
	ASSERT_EQ(0, receiver_open(&receiver, dev->ifindex, LINK_QUEUE, PAGES));
	EXPECT_EQ(pools, pools_settle(pools, WAIT_MS));
	EXPECT_EQ(all_posted(&self->link), pools_buffers(dev->ifindex));
	receiver_close(&receiver);
	expect_nothing_left(_metadata, pools);
	EXPECT_EQ(all_posted(&self->link), pools_buffers(dev->ifindex));
}

/*
 * R39: Of 132 pages 4 are free to copy to: then the request ends, and no
 * byte is lost.
 */
TEST_F_TIMEOUT(posted, copied_to_the_rest, 180)
{
	struct receiver receiver;

	open_posted(_metadata, &receiver, &self->link, PAGES);
	expect_copies(_metadata, &receiver, &self->link, SPARE);
	receiver_close(&receiver);
}

/*
 * R39: The device places in what it has posted while user space has all
 * other pages.
 */
TEST_F_TIMEOUT(posted, placed_while_rest_is_held, 180)
{
	const __u64 size = 2 * DESCRIPTORS * PACKET_BYTES;
	const struct link *link = &self->link;
	struct piece kept[DESCRIPTORS];
	struct receiver receiver;
	struct stream stream;
	__u64 position;

	open_without_rest(_metadata, &receiver, &self->link);
	/* A packet, and so a buffer, for each piece. */
	ASSERT_EQ(0, link_send_small(link));
	ASSERT_EQ(0, stream_open(&stream, link, AF_INET, LINK_PORT, size));
	receiver_request(&receiver, stream.fd);
	ASSERT_EQ(0, uring_submit(&receiver.ring));
	ASSERT_EQ(0, stream_start(&stream));
	position = keep_pieces(_metadata, &receiver, 0, kept, DESCRIPTORS);
	EXPECT_EQ(NULL, uring_wait(&receiver.ring, STARVE_MS));
	EXPECT_LT(0, link_counter(link, LINK_QUEUE, "no_buffer"));

	return_pieces(_metadata, &receiver, kept, DESCRIPTORS);
	EXPECT_EQ(size, receive_rest(_metadata, &receiver, position));
	EXPECT_EQ(0, stream_close(&stream));
	receiver_close(&receiver);
}

/* R39: What is returned is posted in place of what was placed in. */
TEST_F_TIMEOUT(posted, posted_again, 180)
{
	struct link *link = &self->link;
	int i, placed, placing;
	struct receiver receiver;

	open_posted(_metadata, &receiver, link, PAGES);
	ASSERT_EQ(0, stream_pair(link, LINK_PORT, &placed, &placing));
	receiver_request(&receiver, placed);
	for (i = 0; i < DESCRIPTORS; i++)
		expect_bytes(_metadata, &receiver, placing, SPARE * PAGE);
	/* The device is told of what was returned by what comes next. */
	expect_bytes(_metadata, &receiver, placing, 1);
	expect_copies(_metadata, &receiver, link, SPARE);
	receiver_close(&receiver);
}

/* R39: All of an area may be posted: then nothing can be copied. */
TEST_F_TIMEOUT(posted, area_below_ring, 180)
{
	int placed, placing, copied, copying;
	struct link *link = &self->link;
	struct receiver receiver;

	open_posted(_metadata, &receiver, link, REQUEST_PAGES);
	ASSERT_EQ(0, stream_pair(link, LINK_OTHER_PORT, &copied, &copying));
	ASSERT_EQ(0, stream_pair(link, LINK_PORT, &placed, &placing));
	ASSERT_EQ(0, stream_send(copying, 1));
	receiver_request(&receiver, copied);
	expect_end(_metadata, &receiver, -ENOMEM);
	receiver_request(&receiver, placed);
	expect_bytes(_metadata, &receiver, placing, REQUEST_PAGES / 2 * PAGE);
	receiver_close(&receiver);
}

/* R44: All of a stream arrives through what is posted, the rest held. */
TEST_F_TIMEOUT(posted, ipv4_8_mib, 180)
{
	const struct link *link = &self->link;
	const int room = ROOM;
	struct receiver receiver;
	struct stream stream;

	open_without_rest(_metadata, &receiver, &self->link);
	ASSERT_EQ(0, stream_open(&stream, link, AF_INET, LINK_PORT, SIZE));
	ASSERT_EQ(0, setsockopt(stream.fd, SOL_SOCKET, SO_RCVBUF, &room,
				sizeof(room)));
	receiver_request(&receiver, stream.fd);
	ASSERT_EQ(0, uring_submit(&receiver.ring));
	ASSERT_EQ(0, stream_start(&stream));
	EXPECT_EQ(SIZE, receive_rest(_metadata, &receiver, 0));
	EXPECT_EQ(0, stream_close(&stream));
	EXPECT_LE((long long)SIZE,
		  link_counter(link, LINK_QUEUE, "provider_bytes"));
	receiver_close(&receiver);
}

/* R44: The same over IPv6. */
TEST_F_TIMEOUT(posted, ipv6_8_mib, 180)
{
	const struct link *link = &self->link;
	const int room = ROOM;
	struct receiver receiver;
	struct stream stream;

	open_without_rest(_metadata, &receiver, &self->link);
	ASSERT_EQ(0, stream_open(&stream, link, AF_INET6, LINK_PORT, SIZE));
	ASSERT_EQ(0, setsockopt(stream.fd, SOL_SOCKET, SO_RCVBUF, &room,
				sizeof(room)));
	receiver_request(&receiver, stream.fd);
	ASSERT_EQ(0, uring_submit(&receiver.ring));
	ASSERT_EQ(0, stream_start(&stream));
	EXPECT_EQ(SIZE, receive_rest(_metadata, &receiver, 0));
	EXPECT_EQ(0, stream_close(&stream));
	EXPECT_LE((long long)SIZE,
		  link_counter(link, LINK_QUEUE, "provider_bytes"));
	receiver_close(&receiver);
}

/* R39: The number of descriptors changes while a stream runs. */
TEST_F_TIMEOUT(posted, number_changed, 180)
{
	/* The largest one is more than the area has. */
	static const int numbers[] = { 1, 4096, 0, DESCRIPTORS, 7 };
	const struct link *link = &self->link;
	const int pools = pools_count();
	__u64 position = 0, next = STEP;
	struct receiver receiver;
	struct stream stream;
	int i = 0;

	open_posted(_metadata, &receiver, &self->link, CHANGING_PAGES);
	ASSERT_EQ(0, stream_open(&stream, link, AF_INET, LINK_PORT,
				 CHANGING_SIZE));
	receiver_request(&receiver, stream.fd);
	ASSERT_EQ(0, stream_start(&stream));
	while (is_piece_next(_metadata, &receiver)) {
		position += expect_piece(_metadata, &receiver, position);
		if (position < next)
			continue;
		ASSERT_EQ(0, ethtool_set_descriptors(&link->rx,
						     numbers[i++ %
						     ARRAY_SIZE(numbers)]));
		next += STEP;
	}
	expect_end(_metadata, &receiver, 0);
	EXPECT_EQ(CHANGING_SIZE, position);
	EXPECT_EQ(0, stream_close(&stream));
	EXPECT_LE((long long)CHANGING_SIZE,
		  link_counter(link, LINK_QUEUE, "provider_bytes"));
	receiver_close(&receiver);
	expect_nothing_left(_metadata, pools);
}

/*
 * R39: Descriptors and header split change under a stream that nobody
 * registered for.
 */
TEST_F_TIMEOUT(posted, ordinary_queue, 180)
{
	__u64 position = 0, next = STEP;
	struct link *link = &self->link;
	static char data[CHUNK];
	struct stream stream;
	ssize_t len;
	int i = 0;

	ASSERT_EQ(0, stream_open(&stream, link, AF_INET, LINK_PORT,
				 CHANGING_SIZE));
	ASSERT_EQ(0, stream_start(&stream));
	while ((len = read(stream.fd, data, sizeof(data))) > 0) {
		ASSERT_TRUE(stream_matches(data, position, len))
			TH_LOG("wrong data after %llu bytes", position);
		position += len;
		if (position < next)
			continue;
		ASSERT_EQ(0, change(&link->rx, i++));
		next += STEP;
	}
	EXPECT_EQ(0, len);
	EXPECT_EQ(CHANGING_SIZE, position);
	EXPECT_EQ(0, stream_close(&stream));
	EXPECT_LT(0, link_counter(link, 0, "placed_bytes"));
	/* All pools are of this device. */
	ASSERT_EQ(0, netif_set_up(&link->rx, false));
	EXPECT_EQ(0, pools_settle(0, WAIT_MS));
}

/* R34: What is posted comes back with the interface, and is posted again. */
TEST_F_TIMEOUT(posted, down_and_up, 180)
{
	struct link *link = &self->link;
	struct receiver receiver;

	open_posted(_metadata, &receiver, link, PAGES);
	ASSERT_EQ(0, netif_set_up(&link->rx, false));
	EXPECT_EQ(0, pools_settle(0, WAIT_MS));
	ASSERT_EQ(0, netif_set_up(&link->rx, true));
	EXPECT_EQ(all_posted(link), pools_buffers(link->rx.ifindex));
	expect_copies(_metadata, &receiver, link, SPARE);
	receiver_close(&receiver);
}

/* R33: What is posted comes back when the queue is given back. */
TEST_F_TIMEOUT(posted, queue_given_back, 180)
{
	const int pools = pools_count();
	struct receiver receiver;
	struct stream stream;
	int i;

	ASSERT_EQ(0, link_steer(&self->link));
	ASSERT_EQ(0, ethtool_set_descriptors(&self->link.rx, DESCRIPTORS));
	for (i = 0; i < ROUNDS; i++) {
		ASSERT_EQ(0, endless_open(&receiver, &stream, &self->link))
			TH_LOG("after %d times", i);
		ASSERT_EQ(IN_FLIGHT, take(&receiver, IN_FLIGHT, true, WAIT_MS));
		receiver_close(&receiver);
		EXPECT_NE(0, stream_close(&stream));
	}
	expect_nothing_left(_metadata, pools);
	expect_stream(_metadata, &self->link, STEP);
}

/* R32: What is posted comes back when the device is removed. */
TEST_F_TIMEOUT(posted, device_removed, 180)
{
	struct receiver receiver;

	open_posted(_metadata, &receiver, &self->link, PAGES);
	EXPECT_EQ(0, netif_remove(&self->link.rx, REMOVE_MS));
	/* There are only pools of this device. */
	EXPECT_EQ(0, pools_settle(0, WAIT_MS));
	receiver_close(&receiver);
	expect_nothing_left(_metadata, 0);
}

/* R61: So it does with data in flight. */
TEST_F_TIMEOUT(posted, device_removed_receiving, 180)
{
	struct receiver receiver;
	struct stream stream;

	ASSERT_EQ(0, link_steer(&self->link));
	ASSERT_EQ(0, ethtool_set_descriptors(&self->link.rx, DESCRIPTORS));
	ASSERT_EQ(0, endless_open(&receiver, &stream, &self->link));
	ASSERT_EQ(IN_FLIGHT, take(&receiver, IN_FLIGHT, true, WAIT_MS));
	EXPECT_EQ(0, netif_remove(&self->link.rx, REMOVE_MS));
	receiver_close(&receiver);
	endless_close(&stream);
	expect_nothing_left(_metadata, 0);
}

TEST_HARNESS_MAIN
