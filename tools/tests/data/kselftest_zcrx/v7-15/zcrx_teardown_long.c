// SPDX-License-Identifier: GPL-2.0
/*
 * Zero copy receive of io_uring: ends with data on its way, 200 rounds.
 *
 * R18  the area counts against RLIMIT_MEMLOCK (ENOMEM)
 * R33  the queue is an ordinary one without the ring
 * R50  entries of the refill ring are never trusted
 * R60  nothing user space does with data on its way does harm
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

#define ROUNDS		200
#define REUSES		1000
#define PAGES		ENDLESS_PAGES
#define SHORT_MS	100
#define MOMENT_MS	10

/* What a process does that ends with everything in use. */
static void receive_and_exit(const struct link *link)
{
	struct receiver receiver;
	struct stream stream;

	if (endless_open(&receiver, &stream, link))
		_exit(1);
	if (take(&receiver, IN_FLIGHT, true, WAIT_MS) != IN_FLIGHT)
		_exit(2);
	_exit(0);
}

/* What a process does that is going to be killed. Says so when it is time. */
static void receive_until_killed(const struct link *link, int ready)
{
	struct receiver receiver;
	struct stream stream;

	if (endless_open(&receiver, &stream, link))
		_exit(1);
	if (take(&receiver, IN_FLIGHT, true, WAIT_MS) != IN_FLIGHT)
		_exit(2);
	if (write(ready, "", 1) != 1)
		_exit(3);
	for (;;)
		take(&receiver, IN_FLIGHT, false, WAIT_MS);
}

/*
 * Entries that nearly name a piece, or nothing at all, if they leave room for
 * every piece that there can be.
 */
static void write_wrong(struct receiver *receiver, __u64 offset)
{
	const __u64 token = 1ULL << IORING_ZCRX_AREA_SHIFT;
	const __u64 len = receiver->area.len;
	const __u64 wrong[] = {
		offset + token, offset + (token << 15), offset + len,
		len, len + PAGE, len + PAGE * PAGES, token - 1, ~0ULL,
		offset + (PAGE << 32),
	};
	__u32 i;

	if (!receiver_has_room(receiver, ARRAY_SIZE(wrong) + PAGES))
		return;
	for (i = 0; i < ARRAY_SIZE(wrong); i++)
		receiver_write(receiver, i, wrong[i], PAGE);
	receiver_publish(receiver, i);
}

FIXTURE(teardown_long)
{
	struct link link;
};

FIXTURE_SETUP(teardown_long)
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

FIXTURE_TEARDOWN_PARENT(teardown_long)
{
	/* The process of the test is gone: nothing may hold the devices. */
	EXPECT_EQ(0, link_close(&self->link));
}

/* R33: A queue that was given back can be taken, and works, each time. */
TEST_F_TIMEOUT(teardown_long, reuse, 900)
{
	int i, pools;

	ASSERT_EQ(0, link_steer(&self->link));
	pools = pools_count();
	for (i = 0; i < REUSES; i++)
		expect_stream(_metadata, &self->link, 100 * 1000);
	expect_nothing_left(_metadata, pools);
	EXPECT_LE(REUSES * 100 * 1000,
		  link_counter(&self->link, LINK_QUEUE, "provider_bytes"));
}

/* R60: A receiver is killed with data in flight. */
TEST_F_TIMEOUT(teardown_long, receiver_killed, 900)
{
	int i, pools, status, ready[2];
	pid_t pid;
	char byte;

	ASSERT_EQ(0, link_steer(&self->link));
	pools = pools_count();
	for (i = 0; i < ROUNDS; i++) {
		ASSERT_EQ(0, pipe(ready));
		pid = fork();
		ASSERT_LE(0, pid);
		if (!pid)
			receive_until_killed(&self->link, ready[1]);
		ASSERT_EQ(0, close(ready[1]));
		EXPECT_EQ(1, read(ready[0], &byte, 1));
		ASSERT_EQ(0, close(ready[0]));
		ASSERT_EQ(0, kill(pid, SIGKILL));
		ASSERT_EQ(pid, waitpid(pid, &status, 0));
		ASSERT_TRUE(WIFSIGNALED(status))
			TH_LOG("the receiver failed at step %d in round %d",
			       WEXITSTATUS(status), i);
	}
	expect_nothing_left(_metadata, pools);
	expect_stream(_metadata, &self->link, 1 << 20);
}

