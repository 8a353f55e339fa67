// SPDX-License-Identifier: GPL-2.0
/*
 * Zero copy receive of io_uring: receiving without a device.
 *
 * R40  IORING_OP_RECV_ZC (58) receives until it ends
 * R41  it is multishot, and what it does not use is 0 (EINVAL)
 * R42  zcrx_ifq_idx names the ring's interface queue (EINVAL)
 * R43  the file is a TCP socket (ENOTSOCK, EPROTONOSUPPORT, ENOTCONN)
 * R44  a completion for each piece, in the area, in order
 * R45  the end is a completion without F_MORE
 * R47  no free buffer to copy to is an error (ENOMEM)
 * R70  ZCRX_REG_NODEV: no device, all is copied
 * R71  zcrx_id tells the interface queues of a ring apart
 * R73  ZCRX_CTRL_EXPORT gives what another ring can import
 * R76  a request's length limits what it receives
 * R77  ZCRX_CTRL_FLUSH_RQ takes what has been returned
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

#define NO_SUCH_OP	__ZCRX_CTRL_LAST

/* Send that much in the background, and receive it. */
static void receive_all(struct __test_metadata *_metadata,
			struct receiver *receiver, int receiving, int sending,
			__u64 size)
{
	pid_t sender;

	sender = fork();
	ASSERT_LE(0, sender);
	if (!sender) {
		int ret = stream_send(sending, size);

		shutdown(sending, SHUT_WR);
		_exit(-ret);
	}
	receiver_request(receiver, receiving);
	/* The sender may be faster than what is returned. */
	EXPECT_EQ(size, receive_up_to(_metadata, receiver, receiving, 0, size));
	expect_end(_metadata, receiver, 0);
	ASSERT_EQ(sender, waitpid(sender, NULL, 0));
}

static int control(const struct receiver *receiver, struct zcrx_ctrl *what)
{
	return ring_register(receiver->ring.fd, IORING_REGISTER_ZCRX_CTRL, what,
			     0);
}

/* A file descriptor that stands for the area and its queue, or an error. */
static int receiver_export(const struct receiver *receiver)
{
	struct zcrx_ctrl what = {
		.zcrx_id = receiver->reg.zcrx_id,
		.op = ZCRX_CTRL_EXPORT,
	};

	return control(receiver, &what) ?: (int)what.zc_export.zcrx_fd;
}

/* A ring that receives into the area of another one. */
static int receiver_import(struct receiver *receiver,
			   const struct receiver *from, int fd)
{
	int ret;

	*receiver = *from;
	ret = uring_open(&receiver->ring, RING_FLAGS, 2 * REQUEST_PAGES);
	if (ret)
		return ret;
	memset(&receiver->reg, 0, sizeof(receiver->reg));
	receiver->reg.flags = ZCRX_REG_IMPORT;
	receiver->reg.if_idx = fd;
	ret = ring_register(receiver->ring.fd, IORING_REGISTER_ZCRX_IFQ,
			    &receiver->reg, 1);
	/* The memory of the refill ring is the exporter's. */
	receiver->reg.rq_entries = from->reg.rq_entries;
	return ret;
}

FIXTURE(nodev_request)
{
	struct receiver receiver;
	int receiving;
	int sending;
	int listening;
};

FIXTURE_SETUP(nodev_request)
{
	const char *missing = zcrx_missing();

	if (missing)
		SKIP(return, "%s", missing);
	ASSERT_EQ(0, receiver_open_nodev(&self->receiver, REQUEST_PAGES));
	ASSERT_EQ(0, stream_loopback(&self->listening, &self->receiving,
				     &self->sending));
}

FIXTURE_TEARDOWN(nodev_request)
{
	/* All that it has goes with the process. */
}

/* R40: The default request is taken: all others differ from it. */
TEST_F(nodev_request, default_sqe)
{
	receiver_request(&self->receiver, self->receiving);
	expect_bytes(_metadata, &self->receiver, self->sending, 1);
}

/* R40: IORING_RECVSEND_POLL_FIRST is allowed. */
TEST_F(nodev_request, poll_first)
{
	struct io_uring_sqe *sqe;

	sqe = receiver_request(&self->receiver, self->receiving);
	sqe->ioprio = IORING_RECV_MULTISHOT | IORING_RECVSEND_POLL_FIRST;
	expect_bytes(_metadata, &self->receiver, self->sending, 1);
}

