/* SPDX-License-Identifier: GPL-2.0 */
/* The user interface of mainline where it differs from that of the series, in front of it. */
#ifndef TOY_MAINLINE_H
#define TOY_MAINLINE_H

#define io_uring_zcrx_rqe	series_zcrx_rqe
#define io_uring_zcrx_cqe	series_zcrx_cqe
#define io_uring_zcrx_offsets	series_zcrx_offsets
#define io_uring_zcrx_area_reg	series_zcrx_area_reg
#define io_uring_zcrx_ifq_reg	series_zcrx_ifq_reg
#include_next <linux/io_uring.h>
#undef io_uring_zcrx_rqe
#undef io_uring_zcrx_cqe
#undef io_uring_zcrx_offsets
#undef io_uring_zcrx_area_reg
#undef io_uring_zcrx_ifq_reg

#define IORING_REGISTER_ZCRX_CTRL	36

enum {
	IORING_MEM_REGION_TYPE_USER = 1
};

enum {
	ZCRX_REG_IMPORT = 1,
	ZCRX_REG_NODEV = 2
};

enum {
	ZCRX_CTRL_FLUSH_RQ,
	ZCRX_CTRL_EXPORT,
	__ZCRX_CTRL_LAST
};

struct io_uring_region_desc {
	__u64 user_addr;
	__u64 size;
	__u32 flags;
	__u32 id;
	__u64 mmap_offset;
	__u64 __resv[4];
};

struct io_uring_zcrx_rqe {
	__u64 off;
	__u32 len;
	__u32 __pad;
};

struct io_uring_zcrx_cqe {
	__u64 off;
	__u64 __pad;
};

struct io_uring_zcrx_offsets {
	__u32 head;
	__u32 tail;
	__u32 rqes;
	__u32 __resv2;
	__u64 __resv[2];
};

struct io_uring_zcrx_area_reg {
	__u64 addr;
	__u64 len;
	__u64 rq_area_token;
	__u32 flags;
	__u32 dmabuf_fd;
	__u64 __resv2[2];
};

struct io_uring_zcrx_ifq_reg {
	__u32 if_idx;
	__u32 if_rxq;
	__u32 rq_entries;
	__u32 flags;
	__u64 area_ptr;
	__u64 region_ptr;
	struct io_uring_zcrx_offsets offsets;
	__u32 zcrx_id;
	__u32 rx_buf_len;
	__u64 event_desc;
	__u64 __resv[2];
};

struct zcrx_ctrl_flush_rq {
	__u64 __resv[6];
};

struct zcrx_ctrl_export {
	__u32 zcrx_fd;
	__u32 __resv1[11];
};

struct zcrx_ctrl {
	__u32 zcrx_id;
	__u32 op;
	__u64 __resv[2];
	union {
		struct zcrx_ctrl_export zc_export;
		struct zcrx_ctrl_flush_rq zc_flush;
	};
};

#endif
