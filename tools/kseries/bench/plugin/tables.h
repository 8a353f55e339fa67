/* SPDX-License-Identifier: GPL-2.0 */
/* What the host tells: functions by address, and which of them matter. */
#ifndef TABLES_H
#define TABLES_H

#include <stdbool.h>
#include <stdint.h>

/* In which context an instruction runs. The names are those of the files. */
enum layer {
	USER,
	SYSCALL,	/* and whatever else a task does in the kernel */
	HARDIRQ,
	SOFTIRQ,
	TIMER,		/* interrupts of the timer, with all that is done in them */
	POLL,		/* of a queue, before it is known which: never reported */
	POLL_RX,	/* of one that has got data */
	POLL_TX,	/* of one that has got none */
	DMA,		/* the simulated device's own work, from here on */
	STEER,
	DROP,
	LAYERS
};

/* What becomes of it when a function is entered. */
enum entry_kind {
	ENTRY_NONE,
	ENTRY_LAYER,	/* what it does, and what it calls, is of a layer */
	ENTRY_RECEIVES,	/* the queue that is polled has got data */
	ENTRY_SWITCH,	/* another task goes on: __switch_to_asm */
	ENTRY_TIMER,	/* an interrupt of the timer begins */
};

struct function {
	uint64_t	address;
	char		*name;
	bool		in_program;
	enum entry_kind	kind;
	enum layer	layer;
	char		*caller;	/* it has to be called by: a prefix, or NULL */
};

extern const char *const layer_names[LAYERS];

extern struct function *functions;	/* in the order of their addresses */
extern int function_count;

/*
 * Read lines of
 *	kernel ADDRESS NAME, program ADDRESS NAME	functions
 *	layer NAME FUNCTION [CALLER], receives FUNCTION, switch FUNCTION, timer FUNCTION
 *	mark ADDRESS KIND[NAME]					sections.h
 * Addresses are in hexadecimal; the second kind stands behind all of the first.
 * Gives NULL, or what is wrong.
 */
const char *read_tables(const char *path);

/* The function that an address is in: the last one that begins before it. */
int find_function(uint64_t address);

#endif /* TABLES_H */
