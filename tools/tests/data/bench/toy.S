/* SPDX-License-Identifier: GPL-2.0 */
/*
 * A guest of which is known how many instructions each function executes: what
 * the plugin books is compared with that. Multiboot; it ends QEMU by a write to
 * the port of isa-debug-exit.
 */
#define MAGIC	0x1badb002
#define FLAGS	0x00010000	/* the addresses below count */
#define MARKS	0x6b736200
#define EXIT	0xf4

	.macro mark what
	nopl MARKS + \what(%rax)
	.endm

	.macro nops count
	.rept \count
	nop
	.endr
	.endm

	.text
	.code32
	.globl start
	.balign 4
header:
	.long MAGIC, FLAGS, -(MAGIC + FLAGS)
	.long header, header, 0, 0, start
start:
	movl $directories + 3, tables
	movl $pages + 3, directories
	movl $0x83, pages
	mov $tables, %eax
	mov %eax, %cr3
	mov $0x20, %eax			/* PAE */
	mov %eax, %cr4
	mov $0xc0000080, %ecx		/* EFER: long mode */
	mov $0x100, %eax
	xor %edx, %edx
	wrmsr
	mov $0x80000001, %eax
	mov %eax, %cr0
	lgdt gdt_pointer
	ljmp $8, $long_mode

	.code64
long_mode:
	mov $stack, %rsp
	lea task_one, %rsi
	call __switch_to_asm
	mark 1				/* the first task sends */
	lea task_two, %rsi
	call __switch_to_asm
	mark 2				/* the second receives */
	call measured
	mov $0, %al
	out %al, $EXIT
	hlt

	.globl measured
measured:
	nops 7				/* before: they do not count */
	mark 3
	nops 3				/* 4: with the mark itself */
#ifdef JUMPS
	call jumper
#endif
#ifdef INTERRUPTS
	call interrupted
#endif
#ifdef SECTIONS
	call sectioned
#endif
#ifdef SWITCHES
	call softirq_that_switches
#endif
	call softirq			/* 1 each */
	call softirq
	call program
	lea task_one, %rsi		/* 2 with the call */
	call __switch_to_asm
	nops 11				/* of the sender */
	mark 4
	nops 5
	ret

	.globl softirq
softirq:
	nops 2
	call poll			/* 5 with both and the ret */
	call poll_of_acks
	ret

/* Of a queue that has got no data. */
	.globl poll_of_acks
poll_of_acks:
	call driver_poll
	ret				/* 2 */

	.globl poll
poll:
	movb $1, has_data
	call driver_poll
	movb $0, has_data
	ret				/* 4 */

	.globl driver_poll
driver_poll:
	nops 6
	cmpb $1, has_data
	jne 1f
	call driver_rx
1:	ret				/* 10 with data, 9 without */

	.globl driver_rx
driver_rx:
	nops 1
	call dma
	call copy			/* from here it is the device's */
	call deliver
	ret				/* 5 */

	.globl dma
dma:
	nops 20
	call copy
	ret				/* 22 and 9 of copy */

	.globl copy
copy:
	nops 8
	ret

	.globl deliver
deliver:
	nops 4
	call copy			/* here not: it is not the driver that calls */
	ret				/* 6 and 9 of copy */

	.globl program
program:
	nops 30
	ret

	.globl jumper
jumper:
	jmp dma

/*
 * A trap behind the call of dma, before its first instruction: 11 here, 3 of the
 * handler, and what dma does.
 */
	.globl interrupted
interrupted:
	lea asm_exc_debug, %rax
	mov %ax, idt + 16
	shr $16, %rax
	mov %ax, idt + 22
	lidt idt_pointer
	pushf
	orl $0x100, (%rsp)		/* TF: after the next instruction */
	nops 1
	popf
	call dma
	ret

	.globl asm_exc_debug
asm_exc_debug:
	andl $~0x100, 16(%rsp)
	nops 1
	iretq

/*
 * Two passes of a, the first one with another task that is in no section; five
 * operations. In b another task is in one of its own.
 */
	.globl sectioned
sectioned:
	nopl begin_a(%rip)		/* before: it is no part of it */
	nops 4
	lea task_one, %rsi
	call __switch_to_asm		/* 6 with these; 2 there, and 1 of the sender */
	nops 7				/* of the sender, in a: 9 with the next two */
	lea task_two, %rsi
	call __switch_to_asm
	nops 1
	nopl end_a(%rip)		/* 2 with this mark */
	nopl operations_a(%rip)
	nopl double(%rip)
	nopl one(%rip)
	nopl double(%rip)
	nopl double(%rip)
	nopl one(%rip)
	nopl begin_a(%rip)
	nops 2
	nopl end_a(%rip)		/* 3 */
	nopl begin_b(%rip)
	lea task_one, %rsi
	call __switch_to_asm		/* 2, 2 there, and 1 of the sender */
	nopl begin_c(%rip)		/* 1: still of b */
	nops 9
	nopl end_c(%rip)		/* 10 in c */
	lea task_two, %rsi
	call __switch_to_asm
	nopl end_b(%rip)		/* 2 and 1 of the sender, 1 with this mark */
#ifdef NESTED
	nopl begin_a(%rip)
	nopl begin_b(%rip)
	nopl end_b(%rip)
	nopl end_a(%rip)
#endif
#ifdef UNENDED
	nopl begin_c(%rip)
#endif
#ifdef UNBEGUN
	nopl end_c(%rip)
#endif
#ifdef BORN
	nopl begin_c(%rip)
	call ret_from_fork_asm		/* another task in its place */
	nopl end_c(%rip)
#endif
	ret

	.globl ret_from_fork_asm
ret_from_fork_asm:
	ret

	.globl softirq_that_switches
softirq_that_switches:
	lea task_two, %rsi
	call __switch_to_asm
	ret

	.globl __switch_to_asm
__switch_to_asm:
	mov %rsp, 16(%rsi)
	.byte 0x48, 0x8b, 0xa6		/* mov TASK_STACK(%rsi), %rsp */
	.long 16
	ret

	.globl the_end
the_end:
	.irp name, begin_a, end_a, operations_a, begin_b, end_b, begin_c, end_c, double, one
	.globl \name
\name:
	.byte 0
	.endr
	.balign 8
/* Who calls goes on as the other, on the same stack. */
task_one:
	.quad 0, 0, 0
task_two:
	.quad 0, 0, 0
has_data:
	.byte 0
	.balign 8
gdt:
	.quad 0, 0x00af9a000000ffff, 0x00cf92000000ffff
idt:
	.quad 0, 0
	.word 0, 8, 0x8e00, 0		/* the debug trap; its address is filled in */
	.quad 0
idt_pointer:
	.word . - idt - 1
	.quad idt
	.balign 8
gdt_pointer:
	.word . - gdt - 1
	.quad gdt
	.balign 4096
tables:
	.fill 4096
directories:
	.fill 4096
pages:
	.fill 4096
	.fill 4096
stack:
