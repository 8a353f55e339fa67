// SPDX-License-Identifier: GPL-2.0
#include <string.h>

#include "code.h"

#define MARKS	0x6b736200U	/* BENCH_MARKS */
#define MOST	4U		/* of them */

bool is_call(const unsigned char *code, size_t size)
{
	if (size && (code[0] & 0xf0) == 0x40) {	/* REX */
		code++;
		size--;
	}
	return (size == 5 && code[0] == 0xe8) ||
	       (size >= 2 && code[0] == 0xff && (code[1] & 0x38) == 0x10);
}

bool is_trap(const unsigned char *code, size_t size)
{
	return size == 2 && code[0] == 0x0f && code[1] == 0x05;
}

bool is_return(const unsigned char *code, size_t size)
{
	if (size && code[0] == 0xf3) {	/* rep, which does nothing */
		code++;
		size--;
	}
	if (size == 3 && code[0] == 0x48 && code[1] == 0x0f && code[2] == 0x07)
		return true;		/* sysretq */
	return (size == 1 && code[0] == 0xc3) || (size == 3 && code[0] == 0xc2) ||
	       is_resume(code, size);
}

bool is_resume(const unsigned char *code, size_t size)
{
	return size == 2 && code[0] == 0x48 && code[1] == 0xcf;
}

uint64_t target_of(const unsigned char *code, size_t size, uint64_t end)
{
	int32_t distance;

	if (size != 5 || code[0] != 0xe8)
		return 0;
	memcpy(&distance, code + 1, sizeof(distance));
	return end + distance;
}

unsigned int mark_in(const unsigned char *code, size_t size)
{
	static const unsigned char nopl[] = { 0x0f, 0x1f, 0x80 };
	uint32_t operand;

	if (size != sizeof(nopl) + sizeof(operand) || memcmp(code, nopl, sizeof(nopl)))
		return 0;
	memcpy(&operand, code + sizeof(nopl), sizeof(operand));
	return operand > MARKS && operand <= MARKS + MOST ? operand - MARKS : 0;
}

uint64_t place_in(const unsigned char *code, size_t size, uint64_t end)
{
	static const unsigned char nopl[] = { 0x0f, 0x1f, 0x05 };
	int32_t distance;

	if (size != sizeof(nopl) + sizeof(distance) || memcmp(code, nopl, sizeof(nopl)))
		return 0;
	memcpy(&distance, code + sizeof(nopl), sizeof(distance));
	return end + distance;
}

bool is_halt(const unsigned char *code, size_t size)
{
	return size == 1 && code[0] == 0xf4;
}

bool loads_stack(const unsigned char *code, size_t size)
{
	return size == 7 && code[0] == 0x48 && code[1] == 0x8b && code[2] == 0xa6;
}
