// SPDX-License-Identifier: GPL-2.0
/*
 * A plugin for QEMU that books each instruction of the guest, one processor
 * under -icount: whose task it is, in which context, in which function.
 *
 * Nothing of the guest's registers can be seen. Which task runs is known by the
 * address that __switch_to_asm loads its stack pointer from; who it is, by marks
 * that programs run (bench_marks.h); the context, by functions that are entered
 * and by the addresses they return to.
 */
#include <inttypes.h>
#include <stdlib.h>
#include <string.h>

#include "booking.h"
#include "calls.h"
#include "code.h"
#include "qemu_api.h"
#include "sections.h"
#include "tables.h"
#include "tasks.h"

#define DEEPEST		32
#define CUT_CALLS	16

QEMU_CALLED int qemu_plugin_version = QEMU_API_VERSION;

/* A layer that was entered, and where it is left. */
struct frame {
	uint64_t	back;
	enum layer	layer;
	enum layer	before;
};

static FILE *output;
static uint64_t executed;	/* instructions since the start; QEMU adds to it */
static uint64_t accounted;
static const struct block *current;
static const struct block *caller;	/* the last block that is no thunk */
static int here;			/* the node of the current block */

/* Calls that were interrupted before what they call began. The last ones. */
static const struct block *cut[CUT_CALLS];
static unsigned int cut_count;

static struct frame frames[DEEPEST];
static int depth;
static enum layer layer = SYSCALL;
static bool poll_receives;

/* The one that runs; of too many those that came last are one. */
static struct task rest, *task = &rest;
static int section;

static void account(void)
{
	const struct function *function;
	enum layer where = layer;

	if (current) {
		function = &functions[current->function];
		if (function->in_program && layer == SYSCALL)
			where = USER;
		/* Of a program's own paths, whatever it interrupts is not a part. */
		if (section_count > 1 && booking_goes_on() && calls_in_timer())
			where = TIMER;
		book(section, task->role, where, here, executed - accounted);
	}
	accounted = executed;
}

static void find_task(uint64_t place)
{
	task = task_at(place);
	if (!task) {
		booking_fault("too many tasks", "");
		task = &rest;
		*task = (struct task) { .place = place };
	}
	section = sections_of(task);
}

/* The instruction that loads the stack pointer of the task that goes on. */
static void on_switch(unsigned int cpu, qemu_plugin_meminfo_t info, uint64_t address, void *data)
{
	(void)cpu;
	(void)info;
	(void)data;
	account();
	if (depth)
		booking_fault("another task goes on within", layer_names[layer]);
	find_task(address);
	events.switches++;
	if (booking_goes_on())
		here = calls_switch(task->place, current);
}

static void leave(void)
{
	const struct frame *frame = &frames[--depth];

	if (frame->layer == POLL)
		book_poll(task->role, poll_receives);
	layer = frame->before;
}

/* Who called a function that was entered just now. */
static const struct block *find_caller(uint64_t address)
{
	const struct block *block;
	unsigned int i, place;

	if (caller && caller->calls)
		return caller;
	for (i = 1; i <= CUT_CALLS && i <= cut_count; i++) {
		place = (cut_count - i) % CUT_CALLS;
		block = cut[place];
		if (!block || (block->target && block->target != address))
			continue;
		cut[place] = NULL;
		return block;
	}
	return caller;
}

/* A new task may have the place of another one; one that runs the program is its. */
static void see_task(const struct block *block, const struct function *function)
{
	if (block->begins_task) {
		sections_born(task);
		section = sections_of(task);
	} else if (section_count > 1 && function->in_program && layer == SYSCALL) {
		task->role = RECEIVER;
	}
}

static void enter(const struct function *function)
{
	const struct block *by = find_caller(function->address);

	if (function->caller && (!by || strncmp(functions[by->function].name, function->caller,
						strlen(function->caller))))
		return;
	if (!by || !by->calls) {
		booking_fault("entered by a jump:", function->name);
		return;
	}
	if (depth == DEEPEST) {
		booking_fault("too deep:", function->name);
		return;
	}
	frames[depth++] = (struct frame) {
		.back = by->end, .layer = function->layer, .before = layer,
	};
	layer = frames[depth - 1].layer;
	events.entries[layer]++;
	if (layer == POLL)
		poll_receives = false;
	if (layer == DMA)
		poll_receives = true;
}

static void on_block(unsigned int cpu, void *data)
{
	const struct block *block = data;
	const struct function *function = &functions[block->function];

	(void)cpu;
	account();
	while (depth && block->start == frames[depth - 1].back)
		leave();
	if (block->interrupts && current && current->calls)
		cut[cut_count++ % CUT_CALLS] = current;
	if (block->excepts)
		events.exceptions++;
	if (block->is_entry && function->kind == ENTRY_LAYER)
		enter(function);
	if (block->is_entry && function->kind == ENTRY_RECEIVES)
		poll_receives = true;
	see_task(block, function);
	if (booking_goes_on())
		here = calls_follow(current, block);
	current = block;
	if (!block->is_thunk)
		caller = block;
}