/* R60: The ring is closed before the socket, with data in flight. */
TEST_F_TIMEOUT(teardown_long, ring_first, 900)
{
	struct receiver receiver;
	struct stream stream;
	int i, pools;

	ASSERT_EQ(0, link_steer(&self->link));
	pools = pools_count();
	for (i = 0; i < ROUNDS; i++) {
		ASSERT_EQ(0, endless_open(&receiver, &stream, &self->link))
			TH_LOG("after %d times", i);
		ASSERT_EQ(IN_FLIGHT, take(&receiver, IN_FLIGHT, true, WAIT_MS));
		receiver_close(&receiver);
		usleep(1000 * i);
		EXPECT_NE(0, stream_close(&stream));
	}
	expect_nothing_left(_metadata, pools);
	expect_stream(_metadata, &self->link, 1 << 20);
}

/* R60: The socket is closed before the ring, with data in flight. */
TEST_F_TIMEOUT(teardown_long, socket_first, 900)
{
	struct receiver receiver;
	struct stream stream;
	int i, pools;

	ASSERT_EQ(0, link_steer(&self->link));
	pools = pools_count();
	for (i = 0; i < ROUNDS; i++) {
		ASSERT_EQ(0, endless_open(&receiver, &stream, &self->link))
			TH_LOG("after %d times", i);
		ASSERT_EQ(IN_FLIGHT, take(&receiver, IN_FLIGHT, true, WAIT_MS));
		/* The request holds the socket until the ring is gone. */
		ASSERT_EQ(0, close(stream.fd));
		stream.fd = -1;
		usleep(1000 * i);
		receiver_close(&receiver);
		EXPECT_NE(0, stream_close(&stream));
	}
	expect_nothing_left(_metadata, pools);
	expect_stream(_metadata, &self->link, 1 << 20);
}

/* R60: An area that is unmapped goes on being received into. */
TEST_F_TIMEOUT(teardown_long, area_unmapped, 900)
{
	struct receiver receiver;
	struct stream stream;
	int i, pools;

	ASSERT_EQ(0, link_steer(&self->link));
	pools = pools_count();
	for (i = 0; i < ROUNDS; i++) {
		ASSERT_EQ(0, endless_open(&receiver, &stream, &self->link))
			TH_LOG("after %d times", i);
		ASSERT_EQ(IN_FLIGHT, take(&receiver, IN_FLIGHT, true, WAIT_MS));
		ASSERT_NE(MAP_FAILED, mmap(receiver.memory, receiver.area.len,
					   PROT_NONE, MAP_PRIVATE | MAP_FIXED |
					   MAP_ANONYMOUS, -1, 0));
		EXPECT_EQ(IN_FLIGHT,
			  take(&receiver, IN_FLIGHT, false, WAIT_MS));
		receiver_close(&receiver);
		EXPECT_NE(0, stream_close(&stream));
	}
	expect_nothing_left(_metadata, pools);
	expect_stream(_metadata, &self->link, 1 << 20);
}

/* R60: The refill ring is unmapped under the kernel. */
TEST_F_TIMEOUT(teardown_long, refill_unmapped, 900)
{
	struct receiver receiver;
	struct stream stream;
	int i, pools;

	ASSERT_EQ(0, link_steer(&self->link));
	pools = pools_count();
	for (i = 0; i < ROUNDS; i++) {
		ASSERT_EQ(0, endless_open(&receiver, &stream, &self->link))
			TH_LOG("after %d times", i);
		ASSERT_EQ(IN_FLIGHT, take(&receiver, IN_FLIGHT, true, WAIT_MS));
		ASSERT_EQ(0, munmap(receiver.refill,
				    refill_size(&receiver.reg)));
		usleep(1000 * i);
		uring_close(&receiver.ring);
		ASSERT_EQ(0, munmap(receiver.memory, receiver.area.len));
		EXPECT_NE(0, stream_close(&stream));
	}
	expect_nothing_left(_metadata, pools);
	expect_stream(_metadata, &self->link, 1 << 20);
}