/* R40: A request that is sent to a worker first comes back and receives. */
TEST_F(nodev_request, async_flag)
{
	struct io_uring_sqe *sqe;

	sqe = receiver_request(&self->receiver, self->receiving);
	sqe->flags = IOSQE_ASYNC;
	expect_bytes(_metadata, &self->receiver, self->sending, 1);
}

/* R40: The socket may be a registered file. */
TEST_F(nodev_request, fixed_file)
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
TEST_F(nodev_request, not_multishot)
{
	struct io_uring_sqe *sqe;

	sqe = receiver_request(&self->receiver, self->receiving);
	sqe->ioprio = 0;
	expect_end(_metadata, &self->receiver, -EINVAL);
	receiver_request(&self->receiver, self->receiving);
	expect_bytes(_metadata, &self->receiver, self->sending, 1);
}

/* R41: No other flag than these two is known: fixed buffer. */
TEST_F(nodev_request, ioprio_fixed_buffer)
{
	struct io_uring_sqe *sqe;

	sqe = receiver_request(&self->receiver, self->receiving);
	sqe->ioprio = IORING_RECV_MULTISHOT | IORING_RECVSEND_FIXED_BUF;
	expect_end(_metadata, &self->receiver, -EINVAL);
	receiver_request(&self->receiver, self->receiving);
	expect_bytes(_metadata, &self->receiver, self->sending, 1);
}

/* R41: No other flag than these two is known: bundle. */
TEST_F(nodev_request, ioprio_bundle)
{
	struct io_uring_sqe *sqe;

	sqe = receiver_request(&self->receiver, self->receiving);
	sqe->ioprio = IORING_RECV_MULTISHOT | IORING_RECVSEND_BUNDLE;
	expect_end(_metadata, &self->receiver, -EINVAL);
	receiver_request(&self->receiver, self->receiving);
	expect_bytes(_metadata, &self->receiver, self->sending, 1);
}

/* R41: No other flag than these two is known: bit 15. */
TEST_F(nodev_request, ioprio_bit_15)
{
	struct io_uring_sqe *sqe;

	sqe = receiver_request(&self->receiver, self->receiving);
	sqe->ioprio = IORING_RECV_MULTISHOT | 1U << 15;
	expect_end(_metadata, &self->receiver, -EINVAL);
	receiver_request(&self->receiver, self->receiving);
	expect_bytes(_metadata, &self->receiver, self->sending, 1);
}

/* R41: The field off is not used and must be 0. */
TEST_F(nodev_request, unused_off)
{
	struct io_uring_sqe *sqe;

	sqe = receiver_request(&self->receiver, self->receiving);
	sqe->off = 1;
	expect_end(_metadata, &self->receiver, -EINVAL);
	receiver_request(&self->receiver, self->receiving);
	expect_bytes(_metadata, &self->receiver, self->sending, 1);
}

/* R41: The field addr is not used and must be 0. */
TEST_F(nodev_request, unused_addr)
{
	struct io_uring_sqe *sqe;

	sqe = receiver_request(&self->receiver, self->receiving);
	sqe->addr = 1;
	expect_end(_metadata, &self->receiver, -EINVAL);
	receiver_request(&self->receiver, self->receiving);
	expect_bytes(_metadata, &self->receiver, self->sending, 1);
}

/* R41: The field msg_flags is not used and must be 0. */
TEST_F(nodev_request, unused_msg_flags)
{
	struct io_uring_sqe *sqe;

	sqe = receiver_request(&self->receiver, self->receiving);
	sqe->msg_flags = 1;
	expect_end(_metadata, &self->receiver, -EINVAL);
	receiver_request(&self->receiver, self->receiving);
	expect_bytes(_metadata, &self->receiver, self->sending, 1);
}

/* R41: The field addr3 is not used and must be 0. */
TEST_F(nodev_request, unused_addr3)
{
	struct io_uring_sqe *sqe;

	sqe = receiver_request(&self->receiver, self->receiving);
	sqe->addr3 = 1;
	expect_end(_metadata, &self->receiver, -EINVAL);
	receiver_request(&self->receiver, self->receiving);
	expect_bytes(_metadata, &self->receiver, self->sending, 1);
}

/* R42: The ring has one interface queue, number 0, not 1. */
TEST_F(nodev_request, ifq_idx_1)
{
	struct io_uring_sqe *sqe;

	sqe = receiver_request(&self->receiver, self->receiving);
	sqe->zcrx_ifq_idx = 1;
	expect_end(_metadata, &self->receiver, -EINVAL);
	receiver_request(&self->receiver, self->receiving);
	expect_bytes(_metadata, &self->receiver, self->sending, 1);
}

