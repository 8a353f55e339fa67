// SPDX-License-Identifier: GPL-2.0
/*
 * Zero copy receive of io_uring: other users of the interface.
 *
 * R14  the driver can give the queue away (EOPNOTSUPP)
 * R15  a queue goes to one ring (EEXIST, EBUSY), and stays
 * R32  a registration does not keep the device
 * R35  other users of the interface are refused, or do no harm
 * R36  nobody but the ring sees what is placed
 * R37  queues, page pools and their statistics can be listed
 * R46  what is not in the area is copied there
 */
#include <assert.h>
#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <netinet/in.h>
#include <signal.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <sys/mman.h>
#include <sys/socket.h>
#include <sys/wait.h>
#include <unistd.h>

#include "kselftest_harness.h"
#include "ethtool.h"
#include "expect.h"
#include "link.h"
#include "netif.h"
#include "pools.h"
#include "receiver.h"
#include "stream.h"
#include "zcrx.h"

#include <arpa/inet.h>
#include <linux/devlink.h>
#include <linux/if_ether.h>
#include <linux/netdev.h>
#include <sched.h>

#include "capture.h"
#include "dmabuf.h"
#include "genl.h"
#include "xdp.h"

#define PAGES		256
#define SIZE		(1024 * 1024ULL)
#define DMABUF_SIZE	(4UL << 20)
#define OTHER_QUEUE	2
#define QUEUES		3
#define HEADERS_MOST	256U
#define APPEAR_MS	5000
#define SOON_MS		300

/* A stream to the queue, and a request that waits for it. */
static void open_stream_to_queue(struct __test_metadata *_metadata,
				 struct receiver *receiver,
				 struct stream *stream, struct link *link)
{
	ASSERT_EQ(0, link_steer(link));
	ASSERT_EQ(0, receiver_open_stream(receiver, stream, link, AF_INET, SIZE,
					  PAGES));
	receiver_request(receiver, stream->fd);
	ASSERT_EQ(0, uring_submit(&receiver->ring));
}

/* Whatever is beside it, the queue receives all of the stream. */
static void expect_placed(struct __test_metadata *_metadata,
			  struct receiver *receiver, struct stream *stream,
			  const struct link *link)
{
	ASSERT_EQ(0, stream_start(stream));
	EXPECT_EQ(SIZE, receive_rest(_metadata, receiver, 0));
	EXPECT_EQ(0, stream_close(stream));
	EXPECT_LE((long long)SIZE,
		  link_counter(link, LINK_QUEUE, "provider_bytes"));
}

/* An AF_XDP socket that is closed has its queue a little longer. */
static int wait_for_queue(const struct link *link)
{
	int ret = -EBUSY, ms;

	for (ms = 0; ret == -EBUSY && ms < WAIT_MS; ms++) {
		usleep(1000);
		ret = try_queue(link);
	}
	return ret;
}

/*
 * What a listing says about an interface, and the attributes that tell it: they
 * are others for each kind of object, and 0 is none.
 */
struct listing {
	__u16		ifindex_attribute;
	__u16		dmabuf_attribute;
	__u16		count_attribute;
	__u16		bytes_attribute;
	unsigned int	ifindex;
	int		objects;
	int		dmabufs;	/* objects that name a dma-buf */
	__u64		count;		/* sums over all objects */
	__u64		bytes;
};

static void see(const struct nlmsghdr *nlh, void *data)
{
	struct listing *listing = data;
	__u64 value = 0;

	if (!genl_get(nlh, listing->ifindex_attribute, &value, sizeof(value)) ||
	    value != listing->ifindex)
		return;
	listing->objects++;
	if (genl_get(nlh, listing->dmabuf_attribute, &value, sizeof(value)))
		listing->dmabufs++;
	if (genl_get(nlh, listing->count_attribute, &value, sizeof(value)))
		listing->count += value;
	if (genl_get(nlh, listing->bytes_attribute, &value, sizeof(value)))
		listing->bytes += value;
}

/*
 * List what a command of the family netdev gives, for all interfaces of the
 * namespace. Returns how many objects there are, or -1.
 */
static int list(__u8 command, struct listing *listing)
{
	return genl_list(NETDEV_FAMILY_NAME, command, see, listing);
}

