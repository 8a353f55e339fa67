/* SPDX-License-Identifier: GPL-2.0 */
/* Instructions by section, role of the task, layer and function. */
#ifndef BOOKING_H
#define BOOKING_H

#include <stdbool.h>
#include <stdint.h>
#include <stdio.h>

#include "tables.h"
#include "tasks.h"

/* What happened besides, while it was counted. */
struct events {
	uint64_t	switches;
	uint64_t	halts;		/* the clock goes on without instructions */
	uint64_t	exceptions;	/* what is begun again after one is booked twice */
	uint64_t	polls_rx;
	uint64_t	polls_tx;
	uint64_t	entries[LAYERS];
};

extern struct events events;

/* Room for all functions that were read. Gives NULL, or what is wrong. */
const char *booking_open(void);

/* Forget what was booked, and the events; book from here on, or no more. */
void booking_begin(void);
void booking_end(void);
bool booking_goes_on(void);

/* What a node of calls.h executed. */
void book(int section, enum role role, enum layer layer, int node, uint64_t count);

/* It is known which queue was polled: its instructions are POLL_RX or POLL_TX. */
void book_poll(enum role role, bool receives);

/* Something that must not be: what was counted is worth nothing. */
void booking_fault(const char *what, const char *where);

/* Write all that was booked. */
void booking_write(FILE *file);

#endif /* BOOKING_H */