/* R42: The ring has one interface queue, number 0, not UINT_MAX. */
TEST_F(nodev_request, ifq_idx_all_ones)
{
	struct io_uring_sqe *sqe;

	sqe = receiver_request(&self->receiver, self->receiving);
	sqe->zcrx_ifq_idx = UINT_MAX;
	expect_end(_metadata, &self->receiver, -EINVAL);
	receiver_request(&self->receiver, self->receiving);
	expect_bytes(_metadata, &self->receiver, self->sending, 1);
}

/* R42: A ring without an interface queue has nothing to receive into. */
TEST_F(nodev_request, no_interface_queue)
{
	struct receiver other = {};

	ASSERT_EQ(0, uring_open(&other.ring, RING_FLAGS, REQUEST_PAGES));
	receiver_request(&other, self->receiving);
	expect_end(_metadata, &other, -EINVAL);
	receiver_request(&self->receiver, self->receiving);
	expect_bytes(_metadata, &self->receiver, self->sending, 1);
}

/* R40: The request may wait for those before it. */
TEST_F(nodev_request, flag_drain)
{
	struct io_uring_sqe *sqe;

	sqe = receiver_request(&self->receiver, self->receiving);
	sqe->flags = IOSQE_IO_DRAIN;
	expect_bytes(_metadata, &self->receiver, self->sending, 1);
}

/* R40: The request may be the start of a chain. */
TEST_F(nodev_request, flag_link)
{
	struct io_uring_sqe *sqe;

	sqe = receiver_request(&self->receiver, self->receiving);
	sqe->flags = IOSQE_IO_LINK;
	expect_bytes(_metadata, &self->receiver, self->sending, 1);
}

/* R40: The request may be the start of a chain that does not break. */
TEST_F(nodev_request, flag_hardlink)
{
	struct io_uring_sqe *sqe;

	sqe = receiver_request(&self->receiver, self->receiving);
	sqe->flags = IOSQE_IO_HARDLINK;
	expect_bytes(_metadata, &self->receiver, self->sending, 1);
}

/* R41: The area is its buffer. */
TEST_F(nodev_request, common_buffer_select)
{
	struct io_uring_sqe *sqe;

	sqe = receiver_request(&self->receiver, self->receiving);
	sqe->flags = IOSQE_BUFFER_SELECT;
	expect_end(_metadata, &self->receiver, -EOPNOTSUPP);
	receiver_request(&self->receiver, self->receiving);
	expect_bytes(_metadata, &self->receiver, self->sending, 1);
}

/* R41: No such flag of requests is known. */
TEST_F(nodev_request, common_flag_7)
{
	struct io_uring_sqe *sqe;

	sqe = receiver_request(&self->receiver, self->receiving);
	sqe->flags = 1U << 7;
	expect_end(_metadata, &self->receiver, -EINVAL);
	receiver_request(&self->receiver, self->receiving);
	expect_bytes(_metadata, &self->receiver, self->sending, 1);
}

/* R41: There is no such personality. */
TEST_F(nodev_request, common_personality)
{
	struct io_uring_sqe *sqe;

	sqe = receiver_request(&self->receiver, self->receiving);
	sqe->personality = 1;
	expect_end(_metadata, &self->receiver, -EINVAL);
	receiver_request(&self->receiver, self->receiving);
	expect_bytes(_metadata, &self->receiver, self->sending, 1);
}

/* R43: A file is no socket. */
TEST_F(nodev_request, fd_not_a_socket)
{
	struct io_uring_sqe *sqe;

	sqe = receiver_request(&self->receiver, self->receiving);
	sqe->fd = open("/dev/null", O_RDONLY);
	expect_end(_metadata, &self->receiver, -ENOTSOCK);
	receiver_request(&self->receiver, self->receiving);
	expect_bytes(_metadata, &self->receiver, self->sending, 1);
}

/* R43: UDP is not TCP. */
TEST_F(nodev_request, fd_udp)
{
	struct io_uring_sqe *sqe;

	sqe = receiver_request(&self->receiver, self->receiving);
	sqe->fd = socket(AF_INET, SOCK_DGRAM, 0);
	expect_end(_metadata, &self->receiver, -EPROTONOSUPPORT);
	receiver_request(&self->receiver, self->receiving);
	expect_bytes(_metadata, &self->receiver, self->sending, 1);
}

