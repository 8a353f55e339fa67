// SPDX-License-Identifier: GPL-2.0
/*
 * Zero copy receive of io_uring: the request among others.
 *
 * R32  a registration does not keep the device
 * R34  a registration outlasts that the interface is down
 * R40  IORING_OP_RECV_ZC (58) receives until it ends
 * R43  the file is a TCP socket (ENOTSOCK, EPROTONOSUPPORT, ENOTCONN)
 * R44  a completion for each piece, in the area, in order
 * R45  the end is a completion without F_MORE
 * R46  what is not in the area is copied there
 * R51  a request takes 20 packets at most before others have their turn
 * R52  no room for a completion is an error (ENOSPC)
 * R53  IOSQE_CQE_SKIP_SUCCESS leaves out the end of the stream
 * R54  what is placed cannot be read by other calls (EFAULT, ENODEV)
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

#include <linux/bpf.h>
#include <sys/epoll.h>
#include <sys/eventfd.h>
#include <sys/syscall.h>

#define BESIDE		0xbe51deULL	/* user_data of what is no request */
#define SHORT_MS	50
#define SILENCE_MS	200
#define LONG_S		300
#define TCP_ULP_OPTION	31		/* TCP_ULP of linux/tcp.h */
#define DEVICE_MEMORY	0x2000000	/* MSG_SOCK_DEVMEM */

#define MANY_BYTES	50000
#define MANY_PIECES	8
#define SIZE		(1024 * 1024ULL)
#define FEW_COMPLETIONS	16
#define FEW_PAGES	24

/*
 * Each write of the fast flow is a piece, with up to 17 of them in a packet. A
 * turn of 20 packets is few of them, three turns still are.
 */
#define FAST_WRITE	240
#define FAST_WRITES	3000
#define FAST_PAGES	1024
#define FAST_PIECES	2000
#define FEW_PIECES	(3 * 20 * 17)
#define BUFFER_SIZE	(16 << 20)

static int sockmap(enum bpf_cmd command, union bpf_attr *attr)
{
	int ret = syscall(__NR_bpf, command, attr, sizeof(*attr));

	return ret < 0 ? -errno : ret;
}

/* A map for one socket. Returns it or a negative error. */
static int sockmap_open(void)
{
	union bpf_attr attr;

	memset(&attr, 0, sizeof(attr));
	attr.map_type = BPF_MAP_TYPE_SOCKMAP;
	attr.key_size = sizeof(__u32);
	attr.value_size = sizeof(__u32);
	attr.max_entries = 1;
	return sockmap(BPF_MAP_CREATE, &attr);
}

/* Put a socket into it, or take it out, for -1. Returns 0 or an error. */
static int sockmap_put(int map, int fd)
{
	union bpf_attr attr;
	const __u32 key = 0;

	memset(&attr, 0, sizeof(attr));
	attr.map_fd = map;
	attr.key = (uintptr_t)&key;
	if (fd < 0)
		return sockmap(BPF_MAP_DELETE_ELEM, &attr);
	attr.value = (uintptr_t)&fd;
	return sockmap(BPF_MAP_UPDATE_ELEM, &attr);
}

static int pipe_end(void)
{
	int ends[2];

	return pipe(ends) ? -errno : ends[0];
}

/* A request that is none to receive, told by its user_data. */
static struct io_uring_sqe *beside(struct receiver *receiver, __u8 opcode)
{
	struct io_uring_sqe *sqe = uring_next(&receiver->ring);

	sqe->opcode = opcode;
	sqe->user_data = BESIDE;
	return sqe;
}

/* That many requests to receive end like this, and what is beside like that. */
static void expect_ends(struct __test_metadata *_metadata,
			struct receiver *receiver, int count, int res,
			int beside_res)
{
	struct io_uring_cqe *cqe;
	int i;

	for (i = 0; i < count + 1; i++) {
		cqe = uring_wait(&receiver->ring, WAIT_MS);
		ASSERT_NE(NULL, cqe);
		EXPECT_EQ(cqe->user_data == BESIDE ? beside_res : res,
			  cqe->res);
		EXPECT_EQ(0U, cqe->flags & IORING_CQE_F_MORE);
		uring_seen(&receiver->ring);
	}
}

/* A completion ring of that size for a receiver that is not registered yet. */
static int renew_ring(struct receiver *receiver, unsigned int cq_entries)
{
	uring_close(&receiver->ring);
	return uring_open(&receiver->ring, RING_FLAGS, cq_entries);
}

/* Another receiver for the queue of a device of its own. */
static int renew_receiver(struct receiver *receiver, unsigned int ifindex,
			  unsigned int pages, unsigned int cq_entries)
{
	int ret;

	receiver_close(receiver);
	ret = receiver_prepare(receiver, pages) ?:
	      renew_ring(receiver, cq_entries);
	return ret ?: receiver_register(receiver, ifindex, 0);
}

