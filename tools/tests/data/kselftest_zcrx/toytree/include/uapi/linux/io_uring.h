/* SPDX-License-Identifier: GPL-2.0 */
/* The part of the user interface that the generated tests use, for a toy kernel tree. */
#ifndef TOY_IO_URING_H
#define TOY_IO_URING_H

#include <linux/types.h>

#define IORING_SETUP_CLAMP		(1U << 4)
#define IORING_SETUP_CQE32		(1U << 11)
#define IORING_SETUP_SINGLE_ISSUER	(1U << 12)
#define IORING_SETUP_DEFER_TASKRUN	(1U << 13)

#define IORING_OFF_RQ_RING		0x20000000ULL

enum io_uring_register_op {
	IORING_REGISTER_RING_FDS = 20,
	IORING_REGISTER_ZCRX_IFQ = 32,
	IORING_REGISTER_USE_REGISTERED_RING = 1U << 31
};

struct io_uring_params {
	__u32 sq_entries;
	__u32 cq_entries;
	__u32 flags;
	__u32 rest[27];
};

struct io_uring_rsrc_update {
	__u32 offset;
	__u32 resv;
	__u64 data;
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

struct io_uring_zcrx_ifq_reg {
	__u32 if_idx;
	__u32 if_rxq;
	__u32 rq_entries;
	__u32 flags;
	__u64 area_ptr;
	struct io_uring_zcrx_offsets offsets;
	__u64 resv[3];
};

#endif
