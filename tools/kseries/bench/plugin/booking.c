// SPDX-License-Identifier: GPL-2.0
#include <inttypes.h>
#include <stdlib.h>
#include <string.h>

#include "booking.h"
#include "calls.h"
#include "sections.h"

#define FAULTS	8	/* that are told */

static const char *const role_names[ROLES] = {
	[OTHER] = "other",
	[SENDER] = "sender",
	[RECEIVER] = "receiver",
};

struct events events;

typedef uint64_t counts[ROLES][LAYERS];

/* By node. */
static struct {
	counts	*counts;
	int	room;
} booked[MOST_SECTIONS];

static counts *together;			/* by function, when it is written */

/* What the present poll has executed. */
static struct polled {
	int	section;
	int	node;
} *polled;
static int polled_count, polled_room;

static bool goes_on;
static uint64_t faults;
static char *told[FAULTS];

const char *booking_open(void)
{
	together = calloc(function_count, sizeof(*together));
	return together ? NULL : "no memory";
}

/* Room for another one, as there may be so many. */
static void *grown(void *place, int *room, int wanted, size_t size)
{
	int more = *room ? *room : 4096;

	while (more <= wanted)
		more *= 2;
	place = realloc(place, more * size);
	if (!place)
		abort();
	memset((char *)place + *room * size, 0, (more - *room) * size);
	*room = more;
	return place;
}

void booking_begin(void)
{
	int i;

	for (i = 0; i < section_count; i++) {
		if (booked[i].room)
			memset(booked[i].counts, 0, booked[i].room * sizeof(counts));
	}
	memset(&events, 0, sizeof(events));
	polled_count = 0;
	faults = 0;
	goes_on = true;
}

void booking_end(void)
{
	goes_on = false;
}

bool booking_goes_on(void)
{
	return goes_on;
}

void book(int section, enum role role, enum layer layer, int node, uint64_t count)
{
	uint64_t *place;

	if (!goes_on || !count)
		return;
	if (node >= booked[section].room)
		booked[section].counts = grown(booked[section].counts, &booked[section].room, node,
					       sizeof(counts));
	place = &booked[section].counts[node][role][layer];
	if (layer == POLL && !*place) {
		if (polled_count >= polled_room)
			polled = grown(polled, &polled_room, polled_count, sizeof(*polled));
		polled[polled_count++] = (struct polled) { section, node };
	}
	*place += count;
}

void book_poll(enum role role, bool receives)
{
	int i;

	for (i = 0; i < polled_count; i++) {
		uint64_t *places = booked[polled[i].section].counts[polled[i].node][role];

		places[receives ? POLL_RX : POLL_TX] += places[POLL];
		places[POLL] = 0;
	}
	polled_count = 0;
	if (receives)
		events.polls_rx++;
	else
		events.polls_tx++;
}

void booking_fault(const char *what, const char *where)
{
	if (!goes_on)
		return;
	if (faults < FAULTS) {
		free(told[faults]);
		if (asprintf(&told[faults], "%s %s", what, where) < 0)
			told[faults] = NULL;
	}
	faults++;
}

static uint64_t write_function(FILE *file, int function)
{
	uint64_t count, total = 0;
	int role, layer;

	for (role = 0; role < ROLES; role++) {
		for (layer = 0; layer < LAYERS; layer++) {
			count = together[function][role][layer];
			if (!count)
				continue;
			fprintf(file, "count %s %s %" PRIu64 " %s\n", role_names[role],
				layer_names[layer], count, functions[function].name);
			total += count;
		}
	}
	return total;
}

static void add_up(int section)
{
	int node, role, layer;

	memset(together, 0, function_count * sizeof(*together));
	for (node = 1; node < node_count && node < booked[section].room; node++) {
		for (role = 0; role < ROLES; role++) {
			for (layer = 0; layer < LAYERS; layer++)
				together[nodes[node].function][role][layer] +=
					booked[section].counts[node][role][layer];
		}
	}
}

static uint64_t write_section(FILE *file, int section)
{
	uint64_t total = 0;
	int n;

	add_up(section);
	for (n = 0; n < function_count; n++)
		total += write_function(file, n);
	return total;
}

static void write_spent(FILE *file, counts *counts)
{
	int role, layer;

	for (role = 0; role < ROLES; role++) {
		for (layer = 0; layer < LAYERS; layer++) {
			if ((*counts)[role][layer])
				fprintf(file, "spent %s %s %" PRIu64 "\n", role_names[role],
					layer_names[layer], (*counts)[role][layer]);
		}
	}
}

/* Nodes that something was booked on, and those above them: each stands behind its parent. */
static void write_calls(FILE *file, int section)
{
	static const counts nothing;
	counts *of = booked[section].counts;
	int node, end = node_count < booked[section].room ? node_count : booked[section].room;
	bool *told = calloc(node_count, sizeof(*told));

	if (!told)
		abort();
	for (node = end - 1; node > 0; node--) {
		told[node] |= memcmp(&of[node], &nothing, sizeof(nothing)) != 0;
		if (told[node])
			told[nodes[node].parent] = true;
	}
	for (node = 1; node < end; node++) {
		if (!told[node])
			continue;
		fprintf(file, "node %d %d %s\n", node, nodes[node].parent,
			functions[nodes[node].function].name);
		write_spent(file, &of[node]);
	}
	free(told);
}

void booking_write(FILE *file)
{
	uint64_t total, i;
	int n;

	fprintf(file, "segment\n");
	total = write_section(file, 0);
	fprintf(file, "event switches %" PRIu64 "\n", events.switches);
	fprintf(file, "event halts %" PRIu64 "\n", events.halts);
	fprintf(file, "event exceptions %" PRIu64 "\n", events.exceptions);
	fprintf(file, "event polls-rx %" PRIu64 "\n", events.polls_rx);
	fprintf(file, "event polls-tx %" PRIu64 "\n", events.polls_tx);
	for (n = HARDIRQ; n < LAYERS; n++) {
		if (events.entries[n])
			fprintf(file, "event enter-%s %" PRIu64 "\n", layer_names[n],
				events.entries[n]);
	}
	for (i = 0; i < faults && i < FAULTS; i++)
		fprintf(file, "fault %s\n", told[i] ? told[i] : "no memory");
	/* Who called whom is told of sections where there are some, else of the whole. */
	if (section_count == 1)
		write_calls(file, 0);
	fprintf(file, "faults %" PRIu64 "\n", faults);
	for (n = 1; n < section_count; n++) {
		sections_write(file, n);
		total += write_section(file, n);
		write_calls(file, n);
	}
	fprintf(file, "total %" PRIu64 "\n", total);
	fflush(file);
}
