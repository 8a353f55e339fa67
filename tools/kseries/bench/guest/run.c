// SPDX-License-Identifier: GPL-2.0
/*
 * Run a program some times over, each time between marks, and tell how each run
 * ended, what the clock says that it took, and the end of what it printed:
 *
 *	run COUNT PROGRAM [ARGUMENT]...
 *
 *	run NUMBER exit|signal|left VALUE ticks TICKS printed BYTES
 *	> LINE
 *
 * "left": it ended and has left processes behind. What it prints goes to memory,
 * so that it costs what a file costs and no port has to be written to meanwhile.
 */
#include <errno.h>
#include <fcntl.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mount.h>
#include <sys/prctl.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>

#define PLACE	"/output"
#define PRINTED	PLACE "/printed"
#define MOST	"size=16m"	/* that is kept; a program is told that there is no room */
#define SHOWN	2048		/* bytes from the end */

static int fail(const char *what)
{
	fprintf(stderr, "run: %s: %s\n", what, strerror(errno));
	return 1;
}

static void start(char **words, int printed)
{
	int nothing = open("/dev/null", O_RDONLY);

	dup2(nothing, STDIN_FILENO);
	dup2(printed, STDOUT_FILENO);
	dup2(printed, STDERR_FILENO);
	close_range(STDERR_FILENO + 1, ~0U, 0);
	if (!chdir("/tmp"))
		execv(words[0], words);
	fprintf(stderr, "%s: %s\n", words[0], strerror(errno));
	_exit(127);
}

/* Whoever is left is ended. Gives whether anybody was. */
static int end_others(void)
{
	int left = 0;

	while (!waitpid(-1, NULL, WNOHANG)) {
		left = 1;
		kill(-1, SIGKILL);
		waitpid(-1, NULL, 0);
	}
	return left;
}

static void show(int printed, off_t size)
{
	static char text[SHOWN + 1];
	off_t from = size > SHOWN ? size - SHOWN : 0;
	ssize_t got = pread(printed, text, SHOWN, from);
	char *line, *rest = text;

	if (got <= 0)
		return;
	text[got] = 0;
	while ((line = strsep(&rest, "\n"))) {
		if (*line || rest)
			printf("> %s\n", line);
	}
}

static int run(int number, char **words, int printed)
{
	unsigned long long begin, end;
	struct stat stat = {};
	const char *how;
	int status, value;
	pid_t pid;

	if (ftruncate(printed, 0) || lseek(printed, 0, SEEK_SET))
		return fail(PRINTED);
	fflush(stdout);
	begin = __builtin_ia32_rdtsc();
	bench_mark(BENCH_BEGIN);
	pid = fork();
	if (!pid)
		start(words, printed);
	if (pid < 0 || waitpid(pid, &status, 0) != pid)
		return fail("fork");
	bench_mark(BENCH_END);
	end = __builtin_ia32_rdtsc();
	how = WIFEXITED(status) ? "exit" : "signal";
	value = WIFEXITED(status) ? WEXITSTATUS(status) : WTERMSIG(status);
	if (end_others() && !status)
		how = "left";
	fstat(printed, &stat);
	printf("run %d %s %d ticks %llu printed %lld\n", number, how, value, end - begin,
	       (long long)stat.st_size);
	show(printed, stat.st_size);
	return status != 0;
}

int main(int argc, char **argv)
{
	int printed, i;

	if (argc < 3)
		return 2;
	mkdir(PLACE, 0755);
	if (mount("tmpfs", PLACE, "tmpfs", 0, MOST))
		return fail(PLACE);
	printed = open(PRINTED, O_RDWR | O_CREAT | O_APPEND, 0644);
	if (printed < 0)
		return fail(PRINTED);
	prctl(PR_SET_CHILD_SUBREAPER, 1);
	for (i = 0; i < atoi(argv[1]); i++) {
		if (run(i, argv + 2, printed))
			break;
	}
	return 0;
}