/* R60: A receiver exits with everything in use. */
TEST_F_TIMEOUT(teardown_long, exit_with_everything, 900)
{
	int i, pools, status;
	pid_t pid;

	ASSERT_EQ(0, link_steer(&self->link));
	pools = pools_count();
	for (i = 0; i < ROUNDS; i++) {
		pid = fork();
		ASSERT_LE(0, pid);
		if (!pid)
			receive_and_exit(&self->link);
		ASSERT_EQ(pid, waitpid(pid, &status, 0));
		ASSERT_EQ(0, status)
			TH_LOG("in round %d", i);
	}
	expect_nothing_left(_metadata, pools);
	expect_stream(_metadata, &self->link, 1 << 20);
}

/* R60: The ring is passed on to another process, which spoils it. */
TEST_F_TIMEOUT(teardown_long, passed_on, 900)
{
	struct receiver receiver;
	struct stream stream;
	int i, pools;

	ASSERT_EQ(0, link_steer(&self->link));
	pools = pools_count();
	for (i = 0; i < ROUNDS; i++) {
		ASSERT_EQ(0, endless_open(&receiver, &stream, &self->link))
			TH_LOG("after %d times", i);
		ASSERT_EQ(IN_FLIGHT, take(&receiver, IN_FLIGHT, true, WAIT_MS));
		struct io_uring_zcrx_ifq_reg reg = receiver.reg;
		int status;
		pid_t pid;

		pid = fork();
		ASSERT_LE(0, pid);
		if (!pid) {
			/* The ring is another task's, its memory is not. */
			if (zcrx_register(receiver.ring.fd, &reg) != -EEXIST)
				_exit(1);
			if (uring_submit(&receiver.ring) != -EEXIST)
				_exit(2);
			memset(receiver.rqes, 0xff, reg.rq_entries *
						    sizeof(*receiver.rqes));
			receiver_publish(&receiver, reg.rq_entries);
			_exit(0);
		}
		EXPECT_EQ(pid, waitpid(pid, &status, 0));
		EXPECT_EQ(0, status);
		take(&receiver, PAGES, false, SHORT_MS);
		receiver_close(&receiver);
		endless_close(&stream);
	}
	expect_nothing_left(_metadata, pools);
	expect_stream(_metadata, &self->link, 1 << 20);
}

/* R61: The device is removed with data in flight. */
TEST_F_TIMEOUT(teardown_long, device_removed, 900)
{
	struct receiver receiver;
	struct stream stream;
	int i;

	for (i = 0; i < ROUNDS; i++) {
		if (i)
			ASSERT_EQ(0, link_renew(&self->link));
		ASSERT_EQ(0, link_steer(&self->link));
		ASSERT_EQ(0, endless_open(&receiver, &stream, &self->link))
			TH_LOG("after %d times", i);
		ASSERT_EQ(IN_FLIGHT, take(&receiver, IN_FLIGHT, true, WAIT_MS));
		EXPECT_EQ(0, netif_remove(&self->link.rx, REMOVE_MS));
		/* What has arrived can be taken, and returned. */
		take(&receiver, PAGES, false, SHORT_MS);
		receiver_close(&receiver);
		endless_close(&stream);
	}
	expect_nothing_left(_metadata, 0);
}

/*
 * R61: The device is removed while a socket has buffers of a ring that is
 * closed.
 */
TEST_F_TIMEOUT(teardown_long, device_removed_after_ring, 900)
{
	struct receiver receiver;
	struct stream stream;
	int i;

	for (i = 0; i < ROUNDS; i++) {
		if (i)
			ASSERT_EQ(0, link_renew(&self->link));
		ASSERT_EQ(0, link_steer(&self->link));
		ASSERT_EQ(0, endless_open(&receiver, &stream, &self->link))
			TH_LOG("after %d times", i);
		ASSERT_EQ(IN_FLIGHT, take(&receiver, IN_FLIGHT, true, WAIT_MS));
		/* The socket still has buffers of the area. */
		receiver_close(&receiver);
		EXPECT_EQ(0, netif_remove(&self->link.rx, REMOVE_MS));
		endless_close(&stream);
	}
	expect_nothing_left(_metadata, 0);
}

