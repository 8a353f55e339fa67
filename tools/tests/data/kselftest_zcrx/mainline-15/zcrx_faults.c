// SPDX-License-Identifier: GPL-2.0
/*
 * Zero copy receive of io_uring: memory that runs out.
 *
 * R12  a refusal leaves everything as it was
 * R34  a registration outlasts that the interface is down
 * R39  what the device has posted is free for nothing else
 * R44  a completion for each piece, in the area, in order
 * R47  no free buffer to copy to is an error (ENOMEM)
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

#define MOST_FAULTS	1000
#define FEW_FAULTS	5
#define PAGES		256
#define PIECES		8
#define DESCRIPTORS	128

/*
 * More than a sender is ahead of its receiver, so that it has not ended when
 * this is left. TCP gives up a FIN for good that it has no memory for.
 */
#define AHEAD		(8ULL << 20)

#define DEBUG		"/sys/kernel/debug/"
#define NTH		"/proc/thread-self/fail-nth"

/* An attribute of one of the kernel's ways to let allocations fail. */
struct setting {
	const char	*file;
	const char	*value;
};

/* Nothing fails, but what is asked for does, and is not told in the log. */
static const struct setting quiet[] = {
	{ DEBUG "failslab/probability", "0" },
	{ DEBUG "failslab/verbose", "0" },
	{ DEBUG "failslab/ignore-gfp-wait", "0" },
	{ DEBUG "fail_page_alloc/probability", "0" },
	{ DEBUG "fail_page_alloc/verbose", "0" },
	{ DEBUG "fail_page_alloc/ignore-gfp-wait", "0" },
	{ DEBUG "fail_page_alloc/ignore-gfp-highmem", "0" },
	{ DEBUG "fail_page_alloc/min-order", "0" },
};

/* One of fifty fails of those that must not wait. */
static const struct setting scarce[] = {
	{ DEBUG "failslab/ignore-gfp-wait", "1" },
	{ DEBUG "failslab/interval", "1" },
	{ DEBUG "failslab/times", "-1" },
	{ DEBUG "failslab/probability", "2" },
};

static int apply(const struct setting *settings, int count)
{
	int ret = 0;

	for (; count && !ret; count--, settings++)
		ret = write_file(settings->file, settings->value);
	return ret;
}

/* Why nothing can be made to fail, or NULL. */
static const char *faults_missing(void)
{
	if (access(NTH, F_OK) || access(DEBUG "failslab", F_OK) ||
	    access(DEBUG "fail_page_alloc", F_OK))
		return "FAILSLAB or FAIL_PAGE_ALLOC is not set";
	return NULL;
}

/* The nth allocation of this thread from here on is going to fail. */
static int fail_nth(int n)
{
	char text[16];

	snprintf(text, sizeof(text), "%d", n);
	return write_file(NTH, text);
}

/* That is over. Returns whether an allocation has failed. */
static bool has_failed(void)
{
	char text[16] = "";
	int fd = open(NTH, O_RDWR);
	bool failed;

	failed = read(fd, text, sizeof(text) - 1) > 0 && atoi(text) == 0;
	close(fd);
	fail_nth(0);
	return failed;
}

/* Close a ring, and see it give everything back. */
static void expect_closed(struct __test_metadata *_metadata, int fd)
{
	close(fd);
	ASSERT_EQ(0, pinned_settle(WAIT_MS));
}

/*
 * Receive a few pieces of a stream by a request of which the nth allocation
 * fails, and by others when that has ended it. Returns whether there was one.
 */
static bool receive_with_fault(struct __test_metadata *_metadata,
			       struct receiver *receiver, int fd, int n,
			       __u64 *position)
{
	int canceled, pieces;
	bool failed;

	receiver_request(receiver, fd);
	ASSERT_EQ(0, fail_nth(n));
	uring_submit(&receiver->ring);
	failed = has_failed();

	for (pieces = 0; pieces < PIECES; pieces++)
		*position += receive_piece(_metadata, receiver, fd, *position);
	/* It may just have run out of buffers. */
	canceled = receiver_cancel_now(receiver, fd);
	*position = receive_pieces(_metadata, receiver, *position);
	expect_end(_metadata, receiver, canceled ? -ENOMEM : -ECANCELED);
	return failed;
}

/* Receive from a sender that does not stop, until nothing is left to fail. */
static void receive_with_faults(struct __test_metadata *_metadata,
				struct receiver *receiver, int fd)
{
	__u64 position = 0;
	int n;

	for (n = 1; n < MOST_FAULTS; n++)
		if (!receive_with_fault(_metadata, receiver, fd, n, &position))
			break;
	EXPECT_LT(1, n);
	EXPECT_LT(n, MOST_FAULTS);
	TH_LOG("%d allocations failed, %llu bytes arrived", n - 1, position);
}

FIXTURE(registration_faults)
{
	struct io_uring_zcrx_ifq_reg reg;
	struct netif dev;
	int fd;
};