/*
 * Receive a stream from that position on, by another request each time that
 * there was no room for a completion. Gives how often that was.
 */
static int receive_by_parts(struct __test_metadata *_metadata,
			    struct receiver *receiver, int fd, __u64 position,
			    __u64 size)
{
	int ends = 0;

	while (position < size) {
		if (is_piece_next(_metadata, receiver)) {
			position += expect_piece(_metadata, receiver, position);
			continue;
		}
		expect_end(_metadata, receiver, -ENOSPC);
		receiver_request(receiver, fd);
		ends++;
	}
	EXPECT_EQ(size, position);
	return ends;
}

/* Let much wait in a socket, and what sends to it not wait. */
static int make_room(int receiving, int sending)
{
	const int size = BUFFER_SIZE;

	if (setsockopt(receiving, SOL_SOCKET, SO_RCVBUFFORCE, &size,
		       sizeof(size)) ||
	    setsockopt(sending, SOL_SOCKET, SO_SNDBUFFORCE, &size,
		       sizeof(size)))
		return -errno;
	return 0;
}

/* Two sockets, one of which has much more to receive than the other. */
struct flows {
	struct receiver	*receiver;
	int		fast;
	int		fast_sending;
	int		slow;
	int		slow_sending;
};

static void open_flows(struct __test_metadata *_metadata, struct flows *flows)
{
	int listening;

	ASSERT_EQ(0, stream_loopback(&listening, &flows->fast,
				     &flows->fast_sending));
	ASSERT_EQ(0, make_room(flows->fast, flows->fast_sending));
}

/* Much waits in the socket of the one, and little in that of the other. */
static void fill_flows(struct __test_metadata *_metadata,
		       const struct flows *flows)
{
	const int fast = FAST_WRITES * FAST_WRITE, slow = 10;

	ASSERT_EQ(0, stream_send_writes(flows->fast_sending, fast, FAST_WRITE));
	ASSERT_EQ(0, stream_send(flows->slow_sending, slow));
	ASSERT_EQ(0, stream_wait(flows->fast, fast));
	ASSERT_EQ(0, stream_wait(flows->slow, slow));
}

/* The slow one gets its turn before the fast one is done, and both do. */
static void expect_fairness(struct __test_metadata *_metadata,
			    const struct flows *flows)
{
	const __u64 fast = FAST_WRITES * FAST_WRITE, slow = 10;
	__u64 of_fast = 0, of_slow = 0;
	int pieces = 0, before = -1;
	struct io_uring_cqe *cqe;

	while (of_fast < fast || of_slow < slow) {
		cqe = uring_wait(&flows->receiver->ring, WAIT_MS);
		ASSERT_NE(NULL, cqe)
			TH_LOG("nothing comes after %llu and %llu bytes",
			       of_fast, of_slow);
		if (cqe->user_data == (__u64)flows->fast) {
			of_fast += expect_piece(_metadata, flows->receiver,
						of_fast);
			pieces++;
			continue;
		}
		of_slow += expect_piece(_metadata, flows->receiver, of_slow);
		if (before < 0)
			before = pieces;
	}
	/* Else it would say nothing. */
	EXPECT_LT(FAST_PIECES, pieces);
	EXPECT_LT(0, before);
	EXPECT_GE(FEW_PIECES, before);
	TH_LOG("%d of %d pieces came before the other's", before, pieces);
}

/* All of it is still there, from that position on. */
static void expect_waiting(struct __test_metadata *_metadata,
			   struct receiver *receiver, struct stream *stream,
			   __u64 position)
{
	receiver_request(receiver, stream->fd);
	EXPECT_EQ((__u64)WAITING,
		  receive_rest(_metadata, receiver, position));
	EXPECT_EQ(0, stream_close(stream));
	receiver_close(receiver);
}

/* The same when the sender cannot be reached any more. */
static void expect_waiting_only(struct __test_metadata *_metadata,
				struct receiver *receiver,
				struct stream *stream)
{
	__u64 position = 0;

	receiver_request(receiver, stream->fd);
	while (position < WAITING)
		position += expect_piece(_metadata, receiver, position);
	receiver_close(receiver);
	endless_close(stream);
}

FIXTURE(beside)
{
	struct receiver receiver;
	struct netif dev;
	int receiving;
	int sending;
	int listening;
};

FIXTURE_SETUP(beside)
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

FIXTURE_TEARDOWN_PARENT(beside)
{
	/* The process of the test is gone: nothing may hold the device. */
	EXPECT_EQ(0, netif_close(&self->dev));
}

