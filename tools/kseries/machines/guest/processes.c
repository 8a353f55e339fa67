// SPDX-License-Identifier: GPL-2.0
/*
 * The processes that descend from this one, whoever started them: what loses its parent becomes a
 * child of this one, which is the first program of the machine or a subreaper.
 */
#include <dirent.h>
#include <fcntl.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "processes.h"

#define PROCESSES_MAX 65536
#define PID_MAX (1 << 22)

/* The parent of a process; 0 when it has ended. */
static int parent_of(int pid)
{
	char name[32], text[1024], *end;
	int fd, parent = 0, threads = 0;
	ssize_t len;

	snprintf(name, sizeof(name), "/proc/%d/stat", pid);
	fd = open(name, O_RDONLY | O_CLOEXEC);
	if (fd < 0)
		return 0;
	len = read(fd, text, sizeof(text) - 1);
	close(fd);
	text[len > 0 ? len : 0] = 0;
	/* "7 (name) S 1 …"; the name can hold anything. Of the rest, the 17th is of threads. */
	end = strrchr(text, ')');
	if (!end || end[1] != ' ' || !end[2] || end[3] != ' ')
		return 0;
	if (sscanf(end + 4,
		   "%d %*d %*d %*d %*d %*u %*u %*u %*u %*u %*u %*u %*d %*d %*d %*d %d",
		   &parent, &threads) != 2)
		return 0;
	/* A zombie with more threads than itself waits for one that has not ended. */
	if (end[2] == 'X' || (end[2] == 'Z' && threads < 2))
		return 0;
	return parent;
}

int signal_descendants(int signal)
{
	static int parents[PID_MAX], pids[PROCESSES_MAX];
	int count = 0, found = 0, self = getpid();
	struct dirent *entry;
	DIR *proc = opendir("/proc");

	while (proc && count < PROCESSES_MAX && (entry = readdir(proc))) {
		int pid = atoi(entry->d_name);

		if (pid <= 0 || pid >= PID_MAX)
			continue;
		parents[pid] = parent_of(pid);
		pids[count++] = pid;
	}
	if (proc)
		closedir(proc);
	for (int i = 0; i < count; i++) {
		int above = parents[pids[i]];

		for (int depth = 0; above > 1 && above != self && depth < 1000; depth++)
			above = above < PID_MAX ? parents[above] : 0;
		if (above == self && kill(pids[i], signal) == 0)
			found++;
	}
	for (int i = 0; i < count; i++)
		parents[pids[i]] = 0;
	return found;
}
