// SPDX-License-Identifier: GPL-2.0
/*
 * Linked around the calls of a program that receives, so that it measures as
 * zcrx_bench does: --wrap=poll,read,getsockopt,setsockopt. It ends the program.
 */
#define _GNU_SOURCE
#include <linux/tcp.h>
#include <netinet/in.h>
#include <poll.h>
#include <sched.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

#include "bench_marks.h"

int __real_poll(struct pollfd *fds, nfds_t count, int timeout);
ssize_t __real_read(int fd, void *buffer, size_t size);
int __real_getsockopt(int fd, int level, int name, void *value, socklen_t *size);

int __real_setsockopt(int fd, int level, int name, const void *value, socklen_t size);

static unsigned long long total, target;
static enum { FRESH, WARM, MEASURED } state;

static unsigned long long number(const char *name)
{
	return strtoull(getenv(name), NULL, 10);
}

static void give_leave(void)
{
	if (write(number("BENCH_CONTROL"), "", 1) != 1)
		_exit(3);
}

static void next_state(void)
{
	const struct sched_param first = { .sched_priority = 2 };

	switch (state++) {
	case FRESH:
		bench_mark(BENCH_RECEIVER);
		target = number("BENCH_WARM_UP");
		break;
	case WARM:
		if (!strcmp(getenv("BENCH_REGIME"), "prompt"))
			sched_setscheduler(0, SCHED_FIFO, &first);
		target += number("BENCH_BYTES");
		bench_mark(BENCH_BEGIN);
		break;
	case MEASURED:
		bench_mark(BENCH_END);
		printf("{\"bytes\": %llu}\n", number("BENCH_BYTES"));
		fflush(stdout);
		_exit(0);
	}
	give_leave();
}

/* Before each wait it is looked at how far it has come. */
int __wrap_poll(struct pollfd *fds, nfds_t count, int timeout)
{
	if (total == target)
		next_state();
	return __real_poll(fds, count, timeout);
}

ssize_t __wrap_read(int fd, void *buffer, size_t size)
{
	ssize_t got = __real_read(fd, buffer, size);

	if (got > 0)
		total += got;
	return got;
}

int __wrap_getsockopt(int fd, int level, int name, void *value, socklen_t *size)
{
	int ret = __real_getsockopt(fd, level, name, value, size);

	if (!ret && level == IPPROTO_TCP && name == TCP_ZEROCOPY_RECEIVE)
		total += ((struct tcp_zerocopy_receive *)value)->length;
	return ret;
}

/* Woken for each packet, as ours are: tcp_mmap waits for 512 KiB. */
int __wrap_setsockopt(int fd, int level, int name, const void *value, socklen_t size)
{
	if (level == SOL_SOCKET && name == SO_RCVLOWAT)
		return 0;
	return __real_setsockopt(fd, level, name, value, size);
}
