// SPDX-License-Identifier: GPL-2.0
/*
 * Zero copy receive of io_uring: how long a registration lives.
 *
 * R30  the registration ends with the ring
 * R31  a mapping keeps the memory for itself
 * R32  a registration does not keep the device
 * R33  the queue is an ordinary one without the ring
 * R34  a registration outlasts that the interface is down
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

#include <sys/mount.h>
#include <sys/stat.h>

#define AGAIN		100

#define LARGE_AREA	(8UL << 20)
#define COME_BACK_MS	10000

#define TRACING		"/sys/kernel/tracing"
#define TRACE		TRACING "/instances/zcrx"

/* What the kernel may keep for later, of pages and of smaller memory. */
#define NOISE_KB	32768L
#define SLAB_NOISE_KB	512L

struct memory {
	long	available_kb;
	long	slab_kb;
	long	pinned;		/* pages of the whole machine */
};

static void measure(struct memory *memory)
{
	/* What CPUs have counted and not told yet. */
	write_file("/proc/sys/vm/stat_refresh", "1");
	memory->available_kb = number_in_file("/proc/meminfo", "MemAvailable");
	memory->slab_kb = number_in_file("/proc/meminfo", "Slab");
	memory->pinned =
		number_in_file("/proc/vmstat", "nr_foll_pin_acquired") -
		number_in_file("/proc/vmstat", "nr_foll_pin_released");
}

/* Register the largest refill ring and an area, and let go of both. */
static void register_large(struct __test_metadata *_metadata,
			   unsigned int ifindex, void *area)
{
	struct io_uring_zcrx_ifq_reg reg;
	int fd = ring_open(RING_FLAGS);

	ASSERT_LE(0, fd);
	zcrx_default(&reg, ifindex);
	reg.rq_entries = RQ_ENTRIES_MAX;
	zcrx_area.addr = (uintptr_t)area;
	zcrx_area.len = LARGE_AREA;
	ASSERT_EQ(0, zcrx_register_soon(fd, &reg));
	ASSERT_EQ(0, close(fd));
	ASSERT_EQ(0, pinned_settle(COME_BACK_MS));
}

/* Let all uses of DMA be recorded. Returns why they cannot be, or NULL. */
static const char *record_dma(void)
{
	if (access(TRACING "/events", F_OK) &&
	    mount("tracefs", TRACING, "tracefs", 0, NULL))
		return "there is no tracefs";
	if (access(TRACING "/events/dma", F_OK))
		return "the kernel cannot record uses of DMA";
	if ((mkdir(TRACE, 0700) && errno != EEXIST) ||
	    write_file(TRACE "/events/dma/enable", "1"))
		return "nothing can be recorded";
	return NULL;
}

static void forget_dma(void)
{
	write_file(TRACE "/events/dma/enable", "0");
	rmdir(TRACE);
}

/* How often something was recorded of a netdevsim, or -1. */
static int count_recorded(const char *event, const struct netif *dev)
{
	char line[512], device[32];
	int count = 0;
	FILE *file;

	file = fopen(TRACE "/trace", "r");
	if (!file)
		return -1;
	snprintf(device, sizeof(device), ": netdevsim%u ", dev->nsim_id);
	while (fgets(line, sizeof(line), file))
		if (strstr(line, event) && strstr(line, device))
			count++;
	fclose(file);
	return count;
}

/* A process that does nothing but to live in a namespace of its own. */
static pid_t fork_into_net_namespace(void)
{
	int ready[2];
	char byte;
	pid_t pid;

	if (pipe(ready))
		return -errno;
	pid = fork();
	if (!pid) {
		if (!enter_net_namespace() && write(ready[1], "", 1) == 1)
			pause();
		_exit(1);
	}
	close(ready[1]);
	if (pid > 0 && read(ready[0], &byte, 1) != 1)
		pid = -ESRCH;
	close(ready[0]);
	return pid;
}

FIXTURE(lifetime)
{
	struct io_uring_zcrx_ifq_reg reg;
	struct netif dev;
	int fd;
};

FIXTURE_SETUP(lifetime)
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

/*
 * R30: The next ring can have the queue as soon as the one before is
 * closed.
 */
