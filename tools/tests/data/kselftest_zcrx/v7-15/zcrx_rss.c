// SPDX-License-Identifier: GPL-2.0
/*
 * Zero copy receive of io_uring: receiving what RSS spreads.
 *
 * R38  what RSS spreads arrives, by whatever queue
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

#include <linux/netdev.h>
#include <sys/prctl.h>

#include "genl.h"

#define PAGES		2048
#define QUEUES		3	/* the first one, LINK_QUEUE, and another */
#define OTHER_QUEUE	2
#define RINGS		2	/* of LINK_QUEUE and the other */
#define FLOWS_EACH	4	/* connections that a ring has at least */
#define FLOWS_MOST	64
#define MOMENT_MS	1

#define NO_CONTEXTS	"the device has no RSS contexts"

/* How much of all connections comes between two changes. */
#define STEP		(1ULL << 20)

/* Of a connection: more than is on its way, or enough if nothing changes. */
#define SIZE		(8ULL << 20)
#define STEADY_SIZE	(2ULL << 20)

/* A connection, and the ring that receives it. */
struct flow {
	struct stream	stream;
	struct receiver	*receiver;
	__u64		position;
};

/* Connections that all receive at the same time. */
struct load {
	struct receiver	receivers[RINGS];
	struct flow	flows[FLOWS_MOST];
	__u64		size;
	int		first;	/* queue of the first ring */
	int		rings;
	int		count;
	int		ended;
	int		turn;	/* of the rings */
};

/* Which queue has an instance of NAPI. */
struct search {
	__u32	ifindex;
	__u32	napi_id;
	int	queue;
};

static void see_queue(const struct nlmsghdr *nlh, void *data)
{
	__u32 id = 0, type = 0, ifindex = 0, napi_id = 0;
	struct search *search = data;

	genl_get(nlh, NETDEV_A_QUEUE_ID, &id, sizeof(id));
	genl_get(nlh, NETDEV_A_QUEUE_TYPE, &type, sizeof(type));
	genl_get(nlh, NETDEV_A_QUEUE_IFINDEX, &ifindex, sizeof(ifindex));
	genl_get(nlh, NETDEV_A_QUEUE_NAPI_ID, &napi_id, sizeof(napi_id));
	if (type == NETDEV_QUEUE_TYPE_RX && ifindex == search->ifindex &&
	    napi_id == search->napi_id)
		search->queue = id;
}

/* The receive queue that the packets of a connection came from last, or -1. */
static int queue_of(const struct link *link, int fd)
{
	struct search search = { .ifindex = link->rx.ifindex, .queue = -1 };
	socklen_t size = sizeof(search.napi_id);

	if (getsockopt(fd, SOL_SOCKET, SO_INCOMING_NAPI_ID, &search.napi_id,
		       &size))
		return -1;
	genl_list(NETDEV_FAMILY_NAME, NETDEV_CMD_QUEUE_GET, see_queue, &search);
	return search.queue;
}

/* One more connection, for the ring of its queue or else for the first one. */
static void load_connect(struct __test_metadata *_metadata, struct load *load,
			 const struct link *link, int *ring)
{
	struct flow *flow = &load->flows[load->count];

	ASSERT_LT(load->count, FLOWS_MOST);
	ASSERT_EQ(0, stream_open(&flow->stream, link,
				 load->count % 2 ? AF_INET6 : AF_INET,
				 LINK_PORT, load->size));
	*ring = queue_of(link, flow->stream.fd) - load->first;
	if (*ring < 0 || *ring >= load->rings)
		*ring = 0;
	flow->receiver = &load->receivers[*ring];
	load->count++;
}

/* A request for a connection, to be submitted. */
static void load_request(struct load *load, struct flow *flow)
{
	struct io_uring_sqe *sqe;

	sqe = receiver_request(flow->receiver, flow->stream.fd);
	sqe->user_data = flow - load->flows;
}

/*
 * Rings for queues from the first one on, each with connections of that size,
 * which begin.
 */
