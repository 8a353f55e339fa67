// SPDX-License-Identifier: GPL-2.0
/*
 * Zero copy receive of io_uring: how long a registration lives.
 *
 * R30  the registration ends with the ring
 * R31  a mapping keeps the memory for itself
 * R32  a registration does not keep the device
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

#define AGAIN		100

FIXTURE(lifetime)
{
	struct io_uring_zcrx_ifq_reg reg;
	struct netif dev;
	int fd;
};

FIXTURE_SETUP(lifetime)
{
	const char *missing = netif_missing() ?: zcrx_missing();

	if (missing)
		SKIP(return, "%s", missing);
	self->fd = ring_open(RING_FLAGS);
	ASSERT_LE(0, self->fd);
	ASSERT_EQ(0, netif_open(&self->dev));
	zcrx_default(&self->reg, self->dev.ifindex);
}

FIXTURE_TEARDOWN_PARENT(lifetime)
{
	/* The process of the test is gone: nothing may hold the device. */
	EXPECT_EQ(0, netif_close(&self->dev));
}

/* R30: Closing the ring ends the registration, a hundred times over. */
TEST_F(lifetime, close_and_again)
{
	int i, fd;

	for (i = 0; i < AGAIN; i++) {
		zcrx_default(&self->reg, self->dev.ifindex);
		self->reg.rq_entries = RQ_ENTRIES;
		fd = ring_open(RING_FLAGS);
		ASSERT_LE(0, fd);
		ASSERT_EQ(0, zcrx_register_soon(fd, &self->reg))
			TH_LOG("after %d times", i);
		ASSERT_EQ(0, close(fd));
	}
}

/* R30: The memory of the largest refill ring comes back each time. */
TEST_F(lifetime, largest_and_again)
{
	int i, fd;

	for (i = 0; i < AGAIN; i++) {
		zcrx_default(&self->reg, self->dev.ifindex);
		self->reg.rq_entries = RQ_ENTRIES_MAX;
		fd = ring_open(RING_FLAGS);
		ASSERT_LE(0, fd);
		ASSERT_EQ(0, zcrx_register_soon(fd, &self->reg))
			TH_LOG("after %d times", i);
		ASSERT_EQ(0, close(fd));
	}
}

/* R31: The mapped refill ring stays usable until it is unmapped. */
TEST_F(lifetime, mapping_outlives_fd)
{
	size_t size;
	char *ring;

	ASSERT_EQ(0, zcrx_register(self->fd, &self->reg));
	size = refill_size(&self->reg);
	ring = refill_map(self->fd, size, PROT_READ | PROT_WRITE);
	ASSERT_NE(MAP_FAILED, ring);
	ring[size - 1] = 0x5a;
	ASSERT_EQ(0, close(self->fd));
	EXPECT_EQ(0x5a, ring[size - 1]);
	ring[0] = 1;
	EXPECT_EQ(0, munmap(ring, size));
}

/*
 * R31: A child process that inherits the mapping can use it after its
 * parent let go.
 */
TEST_F(lifetime, child_inherits_mapping)
{
	int status, go[2];
	size_t size;
	char *ring;
	pid_t pid;

	ASSERT_EQ(0, zcrx_register(self->fd, &self->reg));
	size = refill_size(&self->reg);
	ring = refill_map(self->fd, size, PROT_READ | PROT_WRITE);
	ASSERT_NE(MAP_FAILED, ring);
	ring[size - 1] = 0x5a;
	ASSERT_EQ(0, pipe(go));
	pid = fork();
	ASSERT_LE(0, pid);
	if (!pid) {
		close(self->fd);
		close(go[1]);
		/* The parent says by closing that it let go of the ring. */
		if (read(go[0], &status, 1))
			_exit(1);
		ring[0] = 1;
		_exit(ring[size - 1] != 0x5a);
	}
	EXPECT_EQ(0, munmap(ring, size));
	EXPECT_EQ(0, close(self->fd));
	EXPECT_EQ(0, close(go[1]));
	ASSERT_EQ(pid, waitpid(pid, &status, 0));
	EXPECT_EQ(0, status);
}

/* R30: A process that exits leaves nothing registered. */
TEST_F(lifetime, exit_unregisters)
{
	int status;
	pid_t pid;

	pid = fork();
	ASSERT_LE(0, pid);
	if (!pid) {
		int fd = ring_open(RING_FLAGS);

		_exit(-zcrx_register(fd, &self->reg));
	}
	ASSERT_EQ(pid, waitpid(pid, &status, 0));
	ASSERT_EQ(0, status);
	EXPECT_EQ(0, zcrx_register_soon(self->fd, &self->reg));
}

/* R30: A process that is killed leaves nothing registered. */
TEST_F(lifetime, kill_unregisters)
{
	int status, done[2];
	pid_t pid;
	char ret;

	ASSERT_EQ(0, pipe(done));
	pid = fork();
	ASSERT_LE(0, pid);
	if (!pid) {
		int fd = ring_open(RING_FLAGS);

		ret = -zcrx_register(fd, &self->reg);
		if (write(done[1], &ret, 1) == 1)
			pause();
		_exit(1);
	}
	ASSERT_EQ(1, read(done[0], &ret, 1));
	EXPECT_EQ(0, ret);
	ASSERT_EQ(0, kill(pid, SIGKILL));
	ASSERT_EQ(pid, waitpid(pid, &status, 0));
	ASSERT_TRUE(WIFSIGNALED(status));
	EXPECT_EQ(0, zcrx_register_soon(self->fd, &self->reg));
}

/* R32: A device with a registered queue can be removed at once. */
TEST_F(lifetime, device_removed)
{
	if (!self->dev.simulated)
		SKIP(return, "the device is no netdevsim");

	ASSERT_EQ(0, zcrx_register(self->fd, &self->reg));
	EXPECT_EQ(0, netif_remove(&self->dev, REMOVE_MS));
}

/* R32: Closing a ring whose device is gone does no harm. */
TEST_F(lifetime, device_removed_then_close)
{
	size_t size;
	char *ring;

	if (!self->dev.simulated)
		SKIP(return, "the device is no netdevsim");

	ASSERT_EQ(0, zcrx_register(self->fd, &self->reg));
	size = refill_size(&self->reg);
	ring = refill_map(self->fd, size, PROT_READ | PROT_WRITE);
	ASSERT_NE(MAP_FAILED, ring);
	ASSERT_EQ(0, netif_remove(&self->dev, REMOVE_MS));
	ring[size - 1] = 1;
	EXPECT_EQ(0, munmap(ring, size));
	EXPECT_EQ(0, close(self->fd));
}

TEST_HARNESS_MAIN
