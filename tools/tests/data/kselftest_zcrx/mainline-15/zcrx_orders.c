// SPDX-License-Identifier: GPL-2.0
/*
 * Zero copy receive of io_uring: who goes first.
 *
 * R30  the registration ends with the ring
 * R45  the end is a completion without F_MORE
 * R60  nothing user space does with data on its way does harm
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

#define PAGES		WORKING_PAGES
#define SIZE		(1024 * 1024ULL)
#define REQUESTS	12
#define MOMENT_MS	10
#define LONG_S		"60"

/* All has been given back, and the queue works. */
static void expect_over(struct __test_metadata *_metadata,
			const struct link *link, int pools)
{
	expect_nothing_left(_metadata, pools);
	expect_stream(_metadata, link, SIZE);
}

/* Wait for the parent to close its end. */
static void wait_for_close(int fd)
{
	char byte;

	while (read(fd, &byte, 1) > 0)
		;
}

/* A process that keeps what it inherits until the other end is closed. */
static pid_t fork_holder(int *end)
{
	int ends[2];
	pid_t pid;

	if (pipe(ends))
		return -errno;
	pid = fork();
	if (!pid) {
		close(ends[1]);
		wait_for_close(ends[0]);
		_exit(0);
	}
	close(ends[0]);
	*end = ends[1];
	return pid;
}

/*
 * What a process does that has a child which keeps its ring, and waits to be
 * killed. Says who the child is.
 */
static void receive_with_holder(const struct link *link, int ready)
{
	struct receiver receiver;
	struct stream stream;
	pid_t holder;
	int end;

	if (endless_open(&receiver, &stream, link))
		_exit(1);
	if (take(&receiver, IN_FLIGHT, true, WAIT_MS) != IN_FLIGHT)
		_exit(2);
	holder = fork();
	if (!holder) {
		/* Not with the connections, whose end would not be seen. */
		close(stream.fd);
		close(ready);
		for (;;)
			pause();
	}
	end = write(ready, &holder, sizeof(holder));
	for (;;)
		pause();
	_exit(end);
}

/* What a process does that ends with that many requests, linked or not. */
static void receive_and_exit(const struct link *link, int requests,
			     unsigned int flags)
{
	struct receiver receiver;
	struct stream stream;
	int i;

	if (receiver_open_stream(&receiver, &stream, link, AF_INET,
				 STREAM_ENDLESS, ENDLESS_PAGES))
		_exit(1);
	for (i = 0; i < requests; i++)
		receiver_request(&receiver, stream.fd)->flags = flags;
	if (uring_submit(&receiver.ring) || stream_start(&stream))
		_exit(2);
	if (take(&receiver, IN_FLIGHT, true, WAIT_MS) != IN_FLIGHT)
		_exit(3);
	_exit(0);
}

FIXTURE(orders)
{
	struct link link;
};

FIXTURE_SETUP(orders)
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

FIXTURE_TEARDOWN_PARENT(orders)
{
	/* The process of the test is gone: nothing may hold the devices. */
	EXPECT_EQ(0, link_close(&self->link));
}

/* R30: A second descriptor of the ring keeps the registration. */
TEST_F_TIMEOUT(orders, duplicate_of_ring, 180)
{
	int other;
	struct receiver receiver;
	struct stream stream;
	int pools;

	ASSERT_EQ(0, link_steer(&self->link));
	pools = pools_count();
	ASSERT_EQ(0, endless_open(&receiver, &stream, &self->link));
	ASSERT_EQ(IN_FLIGHT, take(&receiver, IN_FLIGHT, true, WAIT_MS));

	other = dup(receiver.ring.fd);
	ASSERT_LE(0, other);
	ASSERT_EQ(0, close(receiver.ring.fd));
	receiver.ring.fd = other;
	EXPECT_EQ(IN_FLIGHT, take(&receiver, IN_FLIGHT, false, WAIT_MS));
	EXPECT_EQ(-EEXIST, try_queue(&self->link));
	receiver_close(&receiver);
	endless_close(&stream);
	expect_over(_metadata, &self->link, pools);
}

/* R30: A ring that a child process has stays registered. */
TEST_F_TIMEOUT(orders, ring_with_child, 180)
{
	int end = -1;
	pid_t pid;
	struct receiver receiver;
	struct stream stream;
	int pools;

	ASSERT_EQ(0, link_steer(&self->link));
	pools = pools_count();
	ASSERT_EQ(0, endless_open(&receiver, &stream, &self->link));
	ASSERT_EQ(IN_FLIGHT, take(&receiver, IN_FLIGHT, true, WAIT_MS));

	pid = fork_holder(&end);
	ASSERT_LE(0, pid);
	receiver_close(&receiver);
	endless_close(&stream);
	EXPECT_EQ(-EEXIST, try_queue(&self->link));
	EXPECT_LT(0, pinned_kb());
	ASSERT_EQ(0, close(end));
	ASSERT_EQ(pid, waitpid(pid, NULL, 0));
	expect_over(_metadata, &self->link, pools);
}

/* R30: A ring stays registered when the process that made it dies. */
TEST_F_TIMEOUT(orders, maker_killed, 180)
{
	pid_t pid, holder;
	int ready[2];
	int pools;

	ASSERT_EQ(0, link_steer(&self->link));
	pools = pools_count();
	ASSERT_EQ(0, pipe(ready));
	pid = fork();
	ASSERT_LE(0, pid);
	if (!pid)
		receive_with_holder(&self->link, ready[1]);
	close(ready[1]);
	ASSERT_EQ((ssize_t)sizeof(holder),
		  read(ready[0], &holder, sizeof(holder)));
	ASSERT_EQ(0, kill(pid, SIGKILL));
	ASSERT_EQ(pid, waitpid(pid, NULL, 0));
	EXPECT_EQ(-EEXIST, try_queue(&self->link));
	ASSERT_EQ(0, kill(holder, SIGKILL));
	expect_over(_metadata, &self->link, pools);
}

