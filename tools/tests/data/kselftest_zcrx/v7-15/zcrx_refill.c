// SPDX-License-Identifier: GPL-2.0
/*
 * Zero copy receive of io_uring: the refill ring.
 *
 * R20  offsets say where head, tail and entries are
 * R21  the ring is mapped at IORING_OFF_RQ_RING
 * R22  there is no more to map than the ring, and nothing without one
 * R23  a new ring is zero
 * R24  user space may write anything into the ring
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

#define MAP_TRY_SIZE	4096

/* The signal that ends a process which writes there, or 0. */
static int signal_of_write(char *place)
{
	int status;
	pid_t pid;

	pid = fork();
	if (pid < 0)
		return -errno;
	if (!pid) {
		*place = 1;
		_exit(0);
	}
	if (waitpid(pid, &status, 0) != pid)
		return -errno;
	return WIFSIGNALED(status) ? WTERMSIG(status) : 0;
}

static void expect_nothing_to_map(struct __test_metadata *_metadata, int fd)
{
	EXPECT_EQ(MAP_FAILED, refill_map(fd, MAP_TRY_SIZE, PROT_READ));
	EXPECT_EQ(ENOMEM, errno);
}

static char *register_and_map(struct __test_metadata *_metadata, int fd,
			      struct io_uring_zcrx_ifq_reg *reg)
{
	char *ring;

	ASSERT_EQ(0, zcrx_register(fd, reg));
	ring = refill_map(fd, refill_size(reg), PROT_READ | PROT_WRITE);
	ASSERT_NE(MAP_FAILED, ring);
	return ring;
}

FIXTURE(refill_ring)
{
	struct io_uring_zcrx_ifq_reg reg;
	struct netif dev;
	int fd;
};

FIXTURE_SETUP(refill_ring)
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

FIXTURE_TEARDOWN_PARENT(refill_ring)
{
	/* The process of the test is gone: nothing may hold the device. */
	EXPECT_EQ(0, netif_close(&self->dev));
}

/*
 * R20: Head, tail and entries of the smallest ring lie apart and inside of
 * it.
 */
TEST_F(refill_ring, offsets_smallest)
{
	self->reg.rq_entries = 1;
	ASSERT_EQ(0, zcrx_register(self->fd, &self->reg));
	EXPECT_STREQ("", refill_fault(&self->reg));
}

/*
 * R20: Head, tail and entries of the largest ring lie apart and inside of
 * it.
 */
TEST_F(refill_ring, offsets_largest)
{
	self->reg.rq_entries = RQ_ENTRIES_MAX;
	ASSERT_EQ(0, zcrx_register(self->fd, &self->reg));
	EXPECT_STREQ("", refill_fault(&self->reg));
}

/* R20: The reserved words of the answer are 0. */
TEST_F(refill_ring, offsets_reserved)
{
	ASSERT_EQ(0, zcrx_register(self->fd, &self->reg));
	EXPECT_EQ(0ULL, self->reg.offsets.resv[0]);
	EXPECT_EQ(0ULL, self->reg.offsets.resv[1]);
	EXPECT_EQ(0ULL, self->reg.resv[0]);
	EXPECT_EQ(0ULL, self->reg.resv[1]);
	EXPECT_EQ(0ULL, self->reg.resv[2]);
}

/*
 * R23: A new ring is empty and shows nothing of what the memory held
 * before.
 */
TEST_F(refill_ring, starts_as_zero)
{
	size_t i, size;
	char *ring;

	self->reg.rq_entries = RQ_ENTRIES_MAX;
	ring = register_and_map(_metadata, self->fd, &self->reg);
	size = refill_size(&self->reg);
	for (i = 0; i < size; i++)
		ASSERT_EQ(0, ring[i])
			TH_LOG("at byte %zu", i);
}

/* R21: The whole ring can be written, and keeps what was written. */
TEST_F(refill_ring, map_read_write)
{
	struct io_uring_zcrx_rqe *rqes;
	char *ring;
	__u32 i;

	self->reg.rq_entries = RQ_ENTRIES_MAX;
	ring = register_and_map(_metadata, self->fd, &self->reg);
	rqes = (void *)(ring + self->reg.offsets.rqes);
	for (i = 0; i < self->reg.rq_entries; i++) {
		rqes[i].off = i;
		rqes[i].len = ~i;
	}
	*(__u32 *)(ring + self->reg.offsets.tail) = self->reg.rq_entries;

	EXPECT_EQ(0U, *(__u32 *)(ring + self->reg.offsets.head));
	for (i = 0; i < self->reg.rq_entries; i++) {
		ASSERT_EQ(i, rqes[i].off);
		ASSERT_EQ(~i, rqes[i].len);
	}
}