static void load_open(struct __test_metadata *_metadata, struct load *load,
		      const struct link *link, int first, int rings, __u64 size)
{
	int i, ring, too_few = rings, counts[RINGS] = {};
	struct flow *flow;

	memset(load, 0, sizeof(*load));
	load->first = first;
	load->rings = rings;
	load->size = size;
	/*
	 * It is up to RSS how many that takes. They come first, as a process
	 * with pinned memory takes long to fork.
	 */
	while (too_few) {
		load_connect(_metadata, load, link, &ring);
		if (++counts[ring] == FLOWS_EACH)
			too_few--;
	}
	for (i = 0; i < rings; i++)
		ASSERT_EQ(0, receiver_open(&load->receivers[i],
					   link->rx.ifindex, first + i, PAGES));
	for (i = 0; i < load->count; i++) {
		flow = &load->flows[i];
		load_request(load, flow);
		ASSERT_EQ(0, uring_submit(&flow->receiver->ring));
		ASSERT_EQ(0, stream_start(&flow->stream));
	}
}

/* The next completion of a ring, which is there. Gives how much it brings. */
static __u64 load_complete(struct __test_metadata *_metadata, struct load *load,
			   struct receiver *receiver)
{
	struct io_uring_cqe *cqe = uring_peek(&receiver->ring);
	struct flow *flow = &load->flows[cqe->user_data];
	__u64 len;

	if (cqe->flags & IORING_CQE_F_MORE) {
		len = expect_piece(_metadata, receiver, flow->position);
		flow->position += len;
		return len;
	}
	if (cqe->res == -ENOMEM) {
		/* What waits in sockets has all buffers. */
		uring_seen(&receiver->ring);
		load_request(load, flow);
		return 0;
	}
	expect_end(_metadata, receiver, 0);
	load->ended++;
	return 0;
}

/* Receive another step. Returns whether there is more. */
static bool load_step(struct __test_metadata *_metadata, struct load *load)
{
	struct receiver *receiver;
	__u64 received = 0;
	int silent = 0;

	while (load->ended < load->count && received < STEP) {
		receiver = &load->receivers[load->turn++ % load->rings];
		if (uring_wait(&receiver->ring,
			       silent < load->rings ? 0 : MOMENT_MS)) {
			received += load_complete(_metadata, load, receiver);
			silent = 0;
			continue;
		}
		ASSERT_LT(++silent, WAIT_MS / MOMENT_MS)
			TH_LOG("nothing comes");
	}
	return load->ended < load->count;
}

/* All of every connection has arrived. */
static void load_close(struct __test_metadata *_metadata, struct load *load)
{
	int i;

	EXPECT_EQ(load->count, load->ended);
	for (i = 0; i < load->count; i++) {
		EXPECT_EQ(load->size, load->flows[i].position);
		EXPECT_EQ(0, stream_close(&load->flows[i].stream));
	}
	for (i = 0; i < load->rings; i++)
		receiver_close(&load->receivers[i]);
}

/* How much there was for one of the rings. */
static long long load_of(const struct load *load, int ring)
{
	long long sum = 0;
	int i;

	for (i = 0; i < load->count; i++)
		if (load->flows[i].receiver == &load->receivers[ring])
			sum += load->size;
	return sum;
}

/*
 * Send TCP to LINK_PORT to a new context with count queues from the first one
 * on. Returns the context or a negative error.
 */
static int steer_to_context(struct link *link, unsigned int first,
			    unsigned int count)
{
	int context = ethtool_new_context(&link->rx, first, count);
	int ret = context < 0 ? context : link_steer_to_context(link, context);

	return ret ?: context;
}

/* Make contexts and delete them until killed, and count. */
static void change_contexts(struct link *link, volatile int *rounds)
{
	const struct netif *dev = &link->rx;
	int context;

	prctl(PR_SET_PDEATHSIG, SIGKILL);
	for (;; (*rounds)++) {
		context = steer_to_context(link, LINK_QUEUE, 1);
		if (context < 0 ||
		    ethtool_set_context(dev, context, 0, QUEUES) ||
		    ethtool_delete_context(dev, context) != -EBUSY ||
		    link_unsteer(link) || ethtool_delete_context(dev, context))
			_exit(1);
	}
}

FIXTURE(rss)
{
	struct link link;
};

FIXTURE_SETUP(rss)
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

FIXTURE_TEARDOWN_PARENT(rss)
{
	/* The process of the test is gone: nothing may hold the devices. */
	EXPECT_EQ(0, link_close(&self->link));
}

