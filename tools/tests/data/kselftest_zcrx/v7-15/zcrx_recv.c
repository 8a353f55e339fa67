// SPDX-License-Identifier: GPL-2.0
/*
 * Zero copy receive of io_uring: receiving.
 *
 * R40  IORING_OP_RECV_ZC (58) receives until it ends
 * R41  it is multishot, and what it does not use is 0 (EINVAL)
 * R42  zcrx_ifq_idx names the ring's interface queue (EINVAL)
 * R43  the file is a TCP socket (ENOTSOCK, EPROTONOSUPPORT, ENOTCONN)
 * R44  a completion for each piece, in the area, in order
 * R45  the end is a completion without F_MORE
 * R46  what is not in the area is copied there
 * R47  no free buffer to copy to is an error (ENOMEM)
 * R48  no free buffer for the device delays the data
 * R49  urgent data ends a request that copies (EOPNOTSUPP), or is in line
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

/* A connection that waits for segments of the test's own making. */
struct segments {
	const struct link	*link;
	struct receiver		receiver;
	int			receiving;
	int			sending;
};

static void segments_open(struct __test_metadata *_metadata,
			  struct segments *segments, const struct link *link)
{
	segments->link = link;
	ASSERT_EQ(0, stream_pair(link, LINK_PORT, &segments->receiving,
				 &segments->sending));
	ASSERT_EQ(0, receiver_open(&segments->receiver, link->rx.ifindex,
				   LINK_QUEUE, REQUEST_PAGES));
	receiver_request(&segments->receiver, segments->receiving);
	ASSERT_EQ(0, uring_submit(&segments->receiver.ring));
}

static void segments_send(struct __test_metadata *_metadata,
			  const struct segments *segments,
			  const struct segment *segment)
{
	ASSERT_EQ(0, segment_send(segments->link, segments->sending, segment));
}

/* Receive up to that position of the stream. */
static void segments_expect(struct __test_metadata *_metadata,
			    struct segments *segments, __u64 position,
			    __u64 end)
{
	while (position < end)
		position += expect_piece(_metadata, &segments->receiver,
					 position);
	EXPECT_EQ(end, position);
}

/* The second half of a stream comes first, and has the urgent byte in it. */
static void segments_send_urgent(struct __test_metadata *_metadata,
				 const struct segments *segments)
{
	segments_send(_metadata, segments, &(struct segment) {
		.position = SEGMENT, .len = SEGMENT });
	segments_send(_metadata, segments, &(struct segment) {
		.len = SEGMENT, .urgent = URGENT_AT + 1 });
}

/* A stream with urgent data in it is on its way. Returns 0 or an error. */
static int urgent_open(struct receiver *receiver, struct stream *stream,
		       const struct link *link)
{
	int ret;

	ret = stream_open_urgent(stream, link, AF_INET, LINK_PORT,
				 URGENT_AFTER);
	if (ret)
		return ret;
	ret = receiver_open(receiver, link->rx.ifindex, LINK_QUEUE,
			    REQUEST_PAGES);
	if (ret)
		return ret;
	receiver_request(receiver, stream->fd);
	return stream_start(stream);
}

FIXTURE(request)
{
	struct receiver receiver;
	struct netif dev;
	int receiving;
	int sending;
	int listening;
};

FIXTURE_SETUP(request)
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

FIXTURE_TEARDOWN_PARENT(request)
{
	/* The process of the test is gone: nothing may hold the device. */
	EXPECT_EQ(0, netif_close(&self->dev));
}

/* R40: The default request is taken: all others differ from it. */
TEST_F(request, default_sqe)
{
	receiver_request(&self->receiver, self->receiving);
	expect_bytes(_metadata, &self->receiver, self->sending, 1);
}

/* R40: IORING_RECVSEND_POLL_FIRST is allowed. */
TEST_F(request, poll_first)
{
	struct io_uring_sqe *sqe;

	sqe = receiver_request(&self->receiver, self->receiving);
	sqe->ioprio = IORING_RECV_MULTISHOT | IORING_RECVSEND_POLL_FIRST;
	expect_bytes(_metadata, &self->receiver, self->sending, 1);
}

/* R40: A request that is sent to a worker first comes back and receives. */
TEST_F(request, async_flag)
{
	struct io_uring_sqe *sqe;

	sqe = receiver_request(&self->receiver, self->receiving);
	sqe->flags = IOSQE_ASYNC;
	expect_bytes(_metadata, &self->receiver, self->sending, 1);
}

/* R40: The socket may be a registered file. */
TEST_F(request, fixed_file)
{
	struct io_uring_sqe *sqe;

	ASSERT_EQ(0, ring_register(self->receiver.ring.fd,
				   IORING_REGISTER_FILES, &self->receiving, 1));
	sqe = receiver_request(&self->receiver, 0);
	sqe->flags = IOSQE_FIXED_FILE;
	expect_bytes(_metadata, &self->receiver, self->sending, 100);
}

/*
 * R41: How much comes at once is up to the network: there is no single
 * shot.
 */
TEST_F(request, not_multishot)
{
	struct io_uring_sqe *sqe;

	sqe = receiver_request(&self->receiver, self->receiving);
	sqe->ioprio = 0;
	expect_end(_metadata, &self->receiver, -EINVAL);
	receiver_request(&self->receiver, self->receiving);
	expect_bytes(_metadata, &self->receiver, self->sending, 1);
}

/* R41: No other flag than these two is known: fixed buffer. */
TEST_F(request, ioprio_fixed_buffer)
{
	struct io_uring_sqe *sqe;

	sqe = receiver_request(&self->receiver, self->receiving);
	sqe->ioprio = IORING_RECV_MULTISHOT | IORING_RECVSEND_FIXED_BUF;
	expect_end(_metadata, &self->receiver, -EINVAL);
	receiver_request(&self->receiver, self->receiving);
	expect_bytes(_metadata, &self->receiver, self->sending, 1);
}

/* R41: No other flag than these two is known: bundle. */
TEST_F(request, ioprio_bundle)
{
	struct io_uring_sqe *sqe;

	sqe = receiver_request(&self->receiver, self->receiving);
	sqe->ioprio = IORING_RECV_MULTISHOT | IORING_RECVSEND_BUNDLE;
	expect_end(_metadata, &self->receiver, -EINVAL);
	receiver_request(&self->receiver, self->receiving);
	expect_bytes(_metadata, &self->receiver, self->sending, 1);
}

/* R41: No other flag than these two is known: bit 15. */
TEST_F(request, ioprio_bit_15)
{
	struct io_uring_sqe *sqe;

	sqe = receiver_request(&self->receiver, self->receiving);
	sqe->ioprio = IORING_RECV_MULTISHOT | 1U << 15;
	expect_end(_metadata, &self->receiver, -EINVAL);
	receiver_request(&self->receiver, self->receiving);
	expect_bytes(_metadata, &self->receiver, self->sending, 1);
}

