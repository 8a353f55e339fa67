// SPDX-License-Identifier: GPL-2.0
#define _GNU_SOURCE
#include <errno.h>
#include <linux/sockios.h>
#include <netinet/in.h>
#include <netinet/tcp.h>
#include <signal.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>
#include <sys/ioctl.h>
#include <sys/prctl.h>
#include <sys/syscall.h>
#include <sys/time.h>
#include <sys/wait.h>
#include <unistd.h>

#include "netif.h"
#include "stream.h"

#define BACKLOG		128
#define CHUNK		65536
#define CONNECT_MS	10000
#define ACCEPT_S	30
#define ARRIVE_MS	30000
#define WORD		sizeof(__u64)

/* An odd number: no two positions of a stream have the same word. */
#define PATTERN		0x9e3779b97f4a7c15ULL

static void fill(__u64 *words, __u64 position, size_t len)
{
	__u64 index = position / WORD;
	size_t i, count = (len + WORD - 1) / WORD;

	for (i = 0; i < count; i++)
		words[i] = (index + i + 1) * PATTERN;
}

bool stream_matches(const void *data, __u64 position, size_t len)
{
	__u64 words[CHUNK / WORD];
	const char *bytes = data;
	size_t skip, part;

	for (; len; len -= part, position += part, bytes += part) {
		skip = position % WORD;
		part = sizeof(words) - skip;
		if (part > len)
			part = len;
		fill(words, position - skip, skip + part);
		if (memcmp((char *)words + skip, bytes, part))
			return false;
	}
	return true;
}

void stream_bytes(void *data, __u64 position, size_t len)
{
	char *bytes = data;
	__u64 word;

	for (; len; len--, position++) {
		fill(&word, position - position % WORD, WORD);
		*bytes++ = ((char *)&word)[position % WORD];
	}
}

/* Send a stream by writes of no more than that many bytes. */
static int send_parts(int fd, __u64 size, size_t most, int flags)
{
	static __u64 words[CHUNK / WORD];
	size_t done, len, part;
	__u64 position;
	ssize_t sent;

	for (position = 0; position < size; position += len) {
		len = size - position < CHUNK ? size - position : CHUNK;
		fill(words, position, len);
		for (done = 0; done < len; done += sent) {
			part = len - done < most ? len - done : most;
			sent = send(fd, (char *)words + done, part,
				    MSG_NOSIGNAL | flags);
			if (sent < 0)
				return -errno;
		}
	}
	return 0;
}

int stream_send(int fd, __u64 size)
{
	return send_parts(fd, size, CHUNK, 0);
}

int stream_send_writes(int fd, __u64 size, size_t write)
{
	const int one = 1;

	if (setsockopt(fd, IPPROTO_TCP, TCP_NODELAY, &one, sizeof(one)))
		return -errno;
	return send_parts(fd, size, write, MSG_EOR);
}

int stream_wait(int fd, int size)
{
	int there = 0, ms;

	for (ms = 0; ms < ARRIVE_MS; ms++) {
		if (ioctl(fd, SIOCINQ, &there))
			return -errno;
		if (there >= size)
			return 0;
		usleep(1000);
	}
	return -ETIMEDOUT;
}

/* Where to connect to somebody who listens at any address. */
static socklen_t listener_address(int listener, struct sockaddr_storage *peer)
{
	struct sockaddr_storage any;
	socklen_t size = sizeof(any);

	if (getsockname(listener, (void *)&any, &size))
		return 0;
	/* The port has its place for both families. */
	return link_address(any.ss_family,
			    ntohs(((struct sockaddr_in *)&any)->sin_port),
			    peer);
}

static int connect_soon(const struct sockaddr_storage *peer, socklen_t size)
{
	int fd, ms;

	fd = socket(peer->ss_family, SOCK_STREAM, 0);
	if (fd < 0)
		return -errno;
	/* The kernel may still be busy with the wire that has come up. */
	for (ms = 0; ms < CONNECT_MS; ms++) {
		if (!connect(fd, (void *)peer, size))
			return fd;
		usleep(1000);
	}
	return -errno;
}

/* What a sender sends. */
struct sending {
	__u64	size;
	bool	urgent;
	size_t	write;	/* 0: as large as it comes */
};

/* Send all there is to send. Returns 0 or a negative error. */
static int send_all(int fd, const struct sending *what)
{
	const char byte = STREAM_URGENT;
	int ret;

	if (what->write)
		return stream_send_writes(fd, what->size, what->write);
	ret = stream_send(fd, what->size);
	if (ret || !what->urgent)
		return ret;
	if (send(fd, &byte, 1, MSG_OOB | MSG_NOSIGNAL) != 1)
		return -errno;
	return stream_send(fd, what->size);
}