static struct listing list_pools(const struct link *link)
{
	struct listing listing = {
		.ifindex_attribute = NETDEV_A_PAGE_POOL_IFINDEX,
		.dmabuf_attribute = NETDEV_A_PAGE_POOL_DMABUF,
		.count_attribute = NETDEV_A_PAGE_POOL_INFLIGHT,
		.bytes_attribute = NETDEV_A_PAGE_POOL_INFLIGHT_MEM,
		.ifindex = link->rx.ifindex,
	};

	list(NETDEV_CMD_PAGE_POOL_GET, &listing);
	return listing;
}

/* Whether a packet is one of TCP over IPv4 to LINK_PORT. */
static bool is_of_stream(const struct captured *packet)
{
	const size_t tcp = ETH_HLEN + 20;
	__u16 port;

	memcpy(&port, packet->bytes + tcp + 2, sizeof(port));
	return packet->len >= tcp + 20 && packet->bytes[12] == 0x08 &&
	       packet->bytes[13] == 0x00 && packet->bytes[ETH_HLEN] == 0x45 &&
	       packet->bytes[ETH_HLEN + 9] == IPPROTO_TCP &&
	       port == htons(LINK_PORT);
}

/* Its index is another one where it comes back. */
static int wait_for_device(struct netif *dev)
{
	int ret = netif_wait_for(dev, APPEAR_MS);

	dev->ifindex = if_nametoindex(dev->name);
	return ret ?: netif_set_up(dev, true);
}

/* Have a driver set its device up anew. */
static int reload(const struct netif *dev)
{
	struct genl_request request;
	char name[32];
	struct genl genl;
	int ret;

	snprintf(name, sizeof(name), "netdevsim%u", dev->nsim_id);
	if (genl_open(&genl, DEVLINK_GENL_NAME))
		return -EOPNOTSUPP;
	genl_begin(&request, DEVLINK_CMD_RELOAD);
	genl_put(&request, DEVLINK_ATTR_BUS_NAME, "netdevsim",
		 sizeof("netdevsim"));
	genl_put(&request, DEVLINK_ATTR_DEV_NAME, name, strlen(name) + 1);
	ret = genl_do(&genl, &request);
	genl_close(&genl);
	return ret;
}

FIXTURE(neighbours)
{
	struct link link;
};

FIXTURE_SETUP(neighbours)
{
	const char *missing = link_missing() ?: zcrx_missing();
	int ret;

	if (missing)
		SKIP(return, "%s", missing);
	ret = link_open(&self->link);
	if (ret == -EOPNOTSUPP)
		SKIP(return, NETIF_IS_NO_NIC);
	ASSERT_EQ(0, ret);
}

FIXTURE_TEARDOWN_PARENT(neighbours)
{
	/* The process of the test is gone: nothing may hold the devices. */
	EXPECT_EQ(0, link_close(&self->link));
}

/* R15: A queue with an AF_XDP socket is taken. */
TEST_F_TIMEOUT(neighbours, xdp_socket_first, 180)
{
	int fd = xdp_socket(self->link.rx.ifindex, LINK_QUEUE);

	ASSERT_LE(0, fd);
	EXPECT_EQ(-EBUSY, try_queue(&self->link));
	close(fd);
	ASSERT_EQ(0, wait_for_queue(&self->link));
	ASSERT_EQ(0, link_steer(&self->link));
	expect_stream(_metadata, &self->link, SIZE);
}

/* R15: A queue that receives into a dma-buf is taken. */
TEST_F_TIMEOUT(neighbours, dmabuf_first, 180)
{
	const char *missing = dmabuf_missing();
	struct dmabuf bound;

	if (missing)
		SKIP(return, "%s", missing);
	ASSERT_EQ(0, dmabuf_bind(&bound, self->link.rx.ifindex, LINK_QUEUE,
				 DMABUF_SIZE));
	EXPECT_EQ(-EEXIST, try_queue(&self->link));
	dmabuf_unbind(&bound);
	ASSERT_EQ(0, link_steer(&self->link));
	expect_stream(_metadata, &self->link, SIZE);
}

/* R14: Without header split there is nothing to give a queue away for. */
TEST_F_TIMEOUT(neighbours, no_split_first, 180)
{
	ASSERT_EQ(0, ethtool_no_split(&self->link.rx));
	EXPECT_EQ(-EINVAL, try_queue(&self->link));
	ASSERT_EQ(0, ethtool_split(&self->link.rx));
	ASSERT_EQ(0, link_steer(&self->link));
	expect_stream(_metadata, &self->link, SIZE);
}