/* R43: A stream is not TCP. */
TEST_F(nodev_request, fd_unix_stream)
{
	struct io_uring_sqe *sqe;

	sqe = receiver_request(&self->receiver, self->receiving);
	sqe->fd = socket(AF_UNIX, SOCK_STREAM, 0);
	expect_end(_metadata, &self->receiver, -EPROTONOSUPPORT);
	receiver_request(&self->receiver, self->receiving);
	expect_bytes(_metadata, &self->receiver, self->sending, 1);
}

/* R43: A socket is connected. */
TEST_F(nodev_request, fd_not_connected)
{
	struct io_uring_sqe *sqe;

	sqe = receiver_request(&self->receiver, self->receiving);
	sqe->fd = socket(AF_INET, SOCK_STREAM, 0);
	expect_end(_metadata, &self->receiver, -ENOTCONN);
	receiver_request(&self->receiver, self->receiving);
	expect_bytes(_metadata, &self->receiver, self->sending, 1);
}

/* R43: A listening socket is not connected. */
TEST_F(nodev_request, fd_listening)
{
	struct io_uring_sqe *sqe;

	sqe = receiver_request(&self->receiver, self->receiving);
	sqe->fd = self->listening;
	expect_end(_metadata, &self->receiver, -ENOTCONN);
	receiver_request(&self->receiver, self->receiving);
	expect_bytes(_metadata, &self->receiver, self->sending, 1);
}

/* R43: There must be a file. */
TEST_F(nodev_request, fd_no_file)
{
	struct io_uring_sqe *sqe;

	sqe = receiver_request(&self->receiver, self->receiving);
	sqe->fd = -1;
	expect_end(_metadata, &self->receiver, -EBADF);
	receiver_request(&self->receiver, self->receiving);
	expect_bytes(_metadata, &self->receiver, self->sending, 1);
}

/* R43: A directory is no socket. */
TEST_F(nodev_request, fd_directory)
{
	struct io_uring_sqe *sqe;

	sqe = receiver_request(&self->receiver, self->receiving);
	sqe->fd = open("/", O_RDONLY);
	expect_end(_metadata, &self->receiver, -ENOTSOCK);
	receiver_request(&self->receiver, self->receiving);
	expect_bytes(_metadata, &self->receiver, self->sending, 1);
}

/* R43: A raw socket has no stream. */
TEST_F(nodev_request, fd_raw_tcp)
{
	struct io_uring_sqe *sqe;

	sqe = receiver_request(&self->receiver, self->receiving);
	sqe->fd = socket(AF_INET, SOCK_RAW, IPPROTO_TCP);
	expect_end(_metadata, &self->receiver, -EPROTONOSUPPORT);
	receiver_request(&self->receiver, self->receiving);
	expect_bytes(_metadata, &self->receiver, self->sending, 1);
}

/* R43: A local socket is not TCP. */
TEST_F(nodev_request, fd_unix_packets)
{
	struct io_uring_sqe *sqe;

	sqe = receiver_request(&self->receiver, self->receiving);
	sqe->fd = socket(AF_UNIX, SOCK_SEQPACKET, 0);
	expect_end(_metadata, &self->receiver, -EPROTONOSUPPORT);
	receiver_request(&self->receiver, self->receiving);
	expect_bytes(_metadata, &self->receiver, self->sending, 1);
}

/* R43: Netlink is not TCP. */
TEST_F(nodev_request, fd_netlink)
{
	struct io_uring_sqe *sqe;

	sqe = receiver_request(&self->receiver, self->receiving);
	sqe->fd = socket(AF_NETLINK, SOCK_RAW, 0);
	expect_end(_metadata, &self->receiver, -EPROTONOSUPPORT);
	receiver_request(&self->receiver, self->receiving);
	expect_bytes(_metadata, &self->receiver, self->sending, 1);
}

/* R43: Packets are no stream. */
TEST_F(nodev_request, fd_packet)
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
TEST_F(nodev_request, end_of_stream)
{
	receiver_request(&self->receiver, self->receiving);
	expect_bytes(_metadata, &self->receiver, self->sending, 100);
	ASSERT_EQ(0, shutdown(self->sending, SHUT_WR));
	expect_end(_metadata, &self->receiver, 0);
	receiver_request(&self->receiver, self->receiving);
	expect_end(_metadata, &self->receiver, 0);
}

