// SPDX-License-Identifier: GPL-2.0
#include <inttypes.h>
#include <stdarg.h>
#include <stdlib.h>
#include <string.h>

#include "sections.h"

#define MOST_MARKS	4096

struct section {
	char		*name;
	uint64_t	passes;
	uint64_t	operations;
	int		open;		/* tasks that are in it */
	char		wrong[256];	/* the first thing that is */
};

int section_count = 1;

static struct section sections[MOST_SECTIONS] = { { .name = "" } };
static struct mark marks[MOST_MARKS];
static int mark_count;

/* The number of operations that is being told: by whom, of which section. */
static struct {
	const struct task	*task;
	struct section		*section;
	uint64_t		before;
	uint64_t		number;
} told;

static int find_section(const char *name)
{
	int i;

	for (i = 1; i < section_count; i++) {
		if (!strcmp(sections[i].name, name))
			return i;
	}
	if (section_count == MOST_SECTIONS)
		return 0;
	sections[section_count].name = strdup(name);
	return section_count++;
}

const char *sections_add(uint64_t address, char kind, const char *name)
{
	int section = *name ? find_section(name) : 0;

	if (*name && !section)
		return "too many sections";
	if (mark_count == MOST_MARKS)
		return "too many marks";
	marks[mark_count++] = (struct mark) {
		.address = address, .kind = kind, .section = section,
	};
	return NULL;
}

const struct mark *sections_find(uint64_t address)
{
	int i;

	for (i = 0; i < mark_count; i++) {
		if (marks[i].address == address)
			return &marks[i];
	}
	return NULL;
}

static void __attribute__((format(printf, 2, 3)))
is_wrong(struct section *section, const char *format, ...)
{
	va_list words;

	if (*section->wrong)
		return;
	va_start(words, format);
	vsnprintf(section->wrong, sizeof(section->wrong), format, words);
	va_end(words);
}

void sections_begin(void)
{
	int i;

	for (i = 0; i < section_count; i++) {
		char *name = sections[i].name;

		memset(&sections[i], 0, sizeof(sections[i]));
		sections[i].name = name;
	}
	memset(&told, 0, sizeof(told));
}

void sections_end(void)
{
	int i;

	for (i = 1; i < section_count; i++) {
		if (sections[i].open)
			is_wrong(&sections[i], "it is begun and not ended");
	}
}

static void begin(struct task *task, int which)
{
	struct section *section = &sections[which], *outer = &sections[task->section];

	if (task->section) {
		is_wrong(section, "it is begun within %s", outer->name);
		is_wrong(outer, "%s is begun within it", section->name);
		return;
	}
	task->section = which;
	section->passes++;
	section->open++;
}

static void end(struct task *task, int which)
{
	struct section *section = &sections[which];

	if (task->section == which) {
		task->section = 0;
		section->open--;
	} else if (task->section) {
		is_wrong(section, "it is ended within %s", sections[task->section].name);
	} else {
		is_wrong(section, "it is ended by a task that has not begun it");
	}
}

/* Bits come one by one, and another task may have its own. */
static void tell(const struct task *task, uint64_t number)
{
	if (!told.section)
		return;
	if (told.task != task)
		is_wrong(told.section, "two tasks tell operations at the same time");
	told.number = number;
	told.section->operations = told.before + number;
}

void sections_pass(struct task *task, const struct mark *mark)
{
	struct section *section = &sections[mark->section];

	switch (mark->kind) {
	case 'B':
		begin(task, mark->section);
		break;
	case 'E':
		end(task, mark->section);
		break;
	case 'O':
		told.task = task;
		told.section = section;
		told.before = section->operations;
		told.number = 0;
		break;
	case 'D':
		tell(task, 2 * told.number);
		break;
	case 'I':
		tell(task, told.number + 1);
		break;
	}
}

void sections_born(struct task *task)
{
	if (task->section) {
		is_wrong(&sections[task->section], "the task that began it is gone");
		sections[task->section].open--;
	}
	task->section = 0;
	task->role = OTHER;
}

int sections_of(const struct task *task)
{
	int i, found = 0;

	if (task->section)
		return task->section;
	for (i = 1; i < section_count; i++) {
		if (!sections[i].open)
			continue;
		if (found)
			return 0;
		found = i;
	}
	return found;
}

void sections_write(FILE *file, int which)
{
	const struct section *section = &sections[which];

	fprintf(file, "section %s %" PRIu64 " %" PRIu64 "\n", section->name, section->passes,
		section->operations);
	if (*section->wrong)
		fprintf(file, "wrong %s\n", section->wrong);
}
