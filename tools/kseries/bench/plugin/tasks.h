/* SPDX-License-Identifier: GPL-2.0 */
/* What is known of the guest's tasks. */
#ifndef TASKS_H
#define TASKS_H

#include <stdint.h>

enum role { OTHER, SENDER, RECEIVER, ROLES };

struct task {
	uint64_t	place;		/* in memory, which stands for it */
	enum role	role;
	int		section;	/* that it is in, 0: none */
};

/* The task at a place, a new one where none is known; NULL where there are too many. */
struct task *task_at(uint64_t place);

/* Who comes next may have a task's place in memory. */
void tasks_forget(void);

#endif /* TASKS_H */