/* R43: A file is no socket: pipe. */
TEST_F(beside, no_socket_pipe)
{
	const int fd = pipe_end();

	ASSERT_LE(0, fd);
	receiver_request(&self->receiver, fd);
	expect_end(_metadata, &self->receiver, -ENOTSOCK);
	receiver_request(&self->receiver, self->receiving);
	expect_bytes(_metadata, &self->receiver, self->sending, 1);
}

/* R43: A file is no socket: eventfd. */
TEST_F(beside, no_socket_eventfd)
{
	const int fd = eventfd(1, 0);

	ASSERT_LE(0, fd);
	receiver_request(&self->receiver, fd);
	expect_end(_metadata, &self->receiver, -ENOTSOCK);
	receiver_request(&self->receiver, self->receiving);
	expect_bytes(_metadata, &self->receiver, self->sending, 1);
}

/* R43: A file is no socket: epoll. */
TEST_F(beside, no_socket_epoll)
{
	const int fd = epoll_create1(0);

	ASSERT_LE(0, fd);
	receiver_request(&self->receiver, fd);
	expect_end(_metadata, &self->receiver, -ENOTSOCK);
	receiver_request(&self->receiver, self->receiving);
	expect_bytes(_metadata, &self->receiver, self->sending, 1);
}

/* R43: A file is no socket: memfd. */
TEST_F(beside, no_socket_memfd)
{
	const int fd = memfd_create("file", 0);

	ASSERT_LE(0, fd);
	receiver_request(&self->receiver, fd);
	expect_end(_metadata, &self->receiver, -ENOTSOCK);
	receiver_request(&self->receiver, self->receiving);
	expect_bytes(_metadata, &self->receiver, self->sending, 1);
}

/* R43: A file is no socket: ring. */
TEST_F(beside, no_socket_ring)
{
	const int fd = self->receiver.ring.fd;

	ASSERT_LE(0, fd);
	receiver_request(&self->receiver, fd);
	expect_end(_metadata, &self->receiver, -ENOTSOCK);
	receiver_request(&self->receiver, self->receiving);
	expect_bytes(_metadata, &self->receiver, self->sending, 1);
}

/*
 * R45: A request is cancelled by the file that it is about, and another
 * one takes over.
 */
TEST_F(beside, cancelled_by_fd)
{
	struct io_uring_sqe *sqe;

	receiver_request(&self->receiver, self->receiving);
	expect_bytes(_metadata, &self->receiver, self->sending, 100);
	sqe = beside(&self->receiver, IORING_OP_ASYNC_CANCEL);
	sqe->cancel_flags = IORING_ASYNC_CANCEL_FD;
	sqe->fd = self->receiving;
	expect_ends(_metadata, &self->receiver, 1, -ECANCELED, 0);
	receiver_request(&self->receiver, self->receiving);
	expect_bytes(_metadata, &self->receiver, self->sending, 100);
}

/* R45: A request is cancelled by its opcode, and another one takes over. */
TEST_F(beside, cancelled_by_opcode)
{
	struct io_uring_sqe *sqe;

	receiver_request(&self->receiver, self->receiving);
	expect_bytes(_metadata, &self->receiver, self->sending, 100);
	sqe = beside(&self->receiver, IORING_OP_ASYNC_CANCEL);
	sqe->cancel_flags = IORING_ASYNC_CANCEL_OP;
	sqe->len = IORING_OP_RECV_ZC;
	expect_ends(_metadata, &self->receiver, 1, -ECANCELED, 0);
	receiver_request(&self->receiver, self->receiving);
	expect_bytes(_metadata, &self->receiver, self->sending, 100);
}

/*
 * R45: A request is cancelled together with everything else, and another
 * one takes over.
 */
TEST_F(beside, cancelled_any)
{
	struct io_uring_sqe *sqe;

	receiver_request(&self->receiver, self->receiving);
	expect_bytes(_metadata, &self->receiver, self->sending, 100);
	sqe = beside(&self->receiver, IORING_OP_ASYNC_CANCEL);
	sqe->cancel_flags = IORING_ASYNC_CANCEL_ANY;
	expect_ends(_metadata, &self->receiver, 1, -ECANCELED, 1);
	receiver_request(&self->receiver, self->receiving);
	expect_bytes(_metadata, &self->receiver, self->sending, 100);
}

/*
 * R45: A request is cancelled together with another one, and another one
 * takes over.
 */
