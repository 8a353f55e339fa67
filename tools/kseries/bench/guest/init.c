// SPDX-License-Identifier: GPL-2.0
/*
 * The first and only program of a guest that measures: it runs the commands in
 * /command, one after the other, whose output goes to the second serial port,
 * and powers off.
 */
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mount.h>
#include <sys/reboot.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <termios.h>
#include <unistd.h>

#define COMMAND		"/command"	/* words, each with a NUL; "" between two */
#define CONSOLE		"/dev/ttyS0"
#define ANSWER		"/dev/ttyS1"
#define MOST_WORDS	1024

static const struct {
	const char	*type;
	const char	*place;
} mounts[] = {
	{ "proc", "/proc" },
	{ "sysfs", "/sys" },
	{ "devtmpfs", "/dev" },
	{ "debugfs", "/sys/kernel/debug" },
	{ "tmpfs", "/tmp" },
};

static void mount_all(void)
{
	unsigned int i;

	for (i = 0; i < sizeof(mounts) / sizeof(*mounts); i++) {
		mkdir(mounts[i].place, 0755);
		/* One that the kernel lacks is missed by who wants it. */
		mount(mounts[i].type, mounts[i].place, mounts[i].type, 0, NULL);
	}
}

static int open_port(const char *name)
{
	struct termios settings;
	int fd = open(name, O_RDWR | O_NOCTTY);

	if (fd >= 0 && !tcgetattr(fd, &settings)) {
		cfmakeraw(&settings);
		tcsetattr(fd, TCSANOW, &settings);
	}
	return fd;
}

/* Give how many words there are; each command ends in NULL, and so do all. */
static int read_commands(char **words)
{
	static char text[65536];
	int fd = open(COMMAND, O_RDONLY);
	ssize_t size = fd < 0 ? -1 : read(fd, text, sizeof(text) - 1);
	char *word = text;
	int count = 0;

	for (; word < text + size && count < MOST_WORDS - 2; word += strlen(word) + 1)
		words[count++] = *word ? word : NULL;
	words[count] = NULL;
	words[count + 1] = NULL;
	return count;
}

static int run(char **words, int answer)
{
	pid_t pid = fork();
	int status;

	if (!pid) {
		dup2(answer, STDOUT_FILENO);
		execv(words[0], words);
		fprintf(stderr, "%s: %s\n", words[0], strerror(errno));
		_exit(127);
	}
	if (pid < 0 || waitpid(pid, &status, 0) != pid)
		return -1;
	return WIFEXITED(status) ? WEXITSTATUS(status) : 128 + WTERMSIG(status);
}

int main(void)
{
	char *words[MOST_WORDS];
	int console, answer, i;

	mount_all();
	console = open_port(CONSOLE);
	dup2(console, STDIN_FILENO);
	dup2(console, STDOUT_FILENO);
	dup2(console, STDERR_FILENO);
	answer = open_port(ANSWER);
	if (answer >= 0 && read_commands(words)) {
		for (i = 0; words[i]; i++) {
			dprintf(answer, "exit %d\n", run(words + i, answer));
			while (words[i])
				i++;
		}
		tcdrain(answer);
	}
	sync();
	reboot(RB_POWER_OFF);
	return 1;
}
