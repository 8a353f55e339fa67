/* SPDX-License-Identifier: GPL-2.0 */
/*
 * A TCP connection over a link, with a process at its other end that sends.
 * What it sends at each position follows from the position.
 */
#ifndef STREAM_H
#define STREAM_H

#include <linux/types.h>
#include <stdbool.h>
#include <stddef.h>
#include <sys/types.h>

#include "link.h"

#define STREAM_ENDLESS	(~0ULL)
#define STREAM_URGENT	'!'

struct stream {
	int	fd;	/* the receiving end */
	pid_t	sender;
};

/*
 * Connect a sender of size bytes to a port of the caller; it waits for
 * stream_start(). Both return 0 or a negative error.
 */
int stream_open(struct stream *stream, const struct link *link, int family,
		int port, __u64 size);
int stream_start(struct stream *stream);

/* The same with a byte of urgent data after it, and the same bytes again. */
int stream_open_urgent(struct stream *stream, const struct link *link,
		       int family, int port, __u64 size);

/* The same by writes of that many bytes, each of them a packet of its own. */
int stream_open_writes(struct stream *stream, const struct link *link,
		       int family, int port, __u64 size, size_t write);

/*
 * Take that many bytes unseen, which the kernel need not be able to read.
 * Returns 0 or a negative error.
 */
int stream_skip(const struct stream *stream, size_t len);

/* Close one end of a connection so that the other one sees a reset. */
int stream_reset(int fd);

/*
 * Close the receiving end and wait for the sender. Returns 0 if that got rid
 * of everything, a negative error otherwise.
 */
int stream_close(struct stream *stream);

/*
 * A connection of the caller's with itself, which never sees a device that
 * could fill an area. Returns 0 or a negative error.
 */
int stream_loopback(int *listening, int *receiving, int *sending);

/*
 * A connection over a link to a port of the receiver, both ends of it the
 * caller's. Returns 0 or a negative error.
 */
int stream_pair(const struct link *link, int port, int *receiving,
		int *sending);

/* Send a stream of that many bytes. Returns 0 or a negative error. */
int stream_send(int fd, __u64 size);

/* The same by writes of that many bytes, each of them a packet of its own. */
int stream_send_writes(int fd, __u64 size, size_t write);

/* Wait until that many bytes wait in a socket. */
int stream_wait(int fd, int size);

/* What is sent at that position, and whether data is. */
void stream_bytes(void *data, __u64 position, size_t len);
bool stream_matches(const void *data, __u64 position, size_t len);

#endif /* STREAM_H */