/* R41: The field off is not used and must be 0. */
TEST_F(request, unused_off)
{
	struct io_uring_sqe *sqe;

	sqe = receiver_request(&self->receiver, self->receiving);
	sqe->off = 1;
	expect_end(_metadata, &self->receiver, -EINVAL);
	receiver_request(&self->receiver, self->receiving);
	expect_bytes(_metadata, &self->receiver, self->sending, 1);
}

/* R41: The field addr is not used and must be 0. */
TEST_F(request, unused_addr)
{
	struct io_uring_sqe *sqe;

	sqe = receiver_request(&self->receiver, self->receiving);
	sqe->addr = 1;
	expect_end(_metadata, &self->receiver, -EINVAL);
	receiver_request(&self->receiver, self->receiving);
	expect_bytes(_metadata, &self->receiver, self->sending, 1);
}

/* R41: The field len is not used and must be 0. */
TEST_F(request, unused_len)
{
	struct io_uring_sqe *sqe;

	sqe = receiver_request(&self->receiver, self->receiving);
	sqe->len = 1;
	expect_end(_metadata, &self->receiver, -EINVAL);
	receiver_request(&self->receiver, self->receiving);
	expect_bytes(_metadata, &self->receiver, self->sending, 1);
}

/* R41: The field msg_flags is not used and must be 0. */
TEST_F(request, unused_msg_flags)
{
	struct io_uring_sqe *sqe;

	sqe = receiver_request(&self->receiver, self->receiving);
	sqe->msg_flags = 1;
	expect_end(_metadata, &self->receiver, -EINVAL);
	receiver_request(&self->receiver, self->receiving);
	expect_bytes(_metadata, &self->receiver, self->sending, 1);
}

/* R41: The field buf_index is not used and must be 0. */
TEST_F(request, unused_buf_index)
{
	struct io_uring_sqe *sqe;

	sqe = receiver_request(&self->receiver, self->receiving);
	sqe->buf_index = 1;
	expect_end(_metadata, &self->receiver, -EINVAL);
	receiver_request(&self->receiver, self->receiving);
	expect_bytes(_metadata, &self->receiver, self->sending, 1);
}

/* R41: The field addr3 is not used and must be 0. */
TEST_F(request, unused_addr3)
{
	struct io_uring_sqe *sqe;

	sqe = receiver_request(&self->receiver, self->receiving);
	sqe->addr3 = 1;
	expect_end(_metadata, &self->receiver, -EINVAL);
	receiver_request(&self->receiver, self->receiving);
	expect_bytes(_metadata, &self->receiver, self->sending, 1);
}

/* R41: The field __pad2[0] is not used and must be 0. */
TEST_F(request, unused_pad2)
{
	struct io_uring_sqe *sqe;

	sqe = receiver_request(&self->receiver, self->receiving);
	sqe->__pad2[0] = 1;
	expect_end(_metadata, &self->receiver, -EINVAL);
	receiver_request(&self->receiver, self->receiving);
	expect_bytes(_metadata, &self->receiver, self->sending, 1);
}

/* R42: The ring has one interface queue, number 0, not 1. */
TEST_F(request, ifq_idx_1)
{
	struct io_uring_sqe *sqe;

	sqe = receiver_request(&self->receiver, self->receiving);
	sqe->zcrx_ifq_idx = 1;
	expect_end(_metadata, &self->receiver, -EINVAL);
	receiver_request(&self->receiver, self->receiving);
	expect_bytes(_metadata, &self->receiver, self->sending, 1);
}

/* R42: The ring has one interface queue, number 0, not UINT_MAX. */
TEST_F(request, ifq_idx_all_ones)
{
	struct io_uring_sqe *sqe;

	sqe = receiver_request(&self->receiver, self->receiving);
	sqe->zcrx_ifq_idx = UINT_MAX;
	expect_end(_metadata, &self->receiver, -EINVAL);
	receiver_request(&self->receiver, self->receiving);
	expect_bytes(_metadata, &self->receiver, self->sending, 1);
}

/* R42: A ring without an interface queue has nothing to receive into. */
TEST_F(request, no_interface_queue)
{
	struct receiver other = {};

	ASSERT_EQ(0, uring_open(&other.ring, RING_FLAGS, REQUEST_PAGES));
	receiver_request(&other, self->receiving);
	expect_end(_metadata, &other, -EINVAL);
	receiver_request(&self->receiver, self->receiving);
	expect_bytes(_metadata, &self->receiver, self->sending, 1);
}

/* R40: The request may wait for those before it. */
TEST_F(request, flag_drain)
{
	struct io_uring_sqe *sqe;

	sqe = receiver_request(&self->receiver, self->receiving);
	sqe->flags = IOSQE_IO_DRAIN;
	expect_bytes(_metadata, &self->receiver, self->sending, 1);
}

/* R40: The request may be the start of a chain. */
TEST_F(request, flag_link)
{
	struct io_uring_sqe *sqe;

	sqe = receiver_request(&self->receiver, self->receiving);
	sqe->flags = IOSQE_IO_LINK;
	expect_bytes(_metadata, &self->receiver, self->sending, 1);
}

/* R40: The request may be the start of a chain that does not break. */
TEST_F(request, flag_hardlink)
{
	struct io_uring_sqe *sqe;

	sqe = receiver_request(&self->receiver, self->receiving);
	sqe->flags = IOSQE_IO_HARDLINK;
	expect_bytes(_metadata, &self->receiver, self->sending, 1);
}

/* R41: The area is its buffer. */
TEST_F(request, common_buffer_select)
{
	struct io_uring_sqe *sqe;

	sqe = receiver_request(&self->receiver, self->receiving);
	sqe->flags = IOSQE_BUFFER_SELECT;
	expect_end(_metadata, &self->receiver, -EOPNOTSUPP);
	receiver_request(&self->receiver, self->receiving);
	expect_bytes(_metadata, &self->receiver, self->sending, 1);
}

/* R41: No such flag of requests is known. */
TEST_F(request, common_flag_7)
{
	struct io_uring_sqe *sqe;

	sqe = receiver_request(&self->receiver, self->receiving);
	sqe->flags = 1U << 7;
	expect_end(_metadata, &self->receiver, -EINVAL);
	receiver_request(&self->receiver, self->receiving);
	expect_bytes(_metadata, &self->receiver, self->sending, 1);
}

/* R41: There is no such personality. */
TEST_F(request, common_personality)
{
	struct io_uring_sqe *sqe;

	sqe = receiver_request(&self->receiver, self->receiving);
	sqe->personality = 1;
	expect_end(_metadata, &self->receiver, -EINVAL);
	receiver_request(&self->receiver, self->receiving);
	expect_bytes(_metadata, &self->receiver, self->sending, 1);
}

/* R43: A file is no socket. */
TEST_F(request, fd_not_a_socket)
{
	struct io_uring_sqe *sqe;

	sqe = receiver_request(&self->receiver, self->receiving);
	sqe->fd = open("/dev/null", O_RDONLY);
	expect_end(_metadata, &self->receiver, -ENOTSOCK);
	receiver_request(&self->receiver, self->receiving);
	expect_bytes(_metadata, &self->receiver, self->sending, 1);
}