/* R45: A socket that is shut down by the receiver is at its end. */
TEST_F(nodev_request, end_of_receiving)
{
	receiver_request(&self->receiver, self->receiving);
	expect_bytes(_metadata, &self->receiver, self->sending, 100);
	ASSERT_EQ(0, shutdown(self->receiving, SHUT_RD));
	expect_end(_metadata, &self->receiver, 0);
}

/* R45: A connection that is reset ends the request with the error. */
TEST_F(nodev_request, reset)
{
	receiver_request(&self->receiver, self->receiving);
	expect_bytes(_metadata, &self->receiver, self->sending, 100);
	ASSERT_EQ(0, stream_reset(self->sending));
	expect_end(_metadata, &self->receiver, -ECONNRESET);
}

/* R45: A request can be cancelled, and another one takes over. */
TEST_F(nodev_request, cancelled)
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
TEST_F(nodev_request, no_free_buffer)
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

/*
 * R76: A request with a length ends once it has received that much, and
 * the next goes on.
 */
TEST_F(nodev_request, len_limits)
{
	const __u64 first = PAGE + 100, all = 3 * PAGE;
	__u64 position;

	ASSERT_EQ(0, stream_send(self->sending, all));
	receiver_request(&self->receiver, self->receiving)->len = first;
	position = receive_rest(_metadata, &self->receiver, 0);
	EXPECT_EQ(first, position);
	receiver_request(&self->receiver, self->receiving);
	while (position < all)
		position += expect_piece(_metadata, &self->receiver, position);
	EXPECT_EQ(all, position);
}

/* R41: No other flag than these two is known: each bit. */
TEST_F(nodev_request, ioprio_every_bit)
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
TEST_F(nodev_request, poll_first_waits)
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
TEST_F(nodev_request, failure_breaks_link)
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
TEST_F(nodev_request, drain_after_pieces)
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
TEST_F(nodev_request, end_after_reset)
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

FIXTURE(nodev)
{
	struct receiver receiver;
	int receiving;
	int sending;
	int listening;
};

FIXTURE_SETUP(nodev)
{
	const char *missing = zcrx_missing();

	if (missing)
		SKIP(return, "%s", missing);
	ASSERT_EQ(0, receiver_open_nodev(&self->receiver, REQUEST_PAGES));
	ASSERT_EQ(0, stream_loopback(&self->listening, &self->receiving,
				     &self->sending));
}

FIXTURE_TEARDOWN(nodev)
{
	/* All that it has goes with the process. */
}

/* R70: What comes over the loopback device is copied: a single byte. */
TEST_F_TIMEOUT(nodev, copies_1_byte, 180)
{
	receive_all(_metadata, &self->receiver, self->receiving, self->sending,
		    1);
}

/*
 * R70: What comes over the loopback device is copied: one byte more than a
 * page.
 */
TEST_F_TIMEOUT(nodev, copies_4097_bytes, 180)
{
	receive_all(_metadata, &self->receiver, self->receiving, self->sending,
		    4097);
}

/* R70: What comes over the loopback device is copied: more than the area. */
TEST_F_TIMEOUT(nodev, copies_1_mib, 180)
{
	receive_all(_metadata, &self->receiver, self->receiving, self->sending,
		    1 << 20);
}

/* R70: What comes over the loopback device is copied: many times the area. */
TEST_F_TIMEOUT(nodev, copies_16_mib, 180)
{
	receive_all(_metadata, &self->receiver, self->receiving, self->sending,
		    16 << 20);
}

/* R71: A ring can have two that have no device. */
TEST_F(nodev, two_without_device)
{
	struct io_uring_zcrx_ifq_reg reg;

	zcrx_default(&reg, 0);
	reg.flags = ZCRX_REG_NODEV;
	ASSERT_EQ(0, zcrx_register(self->receiver.ring.fd, &reg));
	EXPECT_EQ(1U, reg.zcrx_id);
	receiver_request(&self->receiver, self->receiving)->zcrx_ifq_idx = 2;
	expect_end(_metadata, &self->receiver, -EINVAL);
	receiver_request(&self->receiver, self->receiving);
	expect_bytes(_metadata, &self->receiver, self->sending, 100);
}

