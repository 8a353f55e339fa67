// SPDX-License-Identifier: GPL-2.0
#define _GNU_SOURCE
#include <errno.h>
#include <linux/bpf.h>
#include <linux/if_link.h>
#include <linux/if_xdp.h>
#include <stdint.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/socket.h>
#include <sys/syscall.h>
#include <unistd.h>

#include "xdp.h"

#define FRAME_SIZE	4096
#define FRAMES		64
#define PROGRAM_LEN	2

static int bpf(enum bpf_cmd command, union bpf_attr *attr)
{
	int ret = syscall(__NR_bpf, command, attr, sizeof(*attr));

	return ret < 0 ? -errno : ret;
}

static int load_pass(void)
{
	const struct bpf_insn pass[PROGRAM_LEN] = {
		{
			.code = BPF_ALU64 | BPF_MOV | BPF_K,
			.dst_reg = BPF_REG_0,
			.imm = XDP_PASS,
		},
		{ .code = BPF_JMP | BPF_EXIT },
	};
	union bpf_attr attr;
	int ret, tries = 10;

	memset(&attr, 0, sizeof(attr));
	attr.prog_type = BPF_PROG_TYPE_XDP;
	attr.insns = (uintptr_t)pass;
	attr.insn_cnt = PROGRAM_LEN;
	attr.license = (uintptr_t)"GPL";
	/* The verifier gives up when work of the ring comes in between. */
	do {
		ret = bpf(BPF_PROG_LOAD, &attr);
	} while (ret == -EAGAIN && --tries);
	return ret;
}

int xdp_attach(unsigned int ifindex)
{
	union bpf_attr attr;
	int program, ret;

	program = load_pass();
	if (program < 0)
		return program;
	memset(&attr, 0, sizeof(attr));
	attr.link_create.prog_fd = program;
	attr.link_create.target_ifindex = ifindex;
	attr.link_create.attach_type = BPF_XDP;
	attr.link_create.flags = XDP_FLAGS_SKB_MODE;
	ret = bpf(BPF_LINK_CREATE, &attr);
	close(program);
	return ret;
}

/* The memory and the rings that a socket must have to be bound. */
static int prepare(int fd)
{
	const size_t size = FRAMES * FRAME_SIZE;
	const int entries = FRAMES;
	struct xdp_umem_reg memory = { .len = size, .chunk_size = FRAME_SIZE };
	void *start;

	start = mmap(NULL, size, PROT_READ | PROT_WRITE,
		     MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
	memory.addr = (uintptr_t)start;
	if (start == MAP_FAILED ||
	    setsockopt(fd, SOL_XDP, XDP_UMEM_REG, &memory, sizeof(memory)) ||
	    setsockopt(fd, SOL_XDP, XDP_UMEM_FILL_RING, &entries,
		       sizeof(entries)) ||
	    setsockopt(fd, SOL_XDP, XDP_UMEM_COMPLETION_RING, &entries,
		       sizeof(entries)) ||
	    setsockopt(fd, SOL_XDP, XDP_RX_RING, &entries, sizeof(entries)))
		return -errno;
	return 0;
}

int xdp_socket(unsigned int ifindex, unsigned int queue)
{
	struct sockaddr_xdp address = {
		.sxdp_family = AF_XDP,
		.sxdp_flags = XDP_COPY,
		.sxdp_ifindex = ifindex,
		.sxdp_queue_id = queue,
	};
	int fd, ret;

	fd = socket(AF_XDP, SOCK_RAW, 0);
	if (fd < 0)
		return -errno;
	ret = prepare(fd);
	if (!ret && bind(fd, (void *)&address, sizeof(address)))
		ret = -errno;
	if (!ret)
		return fd;
	close(fd);
	return ret;
}