/* R43: UDP is not TCP. */
TEST_F(request, fd_udp)
{
	struct io_uring_sqe *sqe;

	sqe = receiver_request(&self->receiver, self->receiving);
	sqe->fd = socket(AF_INET, SOCK_DGRAM, 0);
	expect_end(_metadata, &self->receiver, -EPROTONOSUPPORT);
	receiver_request(&self->receiver, self->receiving);
	expect_bytes(_metadata, &self->receiver, self->sending, 1);
}

/* R43: A stream is not TCP. */
TEST_F(request, fd_unix_stream)
{
	struct io_uring_sqe *sqe;

	sqe = receiver_request(&self->receiver, self->receiving);
	sqe->fd = socket(AF_UNIX, SOCK_STREAM, 0);
	expect_end(_metadata, &self->receiver, -EPROTONOSUPPORT);
	receiver_request(&self->receiver, self->receiving);
	expect_bytes(_metadata, &self->receiver, self->sending, 1);
}

/* R43: A socket is connected. */
TEST_F(request, fd_not_connected)
{
	struct io_uring_sqe *sqe;

	sqe = receiver_request(&self->receiver, self->receiving);
	sqe->fd = socket(AF_INET, SOCK_STREAM, 0);
	expect_end(_metadata, &self->receiver, -ENOTCONN);
	receiver_request(&self->receiver, self->receiving);
	expect_bytes(_metadata, &self->receiver, self->sending, 1);
}

/* R43: A listening socket is not connected. */
TEST_F(request, fd_listening)
{
	struct io_uring_sqe *sqe;

	sqe = receiver_request(&self->receiver, self->receiving);
	sqe->fd = self->listening;
	expect_end(_metadata, &self->receiver, -ENOTCONN);
	receiver_request(&self->receiver, self->receiving);
	expect_bytes(_metadata, &self->receiver, self->sending, 1);
}

/* R43: There must be a file. */
TEST_F(request, fd_no_file)
{
	struct io_uring_sqe *sqe;

	sqe = receiver_request(&self->receiver, self->receiving);
	sqe->fd = -1;
	expect_end(_metadata, &self->receiver, -EBADF);
	receiver_request(&self->receiver, self->receiving);
	expect_bytes(_metadata, &self->receiver, self->sending, 1);
}

/* R43: A directory is no socket. */
TEST_F(request, fd_directory)
{
	struct io_uring_sqe *sqe;

	sqe = receiver_request(&self->receiver, self->receiving);
	sqe->fd = open("/", O_RDONLY);
	expect_end(_metadata, &self->receiver, -ENOTSOCK);
	receiver_request(&self->receiver, self->receiving);
	expect_bytes(_metadata, &self->receiver, self->sending, 1);
}

/* R43: A raw socket has no stream. */
TEST_F(request, fd_raw_tcp)
{
	struct io_uring_sqe *sqe;

	sqe = receiver_request(&self->receiver, self->receiving);
	sqe->fd = socket(AF_INET, SOCK_RAW, IPPROTO_TCP);
	expect_end(_metadata, &self->receiver, -EPROTONOSUPPORT);
	receiver_request(&self->receiver, self->receiving);
	expect_bytes(_metadata, &self->receiver, self->sending, 1);
}

/* R43: A local socket is not TCP. */
TEST_F(request, fd_unix_packets)
{
	struct io_uring_sqe *sqe;

	sqe = receiver_request(&self->receiver, self->receiving);
	sqe->fd = socket(AF_UNIX, SOCK_SEQPACKET, 0);
	expect_end(_metadata, &self->receiver, -EPROTONOSUPPORT);
	receiver_request(&self->receiver, self->receiving);
	expect_bytes(_metadata, &self->receiver, self->sending, 1);
}

/* R43: Netlink is not TCP. */
TEST_F(request, fd_netlink)
{
	struct io_uring_sqe *sqe;

	sqe = receiver_request(&self->receiver, self->receiving);
	sqe->fd = socket(AF_NETLINK, SOCK_RAW, 0);
	expect_end(_metadata, &self->receiver, -EPROTONOSUPPORT);
	receiver_request(&self->receiver, self->receiving);
	expect_bytes(_metadata, &self->receiver, self->sending, 1);
}

/* R43: Packets are no stream. */
TEST_F(request, fd_packet)
{
	struct io_uring_sqe *sqe;

	sqe = receiver_request(&self->receiver, self->receiving);
	sqe->fd = socket(AF_PACKET, SOCK_DGRAM, 0);
	expect_end(_metadata, &self->receiver, -EPROTONOSUPPORT);
	receiver_request(&self->receiver, self->receiving);
	expect_bytes(_metadata, &self->receiver, self->sending, 1);
}

/*
 * R45: The end of the stream is a result of 0 without F_MORE, each time it
 * is asked for.
 */
TEST_F(request, end_of_stream)
{
	receiver_request(&self->receiver, self->receiving);
	expect_bytes(_metadata, &self->receiver, self->sending, 100);
	ASSERT_EQ(0, shutdown(self->sending, SHUT_WR));
	expect_end(_metadata, &self->receiver, 0);
	receiver_request(&self->receiver, self->receiving);
	expect_end(_metadata, &self->receiver, 0);
}

/* R45: A socket that is shut down by the receiver is at its end. */
TEST_F(request, end_of_receiving)
{
	receiver_request(&self->receiver, self->receiving);
	expect_bytes(_metadata, &self->receiver, self->sending, 100);
	ASSERT_EQ(0, shutdown(self->receiving, SHUT_RD));
	expect_end(_metadata, &self->receiver, 0);
}

/* R45: A connection that is reset ends the request with the error. */
TEST_F(request, reset)
{
	receiver_request(&self->receiver, self->receiving);
	expect_bytes(_metadata, &self->receiver, self->sending, 100);
	ASSERT_EQ(0, stream_reset(self->sending));
	expect_end(_metadata, &self->receiver, -ECONNRESET);
}

/* R45: A request can be cancelled, and another one takes over. */
TEST_F(request, cancelled)
{
	receiver_request(&self->receiver, self->receiving);
	expect_bytes(_metadata, &self->receiver, self->sending, 100);
	receiver_cancel(&self->receiver, self->receiving);
	expect_end(_metadata, &self->receiver, -ECANCELED);
	receiver_request(&self->receiver, self->receiving);
	expect_bytes(_metadata, &self->receiver, self->sending, 100);
}

/*
 * R47: Without a free buffer to copy to the request ends, and no byte is
 * lost.
 */
