/* SPDX-License-Identifier: GPL-2.0 */
/* The part of the user interface that the generated tests use, for a toy kernel tree. */
#ifndef TOY_IO_URING_H
#define TOY_IO_URING_H

#include <linux/time_types.h>
#include <linux/types.h>

#define IORING_SETUP_IOPOLL		(1U << 0)
#define IORING_SETUP_CQSIZE		(1U << 3)
#define IORING_SETUP_CLAMP		(1U << 4)
#define IORING_SETUP_CQE32		(1U << 11)
#define IORING_SETUP_SINGLE_ISSUER	(1U << 12)
#define IORING_SETUP_DEFER_TASKRUN	(1U << 13)

#define IORING_OFF_SQ_RING		0ULL
#define IORING_OFF_SQES			0x10000000ULL
#define IORING_OFF_RQ_RING		0x20000000ULL

#define IORING_ENTER_GETEVENTS		(1U << 0)
#define IORING_ENTER_EXT_ARG		(1U << 3)

#define IORING_RECVSEND_POLL_FIRST	(1U << 0)
#define IORING_RECV_MULTISHOT		(1U << 1)
#define IORING_RECVSEND_FIXED_BUF	(1U << 2)
#define IORING_RECVSEND_BUNDLE		(1U << 4)

#define IOSQE_FIXED_FILE		(1U << 0)
#define IOSQE_IO_DRAIN			(1U << 1)
#define IOSQE_IO_LINK			(1U << 2)
#define IOSQE_IO_HARDLINK		(1U << 3)
#define IOSQE_ASYNC			(1U << 4)
#define IOSQE_BUFFER_SELECT		(1U << 5)
#define IOSQE_CQE_SKIP_SUCCESS		(1U << 6)

#define IORING_CQE_F_MORE		(1U << 1)
#define IORING_CQE_BUFFER_SHIFT		16

#define IORING_ZCRX_AREA_SHIFT		48

enum io_uring_op {
	IORING_OP_NOP,
	IORING_OP_ASYNC_CANCEL = 14,
	IORING_OP_LINK_TIMEOUT,
	IORING_OP_RECV = 27,
	IORING_OP_RECV_ZC = 58
};

enum io_uring_register_op {
	IORING_REGISTER_FILES = 2,
	IORING_REGISTER_FILES_UPDATE = 6,
	IORING_REGISTER_RING_FDS = 20,
	IORING_REGISTER_PBUF_RING = 22,
	IORING_REGISTER_NAPI = 27,
	IORING_REGISTER_ZCRX_IFQ = 32,
	IORING_REGISTER_USE_REGISTERED_RING = 1U << 31
};

struct io_uring_sqe {
	__u8 opcode;
	__u8 flags;
	__u16 ioprio;
	__s32 fd;
	__u64 off;
	__u64 addr;
	__u32 len;
	union {
		__u32 msg_flags;
		__u32 cancel_flags;
	};
	__u64 user_data;
	__u16 buf_index;
	__u16 personality;
	__u32 zcrx_ifq_idx;
	__u64 addr3;
	__u64 __pad2[1];
};

struct io_uring_cqe {
	__u64 user_data;
	__s32 res;
	__u32 flags;
	__u64 big_cqe[];
};

struct io_sqring_offsets {
	__u32 head;
	__u32 tail;
	__u32 rest[4];
	__u32 array;
	__u32 last[3];
};

struct io_cqring_offsets {
	__u32 head;
	__u32 tail;
	__u32 rest[3];
	__u32 cqes;
	__u32 last[4];
};

struct io_uring_params {
	__u32 sq_entries;
	__u32 cq_entries;
	__u32 flags;
	__u32 rest[7];
	struct io_sqring_offsets sq_off;
	struct io_cqring_offsets cq_off;
};

struct io_uring_getevents_arg {
	__u64 sigmask;
	__u32 sigmask_sz;
	__u32 pad;
	__u64 ts;
};

struct io_uring_rsrc_update {
	__u32 offset;
	__u32 resv;
	__u64 data;
};

struct io_uring_buf {
	__u64 addr;
	__u32 len;
	__u16 bid;
	__u16 resv;
};

struct io_uring_buf_ring {
	union {
		struct {
			__u64 resv1;
			__u32 resv2;
			__u16 resv3;
			__u16 tail;
		};
		struct io_uring_buf bufs[0];
	};
};

struct io_uring_buf_reg {
	__u64 ring_addr;
	__u32 ring_entries;
	__u16 bgid;
	__u16 flags;
	__u64 resv[3];
};

struct io_uring_zcrx_cqe {
	__u64 off;
	__u64 pad;
};

struct io_uring_zcrx_rqe {
	__u64 off;
	__u32 len;
	__u32 pad;
};

struct io_uring_zcrx_offsets {
	__u32 head;
	__u32 tail;
	__u32 rqes;
	__u32 mmap_sz;
	__u64 resv[2];
};

struct io_uring_zcrx_area_reg {
	__u64 addr;
	__u64 len;
	__u64 rq_area_token;
	__u32 flags;
	__u32 resv1;
	__u64 resv2[2];
};

struct io_uring_zcrx_ifq_reg {
	__u32 if_idx;
	__u32 if_rxq;
	__u32 rq_entries;
	__u32 flags;
	__u64 area_ptr;
	struct io_uring_zcrx_offsets offsets;
	__u64 resv[3];
};

#define IORING_REGISTER_SYNC_CANCEL	24
#define IORING_ASYNC_CANCEL_ALL		(1U << 0)
#define IORING_ASYNC_CANCEL_FD		(1U << 1)
#define IORING_ASYNC_CANCEL_ANY		(1U << 2)
#define IORING_ASYNC_CANCEL_OP		(1U << 5)

struct io_uring_files_update {
	__u32 offset;
	__u32 resv;
	__u64 fds;
};

struct io_uring_napi {
	__u32 busy_poll_to;
	__u8 prefer_busy_poll;
	__u8 pad[3];
	__u64 resv;
};

struct io_uring_sync_cancel_reg {
	__u64				addr;
	__s32				fd;
	__u32				flags;
	struct __kernel_timespec	timeout;
	__u8				opcode;
	__u8				pad[7];
	__u64				pad2[3];
};

#endif
