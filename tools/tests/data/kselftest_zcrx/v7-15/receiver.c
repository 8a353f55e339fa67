// SPDX-License-Identifier: GPL-2.0
#define _GNU_SOURCE
#include <errno.h>
#include <stdint.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/socket.h>
#include <unistd.h>

#include "receiver.h"
#include "zcrx.h"

#define OFFSET_MASK	((1ULL << IORING_ZCRX_AREA_SHIFT) - 1)

static int receiver_map_refill(struct receiver *receiver)
{
	const struct io_uring_zcrx_offsets *offsets = &receiver->reg.offsets;

	receiver->refill = refill_map(receiver->ring.fd,
				      refill_size(&receiver->reg),
				      PROT_READ | PROT_WRITE);
	if (receiver->refill == MAP_FAILED)
		return -errno;
	receiver->rqes = receiver->refill + offsets->rqes;
	receiver->rq_head = receiver->refill + offsets->head;
	receiver->rq_tail = receiver->refill + offsets->tail;
	return 0;
}

int receiver_prepare(struct receiver *receiver, unsigned int pages)
{
	size_t size = pages * PAGE;

	memset(receiver, 0, sizeof(*receiver));
	receiver->memory = mmap(NULL, size, PROT_READ | PROT_WRITE,
				MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
	if (receiver->memory == MAP_FAILED)
		return -errno;
	receiver->area.addr = (uintptr_t)receiver->memory;
	receiver->area.len = size;

	/* Room for all pieces under way, and for entries that are none. */
	receiver->reg.rq_entries = 8 * pages;
	receiver->reg.area_ptr = (uintptr_t)&receiver->area;
	return uring_open(&receiver->ring, RING_FLAGS, 2 * pages);
}

static int receiver_register_soon(struct receiver *receiver)
{
	int ret;

	ret = zcrx_register_soon(receiver->ring.fd, &receiver->reg);
	return ret ?: receiver_map_refill(receiver);
}

int receiver_register(struct receiver *receiver, unsigned int ifindex,
		      unsigned int queue)
{
	receiver->reg.if_idx = ifindex;
	receiver->reg.if_rxq = queue;
	return receiver_register_soon(receiver);
}

void receiver_use(struct receiver *receiver, void *memory, size_t len)
{
	munmap(receiver->memory, receiver->area.len);
	receiver->memory = memory;
	receiver->area.addr = (uintptr_t)memory;
	receiver->area.len = len;
}

int receiver_open(struct receiver *receiver, unsigned int ifindex,
		  unsigned int queue, unsigned int pages)
{
	int ret;

	ret = receiver_prepare(receiver, pages);
	return ret ?: receiver_register(receiver, ifindex, queue);
}

int receiver_leave_buffers(const struct receiver *receiver, int fd)
{
	/* The kernel doubles it: a quarter of the area. */
	const int room = receiver->area.len / 8;

	if (receiver->area.len > LINK_SOCKET_ROOM)
		return 0;
	return setsockopt(fd, SOL_SOCKET, SO_RCVBUF, &room, sizeof(room)) ?
	       -errno : 0;
}

int receiver_open_stream(struct receiver *receiver, struct stream *stream,
			 const struct link *link, int family, __u64 size,
			 unsigned int pages)
{
	int ret;

	ret = stream_open(stream, link, family, LINK_PORT, size);
	if (ret)
		return ret;
	ret = receiver_open(receiver, link->rx.ifindex, LINK_QUEUE, pages);
	return ret ?: receiver_leave_buffers(receiver, stream->fd);
}

void receiver_close(struct receiver *receiver)
{
	munmap(receiver->refill, refill_size(&receiver->reg));
	uring_close(&receiver->ring);
	munmap(receiver->memory, receiver->area.len);
}

struct io_uring_sqe *receiver_request(struct receiver *receiver, int fd)
{
	struct io_uring_sqe *sqe = uring_next(&receiver->ring);

	sqe->opcode = IORING_OP_RECV_ZC;
	sqe->ioprio = IORING_RECV_MULTISHOT;
	sqe->fd = fd;
	sqe->user_data = fd;
	return sqe;
}

void receiver_cancel(struct receiver *receiver, int fd)
{
	struct io_uring_sqe *sqe = uring_next(&receiver->ring);

	sqe->opcode = IORING_OP_ASYNC_CANCEL;
	sqe->addr = fd;
	sqe->flags = IOSQE_CQE_SKIP_SUCCESS;
}

int receiver_cancel_now(struct receiver *receiver, int fd)
{
	struct io_uring_sync_cancel_reg cancel = {
		.addr = fd,
		.timeout = { .tv_sec = -1, .tv_nsec = -1 },
	};

	return ring_register(receiver->ring.fd, IORING_REGISTER_SYNC_CANCEL,
			     &cancel, 1);
}

__u64 receiver_offset(const struct io_uring_cqe *cqe)
{
	const struct io_uring_zcrx_cqe *place = (const void *)(cqe + 1);

	return place->off;
}

__u64 receiver_pad(const struct io_uring_cqe *cqe)
{
	const struct io_uring_zcrx_cqe *place = (const void *)(cqe + 1);

	return place->pad;
}

void *receiver_data(const struct receiver *receiver,
		    const struct io_uring_cqe *cqe)
{
	__u64 token = receiver->area.rq_area_token;
	__u64 offset = receiver_offset(cqe);

	if (cqe->res <= 0 || (offset & ~OFFSET_MASK) != token)
		return NULL;
	offset &= OFFSET_MASK;
	if (offset >= receiver->area.len ||
	    receiver->area.len - offset < (__u64)cqe->res)
		return NULL;
	return receiver->memory + offset;
}

bool receiver_has_room(const struct receiver *receiver, __u32 written)
{
	__u32 head = __atomic_load_n(receiver->rq_head, __ATOMIC_ACQUIRE);

	return *receiver->rq_tail + written - head < receiver->reg.rq_entries;
}

void receiver_write(struct receiver *receiver, __u32 place, __u64 offset,
		    __u32 len)
{
	__u32 mask = receiver->reg.rq_entries - 1;
	struct io_uring_zcrx_rqe *rqe;

	rqe = &receiver->rqes[(*receiver->rq_tail + place) & mask];
	rqe->off = offset;
	rqe->len = len;
	rqe->pad = 0;
}

void receiver_publish(struct receiver *receiver, __u32 written)
{
	__atomic_store_n(receiver->rq_tail, *receiver->rq_tail + written,
			 __ATOMIC_RELEASE);
}

bool receiver_return(struct receiver *receiver, __u64 offset, __u32 len)
{
	if (!receiver_has_room(receiver, 0))
		return false;
	receiver_write(receiver, 0, offset, len);
	receiver_publish(receiver, 1);
	return true;
}