TEST_F(request, no_free_buffer)
{
	const __u64 all = REQUEST_PAGES * PAGE, more = 100;
	struct piece kept[REQUEST_PAGES];
	__u64 position;

	ASSERT_EQ(0, stream_send(self->sending, all + more));
	receiver_request(&self->receiver, self->receiving);
	position = keep_pieces(_metadata, &self->receiver, 0, kept,
			       REQUEST_PAGES);
	EXPECT_LE(position, all);
	expect_end(_metadata, &self->receiver, -ENOMEM);

	return_pieces(_metadata, &self->receiver, kept, REQUEST_PAGES);
	receiver_request(&self->receiver, self->receiving);
	while (position < all + more)
		position += expect_piece(_metadata, &self->receiver, position);
}

/* R41: No other flag than these two is known: each bit. */
TEST_F(request, ioprio_every_bit)
{
	unsigned int bit;

	for (bit = IORING_RECV_MULTISHOT << 1; bit < 1U << 16; bit <<= 1) {
		receiver_request(&self->receiver, self->receiving)->ioprio |=
			bit;
		expect_end(_metadata, &self->receiver, -EINVAL);
	}
	receiver_request(&self->receiver, self->receiving);
	expect_bytes(_metadata, &self->receiver, self->sending, 1);
}

/* R40: IORING_RECVSEND_POLL_FIRST does not look at the socket at once. */
TEST_F(request, poll_first_waits)
{
	struct uring *ring = &self->receiver.ring;
	struct io_uring_sqe *sqe;

	ASSERT_EQ(0, stream_send(self->sending, 100));
	receiver_request(&self->receiver, self->receiving);
	ASSERT_EQ(0, uring_hand_in(ring));
	EXPECT_NE(NULL, uring_peek(ring));
	EXPECT_EQ(100ULL, expect_piece(_metadata, &self->receiver, 0));
	ASSERT_EQ(0, receiver_cancel_now(&self->receiver, self->receiving));
	expect_end(_metadata, &self->receiver, -ECANCELED);

	ASSERT_EQ(0, stream_send(self->sending, 100));
	sqe = receiver_request(&self->receiver, self->receiving);
	sqe->ioprio |= IORING_RECVSEND_POLL_FIRST;
	ASSERT_EQ(0, uring_hand_in(ring));
	EXPECT_EQ(NULL, uring_peek(ring));
	EXPECT_EQ(100ULL, expect_piece(_metadata, &self->receiver, 0));
}

/* R45: A request that fails cancels what is linked to it. */
TEST_F(request, failure_breaks_link)
{
	int unconnected = socket(AF_INET, SOCK_STREAM, 0);

	ASSERT_LE(0, unconnected);
	receiver_request(&self->receiver, unconnected)->flags = IOSQE_IO_LINK;
	/* The other one does nothing. */
	uring_next(&self->receiver.ring);
	expect_end(_metadata, &self->receiver, -ENOTCONN);
	expect_end(_metadata, &self->receiver, -ECANCELED);
	receiver_request(&self->receiver, self->receiving);
	expect_bytes(_metadata, &self->receiver, self->sending, 1);
}

/*
 * R44: Pieces are no requests: what waits for all requests does not wait
 * for them.
 */
TEST_F(request, drain_after_pieces)
{
	int i;

	receiver_request(&self->receiver, self->receiving);
	for (i = 0; i < 5; i++)
		expect_bytes(_metadata, &self->receiver, self->sending, 100);
	ASSERT_EQ(0, receiver_cancel_now(&self->receiver, self->receiving));
	expect_end(_metadata, &self->receiver, -ECANCELED);
	uring_next(&self->receiver.ring)->flags = IOSQE_IO_DRAIN;
	expect_end(_metadata, &self->receiver, 0);
}

/* R45: The end of the stream stays the end when a reset follows it. */
TEST_F(request, end_after_reset)
{
	receiver_request(&self->receiver, self->receiving);
	expect_bytes(_metadata, &self->receiver, self->sending, 100);
	ASSERT_EQ(0, close(self->sending));
	expect_end(_metadata, &self->receiver, 0);
	/* Nobody is there any more, and so the answer is a reset. */
	ASSERT_EQ(1, send(self->receiving, "", 1, MSG_NOSIGNAL));
	usleep(100 * 1000);
	receiver_request(&self->receiver, self->receiving);
	expect_end(_metadata, &self->receiver, 0);
}

FIXTURE(stream)
{
	struct link link;
};

FIXTURE_SETUP(stream)
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

FIXTURE_TEARDOWN_PARENT(stream)
{
	/* The process of the test is gone: nothing may hold the devices. */
	EXPECT_EQ(0, link_close(&self->link));
}

/*
 * R44: The device places a single byte into the area, and all of it
 * arrives.
 */
TEST_F_TIMEOUT(stream, ipv4_1_byte, 180)
{
	struct transfer how = {
		.family = AF_INET,
		.size = 1,
		.steered = true,
		.pages = STREAM_PAGES,
	};

	transfer(_metadata, &self->link, &how);
}

/*
 * R44: The device places one byte less than a page into the area, and all
 * of it arrives.
 */
TEST_F_TIMEOUT(stream, ipv4_4095_bytes, 180)
{
	struct transfer how = {
		.family = AF_INET,
		.size = 4095,
		.steered = true,
		.pages = STREAM_PAGES,
	};

	transfer(_metadata, &self->link, &how);
}

/* R44: The device places a page into the area, and all of it arrives. */
TEST_F_TIMEOUT(stream, ipv4_4096_bytes, 180)
{
	struct transfer how = {
		.family = AF_INET,
		.size = 4096,
		.steered = true,
		.pages = STREAM_PAGES,
	};

	transfer(_metadata, &self->link, &how);
}

/*
 * R44: The device places one byte more than a page into the area, and all
 * of it arrives.
 */
TEST_F_TIMEOUT(stream, ipv4_4097_bytes, 180)
{
	struct transfer how = {
		.family = AF_INET,
		.size = 4097,
		.steered = true,
		.pages = STREAM_PAGES,
	};

	transfer(_metadata, &self->link, &how);
}

/*
 * R44: The device places many packets into the area, and all of it
 * arrives.
 */
TEST_F_TIMEOUT(stream, ipv4_1_mib, 180)
{
	struct transfer how = {
		.family = AF_INET,
		.size = 1 << 20,
		.steered = true,
		.pages = STREAM_PAGES,
	};

	transfer(_metadata, &self->link, &how);
}

/*
 * R44: The device places more than the area and all buffers of the
 * connection into the area, and all of it arrives.
 */
TEST_F_TIMEOUT(stream, ipv4_64_mib, 180)
{
	struct transfer how = {
		.family = AF_INET,
		.size = 64 << 20,
		.steered = true,
		.pages = STREAM_PAGES,
	};

	transfer(_metadata, &self->link, &how);
}

/*
 * R44: The device places a single byte into the area, and all of it
 * arrives.
 */
TEST_F_TIMEOUT(stream, ipv6_1_byte, 180)
{
	struct transfer how = {
		.family = AF_INET6,
		.size = 1,
		.steered = true,
		.pages = STREAM_PAGES,
	};

	transfer(_metadata, &self->link, &how);
}