/* R21: The ring can be mapped for reading only. */
TEST_F(refill_ring, map_read_only)
{
	char *ring;

	ASSERT_EQ(0, zcrx_register(self->fd, &self->reg));
	ring = refill_map(self->fd, refill_size(&self->reg), PROT_READ);
	ASSERT_NE(MAP_FAILED, ring);
	EXPECT_EQ(0, ring[0]);
	EXPECT_EQ(SIGSEGV, signal_of_write(ring));
}

/* R21: Two mappings of a ring show the same memory. */
TEST_F(refill_ring, map_twice)
{
	char *ring, *again;
	size_t last;

	ring = register_and_map(_metadata, self->fd, &self->reg);
	last = refill_size(&self->reg) - 1;
	again = refill_map(self->fd, refill_size(&self->reg),
			   PROT_READ | PROT_WRITE);
	ASSERT_NE(MAP_FAILED, again);
	ASSERT_NE(ring, again);
	ring[last] = 0x5a;
	EXPECT_EQ(0x5a, again[last]);
}

/* R22: Without a registration there is nothing to map. */
TEST_F(refill_ring, map_before_registration)
{
	expect_nothing_to_map(_metadata, self->fd);
	ASSERT_EQ(0, zcrx_register(self->fd, &self->reg));
	EXPECT_NE(MAP_FAILED, refill_map(self->fd, refill_size(&self->reg),
					 PROT_READ | PROT_WRITE));
}

/* R22: A refused registration leaves nothing to map. */
TEST_F(refill_ring, map_after_refusal)
{
	self->reg.flags = 1;
	ASSERT_EQ(-EINVAL, zcrx_register(self->fd, &self->reg));
	expect_nothing_to_map(_metadata, self->fd);
}

/*
 * R22: A registration whose answer could not be written leaves nothing to
 * map.
 */
TEST_F(refill_ring, map_after_failed_answer)
{
	long page = sysconf(_SC_PAGESIZE);
	struct io_uring_zcrx_ifq_reg *reg;

	reg = mmap(NULL, page, PROT_READ | PROT_WRITE,
		   MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
	ASSERT_NE(MAP_FAILED, reg);
	*reg = self->reg;
	ASSERT_EQ(0, mprotect(reg, page, PROT_READ));
	ASSERT_EQ(-EFAULT, zcrx_register(self->fd, reg));
	expect_nothing_to_map(_metadata, self->fd);
}

/* R22: The registration of one ring gives another ring nothing to map. */
TEST_F(refill_ring, map_other_ring)
{
	int other;

	other = ring_open(RING_FLAGS);
	ASSERT_LE(0, other);
	ASSERT_EQ(0, zcrx_register(self->fd, &self->reg));
	expect_nothing_to_map(_metadata, other);
}

/* R22: No memory beyond the ring can be reached through a longer mapping. */
TEST_F(refill_ring, map_beyond_end)
{
	size_t size, page = sysconf(_SC_PAGESIZE);
	char *ring;

	ASSERT_EQ(0, zcrx_register(self->fd, &self->reg));
	size = refill_size(&self->reg);
	size = (size + page - 1) / page * page;
	ring = refill_map(self->fd, size + page, PROT_READ | PROT_WRITE);
	if (ring == MAP_FAILED)
		return;
	EXPECT_EQ(0, signal_of_write(ring + size - 1));
	EXPECT_EQ(SIGBUS, signal_of_write(ring + size));
}

/* R24: A ring full of garbage does no harm when it is closed. */
TEST_F(refill_ring, garbage_is_harmless)
{
	size_t size;
	char *ring;

	self->reg.rq_entries = RQ_ENTRIES_MAX;
	ring = register_and_map(_metadata, self->fd, &self->reg);
	size = refill_size(&self->reg);
	memset(ring, 0xff, size);
	EXPECT_EQ(0, munmap(ring, size));
	EXPECT_EQ(0, close(self->fd));
}

/*
 * R21: A part of the ring can be mapped, and is the same memory as in the
 * whole.
 */
TEST_F(refill_ring, map_shorter)
{
	const struct io_uring_zcrx_offsets *offsets = &self->reg.offsets;
	size_t page = sysconf(_SC_PAGESIZE);
	char *ring, *part;

	self->reg.rq_entries = RQ_ENTRIES_MAX;
	ring = register_and_map(_metadata, self->fd, &self->reg);
	part = refill_map(self->fd, page, PROT_READ | PROT_WRITE);
	ASSERT_NE(MAP_FAILED, part);
	ring[page - 1] = 0x5a;
	EXPECT_EQ(0x5a, part[page - 1]);
	/* They may be anywhere, and are at the start in all that we know. */
	if (offsets->head >= page || offsets->tail >= page)
		return;
	*(__u32 *)(part + offsets->head) = 0x12345678;
	*(__u32 *)(part + offsets->tail) = 0x9abcdef0;
	EXPECT_EQ(0x12345678U, *(__u32 *)(ring + offsets->head));
	EXPECT_EQ(0x9abcdef0U, *(__u32 *)(ring + offsets->tail));
}

TEST_HARNESS_MAIN
