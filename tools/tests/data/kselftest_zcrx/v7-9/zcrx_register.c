// SPDX-License-Identifier: GPL-2.0
/*
 * Zero copy receive of io_uring: registration of an interface queue.
 *
 * R1   IORING_REGISTER_ZCRX_IFQ (32) takes a request of 80 bytes
 * R2   the caller needs CAP_NET_ADMIN (EPERM)
 * R3   the ring needs DEFER_TASKRUN and CQE32 (EINVAL)
 * R4   one request (EINVAL), in memory to read and write (EFAULT)
 * R5   one interface queue for each ring (EBUSY)
 * R6   if_rxq of -1 is kept for later (EINVAL)
 * R7   1 to 32768 entries (EINVAL), or clamped at the upper end
 * R8   rq_entries is rounded up to a power of two and written back
 * R9   flags and reserved words are 0 (EINVAL)
 * R10  the interface exists where the caller is (ENODEV)
 * R11  the interface has the queue (EINVAL)
 * R13  area_ptr points to the description of one area (EFAULT)
 * R20  offsets say where head, tail and entries are
 */
#include <assert.h>
#include <errno.h>
#include <limits.h>
#include <signal.h>
#include <stddef.h>
#include <stdint.h>
#include <sys/mman.h>
#include <sys/wait.h>
#include <unistd.h>

#include "kselftest_harness.h"
#include "netif.h"
#include "zcrx.h"

#define LAYOUT_IS(condition)	static_assert(condition, #condition)

LAYOUT_IS(IORING_REGISTER_ZCRX_IFQ == 32);
LAYOUT_IS(IORING_OFF_RQ_RING == 0x20000000ULL);

LAYOUT_IS(sizeof(struct io_uring_zcrx_rqe) == 16);
LAYOUT_IS(offsetof(struct io_uring_zcrx_rqe, off) == 0);
LAYOUT_IS(offsetof(struct io_uring_zcrx_rqe, len) == 8);

LAYOUT_IS(sizeof(struct io_uring_zcrx_offsets) == 32);
LAYOUT_IS(offsetof(struct io_uring_zcrx_offsets, head) == 0);
LAYOUT_IS(offsetof(struct io_uring_zcrx_offsets, tail) == 4);
LAYOUT_IS(offsetof(struct io_uring_zcrx_offsets, rqes) == 8);
LAYOUT_IS(offsetof(struct io_uring_zcrx_offsets, mmap_sz) == 12);
LAYOUT_IS(offsetof(struct io_uring_zcrx_offsets, resv) == 16);

LAYOUT_IS(sizeof(struct io_uring_zcrx_ifq_reg) == 80);
LAYOUT_IS(offsetof(struct io_uring_zcrx_ifq_reg, if_idx) == 0);
LAYOUT_IS(offsetof(struct io_uring_zcrx_ifq_reg, if_rxq) == 4);
LAYOUT_IS(offsetof(struct io_uring_zcrx_ifq_reg, rq_entries) == 8);
LAYOUT_IS(offsetof(struct io_uring_zcrx_ifq_reg, flags) == 12);
LAYOUT_IS(offsetof(struct io_uring_zcrx_ifq_reg, area_ptr) == 16);
LAYOUT_IS(offsetof(struct io_uring_zcrx_ifq_reg, offsets) == 24);
LAYOUT_IS(offsetof(struct io_uring_zcrx_ifq_reg, resv) == 56);