/*
 * R44: The device places one byte less than a page into the area, and all
 * of it arrives.
 */
TEST_F_TIMEOUT(stream, ipv6_4095_bytes, 180)
{
	struct transfer how = {
		.family = AF_INET6,
		.size = 4095,
		.steered = true,
		.pages = STREAM_PAGES,
	};

	transfer(_metadata, &self->link, &how);
}

/* R44: The device places a page into the area, and all of it arrives. */
TEST_F_TIMEOUT(stream, ipv6_4096_bytes, 180)
{
	struct transfer how = {
		.family = AF_INET6,
		.size = 4096,
		.steered = true,
		.pages = STREAM_PAGES,
	};

	transfer(_metadata, &self->link, &how);
}

/*
 * R44: The device places one byte more than a page into the area, and all
 * of it arrives.
 */
TEST_F_TIMEOUT(stream, ipv6_4097_bytes, 180)
{
	struct transfer how = {
		.family = AF_INET6,
		.size = 4097,
		.steered = true,
		.pages = STREAM_PAGES,
	};

	transfer(_metadata, &self->link, &how);
}

/*
 * R44: The device places many packets into the area, and all of it
 * arrives.
 */
TEST_F_TIMEOUT(stream, ipv6_1_mib, 180)
{
	struct transfer how = {
		.family = AF_INET6,
		.size = 1 << 20,
		.steered = true,
		.pages = STREAM_PAGES,
	};

	transfer(_metadata, &self->link, &how);
}

/*
 * R44: The device places more than the area and all buffers of the
 * connection into the area, and all of it arrives.
 */
TEST_F_TIMEOUT(stream, ipv6_64_mib, 180)
{
	struct transfer how = {
		.family = AF_INET6,
		.size = 64 << 20,
		.steered = true,
		.pages = STREAM_PAGES,
	};

	transfer(_metadata, &self->link, &how);
}

/*
 * R46: What arrives on another queue is copied into the area: a single
 * byte.
 */
TEST_F_TIMEOUT(stream, ipv4_fallback_1_byte, 180)
{
	struct transfer how = {
		.family = AF_INET,
		.size = 1,
		.steered = false,
		.pages = STREAM_PAGES,
	};

	transfer(_metadata, &self->link, &how);
}

/*
 * R46: What arrives on another queue is copied into the area: one byte
 * more than a page.
 */
TEST_F_TIMEOUT(stream, ipv4_fallback_4097_bytes, 180)
{
	struct transfer how = {
		.family = AF_INET,
		.size = 4097,
		.steered = false,
		.pages = STREAM_PAGES,
	};

	transfer(_metadata, &self->link, &how);
}

/*
 * R46: What arrives on another queue is copied into the area: many
 * packets.
 */
TEST_F_TIMEOUT(stream, ipv4_fallback_1_mib, 180)
{
	struct transfer how = {
		.family = AF_INET,
		.size = 1 << 20,
		.steered = false,
		.pages = STREAM_PAGES,
	};

	transfer(_metadata, &self->link, &how);
}

/*
 * R46: What arrives on another queue is copied into the area: twice the
 * area.
 */
TEST_F_TIMEOUT(stream, ipv4_fallback_16_mib, 180)
{
	struct transfer how = {
		.family = AF_INET,
		.size = 16 << 20,
		.steered = false,
		.pages = STREAM_PAGES,
	};

	transfer(_metadata, &self->link, &how);
}

/*
 * R46: What arrives on another queue is copied into the area: a single
 * byte.
 */
TEST_F_TIMEOUT(stream, ipv6_fallback_1_byte, 180)
{
	struct transfer how = {
		.family = AF_INET6,
		.size = 1,
		.steered = false,
		.pages = STREAM_PAGES,
	};

	transfer(_metadata, &self->link, &how);
}

/*
 * R46: What arrives on another queue is copied into the area: one byte
 * more than a page.
 */
TEST_F_TIMEOUT(stream, ipv6_fallback_4097_bytes, 180)
{
	struct transfer how = {
		.family = AF_INET6,
		.size = 4097,
		.steered = false,
		.pages = STREAM_PAGES,
	};

	transfer(_metadata, &self->link, &how);
}

/*
 * R46: What arrives on another queue is copied into the area: many
 * packets.
 */
TEST_F_TIMEOUT(stream, ipv6_fallback_1_mib, 180)
{
	struct transfer how = {
		.family = AF_INET6,
		.size = 1 << 20,
		.steered = false,
		.pages = STREAM_PAGES,
	};

	transfer(_metadata, &self->link, &how);
}

/*
 * R46: What arrives on another queue is copied into the area: twice the
 * area.
 */
TEST_F_TIMEOUT(stream, ipv6_fallback_16_mib, 180)
{
	struct transfer how = {
		.family = AF_INET6,
		.size = 16 << 20,
		.steered = false,
		.pages = STREAM_PAGES,
	};

	transfer(_metadata, &self->link, &how);
}

/* R44: What waits in the socket is received by a request that comes later. */
TEST_F(stream, data_before_request)
{
	struct transfer how = {
		.family = AF_INET6,
		.size = 1 << 20,
		.steered = true,
		.pages = STREAM_PAGES,
		.early = true,
	};

	transfer(_metadata, &self->link, &how);
}

/* R44: With IORING_RECVSEND_POLL_FIRST all of a stream arrives. */
TEST_F(stream, poll_first)
{
	struct transfer how = {
		.family = AF_INET,
		.size = 1 << 20,
		.steered = true,
		.pages = STREAM_PAGES,
		.ioprio = IORING_RECVSEND_POLL_FIRST,
	};

	transfer(_metadata, &self->link, &how);
}

/* R44: With IOSQE_ASYNC all of a stream arrives. */
TEST_F(stream, async_flag)
{
	struct transfer how = {
		.family = AF_INET,
		.size = 1 << 20,
		.steered = true,
		.pages = STREAM_PAGES,
		.flags = IOSQE_ASYNC,
	};

	transfer(_metadata, &self->link, &how);
}

/* R44: Packets of 1280 bytes are placed, one by one. */
TEST_F_TIMEOUT(stream, ipv4_mtu_1280, 180)
{
	struct transfer how = {
		.family = AF_INET,
		.size = 1 << 20,
		.steered = true,
		.pages = STREAM_PAGES,
		.mtu = 1280,
	};

	transfer(_metadata, &self->link, &how);
}

/* R44: Packets of 1500 bytes are placed, one by one. */
TEST_F_TIMEOUT(stream, ipv4_mtu_1500, 180)
{
	struct transfer how = {
		.family = AF_INET,
		.size = 1 << 20,
		.steered = true,
		.pages = STREAM_PAGES,
		.mtu = 1500,
	};

	transfer(_metadata, &self->link, &how);
}

