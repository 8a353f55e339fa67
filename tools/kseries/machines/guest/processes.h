/* SPDX-License-Identifier: GPL-2.0 */
#ifndef KSERIES_PROCESSES_H
#define KSERIES_PROCESSES_H

/*
 * Send a signal (0: none) to all that descends from this process, as it is now; tell how many those
 * are. What has ended and waits only to be reaped is not among them.
 */
int signal_descendants(int signal);

#endif
