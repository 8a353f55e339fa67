// SPDX-License-Identifier: GPL-2.0
#include <linux/toy.h>

int net_poll(int budget)
{
#ifdef CONFIG_NETDEVSIM
	return netdevsim_poll(budget);
#else
	return budget;
#endif
}