/* R44: Packets of 9000 bytes are placed, one by one. */
TEST_F_TIMEOUT(stream, ipv4_mtu_9000, 180)
{
	struct transfer how = {
		.family = AF_INET,
		.size = 1 << 20,
		.steered = true,
		.pages = STREAM_PAGES,
		.mtu = 9000,
	};

	transfer(_metadata, &self->link, &how);
}

/* R44: Packets of 1280 bytes are placed, one by one. */
TEST_F_TIMEOUT(stream, ipv6_mtu_1280, 180)
{
	struct transfer how = {
		.family = AF_INET6,
		.size = 1 << 20,
		.steered = true,
		.pages = STREAM_PAGES,
		.mtu = 1280,
	};

	transfer(_metadata, &self->link, &how);
}

/* R44: Packets of 1500 bytes are placed, one by one. */
TEST_F_TIMEOUT(stream, ipv6_mtu_1500, 180)
{
	struct transfer how = {
		.family = AF_INET6,
		.size = 1 << 20,
		.steered = true,
		.pages = STREAM_PAGES,
		.mtu = 1500,
	};

	transfer(_metadata, &self->link, &how);
}

/* R44: Packets of 9000 bytes are placed, one by one. */
TEST_F_TIMEOUT(stream, ipv6_mtu_9000, 180)
{
	struct transfer how = {
		.family = AF_INET6,
		.size = 1 << 20,
		.steered = true,
		.pages = STREAM_PAGES,
		.mtu = 9000,
	};

	transfer(_metadata, &self->link, &how);
}

/* R46: Packets of 9000 bytes are copied, one by one. */
TEST_F_TIMEOUT(stream, ipv4_fallback_mtu_9000, 180)
{
	struct transfer how = {
		.family = AF_INET,
		.size = 1 << 20,
		.steered = false,
		.pages = STREAM_PAGES,
		.mtu = 9000,
	};

	transfer(_metadata, &self->link, &how);
}

/* R46: Packets of 1280 bytes are copied, one by one. */
TEST_F_TIMEOUT(stream, ipv6_fallback_mtu_1280, 180)
{
	struct transfer how = {
		.family = AF_INET6,
		.size = 1 << 20,
		.steered = false,
		.pages = STREAM_PAGES,
		.mtu = 1280,
	};

	transfer(_metadata, &self->link, &how);
}

/* R44: The sender writes 1 bytes at a time. */
TEST_F_TIMEOUT(stream, ipv4_writes_of_1, 180)
{
	struct transfer how = {
		.family = AF_INET,
		.size = 500,
		.steered = true,
		.pages = STREAM_PAGES,
		.write = 1,
	};

	transfer(_metadata, &self->link, &how);
}

/* R44: The sender writes 7 bytes at a time. */
TEST_F_TIMEOUT(stream, ipv4_writes_of_7, 180)
{
	struct transfer how = {
		.family = AF_INET,
		.size = 10000,
		.steered = true,
		.pages = STREAM_PAGES,
		.write = 7,
	};

	transfer(_metadata, &self->link, &how);
}

/* R44: The sender writes 1447 bytes at a time. */
TEST_F_TIMEOUT(stream, ipv4_writes_of_1447, 180)
{
	struct transfer how = {
		.family = AF_INET,
		.size = 512 << 10,
		.steered = true,
		.pages = STREAM_PAGES,
		.write = 1447,
	};

	transfer(_metadata, &self->link, &how);
}

/* R44: The sender writes 4097 bytes at a time. */
TEST_F_TIMEOUT(stream, ipv4_writes_of_4097, 180)
{
	struct transfer how = {
		.family = AF_INET,
		.size = 512 << 10,
		.steered = true,
		.pages = STREAM_PAGES,
		.write = 4097,
	};

	transfer(_metadata, &self->link, &how);
}

/* R44: The sender writes 1 bytes at a time. */
TEST_F_TIMEOUT(stream, ipv6_writes_of_1, 180)
{
	struct transfer how = {
		.family = AF_INET6,
		.size = 500,
		.steered = true,
		.pages = STREAM_PAGES,
		.write = 1,
	};

	transfer(_metadata, &self->link, &how);
}

/* R44: The sender writes 7 bytes at a time. */
TEST_F_TIMEOUT(stream, ipv6_writes_of_7, 180)
{
	struct transfer how = {
		.family = AF_INET6,
		.size = 10000,
		.steered = true,
		.pages = STREAM_PAGES,
		.write = 7,
	};

	transfer(_metadata, &self->link, &how);
}

/* R44: The sender writes 1447 bytes at a time. */
TEST_F_TIMEOUT(stream, ipv6_writes_of_1447, 180)
{
	struct transfer how = {
		.family = AF_INET6,
		.size = 512 << 10,
		.steered = true,
		.pages = STREAM_PAGES,
		.write = 1447,
	};

	transfer(_metadata, &self->link, &how);
}

/* R44: The sender writes 4097 bytes at a time. */
TEST_F_TIMEOUT(stream, ipv6_writes_of_4097, 180)
{
	struct transfer how = {
		.family = AF_INET6,
		.size = 512 << 10,
		.steered = true,
		.pages = STREAM_PAGES,
		.write = 4097,
	};

	transfer(_metadata, &self->link, &how);
}

/* R46: The sender writes 7 bytes at a time, which are copied. */
TEST_F_TIMEOUT(stream, fallback_writes_of_7, 180)
{
	struct transfer how = {
		.family = AF_INET6,
		.size = 10000,
		.steered = false,
		.pages = STREAM_PAGES,
		.write = 7,
	};

	transfer(_metadata, &self->link, &how);
}

/* R46: The sender writes 1447 bytes at a time, which are copied. */
TEST_F_TIMEOUT(stream, fallback_writes_of_1447, 180)
{
	struct transfer how = {
		.family = AF_INET6,
		.size = 512 << 10,
		.steered = false,
		.pages = STREAM_PAGES,
		.write = 1447,
	};

	transfer(_metadata, &self->link, &how);
}

/*
 * R46: A stream that is steered to the queue and away again is placed and
 * copied in turn.
 */
TEST_F_TIMEOUT(stream, placed_and_copied, 180)
{
	struct receiver receiver;
	__u64 position = 0, next;
	struct stream stream;
	int i = 0;

	ASSERT_EQ(0, receiver_open_stream(&receiver, &stream, &self->link,
					  AF_INET, CHANGING_SIZE,
					  STREAM_PAGES));
	receiver_request(&receiver, stream.fd);
	ASSERT_EQ(0, stream_start(&stream));
	for (next = (1 << 20); is_piece_next(_metadata, &receiver);) {
		position += expect_piece(_metadata, &receiver, position);
		if (position < next)
			continue;
		ASSERT_EQ(0, i++ % 2 ? link_unsteer(&self->link) :
			  link_steer(&self->link));
		next += (1 << 20);
	}
	expect_end(_metadata, &receiver, 0);
	EXPECT_EQ(CHANGING_SIZE, position);
	EXPECT_EQ(0, stream_close(&stream));
	EXPECT_LT(0, link_counter(&self->link, LINK_QUEUE, "provider_bytes"));
	EXPECT_LT(0, link_counter(&self->link, 0, "placed_bytes"));
	receiver_close(&receiver);
}