/* R77: What is returned is free once it has been flushed. */
TEST_F(nodev, unflushed_stays)
{
	struct piece kept[REQUEST_PAGES];
	__u64 position;

	ASSERT_EQ(0, stream_send(self->sending, (REQUEST_PAGES + 1) * PAGE));
	receiver_request(&self->receiver, self->receiving);
	position = keep_pieces(_metadata, &self->receiver, 0, kept,
			       REQUEST_PAGES);
	expect_end(_metadata, &self->receiver, -ENOMEM);
	receiver_request(&self->receiver, self->receiving);
	receiver_write(&self->receiver, 0, kept[0].offset, PAGE);
	receiver_publish(&self->receiver, 1);
	expect_end(_metadata, &self->receiver, -ENOMEM);
	EXPECT_EQ(0, refill_flush(self->receiver.ring.fd,
				  self->receiver.reg.zcrx_id));
	receiver_request(&self->receiver, self->receiving);
	EXPECT_LT(0U, expect_piece(_metadata, &self->receiver, position));
}

/* R77: Garbage in the refill ring is passed over by a flush. */
TEST_F(nodev, flush_garbage)
{
	const __u32 entries = self->receiver.reg.rq_entries;
	__u32 i;

	for (i = 0; i < entries; i++)
		receiver_write(&self->receiver, i, i * 0x123456789abcdULL, i);
	receiver_publish(&self->receiver, entries);
	for (i = 0; i < entries; i++)
		ASSERT_EQ(0, refill_flush(self->receiver.ring.fd,
					  self->receiver.reg.zcrx_id));
	receiver_request(&self->receiver, self->receiving);
	expect_bytes(_metadata, &self->receiver, self->sending, 2 * PAGE);
}

/* R77: The control call takes no number of arguments. */
TEST_F(nodev, control_nr_args)
{
	struct zcrx_ctrl what = { .op = ZCRX_CTRL_FLUSH_RQ };

	EXPECT_EQ(-EINVAL, ring_register(self->receiver.ring.fd,
					 IORING_REGISTER_ZCRX_CTRL, &what, 1));
}

/* R77: The control call names an interface queue. */
TEST_F(nodev, control_unknown_id)
{
	EXPECT_EQ(-ENXIO, refill_flush(self->receiver.ring.fd, 1));
	EXPECT_EQ(-ENXIO, refill_flush(self->receiver.ring.fd, UINT_MAX));
	EXPECT_EQ(0, refill_flush(self->receiver.ring.fd, 0));
}

/* R77: The control call names an operation. */
TEST_F(nodev, control_unknown_op)
{
	struct zcrx_ctrl what = { .op = NO_SUCH_OP };

	EXPECT_EQ(-EOPNOTSUPP, control(&self->receiver, &what));
}

/* R77: Reserved words of the control call are 0. */
TEST_F(nodev, control_reserved)
{
	struct zcrx_ctrl what = { .op = ZCRX_CTRL_FLUSH_RQ, .__resv = { 1 } };

	EXPECT_EQ(-EFAULT, control(&self->receiver, &what));
}

/* R77: Reserved words of a flush are 0. */
TEST_F(nodev, flush_reserved)
{
	struct zcrx_ctrl what = { .op = ZCRX_CTRL_FLUSH_RQ };

	what.zc_flush.__resv[5] = 1;
	EXPECT_EQ(-EINVAL, control(&self->receiver, &what));
}

/* R73: Two rings receive into one area, one after the other closed. */
TEST_F(nodev, shared)
{
	struct receiver other;
	int fd;

	fd = receiver_export(&self->receiver);
	ASSERT_LE(0, fd);
	ASSERT_EQ(0, receiver_import(&other, &self->receiver, fd));
	ASSERT_EQ(0, close(fd));
	receiver_request(&self->receiver, self->receiving);
	expect_bytes(_metadata, &self->receiver, self->sending, PAGE);
	receiver_cancel(&self->receiver, self->receiving);
	expect_end(_metadata, &self->receiver, -ECANCELED);

	uring_close(&self->receiver.ring);
	receiver_request(&other, self->receiving);
	expect_bytes(_metadata, &other, self->sending, PAGE);
}

/* R73: What is imported is an exported interface queue. */
TEST_F(nodev, import_bad_fd)
{
	struct receiver other;

	EXPECT_EQ(-EBADF, receiver_import(&other, &self->receiver, -1));
	EXPECT_EQ(-EBADF, receiver_import(&other, &self->receiver,
					  self->receiving));
}

/* R73: Reserved words of an export are 0. */
TEST_F(nodev, export_reserved)
{
	struct zcrx_ctrl what = { .op = ZCRX_CTRL_EXPORT };

	what.zc_export.__resv1[10] = 1;
	EXPECT_EQ(-EINVAL, control(&self->receiver, &what));
}

TEST_HARNESS_MAIN
