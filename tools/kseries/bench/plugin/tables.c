// SPDX-License-Identifier: GPL-2.0
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "sections.h"
#include "tables.h"

#define NAME_MAX_LEN	"511"	/* of a word, as scanf() is told it */
#define WORD		512

const char *const layer_names[LAYERS] = {
	[USER] = "user",
	[SYSCALL] = "syscall",
	[HARDIRQ] = "hardirq",
	[SOFTIRQ] = "softirq",
	[TIMER] = "timer",
	[POLL] = "poll",
	[POLL_RX] = "poll-rx",
	[POLL_TX] = "poll-tx",
	[DMA] = "dma",
	[STEER] = "steer",
	[DROP] = "drop",
};

struct function *functions;
int function_count;

static int function_room;
static char message[WORD + 64];

static const char *wrong(const char *what, const char *line)
{
	snprintf(message, sizeof(message), "%s: %.400s", what, line);
	message[strcspn(message, "\n")] = 0;
	return message;
}

static int by_address(const void *a, const void *b)
{
	const struct function *one = a, *other = b;

	return one->address < other->address ? -1 : one->address > other->address;
}

static const char *add_function(bool in_program, uint64_t address, const char *name)
{
	if (function_count == function_room) {
		function_room = function_room ? 2 * function_room : 65536;
		functions = realloc(functions, function_room * sizeof(*functions));
		if (!functions)
			return "no memory";
	}
	functions[function_count++] = (struct function) {
		.address = address,
		.name = strdup(name),
		.in_program = in_program,
	};
	return NULL;
}

int find_function(uint64_t address)
{
	int low = 0, high = function_count - 1, middle;

	while (low < high) {
		middle = (low + high + 1) / 2;
		if (functions[middle].address <= address)
			low = middle;
		else
			high = middle - 1;
	}
	return low;
}

/* A compiler may have made several of one. Gives how many there are. */
static int set_entry(const char *name, enum entry_kind kind, enum layer layer,
		     const char *caller)
{
	int i, count = 0;

	for (i = 0; i < function_count; i++) {
		struct function *function = &functions[i];

		if (function->in_program || strcmp(function->name, name))
			continue;
		function->kind = kind;
		function->layer = layer;
		function->caller = *caller ? strdup(caller) : NULL;
		count++;
	}
	return count;
}

static const char *add_layer(const char *line)
{
	char layer_name[WORD], name[WORD], caller[WORD] = "";
	int layer;

	if (sscanf(line, "layer %" NAME_MAX_LEN "s %" NAME_MAX_LEN "s %" NAME_MAX_LEN "s",
		   layer_name, name, caller) < 2)
		return wrong("cannot be read", line);
	for (layer = 0; layer < LAYERS; layer++) {
		if (!strcmp(layer_name, layer_names[layer]))
			break;
	}
	if (layer == LAYERS)
		return wrong("no such layer", line);
	/* What a kernel lacks does not run. */
	set_entry(name, ENTRY_LAYER, layer, caller);
	return NULL;
}

static const char *add_line(const char *line)
{
	uint64_t address;
	char name[WORD];

	if (sscanf(line, "kernel %" SCNx64 " %" NAME_MAX_LEN "s", &address, name) == 2)
		return add_function(false, address, name);
	if (sscanf(line, "program %" SCNx64 " %" NAME_MAX_LEN "s", &address, name) == 2)
		return add_function(true, address, name);
	if (!strncmp(line, "layer ", strlen("layer ")))
		return add_layer(line);
	if (sscanf(line, "receives %" NAME_MAX_LEN "s", name) == 1) {
		set_entry(name, ENTRY_RECEIVES, SYSCALL, "");
		return NULL;
	}
	if (sscanf(line, "timer %" NAME_MAX_LEN "s", name) == 1) {
		set_entry(name, ENTRY_TIMER, SYSCALL, "");
		return NULL;
	}
	if (sscanf(line, "mark %" SCNx64 " %" NAME_MAX_LEN "s", &address, name) == 2)
		return sections_add(address, *name, name + 1);
	if (sscanf(line, "switch %" NAME_MAX_LEN "s", name) == 1)
		return set_entry(name, ENTRY_SWITCH, SYSCALL, "") == 1 ?
		       NULL : wrong("has to be there once", line);
	return wrong("cannot be read", line);
}

const char *read_tables(const char *path)
{
	FILE *file = fopen(path, "r");
	const char *told = NULL;
	char line[4 * WORD];

	if (!file)
		return wrong("cannot be opened", path);
	while (!told && fgets(line, sizeof(line), file))
		told = add_line(line);
	fclose(file);
	if (!told && !function_count)
		told = wrong("has no functions", path);
	if (!told)
		qsort(functions, function_count, sizeof(*functions), by_address);
	return told;
}