/* R35: An AF_XDP socket on the queue changes nothing. */
TEST_F_TIMEOUT(neighbours, xdp_socket, 180)
{
	int fd;
	struct receiver receiver;
	struct stream stream;

	open_stream_to_queue(_metadata, &receiver, &stream, &self->link);
	fd = xdp_socket(self->link.rx.ifindex, LINK_QUEUE);
	ASSERT_LE(0, fd);
	expect_placed(_metadata, &receiver, &stream, &self->link);
	receiver_close(&receiver);
	ASSERT_EQ(0, pinned_settle(WAIT_MS));
	/* It still has the queue when the ring has let go of it. */
	EXPECT_EQ(-EBUSY, try_queue(&self->link));
	close(fd);
	ASSERT_EQ(0, wait_for_queue(&self->link));
	expect_stream(_metadata, &self->link, SIZE);
}

/* R15: A registered queue cannot be bound to a dma-buf. */
TEST_F_TIMEOUT(neighbours, dmabuf, 180)
{
	const char *missing = dmabuf_missing();
	struct dmabuf bound;
	struct receiver receiver;
	struct stream stream;

	open_stream_to_queue(_metadata, &receiver, &stream, &self->link);
	if (missing)
		SKIP(return, "%s", missing);
	EXPECT_EQ(-EEXIST, dmabuf_bind(&bound, self->link.rx.ifindex,
				       LINK_QUEUE, DMABUF_SIZE));
	expect_placed(_metadata, &receiver, &stream, &self->link);
	receiver_close(&receiver);
	ASSERT_EQ(0, pinned_settle(WAIT_MS));
	EXPECT_EQ(0, dmabuf_bind(&bound, self->link.rx.ifindex, LINK_QUEUE,
				 DMABUF_SIZE));
}

/* R15: Another queue of the interface can. */
TEST_F_TIMEOUT(neighbours, dmabuf_on_other_queue, 180)
{
	const char *missing = dmabuf_missing();
	struct dmabuf bound;
	struct receiver receiver;
	struct stream stream;

	open_stream_to_queue(_metadata, &receiver, &stream, &self->link);
	if (missing)
		SKIP(return, "%s", missing);
	ASSERT_EQ(0, dmabuf_bind(&bound, self->link.rx.ifindex, OTHER_QUEUE,
				 DMABUF_SIZE));
	expect_placed(_metadata, &receiver, &stream, &self->link);
	dmabuf_unbind(&bound);
	receiver_close(&receiver);
}

/* R35: Device memory TCP on another queue receives as before. */
TEST_F_TIMEOUT(neighbours, dmabuf_received, 180)
{
	const char *missing = dmabuf_missing();
	struct receiver receiver;
	__u64 position = 0;
	struct dmabuf bound;
	struct stream stream;
	ssize_t len;

	if (missing)
		SKIP(return, "%s", missing);
	ASSERT_EQ(0, link_steer(&self->link));
	ASSERT_EQ(0, dmabuf_bind(&bound, self->link.rx.ifindex, LINK_QUEUE,
				 DMABUF_SIZE));
	ASSERT_EQ(0, receiver_open(&receiver, self->link.rx.ifindex,
				   OTHER_QUEUE, PAGES));
	ASSERT_EQ(0, stream_open(&stream, &self->link, AF_INET, LINK_PORT,
				 SIZE));
	ASSERT_EQ(0, stream_start(&stream));
	while ((len = dmabuf_receive(&bound, stream.fd, position)) > 0)
		position += len;
	EXPECT_EQ(0, len);
	EXPECT_EQ(SIZE, position);
	EXPECT_EQ(0, stream_close(&stream));
	dmabuf_unbind(&bound);
	receiver_close(&receiver);
}