/* R30: A process that starts another program loses its ring. */
TEST_F_TIMEOUT(orders, program_replaced, 180)
{
	int pools, ready[2];
	pid_t pid;
	char byte;

	ASSERT_EQ(0, link_steer(&self->link));
	pools = pools_count();
	ASSERT_EQ(0, pipe(ready));
	pid = fork();
	ASSERT_LE(0, pid);
	if (!pid) {
		struct receiver receiver;
		struct stream stream;

		if (!endless_open(&receiver, &stream, &self->link) &&
		    write(ready[1], "", 1) == 1)
			execlp("sleep", "sleep", LONG_S, NULL);
		_exit(1);
	}
	close(ready[1]);
	ASSERT_EQ(1, read(ready[0], &byte, 1));
	/* The new program has not ended, and never had the ring. */
	expect_stream(_metadata, &self->link, SIZE);
	EXPECT_EQ(0, waitpid(pid, NULL, WNOHANG));
	ASSERT_EQ(0, kill(pid, SIGKILL));
	ASSERT_EQ(pid, waitpid(pid, NULL, 0));
	expect_over(_metadata, &self->link, pools);
}

/*
 * R60: A socket outlasts the ring, and what is placed in it cannot be
 * read.
 */
TEST_F_TIMEOUT(orders, socket_with_another, 180)
{
	int end[2], status;
	char bytes[100];
	pid_t pid;
	struct receiver receiver;
	struct stream stream;
	int pools;

	pools = pools_count();
	open_waiting(_metadata, &receiver, &stream, &self->link);

	ASSERT_EQ(0, pipe(end));
	pid = fork();
	ASSERT_LE(0, pid);
	if (!pid) {
		receiver_close(&receiver);
		close(end[1]);
		wait_for_close(end[0]);
		/* All that is left for it is to close the socket. */
		if (read(stream.fd, bytes, sizeof(bytes)) != -1)
			_exit(1);
		_exit(errno != EFAULT);
	}
	receiver_close(&receiver);
	close(stream.fd);
	stream.fd = -1;
	EXPECT_EQ(0, close(end[1]));
	ASSERT_EQ(pid, waitpid(pid, &status, 0));
	EXPECT_EQ(0, status);
	endless_close(&stream);
	expect_over(_metadata, &self->link, pools);
}

/* R60: A ring is closed with completions that nobody took. */
TEST_F_TIMEOUT(orders, completions_unseen, 180)
{
	int i;
	struct receiver receiver;
	struct stream stream;
	int pools;

	ASSERT_EQ(0, link_steer(&self->link));
	pools = pools_count();
	ASSERT_EQ(0, endless_open(&receiver, &stream, &self->link));
	ASSERT_EQ(IN_FLIGHT, take(&receiver, IN_FLIGHT, true, WAIT_MS));

	/* The kernel fills the completion ring, and nobody looks. */
	for (i = 0; *receiver.ring.cq_head == *receiver.ring.cq_tail &&
	     i < WAIT_MS; i++) {
		uring_submit(&receiver.ring);
		usleep(1000);
	}
	EXPECT_NE(*receiver.ring.cq_head, *receiver.ring.cq_tail);
	receiver_close(&receiver);
	endless_close(&stream);
	expect_over(_metadata, &self->link, pools);
}

/* R60: A process exits with a chain of requests. */
TEST_F_TIMEOUT(orders, linked_requests, 180)
{
	int pools, status;
	pid_t pid;

	ASSERT_EQ(0, link_steer(&self->link));
	pools = pools_count();
	pid = fork();
	ASSERT_LE(0, pid);
	if (!pid)
		receive_and_exit(&self->link, REQUESTS, IOSQE_IO_LINK);
	ASSERT_EQ(pid, waitpid(pid, &status, 0));
	ASSERT_EQ(0, status);
	expect_over(_metadata, &self->link, pools);
}

/* R60: A process exits with many requests for a socket. */
TEST_F_TIMEOUT(orders, requests_by_the_dozen, 180)
{
	int pools, status;
	pid_t pid;

	ASSERT_EQ(0, link_steer(&self->link));
	pools = pools_count();
	pid = fork();
	ASSERT_LE(0, pid);
	if (!pid)
		receive_and_exit(&self->link, REQUESTS, 0);
	ASSERT_EQ(pid, waitpid(pid, &status, 0));
	ASSERT_EQ(0, status);
	expect_over(_metadata, &self->link, pools);
}

/* R45: The sender is killed: what it sent arrives, and then the end. */
TEST_F_TIMEOUT(orders, sender_gone, 180)
{
	struct receiver receiver;
	__u64 position = 0;
	struct stream stream;

	ASSERT_EQ(0, link_steer(&self->link));
	ASSERT_EQ(0, endless_open(&receiver, &stream, &self->link));
	while (position < SIZE)
		position += expect_piece(_metadata, &receiver, position);
	ASSERT_EQ(0, kill(stream.sender, SIGKILL));
	EXPECT_LE(position, receive_rest(_metadata, &receiver, position));
	EXPECT_EQ(-EINTR, stream_close(&stream));
	receiver_close(&receiver);
}

TEST_HARNESS_MAIN
