/* SPDX-License-Identifier: GPL-2.0 */
/*
 * The sections that a program marks (kseries_bench.h). One is of the task that
 * begins it. What a task does that is in none is of the one that others are in,
 * where there is just one; else it is of none, which is section 0.
 */
#ifndef SECTIONS_H
#define SECTIONS_H

#include <stdint.h>
#include <stdio.h>

#include "tasks.h"

#define MOST_SECTIONS	64	/* section 0 included */

struct mark {
	uint64_t	address;	/* that its operand points to */
	char		kind;		/* B begin, E end, O operations, D double, I and one */
	int		section;
};

extern int section_count;	/* section 0 included; 1 where a program has none */

/* Add a mark that a program has. Gives NULL, or what is wrong. */
const char *sections_add(uint64_t address, char kind, const char *name);

/* The mark that an operand points to, NULL for none. */
const struct mark *sections_find(uint64_t address);

/* Forget what happened. */
void sections_begin(void);

/* Nothing more happens: what was not ended is wrong. */
void sections_end(void);

/* A task passes a mark. */
void sections_pass(struct task *task, const struct mark *mark);

/* Another task begins in the place of one that is no more. */
void sections_born(struct task *task);

/* The section that what a task does is of. */
int sections_of(const struct task *task);

/* Write a section's line, and what is wrong with it. */
void sections_write(FILE *file, int section);

#endif /* SECTIONS_H */