TEST_F(beside, cancelled_all_of_two)
{
	struct io_uring_sqe *sqe;

	receiver_request(&self->receiver, self->receiving);
	receiver_request(&self->receiver, self->receiving);
	expect_bytes(_metadata, &self->receiver, self->sending, 100);
	sqe = beside(&self->receiver, IORING_OP_ASYNC_CANCEL);
	sqe->cancel_flags = IORING_ASYNC_CANCEL_FD | IORING_ASYNC_CANCEL_ALL;
	sqe->fd = self->receiving;
	expect_ends(_metadata, &self->receiver, 2, -ECANCELED, 2);
	receiver_request(&self->receiver, self->receiving);
	expect_bytes(_metadata, &self->receiver, self->sending, 100);
}

/* R45: A linked timeout ends the request, whatever has come meanwhile. */
TEST_F(beside, linked_timeout)
{
	struct __kernel_timespec timeout = { .tv_nsec = SHORT_MS * 1000000LL };
	struct io_uring_sqe *sqe;

	sqe = receiver_request(&self->receiver, self->receiving);
	sqe->flags = IOSQE_IO_LINK;
	sqe = beside(&self->receiver, IORING_OP_LINK_TIMEOUT);
	sqe->addr = (uintptr_t)&timeout;
	sqe->len = 1;
	expect_bytes(_metadata, &self->receiver, self->sending, 100);
	expect_ends(_metadata, &self->receiver, 1, -ECANCELED, -ETIME);
	receiver_request(&self->receiver, self->receiving);
	expect_bytes(_metadata, &self->receiver, self->sending, 100);
}

/* R45: A request that ends in time ends its linked timeout. */
TEST_F(beside, linked_timeout_in_time)
{
	struct __kernel_timespec timeout = { .tv_sec = LONG_S };
	struct io_uring_sqe *sqe;

	sqe = receiver_request(&self->receiver, self->receiving);
	sqe->flags = IOSQE_IO_LINK;
	sqe = beside(&self->receiver, IORING_OP_LINK_TIMEOUT);
	sqe->addr = (uintptr_t)&timeout;
	sqe->len = 1;
	expect_bytes(_metadata, &self->receiver, self->sending, 100);
	ASSERT_EQ(0, shutdown(self->sending, SHUT_WR));
	expect_ends(_metadata, &self->receiver, 1, 0, -ECANCELED);
}

/* R45: What is linked to the request comes after its end. */
TEST_F(beside, link_goes_on)
{
	receiver_request(&self->receiver, self->receiving)->flags =
		IOSQE_IO_LINK;
	beside(&self->receiver, IORING_OP_NOP);
	expect_bytes(_metadata, &self->receiver, self->sending, 100);
	ASSERT_EQ(0, shutdown(self->sending, SHUT_WR));
	expect_end(_metadata, &self->receiver, 0);
	expect_end(_metadata, &self->receiver, 0);
}

/* R45: An error of the request breaks its link. */
TEST_F(beside, link_is_broken)
{
	receiver_request(&self->receiver, self->receiving)->flags =
		IOSQE_IO_LINK;
	beside(&self->receiver, IORING_OP_NOP);
	expect_bytes(_metadata, &self->receiver, self->sending, 100);
	ASSERT_EQ(0, stream_reset(self->sending));
	expect_ends(_metadata, &self->receiver, 1, -ECONNRESET, -ECANCELED);
}

/* R44: What is over before a piece comes is told before it. */
TEST_F(beside, told_in_order)
{
	struct io_uring_cqe *cqe;

	ASSERT_EQ(0, stream_send(self->sending, 100));
	ASSERT_EQ(0, stream_wait(self->receiving, 100));
	beside(&self->receiver, IORING_OP_NOP);
	receiver_request(&self->receiver, self->receiving);
	cqe = uring_wait(&self->receiver.ring, WAIT_MS);
	ASSERT_NE(NULL, cqe);
	EXPECT_EQ(BESIDE, cqe->user_data);
	expect_end(_metadata, &self->receiver, 0);
	EXPECT_EQ(100ULL, expect_piece(_metadata, &self->receiver, 0));
}

/* R44: Who waits for several completions is woken when all come at once. */
TEST_F(beside, many_at_once)
{
	pid_t pid;
	int i;

	receiver_request(&self->receiver, self->receiving);
	ASSERT_EQ(0, uring_submit(&self->receiver.ring));
	pid = fork();
	ASSERT_LE(0, pid);
	if (!pid) {
		/* Its parent waits by then, or has less to show. */
		usleep(SILENCE_MS * 1000);
		_exit(-stream_send(self->sending, MANY_PIECES * PAGE));
	}
	ASSERT_EQ(0, uring_wait_for(&self->receiver.ring, MANY_PIECES,
				    WAIT_MS));
	for (i = 0; i < MANY_PIECES; i++) {
		ASSERT_NE(NULL, uring_peek(&self->receiver.ring));
		uring_seen(&self->receiver.ring);
	}
}