/* The end of a page that nothing is mapped behind, or NULL. */
static char *end_of_memory(void)
{
	long page = sysconf(_SC_PAGESIZE);
	char *start;

	start = mmap(NULL, 2 * page, PROT_READ | PROT_WRITE,
		     MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
	if (start == MAP_FAILED || munmap(start + page, page))
		return NULL;
	return start + page;
}

/* After a refusal the ring takes the default request. */
static void expect_free(struct __test_metadata *_metadata, int fd,
			unsigned int ifindex)
{
	struct io_uring_zcrx_ifq_reg reg;

	zcrx_default(&reg, ifindex);
	EXPECT_EQ(0, zcrx_register(fd, &reg));
}

/* After a success there is a refill ring that can be used to its end. */
static void expect_refill_ring(struct __test_metadata *_metadata, int fd,
			       const struct io_uring_zcrx_ifq_reg *reg)
{
	size_t size = refill_size(reg);
	char *ring;

	EXPECT_STREQ("", refill_fault(reg));
	ring = refill_map(fd, size, PROT_READ | PROT_WRITE);
	ASSERT_NE(MAP_FAILED, ring);
	ring[size - 1] = 1;
	EXPECT_EQ(0, munmap(ring, size));
}

/* What must be 0: each bit of it is refused, and with none it is valid. */
static void expect_reserved(struct __test_metadata *_metadata, int fd,
			    struct io_uring_zcrx_ifq_reg *reg, void *what,
			    size_t size)
{
	__u8 *bytes = what;
	size_t bit;

	for (bit = 0; bit < 8 * size; bit++) {
		bytes[bit / 8] = 1 << bit % 8;
		EXPECT_EQ(-EINVAL, zcrx_register(fd, reg))
			TH_LOG("bit %zu", bit);
		bytes[bit / 8] = 0;
	}
}

FIXTURE(layout)
{
	struct io_uring_zcrx_ifq_reg reg;
	struct netif dev;
	int fd;
};

FIXTURE_SETUP(layout)
{
	const char *missing = netif_missing() ?: zcrx_missing();

	if (missing)
		SKIP(return, "%s", missing);
	self->fd = ring_open(RING_FLAGS);
	ASSERT_LE(0, self->fd);
	ASSERT_EQ(0, netif_open(&self->dev));
	zcrx_default(&self->reg, self->dev.ifindex);
}

FIXTURE_TEARDOWN_PARENT(layout)
{
	/* The process of the test is gone: nothing may hold the device. */
	EXPECT_EQ(0, netif_close(&self->dev));
}

/*
 * R1: A request put together from bytes is taken, and the answer is where
 * it belongs.
 */
TEST_F(layout, request_as_bytes)
{
	unsigned char request[80] = {};
	__u32 entries = 3, rqes, size;
	char *ring;

	memcpy(request, &self->dev.ifindex, 4);
	memcpy(request + 8, &entries, 4);
	ASSERT_EQ(0, ring_register(self->fd, 32, request, 1));

	memcpy(&entries, request + 8, 4);
	memcpy(&rqes, request + 24 + 8, 4);
	memcpy(&size, request + 24 + 12, 4);
	EXPECT_EQ(4U, entries);
	EXPECT_LE(rqes + 4 * 16, size);
	ring = mmap(NULL, size, PROT_READ | PROT_WRITE, MAP_SHARED, self->fd,
		    0x20000000);
	ASSERT_NE(MAP_FAILED, ring);
	EXPECT_EQ(0, munmap(ring, size));
}

/* R1: The kernel neither reads nor writes beyond the end of the request. */
TEST_F(layout, request_ends_at_page_end)
{
	char *end = end_of_memory();
	struct io_uring_zcrx_ifq_reg *reg;

	ASSERT_NE(NULL, end);
	reg = (void *)(end - 80);
	*reg = self->reg;
	ASSERT_EQ(0, zcrx_register(self->fd, reg));
	EXPECT_EQ(RQ_ENTRIES, reg->rq_entries);
	EXPECT_STREQ("", refill_fault(reg));
}

/* R1: A request may lie at any address. */
TEST_F(layout, request_unaligned)
{
	char memory[sizeof(self->reg) + 1];

	memcpy(memory + 1, &self->reg, sizeof(self->reg));
	ASSERT_EQ(0, ring_register(self->fd, IORING_REGISTER_ZCRX_IFQ,
				   memory + 1, 1));
	memcpy(&self->reg, memory + 1, sizeof(self->reg));
	EXPECT_STREQ("", refill_fault(&self->reg));
}

FIXTURE(registration)
{
	struct io_uring_zcrx_ifq_reg reg;
	struct netif dev;
	int fd;
};

FIXTURE_SETUP(registration)
{
	const char *missing = netif_missing() ?: zcrx_missing();

	if (missing)
		SKIP(return, "%s", missing);
	self->fd = ring_open(RING_FLAGS);
	ASSERT_LE(0, self->fd);
	ASSERT_EQ(0, netif_open(&self->dev));
	zcrx_default(&self->reg, self->dev.ifindex);
}

FIXTURE_TEARDOWN_PARENT(registration)
{
	/* The process of the test is gone: nothing may hold the device. */
	EXPECT_EQ(0, netif_close(&self->dev));
}

/* R1: The default request is taken: all others differ from it. */
TEST_F(registration, default_request)
{
	ASSERT_EQ(0, zcrx_register(self->fd, &self->reg));
	expect_refill_ring(_metadata, self->fd, &self->reg);
}

/* R2: Root without CAP_NET_ADMIN may not register. */
TEST_F(registration, no_net_admin)
{
	EXPECT_EQ(-EPERM, zcrx_register_as(drop_net_admin, &self->reg));
	expect_free(_metadata, self->fd, self->dev.ifindex);
}

/* R2: All capabilities in a user namespace of one's own do not help. */
TEST_F(registration, user_namespace)
{
	EXPECT_EQ(-EPERM, zcrx_register_as(enter_user_namespace, &self->reg));
	expect_free(_metadata, self->fd, self->dev.ifindex);
}

/* R2: CAP_NET_ADMIN is the only capability needed. */
TEST_F(registration, only_net_admin)
{
	EXPECT_EQ(0, zcrx_register_as(keep_only_net_admin, &self->reg));
}

/* R3: A ring without IORING_SETUP_DEFER_TASKRUN cannot register. */
TEST_F(registration, no_defer_taskrun)
{
	int fd;

	fd = ring_open(RING_FLAGS & ~IORING_SETUP_DEFER_TASKRUN);
	ASSERT_LE(0, fd);
	EXPECT_EQ(-EINVAL, zcrx_register(fd, &self->reg));
	expect_free(_metadata, self->fd, self->dev.ifindex);
}

/* R3: A ring without IORING_SETUP_CQE32 cannot register. */
TEST_F(registration, no_cqe32)
{
	int fd;

	fd = ring_open(RING_FLAGS & ~IORING_SETUP_CQE32);
	ASSERT_LE(0, fd);
	EXPECT_EQ(-EINVAL, zcrx_register(fd, &self->reg));
	expect_free(_metadata, self->fd, self->dev.ifindex);
}

/*
 * R3: A ring that polls for completions needs IORING_SETUP_DEFER_TASKRUN,
 * too.
 */
TEST_F(registration, iopoll_no_defer_taskrun)
{
	int fd;

	fd = ring_open((RING_FLAGS & ~IORING_SETUP_DEFER_TASKRUN) |
		       IORING_SETUP_IOPOLL);
	ASSERT_LE(0, fd);
	EXPECT_EQ(-EINVAL, zcrx_register(fd, &self->reg));
	expect_free(_metadata, self->fd, self->dev.ifindex);
}

/* R3: A ring that polls for completions needs IORING_SETUP_CQE32, too. */
TEST_F(registration, iopoll_no_cqe32)
{
	int fd;

	fd = ring_open((RING_FLAGS & ~IORING_SETUP_CQE32) |
		       IORING_SETUP_IOPOLL);
	ASSERT_LE(0, fd);
	EXPECT_EQ(-EINVAL, zcrx_register(fd, &self->reg));
	expect_free(_metadata, self->fd, self->dev.ifindex);
}

/* R1: A ring that is known by its registered index can register. */
TEST_F(registration, registered_ring_fd)
{
	struct io_uring_rsrc_update update = {
		.offset = -1U,
		.data = self->fd,
	};

	ASSERT_EQ(1, ring_register(self->fd, IORING_REGISTER_RING_FDS,
				   &update, 1));
	EXPECT_EQ(0, ring_register(update.offset, IORING_REGISTER_ZCRX_IFQ |
				   IORING_REGISTER_USE_REGISTERED_RING,
				   &self->reg, 1));
	expect_refill_ring(_metadata, self->fd, &self->reg);
}

/* R5: A ring takes one interface queue; a second one finds it busy. */
TEST_F(registration, second_on_ring)
{
	struct io_uring_zcrx_ifq_reg second;

	if (!self->dev.two_queues)
		SKIP(return, "the device has fewer than two rx queues");

	zcrx_default(&second, self->dev.ifindex);
	second.if_rxq = 1;
	ASSERT_EQ(0, zcrx_register(self->fd, &self->reg));
	EXPECT_EQ(-EBUSY, zcrx_register(self->fd, &second));
}

/* R5: The same registration once more finds the ring busy, too. */
TEST_F(registration, second_is_the_same)
{
	struct io_uring_zcrx_ifq_reg second = self->reg;

	ASSERT_EQ(0, zcrx_register(self->fd, &self->reg));
	EXPECT_EQ(-EBUSY, zcrx_register(self->fd, &second));
}

/* R5: Two rings can have a queue each. */
TEST_F(registration, two_rings)
{
	struct io_uring_zcrx_ifq_reg second;
	int fd;

	if (!self->dev.two_queues)
		SKIP(return, "the device has fewer than two rx queues");

	zcrx_default(&second, self->dev.ifindex);
	second.if_rxq = 1;
	fd = ring_open(RING_FLAGS);
	ASSERT_LE(0, fd);
	ASSERT_EQ(0, zcrx_register(self->fd, &self->reg));
	ASSERT_EQ(0, zcrx_register(fd, &second));
	expect_refill_ring(_metadata, self->fd, &self->reg);
	expect_refill_ring(_metadata, fd, &second);
}

/*
 * R5: A refused second registration leaves the first one's refill ring
 * alone.
 */
TEST_F(registration, failure_keeps_first)
{
	struct io_uring_zcrx_ifq_reg second = self->reg;
	size_t size;
	char *ring;

	ASSERT_EQ(0, zcrx_register(self->fd, &self->reg));
	size = refill_size(&self->reg);
	ring = refill_map(self->fd, size, PROT_READ | PROT_WRITE);
	ASSERT_NE(MAP_FAILED, ring);
	ring[size - 1] = 0x5a;
	ASSERT_EQ(0, munmap(ring, size));

	second.rq_entries = RQ_ENTRIES_MAX;
	ASSERT_EQ(-EBUSY, zcrx_register(self->fd, &second));
	ring = refill_map(self->fd, size, PROT_READ);
	ASSERT_NE(MAP_FAILED, ring);
	EXPECT_EQ(0x5a, ring[size - 1]);
	EXPECT_EQ(0, munmap(ring, size));
}

/* R4: nr_args is 1, not 0. */
TEST_F(registration, nr_args_zero)
{
	EXPECT_EQ(-EINVAL,
		  ring_register(self->fd, IORING_REGISTER_ZCRX_IFQ,
				&self->reg, 0));
	expect_free(_metadata, self->fd, self->dev.ifindex);
}

/* R4: nr_args is 1, not 2. */
TEST_F(registration, nr_args_two)
{
	EXPECT_EQ(-EINVAL,
		  ring_register(self->fd, IORING_REGISTER_ZCRX_IFQ,
				&self->reg, 2));
	expect_free(_metadata, self->fd, self->dev.ifindex);
}

/* R4: There must be a request. */
TEST_F(registration, arg_null)
{
	EXPECT_EQ(-EINVAL,
		  ring_register(self->fd, IORING_REGISTER_ZCRX_IFQ, NULL, 1));
	expect_free(_metadata, self->fd, self->dev.ifindex);
}

/* R4: A request where no memory is mapped cannot be read. */
TEST_F(registration, arg_unmapped)
{
	char *end = end_of_memory();

	ASSERT_NE(NULL, end);
	EXPECT_EQ(-EFAULT,
		  ring_register(self->fd, IORING_REGISTER_ZCRX_IFQ, end, 1));
	expect_free(_metadata, self->fd, self->dev.ifindex);
}

/* R4: A request whose last byte lies in unmapped memory cannot be read. */
TEST_F(registration, arg_cut_off)
{
	char *end = end_of_memory();
	char *request;

	ASSERT_NE(NULL, end);
	request = end - sizeof(self->reg) + 1;
	memcpy(request, &self->reg, sizeof(self->reg) - 1);
	EXPECT_EQ(-EFAULT, ring_register(self->fd, IORING_REGISTER_ZCRX_IFQ,
					 request, 1));
	expect_free(_metadata, self->fd, self->dev.ifindex);
}

/*
 * R4: A request that cannot be written back to fails, and the ring stays
 * free.
 */
TEST_F(registration, arg_read_only)
{
	long page = sysconf(_SC_PAGESIZE);
	char *end = end_of_memory();
	struct io_uring_zcrx_ifq_reg *reg;

	ASSERT_NE(NULL, end);
	reg = (void *)(end - page);
	*reg = self->reg;
	ASSERT_EQ(0, mprotect(reg, page, PROT_READ));
	EXPECT_EQ(-EFAULT, zcrx_register(self->fd, reg));
	expect_free(_metadata, self->fd, self->dev.ifindex);
}

/* R7: A refill ring without entries is refused. */
TEST_F(registration, rq_entries_0)
{
	self->reg.rq_entries = 0;
	EXPECT_EQ(-EINVAL, zcrx_register(self->fd, &self->reg));
	expect_free(_metadata, self->fd, self->dev.ifindex);
}

/* R7: The smallest refill ring has one entry. */
TEST_F(registration, rq_entries_1)
{
	self->reg.rq_entries = 1;
	ASSERT_EQ(0, zcrx_register(self->fd, &self->reg));
	EXPECT_EQ(1U, self->reg.rq_entries);
	expect_refill_ring(_metadata, self->fd, &self->reg);
}

/*
 * R8: The number of entries is rounded up to a power of two and written
 * back.
 */
TEST_F(registration, rq_entries_3)
{
	self->reg.rq_entries = 3;
	ASSERT_EQ(0, zcrx_register(self->fd, &self->reg));
	EXPECT_EQ(4U, self->reg.rq_entries);
	expect_refill_ring(_metadata, self->fd, &self->reg);
}

/* R8: A power of two stays as it is. */
TEST_F(registration, rq_entries_4)
{
	self->reg.rq_entries = 4;
	ASSERT_EQ(0, zcrx_register(self->fd, &self->reg));
	EXPECT_EQ(4U, self->reg.rq_entries);
	expect_refill_ring(_metadata, self->fd, &self->reg);
}

/* R8: One above a power of two becomes the next one. */
TEST_F(registration, rq_entries_5)
{
	self->reg.rq_entries = 5;
	ASSERT_EQ(0, zcrx_register(self->fd, &self->reg));
	EXPECT_EQ(8U, self->reg.rq_entries);
	expect_refill_ring(_metadata, self->fd, &self->reg);
}

/* R8: One below the limit is rounded up to the limit. */
TEST_F(registration, rq_entries_below_limit)
{
	self->reg.rq_entries = RQ_ENTRIES_MAX - 1;
	ASSERT_EQ(0, zcrx_register(self->fd, &self->reg));
	EXPECT_EQ(RQ_ENTRIES_MAX, self->reg.rq_entries);
	expect_refill_ring(_metadata, self->fd, &self->reg);
}

/* R7: The limit itself is taken. */
TEST_F(registration, rq_entries_limit)
{
	self->reg.rq_entries = RQ_ENTRIES_MAX;
	ASSERT_EQ(0, zcrx_register(self->fd, &self->reg));
	EXPECT_EQ(RQ_ENTRIES_MAX, self->reg.rq_entries);
	expect_refill_ring(_metadata, self->fd, &self->reg);
}

/* R7: One above the limit is refused. */
TEST_F(registration, rq_entries_above_limit)
{
	self->reg.rq_entries = RQ_ENTRIES_MAX + 1;
	EXPECT_EQ(-EINVAL, zcrx_register(self->fd, &self->reg));
	expect_free(_metadata, self->fd, self->dev.ifindex);
}

/*
 * R7: The largest number of all, which rounding up would turn into 0, is
 * refused.
 */
TEST_F(registration, rq_entries_all_ones)
{
	self->reg.rq_entries = UINT_MAX;
	EXPECT_EQ(-EINVAL, zcrx_register(self->fd, &self->reg));
	expect_free(_metadata, self->fd, self->dev.ifindex);
}

/* R7: IORING_SETUP_CLAMP does not make 0 entries valid. */
TEST_F(registration, clamp_0)
{
	int fd;

	fd = ring_open(RING_FLAGS | IORING_SETUP_CLAMP);
	ASSERT_LE(0, fd);
	self->reg.rq_entries = 0;
	EXPECT_EQ(-EINVAL, zcrx_register(fd, &self->reg));
	expect_free(_metadata, fd, self->dev.ifindex);
}

/*
 * R7: IORING_SETUP_IOPOLL, the flag next to nothing here, is no
 * IORING_SETUP_CLAMP.
 */
TEST_F(registration, iopoll_above_limit)
{
	int fd;

	fd = ring_open(RING_FLAGS | IORING_SETUP_IOPOLL);
	ASSERT_LE(0, fd);
	self->reg.rq_entries = RQ_ENTRIES_MAX + 1;
	EXPECT_EQ(-EINVAL, zcrx_register(fd, &self->reg));
	expect_free(_metadata, fd, self->dev.ifindex);
}

/* R7: IORING_SETUP_CLAMP leaves the limit as it is. */
TEST_F(registration, clamp_limit)
{
	int fd;

	fd = ring_open(RING_FLAGS | IORING_SETUP_CLAMP);
	ASSERT_LE(0, fd);
	self->reg.rq_entries = RQ_ENTRIES_MAX;
	ASSERT_EQ(0, zcrx_register(fd, &self->reg));
	EXPECT_EQ(RQ_ENTRIES_MAX, self->reg.rq_entries);
	expect_refill_ring(_metadata, fd, &self->reg);
}

/* R7: IORING_SETUP_CLAMP brings one above the limit down to it. */
TEST_F(registration, clamp_above_limit)
{
	int fd;

	fd = ring_open(RING_FLAGS | IORING_SETUP_CLAMP);
	ASSERT_LE(0, fd);
	self->reg.rq_entries = RQ_ENTRIES_MAX + 1;
	ASSERT_EQ(0, zcrx_register(fd, &self->reg));
	EXPECT_EQ(RQ_ENTRIES_MAX, self->reg.rq_entries);
	expect_refill_ring(_metadata, fd, &self->reg);
}

/*
 * R7: IORING_SETUP_CLAMP brings the largest number of all down to the
 * limit.
 */
TEST_F(registration, clamp_all_ones)
{
	int fd;

	fd = ring_open(RING_FLAGS | IORING_SETUP_CLAMP);
	ASSERT_LE(0, fd);
	self->reg.rq_entries = UINT_MAX;
	ASSERT_EQ(0, zcrx_register(fd, &self->reg));
	EXPECT_EQ(RQ_ENTRIES_MAX, self->reg.rq_entries);
	expect_refill_ring(_metadata, fd, &self->reg);
}

/* R6: Queue -1 is kept for later use. */
TEST_F(registration, if_rxq_minus_one)
{
	self->reg.if_rxq = -1;
	EXPECT_EQ(-EINVAL, zcrx_register(self->fd, &self->reg));
	expect_free(_metadata, self->fd, self->dev.ifindex);
}

/* R6: The last queue of the interface can be registered. */
TEST_F(registration, if_rxq_last)
{
	if (!self->dev.two_queues)
		SKIP(return, "the device has fewer than two rx queues");

	self->reg.if_rxq = self->dev.rx_queues - 1;
	ASSERT_EQ(0, zcrx_register(self->fd, &self->reg));
	expect_refill_ring(_metadata, self->fd, &self->reg);
}

/* R11: A queue that the interface does not have is refused. */
TEST_F(registration, if_rxq_beyond_last)
{
	self->reg.if_rxq = self->dev.rx_queues;
	EXPECT_EQ(-EINVAL, zcrx_register(self->fd, &self->reg));
	expect_free(_metadata, self->fd, self->dev.ifindex);
}

/*
 * R11: The number of the queue is compared as a whole, its top bit
 * included.
 */
TEST_F(registration, if_rxq_sign_bit)
{
	self->reg.if_rxq = 1U << 31;
	EXPECT_EQ(-EINVAL, zcrx_register(self->fd, &self->reg));
	expect_free(_metadata, self->fd, self->dev.ifindex);
}

/* R10: No interface has index 0. */
TEST_F(registration, if_idx_0)
{
	self->reg.if_idx = 0;
	EXPECT_EQ(-ENODEV, zcrx_register(self->fd, &self->reg));
	expect_free(_metadata, self->fd, self->dev.ifindex);
}

/* R10: An index that no interface has is refused. */
TEST_F(registration, if_idx_unused)
{
	self->reg.if_idx = INT_MAX;
	EXPECT_EQ(-ENODEV, zcrx_register(self->fd, &self->reg));
	expect_free(_metadata, self->fd, self->dev.ifindex);
}

/* R10: An index that is negative as an int is no interface's. */
TEST_F(registration, if_idx_negative)
{
	self->reg.if_idx = -1;
	EXPECT_EQ(-ENODEV, zcrx_register(self->fd, &self->reg));
	expect_free(_metadata, self->fd, self->dev.ifindex);
}

/* R10: The index is compared as a whole, its top bit included. */
TEST_F(registration, if_idx_sign_bit)
{
	self->reg.if_idx = self->dev.ifindex | 1U << 31;
	EXPECT_EQ(-ENODEV, zcrx_register(self->fd, &self->reg));
	expect_free(_metadata, self->fd, self->dev.ifindex);
}

/* R10: The index is looked up in the network namespace of the caller. */
TEST_F(registration, other_netns)
{
	if (!self->dev.simulated)
		SKIP(return, "the device is no netdevsim");

	EXPECT_EQ(-ENODEV, zcrx_register_as(enter_net_namespace, &self->reg));
	expect_free(_metadata, self->fd, self->dev.ifindex);
}

/* R9: No flag is known: the lowest bit. */
TEST_F(registration, flags_bit_0)
{
	self->reg.flags = 1;
	EXPECT_EQ(-EINVAL, zcrx_register(self->fd, &self->reg));
	expect_free(_metadata, self->fd, self->dev.ifindex);
}

/* R9: No flag is known: the highest bit. */
TEST_F(registration, flags_bit_31)
{
	self->reg.flags = 1U << 31;
	EXPECT_EQ(-EINVAL, zcrx_register(self->fd, &self->reg));
	expect_free(_metadata, self->fd, self->dev.ifindex);
}

/* R9: Reserved word 0 must be 0. */
TEST_F(registration, resv_0)
{
	self->reg.resv[0] = 1;
	EXPECT_EQ(-EINVAL, zcrx_register(self->fd, &self->reg));
	expect_free(_metadata, self->fd, self->dev.ifindex);
}

/* R9: Reserved word 1 must be 0. */
TEST_F(registration, resv_1)
{
	self->reg.resv[1] = 1;
	EXPECT_EQ(-EINVAL, zcrx_register(self->fd, &self->reg));
	expect_free(_metadata, self->fd, self->dev.ifindex);
}

/* R9: Reserved word 2 must be 0. */
TEST_F(registration, resv_2)
{
	self->reg.resv[2] = 1;
	EXPECT_EQ(-EINVAL, zcrx_register(self->fd, &self->reg));
	expect_free(_metadata, self->fd, self->dev.ifindex);
}

/* R9: All 64 bits of a reserved word count. */
TEST_F(registration, resv_top_bit)
{
	self->reg.resv[2] = 1ULL << 63;
	EXPECT_EQ(-EINVAL, zcrx_register(self->fd, &self->reg));
	expect_free(_metadata, self->fd, self->dev.ifindex);
}

/* R9: Reserved word 0 of the offsets must be 0. */
TEST_F(registration, offsets_resv_0)
{
	self->reg.offsets.resv[0] = 1;
	EXPECT_EQ(-EINVAL, zcrx_register(self->fd, &self->reg));
	expect_free(_metadata, self->fd, self->dev.ifindex);
}

/* R9: Reserved word 1 of the offsets must be 0. */
TEST_F(registration, offsets_resv_1)
{
	self->reg.offsets.resv[1] = 1;
	EXPECT_EQ(-EINVAL, zcrx_register(self->fd, &self->reg));
	expect_free(_metadata, self->fd, self->dev.ifindex);
}

/*
 * R20: What offsets.head holds before does not matter: it is the kernel's
 * to fill.
 */
TEST_F(registration, offsets_head_overwritten)
{
	self->reg.offsets.head = UINT_MAX;
	ASSERT_EQ(0, zcrx_register(self->fd, &self->reg));
	expect_refill_ring(_metadata, self->fd, &self->reg);
}

/*
 * R20: What offsets.tail holds before does not matter: it is the kernel's
 * to fill.
 */
TEST_F(registration, offsets_tail_overwritten)
{
	self->reg.offsets.tail = UINT_MAX;
	ASSERT_EQ(0, zcrx_register(self->fd, &self->reg));
	expect_refill_ring(_metadata, self->fd, &self->reg);
}

/*
 * R20: What offsets.rqes holds before does not matter: it is the kernel's
 * to fill.
 */
TEST_F(registration, offsets_rqes_overwritten)
{
	self->reg.offsets.rqes = UINT_MAX;
	ASSERT_EQ(0, zcrx_register(self->fd, &self->reg));
	expect_refill_ring(_metadata, self->fd, &self->reg);
}

/*
 * R20: What offsets.mmap_sz holds before does not matter: it is the
 * kernel's to fill.
 */
TEST_F(registration, offsets_mmap_sz_overwritten)
{
	self->reg.offsets.mmap_sz = UINT_MAX;
	ASSERT_EQ(0, zcrx_register(self->fd, &self->reg));
	expect_refill_ring(_metadata, self->fd, &self->reg);
}

/* R13: Before areas are known, their pointer is not looked at. */
TEST_F(registration, area_ptr_not_read)
{
	self->reg.area_ptr = UINT64_MAX;
	ASSERT_EQ(0, zcrx_register(self->fd, &self->reg));
	expect_refill_ring(_metadata, self->fd, &self->reg);
}

/* R9: Each bit of the flags is looked at. */
TEST_F(registration, flags_every_bit)
{
	/* What mainline has a meaning for does not go with the default. */
	expect_reserved(_metadata, self->fd, &self->reg, &self->reg.flags,
			sizeof(self->reg.flags));
	expect_free(_metadata, self->fd, self->dev.ifindex);
}

/* R9: Each bit of the reserved words is looked at. */
TEST_F(registration, resv_every_bit)
{
	struct io_uring_zcrx_ifq_reg *reg = &self->reg;

	expect_reserved(_metadata, self->fd, reg, reg->resv, sizeof(reg->resv));
	expect_reserved(_metadata, self->fd, reg, reg->offsets.resv,
			sizeof(reg->offsets.resv));
	expect_free(_metadata, self->fd, self->dev.ifindex);
}

TEST_HARNESS_MAIN