/* R38: What is steered to a context is placed by the queue in its table. */
TEST_F_TIMEOUT(rss, context_of_one_queue, 180)
{
	struct load load;
	int context;

	context = steer_to_context(&self->link, LINK_QUEUE, 1);
	if (context == -EOPNOTSUPP)
		SKIP(return, NO_CONTEXTS);
	ASSERT_LT(0, context);

	load_open(_metadata, &load, &self->link, LINK_QUEUE, 1, STEADY_SIZE);
	while (load_step(_metadata, &load))
		;
	load_close(_metadata, &load);
	EXPECT_LE(load_of(&load, 0),
		  link_counter(&self->link, LINK_QUEUE, "provider_bytes"));
	EXPECT_EQ(0, link_counter(&self->link, 0, "placed_bytes"));
	EXPECT_EQ(0, link_counter(&self->link, OTHER_QUEUE, "placed_bytes"));
}

/*
 * R38: A context spreads connections over two queues with a ring each, and
 * no others.
 */
TEST_F_TIMEOUT(rss, context_of_two_queues, 180)
{
	struct load load;
	int i, context;

	context = steer_to_context(&self->link, LINK_QUEUE, RINGS);
	if (context == -EOPNOTSUPP)
		SKIP(return, NO_CONTEXTS);
	ASSERT_LT(0, context);

	load_open(_metadata, &load, &self->link, LINK_QUEUE, RINGS,
		  STEADY_SIZE);
	while (load_step(_metadata, &load))
		;
	load_close(_metadata, &load);
	for (i = 0; i < RINGS; i++)
		EXPECT_LE(load_of(&load, i),
			  link_counter(&self->link, LINK_QUEUE + i,
				       "provider_bytes"));
	EXPECT_EQ(0, link_counter(&self->link, 0, "placed_bytes"));
}

/* R38: A context's table names the queue and another in turn. */
TEST_F_TIMEOUT(rss, context_changed, 180)
{
	struct load load;
	int i, context;

	context = steer_to_context(&self->link, LINK_QUEUE, 1);
	if (context == -EOPNOTSUPP)
		SKIP(return, NO_CONTEXTS);
	ASSERT_LT(0, context);

	load_open(_metadata, &load, &self->link, LINK_QUEUE, 1, SIZE);
	for (i = 0; load_step(_metadata, &load); i++)
		ASSERT_EQ(0, ethtool_set_context(&self->link.rx, context,
						 i % 2 ? LINK_QUEUE : 0, 1));
	load_close(_metadata, &load);
	EXPECT_LT(0, link_counter(&self->link, LINK_QUEUE, "provider_bytes"));
	EXPECT_LT(0, link_counter(&self->link, 0, "placed_bytes"));
}

/* R38: A context goes when no rule names it, and comes again. */
TEST_F_TIMEOUT(rss, context_deleted, 180)
{
	struct netif *dev = &self->link.rx;
	struct load load;
	int context;

	context = steer_to_context(&self->link, LINK_QUEUE, 1);
	if (context == -EOPNOTSUPP)
		SKIP(return, NO_CONTEXTS);
	ASSERT_LT(0, context);

	load_open(_metadata, &load, &self->link, LINK_QUEUE, 1, SIZE);
	while (load_step(_metadata, &load)) {
		/* Not as long as a rule names it. */
		ASSERT_EQ(-EBUSY, ethtool_delete_context(dev, context));
		ASSERT_EQ(0, link_unsteer(&self->link));
		ASSERT_EQ(0, ethtool_delete_context(dev, context));
		ASSERT_EQ(-ENOENT, ethtool_delete_context(dev, context));
		ASSERT_EQ(-EINVAL, link_steer_to_context(&self->link, context));
		load_step(_metadata, &load);
		context = steer_to_context(&self->link, LINK_QUEUE, 1);
		ASSERT_LT(0, context);
	}
	load_close(_metadata, &load);
	EXPECT_LT(0, link_counter(&self->link, LINK_QUEUE, "provider_bytes"));
	EXPECT_LT(0, link_counter(&self->link, 0, "placed_bytes"));
}

