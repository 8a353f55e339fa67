// SPDX-License-Identifier: GPL-2.0
/*
 * Zero copy receive of io_uring: user space that tries anything.
 *
 * R12  a refusal leaves everything as it was
 * R41  it is multishot, and what it does not use is 0 (EINVAL)
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

#define TRIES		(4 * 100)
#define BATCH		8
#define SEED		1

static __u64 random_bits(void)
{
	return (__u64)random() << 62 ^ (__u64)random() << 31 ^ random();
}

/* Values that are at the edge of something, or none of them. */
static __u64 random_value(void)
{
	switch (random() % 8) {
	case 0:
		return 0;
	case 1:
		return 1;
	case 2:
		return ~0ULL;
	case 3:
		return 1ULL << random() % 64;
	case 4:
		return (1ULL << random() % 64) - 1;
	case 5:
		return random_bits() & ~(PAGE - 1);
	case 6:
		return random() % 65536;
	}
	return random_bits();
}

/* Change one word, or a few. */
static void spoil(void *what, size_t size)
{
	int count = 1 + random() % 3;
	__u32 *words = what;
	__u64 value;
	size_t at;

	while (count--) {
		at = random() % (size / sizeof(*words));
		value = random_value();
		if (at % 2 == 0 && random() % 2)
			memcpy(&words[at], &value, sizeof(value));
		else
			words[at] = value;
	}
}

/* Whether a registration may end like this; none of it is a surprise. */
static bool is_registration_error(int ret)
{
	switch (-ret) {
	case EBADF:
	case EOVERFLOW:
	case ERANGE:
	case EEXIST:
	case EFAULT:
	case EINVAL:
	case ENODEV:
	case ENOMEM:
	case EOPNOTSUPP:
		return true;
	}
	return false;
}

static bool is_request_error(int ret)
{
	switch (-ret) {
	case EBADF:
	case EBADFD:
	case ECANCELED:
	case EINVAL:
	case ENOTCONN:
	case ENOTSOCK:
	case EOPNOTSUPP:
	case EPROTONOSUPPORT:
		return true;
	}
	return false;
}

/* A request with at least one thing that is not as it should be, perhaps. */
static void random_request(struct receiver *receiver, const int *fds, int count)
{
	struct io_uring_sqe *sqe = receiver_request(receiver, fds[0]);

	if (random() % 4 == 0)
		sqe->fd = fds[random() % count];
	if (random() % 2)
		spoil(sqe, sizeof(*sqe));
	sqe->opcode = IORING_OP_RECV_ZC;
	/* Each request is to tell how it ended. */
	sqe->flags &= ~IOSQE_CQE_SKIP_SUCCESS;
	sqe->user_data = BATCH;
}

/* Cancel whatever waits, until every request of a batch has ended. */
static void expect_ends(struct __test_metadata *_metadata,
			struct receiver *receiver, int count)
{
	struct io_uring_sync_cancel_reg everything = {
		.flags = IORING_ASYNC_CANCEL_ANY | IORING_ASYNC_CANCEL_ALL,
		.timeout = { .tv_sec = -1, .tv_nsec = -1 },
	};
	struct io_uring_cqe *cqe;
	int ms;

	for (ms = 0; count && ms < WAIT_MS; ms++) {
		ring_register(receiver->ring.fd, IORING_REGISTER_SYNC_CANCEL,
			      &everything, 1);
		while (count && (cqe = uring_wait(&receiver->ring, 1))) {
			ASSERT_EQ(0U, cqe->flags & IORING_CQE_F_MORE);
			ASSERT_TRUE(is_request_error(cqe->res))
				TH_LOG("a request ended with %d", cqe->res);
			uring_seen(&receiver->ring);
			count--;
		}
	}
	ASSERT_EQ(0, count);
}

FIXTURE(any_registration)
{
	struct io_uring_zcrx_ifq_reg reg;
	struct netif dev;
	int fd;
};

FIXTURE_SETUP(any_registration)
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

FIXTURE_TEARDOWN_PARENT(any_registration)
{
	/* The process of the test is gone: nothing may hold the device. */
	EXPECT_EQ(0, netif_close(&self->dev));
}

/*
 * R12: Registrations with random values: what is refused leaves nothing
 * behind.
 */
TEST_F_TIMEOUT(any_registration, random_registrations, 180)
{
	struct io_uring_zcrx_area_reg area;
	struct io_uring_zcrx_ifq_reg reg;
	int i, ret, refused = 0;

	srandom(SEED);
	for (i = 0; i < TRIES; i++) {
		zcrx_default(&reg, self->dev.ifindex);
		area = zcrx_area;
		if (random() % 2)
			spoil(&zcrx_area, sizeof(zcrx_area));
		else
			spoil(&reg, sizeof(reg));
		ret = zcrx_register(self->fd, &reg);
		zcrx_area = area;
		if (ret) {
			ASSERT_TRUE(is_registration_error(ret))
				TH_LOG("registration %d gave %d", i, ret);
			refused++;
			continue;
		}
		/* It was valid nevertheless. */
		close(self->fd);
		self->fd = ring_open(RING_FLAGS);
		ASSERT_LE(0, self->fd);
	}
	EXPECT_LT(TRIES / 2, refused);
	zcrx_default(&reg, self->dev.ifindex);
	EXPECT_EQ(0, zcrx_register_soon(self->fd, &reg));
}

FIXTURE(any_request)
{
	struct receiver receiver;
	struct netif dev;
	int receiving;
	int sending;
	int listening;
};

FIXTURE_SETUP(any_request)
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

FIXTURE_TEARDOWN_PARENT(any_request)
{
	/* The process of the test is gone: nothing may hold the device. */
	EXPECT_EQ(0, netif_close(&self->dev));
}

/*
 * R41: Requests with random values: each ends, and a valid one still
 * receives.
 */
TEST_F_TIMEOUT(any_request, random_requests, 180)
{
	int fds[] = { self->receiving, self->listening, self->receiver.ring.fd,
		      open("/dev/null", O_RDONLY), -1, 1000 };
	int i, j;

	srandom(SEED);
	for (i = 0; i < TRIES; i += BATCH) {
		for (j = 0; j < BATCH; j++)
			random_request(&self->receiver, fds, ARRAY_SIZE(fds));
		ASSERT_EQ(0, uring_submit(&self->receiver.ring));
		expect_ends(_metadata, &self->receiver, BATCH);
	}
	receiver_request(&self->receiver, self->receiving);
	expect_bytes(_metadata, &self->receiver, self->sending, 100);
}

TEST_HARNESS_MAIN