static int send_stream(const struct link *link, int listener,
		       const struct sending *what)
{
	struct sockaddr_storage peer;
	socklen_t peer_size = listener_address(listener, &peer);
	char byte;
	int fd, ret;

	prctl(PR_SET_PDEATHSIG, SIGKILL);
	ret = link_enter_sender(link);
	if (ret)
		return ret;
	/* Other connections, and who listens, are not ours to keep. */
	syscall(__NR_close_range, STDERR_FILENO + 1, ~0U, 0);
	fd = connect_soon(&peer, peer_size);
	if (fd < 0)
		return fd;
	if (recv(fd, &byte, 1, 0) != 1)
		return -EPIPE;
	ret = send_all(fd, what);
	if (ret)
		return ret;
	if (shutdown(fd, SHUT_WR))
		return -errno;
	/* The other end closes when it has seen the end of the stream. */
	return recv(fd, &byte, 1, 0) < 0 ? -errno : 0;
}

static int listen_at(int family, int port)
{
	struct sockaddr_storage address = { .ss_family = family };
	const struct timeval patience = { .tv_sec = ACCEPT_S };
	const int one = 1;
	int fd;

	((struct sockaddr_in *)&address)->sin_port = htons(port);
	fd = socket(family, SOCK_STREAM, 0);
	if (fd < 0)
		return -errno;
	if (setsockopt(fd, SOL_SOCKET, SO_REUSEADDR, &one, sizeof(one)) ||
	    setsockopt(fd, SOL_SOCKET, SO_RCVTIMEO, &patience,
		       sizeof(patience)) ||
	    bind(fd, (void *)&address, sizeof(address)) ||
	    listen(fd, BACKLOG))
		return -errno;
	return fd;
}

static int accept_one(int listener, int *fd)
{
	do {
		*fd = accept(listener, NULL, NULL);
	} while (*fd < 0 && errno == EINTR);
	return *fd < 0 ? -errno : 0;
}

static int open_stream(struct stream *stream, const struct link *link,
		       int family, int port, const struct sending *what)
{
	int listener, ret;

	listener = listen_at(family, port);
	if (listener < 0)
		return listener;
	stream->sender = fork();
	if (!stream->sender)
		_exit(-send_stream(link, listener, what));
	if (stream->sender < 0)
		ret = -errno;
	else
		ret = accept_one(listener, &stream->fd);
	close(listener);
	return ret;
}

int stream_open(struct stream *stream, const struct link *link, int family,
		int port, __u64 size)
{
	const struct sending what = { .size = size };

	return open_stream(stream, link, family, port, &what);
}

int stream_open_urgent(struct stream *stream, const struct link *link,
		       int family, int port, __u64 size)
{
	const struct sending what = { .size = size, .urgent = true };

	return open_stream(stream, link, family, port, &what);
}

int stream_open_writes(struct stream *stream, const struct link *link,
		       int family, int port, __u64 size, size_t write)
{
	const struct sending what = { .size = size, .write = write };

	return open_stream(stream, link, family, port, &what);
}

int stream_start(struct stream *stream)
{
	return send(stream->fd, "", 1, MSG_NOSIGNAL) == 1 ? 0 : -errno;
}

int stream_skip(const struct stream *stream, size_t len)
{
	ssize_t skipped;

	/* A ring that has just been closed may interrupt it. */
	do {
		skipped = recv(stream->fd, NULL, len, MSG_TRUNC | MSG_WAITALL);
	} while (skipped < 0 && errno == EINTR);
	if (skipped < 0)
		return -errno;
	return skipped == (ssize_t)len ? 0 : -EPIPE;
}

int stream_reset(int fd)
{
	const struct linger at_once = { .l_onoff = 1 };

	if (setsockopt(fd, SOL_SOCKET, SO_LINGER, &at_once, sizeof(at_once)))
		return -errno;
	return close(fd) ? -errno : 0;
}

int stream_close(struct stream *stream)
{
	int status;

	close(stream->fd);
	if (waitpid(stream->sender, &status, 0) != stream->sender)
		return -errno;
	return WIFEXITED(status) ? -WEXITSTATUS(status) : -EINTR;
}

int stream_loopback(int *listening, int *receiving, int *sending)
{
	struct sockaddr_in address = { .sin_family = AF_INET };
	struct netif loopback = { .name = "lo" };
	socklen_t size = sizeof(address);
	int ret;

	ret = netif_set_up(&loopback, true);
	if (ret)
		return ret;
	address.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
	*listening = socket(AF_INET, SOCK_STREAM, 0);
	*sending = socket(AF_INET, SOCK_STREAM, 0);
	if (bind(*listening, (void *)&address, size) ||
	    listen(*listening, 1) ||
	    getsockname(*listening, (void *)&address, &size) ||
	    connect(*sending, (void *)&address, size))
		return -errno;
	return accept_one(*listening, receiving);
}

int stream_pair(const struct link *link, int port, int *receiving,
		int *sending)
{
	struct sockaddr_storage peer;
	int listener, ret;

	listener = listen_at(AF_INET, port);
	if (listener < 0)
		return listener;
	ret = link_enter_sender(link);
	if (ret)
		return ret;
	*sending = connect_soon(&peer, listener_address(listener, &peer));
	ret = link_enter_receiver(link);
	if (ret || *sending < 0)
		return ret ?: *sending;
	ret = accept_one(listener, receiving);
	close(listener);
	return ret;
}