/*
 * R61: The network namespace goes, and the device leaves it with the
 * ring's queue.
 */
TEST_F_TIMEOUT(teardown_long, namespace_removed, 900)
{
	struct receiver receiver;
	struct stream stream;
	int i;

	for (i = 0; i < ROUNDS; i++) {
		if (i)
			ASSERT_EQ(0, link_renew(&self->link));
		ASSERT_EQ(0, link_steer(&self->link));
		ASSERT_EQ(0, endless_open(&receiver, &stream, &self->link))
			TH_LOG("after %d times", i);
		ASSERT_EQ(IN_FLIGHT, take(&receiver, IN_FLIGHT, true, WAIT_MS));
		/* A request has the socket, and the socket the namespace. */
		receiver_cancel(&receiver, stream.fd);
		while (is_piece_next(_metadata, &receiver))
			uring_seen(&receiver.ring);
		expect_end(_metadata, &receiver, -ECANCELED);
		endless_close(&stream);
		ASSERT_EQ(0, link_leave(&self->link));
		/* The device outlives it, and comes to where we are. */
		EXPECT_EQ(0, netif_wait_for(&self->link.rx, REMOVE_MS));
		EXPECT_LT(0, pinned_kb());
		receiver_close(&receiver);
		EXPECT_EQ(0, pinned_settle(WAIT_MS));
	}
}

/* R61: The interface is taken down and up with data in flight. */
TEST_F_TIMEOUT(teardown_long, down_and_up, 900)
{
	struct receiver receiver;
	struct stream stream;
	int i, pools;

	ASSERT_EQ(0, link_steer(&self->link));
	pools = pools_count();
	for (i = 0; i < ROUNDS; i++) {
		ASSERT_EQ(0, endless_open(&receiver, &stream, &self->link))
			TH_LOG("after %d times", i);
		ASSERT_EQ(IN_FLIGHT, take(&receiver, IN_FLIGHT, true, WAIT_MS));
		ASSERT_EQ(0, netif_set_up(&self->link.rx, false));
		take(&receiver, PAGES, false, MOMENT_MS);
		ASSERT_EQ(0, netif_set_up(&self->link.rx, true));
		EXPECT_EQ(IN_FLIGHT,
			  take(&receiver, IN_FLIGHT, false, WAIT_MS));
		receiver_close(&receiver);
		endless_close(&stream);
	}
	expect_nothing_left(_metadata, pools);
	expect_stream(_metadata, &self->link, 1 << 20);
}

/* R61: The number of queues changes with data in flight on another one. */
TEST_F_TIMEOUT(teardown_long, channels_changed, 900)
{
	struct receiver receiver;
	struct stream stream;
	__u64 position = 0;
	int i, j;

	ASSERT_EQ(0, stream_open(&stream, &self->link, AF_INET, LINK_PORT,
				 STREAM_ENDLESS));
	/* It is not steered, and so comes to the first queue. */
	ASSERT_EQ(0, receiver_open(&receiver, self->link.rx.ifindex, 0, PAGES));
	receiver_request(&receiver, stream.fd);
	ASSERT_EQ(0, stream_start(&stream));
	for (i = 0; i < ROUNDS; i++) {
		ASSERT_EQ(0, ethtool_channels(&self->link.rx, 2 + i % 2));
		for (j = 0; j < IN_FLIGHT; j++)
			position += expect_piece(_metadata, &receiver,
						 position);
	}
	EXPECT_LE((long long)position,
		  link_counter(&self->link, 0, "provider_bytes"));
	receiver_close(&receiver);
	endless_close(&stream);
}

/* R61: The ring is closed after the interface was taken down. */
TEST_F_TIMEOUT(teardown_long, closed_while_down, 900)
{
	struct receiver receiver;
	struct stream stream;
	int i, pools;

	ASSERT_EQ(0, link_steer(&self->link));
	pools = pools_count();
	for (i = 0; i < ROUNDS; i++) {
		ASSERT_EQ(0, endless_open(&receiver, &stream, &self->link))
			TH_LOG("after %d times", i);
		ASSERT_EQ(IN_FLIGHT, take(&receiver, IN_FLIGHT, true, WAIT_MS));
		ASSERT_EQ(0, netif_set_up(&self->link.rx, false));
		receiver_close(&receiver);
		endless_close(&stream);
		ASSERT_EQ(0, netif_set_up(&self->link.rx, true));
	}
	expect_nothing_left(_metadata, pools);
	expect_stream(_metadata, &self->link, 1 << 20);
}

