/* SPDX-License-Identifier: GPL-2.0 */
#ifndef _LINUX_TOY_H
#define _LINUX_TOY_H

int net_poll(int budget);
int netdevsim_poll(int budget);
int zcrx_poll(int budget);

#endif
