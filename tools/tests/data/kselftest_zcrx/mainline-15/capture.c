// SPDX-License-Identifier: GPL-2.0
#include <arpa/inet.h>
#include <errno.h>
#include <linux/if_ether.h>
#include <linux/if_packet.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/uio.h>
#include <unistd.h>

#include "capture.h"

int capture_open(unsigned int ifindex)
{
	const struct packet_mreq everything = {
		.mr_ifindex = ifindex,
		.mr_type = PACKET_MR_PROMISC,
	};
	const struct sockaddr_ll address = {
		.sll_family = AF_PACKET,
		.sll_protocol = htons(ETH_P_ALL),
		.sll_ifindex = ifindex,
	};
	const int one = 1;
	int fd;

	fd = socket(AF_PACKET, SOCK_RAW, 0);
	if (fd < 0)
		return -errno;
	if (!setsockopt(fd, SOL_PACKET, PACKET_AUXDATA, &one, sizeof(one)) &&
	    !setsockopt(fd, SOL_PACKET, PACKET_ADD_MEMBERSHIP, &everything,
			sizeof(everything)) &&
	    !bind(fd, (const void *)&address, sizeof(address)))
		return fd;
	close(fd);
	return -errno;
}

/* One packet, be it one that arrived or one that leaves. */
static ssize_t receive(int fd, struct captured *packet,
		       struct sockaddr_ll *from)
{
	char control[CMSG_SPACE(sizeof(struct tpacket_auxdata))];
	struct iovec part = {
		.iov_base = packet->bytes,
		.iov_len = sizeof(packet->bytes),
	};
	struct msghdr message = {
		.msg_name = from,
		.msg_namelen = sizeof(*from),
		.msg_iov = &part,
		.msg_iovlen = 1,
		.msg_control = control,
		.msg_controllen = sizeof(control),
	};
	struct tpacket_auxdata about;
	struct cmsghdr *first;
	ssize_t got;

	got = recvmsg(fd, &message, MSG_DONTWAIT);
	first = got < 0 ? NULL : CMSG_FIRSTHDR(&message);
	if (!first)
		return -1;
	memcpy(&about, CMSG_DATA(first), sizeof(about));
	packet->len = got;
	packet->wire_len = about.tp_len;
	return got;
}

int capture_next(int fd, struct captured *packet)
{
	struct sockaddr_ll from;

	do {
		if (receive(fd, packet, &from) < 0)
			return 0;
	} while (from.sll_pkttype == PACKET_OUTGOING);
	return 1;
}
