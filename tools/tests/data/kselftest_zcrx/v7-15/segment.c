// SPDX-License-Identifier: GPL-2.0
#define _GNU_SOURCE
#include <arpa/inet.h>
#include <errno.h>
#include <netinet/in.h>
#include <netinet/ip.h>
#include <netinet/tcp.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

#include "segment.h"
#include "stream.h"

#define MOST_BYTES	1024
#define WINDOW		1024
#define HOPS		64

struct packet {
	struct iphdr	ip;
	struct tcphdr	tcp;
	char		payload[MOST_BYTES];
};

/* What the checksum covers before the header of TCP. */
struct pseudo {
	__be32	from;
	__be32	to;
	__u8	zero;
	__u8	protocol;
	__be16	len;
};

static __u32 sum(const void *data, size_t len, __u32 start)
{
	const __u8 *bytes = data;
	size_t i;

	for (i = 0; i < len; i++)
		start += i % 2 ? bytes[i] : bytes[i] << 8;
	return start;
}

static __be16 checksum(const struct packet *packet, size_t len)
{
	const struct pseudo pseudo = {
		.from = packet->ip.saddr,
		.to = packet->ip.daddr,
		.protocol = IPPROTO_TCP,
		.len = htons(len),
	};
	__u32 all = sum(&packet->tcp, len, sum(&pseudo, sizeof(pseudo), 0));

	while (all >> 16)
		all = (all & 0xffff) + (all >> 16);
	return htons(~all);
}

/* The next byte that a connection sends, or expects. */
static int next_byte(int fd, int queue, __u32 *number)
{
	socklen_t size = sizeof(*number);

	if (setsockopt(fd, IPPROTO_TCP, TCP_REPAIR_QUEUE, &queue,
		       sizeof(queue)) ||
	    getsockopt(fd, IPPROTO_TCP, TCP_QUEUE_SEQ, number, &size))
		return -errno;
	return 0;
}

static int next_bytes(int fd, __u32 *sent, __u32 *expected)
{
	const int on = TCP_REPAIR_ON, off = TCP_REPAIR_OFF_NO_WP;
	int ret;

	if (setsockopt(fd, IPPROTO_TCP, TCP_REPAIR, &on, sizeof(on)))
		return -errno;
	ret = next_byte(fd, TCP_SEND_QUEUE, sent) ?:
	      next_byte(fd, TCP_RECV_QUEUE, expected);
	if (setsockopt(fd, IPPROTO_TCP, TCP_REPAIR, &off, sizeof(off)))
		return -errno;
	return ret;
}

static int fill_in(struct packet *packet, int fd, const struct segment *segment)
{
	struct sockaddr_in from, to;
	socklen_t size = sizeof(from);
	size_t i, len;
	__u32 sent, expected;
	int ret;

	if (segment->len > MOST_BYTES)
		return -EMSGSIZE;
	if (getsockname(fd, (void *)&from, &size) ||
	    getpeername(fd, (void *)&to, &size))
		return -errno;
	ret = next_bytes(fd, &sent, &expected);
	if (ret)
		return ret;

	len = sizeof(packet->tcp) + segment->len;
	packet->ip = (struct iphdr) {
		.version = IPVERSION,
		.ihl = sizeof(packet->ip) / sizeof(__u32),
		.tot_len = htons(sizeof(packet->ip) + len),
		.ttl = HOPS,
		.protocol = IPPROTO_TCP,
		.saddr = from.sin_addr.s_addr,
		.daddr = to.sin_addr.s_addr,
	};
	memset(&packet->tcp, 0, sizeof(packet->tcp));
	packet->tcp.source = from.sin_port;
	packet->tcp.dest = to.sin_port;
	packet->tcp.seq = htonl(sent + segment->position);
	packet->tcp.ack_seq = htonl(expected);
	packet->tcp.doff = sizeof(packet->tcp) / sizeof(__u32);
	packet->tcp.ack = 1;
	packet->tcp.urg = segment->urgent > 0;
	packet->tcp.urg_ptr = htons(segment->urgent);
	packet->tcp.window = htons(WINDOW);
	stream_bytes(packet->payload, segment->position, segment->len);
	packet->tcp.check = checksum(packet, len);
	for (i = 0; segment->spoiled && i < segment->len; i++)
		packet->payload[i]++;
	return 0;
}

static int send_packet(const struct packet *packet)
{
	const struct sockaddr_in to = {
		.sin_family = AF_INET,
		.sin_addr.s_addr = packet->ip.daddr,
	};
	size_t len = ntohs(packet->ip.tot_len);
	int fd, ret = 0;

	fd = socket(AF_INET, SOCK_RAW, IPPROTO_RAW);
	if (fd < 0)
		return -errno;
	if (sendto(fd, packet, len, 0, (void *)&to, sizeof(to)) != (ssize_t)len)
		ret = -errno;
	close(fd);
	return ret;
}

int segment_send(const struct link *link, int sending,
		 const struct segment *segment)
{
	struct packet packet;
	int ret;

	ret = fill_in(&packet, sending, segment) ?: link_enter_sender(link);
	if (ret)
		return ret;
	ret = send_packet(&packet);
	return link_enter_receiver(link) ?: ret;
}