/* R44: The size of packets changes while the stream runs. */
TEST_F_TIMEOUT(stream, mtu_changed, 180)
{
	static const int mtus[] = { 1280, 9000, 1500, 65000 };
	struct receiver receiver;
	__u64 position = 0, next;
	struct stream stream;
	int i = 0;

	ASSERT_EQ(0, link_steer(&self->link));
	ASSERT_EQ(0, receiver_open_stream(&receiver, &stream, &self->link,
					  AF_INET, CHANGING_SIZE,
					  STREAM_PAGES));
	receiver_request(&receiver, stream.fd);
	ASSERT_EQ(0, stream_start(&stream));
	for (next = (1 << 20); is_piece_next(_metadata, &receiver);) {
		position += expect_piece(_metadata, &receiver, position);
		if (position < next)
			continue;
		ASSERT_EQ(0, link_set_mtu(&self->link,
					  mtus[i++ % ARRAY_SIZE(mtus)]));
		next += (1 << 20);
	}
	expect_end(_metadata, &receiver, 0);
	EXPECT_EQ(CHANGING_SIZE, position);
	EXPECT_EQ(0, stream_close(&stream));
	EXPECT_LE((long long)CHANGING_SIZE,
		  link_counter(&self->link, LINK_QUEUE, "provider_bytes"));
	receiver_close(&receiver);
}

/*
 * R44: 64 connections at once on one ring and queue, each with a stream of
 * its own.
 */
TEST_F_TIMEOUT(stream, connections_64, 180)
{
	const __u64 size = 64 * 1024;
	struct stream streams[CONNECTIONS];
	__u64 positions[CONNECTIONS] = {};
	int i, ended = 0;
	struct receiver receiver;
	struct io_uring_cqe *cqe;
	struct io_uring_sqe *sqe;

	ASSERT_EQ(0, link_steer(&self->link));
	for (i = 0; i < CONNECTIONS; i++)
		ASSERT_EQ(0, stream_open(&streams[i], &self->link, AF_INET6,
					 LINK_PORT, size));
	ASSERT_EQ(0, receiver_open(&receiver, self->link.rx.ifindex, LINK_QUEUE,
				   STREAM_PAGES));
	for (i = 0; i < CONNECTIONS; i++) {
		sqe = receiver_request(&receiver, streams[i].fd);
		sqe->user_data = i;
		ASSERT_EQ(0, uring_submit(&receiver.ring));
		ASSERT_EQ(0, stream_start(&streams[i]));
	}
	while (ended < CONNECTIONS) {
		cqe = uring_wait(&receiver.ring, WAIT_MS);
		ASSERT_NE(NULL, cqe);
		i = cqe->user_data;
		if (!(cqe->flags & IORING_CQE_F_MORE)) {
			expect_end(_metadata, &receiver, 0);
			EXPECT_EQ(size, positions[i]);
			ended++;
			continue;
		}
		positions[i] += expect_piece(_metadata, &receiver,
					     positions[i]);
	}
	for (i = 0; i < CONNECTIONS; i++)
		EXPECT_EQ(0, stream_close(&streams[i]));
	EXPECT_EQ(0, link_counter(&self->link, 0, "placed_bytes"));
	receiver_close(&receiver);
}

/* R44: Two rings receive from two queues at the same time. */
TEST_F_TIMEOUT(stream, two_queues, 180)
{
	static const int ports[] = { LINK_OTHER_PORT, LINK_PORT };
	const __u64 size = 8 << 20;
	struct receiver receivers[2];
	struct stream streams[2];
	__u64 positions[2] = {};
	bool more[2] = { true, true };
	int i;

	ASSERT_EQ(0, link_steer(&self->link));
	for (i = 0; i < 2; i++)
		ASSERT_EQ(0, stream_open(&streams[i], &self->link, AF_INET6,
					 ports[i], size));
	for (i = 0; i < 2; i++) {
		ASSERT_EQ(0, receiver_open(&receivers[i],
					   self->link.rx.ifindex, i,
					   STREAM_PAGES));
		receiver_request(&receivers[i], streams[i].fd);
		ASSERT_EQ(0, uring_submit(&receivers[i].ring));
		ASSERT_EQ(0, stream_start(&streams[i]));
	}
	for (i = 0; more[0] || more[1]; i = !i) {
		if (!more[i])
			continue;
		more[i] = is_piece_next(_metadata, &receivers[i]);
		if (more[i])
			positions[i] += expect_piece(_metadata, &receivers[i],
						     positions[i]);
		else
			expect_end(_metadata, &receivers[i], 0);
	}
	for (i = 0; i < 2; i++) {
		EXPECT_EQ(size, positions[i]);
		EXPECT_EQ(0, stream_close(&streams[i]));
		EXPECT_LE((long long)size,
			  link_counter(&self->link, i, "provider_bytes"));
		receiver_close(&receivers[i]);
	}
}

/* R49: Urgent data that the device has placed is data like all other. */
TEST_F(stream, urgent_placed)
{
	char all[2 * URGENT_AFTER + 1];
	struct io_uring_cqe *cqe;
	struct receiver receiver;
	struct stream stream;
	size_t got = 0;

	ASSERT_EQ(0, link_steer(&self->link));
	ASSERT_EQ(0, urgent_open(&receiver, &stream, &self->link));
	while (is_piece_next(_metadata, &receiver)) {
		cqe = uring_wait(&receiver.ring, WAIT_MS);
		ASSERT_LE(got + cqe->res, sizeof(all));
		memcpy(all + got, receiver_data(&receiver, cqe), cqe->res);
		got += cqe->res;
		receiver_return(&receiver, receiver_offset(cqe), cqe->res);
		uring_seen(&receiver.ring);
	}
	expect_end(_metadata, &receiver, 0);
	EXPECT_EQ(sizeof(all), got);
	EXPECT_TRUE(stream_matches(all, 0, URGENT_AFTER));
	EXPECT_EQ(STREAM_URGENT, all[URGENT_AFTER]);
	EXPECT_TRUE(stream_matches(all + URGENT_AFTER + 1, 0, URGENT_AFTER));
	EXPECT_EQ(0, stream_close(&stream));
	receiver_close(&receiver);
}

/* R49: Urgent data that can be read ends the request before it. */
TEST_F(stream, urgent_copied)
{
	struct receiver receiver;
	struct stream stream;
	char byte;

	ASSERT_EQ(0, urgent_open(&receiver, &stream, &self->link));
	EXPECT_EQ((__u64)URGENT_AFTER,
		  receive_pieces(_metadata, &receiver, 0));
	expect_end(_metadata, &receiver, -EOPNOTSUPP);
	EXPECT_EQ(1, recv(stream.fd, &byte, 1, MSG_OOB));
	EXPECT_EQ(STREAM_URGENT, byte);
	kill(stream.sender, SIGKILL);
	stream_close(&stream);
	receiver_close(&receiver);
}

