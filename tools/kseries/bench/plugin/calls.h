/* SPDX-License-Identifier: GPL-2.0 */
/*
 * Who called whom. A node is a function that another node called, so the nodes
 * are a tree; node 0 is its root and no function. What a task had called before
 * this began is not known: its first node is what it runs then.
 */
#ifndef CALLS_H
#define CALLS_H

#include <stdbool.h>
#include <stdint.h>

/* A block of instructions that was translated. */
struct block {
	uint64_t	start;
	uint64_t	end;		/* behind its last instruction */
	int		function;
	bool		is_entry;	/* it begins the function */
	bool		calls;		/* it ends in a call */
	bool		traps;		/* it ends in a system call */
	bool		returns;	/* it ends in a return, of whatever kind */
	bool		resumes;	/* it ends in the return from an interrupt */
	uint64_t	target;		/* of a call, 0 where only the processor knows */
	bool		is_thunk;	/* on the way of a call to what is called */
	bool		interrupts;	/* it begins an interrupt, or an exception */
	bool		excepts;	/* it begins an exception */
	bool		begins_task;	/* a new one, whose place another may have had */
};

struct node {
	int	parent;
	int	function;
};

extern struct node *nodes;
extern int node_count;

/* Gives NULL, or what is wrong. */
const char *calls_open(void);

/* Forget all, in a block; give its node. */
int calls_begin(uint64_t task, const struct block *block);

/* Another task goes on, in the middle of a block; give its node. */
int calls_switch(uint64_t task, const struct block *block);

/* Whether it runs in an interrupt of the timer, or on the way out of one. */
bool calls_in_timer(void);

/* A block follows another one; give its node. */
int calls_follow(const struct block *before, const struct block *block);

#endif /* CALLS_H */
