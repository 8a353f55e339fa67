/* SPDX-License-Identifier: GPL-2.0 */
/* What an instruction is, as far as it matters; of 64 bit code. */
#ifndef CODE_H
#define CODE_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

/* call, or call through a register or memory. */
bool is_call(const unsigned char *code, size_t size);

/* system call */
bool is_trap(const unsigned char *code, size_t size);

/* ret, or the return from a system call or an interrupt. */
bool is_return(const unsigned char *code, size_t size);

/* The return from an interrupt. */
bool is_resume(const unsigned char *code, size_t size);

/* Where a call to a fixed place goes, else 0. end: the address behind it. */
uint64_t target_of(const unsigned char *code, size_t size, uint64_t end);

/* nopl MARK(%rax): give the mark's number, else 0. */
unsigned int mark_in(const unsigned char *code, size_t size);

/* nopl PLACE(%rip): give the place, else 0. end: the address behind it. */
uint64_t place_in(const unsigned char *code, size_t size, uint64_t end);

/* hlt */
bool is_halt(const unsigned char *code, size_t size);

/* mov DISPLACEMENT(%rsi), %rsp */
bool loads_stack(const unsigned char *code, size_t size);

#endif /* CODE_H */