static void on_mark(unsigned int cpu, void *data)
{
	(void)cpu;
	account();
	switch ((uintptr_t)data) {
	case 1:
		task->role = SENDER;
		break;
	case 2:
		task->role = RECEIVER;
		break;
	case 3:
		here = calls_begin(task->place, current);
		sections_begin();
		booking_begin();
		break;
	case 4:
		sections_end();
		if (booking_goes_on())
			booking_write(output);
		booking_end();
		rest = (struct task) { .place = task->place };
		tasks_forget();
		find_task(rest.place);
		break;
	}
}

static void on_section(unsigned int cpu, void *data)
{
	(void)cpu;
	account();
	if (!booking_goes_on())
		return;
	sections_pass(task, data);
	section = sections_of(task);
}

/* What the processor goes to at an interrupt: in Linux these have such names. */
static bool is_interrupt(const char *name)
{
	return !strncmp(name, "asm_", strlen("asm_")) || strstr(name, "entries_start");
}

static void watch(struct qemu_plugin_insn *insn, const struct function *function)
{
	const unsigned char *code = qemu_plugin_insn_data(insn);
	size_t size = qemu_plugin_insn_size(insn);
	uintptr_t mark = mark_in(code, size);
	uint64_t place = place_in(code, size, qemu_plugin_insn_vaddr(insn) + size);
	const struct mark *passed = place ? sections_find(place) : NULL;

	qemu_plugin_register_vcpu_insn_exec_inline(insn, QEMU_INLINE_ADD_U64, &executed, 1);
	if (mark)
		qemu_plugin_register_vcpu_insn_exec_cb(insn, on_mark, QEMU_CB_NO_REGS,
						       (void *)mark);
	if (passed)
		qemu_plugin_register_vcpu_insn_exec_cb(insn, on_section, QEMU_CB_NO_REGS,
						       (void *)passed);
	if (is_halt(code, size))
		qemu_plugin_register_vcpu_insn_exec_inline(insn, QEMU_INLINE_ADD_U64,
							   &events.halts, 1);
	if (function->kind == ENTRY_SWITCH && loads_stack(code, size))
		qemu_plugin_register_vcpu_mem_cb(insn, on_switch, QEMU_CB_NO_REGS, QEMU_MEM_RW,
						 NULL);
}

static void on_translation(qemu_plugin_id_t id, struct qemu_plugin_tb *tb)
{
	size_t i, count = qemu_plugin_tb_n_insns(tb);
	struct qemu_plugin_insn *last = qemu_plugin_tb_get_insn(tb, count - 1);
	struct block *block = calloc(1, sizeof(*block));
	const struct function *function;
	const unsigned char *code;
	size_t size;

	(void)id;
	if (!block)
		abort();
	block->start = qemu_plugin_tb_vaddr(tb);
	block->end = qemu_plugin_insn_vaddr(last) + qemu_plugin_insn_size(last);
	block->function = find_function(block->start);
	function = &functions[block->function];
	block->is_entry = block->start == function->address;
	code = qemu_plugin_insn_data(last);
	size = qemu_plugin_insn_size(last);
	block->calls = is_call(code, size);
	block->traps = is_trap(code, size);
	block->returns = is_return(code, size);
	block->resumes = is_resume(code, size);
	block->target = target_of(code, size, block->end);
	block->interrupts = is_interrupt(function->name);
	block->excepts = block->is_entry && !strncmp(function->name, "asm_exc_", strlen("asm_exc_"));
	block->begins_task = block->is_entry && !strcmp(function->name, "ret_from_fork_asm");
	block->is_thunk = strstr(function->name, "thunk") != NULL;
	qemu_plugin_register_vcpu_tb_exec_cb(tb, on_block, QEMU_CB_NO_REGS, block);
	for (i = 0; i < count; i++)
		watch(qemu_plugin_tb_get_insn(tb, i), function);
}

static void on_exit_of_qemu(qemu_plugin_id_t id, void *data)
{
	(void)id;
	(void)data;
	fclose(output);
}

static int refuse(const char *what)
{
	fprintf(stderr, "kseries plugin: %s\n", what);
	return 1;
}

/* Arguments: tables=FILE, output=FILE; none: say that it could be loaded. */
QEMU_CALLED int qemu_plugin_install(qemu_plugin_id_t id, const struct qemu_info *info, int argc,
				    char **argv)
{
	const char *told = NULL;
	int i;

	if (!argc) {
		fprintf(stderr, "kseries plugin: loaded, API %d to %d\n", info->version.min,
			info->version.cur);
		return 1;
	}
	for (i = 0; i < argc && !told; i++) {
		if (!strncmp(argv[i], "tables=", strlen("tables=")))
			told = read_tables(argv[i] + strlen("tables="));
		else if (!strncmp(argv[i], "output=", strlen("output=")))
			output = fopen(argv[i] + strlen("output="), "w");
		else
			told = argv[i];
	}
	if (!told)
		told = calls_open() ?: booking_open();
	if (told)
		return refuse(told);
	if (!output)
		return refuse("no output");
	qemu_plugin_register_vcpu_tb_trans_cb(id, on_translation);
	qemu_plugin_register_atexit_cb(id, on_exit_of_qemu, NULL);
	return 0;
}