/* R46: What is in a dma-buf cannot be copied, and ends the request. */
TEST_F_TIMEOUT(neighbours, dmabuf_data, 180)
{
	const char *missing = dmabuf_missing();
	struct receiver receiver;
	struct stream stream;
	struct dmabuf bound;

	if (missing)
		SKIP(return, "%s", missing);
	ASSERT_EQ(0, link_steer(&self->link));
	ASSERT_EQ(0, dmabuf_bind(&bound, self->link.rx.ifindex, LINK_QUEUE,
				 DMABUF_SIZE));
	ASSERT_EQ(0, stream_open(&stream, &self->link, AF_INET, LINK_PORT,
				 SIZE));
	ASSERT_EQ(0, receiver_open(&receiver, self->link.rx.ifindex,
				   OTHER_QUEUE, PAGES));
	receiver_request(&receiver, stream.fd);
	ASSERT_EQ(0, stream_start(&stream));
	expect_end(_metadata, &receiver, -EFAULT);
	/* Nor does it by another request. */
	receiver_request(&receiver, stream.fd);
	expect_end(_metadata, &receiver, -EFAULT);
	endless_close(&stream);
	dmabuf_unbind(&bound);
	receiver_close(&receiver);
}

/* R35: A dma-buf with data that waits in a socket outlasts its device. */
TEST_F_TIMEOUT(neighbours, dmabuf_without_device, 180)
{
	const char *missing = dmabuf_missing();
	struct stream stream;
	struct dmabuf bound;

	if (missing)
		SKIP(return, "%s", missing);
	ASSERT_EQ(0, link_steer(&self->link));
	ASSERT_EQ(0, dmabuf_bind(&bound, self->link.rx.ifindex, LINK_QUEUE,
				 DMABUF_SIZE));
	ASSERT_EQ(0, stream_open(&stream, &self->link, AF_INET, LINK_PORT,
				 SIZE));
	ASSERT_EQ(0, stream_start(&stream));
	ASSERT_EQ(0, stream_wait(stream.fd, 1));
	EXPECT_EQ(0, netif_remove(&self->link.rx, REMOVE_MS));
	dmabuf_unbind(&bound);
	/* It is freed soon, and the pool waits for what is in the socket. */
	usleep(SOON_MS * 1000);
	endless_close(&stream);
	expect_nothing_left(_metadata, 0);
}

/* R35: Header split cannot be turned off. */
TEST_F_TIMEOUT(neighbours, no_split, 180)
{
	struct receiver receiver;
	struct stream stream;

	open_stream_to_queue(_metadata, &receiver, &stream, &self->link);
	EXPECT_EQ(-EINVAL,
		  ethtool_no_split(&self->link.rx));
	expect_placed(_metadata, &receiver, &stream, &self->link);
	receiver_close(&receiver);
	ASSERT_EQ(0, pinned_settle(WAIT_MS));
	EXPECT_EQ(0, ethtool_no_split(&self->link.rx));
}

/* R35: What is not steered may be spread anew, under traffic. */
TEST_F_TIMEOUT(neighbours, spread, 180)
{
	struct receiver receiver;
	struct stream stream;
	__u64 position = 0;
	int i;

	open_stream_to_queue(_metadata, &receiver, &stream, &self->link);
	ASSERT_EQ(0, stream_start(&stream));
	for (i = 0; is_piece_next(_metadata, &receiver); i++) {
		position += expect_piece(_metadata, &receiver, position);
		ASSERT_EQ(0, ethtool_spread(&self->link.rx, 1 + i % 3));
	}
	expect_end(_metadata, &receiver, 0);
	EXPECT_EQ(SIZE, position);
	EXPECT_EQ(0, stream_close(&stream));
	EXPECT_LE((long long)SIZE,
		  link_counter(&self->link, LINK_QUEUE, "provider_bytes"));
	receiver_close(&receiver);
}

/*
 * R36: Who captures packets sees the headers of what is placed, and no
 * more.
 */
TEST_F_TIMEOUT(neighbours, captured, 180)
{
	const int pools = pools_count();
	struct captured packet;
	int fd, headers = 0;
	struct receiver receiver;
	struct stream stream;

	open_stream_to_queue(_metadata, &receiver, &stream, &self->link);
	fd = capture_open(self->link.rx.ifindex);
	ASSERT_LE(0, fd);
	expect_placed(_metadata, &receiver, &stream, &self->link);
	while (capture_next(fd, &packet)) {
		if (!is_of_stream(&packet) || packet.wire_len <= HEADERS_MOST)
			continue;
		headers++;
		EXPECT_GT(HEADERS_MOST, packet.len);
	}
	EXPECT_LT(0, headers);
	close(fd);
	receiver_close(&receiver);
	/* Nor does a copy of the headers keep the payload. */
	expect_nothing_left(_metadata, pools);
}