/* R45: What is to drain the ring waits for the end of the request. */
TEST_F(beside, drain_waits)
{
	int i;

	receiver_request(&self->receiver, self->receiving);
	beside(&self->receiver, IORING_OP_NOP)->flags = IOSQE_IO_DRAIN;
	/* Each piece is a completion more than there are requests. */
	for (i = 0; i < 5; i++)
		expect_bytes(_metadata, &self->receiver, self->sending, 100);
	EXPECT_EQ(NULL, uring_wait(&self->receiver.ring, SILENCE_MS));
	ASSERT_EQ(0, shutdown(self->sending, SHUT_WR));
	expect_end(_metadata, &self->receiver, 0);
	expect_end(_metadata, &self->receiver, 0);
}

/*
 * R53: With IOSQE_CQE_SKIP_SUCCESS pieces and errors are told, and the end
 * is not.
 */
TEST_F(beside, skip_success)
{
	receiver_request(&self->receiver, self->receiving)->flags =
		IOSQE_CQE_SKIP_SUCCESS;
	expect_bytes(_metadata, &self->receiver, self->sending, 100);
	ASSERT_EQ(0, shutdown(self->sending, SHUT_WR));
	EXPECT_EQ(NULL, uring_wait(&self->receiver.ring, SILENCE_MS));
	receiver_request(&self->receiver, self->listening)->flags =
		IOSQE_CQE_SKIP_SUCCESS;
	expect_end(_metadata, &self->receiver, -ENOTCONN);
}

/* R40: A registered file is the request's until that ends. */
TEST_F(beside, file_taken_away)
{
	int none = -1;
	struct io_uring_files_update update = { .fds = (uintptr_t)&none };

	ASSERT_EQ(0, ring_register(self->receiver.ring.fd,
				   IORING_REGISTER_FILES, &self->receiving, 1));
	receiver_request(&self->receiver, 0)->flags = IOSQE_FIXED_FILE;
	ASSERT_EQ(0, uring_submit(&self->receiver.ring));
	ASSERT_EQ(1, ring_register(self->receiver.ring.fd,
				   IORING_REGISTER_FILES_UPDATE, &update, 1));
	ASSERT_EQ(0, close(self->receiving));
	expect_bytes(_metadata, &self->receiver, self->sending, 100);
	receiver_request(&self->receiver, 0)->flags = IOSQE_FIXED_FILE;
	expect_end(_metadata, &self->receiver, -EBADF);
}

/* R40: The descriptor may be closed, the socket is the request's. */
TEST_F(beside, another_descriptor)
{
	const int other = dup(self->receiving);

	ASSERT_LE(0, other);
	receiver_request(&self->receiver, other);
	ASSERT_EQ(0, uring_submit(&self->receiver.ring));
	ASSERT_EQ(0, close(other));
	ASSERT_EQ(0, close(self->receiving));
	expect_bytes(_metadata, &self->receiver, self->sending, 100);
	ASSERT_EQ(0, shutdown(self->sending, SHUT_WR));
	expect_end(_metadata, &self->receiver, 0);
}

/* R40: Two requests for one socket get its stream between them. */
TEST_F(beside, two_on_one_socket)
{
	int i;

	for (i = 0; i < 2; i++)
		receiver_request(&self->receiver, self->receiving);
	for (i = 0; i < 5; i++)
		expect_bytes(_metadata, &self->receiver, self->sending, 20000);
	ASSERT_EQ(0, shutdown(self->sending, SHUT_WR));
	expect_end(_metadata, &self->receiver, 0);
	expect_end(_metadata, &self->receiver, 0);
}

/* R40: Two sockets are received from in turn. */
TEST_F(beside, two_sockets_in_turn)
{
	int i, listening, receiving[2], sending[2];
	struct io_uring_cqe *cqe;

	receiving[0] = self->receiving;
	sending[0] = self->sending;
	ASSERT_EQ(0, stream_loopback(&listening, &receiving[1], &sending[1]));
	for (i = 0; i < 2; i++)
		receiver_request(&self->receiver, receiving[i]);
	ASSERT_EQ(0, uring_submit(&self->receiver.ring));
	for (i = 0; i < 20; i++) {
		ASSERT_EQ(0, stream_send(sending[i % 2], 100));
		cqe = uring_wait(&self->receiver.ring, WAIT_MS);
		ASSERT_NE(NULL, cqe);
		EXPECT_EQ(receiving[i % 2], (int)cqe->user_data);
		EXPECT_EQ(100ULL, expect_piece(_metadata, &self->receiver, 0));
	}
}

