// SPDX-License-Identifier: GPL-2.0
#include <linux/export.h>
#include <linux/kernel.h>
#include <linux/kseries_mutants.h>
#include <linux/mm.h>
#include <linux/moduleparam.h>
#include <linux/string.h>

int kseries_mutant_on;
EXPORT_SYMBOL_GPL(kseries_mutant_on);
unsigned char kseries_mutants_reached[KSERIES_MUTANTS + 1];
EXPORT_SYMBOL_GPL(kseries_mutants_reached);

/* Four mutants in a hex digit: a page holds some 16,000. */
static int reached_get(char *buffer, const struct kernel_param *kp)
{
	int length = 0;
	int digit, bit;

	for (digit = 0; digit <= KSERIES_MUTANTS / 4; digit++) {
		unsigned int bits = 0;

		for (bit = 0; bit < 4 && 4 * digit + bit <= KSERIES_MUTANTS; bit++)
			bits |= kseries_mutants_reached[4 * digit + bit] << bit;
		length += scnprintf(buffer + length, PAGE_SIZE - length, "%x", bits);
	}
	return length + scnprintf(buffer + length, PAGE_SIZE - length, "\n");
}

static int reached_set(const char *value, const struct kernel_param *kp)
{
	memset(kseries_mutants_reached, 0, sizeof(kseries_mutants_reached));
	return 0;
}

static const struct kernel_param_ops reached_ops = {
	.get = reached_get,
	.set = reached_set,
};

module_param_named(mutant, kseries_mutant_on, int, 0644);
module_param_cb(reached, &reached_ops, NULL, 0644);
