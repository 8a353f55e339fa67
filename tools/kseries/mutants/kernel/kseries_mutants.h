/* SPDX-License-Identifier: GPL-2.0 */
#ifndef _LINUX_KSERIES_MUTANTS_H
#define _LINUX_KSERIES_MUTANTS_H

#define KSERIES_MUTANTS @COUNT@

extern int kseries_mutant_on;
extern unsigned char kseries_mutants_reached[KSERIES_MUTANTS + 1];

#ifdef KSERIES_SHOW
/* Have the compiler name each switch that it comes by. */
#define kseries_mutant(number) ({ _Static_assert(0, "kseries mutant " #number); 0; })
#else
static inline __attribute__((always_inline)) int kseries_mutant(int number)
{
	if (!kseries_mutants_reached[number])
		kseries_mutants_reached[number] = 1;
	return __builtin_expect(kseries_mutant_on == number, 0);
}
#endif

/* A value as of a narrower type. It is no C for a pointer, and where nothing is lost. */
#define kseries_narrow(number, type, value) ({	\
	_Static_assert(__builtin_classify_type(value) == 1 && sizeof(value) > sizeof(type), \
		       "nothing is lost: kseries mutant " #number); \
	(__typeof__(value))(type)(value); \
})

#endif