/* R50: Entries that make no sense change nothing. */
TEST_F_TIMEOUT(teardown_long, garbage_is_skipped, 900)
{
	const __u64 size = 4 << 20, token = 1ULL << IORING_ZCRX_AREA_SHIFT;
	struct io_uring_cqe *cqe;
	struct receiver receiver;
	struct stream stream;
	__u64 position = 0;

	ASSERT_EQ(0, link_steer(&self->link));
	ASSERT_EQ(0, receiver_open_stream(&receiver, &stream, &self->link,
					  AF_INET, size, PAGES));
	receiver_request(&receiver, stream.fd);
	ASSERT_EQ(0, stream_start(&stream));
	while (is_piece_next(_metadata, &receiver)) {
		cqe = uring_wait(&receiver.ring, WAIT_MS);
		ASSERT_TRUE(receiver_has_room(&receiver, 5));
		receiver_write(&receiver, 0, receiver_offset(cqe) + token,
			       cqe->res);
		receiver_write(&receiver, 1, receiver.area.len, PAGE);
		receiver_write(&receiver, 2, token - 1, UINT_MAX);
		receiver_write(&receiver, 3, UINT64_MAX, UINT_MAX);
		receiver_write(&receiver, 4,
			       receiver_offset(cqe) + (token << 15), 0);
		receiver_publish(&receiver, 5);
		position += expect_piece(_metadata, &receiver, position);
	}
	expect_end(_metadata, &receiver, 0);
	EXPECT_EQ(size, position);
	EXPECT_EQ(0, stream_close(&stream));
	receiver_close(&receiver);
}

/* R50: Each piece is returned twice. */
TEST_F_TIMEOUT(teardown_long, returned_twice, 900)
{
	const __u64 size = 4 << 20;
	struct io_uring_cqe *cqe;
	struct receiver receiver;
	struct stream stream;
	__u64 position = 0;

	ASSERT_EQ(0, link_steer(&self->link));
	ASSERT_EQ(0, receiver_open_stream(&receiver, &stream, &self->link,
					  AF_INET, size, PAGES));
	receiver_request(&receiver, stream.fd);
	ASSERT_EQ(0, stream_start(&stream));
	/* What is returned too often may be overwritten: do not read it. */
	while (is_piece_next(_metadata, &receiver)) {
		cqe = uring_wait(&receiver.ring, WAIT_MS);
		ASSERT_NE(NULL, receiver_data(&receiver, cqe));
		position += cqe->res;
		ASSERT_TRUE(receiver_return(&receiver, receiver_offset(cqe),
					    cqe->res));
		/* Second returns must leave room for all first ones. */
		if (receiver_has_room(&receiver, PAGES))
			receiver_return(&receiver, receiver_offset(cqe),
					cqe->res);
		uring_seen(&receiver.ring);
	}
	expect_end(_metadata, &receiver, 0);
	EXPECT_EQ(size, position);
	EXPECT_EQ(0, stream_close(&stream));
	receiver_close(&receiver);
	expect_stream(_metadata, &self->link, 1 << 20);
}

/* R50: Anything at all is in the refill ring. */
TEST_F_TIMEOUT(teardown_long, refill_ring_of_garbage, 900)
{
	struct receiver receiver;
	struct stream stream;
	int i, pools;

	ASSERT_EQ(0, link_steer(&self->link));
	pools = pools_count();
	for (i = 0; i < ROUNDS; i++) {
		ASSERT_EQ(0, endless_open(&receiver, &stream, &self->link))
			TH_LOG("after %d times", i);
		ASSERT_EQ(IN_FLIGHT, take(&receiver, IN_FLIGHT, true, WAIT_MS));
		srandom(i);
		for (char *at = (char *)receiver.rqes;
		     at < (char *)(receiver.rqes + receiver.reg.rq_entries);
		     at++)
			*at = random();
		for (__u32 j = 0; j < receiver.reg.rq_entries; j += 2)
			receiver.rqes[j].off = random() % receiver.area.len;
		receiver_publish(&receiver, receiver.reg.rq_entries);
		take(&receiver, 2 * PAGES, false, SHORT_MS);
		receiver_close(&receiver);
		endless_close(&stream);
	}
	expect_nothing_left(_metadata, pools);
	expect_stream(_metadata, &self->link, 1 << 20);
}

