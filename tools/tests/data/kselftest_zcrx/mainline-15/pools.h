/* SPDX-License-Identifier: GPL-2.0 */
/* The page pools of the network namespace that the caller is in. */
#ifndef POOLS_H
#define POOLS_H

/* How many there are, those that wait for their last buffer included, or -1. */
int pools_count(void);

/*
 * Buffers of an interface's pools, idle ones included. A new pool has none.
 * Returns -1 when there is no telling.
 */
long long pools_buffers(unsigned int ifindex);

/*
 * Wait until there are no more than that many, as pools go a little later than
 * what used them. Returns how many there are, or -1.
 */
int pools_settle(int count, unsigned int timeout_ms);

#endif /* POOLS_H */