/* R38: Another process does that as fast as it can. */
TEST_F_TIMEOUT(rss, contexts_come_and_go, 180)
{
	volatile int *rounds;
	int context, status;
	struct load load;
	pid_t pid;

	context = steer_to_context(&self->link, LINK_QUEUE, 1);
	if (context == -EOPNOTSUPP)
		SKIP(return, NO_CONTEXTS);
	ASSERT_LT(0, context);

	rounds = mmap(NULL, PAGE, PROT_READ | PROT_WRITE,
		      MAP_SHARED | MAP_ANONYMOUS, -1, 0);
	ASSERT_NE(MAP_FAILED, (void *)rounds);
	load_open(_metadata, &load, &self->link, LINK_QUEUE, 1, SIZE);
	pid = fork();
	ASSERT_LE(0, pid);
	if (!pid)
		change_contexts(&self->link, rounds);
	while (load_step(_metadata, &load))
		;
	ASSERT_EQ(0, kill(pid, SIGKILL));
	ASSERT_EQ(pid, waitpid(pid, &status, 0));
	EXPECT_TRUE(WIFSIGNALED(status));
	EXPECT_LT(1, *rounds);
	load_close(_metadata, &load);
}

/* R38: A queue that a context names cannot be taken away. */
TEST_F_TIMEOUT(rss, context_keeps_queues, 180)
{
	struct netif *dev = &self->link.rx;
	struct load load;
	int i, context;

	context = ethtool_new_context(dev, OTHER_QUEUE, 1);
	if (context == -EOPNOTSUPP)
		SKIP(return, NO_CONTEXTS);
	ASSERT_LT(0, context);
	/* What is not steered comes to the first queue. */
	load_open(_metadata, &load, &self->link, 0, 1, STEADY_SIZE);
	for (i = 0; load_step(_metadata, &load); i++) {
		if (i == 2)
			ASSERT_EQ(0, ethtool_delete_context(dev, context));
		ASSERT_EQ(i < 2 ? -EINVAL : 0,
			  ethtool_channels(dev, OTHER_QUEUE));
		ASSERT_EQ(0, ethtool_channels(dev, QUEUES));
	}
	EXPECT_LT(2, i);
	load_close(_metadata, &load);
	EXPECT_LE(load_of(&load, 0),
		  link_counter(&self->link, 0, "provider_bytes"));
}

/*
 * R38: What is not steered is placed and copied, as the device's own table
 * says.
 */
TEST_F_TIMEOUT(rss, main_table_changed, 180)
{
	static const int tables[][2] = {
		{ LINK_QUEUE, 1 }, { 0, 1 }, { 0, QUEUES }, { OTHER_QUEUE, 1 },
	};
	struct load load;
	int i;

	load_open(_metadata, &load, &self->link, LINK_QUEUE, 1, SIZE);
	for (i = 0; load_step(_metadata, &load); i++)
		ASSERT_EQ(0, ethtool_set_context(&self->link.rx,
						 ETHTOOL_NO_CONTEXT,
						 tables[i % 4][0],
						 tables[i % 4][1]));
	load_close(_metadata, &load);
	EXPECT_LT(0, link_counter(&self->link, LINK_QUEUE, "provider_bytes"));
	EXPECT_LT(0, link_counter(&self->link, 0, "placed_bytes"));
EXPECT_LT(0, link_counter(&self->link, OTHER_QUEUE, "placed_bytes"));
}

/*
 * R46: What a table moves to the queue of another ring is copied from
 * there.
 */
TEST_F_TIMEOUT(rss, moved_between_rings, 180)
{
	static const int tables[][2] = {
		{ OTHER_QUEUE, 1 }, { LINK_QUEUE, RINGS }, { LINK_QUEUE, 1 },
	};
	struct load load;
	int i, context;

	context = steer_to_context(&self->link, LINK_QUEUE, RINGS);
	if (context == -EOPNOTSUPP)
		SKIP(return, NO_CONTEXTS);
	ASSERT_LT(0, context);

	load_open(_metadata, &load, &self->link, LINK_QUEUE, RINGS, SIZE / 2);
	for (i = 0; load_step(_metadata, &load); i++)
		ASSERT_EQ(0, ethtool_set_context(&self->link.rx, context,
						 tables[i % 3][0],
						 tables[i % 3][1]));
	load_close(_metadata, &load);
	for (i = 0; i < RINGS; i++)
		EXPECT_LT(0, link_counter(&self->link, LINK_QUEUE + i,
					  "provider_bytes"));
	EXPECT_EQ(0, link_counter(&self->link, 0, "placed_bytes"));
}

TEST_HARNESS_MAIN
