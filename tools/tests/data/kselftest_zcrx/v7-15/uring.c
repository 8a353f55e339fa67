// SPDX-License-Identifier: GPL-2.0
#define _GNU_SOURCE
#include <errno.h>
#include <stdint.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/syscall.h>
#include <time.h>
#include <unistd.h>

#include "uring.h"

#define SQ_ENTRIES	16
#define MS_PER_S	1000
#define NS_PER_MS	1000000LL

static void *uring_map(int fd, size_t size, __u64 what)
{
	return mmap(NULL, size, PROT_READ | PROT_WRITE,
		    MAP_SHARED | MAP_POPULATE, fd, what);
}

int uring_open(struct uring *ring, unsigned int flags, unsigned int cq_entries)
{
	struct io_uring_params params = {
		.flags = flags | IORING_SETUP_CQSIZE | IORING_SETUP_CLAMP,
		.cq_entries = cq_entries,
	};
	size_t sq_size, cq_size;
	__u32 i, *array;

	memset(ring, 0, sizeof(*ring));
	ring->fd = syscall(__NR_io_uring_setup, SQ_ENTRIES, &params);
	if (ring->fd < 0)
		return -errno;

	/* Both rings are in one mapping since Linux 5.4. */
	sq_size = params.sq_off.array + params.sq_entries * sizeof(*array);
	cq_size = params.cq_off.cqes +
		  params.cq_entries * 2 * sizeof(*ring->cqes);
	ring->rings_size = sq_size > cq_size ? sq_size : cq_size;
	ring->rings = uring_map(ring->fd, ring->rings_size, IORING_OFF_SQ_RING);
	ring->sqes_size = params.sq_entries * sizeof(*ring->sqes);
	ring->sqes = uring_map(ring->fd, ring->sqes_size, IORING_OFF_SQES);
	if (ring->rings == MAP_FAILED || (void *)ring->sqes == MAP_FAILED)
		return -errno;

	array = ring->rings + params.sq_off.array;
	for (i = 0; i < params.sq_entries; i++)
		array[i] = i;
	ring->sq_tail = ring->rings + params.sq_off.tail;
	ring->sq_mask = params.sq_entries - 1;
	ring->cq_head = ring->rings + params.cq_off.head;
	ring->cq_tail = ring->rings + params.cq_off.tail;
	ring->cq_mask = params.cq_entries - 1;
	ring->cqes = ring->rings + params.cq_off.cqes;
	return 0;
}

void uring_close(struct uring *ring)
{
	/* A mapping holds the ring as a file descriptor does. */
	munmap(ring->sqes, ring->sqes_size);
	munmap(ring->rings, ring->rings_size);
	close(ring->fd);
	memset(ring, 0, sizeof(*ring));
	ring->fd = -1;
}

struct io_uring_sqe *uring_next(struct uring *ring)
{
	struct io_uring_sqe *sqe;

	sqe = &ring->sqes[ring->next++ & ring->sq_mask];
	memset(sqe, 0, sizeof(*sqe));
	return sqe;
}

static int uring_enter(struct uring *ring, unsigned int wait_for,
		       unsigned int flags, struct __kernel_timespec *timeout)
{
	struct io_uring_getevents_arg arg = { .ts = (uintptr_t)timeout };
	int ret;

	__atomic_store_n(ring->sq_tail, ring->next, __ATOMIC_RELEASE);
	ret = syscall(__NR_io_uring_enter, ring->fd,
		      ring->next - ring->submitted, wait_for,
		      flags | IORING_ENTER_EXT_ARG, &arg, sizeof(arg));
	if (ret < 0)
		return -errno;
	ring->submitted += ret;
	return 0;
}

int uring_submit(struct uring *ring)
{
	return uring_enter(ring, 0, IORING_ENTER_GETEVENTS, NULL);
}

int uring_hand_in(struct uring *ring)
{
	return uring_enter(ring, 0, 0, NULL);
}

struct io_uring_cqe *uring_peek(struct uring *ring)
{
	__u32 head = *ring->cq_head;

	if (head == __atomic_load_n(ring->cq_tail, __ATOMIC_ACQUIRE))
		return NULL;
	return &ring->cqes[(size_t)(head & ring->cq_mask) * 2];
}

int uring_wait_for(struct uring *ring, unsigned int count,
		   unsigned int timeout_ms)
{
	struct __kernel_timespec timeout = {
		.tv_sec = timeout_ms / MS_PER_S,
		.tv_nsec = timeout_ms % MS_PER_S * NS_PER_MS,
	};

	return uring_enter(ring, count, IORING_ENTER_GETEVENTS, &timeout);
}

struct io_uring_cqe *uring_wait(struct uring *ring, unsigned int timeout_ms)
{
	struct io_uring_cqe *cqe = uring_peek(ring);

	if (cqe && ring->submitted == ring->next)
		return cqe;
	uring_wait_for(ring, 1, timeout_ms);
	return uring_peek(ring);
}

void uring_seen(struct uring *ring)
{
	__atomic_store_n(ring->cq_head, *ring->cq_head + 1, __ATOMIC_RELEASE);
}