TEST_F(lifetime, free_at_once)
{
	int i, fd;

	for (i = 0; i < AGAIN; i++) {
		zcrx_default(&self->reg, self->dev.ifindex);
		self->reg.rq_entries = RQ_ENTRIES;
		fd = ring_open(RING_FLAGS);
		ASSERT_LE(0, fd);
		ASSERT_EQ(0, zcrx_register(fd, &self->reg))
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

/*
 * R32: A device with a registered queue can be moved to another network
 * namespace.
 */
TEST_F(lifetime, device_moved)
{
	char command[64];
	pid_t pid;

	if (!self->dev.simulated)
		SKIP(return, "the device is no netdevsim");

	pid = fork_into_net_namespace();
	ASSERT_LE(0, pid);
	ASSERT_EQ(0, zcrx_register(self->fd, &self->reg));
	snprintf(command, sizeof(command), "ip link set %s netns %d",
		 self->dev.name, pid);
	EXPECT_EQ(0, system(command));
	EXPECT_EQ(0, close(self->fd));
	EXPECT_EQ(0, kill(pid, SIGKILL));
	EXPECT_EQ(pid, waitpid(pid, NULL, 0));
}

/*
 * R33: Without the ring the queue is an ordinary one: another ring can
 * have it.
 */
TEST_F(lifetime, queue_comes_back)
{
	int other = ring_open(RING_FLAGS);

	ASSERT_LE(0, other);
	ASSERT_EQ(0, zcrx_register(self->fd, &self->reg));
	EXPECT_EQ(-EEXIST, zcrx_register(other, &self->reg));
	ASSERT_EQ(0, close(self->fd));
	EXPECT_EQ(0, zcrx_register_soon(other, &self->reg));
}

/* R34: The registration outlasts that the interface is taken down and up. */
TEST_F(lifetime, down_and_up)
{
	int other = ring_open(RING_FLAGS);

	if (!self->dev.simulated)
		SKIP(return, "the device is no netdevsim");

	ASSERT_LE(0, other);
	ASSERT_EQ(0, zcrx_register(self->fd, &self->reg));
	ASSERT_EQ(0, netif_set_up(&self->dev, false));
	ASSERT_EQ(0, netif_set_up(&self->dev, true));
	EXPECT_EQ(-EEXIST, zcrx_register(other, &self->reg));
	ASSERT_EQ(0, close(self->fd));
	EXPECT_EQ(0, zcrx_register_soon(other, &self->reg));
}

/*
 * R34: A ring can be closed while the interface is down, and the queue is
 * free after it.
 */
TEST_F(lifetime, closed_while_down)
{
	int other = ring_open(RING_FLAGS);

	if (!self->dev.simulated)
		SKIP(return, "the device is no netdevsim");

	ASSERT_LE(0, other);
	ASSERT_EQ(0, zcrx_register(self->fd, &self->reg));
	ASSERT_EQ(0, netif_set_up(&self->dev, false));
	ASSERT_EQ(0, close(self->fd));
	ASSERT_EQ(0, netif_set_up(&self->dev, true));
	EXPECT_EQ(0, zcrx_register_soon(other, &self->reg));
}

/* R34: A device that is down and has a registered queue can be removed. */
TEST_F(lifetime, removed_while_down)
{
	if (!self->dev.simulated)
		SKIP(return, "the device is no netdevsim");

	ASSERT_EQ(0, zcrx_register(self->fd, &self->reg));
	ASSERT_EQ(0, netif_set_up(&self->dev, false));
	EXPECT_EQ(0, netif_remove(&self->dev, REMOVE_MS));
}

/* R30: All memory of a registration comes back, pinned pages included. */
TEST_F_TIMEOUT(lifetime, memory_comes_back, 180)
{
	struct memory before, after;
	void *area;
	int i;

	area = mmap(NULL, LARGE_AREA, PROT_READ | PROT_WRITE,
		    MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
	ASSERT_NE(MAP_FAILED, area);
	for (i = 0; i < AGAIN / 10; i++)
		register_large(_metadata, self->dev.ifindex, area);
	measure(&before);
	for (i = 0; i < AGAIN; i++)
		register_large(_metadata, self->dev.ifindex, area);
	measure(&after);
	EXPECT_LT(before.available_kb - after.available_kb, NOISE_KB);
	EXPECT_EQ(before.pinned, after.pinned);
	/* Kernels that look for leaks themselves keep what was freed. */
	if (access("/sys/kernel/debug/kmemleak", F_OK))
		EXPECT_LT(after.slab_kb - before.slab_kb, SLAB_NOISE_KB);
}

/*
 * R33: What is mapped for DMA of the device is unmapped when the
 * registration ends.
 */
TEST_F(lifetime, mappings_end)
{
	const char *missing;
	struct netif dev;
	int mapped;

	if (!self->dev.simulated)
		SKIP(return, "the device is no netdevsim");

	missing = record_dma();
	if (missing)
		SKIP(return, "%s", missing);
	ASSERT_EQ(0, netif_new(&dev));
	self->reg.if_idx = dev.ifindex;
	ASSERT_EQ(0, zcrx_register(self->fd, &self->reg));
	ASSERT_EQ(0, close(self->fd));
	ASSERT_EQ(0, pinned_settle(COME_BACK_MS));
	ASSERT_EQ(0, netif_remove(&dev, REMOVE_MS));
	/* The area has been, as all that was the device's. */
	mapped = count_recorded(" dma_map_", &dev);
	EXPECT_LT(0, mapped);
	EXPECT_EQ(mapped, count_recorded(" dma_unmap_", &dev));
	forget_dma();
}

/*
 * R32: A device with two registered queues can be removed, and both rings
 * closed.
 */
TEST_F(lifetime, device_removed_with_two_rings)
{
	int other = ring_open(RING_FLAGS);

	if (!self->dev.simulated)
		SKIP(return, "the device is no netdevsim");

	ASSERT_LE(0, other);
	ASSERT_EQ(0, zcrx_register(self->fd, &self->reg));
	zcrx_default(&self->reg, self->dev.ifindex);
	self->reg.if_rxq = 1;
	ASSERT_EQ(0, zcrx_register(other, &self->reg));
	EXPECT_EQ(0, netif_remove(&self->dev, REMOVE_MS));
	EXPECT_EQ(0, close(self->fd));
	EXPECT_EQ(0, close(other));
	EXPECT_EQ(0, pinned_settle(COME_BACK_MS));
}

/* R32: A registration outlasts that another device is removed. */
TEST_F(lifetime, other_device_removed)
{
	int other = ring_open(RING_FLAGS);
	struct netif second;

	if (!self->dev.simulated)
		SKIP(return, "the device is no netdevsim");

	ASSERT_LE(0, other);
	ASSERT_EQ(0, zcrx_register(self->fd, &self->reg));
	ASSERT_EQ(0, netif_new(&second));
	EXPECT_EQ(0, netif_remove(&second, REMOVE_MS));
	EXPECT_EQ(-EEXIST, zcrx_register(other, &self->reg));
	ASSERT_EQ(0, close(self->fd));
	EXPECT_EQ(0, zcrx_register_soon(other, &self->reg));
}

TEST_HARNESS_MAIN