/*
 * R49: Urgent data that came before its pointer did is in its place when
 * it is placed.
 */
TEST_F(stream, urgent_out_of_order_placed)
{
	struct segments segments;

	ASSERT_EQ(0, link_steer(&self->link));
	segments_open(_metadata, &segments, &self->link);
	segments_send_urgent(_metadata, &segments);
	segments_expect(_metadata, &segments, 0, 2 * SEGMENT);
	segments_send(_metadata, &segments, &(struct segment) {
		.position = 2 * SEGMENT, .len = SEGMENT });
	segments_expect(_metadata, &segments, 2 * SEGMENT, 3 * SEGMENT);
	receiver_close(&segments.receiver);
}

/*
 * R49: Urgent data that came before its pointer did ends the request when
 * it can be read.
 */
TEST_F(stream, urgent_out_of_order_copied)
{
	struct segments segments;
	char byte;

	segments_open(_metadata, &segments, &self->link);
	segments_send_urgent(_metadata, &segments);
	segments_expect(_metadata, &segments, 0, URGENT_AT);
	expect_end(_metadata, &segments.receiver, -EOPNOTSUPP);
	/* It steps over the urgent byte. */
	ASSERT_EQ(1, recv(segments.receiving, &byte, 1, 0));
	EXPECT_TRUE(stream_matches(&byte, URGENT_AT + 1, 1));
	receiver_request(&segments.receiver, segments.receiving);
	segments_expect(_metadata, &segments, URGENT_AT + 2, 2 * SEGMENT);
	receiver_close(&segments.receiver);
}

/*
 * R44: What the device places of a packet with a wrong checksum is not
 * received.
 */
TEST_F(stream, wrong_checksum)
{
	struct segments segments;

	ASSERT_EQ(0, link_steer(&self->link));
	segments_open(_metadata, &segments, &self->link);
	segments_send(_metadata, &segments, &(struct segment) {
		.len = SEGMENT, .spoiled = true });
	segments_send(_metadata, &segments, &(struct segment) {
		.len = SEGMENT });
	segments_expect(_metadata, &segments, 0, SEGMENT);
	EXPECT_EQ(2LL * SEGMENT,
		  link_counter(&self->link, LINK_QUEUE, "provider_bytes"));
	receiver_close(&segments.receiver);
}

/*
 * R48: An area that is all in use starves the connection, which recovers
 * afterwards.
 */
TEST_F_TIMEOUT(stream, starve_ipv4, 180)
{
	struct receiver receiver;
	struct stream stream;
	__u64 position;

	ASSERT_EQ(0, link_steer(&self->link));
	ASSERT_EQ(0, receiver_open_stream(&receiver, &stream, &self->link,
					  AF_INET, 256 * 1024,
					  STARVE_PAGES));
	ASSERT_EQ(0, stream_start(&stream));
	receiver_request(&receiver, stream.fd);

	position = starve(_metadata, &receiver, &self->link, 0);
	EXPECT_LT(0, times_starved(&self->link));
	EXPECT_LE(position, STARVE_PAGES * PAGE);
	EXPECT_EQ(256 * 1024ULL, receive_rest(_metadata, &receiver, position));
	EXPECT_EQ(0, stream_close(&stream));
	EXPECT_EQ(0, link_counter(&self->link, 0, "placed_bytes"));
	receiver_close(&receiver);
}

/*
 * R48: An area that is all in use starves the connection, which recovers
 * afterwards.
 */
TEST_F_TIMEOUT(stream, starve_ipv6, 180)
{
	struct receiver receiver;
	struct stream stream;
	__u64 position;

	ASSERT_EQ(0, link_steer(&self->link));
	ASSERT_EQ(0, receiver_open_stream(&receiver, &stream, &self->link,
					  AF_INET6, 256 * 1024,
					  STARVE_PAGES));
	ASSERT_EQ(0, stream_start(&stream));
	receiver_request(&receiver, stream.fd);

	position = starve(_metadata, &receiver, &self->link, 0);
	EXPECT_LT(0, times_starved(&self->link));
	EXPECT_LE(position, STARVE_PAGES * PAGE);
	EXPECT_EQ(256 * 1024ULL, receive_rest(_metadata, &receiver, position));
	EXPECT_EQ(0, stream_close(&stream));
	EXPECT_EQ(0, link_counter(&self->link, 0, "placed_bytes"));
	receiver_close(&receiver);
}

/* R44: A piece starts where the kernel's own receive calls have ended. */
TEST_F(stream, part_of_page_taken)
{
	const __u64 size = 2 * PAGE, taken = 100;
	struct receiver receiver;
	struct stream stream;
	struct piece piece;

	ASSERT_EQ(0, link_steer(&self->link));
	ASSERT_EQ(0, receiver_open_stream(&receiver, &stream, &self->link,
					  AF_INET, size, REQUEST_PAGES));
	ASSERT_EQ(0, stream_start(&stream));
	ASSERT_EQ(0, stream_skip(&stream, taken));
	receiver_request(&receiver, stream.fd);
	piece = keep_piece(_metadata, &receiver, taken);
	EXPECT_EQ(taken, piece.offset % PAGE);
	EXPECT_LE(piece.len, PAGE - taken);
	return_pieces(_metadata, &receiver, &piece, 1);
	EXPECT_EQ(size, receive_rest(_metadata, &receiver, taken + piece.len));
	EXPECT_EQ(0, stream_close(&stream));
	receiver_close(&receiver);
}

/*
 * R50: Buffers that were filled on a CPU that is idle now are free once
 * they are returned.
 */
TEST_F(stream, returned_on_other_cpu)
{
	struct piece kept[REQUEST_PAGES];
	struct receiver receiver;
	int receiving, sending;

	if (run_on_cpu(1))
		SKIP(return, "there is one CPU");
	ASSERT_EQ(0, link_steer(&self->link));
	ASSERT_EQ(0, link_send_small(&self->link));
	ASSERT_EQ(0, stream_pair(&self->link, LINK_PORT, &receiving, &sending));
	ASSERT_EQ(0, receiver_open(&receiver, self->link.rx.ifindex, LINK_QUEUE,
				   REQUEST_PAGES));
	/* A packet, and so a buffer, for each page. */
	ASSERT_EQ(0, stream_send(sending, REQUEST_PAGES * PACKET_BYTES));
	ASSERT_EQ(0, run_on_cpu(0));
	receiver_request(&receiver, receiving);
	keep_pieces(_metadata, &receiver, 0, kept, REQUEST_PAGES);
	EXPECT_EQ(0, times_starved(&self->link));
	return_pieces(_metadata, &receiver, kept, REQUEST_PAGES);
	expect_bytes(_metadata, &receiver, sending, 1);
	EXPECT_EQ(0, times_starved(&self->link));
	receiver_close(&receiver);
}

TEST_HARNESS_MAIN
