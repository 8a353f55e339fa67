// SPDX-License-Identifier: GPL-2.0
#define _GNU_SOURCE
#include <errno.h>
#include <fcntl.h>
#include <linux/netdev.h>
#include <linux/types.h>
#include <linux/udmabuf.h>
#include <sys/ioctl.h>
#include <sys/mman.h>
#include <unistd.h>

#include "dmabuf.h"

#define UDMABUF	"/dev/udmabuf"

const char *dmabuf_missing(void)
{
	return access(UDMABUF, F_OK) ? "there is no " UDMABUF : NULL;
}

/* A dma-buf made of the pages of a file in memory. */
static int dmabuf_create(size_t size)
{
	struct udmabuf_create create = { .size = size };
	int device, ret;

	create.memfd = memfd_create("dmabuf", MFD_ALLOW_SEALING);
	device = open(UDMABUF, O_RDWR);
	if (ftruncate(create.memfd, size) ||
	    fcntl(create.memfd, F_ADD_SEALS, F_SEAL_SHRINK))
		ret = -errno;
	else
		ret = ioctl(device, UDMABUF_CREATE, &create);
	if (ret < 0)
		ret = -errno;
	close(device);
	close(create.memfd);
	return ret;
}

static void put_queue(struct genl_request *request, __u32 queue)
{
	const __u32 type = NETDEV_QUEUE_TYPE_RX;
	struct nlattr *nest = genl_nest(request, NETDEV_A_DMABUF_QUEUES);

	genl_put(request, NETDEV_A_QUEUE_ID, &queue, sizeof(queue));
	genl_put(request, NETDEV_A_QUEUE_TYPE, &type, sizeof(type));
	genl_nest_end(request, nest);
}

int dmabuf_bind(struct genl *genl, unsigned int ifindex, unsigned int queue,
		size_t size)
{
	struct genl_request request;
	int dmabuf, ret;

	dmabuf = dmabuf_create(size);
	if (dmabuf < 0)
		return dmabuf;
	if (genl_open(genl, NETDEV_FAMILY_NAME)) {
		close(dmabuf);
		return -EOPNOTSUPP;
	}
	genl_begin(&request, NETDEV_CMD_BIND_RX);
	genl_put(&request, NETDEV_A_DMABUF_IFINDEX, &ifindex, sizeof(ifindex));
	genl_put(&request, NETDEV_A_DMABUF_FD, &dmabuf, sizeof(dmabuf));
	put_queue(&request, queue);
	ret = genl_do(genl, &request);
	close(dmabuf);
	if (ret)
		genl_close(genl);
	return ret;
}
