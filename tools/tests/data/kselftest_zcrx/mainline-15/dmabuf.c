// SPDX-License-Identifier: GPL-2.0
#define _GNU_SOURCE
#include <errno.h>
#include <fcntl.h>
#include <linux/netdev.h>
#include <linux/udmabuf.h>
#include <string.h>
#include <sys/ioctl.h>
#include <sys/mman.h>
#include <sys/socket.h>
#include <sys/uio.h>
#include <unistd.h>

#include "dmabuf.h"
#include "stream.h"

#define UDMABUF		"/dev/udmabuf"
#define MOST_BYTES	16384
#define MOST_PLACES	32

#define DEVICE_MEMORY	0x2000000	/* MSG_SOCK_DEVMEM */
#define PLACE		79		/* SCM_DEVMEM_DMABUF */
#define RETURN		80		/* SO_DEVMEM_DONTNEED */

/* struct dmabuf_cmsg of linux/uio.h, which cannot be included beside libc's. */
struct place {
	__u64	offset;
	__u32	size;
	__u32	token;
	__u32	dmabuf_id;
	__u32	flags;
};

/* struct dmabuf_token of the same file */
struct tokens {
	__u32	first;
	__u32	count;
};

const char *dmabuf_missing(void)
{
	return access(UDMABUF, F_OK) ? "there is no " UDMABUF : NULL;
}

/* A dma-buf made of the pages of a file in memory, which is mapped as well. */
static int dmabuf_create(struct dmabuf *dmabuf, size_t size)
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
	dmabuf->size = size;
	dmabuf->memory = mmap(NULL, size, PROT_READ, MAP_SHARED, create.memfd,
			      0);
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

static void see_id(const struct nlmsghdr *nlh, void *data)
{
	genl_get(nlh, NETDEV_A_DMABUF_ID, data, sizeof(__u32));
}

/* The family netdev knows it by a descriptor, and gives it a number. */
static int bind_to_queue(struct dmabuf *dmabuf, int fd, unsigned int ifindex,
			 unsigned int queue)
{
	struct genl_request request;
	int ret;

	if (genl_open(&dmabuf->genl, NETDEV_FAMILY_NAME))
		return -EOPNOTSUPP;
	genl_begin(&request, NETDEV_CMD_BIND_RX);
	genl_put(&request, NETDEV_A_DMABUF_IFINDEX, &ifindex, sizeof(ifindex));
	genl_put(&request, NETDEV_A_DMABUF_FD, &fd, sizeof(fd));
	put_queue(&request, queue);
	ret = genl_ask(&dmabuf->genl, &request, see_id, &dmabuf->id);
	if (ret)
		genl_close(&dmabuf->genl);
	return ret;
}

int dmabuf_bind(struct dmabuf *dmabuf, unsigned int ifindex, unsigned int queue,
		size_t size)
{
	int fd, ret;

	fd = dmabuf_create(dmabuf, size);
	if (fd < 0)
		return fd;
	ret = bind_to_queue(dmabuf, fd, ifindex, queue);
	close(fd);
	if (ret)
		munmap(dmabuf->memory, dmabuf->size);
	return ret;
}

void dmabuf_unbind(struct dmabuf *dmabuf)
{
	genl_close(&dmabuf->genl);
	munmap(dmabuf->memory, dmabuf->size);
}

/* Look at a piece, and return it. Returns its length or a negative error. */
static ssize_t take_place(const struct dmabuf *dmabuf, int fd,
			  const struct cmsghdr *cmsg, __u64 position)
{
	struct tokens one = { .count = 1 };
	struct place place;

	if (cmsg->cmsg_level != SOL_SOCKET || cmsg->cmsg_type != PLACE)
		return -EBADMSG;
	memcpy(&place, CMSG_DATA(cmsg), sizeof(place));
	if (place.dmabuf_id != dmabuf->id || place.offset > dmabuf->size ||
	    dmabuf->size - place.offset < place.size ||
	    !stream_matches(dmabuf->memory + place.offset, position,
			    place.size))
		return -EBADMSG;
	one.first = place.token;
	if (setsockopt(fd, SOL_SOCKET, RETURN, &one, sizeof(one)) != 1)
		return -errno;
	return place.size;
}

ssize_t dmabuf_receive(const struct dmabuf *dmabuf, int fd, __u64 position)
{
	char control[CMSG_SPACE(sizeof(struct place)) * MOST_PLACES];
	char nothing[MOST_BYTES];
	struct iovec part = {
		.iov_base = nothing,
		.iov_len = sizeof(nothing),
	};
	struct msghdr message = {
		.msg_iov = &part,
		.msg_iovlen = 1,
		.msg_control = control,
		.msg_controllen = sizeof(control),
	};
	ssize_t got, len, total = 0;
	struct cmsghdr *cmsg;

	got = recvmsg(fd, &message, DEVICE_MEMORY);
	if (got < 0)
		return -errno;
	for (cmsg = CMSG_FIRSTHDR(&message); cmsg;
	     cmsg = CMSG_NXTHDR(&message, cmsg)) {
		len = take_place(dmabuf, fd, cmsg, position + total);
		if (len < 0)
			return len;
		total += len;
	}
	return total == got ? got : -EBADMSG;
}
