// SPDX-License-Identifier: GPL-2.0
#include <errno.h>
#include <linux/if_xdp.h>
#include <stdint.h>
#include <sys/mman.h>
#include <sys/socket.h>
#include <unistd.h>

#include "xsk.h"
#include "zcrx.h"

#define FRAMES		16

/* Memory for packets, and as small a ring of each kind as there can be. */
static int set_up(int fd)
{
	const int entries = FRAMES;
	struct xdp_umem_reg memory = {
		.len = FRAMES * PAGE,
		.chunk_size = PAGE,
	};
	void *frames;

	frames = mmap(NULL, memory.len, PROT_READ | PROT_WRITE,
		      MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
	if (frames == MAP_FAILED)
		return -errno;
	memory.addr = (uintptr_t)frames;
	if (setsockopt(fd, SOL_XDP, XDP_UMEM_REG, &memory, sizeof(memory)) ||
	    setsockopt(fd, SOL_XDP, XDP_UMEM_FILL_RING, &entries,
		       sizeof(entries)) ||
	    setsockopt(fd, SOL_XDP, XDP_UMEM_COMPLETION_RING, &entries,
		       sizeof(entries)) ||
	    setsockopt(fd, SOL_XDP, XDP_RX_RING, &entries, sizeof(entries)))
		return -errno;
	return 0;
}

int xsk_open(unsigned int ifindex, unsigned int queue)
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
	ret = set_up(fd);
	if (!ret && bind(fd, (void *)&address, sizeof(address)))
		ret = -errno;
	if (ret)
		close(fd);
	return ret ?: fd;
}
