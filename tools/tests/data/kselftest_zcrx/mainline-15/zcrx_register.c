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
 * R12  a refusal leaves everything as it was
 * R13  area_ptr points to the description of one area (EFAULT)
 * R14  the driver can give the queue away (EOPNOTSUPP)
 * R15  a queue goes to one ring (EEXIST, EBUSY), and stays
 * R16  the area is made of pages (EINVAL)
 * R17  the area is memory that can be written to (EFAULT)
 * R18  the area counts against RLIMIT_MEMLOCK (ENOMEM)
 * R19  rq_area_token is written back
 * R20  offsets say where head, tail and entries are
 * R70  ZCRX_REG_NODEV: no device, all is copied
 * R71  zcrx_id tells the interface queues of a ring apart
 * R72  region_ptr describes the memory of the refill ring
 * R73  ZCRX_CTRL_EXPORT gives what another ring can import
 * R74  rx_buf_len is the size of a buffer
 * R75  event_desc says which events are told
 */
#include <assert.h>
#include <errno.h>
#include <limits.h>
#include <signal.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <sys/mman.h>
#include <sys/wait.h>
#include <unistd.h>

#include "kselftest_harness.h"
#include "ethtool.h"
#include "netif.h"
#include "zcrx.h"

#define LAYOUT_IS(condition)	static_assert(condition, #condition)

#define AGAIN		20
#define COME_BACK_MS	10000
#define USERS_AGAIN	50
#define SOMEBODY	1001
#define SOMEBODY_ELSE	1002

LAYOUT_IS(IORING_REGISTER_ZCRX_IFQ == 32);
LAYOUT_IS(IORING_REGISTER_ZCRX_CTRL == 36);
LAYOUT_IS(ZCRX_REG_NODEV == 2);
LAYOUT_IS(IORING_ZCRX_AREA_SHIFT == 48);
LAYOUT_IS(IORING_OP_RECV_ZC == 58);

LAYOUT_IS(sizeof(struct io_uring_zcrx_rqe) == 16);
LAYOUT_IS(offsetof(struct io_uring_zcrx_rqe, off) == 0);
LAYOUT_IS(offsetof(struct io_uring_zcrx_rqe, len) == 8);

LAYOUT_IS(sizeof(struct io_uring_zcrx_offsets) == 32);
LAYOUT_IS(offsetof(struct io_uring_zcrx_offsets, head) == 0);
LAYOUT_IS(offsetof(struct io_uring_zcrx_offsets, tail) == 4);
LAYOUT_IS(offsetof(struct io_uring_zcrx_offsets, rqes) == 8);

LAYOUT_IS(sizeof(struct io_uring_zcrx_ifq_reg) == 96);
LAYOUT_IS(offsetof(struct io_uring_zcrx_ifq_reg, if_idx) == 0);
LAYOUT_IS(offsetof(struct io_uring_zcrx_ifq_reg, if_rxq) == 4);
LAYOUT_IS(offsetof(struct io_uring_zcrx_ifq_reg, rq_entries) == 8);
LAYOUT_IS(offsetof(struct io_uring_zcrx_ifq_reg, flags) == 12);
LAYOUT_IS(offsetof(struct io_uring_zcrx_ifq_reg, area_ptr) == 16);
LAYOUT_IS(offsetof(struct io_uring_zcrx_ifq_reg, region_ptr) == 24);
LAYOUT_IS(offsetof(struct io_uring_zcrx_ifq_reg, offsets) == 32);
LAYOUT_IS(offsetof(struct io_uring_zcrx_ifq_reg, zcrx_id) == 64);
LAYOUT_IS(offsetof(struct io_uring_zcrx_ifq_reg, rx_buf_len) == 68);

LAYOUT_IS(sizeof(struct zcrx_ctrl) == 72);
LAYOUT_IS(offsetof(struct zcrx_ctrl, zcrx_id) == 0);
LAYOUT_IS(offsetof(struct zcrx_ctrl, op) == 4);
LAYOUT_IS(offsetof(struct zcrx_ctrl, zc_flush) == 24);
LAYOUT_IS(offsetof(struct zcrx_ctrl, zc_export) == 24);

LAYOUT_IS(sizeof(struct io_uring_zcrx_area_reg) == 48);
LAYOUT_IS(offsetof(struct io_uring_zcrx_area_reg, addr) == 0);
LAYOUT_IS(offsetof(struct io_uring_zcrx_area_reg, len) == 8);
LAYOUT_IS(offsetof(struct io_uring_zcrx_area_reg, rq_area_token) == 16);
LAYOUT_IS(offsetof(struct io_uring_zcrx_area_reg, flags) == 24);
LAYOUT_IS(offsetof(struct io_uring_zcrx_area_reg, dmabuf_fd) == 28);