/* R46: What recv() takes in between is not received by the request. */
TEST_F(beside, read_in_between)
{
	char bytes[1000];
	__u64 position;

	ASSERT_EQ(0, stream_send(self->sending, 5 * sizeof(bytes)));
	EXPECT_EQ((ssize_t)sizeof(bytes),
		  recv(self->receiving, bytes, sizeof(bytes), 0));
	EXPECT_TRUE(stream_matches(bytes, 0, sizeof(bytes)));
	receiver_request(&self->receiver, self->receiving);
	for (position = sizeof(bytes); position < 5 * sizeof(bytes);)
		position += expect_piece(_metadata, &self->receiver, position);

	/* The request is woken, and there is nothing left for it. */
	ASSERT_EQ(0, stream_send(self->sending, sizeof(bytes)));
	EXPECT_EQ((ssize_t)sizeof(bytes),
		  recv(self->receiving, bytes, sizeof(bytes), 0));
	EXPECT_EQ(NULL, uring_wait(&self->receiver.ring, SILENCE_MS));
	expect_bytes(_metadata, &self->receiver, self->sending, 100);
}

/* R45: What came before a reset is received before the error. */
TEST_F(beside, reset_after_data)
{
	ASSERT_EQ(0, stream_send(self->sending, 100));
	ASSERT_EQ(0, stream_wait(self->receiving, 100));
	ASSERT_EQ(0, stream_reset(self->sending));
	receiver_request(&self->receiver, self->receiving);
	EXPECT_EQ(100ULL, receive_pieces(_metadata, &self->receiver, 0));
	expect_end(_metadata, &self->receiver, -ECONNRESET);
}

/* R43: A socket whose payload is made by a ULP is none of TCP. */
TEST_F(beside, bytes_of_a_kernel_tls)
{
	if (setsockopt(self->receiving, IPPROTO_TCP, TCP_ULP_OPTION, "tls", 3))
		SKIP(return, "the kernel has no TLS");
	ASSERT_EQ(0, stream_send(self->sending, 100));
	receiver_request(&self->receiver, self->receiving);
	expect_end(_metadata, &self->receiver, -EPROTONOSUPPORT);
	EXPECT_EQ(0, stream_wait(self->receiving, 100));
}

/* R43: A socket in a sockmap is refused as long as it is there. */
TEST_F(beside, in_sockmap)
{
	const int map = sockmap_open();

	ASSERT_LE(0, map);
	ASSERT_EQ(0, sockmap_put(map, self->receiving));
	receiver_request(&self->receiver, self->receiving);
	expect_end(_metadata, &self->receiver, -EPROTONOSUPPORT);
	ASSERT_EQ(0, sockmap_put(map, -1));
	receiver_request(&self->receiver, self->receiving);
	expect_bytes(_metadata, &self->receiver, self->sending, 100);
}

/* R43: A request ends when its socket is put into a sockmap. */
TEST_F(beside, put_into_sockmap)
{
	const int map = sockmap_open();

	ASSERT_LE(0, map);
	receiver_request(&self->receiver, self->receiving);
	expect_bytes(_metadata, &self->receiver, self->sending, 100);
	ASSERT_EQ(0, sockmap_put(map, self->receiving));
	ASSERT_EQ(0, stream_send(self->sending, 100));
	expect_end(_metadata, &self->receiver, -EPROTONOSUPPORT);
	EXPECT_EQ(0, stream_wait(self->receiving, 100));
}

/*
 * R52: Without room for a completion the request ends, and no byte is
 * lost.
 */
TEST_F(beside, completions_full)
{
	const __u64 size = 2 * FEW_COMPLETIONS * PAGE;
	struct receiver *receiver = &self->receiver;
	__u64 position = 0;
	int i;

	ASSERT_EQ(0, renew_receiver(receiver, self->dev.ifindex,
				    WORKING_PAGES, FEW_COMPLETIONS));
	ASSERT_EQ(0, make_room(self->receiving, self->sending));
	ASSERT_EQ(0, stream_send(self->sending, size));
	ASSERT_EQ(0, stream_wait(self->receiving, size));
	receiver_request(receiver, self->receiving);
	ASSERT_EQ(0, uring_submit(&receiver->ring));
	for (i = 0; i < FEW_COMPLETIONS; i++)
		position += expect_piece(_metadata, receiver, position);
	EXPECT_LT(position, size);
	expect_end(_metadata, receiver, -ENOSPC);
	receiver_request(receiver, self->receiving);
	receive_by_parts(_metadata, receiver, self->receiving, position, size);
}

/*
 * R52: A completion ring that is full again and again costs neither bytes
 * nor buffers.
 */
