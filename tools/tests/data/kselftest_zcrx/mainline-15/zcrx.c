// SPDX-License-Identifier: GPL-2.0
#define _GNU_SOURCE
#include <errno.h>
#include <linux/capability.h>
#include <sched.h>
#include <stdint.h>
#include <stdio.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/resource.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <unistd.h>

#include "zcrx.h"

#define CANNOT_BECOME	255
#define COME_BACK_MS	10000

struct io_uring_zcrx_area_reg zcrx_area;
struct io_uring_region_desc zcrx_region;

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

static void zcrx_default_area(void)
{
	static void *memory;
	size_t size = AREA_PAGES * PAGE;

	if (!memory)
		memory = mmap(NULL, size, PROT_READ | PROT_WRITE,
			      MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
	memset(&zcrx_area, 0, sizeof(zcrx_area));
	zcrx_area.addr = (uintptr_t)memory;
	zcrx_area.len = size;
}

void zcrx_default(struct io_uring_zcrx_ifq_reg *reg, unsigned int ifindex)
{
	memset(reg, 0, sizeof(*reg));
	reg->if_idx = ifindex;
	reg->if_rxq = 0;
	reg->rq_entries = RQ_ENTRIES;
	zcrx_default_area();
	reg->area_ptr = (uintptr_t)&zcrx_area;
	memset(&zcrx_region, 0, sizeof(zcrx_region));
	zcrx_region.size = PAGE + RQ_ENTRIES_MAX *
			   sizeof(struct io_uring_zcrx_rqe);
	reg->region_ptr = (uintptr_t)&zcrx_region;
}

int zcrx_register(int fd, struct io_uring_zcrx_ifq_reg *reg)
{
	/* The answer to the request before is no part of this one. */
	zcrx_region.mmap_offset = 0;
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

int run_on_cpu(int cpu)
{
	cpu_set_t cpus;

	CPU_ZERO(&cpus);
	CPU_SET(cpu, &cpus);
	return sched_setaffinity(0, sizeof(cpus), &cpus) ? -errno : 0;
}

/* What the default request locks. */
static rlim_t needed(void)
{
	return zcrx_area.len + zcrx_region.size;
}

/* Those with CAP_IPC_LOCK have no limit. */
static int limit_locked(rlim_t size, uint64_t keep)
{
	struct rlimit limit = { .rlim_cur = size, .rlim_max = size };

	if (setrlimit(RLIMIT_MEMLOCK, &limit))
		return -errno;
	return limit_capabilities(keep);
}

int lock_less_than_area(void)
{
	return limit_locked(needed() - PAGE, 1ULL << CAP_NET_ADMIN);
}

int lock_no_more_than_area(void)
{
	return limit_locked(needed(), 1ULL << CAP_NET_ADMIN);
}

int lock_no_more_as_anyone(void)
{
	return limit_locked(needed(), ~(1ULL << CAP_IPC_LOCK));
}

int ring_open_as(uid_t user)
{
	int fd;

	/* It is the real user that counts, and the effective one that may. */
	if (setresuid(user, 0, 0))
		return -errno;
	fd = ring_open(RING_FLAGS);
	return setresuid(0, 0, 0) ? -errno : fd;
}

long number_in_file(const char *path, const char *name)
{
	size_t len = strlen(name);
	long number = -1;
	char line[256];
	FILE *file;

	file = fopen(path, "r");
	if (!file)
		return -1;
	while (number < 0 && fgets(line, sizeof(line), file))
		if (!strncmp(line, name, len))
			sscanf(line + len, "%*[: \t]%ld", &number);
	fclose(file);
	return number;
}

long pinned_kb(void)
{
	return number_in_file("/proc/self/status", "VmPin");
}

long pinned_settle(int timeout_ms)
{
	long kb;

	for (kb = pinned_kb(); kb && timeout_ms > 0; timeout_ms--) {
		usleep(1000);
		kb = pinned_kb();
	}
	return kb;
}

size_t refill_size(const struct io_uring_zcrx_ifq_reg *reg)
{
	const struct io_uring_region_desc *region;

	region = (const void *)(uintptr_t)reg->region_ptr;
	return region->size;
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

int refill_flush(int fd, __u32 zcrx_id)
{
	struct zcrx_ctrl control = {
		.zcrx_id = zcrx_id,
		.op = ZCRX_CTRL_FLUSH_RQ,
	};

	return ring_register(fd, IORING_REGISTER_ZCRX_CTRL, &control, 0);
}