FIXTURE_SETUP(registration_faults)
{
	const char *missing = netif_missing() ?: zcrx_missing();
	int ret;

	if (missing)
		SKIP(return, "%s", missing);
	self->fd = ring_open(RING_FLAGS);
	ASSERT_LE(0, self->fd);
	ret = netif_open(&self->dev);
	if (ret == -EOPNOTSUPP)
		SKIP(return, NETIF_IS_NO_NIC);
	ASSERT_EQ(0, ret);
	zcrx_default(&self->reg, self->dev.ifindex);
}

FIXTURE_TEARDOWN_PARENT(registration_faults)
{
	/* The process of the test is gone: nothing may hold the device. */
	EXPECT_EQ(0, netif_close(&self->dev));
}

/* R12: Each allocation of a registration fails in turn. */
TEST_F_TIMEOUT(registration_faults, registering, 900)
{
	struct io_uring_zcrx_ifq_reg reg;
	int n, ret, refused = 0;
	bool failed = true;
	const char *missing = faults_missing();

	if (missing)
		SKIP(return, "%s", missing);
	ASSERT_EQ(0, apply(quiet, ARRAY_SIZE(quiet)));

	for (n = 1; failed && n < MOST_FAULTS; n++) {
		zcrx_default(&reg, self->dev.ifindex);
		reg.if_rxq = 0;
		ASSERT_EQ(0, fail_nth(n));
		ret = zcrx_register(self->fd, &reg);
		failed = has_failed();
		if (ret) {
			ASSERT_EQ(-ENOMEM, ret);
			ASSERT_TRUE(failed);
			ASSERT_EQ(0, pinned_kb())
				TH_LOG("after failure %d", n);
			refused++;
			continue;
		}
		/* There was another way to get the memory. */
		expect_closed(_metadata, self->fd);
		self->fd = ring_open(RING_FLAGS);
		ASSERT_LE(0, self->fd);
	}
	EXPECT_LT(FEW_FAULTS, refused);
	EXPECT_FALSE(failed);
	TH_LOG("%d allocations failed, %d registrations", n - 2, refused);
}

FIXTURE(copy_faults)
{
	struct receiver receiver;
	struct netif dev;
	int receiving;
	int sending;
	int listening;
};

FIXTURE_SETUP(copy_faults)
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

FIXTURE_TEARDOWN_PARENT(copy_faults)
{
	/* The process of the test is gone: nothing may hold the device. */
	EXPECT_EQ(0, netif_close(&self->dev));
}

/*
 * R47: Each allocation of a request that copies fails in turn, and no byte
 * is lost.
 */
TEST_F_TIMEOUT(copy_faults, copying, 900)
{
	pid_t sender;
	const char *missing = faults_missing();

	if (missing)
		SKIP(return, "%s", missing);
	ASSERT_EQ(0, apply(quiet, ARRAY_SIZE(quiet)));

	sender = fork();
	ASSERT_LE(0, sender);
	if (!sender)
		_exit(-stream_send(self->sending, STREAM_ENDLESS));
	receive_with_faults(_metadata, &self->receiver, self->receiving);
	kill(sender, SIGKILL);
	waitpid(sender, NULL, 0);
}

FIXTURE(stream_faults)
{
	struct link link;
};

FIXTURE_SETUP(stream_faults)
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

FIXTURE_TEARDOWN_PARENT(stream_faults)
{
	/* The process of the test is gone: nothing may hold the devices. */
	EXPECT_EQ(0, link_close(&self->link));
}

/* R44: Each allocation of a request fails in turn while a stream arrives. */
TEST_F_TIMEOUT(stream_faults, receiving, 900)
{
	struct receiver receiver;
	struct stream stream;
	const char *missing = faults_missing();

	if (missing)
		SKIP(return, "%s", missing);
	ASSERT_EQ(0, apply(quiet, ARRAY_SIZE(quiet)));

	ASSERT_EQ(0, link_steer(&self->link));
	ASSERT_EQ(0, receiver_open_stream(&receiver, &stream, &self->link,
					  AF_INET6, STREAM_ENDLESS, PAGES));
	ASSERT_EQ(0, stream_start(&stream));
	receive_with_faults(_metadata, &receiver, stream.fd);
	receiver_close(&receiver);
	kill(stream.sender, SIGKILL);
	stream_close(&stream);
}

/* R48: Allocations that cannot wait fail at random while a stream arrives. */
TEST_F_TIMEOUT(stream_faults, many_at_random, 900)
{
	const __u64 size = (16 << 20) + AHEAD;
	struct receiver receiver;
	struct stream stream;
	__u64 position;
	const char *missing = faults_missing();

	if (missing)
		SKIP(return, "%s", missing);
	ASSERT_EQ(0, apply(quiet, ARRAY_SIZE(quiet)));

	ASSERT_EQ(0, link_steer(&self->link));
	ASSERT_EQ(0, receiver_open_stream(&receiver, &stream, &self->link,
					  AF_INET, size, PAGES));
	receiver_request(&receiver, stream.fd);
	ASSERT_EQ(0, uring_submit(&receiver.ring));
	ASSERT_EQ(0, stream_start(&stream));
	EXPECT_EQ(0, apply(scarce, ARRAY_SIZE(scarce)));
	position = receive_up_to(_metadata, &receiver, stream.fd, 0,
				 size - AHEAD);
	EXPECT_EQ(0, apply(quiet, ARRAY_SIZE(quiet)));
	EXPECT_EQ(size, receive_up_to(_metadata, &receiver, stream.fd, position,
				      size));
	expect_end(_metadata, &receiver, 0);
	EXPECT_EQ(0, stream_close(&stream));
	receiver_close(&receiver);
}

