// SPDX-License-Identifier: GPL-2.0
#include <kseries_bench.h>
#include <linux/futex.h>
#include <stdlib.h>
#include <sys/epoll.h>
#include <sys/eventfd.h>
#include <sys/syscall.h>
#include <unistd.h>

#define TIMES	1000

int main(void)
{
	struct epoll_event event = { .events = EPOLLIN };
	int poll = epoll_create1(0), file = eventfd(0, 0), ends[2], word = 0, i;
	char byte = 0;

	if (poll < 0 || file < 0 || pipe(ends))
		return 1;

	kseries_begin("getpid");
	for (i = 0; i < TIMES; i++)
		syscall(SYS_getpid);
	kseries_end("getpid");
	kseries_ops("getpid", TIMES);

	kseries_begin("pipe");
	for (i = 0; i < TIMES; i++) {
		if (write(ends[1], &byte, 1) != 1 || read(ends[0], &byte, 1) != 1)
			return 1;
	}
	kseries_end("pipe");
	kseries_ops("pipe", TIMES);

	kseries_begin("futex-wake");
	for (i = 0; i < TIMES; i++)
		syscall(SYS_futex, &word, FUTEX_WAKE_PRIVATE, 1, 0, 0, 0);
	kseries_end("futex-wake");
	kseries_ops("futex-wake", TIMES);

	kseries_begin("epoll_ctl");
	for (i = 0; i < TIMES; i++) {
		if (epoll_ctl(poll, EPOLL_CTL_ADD, file, &event) ||
		    epoll_ctl(poll, EPOLL_CTL_DEL, file, NULL))
			return 1;
	}
	kseries_end("epoll_ctl");
	kseries_ops("epoll_ctl", TIMES);
	return 0;
}
