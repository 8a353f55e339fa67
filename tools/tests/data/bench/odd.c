// SPDX-License-Identifier: GPL-2.0
/* A program that does with its sections whatever the first argument of the compiler says. */
#include <kseries_bench.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

#ifdef SECTIONS
static void ping(int in, int out, int times)
{
	char byte = 0;

	while (times--) {
		if (read(in, &byte, 1) != 1 || write(out, &byte, 1) != 1)
			_exit(1);
	}
}

/* A byte goes to a child and back: what the child does is a part of it. */
static int talk(int times)
{
	int to[2], from[2], i, status;
	char byte = 0;
	pid_t child;

	if (pipe(to) || pipe(from))
		return 1;
	child = fork();
	if (!child) {
		ping(to[0], from[1], times);
		_exit(0);
	}
	kseries_begin("talk");
	for (i = 0; i < times; i++) {
		if (write(to[1], &byte, 1) != 1 || read(from[0], &byte, 1) != 1)
			return 1;
	}
	kseries_end("talk");
	kseries_ops("talk", times);
	return waitpid(child, &status, 0) != child || status;
}
#endif

int main(void)
{
	int i;

	kseries_begin("getpid");
	for (i = 0; i < 100; i++)
		syscall(SYS_getpid);
	kseries_end("getpid");
	kseries_ops("getpid", 100);
#ifdef SECTIONS
	for (i = 0; i < 3; i++) {
		kseries_begin("passes");
		syscall(SYS_getpid);
		kseries_end("passes");
	}
	kseries_begin("outer");
	kseries_begin("inner");
	kseries_end("inner");
	kseries_end("outer");
	kseries_end("passed");
	if (getpid() < 0)
		kseries_begin("passed");
	kseries_begin("open");
	if (!fork()) {
		kseries_end("stranger");
		_exit(0);
	}
	wait(NULL);
	return talk(200);
#endif
#ifdef FAILS
	fprintf(stderr, "no such luck\n");
	return 3;
#endif
#ifdef DIES
	raise(SIGSEGV);
#endif
#ifdef HANGS
	pause();
#endif
#ifdef LEAVES
	if (!fork())
		pause();
#endif
#ifdef PRINTS
	static char line[1 << 16];

	memset(line, 'x', sizeof(line));
	kseries_begin("print");
	for (i = 0; i < 400; i++) {
		if (write(STDOUT_FILENO, line, sizeof(line)) < 0)
			break;
	}
	kseries_end("print");
	kseries_begin("sleep");
	nanosleep(&(struct timespec) { .tv_nsec = 1000000 }, NULL);
	kseries_end("sleep");
#endif
	return 0;
}
