// SPDX-License-Identifier: GPL-2.0
/*
 * Zero copy receive of io_uring: receiving a lot.
 *
 * R44  a completion for each piece, in the area, in order
 * R46  what is not in the area is copied there
 * R48  no free buffer for the device delays the data
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

#define STREAM_PAGES	2048
#define CONNECTIONS	64
#define STARVE_PAGES	32
#define STARVE_EVERY	(256ULL << 20)
#define URGENT_AFTER	10000
#define SEGMENT		100
#define URGENT_AT	150

struct transfer {
	int		family;
	__u64		size;
	bool		steered;
	unsigned int	pages;
	unsigned int	ioprio;		/* more of the request's */
	unsigned int	flags;		/* the request's */
	bool		early;		/* data comes first */
	bool		starves;	/* the device, now and then */
	int		mtu;		/* of small packets, 0: large ones */
	size_t		write;		/* size of the sender's, 0: large */
};

/*
 * Where the device placed the payload. It may have been more than was sent,
 * as TCP sends again what it takes for lost when all is slow.
 */
static void expect_counters(struct __test_metadata *_metadata,
			    const struct link *link,
			    const struct transfer *how)
{
	long long in_area = link_counter(link, LINK_QUEUE, "provider_bytes");
	long long in_kernel = link_counter(link, 0, "placed_bytes");
	long long size = how->size;

	EXPECT_LE(size, how->steered ? in_area : in_kernel);
	EXPECT_EQ(0, how->steered ? in_kernel : in_area);
	EXPECT_EQ(how->starves, times_starved(link) > 0);
}

/*
 * Keep what comes until the device starves, and return it then. Gives the
 * position in the stream.
 */
static __u64 starve(struct __test_metadata *_metadata,
		    struct receiver *receiver, const struct link *link,
		    __u64 position)
{
	const unsigned int most = receiver->reg.rq_entries;
	struct piece *kept = calloc(most, sizeof(*kept));
	unsigned int count;

	ASSERT_NE(NULL, kept);
	count = keep_until_starved(_metadata, receiver, link, &position, kept,
				   most);
	return_pieces(_metadata, receiver, kept, count);
	free(kept);
	return position;
}

/* Receive a stream to its end, with the device starving now and then. */
static __u64 receive_starving(struct __test_metadata *_metadata,
			      struct receiver *receiver,
			      const struct link *link)
{
	__u64 position = 0, next = STARVE_EVERY;

	while (is_piece_next(_metadata, receiver)) {
		position += expect_piece(_metadata, receiver, position);
		if (position < next)
			continue;
		position = starve(_metadata, receiver, link, position);
		next += STARVE_EVERY;
	}
	expect_end(_metadata, receiver, 0);
	return position;
}

/* What a transfer wants of the wire, and of the sender and its socket. */
static void open_transfer(struct __test_metadata *_metadata, struct link *link,
			  const struct transfer *how, struct stream *stream)
{
	const int room = 16 << 20;

	if (how->steered)
		ASSERT_EQ(0, link_steer(link));
	if (how->mtu) {
		ASSERT_EQ(0, link_set_mtu(link, how->mtu));
		ASSERT_EQ(0, link_send_small(link));
	}
	ASSERT_EQ(0, how->write ?
		     stream_open_writes(stream, link, how->family, LINK_PORT,
					how->size, how->write) :
		     stream_open(stream, link, how->family, LINK_PORT,
				 how->size));
	/* Each packet takes a buffer, however little is in it. */
	if (how->write)
		ASSERT_EQ(0, setsockopt(stream->fd, SOL_SOCKET, SO_RCVBUFFORCE,
					&room, sizeof(room)));
}

static void transfer(struct __test_metadata *_metadata, struct link *link,
		     const struct transfer *how)
{
	struct io_uring_sqe *sqe;
	struct receiver receiver;
	struct stream stream;

	open_transfer(_metadata, link, how, &stream);
	ASSERT_EQ(0, receiver_open(&receiver, link->rx.ifindex, LINK_QUEUE,
				   how->pages));
	if (how->starves)
		ASSERT_EQ(0, receiver_leave_buffers(&receiver, stream.fd));
	if (how->early) {
		ASSERT_EQ(0, stream_start(&stream));
		ASSERT_EQ(0, stream_wait(stream.fd, 1));
	}
	sqe = receiver_request(&receiver, stream.fd);
	sqe->ioprio |= how->ioprio;
	sqe->flags |= how->flags;
	if (!how->early) {
		ASSERT_EQ(0, uring_submit(&receiver.ring));
		ASSERT_EQ(0, stream_start(&stream));
	}
	EXPECT_EQ(how->size, how->starves ?
			     receive_starving(_metadata, &receiver, link) :
			     receive_rest(_metadata, &receiver, 0));
	EXPECT_EQ(0, stream_close(&stream));
	expect_counters(_metadata, link, how);
	receiver_close(&receiver);
}

FIXTURE(long_stream)
{
	struct link link;
};

FIXTURE_SETUP(long_stream)
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

FIXTURE_TEARDOWN_PARENT(long_stream)
{
	/* The process of the test is gone: nothing may hold the devices. */
	EXPECT_EQ(0, link_close(&self->link));
}

/* R44: The device places 1 GiB into the area. */
TEST_F_TIMEOUT(long_stream, ipv4_placed, 900)
{
	struct transfer how = {
		.family = AF_INET,
		.size = 1 << 30,
		.steered = true,
		.pages = STREAM_PAGES,
	};

	transfer(_metadata, &self->link, &how);
}

/* R46: 1 GiB from another queue is copied. */
TEST_F_TIMEOUT(long_stream, ipv4_copied, 900)
{
	struct transfer how = {
		.family = AF_INET,
		.size = 1 << 30,
		.steered = false,
		.pages = STREAM_PAGES,
	};

	transfer(_metadata, &self->link, &how);
}

/* R48: 1 GiB through an area that is all in use now and then. */
TEST_F_TIMEOUT(long_stream, ipv4_starving, 900)
{
	struct transfer how = {
		.family = AF_INET,
		.size = 1 << 30,
		.steered = true,
		.pages = 256,
		.starves = true,
	};

	transfer(_metadata, &self->link, &how);
}

/* R44: The device places 1 GiB into the area. */
TEST_F_TIMEOUT(long_stream, ipv6_placed, 900)
{
	struct transfer how = {
		.family = AF_INET6,
		.size = 1 << 30,
		.steered = true,
		.pages = STREAM_PAGES,
	};

	transfer(_metadata, &self->link, &how);
}

/* R46: 1 GiB from another queue is copied. */
TEST_F_TIMEOUT(long_stream, ipv6_copied, 900)
{
	struct transfer how = {
		.family = AF_INET6,
		.size = 1 << 30,
		.steered = false,
		.pages = STREAM_PAGES,
	};

	transfer(_metadata, &self->link, &how);
}

/* R48: 1 GiB through an area that is all in use now and then. */
TEST_F_TIMEOUT(long_stream, ipv6_starving, 900)
{
	struct transfer how = {
		.family = AF_INET6,
		.size = 1 << 30,
		.steered = true,
		.pages = 256,
		.starves = true,
	};

	transfer(_metadata, &self->link, &how);
}

TEST_HARNESS_MAIN