LAYOUT_IS(sizeof(struct io_uring_zcrx_cqe) == 16);
LAYOUT_IS(offsetof(struct io_uring_zcrx_cqe, off) == 0);
LAYOUT_IS(offsetof(struct io_uring_zcrx_cqe, __pad) == 8);

LAYOUT_IS(sizeof(struct io_uring_sqe) == 64);
LAYOUT_IS(offsetof(struct io_uring_sqe, zcrx_ifq_idx) == 44);

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

/* Memory of its own for the area of the default request, or MAP_FAILED. */
static char *map_area(int flags)
{
	char *memory;

	memory = mmap(NULL, zcrx_area.len, PROT_READ | PROT_WRITE,
		      flags | MAP_ANONYMOUS, -1, 0);
	zcrx_area.addr = (uintptr_t)memory;
	return memory;
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
	unsigned char request[96] = {}, area[48] = {}, region[64] = {};
	void *area_ptr = area, *region_ptr = region;
	__u32 entries = 3, rqes;
	__u64 size, place;
	char *ring;

	memcpy(request, &self->dev.ifindex, 4);
	memcpy(request + 8, &entries, 4);
	memcpy(request + 16, &area_ptr, sizeof(area_ptr));
	memcpy(request + 24, &region_ptr, sizeof(region_ptr));
	memcpy(area, &zcrx_area.addr, 8);
	memcpy(area + 8, &zcrx_area.len, 8);
	size = PAGE;
	memcpy(region + 8, &size, 8);
	ASSERT_EQ(0, ring_register(self->fd, 32, request, 1));

	memcpy(&entries, request + 8, 4);
	memcpy(&rqes, request + 32 + 8, 4);
	memcpy(&place, region + 24, 8);
	EXPECT_EQ(4U, entries);
	EXPECT_LE(rqes + 4 * 16, size);
	ring = mmap(NULL, size, PROT_READ | PROT_WRITE, MAP_SHARED, self->fd,
		    place);
	ASSERT_NE(MAP_FAILED, ring);
	EXPECT_EQ(0, munmap(ring, size));
}