FIXTURE(posted_faults)
{
	struct link link;
};

FIXTURE_SETUP(posted_faults)
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

FIXTURE_TEARDOWN_PARENT(posted_faults)
{
	/* The process of the test is gone: nothing may hold the devices. */
	EXPECT_EQ(0, link_close(&self->link));
}

/* R39: Each allocation of a change of descriptors fails in turn. */
TEST_F_TIMEOUT(posted_faults, changing, 900)
{
	struct netif *dev = &self->link.rx;
	int n, ret, refused = 0;
	bool failed = true;
	const char *missing = faults_missing();

	if (missing)
		SKIP(return, "%s", missing);
	ASSERT_EQ(0, apply(quiet, ARRAY_SIZE(quiet)));

	ASSERT_EQ(0, link_steer(&self->link));
	ASSERT_EQ(0, ethtool_set_descriptors(dev, DESCRIPTORS));
	for (n = 1; failed && n < MOST_FAULTS; n++) {
		ASSERT_EQ(0, fail_nth(n));
		ret = ethtool_set_descriptors(dev, DESCRIPTORS + n);
		failed = has_failed();
		if (!ret)
			continue;
		ASSERT_TRUE(failed)
			TH_LOG("failure %d gave %d", n, ret);
		ASSERT_NE(DESCRIPTORS + n, ethtool_descriptors(dev));
		refused++;
	}
	EXPECT_LT(FEW_FAULTS, refused);
	EXPECT_FALSE(failed);
	TH_LOG("%d allocations failed, %d calls", n - 2, refused);
	expect_stream(_metadata, &self->link, 1 << 20);
}

/* R34: Each allocation of coming up with buffers to post fails in turn. */
TEST_F_TIMEOUT(posted_faults, coming_up, 900)
{
	struct netif *dev = &self->link.rx;
	int n, ret, refused = 0;
	bool failed = true;
	const char *missing = faults_missing();

	if (missing)
		SKIP(return, "%s", missing);
	ASSERT_EQ(0, apply(quiet, ARRAY_SIZE(quiet)));

	ASSERT_EQ(0, link_steer(&self->link));
	ASSERT_EQ(0, ethtool_set_descriptors(dev, DESCRIPTORS));
	for (n = 1; failed && n < MOST_FAULTS; n++) {
		ASSERT_EQ(0, fail_nth(n));
		ret = netif_set_up(dev, false) ?: netif_set_up(dev, true);
		failed = has_failed();
		if (!ret)
			continue;
		ASSERT_TRUE(failed)
			TH_LOG("failure %d gave %d", n, ret);
		refused++;
	}
	EXPECT_LT(FEW_FAULTS, refused);
	EXPECT_FALSE(failed);
	TH_LOG("%d allocations failed, %d calls", n - 2, refused);
	expect_stream(_metadata, &self->link, 1 << 20);
}

/*
 * R12: Each allocation of a registration with buffers to post fails in
 * turn.
 */
TEST_F_TIMEOUT(posted_faults, registering_posted, 900)
{
	int fd = ring_open(RING_FLAGS);
	struct io_uring_zcrx_ifq_reg reg;
	int n, ret, refused = 0;
	bool failed = true;
	const char *missing = faults_missing();

	if (missing)
		SKIP(return, "%s", missing);
	ASSERT_EQ(0, apply(quiet, ARRAY_SIZE(quiet)));

	ASSERT_EQ(0, ethtool_set_descriptors(&self->link.rx, DESCRIPTORS));
	for (n = 1; failed && n < MOST_FAULTS; n++) {
		zcrx_default(&reg, self->link.rx.ifindex);
		reg.if_rxq = LINK_QUEUE;
		ASSERT_EQ(0, fail_nth(n));
		ret = zcrx_register(fd, &reg);
		failed = has_failed();
		if (ret) {
			ASSERT_EQ(-ENOMEM, ret);
			ASSERT_TRUE(failed);
			ASSERT_EQ(0, pinned_kb())
				TH_LOG("after failure %d", n);
			refused++;
			continue;
		}
		/* There was another way to get the memory. */
		expect_closed(_metadata, fd);
		fd = ring_open(RING_FLAGS);
		ASSERT_LE(0, fd);
	}
	EXPECT_LT(FEW_FAULTS, refused);
	EXPECT_FALSE(failed);
	TH_LOG("%d allocations failed, %d registrations", n - 2, refused);
}

TEST_HARNESS_MAIN
