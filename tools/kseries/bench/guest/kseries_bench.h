/* SPDX-License-Identifier: GPL-2.0 */
/*
 * What a program marks for `kseries bench --program`: sections, and how many
 * operations were carried out in them.
 *
 *	kseries_begin("pipe");
 *	for (i = 0; i < 1000; i++)
 *		write_and_read();
 *	kseries_end("pipe");
 *	kseries_ops("pipe", 1000);
 *
 * A name is a literal of letters, digits and - _ . / and is not empty. A section
 * is of the task that begins it: the same one ends it, before it begins another.
 * It can be repeated. What other tasks do meanwhile that are in no section of
 * their own is counted, too.
 *
 * A mark is a no-op, one instruction that does nothing wherever the program runs
 * and that kseries sees. Telling operations takes some for each bit of their
 * number, so it stands behind the section, or before it.
 */
#ifndef KSERIES_BENCH_H
#define KSERIES_BENCH_H

#ifdef __x86_64__
/* Which mark it is stands where the operand points, and is never read. */
#define kseries_mark_(what)							\
	__asm__ volatile(".pushsection .kseries_bench, \"a\", @progbits\n"	\
			 "661:\t.asciz \"" what "\"\n\t"			\
			 ".popsection\n\t"					\
			 "nopl 661b(%%rip)" ::: "memory")
#else
#define kseries_mark_(what)	do { } while (0)
#endif

#define kseries_begin(name)	kseries_mark_("B" name)
#define kseries_end(name)	kseries_mark_("E" name)

/* The number, from its first bit on: doubled for each, and one more for a 1. */
#define kseries_ops(name, count)						\
	do {									\
		unsigned long long kseries_count_ = (count);			\
		int kseries_bit_;						\
										\
		kseries_mark_("O" name);					\
		for (kseries_bit_ = 63; kseries_bit_ >= 0; kseries_bit_--) {	\
			kseries_mark_("D");					\
			if (kseries_count_ >> kseries_bit_ & 1)			\
				kseries_mark_("I");				\
		}								\
	} while (0)

#endif /* KSERIES_BENCH_H */