TEST_F(beside, completions_full_each_time)
{
	const __u64 size = 2 * SIZE;

	ASSERT_EQ(0, renew_receiver(&self->receiver, self->dev.ifindex,
				    FEW_PAGES, FEW_COMPLETIONS));
	ASSERT_EQ(0, make_room(self->receiving, self->sending));
	ASSERT_EQ(0, stream_send(self->sending, size));
	ASSERT_EQ(0, stream_wait(self->receiving, size));
	receiver_request(&self->receiver, self->receiving);
	/* If it took a buffer each time there would be none left. */
	EXPECT_LT(FEW_PAGES, receive_by_parts(_metadata, &self->receiver,
					      self->receiving, 0, size));
}

/*
 * R51: A socket with much to receive does not hold up the one after it:
 * when submitted.
 */
TEST_F(beside, fair_when_submitted)
{
	struct flows flows = {
		.receiver = &self->receiver,
		.slow = self->receiving,
		.slow_sending = self->sending,
	};

	ASSERT_EQ(0, renew_receiver(&self->receiver, self->dev.ifindex,
				    FAST_PAGES, 2 * FAST_PAGES));
	open_flows(_metadata, &flows);
	fill_flows(_metadata, &flows);
	receiver_request(&self->receiver, flows.fast);
	receiver_request(&self->receiver, flows.slow);
	expect_fairness(_metadata, &flows);
}

/*
 * R51: A socket with much to receive does not hold up the one after it:
 * when woken.
 */
TEST_F(beside, fair_when_polled)
{
	struct flows flows = {
		.receiver = &self->receiver,
		.slow = self->receiving,
		.slow_sending = self->sending,
	};

	ASSERT_EQ(0, renew_receiver(&self->receiver, self->dev.ifindex,
				    FAST_PAGES, 2 * FAST_PAGES));
	open_flows(_metadata, &flows);
	receiver_request(&self->receiver, flows.fast);
	receiver_request(&self->receiver, flows.slow);
	ASSERT_EQ(0, uring_submit(&self->receiver.ring));
	/* Nothing is received as long as nobody waits for it. */
	fill_flows(_metadata, &flows);
	expect_fairness(_metadata, &flows);
}

/*
 * R34: While the interface is down a request receives what comes from
 * elsewhere.
 */
TEST_F(beside, device_is_down)
{
	if (!self->dev.simulated)
		SKIP(return, "the device is no netdevsim");

	ASSERT_EQ(0, netif_set_up(&self->dev, false));
	receiver_request(&self->receiver, self->receiving);
	expect_bytes(_metadata, &self->receiver, self->sending, MANY_BYTES);
	ASSERT_EQ(0, netif_set_up(&self->dev, true));
	expect_bytes(_metadata, &self->receiver, self->sending, MANY_BYTES);
}

/* R32: Without the device a request receives what comes from elsewhere. */
TEST_F(beside, device_is_gone)
{
	if (!self->dev.simulated)
		SKIP(return, "the device is no netdevsim");

	receiver_request(&self->receiver, self->receiving);
	expect_bytes(_metadata, &self->receiver, self->sending, 100);
	ASSERT_EQ(0, netif_remove(&self->dev, WAIT_MS));
	expect_bytes(_metadata, &self->receiver, self->sending, MANY_BYTES);
	receiver_cancel(&self->receiver, self->receiving);
	expect_end(_metadata, &self->receiver, -ECANCELED);
	receiver_request(&self->receiver, self->receiving);
	expect_bytes(_metadata, &self->receiver, self->sending, MANY_BYTES);
}

FIXTURE(placed)
{
	struct link link;
};

FIXTURE_SETUP(placed)
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

FIXTURE_TEARDOWN_PARENT(placed)
{
	/* The process of the test is gone: nothing may hold the devices. */
	EXPECT_EQ(0, link_close(&self->link));
}

/* R52: What the device placed waits for room in the completion ring. */
TEST_F_TIMEOUT(placed, completions_full_of_placed, 180)
{
	struct receiver receiver;
	struct stream stream;

	ASSERT_EQ(0, link_steer(&self->link));
	ASSERT_EQ(0, link_send_small(&self->link));
	ASSERT_EQ(0, stream_open(&stream, &self->link, AF_INET, LINK_PORT,
				 SIZE));
	ASSERT_EQ(0, receiver_prepare(&receiver, WORKING_PAGES));
	ASSERT_EQ(0, renew_ring(&receiver, FEW_COMPLETIONS));
	ASSERT_EQ(0, receiver_register(&receiver, self->link.rx.ifindex,
				       LINK_QUEUE));
	ASSERT_EQ(0, stream_start(&stream));
	/* More waits than there is room for. */
	ASSERT_EQ(0, stream_wait(stream.fd, (FEW_COMPLETIONS + 2) *
				PACKET_BYTES));
	receiver_request(&receiver, stream.fd);
	EXPECT_LT(0, receive_by_parts(_metadata, &receiver, stream.fd, 0,
				      SIZE));
	expect_end(_metadata, &receiver, 0);
	EXPECT_EQ(0, stream_close(&stream));
	EXPECT_LE((long long)SIZE,
		  link_counter(&self->link, LINK_QUEUE, "provider_bytes"));
	receiver_close(&receiver);
}

/* R54: read() cannot read what the device placed, and takes nothing away. */
TEST_F_TIMEOUT(placed, read, 180)
{
	char bytes[100];
	struct receiver receiver;
	struct stream stream;

	open_waiting(_metadata, &receiver, &stream, &self->link);
	EXPECT_EQ(-1, read(stream.fd, bytes, sizeof(bytes)));
	EXPECT_EQ(EFAULT, errno);
	expect_waiting(_metadata, &receiver, &stream, 0);
}

/* R54: MSG_PEEK cannot read what the device placed. */
TEST_F_TIMEOUT(placed, peek, 180)
{
	char bytes[100];
	struct receiver receiver;
	struct stream stream;

	open_waiting(_metadata, &receiver, &stream, &self->link);
	EXPECT_EQ(-1, recv(stream.fd, bytes, sizeof(bytes), MSG_PEEK));
	EXPECT_EQ(EFAULT, errno);
	expect_waiting(_metadata, &receiver, &stream, 0);
}

/* R54: splice() cannot move what the device placed into a pipe. */
TEST_F_TIMEOUT(placed, splice, 180)
{
	int ends[2];
	struct receiver receiver;
	struct stream stream;

	open_waiting(_metadata, &receiver, &stream, &self->link);
	ASSERT_EQ(0, pipe(ends));
	EXPECT_GE(0, splice(stream.fd, NULL, ends[1], NULL, PAGE, 0));
	expect_waiting(_metadata, &receiver, &stream, 0);
}

/* R54: To device memory TCP it is not a dma-buf's. */
TEST_F_TIMEOUT(placed, device_memory, 180)
{
	char bytes[100];
	struct receiver receiver;
	struct stream stream;

	open_waiting(_metadata, &receiver, &stream, &self->link);
	EXPECT_EQ(-1, recv(stream.fd, bytes, sizeof(bytes), DEVICE_MEMORY));
	EXPECT_EQ(ENODEV, errno);
	expect_waiting(_metadata, &receiver, &stream, 0);
}

/* R44: MSG_TRUNC takes the start of the stream away, the rest comes. */
TEST_F_TIMEOUT(placed, cut_off, 180)
{
	struct receiver receiver;
	struct stream stream;
	char bytes[1000];

	open_waiting(_metadata, &receiver, &stream, &self->link);
	EXPECT_EQ((ssize_t)sizeof(bytes),
		  recv(stream.fd, bytes, sizeof(bytes), MSG_TRUNC));
	expect_waiting(_metadata, &receiver, &stream, sizeof(bytes));
}

/* R44: A ring that polls its queue busily receives. */
TEST_F_TIMEOUT(placed, busy_polling_ring, 180)
{
	struct io_uring_napi polling = { .busy_poll_to = SHORT_MS * 1000 };
	struct receiver receiver;
	struct stream stream;

	ASSERT_EQ(0, link_steer(&self->link));
	ASSERT_EQ(0, receiver_open_stream(&receiver, &stream, &self->link,
					  AF_INET, SIZE, WORKING_PAGES));
	if (ring_register(receiver.ring.fd, IORING_REGISTER_NAPI, &polling, 1))
		SKIP(return, "rings cannot poll busily");
	receiver_request(&receiver, stream.fd);
	ASSERT_EQ(0, stream_start(&stream));
	EXPECT_EQ(SIZE, receive_rest(_metadata, &receiver, 0));
	EXPECT_EQ(0, stream_close(&stream));
	EXPECT_LE((long long)SIZE,
		  link_counter(&self->link, LINK_QUEUE, "provider_bytes"));
	receiver_close(&receiver);
}

/* R61: What waits in a socket is received with the device down. */
TEST_F_TIMEOUT(placed, waits_while_down, 180)
{
	struct receiver receiver;
	struct stream stream;

	open_waiting(_metadata, &receiver, &stream, &self->link);
	ASSERT_EQ(0, netif_set_up(&self->link.rx, false));
	expect_waiting_only(_metadata, &receiver, &stream);
}

/* R61: What waits in a socket is received without a device. */
TEST_F_TIMEOUT(placed, waits_without_device, 180)
{
	struct receiver receiver;
	struct stream stream;

	open_waiting(_metadata, &receiver, &stream, &self->link);
	ASSERT_EQ(0, netif_remove(&self->link.rx, WAIT_MS));
	expect_waiting_only(_metadata, &receiver, &stream);
}

TEST_HARNESS_MAIN
