/* SPDX-License-Identifier: GPL-2.0 */
/*
 * io_uring zero copy receive by system calls alone.
 *
 * Functions that return int return 0 (or a file descriptor) or a negative
 * error.
 */
#ifndef ZCRX_H
#define ZCRX_H

#include <linux/io_uring.h>
#include <stddef.h>
#include <unistd.h>

#define RING_FLAGS	(IORING_SETUP_SINGLE_ISSUER | \
			 IORING_SETUP_DEFER_TASKRUN | \
			 IORING_SETUP_CQE32)

#define RQ_ENTRIES	8U
#define RQ_ENTRIES_MAX	32768U

#define PAGE		((__u64)sysconf(_SC_PAGESIZE))
#define AREA_PAGES	16

/* The area of the default request. */
extern struct io_uring_zcrx_area_reg zcrx_area;

#define REFILL_OFFSET	IORING_OFF_RQ_RING

int ring_open(unsigned int flags);
int ring_register(int fd, unsigned int opcode, void *arg, unsigned int nr_args);

/* Why the kernel has no zero copy receive, or NULL. */
const char *zcrx_missing(void);

/* The request that every kernel with zero copy receive takes. */
void zcrx_default(struct io_uring_zcrx_ifq_reg *reg, unsigned int ifindex);
int zcrx_register(int fd, struct io_uring_zcrx_ifq_reg *reg);

/*
 * The same when somebody who had the queue, and memory locked, has just closed
 * a ring or a socket: what was there comes back a little later.
 */
int zcrx_register_soon(int fd, struct io_uring_zcrx_ifq_reg *reg);

/*
 * Register on a new ring in a child process, after become() turned the child
 * into the caller to be tested. Returns 1 when it could not.
 */
int zcrx_register_as(int (*become)(void), struct io_uring_zcrx_ifq_reg *reg);
int drop_net_admin(void);
int keep_only_net_admin(void);
int enter_user_namespace(void);
int enter_net_namespace(void);

/* A clock that nobody sets. */
long long now_ms(void);

/* Stay on that CPU. Returns 0 or a negative error. */
int run_on_cpu(int cpu);
int lock_less_than_area(void);
int lock_no_more_than_area(void);

/* The same for all users that the caller becomes, without CAP_IPC_LOCK. */
int lock_no_more_as_anyone(void);

/* A ring that another user has set up, with a limit of his own. */
int ring_open_as(uid_t user);

/* The first number after a name at the start of a line of a file, or -1. */
long number_in_file(const char *path, const char *name);

/* Memory of this process that is pinned, in KiB, or -1. */
long pinned_kb(void);

/* The same when it is 0, or when the time is up: a ring goes a little later. */
long pinned_settle(int timeout_ms);

/* Bytes of the refill ring that can be mapped. */
size_t refill_size(const struct io_uring_zcrx_ifq_reg *reg);

/* What is wrong with the place of head, tail and entries, or "". */
const char *refill_fault(const struct io_uring_zcrx_ifq_reg *reg);

/* Map the refill ring. MAP_FAILED and errno as mmap(). */
void *refill_map(int fd, size_t size, int prot);

#endif /* ZCRX_H */
