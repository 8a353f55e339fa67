// SPDX-License-Identifier: GPL-2.0
#define _GNU_SOURCE
#include <errno.h>
#include <linux/capability.h>
#include <sched.h>
#include <stdint.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <unistd.h>

#include "zcrx.h"

#define CANNOT_BECOME	255
#define COME_BACK_MS	10000

int ring_open(unsigned int flags)
{
	struct io_uring_params params = { .flags = flags };
	int fd;

	fd = syscall(__NR_io_uring_setup, 8, &params);
	return fd < 0 ? -errno : fd;
}

int ring_register(int fd, unsigned int opcode, void *arg, unsigned int nr_args)
{
	int ret;

	ret = syscall(__NR_io_uring_register, fd, opcode, arg, nr_args);
	return ret < 0 ? -errno : ret;
}

const char *zcrx_missing(void)
{
	int fd, ret;

	fd = ring_open(RING_FLAGS);
	if (fd < 0)
		return "io_uring cannot set up a ring";

	/* No request lies there: a kernel that looks for one says so. */
	ret = ring_register(fd, IORING_REGISTER_ZCRX_IFQ, (void *)-4096L, 1);
	close(fd);
	switch (ret) {
	case -EFAULT:
		return NULL;
	case -EPERM:
		return "CAP_NET_ADMIN is needed";
	case -EOPNOTSUPP:
		return "the kernel is built without CONFIG_IO_URING_ZCRX";
	}
	return "the kernel has no zero copy receive";
}

void zcrx_default(struct io_uring_zcrx_ifq_reg *reg, unsigned int ifindex)
{
	memset(reg, 0, sizeof(*reg));
	reg->if_idx = ifindex;
	reg->if_rxq = 0;
	reg->rq_entries = RQ_ENTRIES;
}

int zcrx_register(int fd, struct io_uring_zcrx_ifq_reg *reg)
{
	return ring_register(fd, IORING_REGISTER_ZCRX_IFQ, reg, 1);
}

int zcrx_register_soon(int fd, struct io_uring_zcrx_ifq_reg *reg)
{
	int ret, ms;

	for (ms = 0; ms < COME_BACK_MS; ms++) {
		ret = zcrx_register(fd, reg);
		if (ret != -EEXIST && ret != -EBUSY && ret != -ENOMEM)
			break;
		usleep(1000);
	}
	return ret;
}

int zcrx_register_as(int (*become)(void), struct io_uring_zcrx_ifq_reg *reg)
{
	int fd, status;
	pid_t pid;

	pid = fork();
	if (pid < 0)
		return -errno;
	if (!pid) {
		if (become())
			_exit(CANNOT_BECOME);
		fd = ring_open(RING_FLAGS);
		if (fd < 0)
			_exit(CANNOT_BECOME);
		_exit(-zcrx_register(fd, reg));
	}
	if (waitpid(pid, &status, 0) != pid || !WIFEXITED(status) ||
	    WEXITSTATUS(status) == CANNOT_BECOME)
		return 1;
	return -WEXITSTATUS(status);
}

static int limit_capabilities(uint64_t keep)
{
	struct __user_cap_header_struct header = {
		.version = _LINUX_CAPABILITY_VERSION_3,
	};
	struct __user_cap_data_struct data[_LINUX_CAPABILITY_U32S_3];
	int i;

	if (syscall(__NR_capget, &header, data))
		return -errno;
	for (i = 0; i < _LINUX_CAPABILITY_U32S_3; i++) {
		data[i].effective &= keep >> (32 * i);
		data[i].permitted &= keep >> (32 * i);
		data[i].inheritable = 0;
	}
	return syscall(__NR_capset, &header, data) ? -errno : 0;
}

int drop_net_admin(void)
{
	return limit_capabilities(~(1ULL << CAP_NET_ADMIN));
}

int keep_only_net_admin(void)
{
	return limit_capabilities(1ULL << CAP_NET_ADMIN);
}

int enter_user_namespace(void)
{
	return unshare(CLONE_NEWUSER) ? -errno : 0;
}

int enter_net_namespace(void)
{
	return unshare(CLONE_NEWNET) ? -errno : 0;
}

size_t refill_size(const struct io_uring_zcrx_ifq_reg *reg)
{
	return reg->offsets.mmap_sz;
}

const char *refill_fault(const struct io_uring_zcrx_ifq_reg *reg)
{
	const struct io_uring_zcrx_offsets *offsets = &reg->offsets;
	const size_t word = sizeof(__u32);
	size_t entries = (size_t)reg->rq_entries *
			 sizeof(struct io_uring_zcrx_rqe);
	size_t end = offsets->rqes + entries;
	size_t size = refill_size(reg);

	if (offsets->head % word || offsets->tail % word)
		return "head or tail is not aligned";
	if (offsets->rqes % sizeof(__u64))
		return "the entries are not aligned";
	if (offsets->head == offsets->tail)
		return "head and tail are in one place";
	if (offsets->head + word > size || offsets->tail + word > size)
		return "head or tail is outside of the ring";
	if (end > size)
		return "the entries reach beyond the ring";
	if (offsets->head + word > offsets->rqes && offsets->head < end)
		return "head is among the entries";
	if (offsets->tail + word > offsets->rqes && offsets->tail < end)
		return "tail is among the entries";
	return "";
}

void *refill_map(int fd, size_t size, int prot)
{
	return mmap(NULL, size, prot, MAP_SHARED | MAP_POPULATE, fd,
		    REFILL_OFFSET);
}
