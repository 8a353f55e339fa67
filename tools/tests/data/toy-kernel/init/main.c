// SPDX-License-Identifier: GPL-2.0
#include <linux/toy.h>
#include <linux/toy_abi.h>

int start_kernel(void)
{
	int done = net_poll(TOY_BUDGET);

#ifdef CONFIG_IO_URING_ZCRX
	done += zcrx_poll(TOY_BUDGET);
#endif
	return done;
}