/* R50: The tail runs past the ring and the head. */
TEST_F_TIMEOUT(teardown_long, tail_anywhere, 900)
{
	struct receiver receiver;
	struct stream stream;
	int i, pools;

	ASSERT_EQ(0, link_steer(&self->link));
	pools = pools_count();
	for (i = 0; i < ROUNDS; i++) {
		ASSERT_EQ(0, endless_open(&receiver, &stream, &self->link))
			TH_LOG("after %d times", i);
		ASSERT_EQ(IN_FLIGHT, take(&receiver, IN_FLIGHT, true, WAIT_MS));
		memset(receiver.rqes, 0, receiver.reg.rq_entries *
					 sizeof(*receiver.rqes));
		receiver_publish(&receiver, 1U << (31 - 2 * i % 32));
		take(&receiver, 2 * PAGES, false, SHORT_MS);
		receiver_publish(&receiver, UINT_MAX);
		take(&receiver, 2 * PAGES, false, SHORT_MS);
		receiver_close(&receiver);
		endless_close(&stream);
	}
	expect_nothing_left(_metadata, pools);
	expect_stream(_metadata, &self->link, 1 << 20);
}

/*
 * R50: Entries that nearly name a piece that is not returned do not return
 * it.
 */
TEST_F_TIMEOUT(teardown_long, held_piece_is_safe, 900)
{
	const __u64 size = 4 << 20;
	struct piece held, piece;
	struct receiver receiver;
	struct stream stream;
	__u64 position;

	ASSERT_EQ(0, link_steer(&self->link));
	ASSERT_EQ(0, receiver_open_stream(&receiver, &stream, &self->link,
					  AF_INET, size, PAGES));
	receiver_request(&receiver, stream.fd);
	ASSERT_EQ(0, stream_start(&stream));
	held = keep_piece(_metadata, &receiver, 0);
	position = held.len;
	while (is_piece_next(_metadata, &receiver)) {
		write_wrong(&receiver, held.offset);
		piece = keep_piece(_metadata, &receiver, position);
		position += piece.len;
		ASSERT_NE(held.offset / PAGE, piece.offset / PAGE);
		return_pieces(_metadata, &receiver, &piece, 1);
	}
	expect_end(_metadata, &receiver, 0);
	EXPECT_EQ(size, position);
	EXPECT_TRUE(stream_matches(held.data, 0, held.len));
	EXPECT_EQ(0, stream_close(&stream));

	return_pieces(_metadata, &receiver, &held, 1);
	ASSERT_EQ(0, stream_open(&stream, &self->link, AF_INET, LINK_PORT,
				 size / 4));
	receiver_request(&receiver, stream.fd);
	ASSERT_EQ(0, stream_start(&stream));
	EXPECT_EQ(size / 4, receive_rest(_metadata, &receiver, 0));
	EXPECT_EQ(0, stream_close(&stream));
	receiver_close(&receiver);
}

/*
 * R18: The pages are unpinned with the ring, though a socket still has
 * payload in them.
 */
TEST_F_TIMEOUT(teardown_long, pinned_while_socket_has_data, 900)
{
	struct receiver receiver;
	struct stream stream;
	int i, pools;

	ASSERT_EQ(0, link_steer(&self->link));
	pools = pools_count();
	for (i = 0; i < ROUNDS; i++) {
		ASSERT_EQ(0, receiver_open_stream(&receiver, &stream,
						  &self->link, AF_INET,
						  STREAM_ENDLESS, PAGES));
		ASSERT_EQ(0, stream_start(&stream));
		ASSERT_EQ(0, stream_wait(stream.fd, 1));
		receiver_close(&receiver);
		EXPECT_EQ(0, pinned_settle(WAIT_MS));
		endless_close(&stream);
	}
	expect_nothing_left(_metadata, pools);
}

TEST_HARNESS_MAIN