/* R37: The queues can be listed, and none is a dma-buf's. */
TEST_F_TIMEOUT(neighbours, queues_listed, 180)
{
	struct listing listing = {
		.ifindex_attribute = NETDEV_A_QUEUE_IFINDEX,
		.dmabuf_attribute = NETDEV_A_QUEUE_DMABUF,
		.ifindex = self->link.rx.ifindex,
	};
	struct receiver receiver;
	struct stream stream;

	open_stream_to_queue(_metadata, &receiver, &stream, &self->link);
	EXPECT_LT(0, list(NETDEV_CMD_QUEUE_GET, &listing));
	EXPECT_LE((int)self->link.rx.rx_queues, listing.objects);
	EXPECT_EQ(0, listing.dmabufs);
	expect_placed(_metadata, &receiver, &stream, &self->link);
	receiver_close(&receiver);
}

/* R37: The page pools can be listed, with what they have under way. */
TEST_F_TIMEOUT(neighbours, pools_listed, 180)
{
	struct piece kept[PAGES / 4];
	struct listing idle, holding;
	struct receiver receiver;
	struct stream stream;
	__u64 position;

	open_stream_to_queue(_metadata, &receiver, &stream, &self->link);
	idle = list_pools(&self->link);
	EXPECT_EQ((int)self->link.rx.rx_queues, idle.objects);
	EXPECT_EQ(0, idle.dmabufs);

	/* What user space holds is under way. */
	ASSERT_EQ(0, stream_start(&stream));
	position = keep_pieces(_metadata, &receiver, 0, kept, PAGES / 4);
	holding = list_pools(&self->link);
	EXPECT_EQ(idle.objects, holding.objects);
	EXPECT_EQ(0, holding.dmabufs);
	EXPECT_LE(PAGES / 4ULL, holding.count);
	EXPECT_EQ(PAGE * holding.count, holding.bytes);
	return_pieces(_metadata, &receiver, kept, PAGES / 4);
	EXPECT_EQ(SIZE, receive_rest(_metadata, &receiver, position));
	EXPECT_EQ(0, stream_close(&stream));
	receiver_close(&receiver);
}

/* R37: So can the statistics of the page pools. */
TEST_F_TIMEOUT(neighbours, pool_statistics_listed, 180)
{
	struct listing none = {};
	int count;
	struct receiver receiver;
	struct stream stream;

	open_stream_to_queue(_metadata, &receiver, &stream, &self->link);
	count = list(NETDEV_CMD_PAGE_POOL_STATS_GET, &none);
	if (count < 0)
		SKIP(return, "PAGE_POOL_STATS is not set");
	EXPECT_EQ(pools_count(), count);
	EXPECT_LE((int)self->link.rx.rx_queues, count);
	expect_placed(_metadata, &receiver, &stream, &self->link);
	receiver_close(&receiver);
}

/* R37: So can the statistics of the queues. */
TEST_F_TIMEOUT(neighbours, queue_statistics_listed, 180)
{
	struct listing listing = {
		.ifindex_attribute = NETDEV_A_QSTATS_IFINDEX,
		.bytes_attribute = NETDEV_A_QSTATS_RX_BYTES,
		.ifindex = self->link.rx.ifindex,
	};
	struct receiver receiver;
	struct stream stream;

	open_stream_to_queue(_metadata, &receiver, &stream, &self->link);
	expect_placed(_metadata, &receiver, &stream, &self->link);
	EXPECT_LT(0, list(NETDEV_CMD_QSTATS_GET, &listing));
	EXPECT_EQ(1, listing.objects);
	EXPECT_LE(SIZE, listing.bytes);
	receiver_close(&receiver);
}

/* R32: A device that is reloaded lets go of the registration. */
TEST_F_TIMEOUT(neighbours, reloaded, 180)
{
	struct receiver receiver, again;
	struct stream stream;

	open_stream_to_queue(_metadata, &receiver, &stream, &self->link);
	ASSERT_EQ(0, reload(&self->link.rx));
	ASSERT_EQ(0, wait_for_device(&self->link.rx));
	ASSERT_EQ(0, ethtool_split(&self->link.rx));
	EXPECT_EQ(0, receiver_open(&again, self->link.rx.ifindex, LINK_QUEUE,
				   PAGES));
	receiver_close(&receiver);
	receiver_close(&again);
	endless_close(&stream);
}

TEST_HARNESS_MAIN