/* R1: The kernel neither reads nor writes beyond the end of the request. */
TEST_F(layout, request_ends_at_page_end)
{
	char *end = end_of_memory();
	struct io_uring_zcrx_ifq_reg *reg;

	ASSERT_NE(NULL, end);
	reg = (void *)(end - 96);
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

/* R5: The same registration once more finds the ring busy, too. */
TEST_F(registration, second_is_the_same)
{
	struct io_uring_zcrx_ifq_reg second = self->reg;

	ASSERT_EQ(0, zcrx_register(self->fd, &self->reg));
	EXPECT_EQ(-EEXIST, zcrx_register(self->fd, &second));
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
	ASSERT_EQ(-EEXIST, zcrx_register(self->fd, &second));
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
	EXPECT_EQ(-ERANGE, zcrx_register(self->fd, &self->reg));
	expect_free(_metadata, self->fd, self->dev.ifindex);
}

/* R14: The loopback device has a queue, but cannot give it away. */
TEST_F(registration, no_queue_api)
{
	self->reg.if_idx = if_nametoindex("lo");
	EXPECT_EQ(-EOPNOTSUPP, zcrx_register(self->fd, &self->reg));
	expect_free(_metadata, self->fd, self->dev.ifindex);
}

/*
 * R15: A queue that one ring has is refused to another, and the first
 * keeps it.
 */
TEST_F(registration, queue_is_taken)
{
	struct io_uring_zcrx_ifq_reg again = self->reg;
	int other;

	other = ring_open(RING_FLAGS);
	ASSERT_LE(0, other);
	ASSERT_EQ(0, zcrx_register(self->fd, &self->reg));
	EXPECT_EQ(-EEXIST, zcrx_register(other, &again));
	expect_refill_ring(_metadata, self->fd, &self->reg);
}

/*
 * R15: What was refused to a second ring is its to take after the first is
 * closed.
 */
TEST_F(registration, queue_after_close)
{
	struct io_uring_zcrx_ifq_reg again = self->reg;
	int other;

	other = ring_open(RING_FLAGS);
	ASSERT_LE(0, other);
	ASSERT_EQ(0, zcrx_register(self->fd, &self->reg));
	ASSERT_EQ(-EEXIST, zcrx_register(other, &again));
	ASSERT_EQ(0, close(self->fd));
	EXPECT_EQ(0, zcrx_register_soon(other, &again));
	expect_refill_ring(_metadata, other, &again);
}

/*
 * R15: The interface cannot be left with fewer queues than up to the one
 * that is taken.
 */
TEST_F(registration, queue_cannot_be_removed)
{
	if (!self->dev.simulated)
		SKIP(return, "the device is no netdevsim");

	self->reg.if_rxq = 1;
	ASSERT_EQ(0, zcrx_register(self->fd, &self->reg));
	EXPECT_EQ(-EINVAL, ethtool_channels(&self->dev, 1));
	expect_refill_ring(_metadata, self->fd, &self->reg);
}

/*
 * R11: The number of the queue is compared as a whole, its top bit
 * included.
 */
TEST_F(registration, if_rxq_sign_bit)
{
	self->reg.if_rxq = 1U << 31;
	EXPECT_EQ(-ERANGE, zcrx_register(self->fd, &self->reg));
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

/*
 * R11: A queue that the interface has, but does not use, is refused until
 * it does.
 */
TEST_F(registration, if_rxq_not_in_use)
{
	unsigned int last = self->dev.rx_queues - 1;

	if (!self->dev.simulated)
		SKIP(return, "the device is no netdevsim");

	self->reg.if_rxq = last;
	ASSERT_EQ(0, ethtool_channels(&self->dev, last));
	EXPECT_EQ(-ERANGE, zcrx_register(self->fd, &self->reg));
	ASSERT_EQ(0, ethtool_channels(&self->dev, last + 1));
	EXPECT_EQ(0, zcrx_register(self->fd, &self->reg));
}

/* R12: A device that cannot give its queue away says so each time. */
TEST_F(registration, no_queue_api_twice)
{
	self->reg.if_idx = if_nametoindex("lo");
	EXPECT_EQ(-EOPNOTSUPP, zcrx_register(self->fd, &self->reg));
	EXPECT_EQ(-EOPNOTSUPP, zcrx_register(self->fd, &self->reg));
	expect_free(_metadata, self->fd, self->dev.ifindex);
}

/*
 * R14: A netdevsim that is down refuses, and gives the same queue away
 * when it is up.
 */
TEST_F(registration, interface_down)
{
	if (!self->dev.simulated)
		SKIP(return, "the device is no netdevsim");

	ASSERT_EQ(0, netif_set_up(&self->dev, false));
	EXPECT_EQ(-ENETDOWN, zcrx_register(self->fd, &self->reg));
	ASSERT_EQ(0, netif_set_up(&self->dev, true));
	EXPECT_EQ(0, zcrx_register(self->fd, &self->reg));
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
	self->reg.__resv[0] = 1;
	EXPECT_EQ(-EINVAL, zcrx_register(self->fd, &self->reg));
	expect_free(_metadata, self->fd, self->dev.ifindex);
}

/* R9: Reserved word 1 must be 0. */
TEST_F(registration, resv_1)
{
	self->reg.__resv[1] = 1;
	EXPECT_EQ(-EINVAL, zcrx_register(self->fd, &self->reg));
	expect_free(_metadata, self->fd, self->dev.ifindex);
}

/* R9: All 64 bits of a reserved word count. */
TEST_F(registration, resv_top_bit)
{
	self->reg.__resv[1] = 1ULL << 63;
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

	expect_reserved(_metadata, self->fd, reg, reg->__resv,
			sizeof(reg->__resv));
	expect_free(_metadata, self->fd, self->dev.ifindex);
}

/*
 * R71: A ring takes two interface queues, known as 0 and 1, each with a
 * refill ring.
 */
TEST_F(registration, two_on_ring)
{
	struct io_uring_zcrx_ifq_reg second;
	char *ring, *other;
	size_t size;

	if (!self->dev.two_queues)
		SKIP(return, "the device has fewer than two rx queues");

	ASSERT_EQ(0, zcrx_register(self->fd, &self->reg));
	EXPECT_EQ(0U, self->reg.zcrx_id);
	size = refill_size(&self->reg);
	ring = refill_map(self->fd, size, PROT_READ | PROT_WRITE);
	ASSERT_NE(MAP_FAILED, ring);

	zcrx_default(&second, self->dev.ifindex);
	second.if_rxq = 1;
	ASSERT_EQ(0, zcrx_register(self->fd, &second));
	EXPECT_EQ(1U, second.zcrx_id);
	other = mmap(NULL, size, PROT_READ | PROT_WRITE, MAP_SHARED, self->fd,
		     zcrx_region.mmap_offset);
	ASSERT_NE(MAP_FAILED, other);
	ring[size - 1] = 0x5a;
	EXPECT_EQ(0, other[size - 1]);
}

/* R71: A refused registration does not use up an identity. */
TEST_F(registration, id_is_reused)
{
	struct io_uring_zcrx_ifq_reg second = self->reg;

	if (!self->dev.two_queues)
		SKIP(return, "the device has fewer than two rx queues");

	ASSERT_EQ(0, zcrx_register(self->fd, &self->reg));
	ASSERT_EQ(-EEXIST, zcrx_register(self->fd, &second));
	zcrx_default(&second, self->dev.ifindex);
	second.if_rxq = 1;
	ASSERT_EQ(0, zcrx_register(self->fd, &second));
	EXPECT_EQ(1U, second.zcrx_id);
}

/* R71: The identity is the kernel's to give. */
TEST_F(registration, zcrx_id_1)
{
	self->reg.zcrx_id = 1;
	EXPECT_EQ(-EINVAL, zcrx_register(self->fd, &self->reg));
	expect_free(_metadata, self->fd, self->dev.ifindex);
}

/* R70: What has no device names no interface. */
TEST_F(registration, nodev_with_interface)
{
	self->reg.flags = ZCRX_REG_NODEV;
	EXPECT_EQ(-EINVAL, zcrx_register(self->fd, &self->reg));
	expect_free(_metadata, self->fd, self->dev.ifindex);
}

/* R73: What is taken over from another ring brings no memory of its own. */
TEST_F(registration, import_with_queue)
{
	self->reg.flags = ZCRX_REG_IMPORT;
	EXPECT_EQ(-EINVAL, zcrx_register(self->fd, &self->reg));
	expect_free(_metadata, self->fd, self->dev.ifindex);
}

/* R74: A buffer is a power of two of bytes long. */
TEST_F(registration, buf_len_3_pages)
{
	self->reg.rx_buf_len = 3 * PAGE;
	EXPECT_EQ(-EINVAL, zcrx_register(self->fd, &self->reg));
	expect_free(_metadata, self->fd, self->dev.ifindex);
}

/* R74: A buffer is a page long at least. */
TEST_F(registration, buf_len_half_a_page)
{
	self->reg.rx_buf_len = PAGE / 2;
	EXPECT_EQ(-EINVAL, zcrx_register(self->fd, &self->reg));
	expect_free(_metadata, self->fd, self->dev.ifindex);
}

/* R74: The largest number of all is no power of two. */
TEST_F(registration, buf_len_all_ones)
{
	self->reg.rx_buf_len = UINT_MAX;
	EXPECT_EQ(-EINVAL, zcrx_register(self->fd, &self->reg));
	expect_free(_metadata, self->fd, self->dev.ifindex);
}

/* R75: A description of events that cannot be read is a fault. */
TEST_F(registration, event_desc_unmapped)
{
	self->reg.event_desc = UINT64_MAX;
	EXPECT_EQ(-EFAULT, zcrx_register(self->fd, &self->reg));
	expect_free(_metadata, self->fd, self->dev.ifindex);
}

/* R72: There must be a description of the refill ring's memory. */
TEST_F(registration, region_ptr_null)
{
	self->reg.region_ptr = 0;
	EXPECT_EQ(-EFAULT, zcrx_register(self->fd, &self->reg));
	expect_free(_metadata, self->fd, self->dev.ifindex);
}

/* R72: Nothing is at the end of the address space. */
TEST_F(registration, region_ptr_all_ones)
{
	self->reg.region_ptr = UINT64_MAX;
	EXPECT_EQ(-EFAULT, zcrx_register(self->fd, &self->reg));
	expect_free(_metadata, self->fd, self->dev.ifindex);
}

/* R72: No memory holds no ring. */
TEST_F(registration, region_size_0)
{
	zcrx_region.size = 0;
	EXPECT_EQ(-EINVAL, zcrx_register(self->fd, &self->reg));
	expect_free(_metadata, self->fd, self->dev.ifindex);
}

/* R72: The memory is a number of pages. */
TEST_F(registration, region_size_unaligned)
{
	zcrx_region.size = zcrx_region.size + 1;
	EXPECT_EQ(-EINVAL, zcrx_register(self->fd, &self->reg));
	expect_free(_metadata, self->fd, self->dev.ifindex);
}

/* R72: No other flag of a region is known. */
TEST_F(registration, region_flags_bit_31)
{
	zcrx_region.flags = 1U << 31;
	EXPECT_EQ(-EINVAL, zcrx_register(self->fd, &self->reg));
	expect_free(_metadata, self->fd, self->dev.ifindex);
}

/* R72: An address is for memory of user space only. */
TEST_F(registration, region_address_without_flag)
{
	zcrx_region.user_addr = zcrx_area.addr;
	EXPECT_EQ(-EFAULT, zcrx_register(self->fd, &self->reg));
	expect_free(_metadata, self->fd, self->dev.ifindex);
}

/* R72: Memory of user space has an address. */
TEST_F(registration, region_flag_without_address)
{
	zcrx_region.flags = IORING_MEM_REGION_TYPE_USER;
	EXPECT_EQ(-EFAULT, zcrx_register(self->fd, &self->reg));
	expect_free(_metadata, self->fd, self->dev.ifindex);
}

/* R72: The region has no identity. */
TEST_F(registration, region_id_1)
{
	zcrx_region.id = 1;
	EXPECT_EQ(-EINVAL, zcrx_register(self->fd, &self->reg));
	expect_free(_metadata, self->fd, self->dev.ifindex);
}

/* R72: Reserved words of the region are 0. */
TEST_F(registration, region_resv_3)
{
	zcrx_region.__resv[3] = 1;
	EXPECT_EQ(-EINVAL, zcrx_register(self->fd, &self->reg));
	expect_free(_metadata, self->fd, self->dev.ifindex);
}

/*
 * R72: The entries fit into the memory: one more than a page holds does
 * not.
 */
TEST_F(registration, region_too_small)
{
	self->reg.rq_entries = PAGE / sizeof(struct io_uring_zcrx_rqe);
	zcrx_region.size = PAGE;
	EXPECT_EQ(-EINVAL, zcrx_register(self->fd, &self->reg));
	self->reg.rq_entries /= 2;
	EXPECT_EQ(0, zcrx_register(self->fd, &self->reg));
}

/* R72: The refill ring may be memory of user space. */
TEST_F(registration, region_of_user)
{
	char *memory;

	memory = mmap(NULL, PAGE, PROT_READ | PROT_WRITE,
		      MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
	ASSERT_NE(MAP_FAILED, memory);
	memset(memory, 0x5a, PAGE);
	zcrx_region.size = PAGE;
	zcrx_region.user_addr = (uintptr_t)memory;
	zcrx_region.flags = IORING_MEM_REGION_TYPE_USER;
	ASSERT_EQ(0, zcrx_register(self->fd, &self->reg));
	EXPECT_EQ(0U, *(__u32 *)(memory + self->reg.offsets.head));
	EXPECT_EQ(0U, *(__u32 *)(memory + self->reg.offsets.tail));
	EXPECT_EQ(MAP_FAILED, refill_map(self->fd, PAGE, PROT_READ));
}

/* R72: The region tells where it is to be mapped. */
TEST_F(registration, region_answer)
{
	ASSERT_EQ(0, zcrx_register(self->fd, &self->reg));
	EXPECT_EQ(REFILL_OFFSET, zcrx_region.mmap_offset);
	EXPECT_EQ(0U, zcrx_region.id);
}

/* R74: The size of a buffer is told: a page, when nothing was asked for. */
TEST_F(registration, buf_len_written_back)
{
	ASSERT_EQ(0, zcrx_register(self->fd, &self->reg));
	EXPECT_EQ(PAGE, self->reg.rx_buf_len);
	EXPECT_EQ(0U, self->reg.zcrx_id);
	expect_refill_ring(_metadata, self->fd, &self->reg);
}

FIXTURE(area)
{
	struct io_uring_zcrx_ifq_reg reg;
	struct netif dev;
	int fd;
};

FIXTURE_SETUP(area)
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

FIXTURE_TEARDOWN_PARENT(area)
{
	/* The process of the test is gone: nothing may hold the device. */
	EXPECT_EQ(0, netif_close(&self->dev));
}

/* R13: There must be a description of the area: nothing is at address 0. */
TEST_F(area, area_ptr_null)
{
	self->reg.area_ptr = 0;
	EXPECT_EQ(-EFAULT, zcrx_register(self->fd, &self->reg));
	expect_free(_metadata, self->fd, self->dev.ifindex);
}

/*
 * R13: There must be a description of the area: nothing is at the end of
 * the address space.
 */
TEST_F(area, area_ptr_all_ones)
{
	self->reg.area_ptr = UINT64_MAX;
	EXPECT_EQ(-EFAULT, zcrx_register(self->fd, &self->reg));
	expect_free(_metadata, self->fd, self->dev.ifindex);
}

/*
 * R13: A description whose last byte lies in unmapped memory cannot be
 * read.
 */
TEST_F(area, description_cut_off)
{
	char *end = end_of_memory();
	char *area;

	ASSERT_NE(NULL, end);
	area = end - sizeof(zcrx_area) + 1;
	memcpy(area, &zcrx_area, sizeof(zcrx_area) - 1);
	self->reg.area_ptr = (uintptr_t)area;
	EXPECT_EQ(-EFAULT, zcrx_register(self->fd, &self->reg));
	expect_free(_metadata, self->fd, self->dev.ifindex);
}

/*
 * R13: The kernel neither reads nor writes beyond the 48 bytes of the
 * description.
 */
TEST_F(area, description_ends_at_page_end)
{
	char *end = end_of_memory();
	struct io_uring_zcrx_area_reg *area;

	ASSERT_NE(NULL, end);
	area = (void *)(end - 48);
	*area = zcrx_area;
	self->reg.area_ptr = (uintptr_t)area;
	ASSERT_EQ(0, zcrx_register(self->fd, &self->reg));
	EXPECT_NE(UINT64_MAX, area->rq_area_token);
}

/*
 * R13: A description that the token cannot be written to fails, and the
 * ring stays free.
 */
TEST_F(area, description_read_only)
{
	char *end = end_of_memory();
	struct io_uring_zcrx_area_reg *area;

	ASSERT_NE(NULL, end);
	area = (void *)(end - PAGE);
	*area = zcrx_area;
	ASSERT_EQ(0, mprotect(area, PAGE, PROT_READ));
	self->reg.area_ptr = (uintptr_t)area;
	EXPECT_EQ(-EFAULT, zcrx_register(self->fd, &self->reg));
	expect_free(_metadata, self->fd, self->dev.ifindex);
}

/* R16: The address is that of a page, not one above. */
TEST_F(area, addr_one_off)
{
	zcrx_area.addr = zcrx_area.addr + 1;
	EXPECT_EQ(-EINVAL, zcrx_register(self->fd, &self->reg));
	expect_free(_metadata, self->fd, self->dev.ifindex);
}

/* R16: Half a page is no alignment. */
TEST_F(area, addr_half_a_page)
{
	zcrx_area.addr = zcrx_area.addr + PAGE / 2;
	EXPECT_EQ(-EINVAL, zcrx_register(self->fd, &self->reg));
	expect_free(_metadata, self->fd, self->dev.ifindex);
}

/* R16: The length is a number of pages, not one byte more. */
TEST_F(area, len_one_more)
{
	zcrx_area.len = zcrx_area.len + 1;
	EXPECT_EQ(-EINVAL, zcrx_register(self->fd, &self->reg));
	expect_free(_metadata, self->fd, self->dev.ifindex);
}

/* R16: The length is a number of pages, not one byte less. */
TEST_F(area, len_one_less)
{
	zcrx_area.len = zcrx_area.len - 1;
	EXPECT_EQ(-EINVAL, zcrx_register(self->fd, &self->reg));
	expect_free(_metadata, self->fd, self->dev.ifindex);
}

/* R16: A single byte is no area. */
TEST_F(area, len_1)
{
	zcrx_area.len = 1;
	EXPECT_EQ(-EINVAL, zcrx_register(self->fd, &self->reg));
	expect_free(_metadata, self->fd, self->dev.ifindex);
}

/* R9: No flag of an area is known: the lowest bit. */
TEST_F(area, flags_bit_0)
{
	zcrx_area.flags = 1;
	EXPECT_EQ(-EINVAL, zcrx_register(self->fd, &self->reg));
	expect_free(_metadata, self->fd, self->dev.ifindex);
}

/* R9: No flag of an area is known: the highest bit. */
TEST_F(area, flags_bit_31)
{
	zcrx_area.flags = 1U << 31;
	EXPECT_EQ(-EINVAL, zcrx_register(self->fd, &self->reg));
	expect_free(_metadata, self->fd, self->dev.ifindex);
}

/* R9: The reserved word of an area must be 0. */
TEST_F(area, resv1)
{
	zcrx_area.dmabuf_fd = 1;
	EXPECT_EQ(-EINVAL, zcrx_register(self->fd, &self->reg));
	expect_free(_metadata, self->fd, self->dev.ifindex);
}

/* R9: Reserved word 0 of an area must be 0. */
TEST_F(area, resv2_0)
{
	zcrx_area.__resv2[0] = 1;
	EXPECT_EQ(-EINVAL, zcrx_register(self->fd, &self->reg));
	expect_free(_metadata, self->fd, self->dev.ifindex);
}

/* R9: Reserved word 1 of an area must be 0. */
TEST_F(area, resv2_1)
{
	zcrx_area.__resv2[1] = 1;
	EXPECT_EQ(-EINVAL, zcrx_register(self->fd, &self->reg));
	expect_free(_metadata, self->fd, self->dev.ifindex);
}

/* R9: All 64 bits of a reserved word of an area count. */
TEST_F(area, resv2_top_bit)
{
	zcrx_area.__resv2[1] = 1ULL << 63;
	EXPECT_EQ(-EINVAL, zcrx_register(self->fd, &self->reg));
	expect_free(_metadata, self->fd, self->dev.ifindex);
}

/* R17: No memory at all is no area. */
TEST_F(area, len_0)
{
	zcrx_area.len = 0;
	EXPECT_EQ(-EFAULT, zcrx_register(self->fd, &self->reg));
	expect_free(_metadata, self->fd, self->dev.ifindex);
}

/* R17: There is not as much memory as a length can tell. */
TEST_F(area, len_all_ones)
{
	zcrx_area.len = -PAGE;
	EXPECT_EQ(-EINVAL, zcrx_register(self->fd, &self->reg));
	expect_free(_metadata, self->fd, self->dev.ifindex);
}

/* R17: Nothing is mapped at address 0. */
TEST_F(area, addr_null)
{
	zcrx_area.addr = 0;
	EXPECT_EQ(-EFAULT, zcrx_register(self->fd, &self->reg));
	expect_free(_metadata, self->fd, self->dev.ifindex);
}

/* R17: Memory of the kernel is no area. */
TEST_F(area, addr_of_kernel)
{
	zcrx_area.addr = 1ULL << 63;
	EXPECT_EQ(-EFAULT, zcrx_register(self->fd, &self->reg));
	expect_free(_metadata, self->fd, self->dev.ifindex);
}

/* R16: The smallest area is a page. */
TEST_F(area, one_page)
{
	zcrx_area.len = PAGE;
	ASSERT_EQ(0, zcrx_register(self->fd, &self->reg));
	expect_refill_ring(_metadata, self->fd, &self->reg);
}

/* R17: A page that is not mapped, in the middle of the area, is a fault. */
TEST_F(area, memory_with_a_hole)
{
	char *memory = map_area(MAP_PRIVATE);

	ASSERT_NE(MAP_FAILED, memory);
	ASSERT_EQ(0, munmap(memory + zcrx_area.len / 2, PAGE));
	EXPECT_EQ(-EFAULT, zcrx_register(self->fd, &self->reg));
	expect_free(_metadata, self->fd, self->dev.ifindex);
}

/* R17: Memory that is mapped for reading only cannot be received into. */
TEST_F(area, memory_read_only)
{
	char *memory = map_area(MAP_PRIVATE);

	ASSERT_NE(MAP_FAILED, memory);
	ASSERT_EQ(0, mprotect(memory, zcrx_area.len, PROT_READ));
	EXPECT_EQ(-EFAULT, zcrx_register(self->fd, &self->reg));
	expect_free(_metadata, self->fd, self->dev.ifindex);
}

/* R17: Shared memory can be received into. */
TEST_F(area, memory_shared)
{
	ASSERT_NE(MAP_FAILED, map_area(MAP_SHARED));
	EXPECT_EQ(0, zcrx_register(self->fd, &self->reg));
}

/* R18: The area counts against RLIMIT_MEMLOCK: one page short. */
TEST_F(area, memlock_too_little)
{
	EXPECT_EQ(-ENOMEM, zcrx_register_as(lock_less_than_area, &self->reg));
	expect_free(_metadata, self->fd, self->dev.ifindex);
}

/* R18: The area counts against RLIMIT_MEMLOCK: just enough. */
TEST_F(area, memlock_enough)
{
	EXPECT_EQ(0, zcrx_register_as(lock_no_more_than_area, &self->reg));
}

/*
 * R18: Closing the ring, and a failed registration, give back what they
 * locked.
 */
TEST_F(area, memlock_comes_back)
{
	int i, fd;

	ASSERT_EQ(0, lock_no_more_than_area());
	for (i = 0; i < AGAIN; i++) {
		fd = ring_open(RING_FLAGS);
		ASSERT_LE(0, fd);
		zcrx_default(&self->reg, self->dev.ifindex);
		self->reg.if_rxq = self->dev.rx_queues;
		ASSERT_EQ(-ERANGE,
			  zcrx_register_soon(fd, &self->reg))
			TH_LOG("after %d times", i);
		self->reg.if_rxq = 0;
		ASSERT_EQ(0, zcrx_register(fd, &self->reg))
			TH_LOG("after %d times", i);
		ASSERT_EQ(0, close(fd));
	}
}

/*
 * R18: The pages are pinned as long as the registration lasts, and no
 * longer.
 */
TEST_F(area, pinned_comes_back)
{
	long area_kb = zcrx_area.len / 1024;

	ASSERT_EQ(0, pinned_kb());
	ASSERT_EQ(0, zcrx_register(self->fd, &self->reg));
	EXPECT_EQ(area_kb, pinned_kb());
	ASSERT_EQ(0, close(self->fd));
	EXPECT_EQ(0, pinned_settle(COME_BACK_MS));
}

/* R19: The token is the kernel's to give. */
TEST_F(area, token_given)
{
	zcrx_area.rq_area_token = 1;
	EXPECT_EQ(-EINVAL, zcrx_register(self->fd, &self->reg));
	expect_free(_metadata, self->fd, self->dev.ifindex);
}

/*
 * R19: The token is written back, and has no bits where offsets have
 * theirs.
 */
TEST_F(area, token_written_back)
{
	ASSERT_EQ(0, zcrx_register(self->fd, &self->reg));
	EXPECT_EQ(0ULL, zcrx_area.rq_area_token &
			((1ULL << IORING_ZCRX_AREA_SHIFT) - 1));
}

/* R9: Each bit of the flags of an area is looked at. */
TEST_F(area, area_flags_every_bit)
{
	expect_reserved(_metadata, self->fd, &self->reg, &zcrx_area.flags,
			sizeof(zcrx_area.flags));
	expect_free(_metadata, self->fd, self->dev.ifindex);
}

/* R9: Each bit of the reserved words of an area is looked at. */
TEST_F(area, area_resv_every_bit)
{
	expect_reserved(_metadata, self->fd, &self->reg, &zcrx_area.dmabuf_fd,
			sizeof(zcrx_area.dmabuf_fd));
	expect_reserved(_metadata, self->fd, &self->reg, zcrx_area.__resv2,
			sizeof(zcrx_area.__resv2));
	expect_free(_metadata, self->fd, self->dev.ifindex);
}

/*
 * R18: An area that cannot be pinned as a whole gives back what it locked,
 * each time.
 */
TEST_F(area, memlock_after_fault)
{
	char *memory;
	int i, fd;

	ASSERT_EQ(0, lock_no_more_than_area());
	/* The limit is for rings that are set up from here on. */
	fd = ring_open(RING_FLAGS);
	ASSERT_LE(0, fd);
	memory = map_area(MAP_PRIVATE);
	ASSERT_NE(MAP_FAILED, memory);
	ASSERT_EQ(0, munmap(memory + zcrx_area.len / 2, PAGE));
	for (i = 0; i < AGAIN; i++) {
		ASSERT_EQ(-EFAULT, zcrx_register(fd, &self->reg))
			TH_LOG("after %d times", i);
		ASSERT_EQ(0, pinned_kb());
	}
	expect_free(_metadata, fd, self->dev.ifindex);
}

/*
 * R18: The limit is that of the user who set up the ring, whoever
 * registers or closes.
 */
TEST_F_TIMEOUT(area, memlock_of_ring_owner, 180)
{
	int i, first, second, other;

	if (!self->dev.two_queues)
		SKIP(return, "the device has fewer than two rx queues");

	ASSERT_EQ(0, lock_no_more_as_anyone());
	for (i = 0; i < USERS_AGAIN; i++) {
		first = ring_open_as(SOMEBODY);
		second = ring_open_as(SOMEBODY);
		other = ring_open_as(SOMEBODY_ELSE);
		ASSERT_LE(0, first);
		ASSERT_LE(0, second);
		ASSERT_LE(0, other);

		zcrx_default(&self->reg, self->dev.ifindex);
		ASSERT_EQ(0, zcrx_register_soon(first, &self->reg))
			TH_LOG("after %d times", i);
		zcrx_default(&self->reg, self->dev.ifindex);
		self->reg.if_rxq = 1;
		ASSERT_EQ(-ENOMEM, zcrx_register(second, &self->reg));
		ASSERT_EQ(0, zcrx_register_soon(other, &self->reg))
			TH_LOG("after %d times", i);

		ASSERT_EQ(0, close(first));
		ASSERT_EQ(0, close(second));
		ASSERT_EQ(0, close(other));
	}
}

TEST_HARNESS_MAIN
