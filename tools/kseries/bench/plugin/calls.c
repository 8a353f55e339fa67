// SPDX-License-Identifier: GPL-2.0
#include <stdlib.h>
#include <string.h>

#include "calls.h"
#include "tables.h"

#define DEEPEST		256
#define MOST_TASKS	4096
#define MOST_NODES	(1 << 17)
#define PLACES		(1 << 18)	/* of the hash; more than nodes */

/* A function that is not left yet. */
struct frame {
	uint64_t		back;		/* where it returns to, 0: not known */
	int			node;
	bool			is_interrupt;
	bool			is_timer;
	const struct block	*interrupted;
};

struct stack {
	uint64_t	task;
	int		depth;
	struct frame	frames[DEEPEST];
};

struct node *nodes;
int node_count;

static int *places;
static struct stack *stacks[MOST_TASKS];
static int stack_count;
static struct stack *present;

const char *calls_open(void)
{
	nodes = calloc(MOST_NODES, sizeof(*nodes));
	places = calloc(PLACES, sizeof(*places));
	return nodes && places ? NULL : "no memory";
}

/* The function as called by a node: one that is there, or a new one. */
static int child_of(int parent, int function)
{
	uint64_t hash = ((uint64_t)parent << 32 | (uint32_t)function) * 0x9e3779b97f4a7c15ULL;
	int place = hash >> 46;

	for (; places[place]; place = (place + 1) % PLACES) {
		if (nodes[places[place]].parent == parent &&
		    nodes[places[place]].function == function)
			return places[place];
	}
	/* Of too many the rest is the root's: what it costs is told nevertheless. */
	if (node_count == MOST_NODES)
		return parent ? child_of(0, function) : 0;
	nodes[node_count] = (struct node) { .parent = parent, .function = function };
	places[place] = node_count;
	return node_count++;
}

static struct frame *top(void)
{
	return &present->frames[present->depth - 1];
}

static void push(uint64_t back, int function, bool is_interrupt,
		 const struct block *interrupted)
{
	int parent = present->depth ? top()->node : 0;

	if (present->depth == DEEPEST)
		return;
	present->frames[present->depth++] = (struct frame) {
		.back = back,
		.node = child_of(parent, function),
		.is_interrupt = is_interrupt,
		.is_timer = is_interrupt && functions[function].kind == ENTRY_TIMER,
		.interrupted = interrupted,
	};
}

/* It runs now, whatever led there: a jump to it leaves the function before. */
static int settle(int function)
{
	if (!present->depth)
		push(0, function, false, NULL);
	else if (nodes[top()->node].function != function)
		top()->node = child_of(nodes[top()->node].parent, function);
	return top()->node;
}

static void find_stack(uint64_t task)
{
	int i;

	for (i = 0; i < stack_count; i++) {
		if (stacks[i]->task == task) {
			present = stacks[i];
			return;
		}
	}
	/* Of too many tasks the last ones have one stack. */
	if (stack_count < MOST_TASKS) {
		if (!stacks[stack_count])
			stacks[stack_count] = malloc(sizeof(struct stack));
		if (!stacks[stack_count])
			abort();
		stack_count++;
	}
	present = stacks[stack_count - 1];
	present->task = task;
	present->depth = 0;
}

int calls_begin(uint64_t task, const struct block *block)
{
	memset(places, 0, PLACES * sizeof(*places));
	nodes[0] = (struct node) { .parent = -1, .function = -1 };
	node_count = 1;
	stack_count = 0;
	find_stack(task);
	return settle(block->function);
}

int calls_switch(uint64_t task, const struct block *block)
{
	find_stack(task);
	return settle(block->function);
}

/* Back to what was interrupted; give its block, whose call may be to come. */
static const struct block *resume(const struct block *before)
{
	int i;

	for (i = present->depth - 1; i >= 0; i--) {
		if (present->frames[i].is_interrupt) {
			present->depth = i;
			return present->frames[i].interrupted;
		}
	}
	return before;
}

static void leave(uint64_t address)
{
	int i;

	for (i = present->depth - 1; i >= 0; i--) {
		if (present->frames[i].back == address) {
			present->depth = i;
			return;
		}
	}
}

bool calls_in_timer(void)
{
	int i;

	for (i = present->depth - 1; i >= 0; i--) {
		if (present->frames[i].is_timer)
			return true;
	}
	return false;
}

int calls_follow(const struct block *before, const struct block *block)
{
	if (block->begins_task)
		present->depth = 0;
	if (block->interrupts && block->is_entry) {
		push(0, block->function, true, before);
		return settle(block->function);
	}
	if (before && before->resumes)
		before = resume(before);
	if (before && before->returns)
		leave(block->start);
	else if (before && block->is_entry &&
		 (before->traps || (before->calls && (!before->target ||
						      before->target == block->start))))
		push(before->end, block->function, false, NULL);
	return settle(block->function);
}
